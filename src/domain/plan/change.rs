//! Which reference a place of a template gets, so that it asks for the content that is meant.

use std::sync::Arc;

use super::content::{self, Presences, Run};
use super::{Change, ContentOf, To};
use crate::domain::diagnosis::{Item, Verdict};
use crate::domain::floating::is_floating;
use crate::domain::history::Changed;
use crate::domain::template::{Replacement, Slot};
use crate::domain::workload::{PullPolicy, Role};
use crate::domain::{Digest, Reference};

/// A place of a template, and what is known of it.
#[derive(Debug, Clone)]
pub struct Place<'a> {
    /// The place.
    pub slot: &'a Slot,
    /// Its reference; with the registry in it in which the runtime found a short name. `None` where it cannot be parsed.
    pub reference: Option<Reference>,
    /// How the workload brings a change to its pods.
    pub replacement: &'a Replacement,
    /// Its row of the diagnosis, where pods run.
    pub item: Option<&'a Item>,
    /// What the reference's tag serves now (a digest without a tag: that digest), or why that is not known.
    pub served: Result<Digest, String>,
    /// What the pods run.
    pub runs: Vec<Run>,
    /// Which of these digests the reference's repository has.
    pub presences: Presences,
    /// What our last change did here.
    pub last: Option<&'a Changed>,
    /// It runs what it should under a name that stays, and nobody asked for another one.
    pub settled: bool,
}

/// The tag that the content is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The tag.
    pub tag: String,
    /// What it holds now; `None`: it is free.
    pub holds: Option<Digest>,
    /// Why this one, where it was proposed.
    pub evidence: Option<String>,
    /// What the one who proposed it has to say.
    pub warnings: Vec<String>,
}

/// Why a place cannot be changed as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// One sentence.
    pub reason: String,
    /// The way out, where there is one.
    pub hint: Option<String>,
}

impl Refusal {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The content that a place is to ask for: a digest of its reference's repository.
///
/// # Errors
/// Why it cannot be told.
pub fn wanted(place: &Place<'_>, content: ContentOf) -> Result<Digest, Refusal> {
    content::wanted(content, &place.served, &place.runs, &place.presences).map_err(Refusal::new)
}

/// Whether our last change made the place what it is, and its tag still stands for the same: then a command that was
/// interrupted, or given twice, has nothing more to change. Only a proposed name needs this; every other one is told
/// by the reference itself.
#[must_use]
pub fn is_done(place: &Place<'_>, wanted: &Digest) -> bool {
    place.settled || ours(place, wanted).is_some()
}

/// Our last change, if it made the place what it is and brought this content.
fn ours<'a>(place: &Place<'a>, wanted: &Digest) -> Option<&'a Changed> {
    place.last.filter(|last| last.to == *place.slot.image && last.digest == *wanted)
}

/// Plans one place. `name` is the tag that was found for it, where the way asks for one.
///
/// # Errors
/// Why it cannot be changed so.
pub fn change(place: &Place<'_>, to: &To, content: ContentOf, name: Option<&Name>) -> Result<Change, Refusal> {
    let slot = place.slot;
    let unparsable = || format!("its image reference `{}` cannot be parsed", slot.image);
    let reference = place.reference.as_ref().ok_or_else(unparsable);
    in_place(place, to)?;
    let mut warnings = name.map(|name| name.warnings.clone()).unwrap_or_default();
    // What is replaced as a whole may be anything.
    let given = to.given(&slot.container.name);
    if let (Some(given), Some(Name { holds: Some(digest), .. })) = (given, name) {
        warnings.extend(given.resolved_tag().filter(|_| given.digest().is_none()).and_then(|tag| moves(&tag)));
        let back = reference.and_then(|reference| content::way_back(reference, &place.runs, &place.presences));
        let change = changed(place, given.original().to_owned(), digest.clone(), None, back, warnings);
        return Ok(Change { given: true, ..change });
    }
    let reference = reference.map_err(Refusal::new)?;
    let (new_image, digest, pull_policy) = match (to, name) {
        (To::Existing(_), Some(Name { tag, holds: Some(digest), .. })) => {
            warnings.extend(moves(tag));
            (reference.with_tag(tag), digest.clone(), None)
        }
        (To::Set(_), _) => return Err(Refusal::new("no image is given to it")),
        (To::Existing(tag), _) => return Err(Refusal::new(format!("the repository has no tag `{tag}`"))),
        (To::Tag(_), None) => {
            let digest = wanted(place, content)?;
            if !is_done(place, &digest) {
                return Err(Refusal::new("no name was found for its content"));
            }
            (slot.image.to_string(), digest, None)
        }
        (To::Tag(_), Some(Name { tag, holds, .. })) => {
            let digest = wanted(place, content)?;
            if let Some(other) = holds.as_ref().filter(|other| **other != digest) {
                return Err(Refusal::new(format!("the tag `{tag}` is taken: it holds {}…", other.short(12)))
                    .hint(format!("choose another name, or switch to what it holds with `--to existing={tag}`")));
            }
            (reference.with_tag(tag), digest, None)
        }
        (To::Digest, _) => {
            let digest = wanted(place, content)?;
            if content == ContentOf::Running && is_one_platform_of_several(place, &digest) {
                warnings.push(
                    "what runs is known by its image for one platform only: pods on nodes of another will not start"
                        .to_owned(),
                );
            }
            (reference.with_digest(&digest), digest, None)
        }
        (To::AlwaysPull, _) => {
            if reference.digest().is_some() {
                return Err(Refusal::new("its reference has a digest, which names the same content at every pull")
                    .hint("choose `--to digest` or `--to tag`"));
            }
            (slot.image.to_string(), wanted(place, ContentOf::Served)?, Some(PullPolicy::Always))
        }
    };
    let back = content::way_back(reference, &place.runs, &place.presences);
    Ok(changed(place, new_image, digest, pull_policy, back, warnings))
}

/// What somebody should know of a tag that others will push again.
fn moves(tag: &str) -> Option<String> {
    let text = || format!("`{tag}` moves by design: what the pods run will depend on when they start");
    is_floating(tag).then(text)
}

/// The change of a place to this reference and content.
fn changed(
    place: &Place<'_>,
    new_image: String,
    digest: Digest,
    pull_policy: Option<PullPolicy>,
    back: Result<String, String>,
    warnings: Vec<String>,
) -> Change {
    let slot = place.slot;
    let done = *new_image == *slot.image
        && pull_policy.is_none_or(|policy| {
            let fresh = |item: &Item| matches!(item.verdict, Verdict::Fresh | Verdict::Rewrapped);
            // What our last change restarted for this very content is done, though its pods may still start.
            let restarted = ours(place, &digest).is_some_and(|last| last.policy.is_some());
            slot.pull_policy == Some(policy) && (restarted || place.item.is_none_or(fresh))
        });
    let (back, no_way_back) = match back {
        Ok(back) => (Some(back), None),
        Err(why) => (None, Some(why)),
    };
    let pod_image = rewritten(place).map(Arc::clone);
    Change {
        container: slot.container.clone(),
        verdict: place.item.map(|item| item.verdict),
        image: Arc::clone(&slot.image),
        pod_image,
        running: place.runs.iter().filter_map(|run| run.digest.clone()).collect(),
        served_digest: place.served.as_ref().ok().cloned(),
        new_image,
        digest,
        pull_policy: pull_policy.filter(|policy| slot.pull_policy != Some(*policy)),
        done,
        given: false,
        back,
        no_way_back,
        warnings,
        slot: slot.clone(),
    }
}

/// The pods' reference, where something on its way made another one of the template's. Pods that were made from an
/// earlier template tell nothing of that.
fn rewritten<'a>(place: &Place<'a>) -> Option<&'a Arc<str>> {
    let item = place.item?;
    let earlier = item.verdict.is_being_replaced() || place.last.is_some_and(|last| *last.from == *item.image);
    (item.image != place.slot.image && !earlier).then_some(&item.image)
}

/// What a pod that runs lets nobody change.
fn in_place(place: &Place<'_>, to: &To) -> Result<(), Refusal> {
    if *place.replacement != Replacement::InPlace {
        return Ok(());
    }
    let again = "delete the pod and create it again with the new reference";
    match (place.slot.container.role, to) {
        (Role::Volume, _) => {
            Err(Refusal::new("an image volume of a pod that runs cannot be changed").hint(again.to_owned()))
        }
        (Role::Init, _) => {
            Err(Refusal::new("an init container of a pod that runs does not run again").hint(again.to_owned()))
        }
        (_, To::AlwaysPull) => Err(Refusal::new("the pull policy of a pod that runs cannot be changed")
            .hint("choose `--to tag` or `--to digest`, which restart the container in place")),
        _ => Ok(()),
    }
}

fn is_one_platform_of_several(place: &Place<'_>, digest: &Digest) -> bool {
    let is = |digest: &Digest, presence: content::Presence| place.presences.get(digest) == Some(&presence);
    let served_is_index = place.served.as_ref().is_ok_and(|served| is(served, content::Presence::Index));
    is(digest, content::Presence::Image) && served_is_index
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::diagnosis::ContainerName;
    use crate::domain::plan::Given;
    use crate::domain::plan::content::Presence;

    fn digest(letter: char) -> Digest {
        format!("sha256:{}", letter.to_string().repeat(64)).parse().unwrap()
    }

    fn slot(image: &str, role: Role) -> Slot {
        Slot {
            container: ContainerName { name: "app".into(), role },
            pointer: "/spec/template/spec/containers/0".to_owned(),
            image: image.into(),
            pull_policy: Some(PullPolicy::IfNotPresent),
        }
    }

    fn place<'a>(slot: &'a Slot, replacement: &'a Replacement) -> Place<'a> {
        Place {
            slot,
            reference: slot.image.parse().ok(),
            replacement,
            item: None,
            served: Ok(digest('5')),
            runs: vec![Run { digest: Some(digest('a')), pods: 2 }],
            presences: Presences::from([(digest('a'), Presence::Image), (digest('5'), Presence::Index)]),
            last: None,
            settled: false,
        }
    }

    fn name(tag: &str, holds: Option<Digest>) -> Name {
        Name { tag: tag.to_owned(), holds, evidence: None, warnings: Vec::new() }
    }

    #[test]
    fn each_way_makes_its_reference() {
        let slot = slot("reg.example.com/app:1.0", Role::Container);
        let place = place(&slot, &Replacement::Rollout);
        let free = name("1.1", None);
        let taken = name("1.1", Some(digest('5')));
        let other = name("2.0", Some(digest('7')));
        for (to, content, name, image, content_digest) in [
            (To::Tag(None), ContentOf::Served, Some(&free), "reg.example.com/app:1.1".to_owned(), '5'),
            (To::Tag(Some("1.1".into())), ContentOf::Served, Some(&taken), "reg.example.com/app:1.1".to_owned(), '5'),
            (To::Tag(None), ContentOf::Running, Some(&free), "reg.example.com/app:1.1".to_owned(), 'a'),
            (To::Existing("2.0".into()), ContentOf::Served, Some(&other), "reg.example.com/app:2.0".to_owned(), '7'),
            (To::Digest, ContentOf::Served, None, format!("reg.example.com/app:1.0@{}", digest('5')), '5'),
            (To::Digest, ContentOf::Running, None, format!("reg.example.com/app:1.0@{}", digest('a')), 'a'),
            (To::AlwaysPull, ContentOf::Served, None, "reg.example.com/app:1.0".to_owned(), '5'),
        ] {
            let change = change(&place, &to, content, name).unwrap();
            assert_eq!((change.new_image, change.digest), (image, digest(content_digest)), "{to:?}");
            assert_eq!(change.pull_policy.is_some(), to == To::AlwaysPull);
            assert_eq!(change.back, Some(format!("reg.example.com/app:1.0@{}", digest('a'))));
            assert!(!change.done);
        }
    }

    #[test]
    fn a_restart_for_the_same_content_is_one_change() {
        let stale = &crate::ui::samples::story().items[0];
        let tagged = Slot { pull_policy: Some(PullPolicy::Always), ..slot("reg.example.com/app:1.0", Role::Container) };
        let last = |letter: char, policy: bool| Changed {
            name: "app".to_owned(),
            role: Role::Container,
            from: "reg.example.com/app:1.0".to_owned(),
            to: "reg.example.com/app:1.0".to_owned(),
            digest: digest(letter),
            back: None,
            policy: policy.then_some(crate::domain::history::PolicyBefore { before: None }),
        };
        for (last, done) in [
            (Some(last('5', true)), true),
            (Some(last('5', false)), false),
            // The tag was pushed once more.
            (Some(last('7', true)), false),
            (None, false),
        ] {
            let place = Place { item: Some(stale), last: last.as_ref(), ..place(&tagged, &Replacement::Rollout) };
            let change = change(&place, &To::AlwaysPull, ContentOf::Served, None).unwrap();
            assert_eq!(change.done, done, "{last:?}");
        }
    }

    fn given(image: &str) -> To {
        To::Set(vec![Given { container: "app".to_owned(), image: image.parse().unwrap() }])
    }

    #[test]
    fn a_reference_that_is_given_is_written_as_it_is() {
        let pinned = format!("other.example.com/app:3@{}", digest('7'));
        let tagged = slot("reg.example.com/app:1.0", Role::Container);
        let volume = slot("reg.example.com/app:1.0", Role::Volume);
        let found = name("2.0", Some(digest('7')));
        for (slot, image, warned) in [
            (&tagged, "other.example.com/app:2.0", false),
            (&tagged, &pinned, false),
            (&tagged, "nginx", true),
            (&tagged, "reg.example.com/app:main", true),
            (&volume, "other.example.com/models:2.0", false),
        ] {
            let place = place(slot, &Replacement::Rollout);
            let change = change(&place, &given(image), ContentOf::Served, Some(&found)).unwrap();
            assert_eq!((&*change.new_image, &change.digest), (image, &digest('7')));
            assert_eq!(change.back, Some(format!("reg.example.com/app:1.0@{}", digest('a'))), "by its own repository");
            assert_eq!(change.warnings.iter().any(|warning| warning.contains("moves by design")), warned, "{image}");
            assert!(change.given && !change.done);
        }
        let replacement = Replacement::Rollout;
        let place = place(&tagged, &replacement);
        let again = change(&place, &given("reg.example.com/app:1.0"), ContentOf::Served, Some(&found)).unwrap();
        assert!(again.done, "it asks for that already");
        let other = To::Set(vec![Given { container: "proxy".to_owned(), image: "a:1".parse().unwrap() }]);
        assert!(change(&place, &other, ContentOf::Served, None).is_err());
    }

    #[test]
    fn what_cannot_be_parsed_can_be_replaced_by_what_is_given() {
        let malformed = slot("Not An Image", Role::Container);
        let place = place(&malformed, &Replacement::Rollout);
        let found = name("2.0", Some(digest('7')));
        let change = change(&place, &given("reg.example.com/app:2.0"), ContentOf::Served, Some(&found)).unwrap();
        assert_eq!((change.back, change.no_way_back.is_some()), (None, true));
    }

    #[test]
    fn what_is_as_planned_already_is_done() {
        let pinned = slot(&format!("reg.example.com/app:1.0@{}", digest('5')), Role::Container);
        assert!(change(&place(&pinned, &Replacement::Rollout), &To::Digest, ContentOf::Served, None).unwrap().done);
        let tagged = slot("reg.example.com/app:1.1", Role::Container);
        let named = name("1.1", Some(digest('5')));
        let again = change(
            &place(&tagged, &Replacement::Rollout),
            &To::Tag(Some("1.1".into())),
            ContentOf::Served,
            Some(&named),
        );
        assert!(again.unwrap().done);
        // A proposed name is recognised by what was written down when it was proposed first.
        let last = Changed {
            name: "app".to_owned(),
            role: Role::Container,
            from: "reg.example.com/app:1.0".to_owned(),
            to: "reg.example.com/app:1.1".to_owned(),
            digest: digest('5'),
            back: None,
            policy: None,
        };
        let replacement = Replacement::Rollout;
        let mut place = place(&tagged, &replacement);
        place.last = Some(&last);
        assert!(is_done(&place, &digest('5')));
        assert!(change(&place, &To::Tag(None), ContentOf::Served, None).unwrap().done);
        // The new tag was pushed again since: that is other content.
        place.served = Ok(digest('6'));
        assert!(!is_done(&place, &digest('6')));
        assert!(change(&place, &To::Tag(None), ContentOf::Served, None).is_err());
    }

    #[test]
    fn what_cannot_be_done_says_why_and_the_way_out() {
        let tagged = slot("reg.example.com/app:1.0", Role::Container);
        let pinned = slot(&format!("reg.example.com/app@{}", digest('5')), Role::Container);
        let malformed = slot("Not An Image", Role::Container);
        let (volume, init) = (slot("v:1", Role::Volume), slot("i:1", Role::Init));
        let other = name("1.1", Some(digest('7')));
        for (slot, replacement, to, name, word) in [
            (&tagged, Replacement::Rollout, To::Tag(Some("1.1".into())), Some(&other), "taken"),
            (&tagged, Replacement::Rollout, To::Existing("9".into()), None, "no tag `9`"),
            (&pinned, Replacement::Rollout, To::AlwaysPull, None, "has a digest"),
            (&malformed, Replacement::Rollout, To::Digest, None, "cannot be parsed"),
            (&volume, Replacement::InPlace, To::Digest, None, "image volume"),
            (&init, Replacement::InPlace, To::Digest, None, "init container"),
            (&tagged, Replacement::InPlace, To::AlwaysPull, None, "pull policy"),
        ] {
            let refusal = change(&place(slot, &replacement), &to, ContentOf::Served, name).unwrap_err();
            assert!(refusal.reason.contains(word), "{refusal:?}");
        }
        let mut unknown = place(&tagged, &Replacement::Rollout);
        unknown.served = Err("registry `reg.example.com` asks for a login".to_owned());
        assert!(change(&unknown, &To::Digest, ContentOf::Served, None).unwrap_err().reason.contains("login"));
    }

    #[test]
    fn a_single_platform_and_a_floating_name_are_warned_of() {
        let slot = slot("reg.example.com/app:1.0", Role::Container);
        let place = place(&slot, &Replacement::Rollout);
        let pinned = change(&place, &To::Digest, ContentOf::Running, None).unwrap();
        assert!(pinned.warnings[0].contains("one platform only"), "{:?}", pinned.warnings);
        let floating = name("main", Some(digest('7')));
        let switched = change(&place, &To::Existing("main".into()), ContentOf::Served, Some(&floating)).unwrap();
        assert!(switched.warnings[0].contains("moves by design"));
    }
}

//! What is asked on a terminal: which workloads, and in which way.

use super::super::look::Seen;
use super::super::naming;
use super::choose::Candidate;
use super::gather::Gathered;
use super::planning::{self, Needed, Wish};
use crate::domain::floating::is_floating;
use crate::domain::plan::change::{self, Name};
use crate::domain::plan::{ContentOf, To};
use crate::domain::reference::check_tag;
use crate::error::AppError;
use crate::registry::Registries;
use crate::ui::prompt::{self, Answer, Row};
use crate::ui::{Palette, Printer, names, plan as page};

/// So much of a repository's path stands in a question.
const PLACE: usize = 40;

/// The picker of workloads that run old content.
pub(super) async fn workloads(
    candidates: Vec<Candidate>,
    seen: &Seen,
    palette: Palette,
) -> Result<Answer<Vec<Candidate>>, AppError> {
    let several = seen.namespace.is_none();
    let rows: Vec<Row> = candidates
        .iter()
        .map(|candidate| {
            let worst = candidate.worst();
            let name = names::workload(&candidate.workload);
            let since = worst.and_then(|item| item.running.iter().filter_map(|group| group.since).min());
            let age = since.map(|since| names::age(since, seen.now)).unwrap_or_default();
            let word = worst.map(|item| item.verdict.as_str()).unwrap_or_default();
            Row {
                label: if several { format!("{}/{name}", candidate.namespace) } else { name },
                note: format!("{word} {age}").trim().to_owned(),
                verdict: worst.map(|item| item.verdict),
            }
        })
        .collect();
    let answer = prompt::ask(move || prompt::pick_many("Workloads to bump", &rows, palette)).await?;
    Ok(match answer {
        Answer::Given(places) => {
            let chosen = candidates.into_iter().enumerate().filter(|(place, _)| places.contains(place));
            Answer::Given(chosen.map(|(_, candidate)| candidate).collect())
        }
        Answer::Escaped => Answer::Escaped,
        Answer::Interrupted => Answer::Interrupted,
    })
}

/// The ways that are offered. `latest` is not among them, whatever the repository has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// A new one, its name to be edited.
    Tag,
    /// New ones as they are proposed.
    Tags,
    Digest,
    Existing,
    AlwaysPull,
}

/// Asks how, and for the names that this needs.
pub(super) async fn way(
    registries: &Registries,
    gathered: &[Gathered],
    wish: &mut Wish,
    needed: &mut Vec<Needed>,
    printer: &Printer,
) -> Result<Answer<()>, AppError> {
    let palette = printer.message_palette();
    // What is not offered is missed, unless it is told why.
    for need in needed.iter() {
        if let Some(Err(refusal)) = &need.found {
            let text = format!("no new tag for {}:{}: {}", need.repository, need.tag, refusal.reason);
            printer.message(&page::note(&text, palette));
        }
    }
    let others = existing(registries, needed).await;
    let mut ways = Vec::new();
    let mut rows = Vec::new();
    let mut offer = |way: Way, label: String, note: &str| {
        ways.push(way);
        rows.push(Row { label, note: note.to_owned(), verdict: None });
    };
    let proposals: Vec<(&Needed, &Name)> =
        needed.iter().filter_map(|need| Some((need, need.found.as_ref()?.as_ref().ok()?))).collect();
    let short =
        |need: &Needed, tag: &str| format!("{}:{tag}", need.repository.path.rsplit('/').next().unwrap_or_default());
    match &proposals[..] {
        [] => {}
        [(need, name)] => {
            offer(Way::Tag, short(need, &name.tag), name.evidence.as_deref().unwrap_or("a tag of its own"))
        }
        several => {
            let label = format!("a new tag for each of {} images", several.len());
            offer(Way::Tags, label, "next by each repository's own scheme");
            offer(Way::Tag, "a new tag for each, under names of my own".to_owned(), "one question for each");
        }
    }
    match &pins(gathered, wish.content)[..] {
        [] => {}
        [pin] => offer(Way::Digest, pin.clone(), "pinned"),
        several => offer(Way::Digest, format!("the digest of each of {} images", several.len()), "pinned"),
    }
    if !others.is_empty() {
        offer(Way::Existing, "another tag that is there".to_owned(), &format!("{} to choose from", others.len()));
    }
    if wish.content == ContentOf::Served {
        offer(Way::AlwaysPull, "imagePullPolicy: Always and a restart".to_owned(), "not recommended");
    }
    let chosen = match prompt::ask(move || prompt::pick_one("New reference", &rows, palette)).await? {
        Answer::Given(place) => ways[place],
        Answer::Escaped => return Ok(Answer::Escaped),
        Answer::Interrupted => return Ok(Answer::Interrupted),
    };
    match chosen {
        Way::Tag => return edit_names(registries, wish, needed, printer).await,
        Way::Tags => {}
        Way::Digest => wish.to = To::Digest,
        Way::AlwaysPull => wish.to = To::AlwaysPull,
        Way::Existing => {
            let names = others.clone();
            match prompt::ask(move || prompt::pick_name("Tag", &names, palette)).await? {
                Answer::Given(place) => wish.to = To::Existing(others[place].clone()),
                Answer::Escaped => return Ok(Answer::Escaped),
                Answer::Interrupted => return Ok(Answer::Interrupted),
            }
            *needed = planning::needed(gathered, wish);
            planning::find(registries, needed, wish).await;
        }
    }
    Ok(Answer::Given(()))
}

/// What each place would be pinned to, in few words, each once.
fn pins(gathered: &[Gathered], content: ContentOf) -> Vec<String> {
    let places = gathered.iter().flat_map(|one| one.places.iter().map(move |known| (one, known)));
    let mut pins: Vec<String> = places
        .filter_map(|(one, known)| {
            let reference = known.reference.as_ref()?;
            let digest = change::wanted(&one.place(known), content).ok()?;
            let name = reference.name().rsplit('/').next().unwrap_or_default().to_owned();
            let tag = reference.tag().map(|tag| format!(":{tag}")).unwrap_or_default();
            Some(format!("{name}{tag}@{}…", digest.short(6)))
        })
        .collect();
    pins.sort();
    pins.dedup();
    pins
}

/// Each proposed name, to be taken or changed.
async fn edit_names(
    registries: &Registries,
    wish: &Wish,
    needed: &mut [Needed],
    printer: &Printer,
) -> Result<Answer<()>, AppError> {
    let palette = printer.message_palette();
    for need in needed.iter_mut() {
        let Some(Ok(proposal)) = need.found.clone() else { continue };
        // Which registry it is stands in the preview.
        let title = format!("Tag in {}", names::image(&need.repository.path, PLACE));
        let mut initial = proposal.tag.clone();
        loop {
            let (asked, first) = (title.clone(), initial.clone());
            let tag = match prompt::ask(move || prompt::edit_line(&asked, &first, &acceptable, palette)).await? {
                Answer::Given(tag) => tag,
                Answer::Escaped => return Ok(Answer::Escaped),
                Answer::Interrupted => return Ok(Answer::Interrupted),
            };
            if tag == proposal.tag {
                break;
            }
            let wanted = need.wanted(wish, Vec::new());
            let found = naming::named(registries, &wanted, &tag).await;
            match &found {
                Ok(Name { holds: Some(held), .. }) if Some(held) != need.digest.as_ref() => {
                    let text = format!("the tag `{tag}` is there already and holds other content");
                    printer.message(&page::note(&text, palette));
                    initial = tag;
                }
                _ => {
                    need.found = Some(found);
                    break;
                }
            }
        }
    }
    Ok(Answer::Given(()))
}

fn acceptable(tag: &str) -> Result<(), String> {
    check_tag(tag).map_err(|error| error.to_string())?;
    if is_floating(tag) {
        return Err(format!("`{tag}` is a name that moves by design"));
    }
    Ok(())
}

/// The other tags of the one repository that all is about, newest names first; none where there are several.
async fn existing(registries: &Registries, needed: &[Needed]) -> Vec<String> {
    let [need] = needed else { return Vec::new() };
    let mut tags = registries.tags(&need.repository, &need.access).await.unwrap_or_default();
    let proposed = need.found.as_ref().and_then(|found| found.as_ref().ok()).map(|name| name.tag.as_str());
    tags.retain(|tag| *tag != *need.tag && Some(tag.as_str()) != proposed && !is_floating(tag));
    tags.sort_by(|a, b| crate::domain::scheme::by_number(b, a));
    tags
}

use super::*;

pub(crate) fn digest(letter: char) -> Digest {
    format!("sha256:{}", letter.to_string().repeat(64)).parse().unwrap()
}

/// A change of the container `app` from one tag to the next, with its content.
fn changed(from: &str, to: &str, content: char, before: char) -> Changed {
    Changed {
        name: "app".to_owned(),
        role: Role::Container,
        from: format!("a:{from}"),
        to: format!("a:{to}"),
        digest: digest(content),
        back: Some(format!("a:{from}@{}", digest(before))),
        policy: None,
    }
}

fn entry(containers: Vec<Changed>, proven: bool) -> Entry {
    Entry {
        revision: 0,
        on: 0,
        back_to: None,
        at: Timestamp::UNIX_EPOCH,
        by: "ann".to_owned(),
        run: Run { command: "bump".to_owned(), id: "r".to_owned(), of: 0 },
        containers,
        proven,
    }
}

fn undo(to: Revision, proven: bool) -> Entry {
    Entry { back_to: Some(to), ..entry(Vec::new(), proven) }
}

fn exactly(history: &History, revision: Revision) -> Option<String> {
    history.held_at(revision)?.get(&(Role::Container, "app".to_owned()))?.exactly.clone()
}

#[test]
fn what_is_written_is_read_again() {
    let mut first = entry(vec![changed("1", "2", 'b', 'a')], true);
    first.containers[0].policy = Some(PolicyBefore { before: Some(PullPolicy::IfNotPresent) });
    first.containers[0].back = None;
    let history = History::default().with(first).with(undo(0, false));
    assert_eq!(History::parse(&history.text()), Ok(history));
    assert!(History::parse("{").is_err());
    assert!(History::parse(r#"{"changes":[{"at":"now"}]}"#).is_err());
}

#[test]
fn an_undo_goes_to_the_nearest_revision_that_was_proven() {
    let one = |proven| entry(vec![changed("1", "2", 'b', 'a')], proven);
    let two = |proven| entry(vec![changed("2", "3", 'c', 'b')], proven);
    let none = History::default();
    assert_eq!((none.position(), none.way_back()), (0, None));
    for (history, position, way_back) in [
        (none.with(one(true)), 1, Some(0)),
        (none.with(one(false)), 1, Some(0)),
        (none.with(one(true)).with(two(true)), 2, Some(1)),
        (none.with(one(true)).with(two(false)), 2, Some(1)),
        // Good, bad, bad again: the way back is what ran before both.
        (none.with(one(false)).with(two(false)), 2, Some(0)),
        (none.with(one(true)).with(two(true)).with(undo(1, true)), 1, Some(0)),
        (none.with(one(true)).with(undo(0, true)), 0, None),
        // A change after an undo grows from what the undo went back to.
        (none.with(one(true)).with(two(true)).with(undo(1, true)).with(two(false)), 4, Some(1)),
    ] {
        assert_eq!((history.position(), history.way_back()), (position, way_back), "{history:?}");
    }
}

#[test]
fn every_kept_revision_tells_its_content() {
    let history = History::default()
        .with(entry(vec![changed("1", "2", 'b', 'a')], true))
        .with(entry(vec![changed("2", "3", 'c', 'b')], true))
        .with(undo(1, true));
    assert_eq!(exactly(&history, 0), Some(format!("a:1@{}", digest('a'))));
    assert_eq!(exactly(&history, 1), Some(format!("a:2@{}", digest('b'))));
    assert_eq!(exactly(&history, 2), Some(format!("a:3@{}", digest('c'))), "also one that was taken back");
    assert_eq!(history.held_at(3), None, "an undo is no revision");
    assert_eq!(history.held_at(9), None);
    assert_eq!(history.last(&ContainerName { name: "app".into(), role: Role::Container }).unwrap().to, "a:2");
}

#[test]
fn a_place_that_a_revision_did_not_touch_is_as_the_one_before_left_it() {
    let other = Changed { name: "other".to_owned(), ..changed("5", "6", 'f', 'e') };
    let history =
        History::default().with(entry(vec![changed("1", "2", 'b', 'a')], true)).with(entry(vec![other], true));
    let held = |revision: Revision| -> Vec<String> {
        history.held_at(revision).unwrap().into_values().filter_map(|held| held.exactly).collect()
    };
    let exact = |tag: &str, letter| format!("a:{tag}@{}", digest(letter));
    assert_eq!(held(0), [exact("1", 'a'), exact("5", 'e')]);
    assert_eq!(held(1), [exact("2", 'b'), exact("5", 'e')]);
    assert_eq!(held(2), [exact("2", 'b'), exact("6", 'f')]);
    assert_eq!(history.last(&ContainerName { name: "app".into(), role: Role::Container }).unwrap().to, "a:2");
}

#[test]
fn a_policy_is_put_back_to_what_was_written_before() {
    let always = Changed { policy: Some(PolicyBefore { before: None }), ..changed("1", "1", 'b', 'a') };
    let history =
        History::default().with(entry(vec![always], true)).with(entry(vec![changed("1", "2", 'c', 'b')], true));
    let policy = |revision: Revision| history.held_at(revision).unwrap().into_values().next().unwrap().policy;
    assert_eq!(
        (policy(0), policy(1), policy(2)),
        (Some(None), Some(Some(PullPolicy::Always)), Some(Some(PullPolicy::Always)))
    );
}

#[test]
fn old_entries_are_forgotten_and_what_is_left_still_has_a_beginning() {
    let history = (0..30).fold(History::default(), |history, number: u8| {
        let letter = |number: u8| char::from(b'a' + number % 6);
        history.with(entry(
            vec![changed(&number.to_string(), &(number + 1).to_string(), letter(number + 1), letter(number))],
            true,
        ))
    });
    assert_eq!((history.entries.len(), history.entries[0].revision, history.position()), (REMEMBERED, 11, 30));
    assert_eq!(exactly(&history, 0), history.entries[0].containers[0].back);
    assert_eq!(history.held_at(5), None);
    assert_eq!(history.way_back(), Some(29));
}

#[test]
fn what_was_not_written_by_us_does_not_run_in_a_circle() {
    let mut history = History::default().with(entry(vec![changed("1", "2", 'b', 'a')], true));
    history.entries[0].on = 1;
    assert_eq!(history.way_back(), Some(0));
}

#[test]
fn what_somebody_else_changed_meanwhile_is_a_revision_that_an_undo_goes_to() {
    let ours = History::default().with(entry(vec![changed("1", "2", 'b', 'a')], true));
    let next = |history: &History, from: &str, before: char| {
        let changes = vec![changed(from, "4", 'd', before)];
        let history = history.noticing(&changes, Timestamp::UNIX_EPOCH);
        let history = history.with(entry(changes, true));
        let to = history.way_back();
        (history.entries.len(), to, exactly(&history, to.unwrap()))
    };
    let at = |tag: &str, content: char| Some(format!("a:{tag}@{}", digest(content)));
    assert_eq!(next(&ours, "2", 'b'), (2, Some(1), at("2", 'b')), "nobody did");
    assert_eq!(next(&ours, "1", 'a'), (3, Some(2), at("1", 'a')), "put back by a manifest");
    assert_eq!(next(&ours, "3", 'c'), (3, Some(2), at("3", 'c')));
    let mut pinned = changed("2", "4", 'd', 'b');
    pinned.from = format!("a:2@{}", digest('b'));
    assert_eq!(ours.noticing(&[pinned], Timestamp::UNIX_EPOCH), ours, "the same content by its digest");
    let undone = ours.with(Entry { back_to: Some(0), ..entry(vec![changed("2", "mirror/1", 'a', 'b')], true) });
    let after_undo = changed("mirror/1", "4", 'd', 'a');
    assert_eq!(undone.noticing(&[after_undo], Timestamp::UNIX_EPOCH), undone, "what admission made of an undo");
    let unknown = Changed { back: None, ..changed("3", "4", 'd', 'c') };
    assert_eq!(ours.noticing(&[unknown], Timestamp::UNIX_EPOCH), ours, "there is nothing to go back to");
    let elsewhere = Changed { name: "side".to_owned(), ..changed("3", "4", 'd', 'c') };
    assert_eq!(ours.noticing(&[elsewhere], Timestamp::UNIX_EPOCH), ours, "we never changed it before");
}

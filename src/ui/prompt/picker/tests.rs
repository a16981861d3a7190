use super::super::keys;
use super::*;
use crate::domain::diagnosis::Verdict;
use crate::text::is_unprintable;

fn rows(labels: &[&str]) -> Vec<Row> {
    labels.iter().map(|label| Row { label: (*label).to_owned(), ..Row::default() }).collect()
}

fn shop() -> Vec<Row> {
    let row = |label: &str, note: &str, verdict| Row { label: label.into(), note: note.into(), verdict: Some(verdict) };
    vec![
        row("deployment/web", "stale 3d", Verdict::Stale),
        row("deployment/api-server", "mixed", Verdict::Mixed),
        row("statefulset/db", "fresh", Verdict::Fresh),
    ]
}

fn many(rows: &[Row]) -> Picker {
    Picker::many("Workloads to bump", rows, Palette::plain())
}

fn drawn(picker: &mut Picker, rows: usize, columns: usize) -> Vec<String> {
    let frame = picker.frame(Size { rows, columns });
    assert!(frame.lines.len() <= rows, "{} lines on {rows} rows", frame.lines.len());
    assert!(frame.row < frame.lines.len() && frame.column < columns);
    assert!(frame.lines.iter().all(|line| line.width < columns));
    frame.lines.into_iter().map(|line| line.painted).collect()
}

fn typed(text: &str) -> Vec<Key> {
    text.chars().map(Key::Character).collect()
}

const SPACE: Key = Key::Character(' ');

#[test]
fn each_key_leads_on_where_many_can_be_picked() {
    use Key::*;
    for (pressed, expected) in [
        (&[SPACE, Enter][..], Some(Answer::Given(vec![0]))),
        (&[SPACE, Down, Down, SPACE, Enter], Some(Answer::Given(vec![0, 2]))),
        (&[Down, Down, SPACE, Up, Up, SPACE, Enter], Some(Answer::Given(vec![0, 2]))),
        (&[Up, SPACE, Enter], Some(Answer::Given(vec![2]))),
        (&[Down, Down, Down, SPACE, Enter], Some(Answer::Given(vec![0]))),
        (&[End, SPACE, Home, SPACE, SPACE, Enter], Some(Answer::Given(vec![2]))),
        (&[Control('n'), Control('n'), Control('p'), SPACE, Enter], Some(Answer::Given(vec![1]))),
        (&[Control('a'), Enter], Some(Answer::Given(vec![0, 1, 2]))),
        (&[Tab, SPACE, Enter], Some(Answer::Given(vec![1, 2]))),
        (&[SPACE, Tab, Enter], Some(Answer::Given(vec![0, 1, 2]))),
        (&[Tab, Tab, Enter], None),
        (&[Enter, Enter], None),
        (&[Escape], Some(Answer::Escaped)),
        (&[SPACE, Escape], Some(Answer::Escaped)),
        (&[Control('c')], Some(Answer::Interrupted)),
        (&[Control('d')], Some(Answer::Interrupted)),
        (&[Character('w'), Control('d')], None),
        (&[Character('w'), Control('u'), Control('d')], Some(Answer::Interrupted)),
        (&[Left, Right, Delete, Backspace, Control('z')], None),
    ] {
        assert_eq!(keys(&mut many(&shop()), pressed), expected, "{pressed:?}");
    }
}

#[test]
fn each_key_leads_on_where_one_is_picked() {
    use Key::*;
    for (pressed, expected) in [
        (&[Enter][..], Some(Answer::Given(vec![0]))),
        (&[Down, Enter], Some(Answer::Given(vec![1]))),
        (&[Tab, Control('a'), PageDown, Enter], Some(Answer::Given(vec![1]))),
        (&[Character('d'), Character('b'), Enter], Some(Answer::Given(vec![2]))),
        (&[Character('q'), Character('q'), Enter], None),
        (&[Escape], Some(Answer::Escaped)),
        (&[Control('c')], Some(Answer::Interrupted)),
    ] {
        let mut picker = Picker::one("Workload", &shop(), Palette::plain());
        assert_eq!(keys(&mut picker, pressed), expected, "{pressed:?}");
    }
}

#[test]
fn what_is_typed_filters_labels_and_notes_and_the_best_match_comes_first() {
    for (filter, expected) in [
        ("", &[0, 1, 2][..]),
        ("web", &[0]),
        ("dpl", &[0, 1]),
        ("stale", &[0]),
        ("fresh", &[2]),
        ("fsh", &[2]),
        ("WEB", &[]),
        ("db", &[2]),
        ("ap", &[1]),
        ("zzz", &[]),
    ] {
        let mut picker = many(&shop());
        keys(&mut picker, &typed(filter));
        assert_eq!(picker.shown, expected, "{filter}");
    }
    let mut picker = many(&rows(&["xwxxxb", "w-b", "other"]));
    keys(&mut picker, &typed("wb"));
    assert_eq!(picker.shown, [1, 0]);
}

#[test]
fn all_shown_means_those_that_match_and_what_is_hidden_stays_chosen() {
    let mut picker = many(&shop());
    let pressed = [&[SPACE][..], &typed("dpl"), &[Key::Control('a'), Key::Control('u'), Key::Enter]].concat();
    assert_eq!(keys(&mut picker, &pressed), Some(Answer::Given(vec![0, 1])));

    let mut picker = many(&shop());
    keys(&mut picker, &[&[SPACE][..], &typed("db")].concat());
    assert_eq!(
        drawn(&mut picker, 24, 60)[..2],
        ["? Workloads to bump (1 of 3, 1 chosen) › db", "> [ ] statefulset/db         fresh"]
    );
    assert_eq!(keys(&mut picker, &[Key::Enter]), Some(Answer::Given(vec![0])));
}

#[test]
fn it_shows_the_rows_their_notes_and_the_keys() {
    let mut picker = many(&shop());
    keys(&mut picker, &[Key::Down, SPACE]);
    insta::assert_snapshot!(drawn(&mut picker, 24, 80).join("\n"), @r"
    ? Workloads to bump (1 chosen) › 
      [ ] deployment/web         stale 3d
    > [x] deployment/api-server  mixed
      [ ] statefulset/db         fresh
    space: choose · enter: go on · esc: leave · type to filter · ctrl-a: all
    ");
    let mut picker = Picker::one("Workload", &shop(), Palette::plain());
    insta::assert_snapshot!(drawn(&mut picker, 24, 80).join("\n"), @r"
    ? Workload › 
    > deployment/web         stale 3d
      deployment/api-server  mixed
      statefulset/db         fresh
    enter: go on · esc: leave · type to filter
    ");
}

#[test]
fn a_long_label_leaves_room_for_its_note() {
    let mut rows = shop();
    rows[1].label = "deployment/checkout-of-the-second-shop-in-europe".to_owned();
    insta::assert_snapshot!(drawn(&mut many(&rows), 24, 50).join("\n"), @"
    ? Workloads to bump › 
    > [ ] deployment/web                     stale 3d
      [ ] deployment/checkout-of-the-secon…  mixed
      [ ] statefulset/db                     fresh
    space: choose · enter: go on · esc: leave · type…
    ");
    rows[1].note = "next by the repository's own scheme (1.0, 0.9, 0.8)".to_owned();
    insta::assert_snapshot!(drawn(&mut many(&rows), 24, 50).join("\n"), @"
    ? Workloads to bump › 
    > [ ] deployment/web         stale 3d
      [ ] deployment/checkout-…  next by the reposit…
      [ ] statefulset/db         fresh
    space: choose · enter: go on · esc: leave · type…
    ");
}

#[test]
fn a_note_that_would_be_cut_begins_before_the_others() {
    let row = |label: &str, note: &str| Row { label: label.into(), note: note.into(), verdict: None };
    let rows = [row("a:1.1", "next after 1.0, 0.9 and 0.8"), row("imagePullPolicy: Always", "not recommended")];
    let mut picker = Picker::one("New reference", &rows, Palette::plain());
    insta::assert_snapshot!(drawn(&mut picker, 24, 46).join("\n"), @"
    ? New reference › 
    > a:1.1           next after 1.0, 0.9 and 0.8
      imagePullPolicy: Alw…  not recommended
    enter: go on · esc: leave · type to filter
    ");
}

#[test]
fn a_note_has_the_colour_of_its_verdict() {
    let palette = Palette::new(true);
    let mut picker = Picker::many("a", &shop(), palette);
    let lines = drawn(&mut picker, 24, 80);
    assert!(lines[1].ends_with(&palette.verdict(Verdict::Stale, "stale 3d")), "{lines:?}");
    assert!(lines[3].ends_with(&palette.verdict(Verdict::Fresh, "fresh")), "{lines:?}");
}

#[test]
fn enter_without_a_choice_says_so_until_the_next_key() {
    for height in [24, 3, 2, 1] {
        let mut picker = many(&shop());
        keys(&mut picker, &[Key::Enter]);
        let said = drawn(&mut picker, height, 80);
        assert_eq!(said.last().unwrap(), "✘ choose at least one with the space bar", "{height}");
        keys(&mut picker, &[Key::Down]);
        assert_ne!(drawn(&mut picker, height, 80).last(), said.last());
    }
}

#[test]
fn a_filter_without_a_match_says_so() {
    let mut picker = many(&shop());
    keys(&mut picker, &typed("zzz"));
    assert_eq!(drawn(&mut picker, 24, 60)[..2], ["? Workloads to bump (0 of 3) › zzz", "  nothing matches"]);
    assert_eq!(keys(&mut picker, &[Key::Down, Key::Up, Key::PageDown, SPACE, Key::Tab, Key::Enter]), None);
    keys(&mut picker, &[Key::Control('u')]);
    assert_eq!(picker.shown.len(), 3);
}

#[test]
fn a_long_list_scrolls_with_its_cursor() {
    let labels: Vec<String> = (0..40).map(|number| format!("row-{number}")).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let mut picker = Picker::one("Rows", &rows(&labels), Palette::plain());
    let mut seen = |pressed: &[Key], height| {
        keys(&mut picker, pressed);
        let lines = drawn(&mut picker, height, 40);
        let current = lines.iter().position(|line| line.starts_with("> ")).unwrap();
        (lines[0].clone(), lines[1].trim_start_matches("> ").trim().to_owned(), current)
    };
    use Key::*;
    for (pressed, height, head, first, current) in [
        (&[][..], 7, "? Rows (1 of 40 rows) › ", "row-0", 1),
        (&[Down, Down, Down, Down], 7, "? Rows (5 of 40 rows) › ", "row-0", 5),
        (&[Down], 7, "? Rows (6 of 40 rows) › ", "row-1", 5),
        (&[Up, Up, Up, Up], 7, "? Rows (2 of 40 rows) › ", "row-1", 1),
        (&[Up], 7, "? Rows (1 of 40 rows) › ", "row-0", 1),
        (&[Up], 7, "? Rows (40 of 40 rows) › ", "row-35", 5),
        (&[PageUp], 7, "? Rows (35 of 40 rows) › ", "row-34", 1),
        (&[PageDown, PageDown, PageDown], 7, "? Rows (40 of 40 rows) › ", "row-35", 5),
        (&[], 3, "? Rows (40 of 40 rows) › ", "row-39", 1),
        (&[Home], 3, "? Rows (1 of 40 rows) › ", "row-0", 1),
        (&[End], 12, "? Rows (40 of 40 rows) › ", "row-30", 10),
    ] {
        assert_eq!(seen(pressed, height), (head.to_owned(), first.to_owned(), current), "{pressed:?} {height}");
    }
}

#[test]
fn narrow_and_tiny_terminals_will_do() {
    let mut picker = many(&shop());
    keys(&mut picker, &typed("de"));
    insta::assert_snapshot!(drawn(&mut picker, 4, 20).join("\n"), @"
    ? Workloads to… de
    > [ ] deployment/w…
      [ ] deployment/a…
    space: choose · en…
    ");
    for height in 1..6 {
        for columns in 1..30 {
            drawn(&mut picker, height, columns);
        }
    }
}

#[test]
fn wide_characters_are_counted_as_they_are_drawn() {
    let rows = vec![
        Row { label: "大大".to_owned(), note: "one".to_owned(), verdict: None },
        Row { label: "abcde".to_owned(), note: "two".to_owned(), verdict: None },
    ];
    let mut picker = Picker::one("a", &rows, Palette::plain());
    assert_eq!(drawn(&mut picker, 24, 40)[1..3], ["> 大大   one", "  abcde  two"]);
    assert_eq!(drawn(&mut picker, 24, 6)[1], "> 大…");
}

#[test]
fn text_from_outside_cannot_steer_the_terminal() {
    let hostile = Row { label: "a\u{1b}[2J\nb".to_owned(), note: "\u{202e}x".to_owned(), verdict: None };
    let mut picker = Picker::many("t\u{1b}", &[hostile], Palette::plain());
    let lines = drawn(&mut picker, 24, 80);
    let told = picker.told(&vec![0], Size { rows: 24, columns: 80 });
    for text in lines.iter().chain([&told]) {
        assert!(!text.chars().any(is_unprintable), "{text:?}");
    }
}

#[test]
fn the_answer_is_told_in_one_line() {
    let labels: Vec<String> = (0..40).map(|number| format!("deployment/web-{number}")).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let picker = many(&rows(&labels));
    for (picked, columns, expected) in [
        (vec![0, 2], 80, "✔ Workloads to bump · deployment/web-0, deployment/web-2"),
        ((0..40).collect(), 80, "✔ Workloads to bump · deployment/web-0, deployment/web-1, and 38 more"),
        ((0..40).collect(), 20, "✔ Workloads to bump · deployment/web-0, and 39 more"),
    ] {
        assert_eq!(picker.told(&picked, Size { rows: 24, columns }), expected);
    }
}

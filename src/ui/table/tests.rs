//! The table's looks, at several widths.

use super::*;
use crate::domain::diagnosis::Diagnosis;
use crate::ui::samples;

fn options() -> Options {
    Options {
        wide: false,
        namespaces: false,
        headers: true,
        width: None,
        palette: Palette::plain(),
        now: samples::now(),
    }
}

fn rendered(diagnosis: &Diagnosis, options: Options) -> String {
    render(&diagnosis.items.iter().collect::<Vec<_>>(), &options)
}

fn widest(text: &str) -> usize {
    text.lines().map(width).max().unwrap_or_default()
}

#[test]
fn the_story_in_a_pipe() {
    insta::assert_snapshot!(rendered(&samples::story(), options()), @"");
}

#[test]
fn the_story_on_eighty_columns() {
    let text = rendered(&samples::story(), Options { width: Some(80), ..options() });
    assert!(widest(&text) <= 80);
    insta::assert_snapshot!(text, @"");
}

#[test]
fn why_wraps_where_there_is_some_room() {
    let text = rendered(&samples::story(), Options { width: Some(110), ..options() });
    assert!(widest(&text) <= 110);
    insta::assert_snapshot!(text, @"");
}

#[test]
fn a_wide_terminal_shows_what_a_pipe_shows() {
    let piped = rendered(&samples::story(), options());
    assert_eq!(rendered(&samples::story(), Options { width: Some(widest(&piped)), ..options() }), piped);
}

#[test]
fn wide_has_digests_nodes_policy_age_and_findings() {
    insta::assert_snapshot!(rendered(&samples::story(), Options { wide: true, width: Some(80), ..options() }), @"");
}

#[test]
fn namespaces_come_first_and_every_kind_is_named() {
    insta::assert_snapshot!(rendered(&samples::kinds(), Options { namespaces: true, ..options() }), @"");
}

#[test]
fn heads_can_be_left_out() {
    let text = rendered(&samples::story(), Options { headers: false, ..options() });
    assert!(!text.contains("WORKLOAD"));
    assert_eq!(text.lines().count(), 4);
}

#[test]
fn hostile_and_wide_characters_keep_their_columns() {
    insta::assert_snapshot!(rendered(&samples::hostile(), options()), @"");
}

#[test]
fn nothing_is_nothing() {
    assert_eq!(rendered(&Diagnosis::default(), options()), "");
}

#[test]
fn only_the_verdict_is_painted_and_colours_change_no_column() {
    let painted = rendered(&samples::story(), Options { palette: Palette::new(true), width: Some(110), ..options() });
    let plain = rendered(&samples::story(), Options { width: Some(110), ..options() });
    assert_eq!(painted.matches("\u{1b}[31m").count(), 2);
    assert_eq!(anstream::adapter::strip_str(&painted).to_string(), plain);
}

#[test]
fn no_line_ends_in_spaces() {
    for width in [None, Some(60), Some(80), Some(100), Some(120)] {
        let text = rendered(&samples::story(), Options { width, ..options() });
        assert!(text.lines().all(|line| line == line.trim_end()));
    }
}

#[test]
fn names_and_verdicts_are_never_cut() {
    let text = rendered(&samples::story(), Options { width: Some(10), ..options() });
    for item in &samples::story().items {
        assert!(text.contains(&names::workload(&item.workload)));
        assert!(text.contains(item.verdict.as_str()));
    }
}

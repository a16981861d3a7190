//! The prompts in a real terminal, driven by keys. The program in it is this test binary again, told by a variable to
//! be one: no program that only asks is shipped.

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use kubectl_freshimage::domain::diagnosis::Verdict;
use kubectl_freshimage::settings::Environment;
use kubectl_freshimage::ui::Palette;
use kubectl_freshimage::ui::prompt::{self, Answer, Row};
use testbed::terminal::{Ended, Terminal, keys};

/// Which of the prompts to be.
const ROLE: &str = "FRESHIMAGE_TEST_PROMPT";
/// A file for the answer, if stdout will not do.
const FILE: &str = "FRESHIMAGE_TEST_ANSWER";

#[test]
fn acts_as_the_program_when_asked_to() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let answer = match act(&role) {
        Ok(answer) => answer,
        Err(error) => format!("error: {error}"),
    };
    println!("\nanswer: {answer}");
    if let Ok(file) = std::env::var(FILE) {
        std::fs::write(file, answer).unwrap();
    }
}

fn act(role: &str) -> io::Result<String> {
    let names = || (0..100).map(|number| format!("name-{number}")).collect::<Vec<_>>();
    let tag = |text: &str| match text {
        "panic" => panic!("a check that panics"),
        text if text.contains(' ') => Err("a tag has no spaces".to_owned()),
        _ => Ok(()),
    };
    match role {
        "pick-many" => said(prompt::pick_many("Workloads to bump", &workloads(), Palette::new(true))),
        "pick-one" => said(prompt::pick_one("Workload", &workloads(), Palette::plain())),
        "pick-name" => said(prompt::pick_name("Namespace", &names(), Palette::plain())),
        "edit-line" => said(prompt::edit_line("New tag", "1.0", &tag, Palette::plain())),
        "confirm" => said(prompt::confirm("Change 2 workloads in `shop`?", Palette::plain())),
        "two" => {
            let first = prompt::edit_line("First", "", &tag, Palette::plain())?;
            Ok(format!("{first:?} {:?}", prompt::edit_line("Second", "", &tag, Palette::plain())?))
        }
        "hostile" => {
            let row = Row { label: "a\u{1b}[2J\u{1b}]0;title\u{7}b".to_owned(), ..Row::default() };
            said(prompt::pick_one("Workload\u{1b}[2J", &[row], Palette::plain()))
        }
        "async" => Ok(until_interrupted()),
        "given-up" => Ok(given_up_and_asked_again()),
        "possible" => Ok(Environment::read().is_interactive().to_string()),
        other => Err(io::Error::other(format!("there is no role `{other}`"))),
    }
}

fn said<T: Debug>(answer: io::Result<Answer<T>>) -> io::Result<String> {
    answer.map(|answer| format!("{answer:?}"))
}

/// As the commands do it: the work is dropped when the signal comes.
fn until_interrupted() -> String {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let answer = runtime.block_on(async {
        tokio::select! {
            answer = prompt::ask(|| prompt::edit_line("New tag", "1.0", &|_| Ok(()), Palette::plain())) => format!("{answer:?}"),
            _ = tokio::signal::ctrl_c() => "a signal".to_owned(),
        }
    });
    runtime.shutdown_background();
    answer
}

fn given_up_and_asked_again() -> String {
    let ask = |title: &'static str| prompt::ask(move || prompt::edit_line(title, "", &|_| Ok(()), Palette::plain()));
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let first = tokio::time::timeout(Duration::from_millis(300), ask("First")).await;
        format!("{} {:?}", first.is_err(), ask("Second").await)
    })
}

fn workloads() -> Vec<Row> {
    let row = |label: &str, note: &str, verdict| Row { label: label.into(), note: note.into(), verdict: Some(verdict) };
    vec![
        row("deployment/web", "stale 3d", Verdict::Stale),
        row("deployment/api", "mixed", Verdict::Mixed),
        row("statefulset/db", "fresh", Verdict::Fresh),
    ]
}

fn program(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["terminal::acts_as_the_program_when_asked_to", "--exact", "--nocapture", "--test-threads=1"]);
    command.env(ROLE, role).env("RUST_BACKTRACE", "0");
    command
}

/// The program as a shell's script starts it, as `"$0" "$@"`.
fn within(script: &str, role: &str) -> Command {
    let inner = program(role);
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(inner.get_program()).args(inner.get_args());
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

fn start(role: &str) -> Terminal {
    Terminal::start(&program(role), 24, 80).unwrap()
}

/// Waits for each text before it presses the keys beside it.
fn driven(role: &str, rows: usize, columns: usize, steps: &[(&str, &str)]) -> Ended {
    let mut terminal = Terminal::start(&program(role), rows, columns).unwrap();
    for (text, pressed) in steps {
        terminal.wait_for(text).unwrap();
        terminal.press(pressed).unwrap();
    }
    terminal.end().unwrap()
}

fn answer(ended: &Ended) -> &str {
    ended.stdout.lines().find_map(|line| line.strip_prefix("answer: ")).unwrap_or("none")
}

/// What each prompt shows first.
const PROMPTS: &[(&str, &str)] = &[
    ("pick-many", "? Workloads to bump"),
    ("pick-one", "? Workload"),
    ("pick-name", "? Namespace"),
    ("edit-line", "? New tag › 1.0"),
    ("confirm", "(y/N)"),
];

#[test]
fn an_answer_leaves_one_line_and_the_terminal_as_it_was() {
    use keys::*;
    for (role, steps, expected, screen) in [
        (
            "pick-many",
            &[("esc: leave", " "), ("[x] deployment/web", DOWN), ("> [ ] deployment/api", " "), ("2 chosen", ENTER)][..],
            "Given([0, 1])",
            "✔ Workloads to bump · deployment/web, deployment/api",
        ),
        (
            "pick-many",
            &[("esc: leave", "dep"), ("2 of 3", CTRL_A), ("2 chosen", ENTER)],
            "Given([0, 1])",
            "✔ Workloads to bump · deployment/web, deployment/api",
        ),
        (
            "pick-many",
            &[("esc: leave", ENTER), ("choose at least one", UP), ("> [ ] statefulset/db", " "), ("1 chosen", ENTER)],
            "Given([2])",
            "✔ Workloads to bump · statefulset/db",
        ),
        ("pick-one", &[("esc: leave", "stale"), ("1 of 3", ENTER)], "Given(0)", "✔ Workload · deployment/web"),
        (
            "pick-name",
            &[("esc: leave", END), ("> name-99", UP), ("> name-98", ENTER)],
            "Given(98)",
            "✔ Namespace · name-98",
        ),
        ("pick-name", &[("esc: leave", "77"), ("1 of 100", ENTER)], "Given(77)", "✔ Namespace · name-77"),
        (
            "edit-line",
            &[("? New tag › 1.0", " x"), ("1.0 x", ENTER), ("no spaces", BACKSPACE), ("enter: go on", "\u{7f}-ö\r")],
            "Given(\"1.0-ö\")",
            "✔ New tag · 1.0-ö",
        ),
        ("edit-line", &[("1.0", LEFT), ("1.0", "\u{1b}[D9\r")], "Given(\"19.0\")", "✔ New tag · 19.0"),
        ("confirm", &[("(y/N)", "xy")], "Given(true)", "✔ Change 2 workloads in `shop`? · yes"),
        ("confirm", &[("(y/N)", ENTER)], "Given(false)", "✔ Change 2 workloads in `shop`? · no"),
    ] {
        let ended = driven(role, 24, 80, steps);
        assert_eq!((answer(&ended), ended.screen.as_str()), (expected, screen), "{role}");
        assert!(ended.code == 0 && ended.is_as_found(), "{role}: {ended:?}");
    }
}

#[test]
fn who_leaves_leaves_nothing_behind() {
    for (role, shown) in PROMPTS {
        for (pressed, expected) in [(keys::ESCAPE, "Escaped"), (keys::CTRL_C, "Interrupted")] {
            let ended = driven(role, 24, 80, &[(shown, pressed)]);
            assert_eq!((answer(&ended), ended.screen.as_str()), (expected, ""), "{role}");
            assert!(ended.code == 0 && ended.is_as_found(), "{role}: {ended:?}");
        }
    }
}

#[test]
fn ctrl_d_leaves_where_nothing_is_typed() {
    for (role, steps) in [
        ("pick-many", &[("esc: leave", keys::CTRL_D)][..]),
        ("edit-line", &[("1.0", keys::CTRL_U), ("tag ›\nenter", keys::CTRL_D)]),
        ("confirm", &[("(y/N)", keys::CTRL_D)]),
    ] {
        let ended = driven(role, 24, 80, steps);
        assert_eq!(answer(&ended), "Interrupted", "{role}");
        assert!(ended.is_as_found(), "{role}: {ended:?}");
    }
}

#[test]
fn somebody_can_be_asked_where_both_ends_are_terminals() {
    for (redirected, expected) in [("", "true"), ("<&- ", "false"), ("</dev/null", "false"), ("2>/dev/null", "false")] {
        let ended = Terminal::start(&within(&format!("exec \"$0\" \"$@\" {redirected}"), "possible"), 24, 80);
        assert_eq!(answer(&ended.unwrap().end().unwrap()), expected, "{redirected}");
    }
    let ended = Terminal::start(program("possible").env("TERM", "dumb"), 24, 80);
    assert_eq!(answer(&ended.unwrap().end().unwrap()), "false");
}

#[test]
fn what_was_on_the_screen_before_stays() {
    let command = within("printf 'one\\ntwo\\n' >&2; exec \"$0\" \"$@\"", "pick-one");
    // On eight rows there is room for all; on six the prompt makes what was there before scroll.
    for (rows, before, after) in
        [(8, "one\ntwo\n? Workload", "one\ntwo\n✔ Workload"), (6, "two\n? Workload", "two\n✔ Workload")]
    {
        let mut terminal = Terminal::start(&command, rows, 60).unwrap();
        for (row, pressed) in
            [("> deployment/web", keys::DOWN), ("> deployment/api", keys::UP), ("> deployment/web", "db")]
        {
            terminal.wait_for(row).unwrap();
            assert!(terminal.screen().text().starts_with(before), "{}", terminal.screen().text());
            terminal.press(pressed).unwrap();
        }
        terminal.wait_for("> statefulset/db").unwrap();
        terminal.press(keys::ENTER).unwrap();
        assert_eq!(terminal.end().unwrap().screen, format!("{after} · statefulset/db"));
    }
}

#[test]
fn narrow_and_tiny_terminals_will_do() {
    for (rows, columns) in [(24, 20), (3, 20), (3, 80), (2, 20), (1, 20)] {
        let mut terminal = Terminal::start(&program("pick-many"), rows, columns).unwrap();
        terminal.wait_for("[ ] deploy").unwrap();
        for (pressed, row) in [(keys::DOWN, "> [ ] deploy"), (keys::DOWN, "> [ ] statef"), (" ", "> [x] statef")] {
            terminal.press(pressed).unwrap();
            terminal.wait_for(row).unwrap();
        }
        terminal.press(keys::ENTER).unwrap();
        let ended = terminal.end().unwrap();
        assert_eq!(answer(&ended), "Given([2])", "{rows} {columns}");
        assert!(ended.is_as_found(), "{ended:?}");
    }
}

#[test]
fn a_question_of_several_lines_is_drawn_over_itself() {
    let ended = driven("confirm", 24, 20, &[("? Change 2\nworkloads in\n`shop`? (y/N)", "xxy")]);
    assert_eq!((answer(&ended), ended.screen.as_str()), ("Given(true)", "✔ Change 2 workloads\n in `shop`? · yes"));
}

#[test]
fn a_terminal_that_changes_its_size_is_drawn_anew() {
    let mut terminal = start("pick-name");
    terminal.wait_for("  name-21\n").unwrap();
    terminal.resize(30, 80).unwrap();
    terminal.wait_for("  name-27\n").unwrap();
    terminal.resize(30, 30).unwrap();
    terminal.wait_for("leave · …").unwrap();
    terminal.press(keys::ENTER).unwrap();
    assert_eq!(answer(&terminal.end().unwrap()), "Given(0)");
}

#[test]
fn an_arrow_key_that_comes_in_pieces_is_no_escape() {
    let mut terminal = start("pick-one");
    terminal.wait_for("> deployment/web").unwrap();
    for piece in ["\u{1b}", "[", "B"] {
        terminal.press(piece).unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    terminal.wait_for("> deployment/api").unwrap();
    terminal.press(keys::ENTER).unwrap();
    assert_eq!(answer(&terminal.end().unwrap()), "Given(1)");
}

#[test]
fn what_is_typed_ahead_is_for_the_next_prompt() {
    let ended = driven("two", 24, 80, &[("? First", "one\rtwo\r")]);
    assert_eq!(answer(&ended), "Given(\"one\") Given(\"two\")");
    assert_eq!(ended.screen, "✔ First · one\n✔ Second · two");
}

#[test]
fn text_from_outside_cannot_steer_the_terminal() {
    let ended = driven("hostile", 24, 80, &[("> a\u{fffd}[2J", keys::ENTER)]);
    assert_eq!(ended.screen, "✔ Workload\u{fffd}[2J · a\u{fffd}[2J\u{fffd}]0;title\u{fffd}b");
}

#[test]
fn a_signal_from_outside_gives_the_terminal_back() {
    let mut terminal = start("async");
    terminal.wait_for("? New tag › 1.0").unwrap();
    terminal.signal("INT").unwrap();
    let ended = terminal.end().unwrap();
    assert_eq!((answer(&ended), ended.screen.as_str()), ("a signal", ""));
    assert!(ended.code == 0 && ended.is_as_found(), "{ended:?}");
}

#[test]
fn a_prompt_that_is_given_up_takes_no_keys_from_the_next() {
    let ended = driven("given-up", 24, 80, &[("? Second", "abc\r")]);
    assert_eq!(answer(&ended), "true Ok(Given(\"abc\"))");
    assert_eq!(ended.screen, "✔ Second · abc");
    assert!(ended.is_as_found(), "{ended:?}");
}

#[test]
fn an_asynchronous_caller_gets_the_answer() {
    let ended = driven("async", 24, 80, &[("? New tag › 1.0", keys::CTRL_C)]);
    assert_eq!(answer(&ended), "Ok(Interrupted)");
    let ended = driven("async", 24, 80, &[("? New tag › 1.0", keys::ENTER)]);
    assert_eq!(answer(&ended), "Ok(Given(\"1.0\"))");
}

#[test]
fn a_panic_is_told_on_a_clean_terminal() {
    let ended = driven("edit-line", 24, 80, &[("? New tag › 1.0", "\u{15}panic\r")]);
    assert_eq!(ended.code, 101);
    assert!(ended.screen.contains("a check that panics") && !ended.screen.contains("New tag"), "{}", ended.screen);
    assert!(ended.is_as_found(), "{ended:?}");
}

#[test]
fn a_terminal_that_is_gone_ends_the_prompt() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("answer");
    // Without the signals that would end it at once, as under `nohup`.
    let mut command = within("trap '' HUP TERM; exec \"$0\" \"$@\"", "edit-line");
    command.env(FILE, &file);
    let mut terminal = Terminal::start(&command, 24, 80).unwrap();
    terminal.wait_for("? New tag › 1.0").unwrap();
    terminal.hang_up().unwrap();
    assert_eq!(eventually(&file), "Interrupted");
}

fn eventually(file: &Path) -> String {
    let start = Instant::now();
    loop {
        match std::fs::read_to_string(file) {
            Ok(text) if !text.is_empty() => return text,
            _ if start.elapsed() > Duration::from_secs(20) => return "nothing".to_owned(),
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

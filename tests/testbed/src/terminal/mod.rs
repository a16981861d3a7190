//! A person at a terminal: starts a program in a pseudo-terminal, presses keys, reads the screen, and looks at what
//! state the terminal is left in.
//!
//! All of it blocks. Async callers start and drive a [`Terminal`] within `tokio::task::spawn_blocking`.
//!
//! ```no_run
//! use std::process::Command;
//! use testbed::terminal::{Terminal, keys};
//!
//! let mut terminal = Terminal::start(Command::new("kubectl-freshimage").arg("bump"), 24, 80)?;
//! terminal.wait_for("? Workloads to bump")?;
//! terminal.press(" ")?;
//! terminal.press(keys::ENTER)?;
//! let ended = terminal.end()?;
//! assert_eq!((ended.code, ended.is_as_found()), (0, true));
//! # Ok::<(), std::io::Error>(())
//! ```

mod screen;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rexpect::session::{Options, PtySession, spawn_with_options};
use tempfile::TempDir;

pub use screen::Screen;

/// What keys send.
pub mod keys {
    /// Esc. Whatever is pressed right behind it may be taken for the rest of another key: wait for its effect first.
    pub const ESCAPE: &str = "\u{1b}";
    /// Enter.
    pub const ENTER: &str = "\r";
    /// Tab.
    pub const TAB: &str = "\t";
    /// Backspace.
    pub const BACKSPACE: &str = "\u{7f}";
    /// The arrow up.
    pub const UP: &str = "\u{1b}[A";
    /// The arrow down.
    pub const DOWN: &str = "\u{1b}[B";
    /// The arrow to the right.
    pub const RIGHT: &str = "\u{1b}[C";
    /// The arrow to the left.
    pub const LEFT: &str = "\u{1b}[D";
    /// Home.
    pub const HOME: &str = "\u{1b}[H";
    /// End.
    pub const END: &str = "\u{1b}[F";
    /// Ctrl-A.
    pub const CTRL_A: &str = "\u{1}";
    /// Ctrl-C.
    pub const CTRL_C: &str = "\u{3}";
    /// Ctrl-D.
    pub const CTRL_D: &str = "\u{4}";
    /// Ctrl-U.
    pub const CTRL_U: &str = "\u{15}";
}

/// How long anything is waited for; a machine that builds beside the tests is slow.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(10);

/// The shell stays when the program is gone, so that the terminal can be looked at as the program has left it.
const SHELL: &str = r#"
folder=$1; stdout=$2; stty sane rows "$3" cols "$4"; shift 4
tty > "$folder/tty"
trap : INT
sh -c 'echo $$ > "$0/pid"; exec "$@"' "$folder" "$@" > "$stdout"
echo $? > "$folder/code"
stty -a > "$folder/mode"
"#;

/// A program that runs in a terminal.
pub struct Terminal {
    session: PtySession,
    screen: Screen,
    folder: TempDir,
}

/// What a program has left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The exit code, as the shell tells it: 128 and the signal's number if one ended it.
    pub code: i32,
    /// What it wrote to stdout, if that was no terminal.
    pub stdout: String,
    /// The terminal's lines at the end, without spaces and empty lines at the ends.
    pub screen: String,
    /// The cursor is seen.
    pub cursor_visible: bool,
    /// The terminal's settings, `stty -a`.
    pub mode: String,
}

impl Ended {
    /// Whether the terminal can be used as before: the cursor is seen, and typed text is echoed and read by line.
    #[must_use]
    pub fn is_as_found(&self) -> bool {
        let set = |setting: &str| self.mode.split([' ', ';', '\n']).any(|word| word == setting);
        self.cursor_visible && ["echo", "icanon", "isig", "icrnl", "opost", "ixon"].into_iter().all(set)
    }
}

impl Terminal {
    /// Starts a command, with an environment that is empty but for `PATH`, `TERM` and what the command sets. Its stdin
    /// and stderr are the terminal; its stdout is a file.
    ///
    /// # Errors
    /// If there are no pseudo-terminals, or no shell.
    pub fn start(command: &Command, rows: usize, columns: usize) -> io::Result<Self> {
        Self::start_with(command, rows, columns, false)
    }

    /// The same with stdout on the terminal too, as when nothing is redirected.
    ///
    /// # Errors
    /// See [`Terminal::start`].
    pub fn start_whole(command: &Command, rows: usize, columns: usize) -> io::Result<Self> {
        Self::start_with(command, rows, columns, true)
    }

    fn start_with(command: &Command, rows: usize, columns: usize, whole: bool) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("stdout");
        File::create(&file)?;
        let mut shell = Command::new("sh");
        shell.env_clear().env("TERM", "xterm-256color");
        if let Some(path) = std::env::var_os("PATH") {
            shell.env("PATH", path);
        }
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        if let Some(directory) = command.get_current_dir() {
            shell.current_dir(directory);
        }
        shell.arg("-c").arg(SHELL).arg("sh").arg(folder.path());
        shell
            .arg(if whole { Path::new("/dev/tty") } else { &file })
            .args([rows, columns].map(|number| number.to_string()));
        shell.arg(command.get_program()).args(command.get_args());
        let patience = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
        let session = spawn_with_options(shell, Options::new().timeout_ms(Some(patience))).map_err(io::Error::other)?;
        Ok(Self { session, screen: Screen::new(rows, columns), folder })
    }

    /// Presses keys: text, and those of [`keys`].
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn press(&mut self, text: &str) -> io::Result<()> {
        self.session.send(text).and_then(|_| self.session.flush()).map_err(io::Error::other)
    }

    /// The screen as it is now.
    pub fn screen(&mut self) -> &Screen {
        while let Some(byte) = self.session.try_read() {
            // The library makes a character of each byte.
            self.screen.byte(u8::try_from(u32::from(byte)).unwrap_or(b'?'));
        }
        &self.screen
    }

    /// Waits until a text is on the screen.
    ///
    /// # Errors
    /// If it does not come.
    pub fn wait_for(&mut self, text: &str) -> io::Result<()> {
        self.wait_until(&format!("`{text}`"), |screen| screen.text().contains(text))
    }

    /// Waits until a text is no longer on the screen.
    ///
    /// # Errors
    /// If it stays.
    pub fn wait_for_end_of(&mut self, text: &str) -> io::Result<()> {
        self.wait_until(&format!("the end of `{text}`"), |screen| !screen.text().contains(text))
    }

    /// Waits until the screen is as it should be; `what` is for the message if it never is.
    ///
    /// # Errors
    /// If it never is.
    pub fn wait_until(&mut self, what: &str, is_right: impl Fn(&Screen) -> bool) -> io::Result<()> {
        let start = Instant::now();
        while !is_right(self.screen()) {
            if start.elapsed() > PATIENCE {
                let text = self.screen.text();
                return Err(io::Error::new(io::ErrorKind::TimedOut, format!("{what} did not come; there is\n{text}")));
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Gives the terminal another size. What is on it stays where it is.
    ///
    /// # Errors
    /// If `stty` fails.
    pub fn resize(&mut self, rows: usize, columns: usize) -> io::Result<()> {
        let terminal = File::open(self.told("tty")?)?;
        let [rows_word, columns_word] = [rows, columns].map(|number| number.to_string());
        let mut stty = Command::new("stty");
        stty.args(["rows", &rows_word, "cols", &columns_word]).stdin(terminal);
        // The program may draw for the new size before this one knows of it: what it draws has to fit by then.
        self.screen();
        if columns > self.screen.columns() {
            self.screen.resize(rows, columns);
            return succeed(&mut stty);
        }
        succeed(&mut stty)?;
        self.screen();
        self.screen.resize(rows, columns);
        Ok(())
    }

    /// Sends the program a signal, `INT`, as `kill` from another terminal does.
    ///
    /// # Errors
    /// If `kill` fails.
    pub fn signal(&mut self, signal: &str) -> io::Result<()> {
        let process = self.told("pid")?;
        succeed(Command::new("kill").arg(format!("-{signal}")).arg(process))
    }

    /// Takes the terminal away from under the program, as a connection that breaks does. The shell gets `TERM`.
    ///
    /// # Errors
    /// If the terminal is gone already.
    pub fn hang_up(self) -> io::Result<()> {
        let mut terminal = File::options().write(true).open(self.told("tty")?)?;
        drop(self);
        // The library's thread still holds the other end. It lets go once it has read something that nobody wants.
        terminal.write_all(b"\n")
    }

    /// Waits until the program has ended.
    ///
    /// # Errors
    /// If it does not end.
    pub fn end(mut self) -> io::Result<Ended> {
        match self.session.exp_eof() {
            Ok(rest) => {
                for character in rest.chars() {
                    self.screen.byte(u8::try_from(u32::from(character)).unwrap_or(b'?'));
                }
            }
            Err(_) => {
                let text = self.screen().text();
                return Err(io::Error::new(io::ErrorKind::TimedOut, format!("it did not end; there is\n{text}")));
            }
        }
        let code = self.told("code")?;
        Ok(Ended {
            code: code.parse().map_err(|_| io::Error::other(format!("`{code}` is no exit code")))?,
            stdout: fs::read_to_string(self.folder.path().join("stdout"))?,
            screen: self.screen.text(),
            cursor_visible: self.screen.cursor_visible(),
            mode: self.told("mode")?,
        })
    }

    /// What the shell wrote to a file, once it is there in full.
    fn told(&self, name: &str) -> io::Result<String> {
        let path = self.folder.path().join(name);
        let start = Instant::now();
        loop {
            match whole(&path) {
                Some(text) => return Ok(text),
                None if start.elapsed() > PATIENCE => {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, format!("the shell did not tell its {name}")));
                }
                None => thread::sleep(PAUSE),
            }
        }
    }
}

fn whole(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.ends_with('\n').then(|| text.trim().to_owned())
}

fn succeed(command: &mut Command) -> io::Result<()> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{command:?}: {status}"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn it_types_reads_and_tells_how_the_program_ended() {
        let mut terminal =
            Terminal::start(&shell("printf 'name? ' >&2; read name; echo \"$name\"; exit 3"), 24, 80).unwrap();
        terminal.wait_for("name?").unwrap();
        terminal.press("größe\n").unwrap();
        let ended = terminal.end().unwrap();
        assert_eq!((ended.code, ended.stdout.as_str(), ended.screen.as_str()), (3, "größe\n", "name? größe"));
        assert!(ended.is_as_found(), "{ended:?}");
    }

    #[test]
    fn it_sees_what_a_program_leaves_in_disorder() {
        for script in ["stty raw", "stty -echo", "stty -icanon", "printf '\\033[?25l' >&2"] {
            let ended = Terminal::start(&shell(script), 24, 80).unwrap().end().unwrap();
            assert!(!ended.is_as_found(), "{script}: {ended:?}");
        }
    }

    #[test]
    fn the_program_sees_the_size_and_that_it_changes() {
        let script = "stty size >&2; read line; stty size >&2";
        let mut terminal = Terminal::start(&shell(script), 5, 33).unwrap();
        terminal.wait_for("5 33").unwrap();
        terminal.resize(7, 44).unwrap();
        terminal.press("\n").unwrap();
        terminal.wait_for("7 44").unwrap();
        assert_eq!(terminal.end().unwrap().code, 0);
    }

    #[test]
    fn a_signal_reaches_the_program_alone() {
        let mut terminal = Terminal::start(&shell("echo ready >&2; exec sleep 60"), 24, 80).unwrap();
        terminal.wait_for("ready").unwrap();
        terminal.signal("INT").unwrap();
        assert_eq!(terminal.end().unwrap().code, 130);
    }

    #[test]
    fn ctrl_c_reaches_the_program() {
        let mut terminal = Terminal::start(&shell("echo ready >&2; exec sleep 60"), 24, 80).unwrap();
        terminal.wait_for("ready").unwrap();
        terminal.press(keys::CTRL_C).unwrap();
        assert_eq!(terminal.end().unwrap().code, 130);
    }
}

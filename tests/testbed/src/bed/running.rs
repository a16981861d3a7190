//! A run of the product that is not over: it can be watched, interrupted and killed.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::normalise::Normaliser;
use super::product::Ran;

/// How long the streams may stay open after the end: a child of the product may hold them.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A started product; dropping it kills it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    writing: JoinHandle<()>,
    stdout: Stream,
    stderr: Stream,
    started: Instant,
    deadline: Duration,
    normaliser: Normaliser,
}

impl Running {
    pub(super) fn new(
        mut child: Child,
        input: Vec<u8>,
        started: Instant,
        deadline: Duration,
        normaliser: Normaliser,
    ) -> Self {
        let mut stdin = child.stdin.take().expect("it was piped");
        let writing = tokio::spawn(async move {
            // A product that ends without reading is no mistake of the story's.
            let _ = stdin.write_all(&input).await;
        });
        let stdout = Stream::of(child.stdout.take().expect("it was piped"));
        let stderr = Stream::of(child.stderr.take().expect("it was piped"));
        Self { child, writing, stdout, stderr, started, deadline, normaliser }
    }

    /// Everything on stdout so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.stdout.so_far()
    }

    /// Everything on stderr so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.so_far()
    }

    /// Waits until one of the streams has this text.
    ///
    /// # Panics
    /// It ends without saying it, or takes too long to.
    pub async fn wait_said(&mut self, text: &str) {
        loop {
            let ended = self.child.try_wait().expect("a started process can be asked").is_some();
            if ended {
                self.stdout.close().await;
                self.stderr.close().await;
            }
            if self.stdout().contains(text) || self.stderr().contains(text) {
                return;
            }
            let late = self.started.elapsed() > self.deadline;
            assert!(!ended && !late, "the product never said `{text}`:\n{}\n{}", self.stdout(), self.stderr());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Whether it has ended by itself, or of a signal.
    ///
    /// # Panics
    /// The system does not tell.
    #[must_use]
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a started process can be asked").is_some()
    }

    /// Kills it: it can neither catch that nor clean up.
    pub fn kill(&mut self) {
        // It may have ended already.
        let _ = self.child.start_kill();
    }

    /// What Ctrl-C does.
    pub async fn interrupt(&self) {
        self.signal("INT").await;
    }

    /// What a system that shuts down does.
    pub async fn terminate(&self) {
        self.signal("TERM").await;
    }

    /// What the end of its terminal does.
    pub async fn hang_up(&self) {
        self.signal("HUP").await;
    }

    async fn signal(&self, name: &str) {
        let Some(id) = self.child.id() else { return };
        // The shell's own `kill`, since sending signals needs unsafe code or one more library.
        let script = format!("kill -s {name} {id}");
        let sent = Command::new("/bin/sh").args(["-c", &script]).stderr(Stdio::null()).status().await;
        // It may have ended already; only a shell that does not start is a mistake.
        sent.unwrap_or_else(|error| panic!("cannot send SIG{name}: {error}"));
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// It does not end within two minutes from its start.
    pub async fn wait(mut self) -> Ran {
        let left = self.deadline.saturating_sub(self.started.elapsed());
        let status = tokio::time::timeout(left, self.child.wait())
            .await
            .unwrap_or_else(|_| {
                panic!("the product did not end within {:?}:\n{}\n{}", self.deadline, self.stdout(), self.stderr())
            })
            .expect("a started process can be waited for");
        let took = self.started.elapsed();
        self.writing.abort();
        self.stdout.close().await;
        self.stderr.close().await;
        Ran {
            code: status.code(),
            signal: status.signal(),
            stdout: self.stdout(),
            stderr: self.stderr(),
            took,
            normaliser: self.normaliser,
        }
    }
}

/// One stream of the product, read as it comes.
#[derive(Debug)]
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    reading: JoinHandle<()>,
}

impl Stream {
    fn of(mut source: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&bytes);
        let reading = tokio::spawn(async move {
            let mut chunk = vec![0; 16 << 10];
            while let Ok(count @ 1..) = source.read(&mut chunk).await {
                sink.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&chunk[..count]);
            }
        });
        Self { bytes, reading }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Reads what is left after the process ended.
    async fn close(&mut self) {
        if !self.reading.is_finished() && tokio::time::timeout(LAST_WORDS, &mut self.reading).await.is_err() {
            self.reading.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Normaliser, Product};
    use super::*;

    fn shell(script: &str) -> Running {
        let home = std::env::temp_dir();
        let path = "/usr/bin:/bin";
        let product = Product::new(Path::new("/bin/sh"), Path::new("/none"), &home, path, Normaliser::default());
        product.args(&["-c", script]).spawn()
    }

    #[tokio::test]
    async fn a_killed_run_leaves_what_it_said_and_no_code() {
        let mut running = shell("trap '' INT TERM; echo begun; echo aside >&2; while :; do sleep 0.01; done");
        running.wait_said("begun").await;
        running.wait_said("aside").await;
        running.interrupt().await;
        assert!(!running.has_ended());
        running.kill();
        let ran = running.wait().await;
        assert_eq!((ran.code, ran.signal), (None, Some(9)));
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("begun\n", "aside\n"));
        assert!(ran.normalise().starts_with("exit signal\n"));
    }

    #[tokio::test]
    async fn an_interrupted_run_may_clean_up() {
        let mut running = shell("trap 'echo undone; exit 130' INT; echo begun; while :; do sleep 0.01; done");
        running.wait_said("begun").await;
        running.interrupt().await;
        let ran = running.wait().await;
        assert_eq!((ran.code, ran.signal, ran.stdout.as_str()), (Some(130), None, "begun\nundone\n"));
    }

    #[tokio::test]
    async fn a_child_that_holds_the_streams_does_not_hold_up_the_end() {
        let ran = shell("sleep 30 & echo done").wait().await;
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "done\n"));
        assert!(ran.took < Duration::from_secs(10));
    }

    #[tokio::test]
    #[should_panic(expected = "never said `more`")]
    async fn waiting_for_words_ends_with_the_run() {
        shell("echo less").wait_said("more").await;
    }
}

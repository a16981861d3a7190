//! Requests that wait for a story: it is told when one arrives, does something meanwhile, and says how it goes on.
//!
//! A paused request belongs to the server and not to its client any more. One whose client was killed is carried out
//! all the same when it is released, as by a real server that had read it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use futures::stream;
use tokio::sync::watch;

/// How long a story waits for a request before it fails.
const DEADLINE: Duration = Duration::from_secs(90);

/// Where a request waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// It was read, and nothing has been done about it.
    Before,
    /// It was carried out, and nothing was answered.
    After,
}

/// What becomes of a request that waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    None,
    GoesOn,
    IsCut,
}

/// The story's end of a pause. Dropping it lets the request go on.
#[derive(Debug)]
pub struct Paused {
    reached: watch::Receiver<bool>,
    verdict: watch::Sender<Verdict>,
}

impl Paused {
    /// Waits until a request has come here.
    ///
    /// # Panics
    /// None came for a long time.
    pub async fn reached(&mut self) {
        let reached = tokio::time::timeout(DEADLINE, self.reached.wait_for(|reached| *reached)).await;
        // A server that is gone sends no request any more.
        let came = reached.is_ok_and(|reached| reached.is_ok());
        assert!(came, "no request came to where one was to be paused");
    }

    /// Whether a request has come here.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        *self.reached.borrow()
    }

    /// Lets the request go on: it is carried out and answered, or only answered if it was carried out before.
    pub fn release(self) {
        self.verdict.send_replace(Verdict::GoesOn);
    }

    /// Cuts the connection: a request that waited before it was carried out never is, and no answer is sent.
    pub fn cut(self) {
        self.verdict.send_replace(Verdict::IsCut);
    }
}

/// The server's end of a pause.
#[derive(Debug)]
pub(crate) struct Gate {
    reached: watch::Sender<bool>,
    verdict: watch::Receiver<Verdict>,
}

impl Gate {
    /// Waits for the story. Whether the request goes on.
    pub(crate) async fn hold(mut self) -> bool {
        self.reached.send_replace(true);
        match self.verdict.wait_for(|verdict| *verdict != Verdict::None).await {
            Ok(verdict) => *verdict == Verdict::GoesOn,
            // The story let go of it without a word.
            Err(_) => true,
        }
    }
}

/// The pauses that wait for a request. Each is for one.
#[derive(Debug)]
pub(crate) struct Pauses<M>(Mutex<Vec<(M, Point, Gate)>>);

impl<M> Default for Pauses<M> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<M> Pauses<M> {
    pub(crate) fn add(&self, matching: M, point: Point) -> Paused {
        let (reached, reached_here) = watch::channel(false);
        let (verdict, verdict_here) = watch::channel(Verdict::None);
        let gate = Gate { reached, verdict: verdict_here };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((matching, point, gate));
        Paused { reached: reached_here, verdict }
    }

    /// Holds a request at this point if a pause is for it. Whether it goes on, or nothing if none is.
    pub(crate) async fn hold(&self, point: Point, matches: impl Fn(&M) -> bool) -> Option<bool> {
        let found = {
            let mut pauses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // One that the story let go of before any request came is for none.
            pauses.retain(|(_, _, gate)| gate.verdict.has_changed().is_ok_and(|changed| !changed));
            let at = pauses.iter().position(|(matching, at, _)| *at == point && matches(matching));
            at.map(|at| pauses.remove(at).2)
        };
        match found {
            Some(gate) => Some(gate.hold().await),
            None => None,
        }
    }
}

/// An "answer" with which the server ends the connection before it has sent a byte.
pub(crate) fn cut() -> Response<Body> {
    let broken = stream::once(async { Err::<bytes::Bytes, _>(std::io::Error::other("cut by the test bed")) });
    Response::new(Body::from_stream(broken))
}

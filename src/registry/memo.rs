//! Asking a question once, however many ask it at the same time or later.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

/// Answers by question. Whoever asks first works it out; the others wait for the same answer. If the first
/// is cancelled, the next in line takes over.
pub(super) struct Memo<K, V>(Mutex<HashMap<K, Arc<OnceCell<V>>>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K: Eq + Hash, V: Clone> Memo<K, V> {
    pub(super) async fn get<F: Future<Output = V>>(&self, key: K, answer: impl FnOnce() -> F) -> V {
        let cell = {
            // A panic elsewhere cannot leave the map half-written: only whole entries are added.
            let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry(key).or_default())
        };
        cell.get_or_init(answer).await.clone()
    }
}

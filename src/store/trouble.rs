//! What keeps the store from writing at the moment, for whoever asks whether the gate can do its work.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::store::StoreError;

/// The last failure that no later commit has disproved.
#[derive(Clone, Debug, Default)]
pub(super) struct Trouble(Arc<Mutex<Option<StoreError>>>);

impl Trouble {
    /// What it is.
    pub(super) fn now(&self) -> Option<StoreError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A commit came through, or did not. What says nothing about the disk changes nothing.
    pub(super) fn learn(&self, outcome: &Result<(), StoreError>) {
        let now = match outcome {
            Ok(()) => None,
            Err(error) if error.is_of_the_disk() => Some(error.clone()),
            Err(_) => return,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

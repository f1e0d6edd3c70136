//! The same question asked twice at a time is decided once: whoever comes second waits for the first.
//!
//! It deliberately remembers nothing: an answer that was given stands in the record. As many questions are under way as
//! requests are, and the doors bound those.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use tokio::sync::OwnedMutexGuard;

type Turn = Arc<tokio::sync::Mutex<()>>;

/// The questions under way, by their keys.
#[derive(Debug, Default)]
pub struct Flights(Mutex<HashMap<[u8; 32], Turn>>);

/// A question under way; the next of the same key goes on when it is dropped.
#[derive(Debug)]
pub struct Flight<'a> {
    flights: &'a Flights,
    key: [u8; 32],
    turn: Turn,
    held: Option<OwnedMutexGuard<()>>,
}

impl Flights {
    /// Waits until no question of this key is under way.
    pub async fn alone(&self, key: [u8; 32]) -> Flight<'_> {
        let turn = self.change(|under_way| Arc::clone(under_way.entry(key).or_default()));
        // Made before it waits: whoever gives up waiting leaves nothing behind either.
        let mut flight = Flight { flights: self, key, turn, held: None };
        flight.held = Some(Arc::clone(&flight.turn).lock_owned().await);
        flight
    }

    fn change<T>(&self, change: impl FnOnce(&mut HashMap<[u8; 32], Turn>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.held = None;
        self.flights.change(|under_way| {
            // Ours and the table's: nobody else waits, and nobody can begin to while the table is held.
            if Arc::strong_count(&self.turn) == 2 {
                under_way.remove(&self.key);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn under_way(flights: &Flights) -> usize {
        flights.change(|under_way| under_way.len())
    }

    #[tokio::test]
    async fn the_second_of_a_key_waits_and_another_key_does_not() {
        let flights = Flights::default();
        let first = flights.alone([1; 32]).await;
        let mut second = std::pin::pin!(flights.alone([1; 32]));
        assert!(second.as_mut().now_or_never().is_none());
        let other = flights.alone([2; 32]).await;
        assert_eq!(under_way(&flights), 2);
        drop(first);
        let second = second.await;
        assert_eq!(under_way(&flights), 2);
        drop((second, other));
        assert_eq!(under_way(&flights), 0, "nothing is left behind");
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_nothing_behind() {
        let flights = Flights::default();
        let first = flights.alone([1; 32]).await;
        let mut waiting = Box::pin(flights.alone([1; 32]));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(first);
        drop(waiting);
        assert_eq!(under_way(&flights), 0);
    }
}

//! The workers of scans. Those of a small scan wait for the next one, since changes come in groups and a start costs more
//! than the scan; whoever looked at everything ends, and so does who waited for nothing: each takes some 15 MB.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::gateway::posture::PostureRules;
use crate::gateway::workers::Pool;
use crate::gateway::workers::PoolError;

/// Workers of a scan are half of the cores, at most so many: a scan never takes the road's.
const MAX_WORKERS: usize = 4;

/// Workers that wait.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Crew(Mutex<Option<Waiting>>);

#[derive(Debug)]
struct Waiting {
    pool: Pool,
    rules: Arc<PostureRules>,
}

impl Crew {
    /// Workers that hold these rules: those that wait, or new ones.
    pub(super) async fn call(&self, rules: &Arc<PostureRules>) -> Result<Pool, PoolError> {
        let waiting = self.take().filter(|waiting| Arc::ptr_eq(&waiting.rules, rules));
        match waiting {
            Some(waiting) => Ok(waiting.pool),
            None => rules.pool(workers()).await,
        }
    }

    /// Has workers wait for the next scan. Those of whom one failed do not: they remember which question it was at, and
    /// a later scan is to try that again.
    pub(super) fn rest(&self, pool: Pool, rules: Arc<PostureRules>) {
        if pool.restarts() == 0 && !pool.is_stranded() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Waiting { pool, rules });
        }
    }

    /// Ends those who wait.
    pub(super) fn let_go(&self) {
        drop(self.take());
    }

    fn take(&self) -> Option<Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn workers() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (cores / 2).clamp(1, MAX_WORKERS)
}

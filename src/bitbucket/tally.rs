//! What was asked of Bitbucket since it was last told: by method, class, question and answer. Words of ours and numbers
//! alone, so that a record of it holds no address, name or answer.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use crate::bitbucket::transport::Call;
use crate::bitbucket::transport::CallClass;

/// Calls that have these in common are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// What the calls were for.
    pub class: CallClass,
    /// What was asked for, in fixed words: `the pipeline`, `the members of the workspace`.
    pub what: &'static str,
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The answer's status; none: no answer came.
    pub status: Option<u16>,
}

/// So many calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub calls: u64,
    /// Bytes of the bodies that came with a status of the 200s; of a refusal nothing is kept.
    pub bytes: u64,
}

/// Every call to one Bitbucket since it was last told. Questions are some fifty, so it stays small.
#[derive(Debug, Default)]
pub struct Tally(Mutex<BTreeMap<Asked, Sum>>);

impl Tally {
    /// A call that is about to be made. It is counted when this is dropped: a call that is given up was made too.
    pub(crate) fn line(&self, call: &Call, method: &'static str) -> Line<'_> {
        let asked = Asked { class: call.class, what: call.what, method, status: None };
        Line { tally: self, asked, bytes: 0 }
    }

    /// What was counted so far; from here on it counts anew.
    pub fn take(&self) -> BTreeMap<Asked, Sum> {
        std::mem::take(&mut self.counted())
    }

    /// Counts these again: they could not be told.
    pub fn give_back(&self, untold: BTreeMap<Asked, Sum>) {
        let mut counted = self.counted();
        for (asked, more) in untold {
            let sum = counted.entry(asked).or_default();
            sum.calls += more.calls;
            sum.bytes += more.bytes;
        }
    }

    fn counted(&self) -> MutexGuard<'_, BTreeMap<Asked, Sum>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call under way.
#[derive(Debug)]
pub(crate) struct Line<'t> {
    tally: &'t Tally,
    asked: Asked,
    bytes: u64,
}

impl Line<'_> {
    /// It was answered with this status.
    pub(crate) const fn answered(&mut self, status: u16) {
        self.asked.status = Some(status);
    }

    /// So much of the answer was read.
    pub(crate) const fn read(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let mut counted = self.tally.counted();
        let sum = counted.entry(self.asked).or_default();
        sum.calls += 1;
        sum.bytes += self.bytes;
    }
}

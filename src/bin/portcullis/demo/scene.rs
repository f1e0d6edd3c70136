//! One scene of the tour: something happens in the company, and the gate's decision is awaited and compared.

use std::collections::HashSet;
use std::time::Duration;

use portcullis::decision::Effect;
use portcullis::decision::Record;
use portcullis::event::EventKind;
use portcullis::gateway::telling::Filter;
use portcullis::gateway::telling::Told;
use portcullis::policy::Verdict;
use serde_json::Value;
use uuid::Uuid;

use crate::assembly::AssemblyError;
use crate::assembly::Running;
use crate::demo::show;

/// How long a decision may take. It takes milliseconds; the demo also runs on busy machines.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is expected of a scene.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// What the rules say.
    pub verdict: Verdict,
    /// What follows.
    pub effect: Effect,
}

/// Allow, and on.
pub const ALLOW: Expected = Expected { verdict: Verdict::Allow, effect: Effect::Proceed };
/// Somebody should know.
pub const ALERT: Expected = Expected { verdict: Verdict::Alert, effect: Effect::Proceed };
/// It waits.
pub const APPROVE: Expected = Expected { verdict: Verdict::Approve, effect: Effect::Wait };
/// It stops.
pub const BLOCK: Expected = Expected { verdict: Verdict::Block, effect: Effect::Stop };

/// Watches the decisions of a gateway and counts how many were as expected.
pub struct Watcher<'a> {
    running: &'a Running,
    seen: HashSet<Uuid>,
    /// Decisions shown so far.
    pub shown: usize,
    /// Those that were not as expected.
    pub wrong: usize,
}

impl<'a> Watcher<'a> {
    /// Nothing seen yet.
    pub fn new(running: &'a Running) -> Self {
        Self { running, seen: HashSet::new(), shown: 0, wrong: 0 }
    }

    /// Says what happens next.
    pub fn scene(&self, title: &str) {
        show::scene(title);
    }

    /// Waits for the decision that a webhook of this kind brings, shows it, and compares. Webhooks of one act come in no
    /// order, so the kind tells them apart.
    pub async fn next(
        &mut self,
        kind: EventKind,
        expected: Expected,
    ) -> Result<Told, AssemblyError> {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(told) = self.unseen(kind).await? {
                self.compare(&told, expected);
                return Ok(told);
            }
            if tokio::time::Instant::now() > until {
                return Err(AssemblyError::Other(format!(
                    "no decision on `{kind}` came within {} s",
                    PATIENCE.as_secs()
                )));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Shows the decision of a check's answer, and compares.
    pub async fn answered(
        &mut self,
        answer: &Value,
        expected: Expected,
    ) -> Result<Told, AssemblyError> {
        let id = answer["decision"].as_str().and_then(|id| id.parse().ok());
        let id: Uuid = id.ok_or_else(|| {
            AssemblyError::Other(format!("the gate refused the question: {answer}"))
        })?;
        let told = self.running.gateway.decision(id).await.map_err(AssemblyError::other)?;
        let told = told
            .ok_or_else(|| AssemblyError::Other("the decision is not in the record".to_owned()))?;
        self.seen.insert(id);
        self.compare(&told, expected);
        Ok(told)
    }

    /// Counts a claim of the tour beside the decisions.
    pub fn claim(&mut self, holds: bool, text: &str) {
        show::claim(holds, text);
        self.wrong += usize::from(!holds);
    }

    async fn unseen(&mut self, kind: EventKind) -> Result<Option<Told>, AssemblyError> {
        let page = self
            .running
            .gateway
            .decisions(Filter::default(), None, 50)
            .await
            .map_err(AssemblyError::other)?;
        let is_new = |record: &Record| {
            record.public.event == kind && !self.seen.contains(&record.public.decision)
        };
        let oldest = page.items.into_iter().rev().find(is_new);
        let Some(record) = oldest else { return Ok(None) };
        self.seen.insert(record.public.decision);
        Ok(Some(self.running.gateway.told(record).await.map_err(AssemblyError::other)?))
    }

    fn compare(&mut self, told: &Told, expected: Expected) {
        let public = &told.record.public;
        let good = public.verdict == expected.verdict && public.effect == expected.effect;
        show::decision(told);
        self.shown += 1;
        if !good {
            self.wrong += 1;
            show::claim(false, &format!("expected {} → {}", expected.verdict, expected.effect));
        }
    }
}

//! One scene of the tour: something happens in the company, and the gate's decision is awaited and compared.

use std::collections::HashMap;
use std::collections::HashSet;
use std::collections::hash_map::Entry;
use std::time::Duration;

use portcullis::decision::Effect;
use portcullis::decision::Record;
use portcullis::event::EventKind;
use portcullis::gateway::telling::Filter;
use portcullis::gateway::telling::Told;
use portcullis::graph::Product;
use portcullis::policy::Verdict;
use serde_json::Value;
use uuid::Uuid;

use crate::assembly::AssemblyError;
use crate::assembly::Running;
use crate::demo::show;
use crate::demo::show::Row;

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
    product: Product,
    scene: String,
    told: HashMap<String, usize>,
    /// Decisions shown so far.
    pub rows: Vec<Row>,
    /// What was not as expected, decisions and claims.
    pub wrong: usize,
}

impl<'a> Watcher<'a> {
    /// Nothing seen yet.
    pub fn new(running: &'a Running) -> Self {
        Self {
            running,
            seen: HashSet::new(),
            product: Product::Cloud,
            scene: String::new(),
            told: HashMap::new(),
            rows: Vec::new(),
            wrong: 0,
        }
    }

    /// From now on only decisions about this product are waited for: not every webhook of a scene is shown, and what is
    /// left of one must not be taken for what the next one brings.
    pub const fn turn_to(&mut self, product: Product) {
        self.product = product;
    }

    /// Says what happens next.
    pub fn scene(&mut self, title: &str) {
        show::scene(title);
        let (_, what) = title.split_once(": ").unwrap_or(("", title));
        what.clone_into(&mut self.scene);
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
            let public = &record.public;
            public.event == kind
                && public.product == self.product
                && !self.seen.contains(&public.decision)
        };
        let oldest = page.items.into_iter().rev().find(is_new);
        let Some(record) = oldest else { return Ok(None) };
        self.seen.insert(record.public.decision);
        Ok(Some(self.running.gateway.told(record).await.map_err(AssemblyError::other)?))
    }

    /// The decision before that told the same: reason, rules with their outcomes and facts, remedies.
    fn as_in(&mut self, number: usize, told: &Told) -> Option<usize> {
        let story = &told.story;
        let same = serde_json::json!([story.reason, story.rules, story.remedies]).to_string();
        match self.told.entry(same) {
            Entry::Occupied(earlier) if !story.rules.is_empty() => Some(*earlier.get()),
            Entry::Occupied(_) => None,
            Entry::Vacant(place) => {
                place.insert(number);
                None
            }
        }
    }

    fn compare(&mut self, told: &Told, expected: Expected) {
        let public = &told.record.public;
        let good = public.verdict == expected.verdict && public.effect == expected.effect;
        let number = self.rows.len() + 1;
        show::decision(number, told, self.as_in(number, told));
        if !good {
            self.wrong += 1;
            show::claim(false, &format!("expected {} → {}", expected.verdict, expected.effect));
        }
        // The first decision of a scene bears its title; what else follows from it is named by its kind.
        let what = std::mem::take(&mut self.scene);
        self.rows.push(Row {
            number,
            product: product(public.product),
            what: if what.is_empty() { format!("… {}", public.event) } else { what },
            verdict: public.verdict,
            effect: public.effect.to_string(),
            binds: public.binds,
            good,
        });
    }
}

const fn product(product: Product) -> &'static str {
    match product {
        Product::Cloud => "Cloud",
        Product::DataCenter => "Data Center",
    }
}

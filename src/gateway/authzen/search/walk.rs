//! The walk through candidates: in order, from where the page before ended, until the page is full, there are no more, or
//! it has looked as far as one request may.

use std::time::Duration;

use tokio::time::Instant;

use crate::decision::Effect;
use crate::gateway::Gateway;
use crate::gateway::authzen::body::Evaluation;
use crate::gateway::authzen::demand;
use crate::gateway::authzen::demand::About;
use crate::gateway::authzen::evaluation::Asking;
use crate::graph::NodeNo;
use crate::graph::Snapshot;

/// Most candidates of one request about whom the rules are asked. The next page goes on after them; without an end, one
/// search would keep the workers from the checks.
pub const MAX_LOOKED: usize = 500;

/// How long one request looks, below the deadline of its answer.
const LOOKS_FOR: Duration = Duration::from_secs(4);

/// How many candidates that the graph alone answers are passed before other tasks have a turn.
const BREATH: usize = 256;

/// A candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lead {
    /// A node of the graph.
    Node(NodeNo),
    /// A word: an id that rules declare, or an action.
    Word(String),
}

/// What a walk found.
#[derive(Debug, Default)]
pub struct Walked {
    /// Those that may, in order.
    pub found: Vec<Lead>,
    /// After which candidate the next page begins; none: there is nothing more.
    pub next: Option<String>,
    /// How many candidates the rules were asked about.
    pub looked: usize,
    /// Why it ended before the page was full.
    pub cut: Option<&'static str>,
}

impl Lead {
    /// What it is called in a question, and in which order it comes.
    pub fn key<'a>(&'a self, graph: &'a Snapshot) -> &'a str {
        match self {
            Self::Node(node) => graph.node(*node).map_or("", |node| node.id.native()),
            Self::Word(word) => word,
        }
    }
}

impl Gateway {
    /// Asks about one candidate after another, as an evaluation of each would be asked.
    pub(super) async fn walk(
        &self,
        asking: &Asking,
        leads: &[Lead],
        after: Option<String>,
        limit: usize,
        candidate: impl Fn(&Lead) -> Option<(Evaluation, About)>,
    ) -> Walked {
        let end = Instant::now() + LOOKS_FOR;
        let mut walked = Walked::default();
        let mut last = after.clone().unwrap_or_default();
        let begins = leads.partition_point(|lead| {
            after.as_deref().is_some_and(|after| lead.key(&asking.graph) <= after)
        });
        let rest = leads.get(begins..).unwrap_or_default();
        for (passed, lead) in rest.iter().enumerate() {
            let key = lead.key(&asking.graph);
            let cut = match () {
                () if walked.looked >= MAX_LOOKED => {
                    Some("the rules were asked about as many candidates as one request may")
                }
                () if Instant::now() >= end => Some("it took as long as one request may"),
                () => None,
            };
            if cut.is_some() {
                walked.cut = cut;
                walked.next = Some(last);
                return walked;
            }
            if passed % BREATH == BREATH - 1 {
                tokio::task::yield_now().await;
            }
            if self.may(asking, candidate(lead), &mut walked.looked).await {
                if walked.found.len() >= limit {
                    walked.next = Some(last);
                    return walked;
                }
                walked.found.push(lead.clone());
            }
            last.clear();
            last.push_str(key);
        }
        walked
    }

    /// What an evaluation of the question would decide. Whom the graph denies, the rules are not asked about.
    async fn may(
        &self,
        asking: &Asking,
        candidate: Option<(Evaluation, About)>,
        looked: &mut usize,
    ) -> bool {
        let Some((question, about)) = candidate else { return false };
        if !demand::unmet(&asking.place(), &about, &question.action.name).is_empty() {
            return false;
        }
        *looked += 1;
        let judged = self.weigh_question(asking, &question, &about).await;
        judged.record.public.effect == Effect::Proceed
    }
}

//! What was seen meets what is kept: the next state of each finding, its entries and its notices, in one transaction.

use std::collections::BTreeMap;

use crate::gateway::Gateway;
use crate::gateway::patrol::scan::Beat;
use crate::graph::Id;
use crate::graph::Time;
use crate::graph::Why;
use crate::posture::Catalogue;
use crate::posture::Gap;
use crate::posture::Kept;
use crate::posture::Listing;
use crate::posture::Outcome;
use crate::posture::judge;
use crate::posture::lifecycle;
use crate::posture::lifecycle::Hold;
use crate::posture::lifecycle::News;
use crate::posture::lifecycle::Next;
use crate::posture::lifecycle::Presence;
use crate::posture::lifecycle::Seen;
use crate::store::FindingMove;
use crate::store::ScanMark;
use crate::store::Stays;
use crate::store::StoreError;

/// Why a rule tells nothing that told something before.
const NOT_ASKED: &str = "the rule is not asked about this any more: it is switched off here, or no longer among the rules";

impl Gateway {
    /// Takes in what was seen of these subjects; what is kept about them and was not seen is told apart: the subject is
    /// gone, or could not be read, or the rule is asked no more.
    pub(in crate::gateway) async fn settle(
        &self,
        beat: &Beat,
        ids: &[Id],
        seen: Vec<Seen>,
    ) -> Result<(), StoreError> {
        let _alone = self.patrol.moving.lock().await;
        let kept = self.store.findings_about(ids).await?;
        let mut kept: BTreeMap<String, Kept> =
            kept.into_iter().map(|one| (one.id(), one)).collect();
        let now = self.clock.now();
        let mut moves = Vec::new();
        for seen in seen {
            let id = crate::posture::finding::id(&seen.rule, &seen.subject.id);
            let listing = beat.catalogue.rule(&seen.rule);
            let before = kept.remove(&id);
            let next = lifecycle::next(before.as_ref(), seen, now);
            // A whole scan tells by itself when it looked; a part of one says so finding by finding.
            if let (Hold::Same, Some(before), ScanMark::Part) = (&next.hold, &before, beat.mark) {
                moves.push(looked_at(before, now));
                continue;
            }
            moves.extend(self.moved(next, before, listing));
        }
        let mut strays = Vec::new();
        for (_, before) in kept {
            let listing = beat.catalogue.rule(&before.rule);
            let next = match unseen(beat, &before) {
                Unseen::Forgotten => {
                    Next { hold: Hold::Forget, steps: Vec::new(), news: News::None }
                }
                Unseen::Seen(seen) => {
                    if seen.outcome == Outcome::Unknown {
                        strays.push((seen.subject.id.clone(), seen.rule.clone()));
                    }
                    lifecycle::next(Some(&before), *seen, now)
                }
            };
            moves.extend(self.moved(next, Some(before), listing));
        }
        self.keep_moves(moves).await?;
        self.patrol.strays.note(ids, strays);
        Ok(())
    }

    /// Ends acceptances that are over.
    pub(in crate::gateway) async fn lapse_findings(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        loop {
            let _alone = self.patrol.moving.lock().await;
            let lapsed = self.store.lapsed_findings(now).await?;
            if lapsed.is_empty() {
                return Ok(());
            }
            let catalogue = self.catalogue();
            let moves = lapsed.iter().filter_map(|kept| {
                let next = lifecycle::expire(kept, now);
                self.moved(next, None, catalogue.rule(&kept.rule))
            });
            let moves: Vec<_> = moves.collect();
            if moves.is_empty() {
                return Ok(());
            }
            self.keep_moves(moves).await?;
        }
    }

    /// Writes what happened, and wakes who tells of it. Called with `moving` held.
    pub(in crate::gateway) async fn keep_moves(
        &self,
        moves: Vec<FindingMove>,
    ) -> Result<(), StoreError> {
        let rings = moves.iter().any(|one| !one.notices.is_empty());
        self.store.keep_findings(moves, self.clock.now()).await?;
        if rings {
            self.courier_bell.notify_one();
        }
        Ok(())
    }

    /// What is to be written, if anything; `before` is what is kept.
    pub(in crate::gateway) fn moved(
        &self,
        next: Next,
        before: Option<Kept>,
        listing: Option<&Listing>,
    ) -> Option<FindingMove> {
        let (kept, stays) = match next.hold {
            Hold::Nothing | Hold::Same => return None,
            Hold::Keep(kept) => (*kept, Stays::Kept),
            Hold::Forget => (before?, Stays::Forgotten),
        };
        let notices = match next.news {
            News::None => Vec::new(),
            News::Failure => self.notices_of_finding(&kept, listing, &next.steps),
        };
        Some(FindingMove { kept, stays, steps: next.steps, notices })
    }

    /// What posture rules can find.
    pub fn catalogue(&self) -> Catalogue {
        Catalogue::of(&self.policies.posture().bundle)
    }
}

fn looked_at(kept: &Kept, now: Time) -> FindingMove {
    FindingMove {
        kept: Kept { last_seen: now, ..kept.clone() },
        stays: Stays::Kept,
        steps: Vec::new(),
        notices: Vec::new(),
    }
}

/// What to make of a finding that nothing was seen of.
enum Unseen {
    /// It is kept no longer.
    Forgotten,
    /// This is as good as seen.
    Seen(Box<Seen>),
}

fn unseen(beat: &Beat, kept: &Kept) -> Unseen {
    let graph = &beat.round.graph;
    let subject = &kept.subject;
    let gap = |path: &str, why: &str| Gap { path: path.to_owned(), why: why.to_owned() };
    let (outcome, presence, unknown) = if graph.find(&subject.id).is_some() {
        if !kept.failed {
            return Unseen::Forgotten;
        }
        (Outcome::Unknown, Presence::There, vec![gap(judge::ITSELF, NOT_ASKED)])
    } else {
        match graph.doubts_that_gone(&subject.id, subject.place.as_ref()) {
            Some(why) => (Outcome::Unknown, Presence::There, vec![gap("subject", &missing(&why))]),
            None => (Outcome::Pass, Presence::Gone, Vec::new()),
        }
    };
    Unseen::Seen(Box::new(Seen {
        rule: kept.rule.clone(),
        subject: subject.clone(),
        presence,
        severity: kept.severity,
        outcome,
        reasons: Vec::new(),
        unknown,
        facts: Vec::new(),
        as_of: kept.as_of,
        owner: kept.owner.clone(),
    }))
}

fn missing(why: &Why) -> String {
    format!("it does not stand in the lists that were read, and one could not be: {}", why.as_str())
}

//! Who is to be told of what: a decision, a pause or a trouble of the gateway's own becomes notices, which are recorded
//! with it. Nothing is sent here: that is the `courier`'s.
//!
//! A decision's cause is its connection, rule, verdict, action, place (pull request, ref or repository) and environment.
//! A ticket is a cause of its own: somebody waits for each.

use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

use crate::decision::Mode;
use crate::decision::Record;
use crate::decision::doorbell;
use crate::decision::narrative::shown;
use crate::decision::record::Asked;
use crate::decision::record::Surface;
use crate::event::Facts;
use crate::gateway::Active;
use crate::gateway::Gateway;
use crate::gateway::names;
use crate::gateway::road::Matter;
use crate::gateway::road::STEP_IS_REAL;
use crate::gateway::status;
use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::notify::ChannelId;
use crate::notify::On;
use crate::notify::Severity;
use crate::notify::message;
use crate::notify::message::Item;
use crate::notify::route::Cause;
use crate::notify::route::Force;
use crate::notify::route::When;
use crate::policy::Verdict;
use crate::store::NewNotice;
use crate::store::Tell;

/// How long an alarm reaches nobody again. Shorter than a decision's cause: it was over, and has come back.
const ALARM_ONCE_PER: Duration = Duration::from_hours(1);

/// Longest sentence of a reason, bytes: that of a commit status.
const MAX_REASON: usize = status::MAX_TEXT_BYTES;

/// What a channel hears of one decision.
#[derive(Default)]
struct Heard {
    when: Option<When>,
    rules: Vec<message::Rule>,
    causes: Vec<String>,
    severity: Option<Severity>,
}

impl Gateway {
    /// Who is told of a decision. An Allow reaches nobody, and costs nothing.
    pub(in crate::gateway) fn notices_of(
        &self,
        matter: &Matter,
        record: &Record,
        active: &Active,
    ) -> Vec<NewNotice> {
        let told = record.public.verdict > Verdict::Allow;
        let follows = record.public.surface != Surface::Simulation;
        if !told || !follows || self.notify.is_deaf() {
            return Vec::new();
        }
        let place = self.place(&matter.document.facts);
        let mut heard: BTreeMap<ChannelId, Heard> = BTreeMap::new();
        for asked in &record.public.rules {
            let Some(spoken) = spoken(record, asked, active) else { continue };
            let cause = Cause {
                on: spoken.on,
                severity: Some(spoken.severity),
                rule: Some(asked.rule.as_str()),
                connection: Some(&record.public.connection),
                project: place.project.as_deref(),
                repository: place.repository.as_deref(),
                force: spoken.force,
            };
            for (channel, when) in self.notify.routes.hearers(&cause) {
                let heard = heard.entry(channel).or_default();
                heard.when = heard.when.max(Some(when));
                heard.severity = heard.severity.max(Some(spoken.severity));
                heard.causes.push(cause_of(matter, record, &spoken.rule));
                heard.rules.push(spoken.rule.clone());
            }
        }
        heard
            .into_iter()
            .filter_map(|(channel, heard)| self.notice(&channel, heard, record, &place))
            .collect()
    }

    fn notice(
        &self,
        channel: &ChannelId,
        heard: Heard,
        record: &Record,
        place: &Place,
    ) -> Option<NewNotice> {
        let public = &record.public;
        let item = Item::Decision(message::Decision {
            decision: public.decision,
            at: public.at,
            connection: public.connection.clone(),
            verdict: public.verdict.as_str().to_owned(),
            effect: public.effect.as_str().to_owned(),
            severity: heard.severity,
            project: place.project.as_deref().map(shown),
            rules: heard.rules,
            reason: reason(record),
            ticket: public.ticket,
            link: match public.ticket {
                Some(ticket) => format!("{}/t/{ticket}", self.public_url),
                None => format!("{}/d/{}", self.public_url, public.decision),
            },
        });
        let mut causes = heard.causes;
        causes.sort();
        causes.dedup();
        Some(NewNotice {
            channel: channel.to_string(),
            about: public.decision,
            causes,
            tell: tell(heard.when?)?,
            held_since: public.at.minus(self.notify.once_per),
            item: serde_json::to_vec(&item).ok()?,
        })
    }

    /// Connections where rules are enforced and nobody is the security contact: what no route tells, nobody hears.
    pub fn unheard(&self) -> Vec<ConnectionId> {
        let (active, modes) = (self.active_bundle(), self.modes.load());
        let enforced = |id: &ConnectionId| {
            active.rules.iter().any(|rule| modes.anywhere(id, &rule.id) == Mode::Enforce)
        };
        let ids = self.connections.iter().map(|connection| connection.id.clone());
        ids.filter(|id| !self.notify.routes.contacts.contains_key(id) && enforced(id)).collect()
    }

    /// Who is told that the gateway itself is in trouble.
    pub(in crate::gateway) fn notices_of_alarm(&self, alarm: &message::Alarm) -> Vec<NewNotice> {
        let held_since = alarm.at.minus(ALARM_ONCE_PER);
        let cause = format!("alarm\n{}", alarm.alarm);
        self.notices_on(On::Alarm, &Item::Alarm(alarm.clone()), (Uuid::now_v7(), cause, held_since))
    }

    /// Who is told of a step of a pause. Each step is told once, however often it is looked at.
    pub(in crate::gateway) fn notices_of_pause(&self, pause: &message::Pause) -> Vec<NewNotice> {
        let cause = format!("pause\n{}\n{}", pause.pause, pause.step);
        let ever = Time::from_millis(0);
        self.notices_on(On::Pause, &Item::Pause(pause.clone()), (pause.pause, cause, ever))
    }

    /// Who is told of evidence that ends: of each step once, however often it is looked at.
    pub(in crate::gateway) fn notices_of_evidence(
        &self,
        evidence: &message::Evidence,
    ) -> Vec<NewNotice> {
        let cause = format!("evidence\n{}\n{}", evidence.evidence, evidence.step);
        let asked = Cause { connection: Some(&evidence.connection), ..nowhere(On::Evidence) };
        let ever = Time::from_millis(0);
        let item = Item::Evidence(evidence.clone());
        self.notices_by(&asked, &item, (evidence.evidence, cause, ever))
    }

    /// Notices of what concerns no connection.
    fn notices_on(
        &self,
        on: On,
        item: &Item,
        (about, cause, held_since): (Uuid, String, Time),
    ) -> Vec<NewNotice> {
        self.notices_by(&nowhere(on), item, (about, cause, held_since))
    }

    fn notices_by(
        &self,
        asked: &Cause<'_>,
        item: &Item,
        (about, cause, held_since): (Uuid, String, Time),
    ) -> Vec<NewNotice> {
        let Ok(bytes) = serde_json::to_vec(item) else { return Vec::new() };
        let hearers = self.notify.routes.hearers(asked).into_iter();
        let notices = hearers.filter_map(|(channel, when)| {
            Some(NewNotice {
                channel: channel.to_string(),
                about,
                causes: vec![cause.clone()],
                tell: tell(when)?,
                held_since,
                item: bytes.clone(),
            })
        });
        notices.collect()
    }

    /// Where it happened, as the table asks: what the event tells, else what the graph knows.
    fn place(&self, facts: &Facts) -> Place {
        let told = facts.resource.value().and_then(|resource| resource.repository.value());
        let graph = self.graph.load();
        let node = names::repository_id(facts).and_then(|id| graph.find(id));
        let known = || {
            let project = graph.project_of(node?)?;
            graph.text(project, "key").value().map(|key| (*key).to_owned())
        };
        Place {
            project: told.and_then(|one| one.project.value().cloned()).or_else(known),
            repository: told
                .and_then(|one| one.name.value().cloned())
                .or_else(|| graph.full_name(node?)),
        }
    }
}

/// A cause that is about no place.
const fn nowhere(on: On) -> Cause<'static> {
    Cause {
        on,
        severity: None,
        rule: None,
        connection: None,
        project: None,
        repository: None,
        force: Force::Bites,
    }
}

struct Place {
    project: Option<String>,
    repository: Option<String>,
}

/// A rule that had something to say.
struct Spoken {
    on: On,
    severity: Severity,
    force: Force,
    rule: message::Rule,
}

/// What a rule said, if anybody has to hear it. The gate's own demand has no severity of its own: it is about a token
/// that may be stolen.
fn spoken(record: &Record, asked: &Asked, active: &Active) -> Option<Spoken> {
    let verdict = asked.verdict?;
    if verdict == Verdict::Approve && record.is_satisfied(&asked.rule) {
        return None;
    }
    let rule = active.bundle.rule(&asked.rule);
    let own = if asked.rule.as_str() == STEP_IS_REAL { Severity::High } else { Severity::Medium };
    let severity = rule.and_then(|rule| Severity::from_text(rule.severity.as_str()));
    let force = match asked.mode {
        Mode::Enforce => Force::Bites,
        Mode::Shadow | Mode::Off => Force::Shadow,
    };
    Some(Spoken {
        on: on(verdict)?,
        severity: severity.unwrap_or(own),
        force,
        rule: message::Rule {
            rule: asked.rule.to_string(),
            title: rule
                .map_or_else(|| "The gate's own demand".to_owned(), |rule| shown(&rule.title)),
            verdict: verdict.as_str().to_owned(),
            shadow: force == Force::Shadow,
        },
    })
}

const fn on(verdict: Verdict) -> Option<On> {
    match verdict {
        Verdict::Allow => None,
        Verdict::Alert => Some(On::Alert),
        Verdict::Approve => Some(On::Approve),
        Verdict::Block => Some(On::Block),
    }
}

/// When a notice is told, if ever.
pub(in crate::gateway) const fn tell(when: When) -> Option<Tell> {
    match when {
        When::Never => None,
        When::Digest => Some(Tell::Digest),
        When::Now => Some(Tell::Now),
    }
}

fn cause_of(matter: &Matter, record: &Record, rule: &message::Rule) -> String {
    let facts = &matter.document.facts;
    if let Some(ticket) = record.public.ticket {
        return format!("ticket\n{ticket}");
    }
    let environment = facts.resource.value().and_then(|resource| resource.environment.value());
    let environment = environment.and_then(|one| one.id.value());
    let claimed = matter.document.claimed.value();
    let claimed = claimed.and_then(|claimed| claimed.environment.value());
    let parts = [
        "decision",
        matter.connection.id.as_str(),
        &rule.rule,
        &rule.verdict,
        &matter.document.action,
        &place_of(facts),
        environment.map_or("", |id| id.as_str()),
        claimed.map_or("", String::as_str),
    ];
    parts.join("\n")
}

/// The pull request, else the ref, else the repository: never the step, or each run would be a cause of its own.
fn place_of(facts: &Facts) -> String {
    let home = names::repository_id(facts).map_or("-", |id| id.as_str());
    match (facts.pull_request.value().and_then(|one| one.id.value()), names::reference(facts)) {
        (Some(id), _) => format!("{home}#{id}"),
        (None, Some(name)) => format!("{home}:{name}"),
        (None, None) => home.to_owned(),
    }
}

/// The first sentence that anyone may read, with what softened the effect before it.
fn reason(record: &Record) -> String {
    status::cut(&status::softened(record, &doorbell::reason(record)), MAX_REASON)
}

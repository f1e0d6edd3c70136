//! What a message says. It is written once and sent as written: a second try has the same bytes.
//!
//! The shape is that of Standard Webhooks: `type`, `timestamp`, `data`. Every `data` has a `text`, one line for people, so
//! that a receiver can pass it on without knowing more.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::notify::On;
use crate::notify::Severity;

/// Decisions or causes that one message lists; the others are counted. At some 700 bytes each it stays far below the
/// 256 KiB that many receivers take.
pub const MAX_LISTED: usize = 100;

/// A thing to be told, as it is kept until it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "item", rename_all = "lowercase")]
pub enum Item {
    /// A decision.
    Decision(Decision),
    /// A posture rule that fails.
    Finding(Finding),
    /// The gateway is in trouble.
    Alarm(Alarm),
    /// A step of a pause.
    Pause(Pause),
    /// Evidence ends.
    Evidence(Evidence),
}

/// What is told of a decision: nothing that the page behind its link does not show to anybody, but the project's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Its id.
    pub decision: Uuid,
    /// When it was made.
    pub at: Time,
    /// Where.
    pub connection: ConnectionId,
    /// The verdict, in a word.
    pub verdict: String,
    /// The effect, in a word.
    pub effect: String,
    /// How bad the worst of its rules says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Key of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The rules because of which this channel hears it.
    pub rules: Vec<Rule>,
    /// First sentence of the reason, with what softened the effect before it.
    pub reason: String,
    /// The ticket it opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Uuid>,
    /// Where to look.
    pub link: String,
}

/// A rule that spoke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its id.
    pub rule: String,
    /// One line for people.
    pub title: String,
    /// What it says.
    pub verdict: String,
    /// Whether it is in shadow.
    pub shadow: bool,
}

/// What is told of a posture rule that fails: neither the name of what it is about nor any person's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its id.
    pub finding: String,
    /// When it was found.
    pub at: Time,
    /// Where.
    pub connection: ConnectionId,
    /// The rule's id.
    pub rule: String,
    /// One line for people.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is news: `found`, `regressed`, `lapsed`, or `changed` where only what it rests on is new.
    pub news: String,
    /// What kind of thing it is about.
    pub subject: String,
    /// Key of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// What shows the rest.
    pub look: String,
}

/// What is told when the gateway is in trouble.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// A word of ours, that of the metric.
    pub alarm: String,
    /// When it was raised.
    pub at: Time,
    /// What is wrong.
    pub text: String,
    /// What to do.
    pub next: String,
}

/// What is told of a pause. Who wanted it and why stand in the record, sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Its id.
    pub pause: Uuid,
    /// One word: `asked`, `started`, `half-time`, `ended`, `resumed`, `lapsed`.
    pub step: String,
    /// When.
    pub at: Time,
    /// When it ends by itself, once it is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// What that means.
    pub text: String,
}

/// What is told of evidence that ends. Whose it is and whom it names stand in the record, sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Its id.
    pub evidence: Uuid,
    /// What it is, a word of ours.
    pub kind: String,
    /// The connection it is about.
    pub connection: ConnectionId,
    /// One word: `ending`, `ended`.
    pub step: String,
    /// When that is said.
    pub at: Time,
    /// Until when it counts.
    pub until: Time,
    /// What that means, and what to do.
    pub text: String,
}

/// A message as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its `type`.
    pub kind: &'static str,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// Several things with one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// How many.
    pub count: u64,
    /// The newest of them.
    pub newest: Item,
}

impl Item {
    /// What it is, as the route table says it.
    pub fn on(&self) -> Option<On> {
        match self {
            Self::Decision(decision) => On::from_text(&decision.verdict),
            Self::Finding(_) => Some(On::Finding),
            Self::Alarm(_) => Some(On::Alarm),
            Self::Pause(_) => Some(On::Pause),
            Self::Evidence(_) => Some(On::Evidence),
        }
    }

    /// One line for people.
    pub fn text(&self) -> String {
        match self {
            Self::Decision(decision) => decision.text(),
            Self::Finding(finding) => finding.text(),
            Self::Alarm(alarm) => format!("{} {}", alarm.text, alarm.next),
            Self::Pause(pause) => pause.text.clone(),
            Self::Evidence(evidence) => evidence.text.clone(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Decision(_) => match self.on() {
                Some(On::Approve) => "decision.approve",
                Some(On::Block) => "decision.block",
                Some(On::Alert | On::Finding | On::Alarm | On::Pause | On::Evidence) | None => {
                    "decision.alert"
                }
            },
            Self::Finding(_) => "finding",
            Self::Alarm(_) => "gate.alarm",
            Self::Pause(_) => "gate.pause",
            Self::Evidence(_) => "gate.evidence",
        }
    }

    fn data(&self) -> Value {
        match self {
            Self::Decision(decision) => with_text(decision, self.text()),
            Self::Finding(finding) => with_text(finding, self.text()),
            Self::Alarm(alarm) => with_text(alarm, self.text()),
            Self::Pause(pause) => with_text(pause, self.text()),
            Self::Evidence(evidence) => with_text(evidence, self.text()),
        }
    }
}

impl Decision {
    fn text(&self) -> String {
        let place = match &self.project {
            Some(project) => format!("{}, project {project}", self.connection),
            None => self.connection.to_string(),
        };
        let verdict = aloud(&self.verdict);
        format!("{verdict} on {place}: {} {}", self.reason, self.link)
    }
}

impl Finding {
    fn text(&self) -> String {
        let place = match &self.project {
            Some(project) => format!("{}, project {project}", self.connection),
            None => self.connection.to_string(),
        };
        let news = match self.news.as_str() {
            "regressed" => " It was fixed, and fails again.",
            "lapsed" => " It was accepted for a while, which is over.",
            "changed" => " It was told before; what it rests on is new.",
            _ => "",
        };
        let severity = aloud(self.severity.as_str());
        let Self { title, subject, look, .. } = self;
        format!("{severity} finding on {place}: {title} (a {subject}).{news} See `{look}`.")
    }
}

/// A word as people say it.
fn aloud(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

fn with_text(of: &impl Serialize, text: String) -> Value {
    let mut data = serde_json::to_value(of).unwrap_or_default();
    if let Some(members) = data.as_object_mut() {
        members.insert("text".to_owned(), text.into());
    }
    data
}

fn written(kind: &'static str, at: Time, data: &Value) -> Message {
    let body = json!({"type": kind, "timestamp": at, "data": data}).to_string().into_bytes();
    Message { kind, body }
}

/// A message of one thing.
pub fn one(item: &Item, at: Time) -> Message {
    written(item.kind(), at, &item.data())
}

/// One message for many decisions and findings that came at once, of which the first [`MAX_LISTED`] are listed.
pub fn many(items: &[Item], at: Time) -> Message {
    let (count, left_out) = (items.len(), items.len().saturating_sub(MAX_LISTED));
    let mut of: BTreeMap<On, usize> = BTreeMap::new();
    for on in items.iter().filter_map(Item::on) {
        *of.entry(on).or_default() += 1;
    }
    let counted: Vec<String> =
        of.iter().rev().map(|(on, n)| format!("{n} {}", aloud(on.as_str()))).collect();
    let rows: Vec<Value> = items.iter().take(MAX_LISTED).map(Item::data).collect();
    let findings = of.get(&On::Finding).copied().unwrap_or_default();
    let (kind, what, list) = match findings {
        0 => ("decisions.many", "decisions", "decisions"),
        all if all == count => ("findings.many", "findings", "findings"),
        _ => ("decisions.many", "decisions and findings", "decisions"),
    };
    let text = format!("{count} {what} at once: {}.", counted.join(", "));
    let mut data = json!({"text": text, "count": count, "left_out": left_out});
    if let Some(members) = data.as_object_mut() {
        members.insert(list.to_owned(), rows.into());
    }
    written(kind, at, &data)
}

/// The daily digest: what was not told by itself, cause by cause, of which `left_out` more are not listed.
pub fn digest(groups: &[Group], left_out: u64, at: Time) -> Message {
    let count: u64 = groups.iter().map(|group| group.count).sum();
    let causes = groups.len() as u64 + left_out;
    let text = format!("{count} things were not told one by one, with {causes} causes.");
    let rows = groups.iter().take(MAX_LISTED).map(|group| {
        let mut row = group.newest.data();
        if let Some(members) = row.as_object_mut() {
            members.insert("times".to_owned(), group.count.into());
            members.insert("type".to_owned(), group.newest.kind().into());
        }
        row
    });
    let rows: Vec<Value> = rows.collect();
    let data = json!({"text": text, "count": count, "causes": causes, "left_out": left_out, "items": rows});
    written("digest", at, &data)
}

/// A message that only shows that messages arrive.
pub fn test(at: Time) -> Message {
    let text = "A test of this channel from the gate: nothing has happened.";
    written("gate.test", at, &json!({ "text": text }))
}

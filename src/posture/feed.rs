//! What came, changed and went in the shipped catalogue, edition by edition, as Atom (RFC 4287) and JSON Feed 1.1.
//!
//! The history is a committed file: each edition says how the rules stand that were not so in the edition before. What
//! an edition did is worked out from that, never written by hand, and a test holds the last edition against the rules, so
//! that no change of theirs goes without news. It tells of shipped rules alone; your own folder has no editions.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use serde::Serialize;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;
use uuid::Builder;

use crate::graph::Time;
use crate::policy::RuleId;
use crate::policy::bundle::Severity;
use crate::posture::Catalogue;
use crate::posture::Listing;
use crate::words;

/// The committed file.
const SHIPPED: &str = include_str!("../../policies/posture/history.json");

/// The title of both feeds.
const TITLE: &str = "Portcullis: the findings it knows";

/// Every edition, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// The editions.
    pub editions: Vec<Edition>,
}

/// The catalogue as it was given out one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edition {
    /// Its day, the beginning of it in UTC.
    pub at: Time,
    /// Rules that were not so before.
    pub changes: Vec<Change>,
}

/// How a rule stands from an edition on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The rule.
    pub rule: RuleId,
    /// How it stands; left out: it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<Line>,
}

/// What news is about: a rule as far as those see it who live by its findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Its title.
    pub title: String,
    /// Its category.
    pub category: String,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it runs where nobody has said anything.
    pub enabled: bool,
    /// Ids that others have for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// SHA-256 of the rest: description, needs, remedies, controls, what it reads and cannot see.
    pub rest: String,
}

words! {
    /// What became of a rule.
    pub enum Turn {
        /// It was not there before.
        Came = "came",
        /// It is not as it was.
        Changed = "changed",
        /// It is no longer there.
        Went = "went",
    }
}

/// One piece of news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The edition.
    pub at: Time,
    /// The rule.
    pub rule: RuleId,
    /// What became of it.
    pub turn: Turn,
    /// Its title, the last it had if it went.
    pub title: String,
    /// Its category.
    pub category: String,
    /// What is otherwise, one sentence.
    pub said: String,
}

impl Line {
    fn of(listing: &Listing) -> Self {
        let rest = json!([
            listing.description,
            listing.about(),
            listing.needs,
            listing.blind,
            listing.remedies,
            listing.controls,
            listing.reads,
            listing.aliases,
        ]);
        Self {
            title: listing.title.clone(),
            category: listing.category.clone(),
            severity: listing.severity,
            enabled: listing.enabled,
            aliases: listing.aliases.iter().map(|alias| alias.id.clone()).collect(),
            rest: hex::encode(Sha256::digest(rest.to_string())),
        }
    }

    fn brief(&self) -> String {
        let off = if self.enabled { "" } else { ", off until switched on" };
        format!("{}, {}{off}", self.severity, self.category)
    }

    /// What is otherwise than before.
    fn against(&self, before: &Self) -> String {
        let mut said = Vec::new();
        if self.severity != before.severity {
            said.push(format!("severity {} instead of {}", self.severity, before.severity));
        }
        if self.title != before.title {
            said.push(format!("it was called “{}”", before.title));
        }
        if self.category != before.category {
            said.push(format!("category {} instead of {}", self.category, before.category));
        }
        if self.enabled != before.enabled {
            said.push(if self.enabled { "now on" } else { "now off until switched on" }.to_owned());
        }
        if self.aliases != before.aliases {
            said.push(format!("aliases {}", listed(&self.aliases)));
        }
        if said.is_empty() {
            said.push("its text, needs, remedies or controls".to_owned());
        }
        format!("Changed: {}.", said.join("; "))
    }
}

fn listed(aliases: &[String]) -> String {
    if aliases.is_empty() { "none".to_owned() } else { aliases.join(", ") }
}

impl History {
    /// The history that comes with the program. Errors: the file is not a history.
    pub fn shipped() -> Result<Self, serde_json::Error> {
        serde_json::from_str(SHIPPED)
    }

    /// How every rule stands after the last edition.
    pub fn standing(&self) -> BTreeMap<RuleId, Line> {
        let mut standing = BTreeMap::new();
        for change in self.editions.iter().flat_map(|edition| &edition.changes) {
            match &change.now {
                Some(line) => drop(standing.insert(change.rule.clone(), line.clone())),
                None => drop(standing.remove(&change.rule)),
            }
        }
        standing
    }

    /// Whether this is the catalogue of the last edition.
    pub fn is_of(&self, catalogue: &Catalogue) -> bool {
        self.standing() == lines(catalogue)
    }

    /// With the edition of this day: what stood as that day's is made anew. Nothing is added where nothing changed.
    #[must_use]
    pub fn with(mut self, catalogue: &Catalogue, at: Time) -> Self {
        self.editions.retain(|edition| edition.at != at);
        let (before, now) = (self.standing(), lines(catalogue));
        let gone = before.keys().filter(|rule| !now.contains_key(*rule));
        let mut changes: Vec<Change> =
            gone.map(|rule| Change { rule: rule.clone(), now: None }).collect();
        let new = now.iter().filter(|(rule, line)| before.get(*rule) != Some(*line));
        changes
            .extend(new.map(|(rule, line)| Change { rule: rule.clone(), now: Some(line.clone()) }));
        changes.sort_by(|one, other| one.rule.cmp(&other.rule));
        if !changes.is_empty() {
            self.editions.push(Edition { at, changes });
        }
        self
    }

    /// As it is committed.
    pub fn write(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The news, newest edition first, rules by id.
    pub fn news(&self) -> Vec<News> {
        let mut standing: BTreeMap<&RuleId, &Line> = BTreeMap::new();
        let mut editions = Vec::new();
        for edition in &self.editions {
            let mut news = Vec::new();
            for change in &edition.changes {
                let before = match &change.now {
                    Some(line) => standing.insert(&change.rule, line),
                    None => standing.remove(&change.rule),
                };
                news.extend(told(edition.at, change, before));
            }
            editions.push(news);
        }
        editions.into_iter().rev().flatten().collect()
    }

    /// As Atom.
    pub fn atom(&self) -> String {
        let news = self.news();
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "<feed xmlns=\"http://www.w3.org/2005/Atom\">\n  <id>urn:uuid:{}</id>\n  <title>{}</title>\n  <updated>{}</updated>\n  <author><name>Portcullis</name></author>",
            named(TITLE),
            escaped(TITLE),
            self.updated(),
        );
        for one in &news {
            let _ = writeln!(
                out,
                "  <entry>\n    <id>urn:uuid:{}</id>\n    <title>{}</title>\n    <updated>{}</updated>\n    <category term=\"{}\"/>\n    <category term=\"{}\"/>\n    <content type=\"text\">{}</content>\n  </entry>",
                one.id(),
                escaped(&one.heading()),
                one.at,
                one.turn,
                escaped(&one.category),
                escaped(&one.said),
            );
        }
        out + "</feed>\n"
    }

    /// As JSON Feed.
    pub fn json_feed(&self) -> String {
        let items: Vec<serde_json::Value> = self
            .news()
            .iter()
            .map(|one| {
                json!({
                    "id": format!("urn:uuid:{}", one.id()),
                    "title": one.heading(),
                    "content_text": one.said,
                    "date_published": one.at,
                    "tags": [one.turn.as_str(), one.category],
                })
            })
            .collect();
        let feed = json!({
            "version": "https://jsonfeed.org/version/1.1",
            "title": TITLE,
            "authors": [{"name": "Portcullis"}],
            "items": items,
        });
        format!("{feed:#}\n")
    }

    fn updated(&self) -> Time {
        self.editions.iter().map(|edition| edition.at).max().unwrap_or_default()
    }
}

impl News {
    fn heading(&self) -> String {
        format!("{} {}: {}", self.rule, self.turn, self.title)
    }

    /// The same for the same rule and edition, whenever it is asked.
    fn id(&self) -> uuid::Uuid {
        named(&format!("{}\n{}", self.at, self.rule))
    }
}

fn lines(catalogue: &Catalogue) -> BTreeMap<RuleId, Line> {
    catalogue.rules.iter().map(|listing| (listing.rule.clone(), Line::of(listing))).collect()
}

/// What a change comes to; nothing where a rule goes that was not there.
fn told(at: Time, change: &Change, before: Option<&Line>) -> Option<News> {
    let (turn, line, said) = match (&change.now, before) {
        (Some(now), None) => (Turn::Came, now, format!("New: {}.", now.brief())),
        (Some(now), Some(before)) => (Turn::Changed, now, now.against(before)),
        (None, Some(before)) => {
            (Turn::Went, before, "It is no longer looked for; its findings end.".to_owned())
        }
        (None, None) => return None,
    };
    let (title, category) = (line.title.clone(), line.category.clone());
    Some(News { at, rule: change.rule.clone(), turn, title, category, said })
}

/// An id that follows from a text alone.
fn named(text: &str) -> uuid::Uuid {
    let digest: [u8; 32] = Sha256::digest(text).into();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(byte, from)| *byte = from);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// Text within XML: no markup, and no sign that XML cannot hold.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(sign),
            sign if sign.is_control() || matches!(sign, '\u{fffe}' | '\u{ffff}') => {
                out.push('\u{fffd}');
            }
            sign => out.push(sign),
        }
    }
    out
}

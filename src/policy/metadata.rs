//! What a rule says about itself: the `# METADATA` block above its `package` line.
//!
//! The engine takes these blocks for comments, so they are read here. The keys are OPA's; what is ours stands below
//! `custom`. Errors carry line and column in the policy file.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::IgnoredAny;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde_saphyr::Location;
use serde_saphyr::Spanned;

use crate::event::EventKind;
use crate::policy::Demand;
use crate::policy::Verdict;
use crate::policy::bundle::Severity;
use crate::policy::demand;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::diagnostic::did_you_mean;
use crate::policy::finding::Controls;
use crate::policy::stance;
use crate::policy::stance::Alias;
use crate::policy::stance::Need;
use crate::policy::stance::Remedy;
use crate::policy::stance::Stance;
use crate::policy::subject::SubjectKind;

/// Longest title. Beyond it a table of rules is unreadable.
const MAX_TITLE: usize = 120;

/// OPA's own keys, besides `custom`.
const KEYS: &[&str] = &[
    "title",
    "description",
    "scope",
    "entrypoint",
    "related_resources",
    "authors",
    "organizations",
    "schemas",
    "custom",
];

/// Our keys, below `custom`.
const CUSTOM: &[&str] = &[
    "on",
    "reads",
    "fresh",
    "severity",
    "on_error",
    "on_unknown",
    "unknown",
    "approval",
    "controls",
    "remedies",
    "owner",
];

/// Our keys of a posture rule, below `custom`.
const POSTURE: &[&str] = &[
    "subject", "kinds", "reads", "severity", "category", "aliases", "needs", "blind", "remedies",
    "enabled", "controls", "owner",
];

/// What a block said, every word of it checked but the paths in `reads`.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// One line for people.
    pub title: String,
    /// A paragraph for people.
    pub description: String,
    /// Event kinds that route to the rule.
    pub on: Vec<EventKind>,
    /// Declared paths, each with the bytes where it stands in the file.
    pub reads: Vec<(String, std::ops::Range<usize>)>,
    /// Older facts are read again.
    pub fresh: Option<Duration>,
    /// How bad a match is.
    pub severity: Severity,
    /// Weight of a fault.
    pub on_error: Verdict,
    /// Weight of an unknown fact.
    pub on_unknown: Verdict,
    /// The rule reads `input.unknown` itself.
    pub unknown_handled: bool,
    /// Who approves when a weight above is `approve`.
    pub approval: Option<Demand>,
    /// Controls it supports.
    pub controls: Controls,
    /// What a stopped person can do.
    pub remedies: Vec<String>,
    /// Who looks after it.
    pub owner: Option<String>,
    /// What a posture rule says beside.
    pub stance: Option<Stance>,
}

impl Metadata {
    /// Which kind of subject the rule looks at, if it is a posture rule.
    pub fn subject(&self) -> Option<SubjectKind> {
        self.stance.as_ref().map(|stance| stance.subject)
    }
}

/// The block that stands right above the `package` line: its YAML, and where each of its lines lies in the file.
struct Block {
    yaml: String,
    /// Byte offset in the file of the first character of each YAML line.
    lines: Vec<usize>,
    /// The `# METADATA` line.
    head: std::ops::Range<usize>,
}

#[derive(Deserialize)]
struct Top {
    #[serde(default)]
    title: Option<Spanned<String>>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    custom: Option<Custom>,
}

#[derive(Default, Deserialize)]
struct Custom {
    #[serde(default)]
    on: Vec<Spanned<String>>,
    #[serde(default)]
    reads: Vec<Spanned<String>>,
    fresh: Option<Spanned<String>>,
    severity: Option<Spanned<String>>,
    on_error: Option<Spanned<String>>,
    on_unknown: Option<Spanned<String>>,
    unknown: Option<Spanned<String>>,
    approval: Option<demand::Said>,
    #[serde(default)]
    controls: Controls,
    #[serde(default)]
    remedies: Vec<Said>,
    owner: Option<String>,
    subject: Option<Spanned<String>>,
    #[serde(default)]
    kinds: Vec<String>,
    category: Option<String>,
    #[serde(default)]
    aliases: Vec<Alias>,
    #[serde(default)]
    needs: Vec<Need>,
    blind: Option<String>,
    enabled: Option<bool>,
}

/// A remedy: a sentence, or, of a posture rule, steps and a call.
enum Said {
    Sentence(String),
    Remedy(Remedy),
}

impl<'de> Deserialize<'de> for Said {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Said;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sentence, or `steps` and `call`")
            }

            fn visit_str<E>(self, text: &str) -> Result<Said, E> {
                Ok(Said::Sentence(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Said, A::Error> {
                let entries = serde::de::value::MapAccessDeserializer::new(entries);
                Remedy::deserialize(entries).map(Said::Remedy)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// The keys of an object, in order.
#[derive(Default)]
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("keys and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = entries.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

/// The keys as written, to find those nobody reads.
#[derive(Deserialize)]
struct Names {
    #[serde(default)]
    custom: Option<Keys>,
}

/// Reads the block above the `package` line, which starts at byte `package`.
pub fn read(file: &str, text: &str, package: usize) -> Result<Metadata, Vec<Diagnostic>> {
    let block = find(file, text, package).map_err(|found| vec![found])?;
    let reader = Reader { file, text, block, found: Vec::new() };
    reader.read()
}

/// The last `# METADATA` block that ends right above `package`; blank lines and other comments may stand between.
fn find(file: &str, text: &str, package: usize) -> Result<Block, Diagnostic> {
    let above = text.get(..package).unwrap_or_default();
    let mut offset = 0;
    let mut block: Option<Block> = None;
    let mut open = false;
    for line in above.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let bare = line.trim();
        let Some(comment) = bare.strip_prefix('#') else {
            open = false;
            continue;
        };
        let hash = start + (line.len() - line.trim_start().len());
        if comment.trim() == "METADATA" {
            block = Some(Block {
                yaml: String::new(),
                lines: Vec::new(),
                head: hash..hash + bare.len(),
            });
            open = true;
        } else if let Some(block) = block.as_mut().filter(|_| open) {
            block.yaml.push_str(comment);
            block.yaml.push('\n');
            block.lines.push(hash + 1);
        }
    }
    block.ok_or_else(|| {
        let end = package + "package".len();
        Diagnostic::at(file, text, package..end, "no `# METADATA` block stands above `package`")
            .help("start the file with `# METADATA`, `# title: …` and `# custom:` with `on` and `reads`")
    })
}

struct Reader<'t> {
    file: &'t str,
    text: &'t str,
    block: Block,
    found: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn read(mut self) -> Result<Metadata, Vec<Diagnostic>> {
        let top: Top = match serde_saphyr::from_str(&self.block.yaml) {
            Ok(top) => top,
            Err(error) => {
                let found = self.unreadable(&error);
                return Err(vec![found]);
            }
        };
        self.unknown_keys();
        let title = self.title(top.title);
        let custom = top.custom.unwrap_or_default();
        let metadata = self.custom(title, &top.description, custom);
        if self.found.is_empty() { Ok(metadata) } else { Err(self.found) }
    }

    fn unreadable(&self, error: &serde_saphyr::Error) -> Diagnostic {
        let bytes = error.location().map_or(self.block.head.clone(), |at| self.bytes(at));
        let said = error.without_snippet().to_string();
        // The reader counts lines from the block's start; ours are the file's.
        let said = said.lines().next().unwrap_or_default();
        let said = said.find(" at line ").map_or(said, |end| said.get(..end).unwrap_or(said));
        Diagnostic::at(self.file, self.text, bytes, format!("this metadata cannot be read: {said}"))
            .help("it is YAML: a text that holds `: ` or ` #` stands between quotes")
    }

    /// Where a place in the YAML lies in the file.
    fn bytes(&self, at: Location) -> std::ops::Range<usize> {
        let number = |n: u64| usize::try_from(n.saturating_sub(1)).unwrap_or(0);
        let Some(start) = self.block.lines.get(number(at.line())) else {
            return self.block.head.clone();
        };
        let rest = self.text.get(*start..).unwrap_or_default();
        let line = rest.lines().next().unwrap_or_default();
        let skipped: usize = line.chars().take(number(at.column())).map(char::len_utf8).sum();
        let word = line.get(skipped..).unwrap_or_default();
        let quoted = word.starts_with(['"', '\'']);
        let end = word
            .char_indices()
            .skip(usize::from(quoted))
            .find(|(_, c)| {
                matches!(c, ',' | ']' | '}' | '#' | '"' | '\'') || (!quoted && *c == ' ')
            })
            .map_or(word.len(), |(at, _)| at + usize::from(quoted));
        start + skipped..start + skipped + end
    }

    fn say(
        &mut self,
        bytes: std::ops::Range<usize>,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        let found = Diagnostic::at(self.file, self.text, bytes, message).maybe_help(help);
        self.found.push(found);
    }

    fn unknown_keys(&mut self) {
        let yaml = self.block.yaml.clone();
        let top: Keys = serde_saphyr::from_str(&yaml).unwrap_or_default();
        let custom = serde_saphyr::from_str::<Names>(&yaml).ok().and_then(|names| names.custom);
        for key in top.0.iter().filter(|key| !KEYS.contains(&key.as_str())) {
            let ours = CUSTOM.contains(&key.as_str()) || POSTURE.contains(&key.as_str());
            let help = if ours {
                Some(format!("`{key}` stands below `custom:`"))
            } else {
                did_you_mean(key, KEYS.iter().copied())
            };
            let bytes = self.key(key);
            self.say(bytes, format!("`{key}` is not a metadata key"), help);
        }
        let said = custom.unwrap_or_default().0;
        let posture = said.iter().any(|key| key == "subject");
        let (known, of) = if posture { (POSTURE, " in a posture rule") } else { (CUSTOM, "") };
        for key in said.iter().filter(|key| !known.contains(&key.as_str())) {
            let help = did_you_mean(key, known.iter().copied())
                .or_else(|| Some(format!("known keys are {}", known.join(", "))));
            let bytes = self.key(key);
            self.say(bytes, format!("`{key}` is not a key of `custom`{of}"), help);
        }
    }

    /// Where a key is written.
    fn key(&self, key: &str) -> std::ops::Range<usize> {
        let written = |line: &&usize| {
            let rest = self.text.get(**line..).unwrap_or_default().trim_start_matches(' ');
            rest.trim_start_matches(['"', '\'']).starts_with(key)
        };
        self.block.lines.iter().find(written).map_or(self.block.head.clone(), |line| {
            let rest = self.text.get(*line..).unwrap_or_default();
            let at = line + rest.find(key).unwrap_or(0);
            at..at + key.len()
        })
    }

    fn title(&mut self, said: Option<Spanned<String>>) -> String {
        let (bytes, title) = match said {
            Some(said) => (self.bytes(said.referenced), said.value.trim().to_owned()),
            None => (self.block.head.clone(), String::new()),
        };
        if title.is_empty() {
            self.say(
                bytes,
                "this metadata has no `title`",
                Some("add `# title: …`, one line for people".into()),
            );
        } else if title.chars().count() > MAX_TITLE {
            self.say(
                bytes,
                format!("this title is longer than {MAX_TITLE} characters"),
                Some("say the rest in `description`".into()),
            );
        }
        title
    }

    fn custom(&mut self, title: String, description: &str, said: Custom) -> Metadata {
        let on_error = self.weight("on_error", said.on_error, Verdict::Block);
        let on_unknown = self.weight("on_unknown", said.on_unknown, on_error);
        let approval = said.approval.and_then(|said| self.approval(said));
        let (remedies, steps) = self.remedies(said.remedies, said.subject.is_some());
        let posture = said.subject.is_some();
        let stance = said.subject.and_then(|subject| {
            let subject = self.subject(&subject)?;
            let stance = Stance {
                subject,
                kinds: said.kinds,
                category: said.category.unwrap_or_default().trim().to_owned(),
                aliases: said.aliases,
                needs: said.needs,
                blind: said.blind.unwrap_or_default().trim().to_owned(),
                remedies: steps,
                enabled: said.enabled.unwrap_or(true),
            };
            self.hold(&stance);
            Some(stance)
        });
        Metadata {
            title,
            description: description.trim().to_owned(),
            on: if posture { Vec::new() } else { self.kinds(said.on) },
            reads: said
                .reads
                .into_iter()
                .map(|path| (path.value.clone(), self.bytes(path.referenced)))
                .collect(),
            fresh: self.fresh(said.fresh),
            severity: self.severity(said.severity),
            on_error,
            on_unknown,
            unknown_handled: self.handled(said.unknown),
            approval,
            controls: said.controls,
            remedies,
            owner: said.owner,
            stance,
        }
    }

    fn subject(&mut self, said: &Spanned<String>) -> Option<SubjectKind> {
        let known = SubjectKind::from_text(&said.value);
        if known.is_none() {
            let help = did_you_mean(&said.value, SubjectKind::TEXTS.iter().copied())
                .or_else(|| Some(format!("use one of {}", SubjectKind::TEXTS.join(", "))));
            let bytes = self.bytes(said.referenced);
            self.say(bytes, format!("`{}` is not a kind of subject", said.value), help);
        }
        known
    }

    /// Says what a stance lacks.
    fn hold(&mut self, stance: &Stance) {
        if let Some((key, why)) = stance::fault(stance) {
            let bytes = self.key(key);
            self.say(bytes, why, None);
        }
    }

    /// Sentences for a rule about events, steps and calls for one about a subject.
    fn remedies(&mut self, said: Vec<Said>, posture: bool) -> (Vec<String>, Vec<Remedy>) {
        let (mut sentences, mut steps, mut mixed) = (Vec::new(), Vec::new(), false);
        for one in said {
            match one {
                Said::Sentence(text) if posture => {
                    steps.push(Remedy { product: None, steps: text, call: None });
                }
                Said::Sentence(text) => sentences.push(text),
                Said::Remedy(remedy) => {
                    mixed |= !posture;
                    steps.push(remedy);
                }
            }
        }
        if mixed {
            let bytes = self.key("remedies");
            self.say(
                bytes,
                "a remedy of a rule about events is a sentence",
                Some("only posture rules, those with `subject`, have `steps` and `call`".into()),
            );
        }
        (sentences, steps)
    }

    fn kinds(&mut self, said: Vec<Spanned<String>>) -> Vec<EventKind> {
        if said.is_empty() {
            let head = self.block.head.clone();
            self.say(
                head,
                "this rule answers no event: `custom.on` is missing or empty",
                Some("name event kinds, such as `on: [push]`".into()),
            );
        }
        let mut kinds = Vec::with_capacity(said.len());
        for word in said {
            match EventKind::from_text(&word.value) {
                Some(kind) if kinds.contains(&kind) => {}
                Some(kind) => kinds.push(kind),
                None => {
                    let help = did_you_mean(&word.value, EventKind::TEXTS.iter().copied());
                    let bytes = self.bytes(word.referenced);
                    self.say(bytes, format!("`{}` is not an event kind", word.value), help);
                }
            }
        }
        kinds
    }

    fn fresh(&mut self, said: Option<Spanned<String>>) -> Option<Duration> {
        let said = said?;
        let told = demand::duration(&said.value);
        if told.is_none() {
            let bytes = self.bytes(said.referenced);
            self.say(
                bytes,
                format!("`{}` is not a duration", said.value),
                Some("write it like `30s`, `15m`, `4h` or `7d`".into()),
            );
        }
        told
    }

    fn severity(&mut self, said: Option<Spanned<String>>) -> Severity {
        let Some(said) = said else { return Severity::Medium };
        Severity::from_text(&said.value).unwrap_or_else(|| {
            let bytes = self.bytes(said.referenced);
            self.say(
                bytes,
                format!("`{}` is not a severity", said.value),
                Some(format!("use one of {}", Severity::TEXTS.join(", "))),
            );
            Severity::Medium
        })
    }

    fn weight(&mut self, key: &str, said: Option<Spanned<String>>, usual: Verdict) -> Verdict {
        let Some(said) = said else { return usual };
        match Verdict::from_text(&said.value) {
            Some(Verdict::Allow) => {
                let bytes = self.bytes(said.referenced);
                self.say(
                    bytes,
                    format!(
                        "`{key}` must not be `allow`: what could not be judged would pass unseen"
                    ),
                    Some("use block, approve or alert".into()),
                );
                usual
            }
            Some(weight) => weight,
            None => {
                let bytes = self.bytes(said.referenced);
                self.say(
                    bytes,
                    format!("`{}` is not a weight for `{key}`", said.value),
                    Some("use block, approve or alert".into()),
                );
                usual
            }
        }
    }

    fn handled(&mut self, said: Option<Spanned<String>>) -> bool {
        let Some(said) = said else { return false };
        if said.value != "handled" {
            let bytes = self.bytes(said.referenced);
            self.say(
                bytes,
                format!("`unknown` is `{}`", said.value),
                Some(
                    "the only word here is `handled`: the rule reads `input.unknown` itself".into(),
                ),
            );
        }
        said.value == "handled"
    }

    fn approval(&mut self, said: demand::Said) -> Option<Demand> {
        match said.checked() {
            Ok(demand) => Some(demand),
            Err(error) => {
                let bytes = self.key("approval");
                self.say(bytes, error.to_string(), None);
                None
            }
        }
    }
}

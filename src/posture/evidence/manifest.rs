//! A manifest of classifications: rules that say which repositories are how sensitive, as CSV, JSON or YAML.
//!
//! ```yaml
//! rules:
//!   - { project: PAY, class: confidential }
//!   - { name: "*-billing", class: confidential }
//!   - { property: visibility=public, class: public }
//!   - { repository: acme/vault, class: secret }
//! ```
//!
//! A particular rule goes before a general one: repository, then name, then property, then project; of two alike the
//! first.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_saphyr::Spanned;

use crate::graph::Kind;
use crate::graph::attribute;
use crate::posture::evidence::piece::ClassRule;
use crate::posture::evidence::piece::Content;
use crate::posture::evidence::piece::Selector;
use crate::posture::evidence::read::Asked;
use crate::posture::evidence::read::MAX_CELL;
use crate::posture::evidence::read::Reading;
use crate::posture::evidence::read::begins_with;
use crate::posture::evidence::refused::Refused;
use crate::posture::evidence::refused::quoted;
use crate::posture::evidence::sheet::Column;
use crate::posture::evidence::sheet::Sheet;

/// The most rules: patterns with a star at both ends are held against each repository.
const MAX_RULES: usize = 5_000;

/// The longest class, bytes.
const MAX_CLASS: usize = 40;

/// The attribute of the graph that is the class itself.
const CLASS: &str = "class";

const COLUMNS: &[Column] = &[
    Column { means: "repository", names: &["repository", "repo", "repository slug"] },
    Column { means: "name", names: &["name", "pattern", "name rule"] },
    Column { means: "property", names: &["property"] },
    Column { means: "project", names: &["project", "project key"] },
    Column { means: "class", names: &["class", "classification"] },
];

/// A rule as it is written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    repository: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    property: Option<String>,
    #[serde(default)]
    project: Option<String>,
    class: String,
}

/// Reads one.
pub(super) fn read(bytes: &[u8], asked: Asked<'_>) -> Result<Reading, Refused> {
    let mut rules = Rules::default();
    let mut ignored = Vec::new();
    if begins_with(bytes, b"{[") {
        from_json(text(bytes)?, &mut rules)?;
    } else if is_yaml(bytes) {
        from_yaml(text(bytes)?, &mut rules)?;
    } else {
        let mut sheet = Sheet::open(bytes, asked.map, (COLUMNS, &[]))?;
        sheet.needs(&["repository", "name", "property", "project"], "what it is about")?;
        sheet.needs(&["class"], "the class")?;
        sheet.each(|row| {
            rules.add(
                row.number,
                Written {
                    repository: row.text("repository"),
                    name: row.text("name"),
                    property: row.text("property"),
                    project: row.text("project"),
                    class: row.cell("class").to_owned(),
                },
            )
        })?;
        ignored = std::mem::take(&mut sheet.ignored);
    }
    if rules.all.is_empty() {
        return Err(Refused::File("no rule: a manifest that classifies nothing".to_owned()));
    }
    Ok(Reading { content: Content::Classes(rules.all), ignored })
}

fn text(bytes: &[u8]) -> Result<&str, Refused> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|_| Refused::File("the file is not UTF-8 text".to_owned()))
}

/// The header of a table never ends its first word with a colon, nor begins with a dash.
fn is_yaml(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let lines = text.lines().map(str::trim_end);
    let mut said = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    said.next().is_some_and(|line| {
        line.ends_with(':') || line == "---" || line.starts_with("- ") || line.starts_with("rules:")
    })
}

fn from_json(text: &str, rules: &mut Rules) -> Result<(), Refused> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Top<'j> {
        #[serde(borrow)]
        rules: Vec<&'j RawValue>,
    }
    let broken = |error: serde_json::Error| Refused::Line {
        line: error.line() as u64,
        why: format!("the JSON breaks there: {}", first(&error.to_string())),
    };
    let all: Vec<&RawValue> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map_err(broken)?
    } else {
        serde_json::from_str::<Top<'_>>(text).map_err(broken)?.rules
    };
    for (row, rule) in (1..).zip(all) {
        let refuse = |why: String| Refused::Row { row, why };
        let written: Written = serde_json::from_str(rule.get())
            .map_err(|error| refuse(format!("it is no rule: {}", first(&error.to_string()))))?;
        rules.add(row, written).map_err(refuse)?;
    }
    Ok(())
}

fn from_yaml(text: &str, rules: &mut Rules) -> Result<(), Refused> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Top {
        rules: Vec<Spanned<Written>>,
    }
    let broken = |error: serde_saphyr::Error| {
        let line = error.location().map_or(1, |at| at.line());
        let said = error.without_snippet().to_string();
        Refused::Line { line, why: format!("the YAML cannot be read: {}", first(&said)) }
    };
    let is_list = text.lines().any(|line| line.starts_with("- "))
        && !text.lines().any(|line| line.starts_with("rules"));
    let all: Vec<Spanned<Written>> = if is_list {
        serde_saphyr::from_str(text).map_err(broken)?
    } else {
        serde_saphyr::from_str::<Top>(text).map_err(broken)?.rules
    };
    for (row, written) in (1..).zip(all) {
        rules.add(row, written.value).map_err(|why| Refused::Row { row, why })?;
    }
    Ok(())
}

/// The first line of what a parser says, without its place.
fn first(said: &str) -> String {
    let line = said.lines().next().unwrap_or_default();
    let end = line.find(" at line ").unwrap_or(line.len());
    line.get(..end).unwrap_or(line).chars().take(200).collect()
}

/// Rules as they come, each thing classified once.
#[derive(Default)]
struct Rules {
    all: Vec<ClassRule>,
    seen: HashMap<String, (u64, String)>,
}

impl Rules {
    fn add(&mut self, row: u64, written: Written) -> Result<(), String> {
        if self.all.len() >= MAX_RULES {
            return Err(format!("it is one more than the {MAX_RULES} rules of a manifest"));
        }
        let class = class(&written.class)?;
        let of = selector(written)?;
        let key = format!("{of:?}").to_lowercase();
        if let Some((first, said)) = self.seen.get(&key) {
            if *said == class {
                return Ok(());
            }
            return Err(format!("row {first} says `{said}` of the same: which one counts?"));
        }
        self.seen.insert(key, (row, class.clone()));
        self.all.push(ClassRule { row, of, class });
        Ok(())
    }
}

/// A class as a word: small letters, digits and `-`.
pub fn class(text: &str) -> Result<String, String> {
    let class = text.trim().to_lowercase().replace([' ', '_'], "-");
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    if class.is_empty() || class.len() > MAX_CLASS || !class.bytes().all(plain) {
        return Err(format!(
            "{} is no class: write a word of a-z, 0-9 and `-` such as `confidential`",
            quoted(text)
        ));
    }
    Ok(class)
}

fn selector(written: Written) -> Result<Selector, String> {
    let filled = |text: Option<String>| {
        text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let all = [
        filled(written.repository).map(Selector::Repository),
        filled(written.name).map(Selector::Name),
        filled(written.property).map(|text| Selector::Property(text, String::new())),
        filled(written.project).map(Selector::Project),
    ];
    let mut told = all.into_iter().flatten();
    let (Some(one), None) = (told.next(), told.next()) else {
        return Err(
            "a rule is about exactly one of `repository`, `name`, `property` and `project`"
                .to_owned(),
        );
    };
    let text = match &one {
        Selector::Repository(text)
        | Selector::Name(text)
        | Selector::Property(text, _)
        | Selector::Project(text) => text,
    };
    if text.len() > MAX_CELL || text.chars().any(char::is_control) {
        return Err(format!("{} is too long or holds a control character", quoted(text)));
    }
    match one {
        Selector::Repository(text) if !text.contains('/') => Err(format!(
            "{} names no repository: write `PROJECT/slug`, on Cloud `workspace/slug`, or an id",
            quoted(&text)
        )),
        Selector::Property(text, _) => property(&text),
        Selector::Project(text) if text.contains(['*', '/']) => Err(format!(
            "{} is no key of a project: a rule for several is written with `name`",
            quoted(&text)
        )),
        one @ (Selector::Repository(_) | Selector::Name(_) | Selector::Project(_)) => Ok(one),
    }
}

/// `visibility=public`: an attribute that the graph has of repositories, and its value.
fn property(text: &str) -> Result<Selector, String> {
    let known = || {
        let names = attribute::of(Kind::Repository).iter().map(|attribute| attribute.0);
        names.filter(|name| *name != CLASS).collect::<Vec<_>>()
    };
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let (name, value) = (name.trim(), value.trim());
    if value.is_empty() || !known().contains(&name) {
        return Err(format!(
            "{} is no property: write `visibility=public`; known are {}",
            quoted(text),
            known().join(", ")
        ));
    }
    Ok(Selector::Property(name.to_owned(), value.to_owned()))
}

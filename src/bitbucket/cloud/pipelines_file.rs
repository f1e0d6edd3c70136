//! What `bitbucket-pipelines.yml` says, as facts: which images its steps run in, which variables its commands print, where
//! it deploys to. No line of it leaves this file.
//!
//! A command is read as a shell would split it: `;`, `&&`, `||` and line ends between commands, `|` between stages,
//! single quotes hide variables. Not read: scripts that a command starts, and what a pipe does.
//! Source: "Bitbucket Pipelines configuration reference", "Use Docker images as build environments".

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

/// The longest file that is read, bytes: Bitbucket takes no larger one.
const MAX_FILE_BYTES: usize = 1_048_576;

/// The most facts of a kind: without a bound one file could fill the graph.
const MAX_FACTS: usize = 200;

/// How deep sections may lie in one another.
const MAX_DEPTH: usize = 32;

/// What stands for every variable.
const ALL: &str = "*";

/// Where an image without a host comes from.
const DOCKER_HUB: &str = "docker.io";

/// Programs that hand on what they are given, in a form that masking does not know.
const ENCODERS: [&str; 16] = [
    "base64", "base32", "xxd", "od", "hexdump", "rev", "tr", "sed", "cut", "fold", "cat", "tee",
    "head", "tail", "sort", "grep",
];

/// What a definition says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Definition {
    /// The images of steps and services.
    pub(crate) images: BTreeSet<Image>,
    /// Variables that commands print, by name; `*` where they print all.
    pub(crate) echoes: Vec<String>,
    /// Environments, as the definition calls them.
    pub(crate) deployments: Vec<String>,
}

/// An image: never its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Image {
    /// The registry; `$` where a variable names it.
    pub(crate) host: String,
    /// Unknown where a variable names it.
    pinned: Option<bool>,
    inline: bool,
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        match self.pinned {
            Some(true) => f.write_str(" pinned")?,
            Some(false) => f.write_str(" moving")?,
            None => {}
        }
        if self.inline { f.write_str(" inline") } else { Ok(()) }
    }
}

/// A file that cannot be read. Nothing of it is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FileError {
    /// Longer than Bitbucket takes.
    #[error("it is longer than {MAX_FILE_BYTES} bytes")]
    Long,
    /// Not YAML.
    #[error("it is not YAML")]
    Yaml,
}

/// Reads a definition.
pub(crate) fn read(text: &str) -> Result<Definition, FileError> {
    if text.len() > MAX_FILE_BYTES {
        return Err(FileError::Long);
    }
    let file: Value = serde_saphyr::from_str(text).map_err(|_| FileError::Yaml)?;
    let mut facts = Facts::default();
    facts.section(&file, MAX_DEPTH);
    let bounded = |names: BTreeSet<String>| names.into_iter().take(MAX_FACTS).collect();
    Ok(Definition {
        images: facts.images.into_iter().take(MAX_FACTS).collect(),
        echoes: bounded(facts.echoes),
        deployments: bounded(facts.deployments),
    })
}

#[derive(Default)]
struct Facts {
    images: BTreeSet<Image>,
    echoes: BTreeSet<String>,
    deployments: BTreeSet<String>,
}

impl Facts {
    /// Sections mean the same wherever they stand: in a step, a stage, a shared definition or at the top.
    fn section(&mut self, section: &Value, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        match section {
            Value::Object(keys) => {
                for (key, value) in keys {
                    self.key(key, value);
                    self.section(value, depth);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.section(item, depth)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn key(&mut self, key: &str, value: &Value) {
        match (key, value) {
            ("image", value) => self.images.extend(image(value)),
            ("deployment", Value::String(name)) => {
                self.deployments.insert(name.clone());
            }
            ("script" | "after-script", Value::Array(commands)) => {
                let texts = commands.iter().filter_map(Value::as_str);
                texts.for_each(|text| printed(text, &mut self.echoes));
            }
            _ => {}
        }
    }
}

fn image(value: &Value) -> Option<Image> {
    let text = |value: &Value, key: &str| value.get(key)?.as_str().map(str::to_owned);
    let name = value.as_str().map(str::to_owned).or_else(|| text(value, "name"))?;
    let literal = |word: Option<String>| word.is_some_and(|word| !word.starts_with('$'));
    let aws = value.get("aws").unwrap_or(&Value::Null);
    let inline = literal(text(value, "password")) || literal(text(aws, "secret-key"));
    let pinned = name.split_once("@sha256:").is_some_and(|(_, digest)| digest.len() == 64);
    let told = pinned || !name.rsplit('/').next().is_some_and(|last| last.contains('$'));
    let first = name.split_once('/').map(|(first, _)| first);
    let host = match first {
        Some(first) if first.contains('$') => "$".to_owned(),
        Some(first) if first.contains(['.', ':']) || first == "localhost" => {
            first.to_ascii_lowercase()
        }
        None if name.starts_with('$') => "$".to_owned(),
        Some(_) | None => DOCKER_HUB.to_owned(),
    };
    Some(Image { host, pinned: told.then_some(pinned), inline })
}

/// The variables that the commands of a text print.
fn printed(text: &str, names: &mut BTreeSet<String>) {
    for command in split(text, &[";", "&&", "||", "\n"]) {
        let stages: Vec<&str> = split(command, &["|"]);
        let Some(first) = stages.first().map(|stage| stage.trim()) else { continue };
        let shown = stages.iter().skip(1).all(|stage| is_encoder(stage));
        let kept = stages.last().is_some_and(|last| into_file(last));
        if !shown || kept {
            continue;
        }
        let mut words = first.split_whitespace();
        let rest: Vec<&str> = first.split_whitespace().skip(1).collect();
        match (words.next().unwrap_or_default(), rest.as_slice()) {
            ("set", [flags, ..]) if traces(flags, &rest) => insert(names, ALL),
            ("bash" | "sh", [flags, ..]) if flags.starts_with('-') && flags.contains('x') => {
                insert(names, ALL);
            }
            ("env" | "set" | "printenv" | "export", []) | ("export" | "declare", ["-p" | "-x"]) => {
                insert(names, ALL);
            }
            ("printenv", asked) => asked.iter().for_each(|name| insert(names, name)),
            ("echo" | "printf", _) => variables(first).for_each(|name| insert(names, &name)),
            ("cat", _) if first.contains("<<<") => {
                variables(first).for_each(|name| insert(names, &name));
            }
            _ => {}
        }
    }
}

fn traces(flags: &str, rest: &[&str]) -> bool {
    let short = flags.starts_with('-') && !flags.starts_with("--") && flags.contains('x');
    short || (flags == "-o" && rest.get(1) == Some(&"xtrace"))
}

fn insert(names: &mut BTreeSet<String>, name: &str) {
    names.insert(name.to_owned());
}

fn is_encoder(stage: &str) -> bool {
    stage.split_whitespace().next().is_some_and(|word| ENCODERS.contains(&word))
}

/// Whether what a stage writes goes to a file: `> name`, not `>&2`.
fn into_file(stage: &str) -> bool {
    let mut signs = unquoted(stage);
    signs.any(|(at, sign)| {
        let next = stage.get(at + 1..).unwrap_or_default().trim_start_matches('>');
        sign == '>' && !next.starts_with('&')
    })
}

/// The parts between separators that stand in no quotes.
fn split<'t>(text: &'t str, separators: &[&str]) -> Vec<&'t str> {
    let mut parts = Vec::new();
    let (mut from, mut past) = (0, 0);
    for (at, _) in unquoted(text) {
        if at < past {
            continue;
        }
        let here = text.get(at..).unwrap_or_default();
        let doubled = separators == ["|"] && here.starts_with("||");
        let found = separators.iter().find(|separator| here.starts_with(**separator));
        if let Some(separator) = found.filter(|_| !doubled) {
            parts.push(text.get(from..at).unwrap_or_default());
            from = at + separator.len();
            past = from;
        }
    }
    parts.push(text.get(from..).unwrap_or_default());
    parts
}

/// Every sign that stands in no quotes, with where it stands.
fn unquoted(text: &str) -> impl Iterator<Item = (usize, char)> {
    signs(text).filter(|(_, _, quote)| *quote == Quote::None).map(|(at, sign, _)| (at, sign))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    Single,
    Double,
}

fn signs(text: &str) -> impl Iterator<Item = (usize, char, Quote)> {
    let (mut quote, mut escaped) = (Quote::None, false);
    text.char_indices().map(move |(at, sign)| {
        let before = quote;
        quote = match (quote, sign, escaped) {
            (Quote::None, '\'', false) => Quote::Single,
            (Quote::None, '"', false) => Quote::Double,
            (Quote::Single, '\'', _) | (Quote::Double, '"', false) => Quote::None,
            (quote, _, _) => quote,
        };
        escaped = sign == '\\' && !escaped && before != Quote::Single;
        (at, sign, before)
    })
}

/// The variables of a command that a shell puts in: not in single quotes, not Bitbucket's own, not positions.
fn variables(command: &str) -> impl Iterator<Item = String> {
    let dollars = signs(command).filter(|(_, sign, quote)| *sign == '$' && *quote != Quote::Single);
    let name = |(at, _, _): (usize, char, Quote)| {
        let after = command.get(at + 1..)?;
        let after = after.strip_prefix('{').unwrap_or(after);
        let end = after.find(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_');
        let name = after.get(..end.unwrap_or(after.len()))?;
        let own = name.starts_with("BITBUCKET_") || name == "CI";
        let named = name.starts_with(|sign: char| sign.is_ascii_alphabetic() || sign == '_');
        (named && !own).then(|| name.to_owned())
    };
    dollars.filter_map(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echoes(command: &str) -> String {
        let mut names = BTreeSet::new();
        printed(command, &mut names);
        names.into_iter().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_command_prints_what_a_shell_would_show() {
        for (command, names) in [
            ("echo $TOKEN", "TOKEN"),
            ("echo \"key is ${KEY}\"", "KEY"),
            ("echo '$TOKEN'", ""),
            ("echo $TOKEN | base64", "TOKEN"),
            ("echo $TOKEN | docker login --password-stdin", ""),
            ("echo $TOKEN > token.txt", ""),
            ("echo $TOKEN >&2", "TOKEN"),
            ("echo $BITBUCKET_COMMIT $1 $?", ""),
            ("printf '%s' \"$PASSWORD\" | rev", "PASSWORD"),
            ("set -x", "*"),
            ("set -euxo pipefail", "*"),
            ("set -e", ""),
            ("set -o xtrace", "*"),
            ("bash -x deploy.sh", "*"),
            ("bash deploy.sh $TOKEN", ""),
            ("printenv", "*"),
            ("printenv TOKEN", "TOKEN"),
            ("env | sort", "*"),
            ("env", "*"),
            ("env FOO=1 make", ""),
            ("export -p", "*"),
            ("export A=1", ""),
            ("make && echo $A; echo $B || true", "A B"),
            ("curl -H \"Authorization: $TOKEN\" https://x.example", ""),
            ("cat <<< $TOKEN", "TOKEN"),
            ("echo done", ""),
        ] {
            assert_eq!(echoes(command), names, "{command}");
        }
    }

    #[test]
    fn an_image_is_its_registry_and_whether_it_can_move() {
        let digest = "a".repeat(64);
        let pinned = format!("registry.example.com/build/node@sha256:{digest}");
        for (image, line) in [
            ("node:22".to_owned(), "docker.io moving"),
            ("atlassian/default-image:4".to_owned(), "docker.io moving"),
            (pinned, "registry.example.com pinned"),
            (
                "registry.example.com:5000/node@sha256:short".to_owned(),
                "registry.example.com:5000 moving",
            ),
            ("$IMAGE".to_owned(), "$"),
            ("node:$TAG".to_owned(), "docker.io"),
            ("$REGISTRY/node:22".to_owned(), "$ moving"),
        ] {
            let read = read(&format!("image: {image}\n")).unwrap();
            let lines: Vec<String> = read.images.iter().map(ToString::to_string).collect();
            assert_eq!(lines, [line], "{image}");
        }
    }

    #[test]
    fn steps_services_stages_and_anchors_are_read_alike() {
        let file = "
definitions:
  services:
    db: {image: {name: db.example.com/pg:16, username: u, password: hunter2}}
  steps:
    - step: &build
        image: {name: reg.example.com/node:1, username: $U, password: $P}
        script: [npm ci, 'echo $NPM_TOKEN']
pipelines:
  default:
    - parallel:
        - step: *build
  branches:
    main:
      - stage:
          deployment: production
          steps:
            - step:
                deployment: staging
                script:
                  - pipe: atlassian/aws-s3-deploy:1.1.0
                    variables: {KEY: $AWS_KEY}
                after-script: ['printenv AWS_KEY']
";
        let read = read(file).unwrap();
        let lines: Vec<String> = read.images.iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["db.example.com moving inline", "reg.example.com moving"]);
        assert_eq!(read.echoes, ["AWS_KEY", "NPM_TOKEN"]);
        assert_eq!(read.deployments, ["production", "staging"]);
    }

    #[test]
    fn what_is_no_yaml_is_refused_without_a_word_of_it() {
        for wrong in ["pipelines: [", "a: *nowhere", "\t- x: {"] {
            assert_eq!(read(wrong), Err(FileError::Yaml), "{wrong}");
        }
        assert_eq!(read(&"#".repeat(MAX_FILE_BYTES + 1)), Err(FileError::Long));
    }
}

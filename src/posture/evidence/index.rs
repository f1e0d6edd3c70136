//! Who of a list is meant: by id, else by e-mail address, else by a name that only one has. Two who could be meant are a
//! gap with its why, never the first of them. And which rule of a manifest is about a repository.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Arc;

use crate::graph::Why;
use crate::posture::evidence::Person;
use crate::posture::evidence::classes::Classes;
use crate::posture::evidence::piece::Content;
use crate::posture::evidence::piece::Named;
use crate::posture::evidence::piece::Piece;

/// A piece with its people and its rules looked up.
#[derive(Clone, Debug)]
pub struct Indexed {
    /// The piece.
    pub piece: Arc<Piece>,
    ids: HashMap<String, Vec<usize>>,
    emails: HashMap<String, Vec<usize>>,
    names: HashMap<String, Vec<usize>>,
    pub(super) classes: Classes,
}

/// Where somebody stands in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// In this line, counted from 0.
    Line(usize),
    /// In none.
    Nowhere,
    /// It cannot be told.
    Unclear(Why),
}

/// A name as it is compared: small letters, one blank between words.
pub fn folded(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

impl Indexed {
    /// Looks them up once.
    pub fn new(piece: Arc<Piece>) -> Self {
        let (mut ids, mut emails, mut names) = (HashMap::new(), HashMap::new(), HashMap::new());
        let note = |map: &mut HashMap<String, Vec<usize>>, key: Option<String>, line: usize| {
            if let Some(key) = key {
                map.entry(key).or_default().push(line);
            }
        };
        let people = piece.content.iter().flat_map(Content::people);
        for (line, who) in people.enumerate() {
            note(&mut ids, who.id.as_deref().map(str::to_lowercase), line);
            note(&mut emails, who.email.clone(), line);
            note(&mut names, who.name.as_deref().map(folded), line);
        }
        let classes =
            Classes::new(piece.content.as_ref().map(Content::classes).unwrap_or_default());
        Self { piece, ids, emails, names, classes }
    }

    /// What the piece says, as long as it is kept.
    pub fn content(&self) -> Option<&Content> {
        self.piece.content.as_ref()
    }

    /// Where a person stands. `namesakes` are the names that more than one of the connection's people has.
    pub fn find(&self, person: Person<'_>, namesakes: &BTreeSet<String>) -> Found {
        if self.piece.erased.contains(person.id.as_str()) {
            return Found::Unclear(Why::fixed("what the list said of them was erased"));
        }
        let ids = [person.id.as_str(), person.id.native()];
        let by_id = ids.iter().find_map(|id| self.ids.get(&id.to_lowercase()));
        let email = person.email.map(str::to_lowercase);
        let by_email = || email.as_ref().and_then(|email| self.emails.get(email));
        match by_id.or_else(by_email).map(Vec::as_slice) {
            Some([line]) => return Found::Line(*line),
            Some(lines) if !lines.is_empty() => return unclear(&self.rows(lines), "id or address"),
            Some(_) | None => {}
        }
        let Some(name) = person.name.map(folded) else { return Found::Nowhere };
        let lines: Vec<usize> = self.names.get(&name).map_or_else(Vec::new, |lines| {
            lines.iter().copied().filter(|line| !self.is_another(*line, person)).collect()
        });
        match lines.as_slice() {
            [] => Found::Nowhere,
            [_] if namesakes.contains(&name) => Found::Unclear(Why::fixed(
                "two people of this connection have one name, and the list has nothing else to tell them apart by: bring one with ids or e-mail addresses",
            )),
            [line] => Found::Line(*line),
            lines => unclear(&self.rows(lines), "name"),
        }
    }

    fn who(&self, line: usize) -> Option<&Named> {
        self.piece.content.as_ref()?.person(line)
    }

    fn rows(&self, lines: &[usize]) -> Vec<u64> {
        lines.iter().filter_map(|line| self.who(*line)).map(|who| who.row).collect()
    }

    /// Whether a line of this name is somebody else's for certain: another address, or another id of the same sort.
    fn is_another(&self, line: usize, person: Person<'_>) -> bool {
        let Some(who) = self.who(line) else { return true };
        let other_email = person.email.zip(who.email.as_ref());
        let other_email =
            other_email.is_some_and(|(mine, theirs)| !mine.eq_ignore_ascii_case(theirs));
        other_email || who.id.as_deref().is_some_and(|id| is_comparable(id, person.id.native()))
    }
}

/// Whether two ids are of one sort, so that different ones are different people. Equal ones were found before.
fn is_comparable(theirs: &str, mine: &str) -> bool {
    let number = |id: &str| id.bytes().all(|b| b.is_ascii_digit());
    let uuid = |id: &str| uuid::Uuid::try_parse(id).is_ok();
    (number(theirs) && number(mine)) || (uuid(theirs) && uuid(mine))
}

fn unclear(rows: &[u64], by: &str) -> Found {
    let rows: Vec<String> = rows.iter().take(5).map(u64::to_string).collect();
    Found::Unclear(Why::said(format!(
        "rows {} of the list have one {by}: which is meant cannot be told; bring a list with ids or e-mail addresses",
        rows.join(", ")
    )))
}

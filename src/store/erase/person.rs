//! Whom an erasure is about: the ids, the address and the names somebody goes by, and whether a text speaks of them.
//!
//! A text speaks of somebody where one of these stands in it as a whole word: `Ann` in `Ann's key`, not in `Annual`, and
//! `ann@x.example` not in `jo.ann@x.example`. Case and runs of blanks do not count.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::graph::Id;
use crate::graph::World;
use crate::graph::attribute::Value;
use crate::posture::evidence::folded;
use crate::posture::evidence::piece::Named;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::erase::ERASED;
use crate::store::history::forget::PERSONAL;

/// What joins two words to one where letters stand on both its sides: `jo.ann`, `Ann-Marie`, `ann@x.example`.
const JOINS: &[char] = &['.', '-', '+', '@'];

/// What somebody goes by, folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Person {
    /// Their id in the graph, as it was asked for.
    pub id: Id,
    ids: BTreeSet<String>,
    email: Option<String>,
    called: BTreeSet<String>,
    words: BTreeSet<String>,
}

impl Store {
    /// Whom this id is of: what the kept graph of the connection calls them, and what its history ever did.
    pub(in crate::store) async fn person(&self, id: &Id) -> Result<Person, StoreError> {
        let world = self.world(&id.connection()).await?;
        let world = world.and_then(|world| world.read().ok());
        let mut person = Person::of(id, world.as_ref());
        person.also(self.names_in_history(id.as_str()).await?);
        Ok(person)
    }
}

impl Person {
    fn of(id: &Id, world: Option<&World>) -> Self {
        let node = world.and_then(|world| world.nodes.iter().find(|node| node.id == *id));
        let told = |name: &str| match node?.attributes.get(name)? {
            Value::Text(text) => Some(folded(text)),
            Value::Nothing | Value::Flag(_) | Value::Whole(_) | Value::List(_) => None,
        };
        let name = node.and_then(|node| node.name.as_deref()).map(folded);
        let native = id.native().to_lowercase();
        // A number is the id of somebody only where ids are asked for; in a sentence it is a number.
        let unmistakable = Uuid::parse_str(&native).is_ok().then(|| native.clone());
        let mut person = Self {
            id: id.clone(),
            ids: BTreeSet::from([folded(id.as_str()), native]),
            email: told("email"),
            called: name.into_iter().chain(told("nickname")).collect(),
            words: BTreeSet::from([folded(id.as_str())]),
        };
        person.also(unmistakable);
        person.also(person.email.clone());
        person.also(person.called.clone());
        person.also(PERSONAL.iter().filter_map(|name| told(name)));
        person
    }

    /// They are also called so.
    pub fn also(&mut self, names: impl IntoIterator<Item = String>) {
        let names = names.into_iter().map(|name| folded(&name));
        self.words.extend(names.filter(|name| !name.is_empty() && name != ERASED));
    }

    /// Whether a line of a list is theirs.
    pub fn is(&self, who: &Named) -> bool {
        let id = who.id.as_ref().is_some_and(|id| self.ids.contains(&id.to_lowercase()));
        let email = self.email.is_some() && who.email == self.email;
        let name = who.name.as_deref().is_some_and(|name| self.called.contains(&folded(name)));
        id || email || name
    }

    /// Whether a text speaks of them.
    pub fn is_in(&self, text: &str) -> bool {
        let text = folded(text);
        self.words.iter().any(|word| stands(word, &text))
    }
}

/// Whether a word stands in a text as a whole; both folded.
fn stands(word: &str, text: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).unwrap_or_default().chars().rev();
        let after = text.get(at + word.len()..).unwrap_or_default().chars();
        !goes_on(before) && !goes_on(after)
    })
}

/// Whether a word goes on over its edge; the characters from there outwards.
fn goes_on(mut outwards: impl Iterator<Item = char>) -> bool {
    let letter =
        |next: Option<char>| next.is_some_and(|next| next.is_alphanumeric() || next == '_');
    match outwards.next() {
        Some(join) if JOINS.contains(&join) => letter(outwards.next()),
        next => letter(next),
    }
}

#[cfg(test)]
mod tests {
    use super::stands;

    #[test]
    fn a_word_stands_in_a_text_only_as_a_whole() {
        for (word, text) in [
            ("ann", "ann"),
            ("ann", "the key of ann."),
            ("ann", "ann's laptop"),
            ("ann", "asked by @ann, twice"),
            ("ann lee", "(ann lee)"),
            ("ann@x.example", "write to ann@x.example."),
            ("acme/user/1", "\"acme/user/1\""),
            ("安", "安-"),
        ] {
            assert!(stands(word, text), "{word} stands in {text}");
        }
        for (word, text) in [
            ("ann", "annual review"),
            ("ann", "joann"),
            ("ann", "ann-marie"),
            ("ann", "ann_build"),
            ("ann@x.example", "jo.ann@x.example"),
            ("ann@x.example", "ann@x.example.org"),
            ("acme/user/1", "acme/user/12"),
            ("acme/user/1", "big-acme/user/1"),
            ("acme/user/1", "acme/user/1-2"),
        ] {
            assert!(!stands(word, text), "{word} does not stand in {text}");
        }
    }
}

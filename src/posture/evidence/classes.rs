//! The rules of a manifest, looked up instead of walked through: each decision asks for a class, and a manifest may have
//! thousands of rules.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;

use crate::graph::Id;
use crate::graph::Known;
use crate::graph::covers_text;
use crate::posture::evidence::Place;
use crate::posture::evidence::piece::ClassRule;
use crate::posture::evidence::piece::Selector;

/// The rules of one manifest by what they are about. A rule is known by its position.
#[derive(Clone, Debug, Default)]
pub(super) struct Classes {
    repositories: Repositories,
    names: Names,
    /// By attribute.
    properties: BTreeMap<String, Words>,
    projects: Words,
}

/// Which rule classifies a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// This one.
    Rule(usize),
    /// It cannot be told whether this one does, and it would go before those that do.
    Unsure(usize),
    /// None.
    Nothing,
}

/// Words that are compared without regard to the case of ASCII letters, each with the first rule about it.
#[derive(Clone, Debug, Default)]
struct Words {
    by: HashMap<String, usize>,
    first: Option<usize>,
}

/// Rules about one repository.
#[derive(Clone, Debug, Default)]
struct Repositories {
    /// Whatever is written: it may be an id.
    ids: Words,
    /// What is no id is a name too.
    names: Words,
}

/// Rules about repositories whose names fit.
#[derive(Clone, Debug, Default)]
struct Names {
    slugs: Patterns,
    whole: Patterns,
    first: Option<usize>,
}

/// Patterns by what a name must have to fit them.
#[derive(Clone, Debug, Default)]
struct Patterns {
    /// Those without a star.
    exact: HashMap<String, usize>,
    heads: Ends,
    tails: Ends,
    /// Those with a star at both ends.
    rest: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Pattern {
    rule: usize,
    text: String,
}

/// Patterns by the text that a name must begin with, or end with.
#[derive(Clone, Debug, Default)]
struct Ends {
    by: HashMap<String, Vec<Pattern>>,
    /// How long those texts are, bytes.
    lengths: BTreeSet<usize>,
}

impl Classes {
    pub(super) fn new(rules: &[ClassRule]) -> Self {
        let mut all = Self::default();
        for (rule, ClassRule { of, .. }) in rules.iter().enumerate() {
            match of {
                Selector::Repository(text) => all.repositories.add(text, rule),
                Selector::Name(pattern) => all.names.add(&pattern.to_lowercase(), rule),
                Selector::Property(name, value) => {
                    all.properties.entry(name.clone()).or_default().add(value, rule);
                }
                Selector::Project(key) => all.projects.add(key, rule),
            }
        }
        all
    }

    /// The rule for a repository: the most particular one, of two alike the first. `told` is what the graph says of an
    /// attribute of it.
    pub(super) fn fit(&self, place: Place<'_>, told: impl Fn(&str) -> Known<String>) -> Fit {
        let fit = self.repositories.fit(place).or_else(|| self.names.fit(place));
        let fit = fit.or_else(|| self.by_property(told));
        fit.or_else(|| self.projects.fit(place.project)).unwrap_or(Fit::Nothing)
    }

    fn by_property(&self, told: impl Fn(&str) -> Known<String>) -> Option<Fit> {
        let (mut fitting, mut open) = (None, None);
        for (name, values) in &self.properties {
            match told(name) {
                Known::Value(value) => fitting = earliest(fitting, values.get(&value)),
                Known::Nothing => {}
                Known::Unknown(_) => open = earliest(open, values.first),
            }
        }
        fit(fitting, open)
    }
}

/// What comes of the first rule of a rank that fits, and the first of which it cannot be told.
fn fit(fitting: Option<usize>, open: Option<usize>) -> Option<Fit> {
    fitting.map(Fit::Rule).or_else(|| open.map(Fit::Unsure))
}

fn earliest(one: Option<usize>, other: Option<usize>) -> Option<usize> {
    one.into_iter().chain(other).min()
}

impl Words {
    fn add(&mut self, word: &str, rule: usize) {
        self.by.entry(word.to_ascii_lowercase()).or_insert(rule);
        self.first.get_or_insert(rule);
    }

    fn get(&self, word: &str) -> Option<usize> {
        self.by.get(&word.to_ascii_lowercase()).copied()
    }

    /// A word that is not known could be any of them.
    fn fit(&self, word: Option<&str>) -> Option<Fit> {
        word.map_or_else(|| fit(None, self.first), |word| fit(self.get(word), None))
    }
}

impl Repositories {
    fn add(&mut self, text: &str, rule: usize) {
        self.ids.add(text, rule);
        if text.parse::<Id>().is_err() {
            self.names.add(text, rule);
        }
    }

    fn fit(&self, place: Place<'_>) -> Option<Fit> {
        let by_id = self.ids.get(place.id.as_str());
        let by_name = place.name.and_then(|name| self.names.get(name));
        let open = if place.name.is_none() { self.names.first } else { None };
        fit(earliest(by_id, by_name), open)
    }
}

impl Names {
    fn add(&mut self, pattern: &str, rule: usize) {
        self.first.get_or_insert(rule);
        let of = if pattern.contains('/') { &mut self.whole } else { &mut self.slugs };
        of.add(pattern, rule);
    }

    fn fit(&self, place: Place<'_>) -> Option<Fit> {
        let Some(name) = place.name else { return fit(None, self.first) };
        let name = name.to_lowercase();
        let slug = name.rsplit('/').next().unwrap_or(&name);
        fit(earliest(self.slugs.first(slug), self.whole.first(&name)), None)
    }
}

impl Patterns {
    fn add(&mut self, pattern: &str, rule: usize) {
        let Some((head, _)) = pattern.split_once('*') else {
            self.exact.entry(pattern.to_owned()).or_insert(rule);
            return;
        };
        let tail = pattern.rsplit('*').next().unwrap_or_default();
        let pattern = Pattern { rule, text: pattern.to_owned() };
        match (head.len(), tail.len()) {
            (0, 0) => self.rest.push(pattern),
            (head_long, tail_long) if head_long >= tail_long => self.heads.add(head, pattern),
            (_, _) => self.tails.add(tail, pattern),
        }
    }

    /// The first rule whose pattern covers a name.
    fn first(&self, name: &str) -> Option<usize> {
        let heads = self.heads.fitting(|long| name.get(..long));
        let tails = self.tails.fitting(|long| name.get(name.len().checked_sub(long)?..));
        let groups = heads.chain(tails).chain([self.rest.as_slice()]);
        let exact = self.exact.get(name).copied();
        groups.fold(exact, |best, group| {
            // They stand in order: the first that fits is the group's.
            let before = group.iter().take_while(|one| best.is_none_or(|best| one.rule < best));
            let mut fitting = before.filter(|one| covers_text(&one.text, name));
            fitting.next().map(|one| one.rule).or(best)
        })
    }
}

impl Ends {
    fn add(&mut self, end: &str, pattern: Pattern) {
        self.lengths.insert(end.len());
        self.by.entry(end.to_owned()).or_default().push(pattern);
    }

    /// The patterns whose end a name has. `of`: its end of this length.
    fn fitting<'n>(
        &self,
        of: impl Fn(usize) -> Option<&'n str>,
    ) -> impl Iterator<Item = &[Pattern]> {
        let ends = self.lengths.iter().filter_map(move |long| of(*long));
        ends.filter_map(|end| self.by.get(end)).map(Vec::as_slice)
    }
}

//! What was true when, as the people who changed it know it; and whether what a decision states can be held against that.

use std::collections::HashMap;
use std::ops::Deref;

use jiff::Timestamp;

/// How far two looks at one clock may lie apart, milliseconds.
pub const BLINK: i64 = 5;

/// How old a fact may be where a rule says so, milliseconds.
pub const FRESH: i64 = 2_000;

/// Words of levels; their places are their order.
pub const LEVELS: [&str; 4] = ["none", "read", "write", "admin"];

/// From when to when, milliseconds.
pub type Window = (i64, i64);

pub fn clock() -> i64 {
    Timestamp::now().as_millisecond()
}

/// One fact over time: from when at the earliest to when at the latest it was so. The last one is so now.
pub struct Timeline<T>(Vec<(i64, i64, T)>);

impl<T: Copy + PartialEq> Timeline<T> {
    pub fn of(value: T) -> Self {
        Self(vec![(0, i64::MAX, value)])
    }

    pub fn now(&self) -> T {
        self.0.last().unwrap().2
    }

    /// It changed at some moment between these.
    pub fn changed(&mut self, (begun, ended): Window, value: T) {
        self.0.last_mut().unwrap().1 = ended;
        self.0.push((begun, i64::MAX, value));
    }

    /// What it was at any moment between these.
    pub fn within(&self, (from, to): Window) -> Vec<T> {
        let later = self.0.partition_point(|(_, until, _)| *until < from);
        let met = self.0[later..].iter().take_while(|(since, _, _)| *since <= to);
        met.map(|(_, _, value)| *value).collect()
    }
}

/// What is true of a repository.
pub struct Place {
    pub private: Timeline<bool>,
    /// What each person was given there, by their number: an index into [`LEVELS`].
    pub direct: Vec<Timeline<usize>>,
    /// When Bitbucket told, and the gate took, that it changed: from when to when that was on its way.
    pub told: Vec<Window>,
}

/// What is true of everybody.
pub struct People {
    /// Whether each is in the group that may write to everything.
    pub developers: Vec<Timeline<bool>>,
    /// Whether anybody is in the group that approves.
    pub approvers: Timeline<bool>,
}

/// Which rules were in force, and so what may be stated at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    Age,
    Fresh,
}

/// One answer of the gate, as whoever asked sees it.
#[derive(Clone, Debug)]
pub struct Stated {
    pub decision: String,
    pub asked: Window,
    pub demand: Demand,
    pub deploys: bool,
    pub place: usize,
    pub person: usize,
    /// None: unknown.
    pub level: Option<usize>,
    /// None: unknown.
    pub private: Option<bool>,
    pub age: Option<i64>,
    pub effect: &'static str,
    /// Tickets whose grants let it pass.
    pub used: Vec<String>,
    pub commit: String,
}

/// What was stated, counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub true_now: usize,
    pub stale: usize,
    pub unknown: usize,
    /// Levels read again while the caller waited.
    pub read_again: usize,
    /// Unknown, because Bitbucket told that it changed.
    pub after_told: usize,
    pub passed: usize,
    pub passed_by_grant: usize,
    pub waited: usize,
    pub stopped: usize,
    /// The same decision, given again.
    pub repeated: usize,
}

impl Counts {
    /// A storm in which any of it never happens would show nothing.
    pub fn show_everything(&self) {
        let facts = [self.true_now, self.stale, self.unknown, self.read_again, self.after_told];
        let effects = [self.passed, self.passed_by_grant, self.waited, self.stopped, self.repeated];
        let all = facts.into_iter().chain(effects);
        assert!(all.into_iter().all(|count| count > 0), "this never happened: {self:?}");
    }
}

/// An approval that was given.
#[derive(Clone, Debug)]
pub struct Approval {
    /// The answer that asked for it.
    pub asked: Stated,
    /// When it was given.
    pub given: Window,
}

/// What was true.
pub struct Truth<'a, P> {
    pub places: &'a [P],
    pub people: &'a People,
}

impl<P: Deref<Target = Place>> Truth<'_, P> {
    /// Levels that somebody can have had there. Bitbucket is read list by list, and what changes between two lists is seen
    /// half: each part was true at some moment, and so never more is stated than somebody had.
    fn levels(&self, stated: &Stated, window: Window) -> Vec<usize> {
        let place = &self.places[stated.place];
        let open = place.private.within(window).into_iter().map(|private| usize::from(!private));
        let group = self.people.developers[stated.person].within(window);
        let group: Vec<_> = group.into_iter().map(|member| if member { 2 } else { 0 }).collect();
        let direct = place.direct[stated.person].within(window);
        let mut all: Vec<usize> = open
            .flat_map(|open| group.iter().map(move |group| open.max(*group)))
            .flat_map(|base| direct.iter().map(move |direct| base.max(*direct)))
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// What the gate said so far, as far as it binds what it says next.
#[derive(Default)]
pub struct Model {
    pub approvals: HashMap<String, Approval>,
    /// Grants that were used, and by which decision.
    pub spent: HashMap<String, String>,
    /// Every decision, so that one that is given again says the same.
    pub decided: HashMap<String, Stated>,
    pub counts: Counts,
}

/// Something the gate said that it must not say.
pub type Wrong = String;

impl Model {
    /// Holds answers against what was true. Everything that changed while they were asked for must stand in there.
    pub fn hold<P: Deref<Target = Place>>(
        &mut self,
        truth: &Truth<'_, P>,
        answers: Vec<Stated>,
    ) -> Result<(), Wrong> {
        let mut alike: HashMap<String, Vec<Stated>> = HashMap::new();
        for stated in answers {
            alike.entry(stated.decision.clone()).or_default().push(stated);
        }
        for (decision, mut all) in alike {
            // Those who asked the same at the same time were answered with one decision, made while one of them waited.
            let asked = all.iter().map(|one| one.asked);
            let asked = asked.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
            let (first, again) = (all.remove(0), all.len());
            self.counts.repeated += again;
            let first = Stated { asked: asked.unwrap(), ..first };
            if let Some(other) = all.iter().find(|one| !says_the_same(one, &first)) {
                return Err(format!("one decision says two things: {first:#?}\n{other:#?}"));
            }
            if let Some(before) = self.decided.get(&decision) {
                if !says_the_same(before, &first) {
                    return Err(format!("a decision changed: {before:#?}\n{first:#?}"));
                }
                self.counts.repeated += 1;
                continue;
            }
            self.facts(truth, &first)?;
            self.effect(truth.people, &first)?;
            self.decided.insert(decision, first);
        }
        Ok(())
    }

    /// Whether what is stated was true at some moment within the age that is stated.
    fn facts<P: Deref<Target = Place>>(
        &mut self,
        truth: &Truth<'_, P>,
        stated: &Stated,
    ) -> Result<(), Wrong> {
        let place = &truth.places[stated.place];
        let waiting = (stated.asked.0 - BLINK, stated.asked.1 + BLINK);
        let graph = (waiting.0 - stated.age.unwrap_or(0), waiting.1);
        let too_old = stated.demand == Demand::Fresh && stated.age.is_none_or(|age| age > FRESH);
        let wrong = |what: &str, held: String| Err(format!("{what}: {held}\n{stated:#?}"));
        let mut unknown = 2;
        if let Some(level) = stated.level {
            unknown -= 1;
            let window = if too_old { waiting } else { graph };
            let can_be = truth.levels(stated, window);
            if !can_be.contains(&level) {
                return wrong("a level that was not", format!("{can_be:?} within {window:?}"));
            }
            self.counts.read_again += usize::from(too_old);
            self.count(&truth.levels(stated, waiting), &level);
        }
        // It was read at the latest when the graph that stands there began to be read.
        let read = stated.age.map_or(i64::MAX, |age| stated.asked.1 - age + BLINK);
        let told = place.told.iter().any(|told| told.1 < stated.asked.0 && read < told.0);
        if let Some(private) = stated.private {
            unknown -= 1;
            if too_old {
                return wrong("read again by nobody, and known", format!("{:?}", stated.age));
            }
            if told {
                return wrong("told to have changed, and known", format!("{:?}", place.told));
            }
            let can_be = place.private.within(graph);
            if !can_be.contains(&private) {
                return wrong("a visibility that was not", format!("{can_be:?} within {graph:?}"));
            }
            self.count(&place.private.within(waiting), &private);
        } else {
            self.counts.after_told += usize::from(told && !too_old);
        }
        self.counts.unknown += unknown;
        Ok(())
    }

    /// Whether what is let pass may pass.
    fn effect(&mut self, people: &People, stated: &Stated) -> Result<(), Wrong> {
        let wrong =
            |what: &str, held: &dyn std::fmt::Debug| Err(format!("{what}: {held:#?}\n{stated:#?}"));
        if !stated.deploys {
            return Ok(());
        }
        match stated.effect {
            "proceed" => self.counts.passed += 1,
            "wait" => self.counts.waited += 1,
            "stop" => self.counts.stopped += 1,
            other => return wrong("an effect nobody knows", &other),
        }
        // Only who administers may deploy unasked; who is not known to may not deploy, and is not asked for.
        let admin = stated.level.map(|level| LEVELS[level] == "admin");
        match (stated.effect, admin) {
            ("proceed", Some(true)) if stated.used.is_empty() => return Ok(()),
            ("proceed" | "wait", None) => return wrong("not known, and not stopped", &()),
            ("wait" | "stop", Some(true)) => return wrong("an administrator is held", &()),
            ("wait" | "proceed", Some(false)) => {
                let window = (stated.asked.0 - stated.age.unwrap_or(0) - BLINK, stated.asked.1);
                if !people.approvers.within(window).contains(&true) {
                    return wrong("nobody could have approved it", &window);
                }
            }
            _ => {}
        }
        if stated.effect != "proceed" {
            return Ok(());
        }
        self.counts.passed_by_grant += 1;
        let [ticket] = &stated.used[..] else { return wrong("no approval, or several", &()) };
        let Some(approval) = self.approvals.get(ticket) else {
            return wrong("an approval that nobody gave", ticket);
        };
        if approval.given.0 > stated.asked.1 {
            return wrong("approved afterwards", approval);
        }
        if !binds_the_same(&approval.asked, stated) {
            return wrong("an approval of something else", approval);
        }
        match self.spent.insert(ticket.clone(), stated.decision.clone()) {
            Some(before) => wrong("an approval used twice", &before),
            None => Ok(()),
        }
    }

    fn count<T: PartialEq>(&mut self, now: &[T], stated: &T) {
        if now.contains(stated) {
            self.counts.true_now += 1;
        } else {
            self.counts.stale += 1;
        }
    }
}

fn binds_the_same(one: &Stated, other: &Stated) -> bool {
    (one.place, &one.commit, one.level, one.private)
        == (other.place, &other.commit, other.level, other.private)
}

fn says_the_same(one: &Stated, other: &Stated) -> bool {
    binds_the_same(one, other)
        && (one.age, one.effect, &one.used) == (other.age, other.effect, &other.used)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A private repository in which somebody administers until 1,000, and writes from then on; told of at 3,000.
    fn place() -> Place {
        let mut direct = Timeline::of(3);
        direct.changed((1_000, 1_001), 2);
        let mut private = Timeline::of(true);
        private.changed((2_000, 2_001), false);
        Place { private, direct: vec![direct], told: vec![(3_000, 3_001)] }
    }

    fn answer() -> Stated {
        Stated {
            decision: "d".to_owned(),
            asked: (5_000, 5_010),
            demand: Demand::Age,
            deploys: true,
            place: 0,
            person: 0,
            level: Some(2),
            private: None,
            age: Some(4_500),
            effect: "wait",
            used: Vec::new(),
            commit: "c".to_owned(),
        }
    }

    fn held(answers: Vec<Stated>) -> Result<Counts, Wrong> {
        let (place, developers) = (place(), vec![Timeline::of(false)]);
        let people = People { developers, approvers: Timeline::of(true) };
        let mut model = Model::default();
        let approval = Approval { asked: answer(), given: (5_020, 5_030) };
        model.approvals.insert("t".to_owned(), approval);
        let truth = Truth { places: &[&place], people: &people };
        model.hold(&truth, answers).map(|()| model.counts)
    }

    fn passed(decision: &str) -> Stated {
        let (decision, used) = (decision.to_owned(), vec!["t".to_owned()]);
        Stated { decision, used, asked: (5_040, 5_050), effect: "proceed", ..answer() }
    }

    #[test]
    fn the_model_takes_what_was_true_within_the_age_and_nothing_else() {
        assert_eq!(held(vec![answer()]).unwrap().true_now, 1);
        // The graph is of 500: then they administered, and it was private.
        let old = Stated { level: Some(3), effect: "proceed", ..answer() };
        assert_eq!(held(vec![old.clone()]).unwrap().stale, 1);
        let lie = Stated { age: Some(3_900), ..old.clone() };
        assert!(held(vec![lie]).unwrap_err().contains("a level that was not"));
        let fresh = Stated { demand: Demand::Fresh, ..old };
        assert!(held(vec![fresh]).unwrap_err().contains("a level that was not"));
        let told = Stated { private: Some(true), ..answer() };
        assert!(held(vec![told.clone()]).unwrap_err().contains("told to have changed, and known"));
        let kept = Stated { demand: Demand::Fresh, ..told };
        assert!(held(vec![kept]).unwrap_err().contains("read again by nobody, and known"));
    }

    #[test]
    fn the_model_takes_an_approval_of_this_once_and_nothing_else() {
        assert_eq!(held(vec![passed("d")]).unwrap().passed_by_grant, 1);
        let wrongs = [
            (vec![passed("d"), passed("e")], "an approval used twice"),
            (vec![Stated { commit: "other".to_owned(), ..passed("d") }], "of something else"),
            (vec![Stated { used: vec!["u".to_owned()], ..passed("d") }], "that nobody gave"),
            (vec![Stated { used: Vec::new(), ..passed("d") }], "no approval, or several"),
            (vec![Stated { asked: (5_000, 5_010), ..passed("d") }], "approved afterwards"),
            (
                vec![Stated { level: None, effect: "wait", ..answer() }],
                "not known, and not stopped",
            ),
            (vec![Stated { level: Some(3), ..answer() }], "an administrator is held"),
            (vec![answer(), Stated { effect: "stop", ..answer() }], "one decision says two things"),
        ];
        for (answers, why) in wrongs {
            let wrong = held(answers).unwrap_err();
            assert!(wrong.contains(why), "{why}: {wrong}");
        }
    }
}

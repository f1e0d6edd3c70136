//! Searching decisions: by what the record says of them in the clear, newest first; and the same from a place on, oldest
//! first, for whoever follows them.
//!
//! A search walks the rows of one index, the narrowest that what is asked offers, and looks at each for the rest. It
//! never looks at more than [`LOOK`] rows: then it says where to go on. Nothing here reads a sealed part to search it,
//! and no index holds what the ledger's entries do not say in the clear; so what is erased cannot be found by any text,
//! and everything is found by the ids it was found by before.

use rusqlite::Connection;
use rusqlite::Row;
use rusqlite::Rows;
use rusqlite::types::Value;
use rusqlite::types::ValueRef;

use crate::decision::Effect;
use crate::decision::Record;
use crate::decision::impact::Rules;
use crate::decision::plan::Softener;
use crate::decision::record::Public;
use crate::event::EventKind;
use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::policy::Verdict;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::decisions;
use crate::store::log;
use crate::store::row;

/// Decisions on a page.
pub const MAX_PAGE: usize = 200;

/// Rows that one question looks at, some 20 ms. Without an end, a search for what is rare would hold a reader's seat for
/// as long as the record is.
pub const LOOK: u64 = 20_000;

/// How much later than it was made a decision can stand in the record: longer than any question may take.
const RECORDED_WITHIN: i64 = 5 * 60 * 1_000;

/// Rules of one area that are looked for; no bundle has so many.
const AREA_RULES: usize = 1_000;

/// Which decisions to list. What is left out does not matter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this connection.
    pub connection: Option<ConnectionId>,
    /// With this verdict.
    pub verdict: Option<Verdict>,
    /// With this effect.
    pub effect: Option<Effect>,
    /// About the repository of this id.
    pub repository: Option<String>,
    /// In which the rights of the identity with this id were used.
    pub person: Option<String>,
    /// In which this rule, or one of this area, matched or could not tell.
    pub rules: Option<Rules>,
    /// About something of this kind.
    pub kind: Option<EventKind>,
    /// Whose effect this softened.
    pub softened: Option<Softener>,
    /// Only those that no rule answers (true), or only the others (false).
    pub uncovered: Option<bool>,
    /// Made at or after.
    pub since: Option<Time>,
    /// Made before.
    pub until: Option<Time>,
}

/// A page of decisions, newest first.
#[derive(Clone, Debug)]
pub struct Page {
    /// The decisions.
    pub items: Vec<Record>,
    /// Give this to see the next page, also where this one is not full: [`LOOK`] rows were looked at. None: this was
    /// the last.
    pub next: Option<u64>,
}

/// Decisions from a place on, oldest first.
#[derive(Clone, Debug)]
pub struct Onward {
    /// The decisions, each with the index of its entry.
    pub items: Vec<(u64, Record)>,
    /// Where to go on: nothing below it is missing.
    pub from: u64,
    /// Whether there may be more already.
    pub more: bool,
}

impl Store {
    /// Decisions in the order they were recorded, newest first, at most 200; `before` is the `next` of the page
    /// before.
    pub async fn decisions(
        &self,
        filter: Filter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let limit = limit.clamp(1, MAX_PAGE);
        self.ask(move |db| page(db, &filter, before, limit)).await
    }

    /// Decisions whose entries stand at `from` or after, oldest first, at most 200.
    pub async fn decisions_from(
        &self,
        filter: Filter,
        from: u64,
        limit: usize,
    ) -> Result<Onward, StoreError> {
        let limit = limit.clamp(1, MAX_PAGE);
        self.ask(move |db| onward(db, &filter, row::signed(from), limit)).await
    }

    /// The index of the first entry from a time on; of none: the one that comes next.
    pub async fn first_since(&self, time: Option<Time>) -> Result<u64, StoreError> {
        let find = move |db: &Connection| match time {
            Some(time) => log::first_since(db, time),
            None => log::after_last(db),
        };
        self.ask(find).await.map(row::unsigned)
    }
}

/// What softened a decision, as it stands in its row.
pub(super) fn softened(public: &Public) -> i64 {
    public.because.iter().fold(0, |bits, because| bits | bit(because.kind))
}

const fn bit(softener: Softener) -> i64 {
    match softener {
        Softener::Shadow => 1,
        Softener::Waiver => 2,
        Softener::Pause => 4,
    }
}

/// The index that a search walks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Person,
    Repository,
    Rule,
    Uncovered,
    /// Whatever does not simply let pass, by verdict and effect.
    Notable,
    /// All of them.
    Order,
}

/// What [`Wanted::fits`] looks at, in this order.
const COLUMNS: &str = "d.entry, d.at, d.connection, d.verdict, d.effect, d.repository, d.actor, d.event, \
                       d.softened, d.uncovered";

impl By {
    /// The walk from the newest below ?2 down to ?1.
    const fn sql(self) -> &'static str {
        match self {
            Self::Person => {
                "mention AS by CROSS JOIN decision AS d ON d.entry = by.entry
                 WHERE by.identity = ?3 AND by.entry >= ?1 AND by.entry < ?2 ORDER BY by.entry DESC"
            }
            Self::Rule => {
                "decision_rule AS by CROSS JOIN decision AS d ON d.entry = by.entry
                 WHERE by.rule = ?3 AND by.entry >= ?1 AND by.entry < ?2 ORDER BY by.entry DESC"
            }
            Self::Repository => {
                "decision AS d INDEXED BY decision_repository
                 WHERE d.repository = ?3 AND d.entry >= ?1 AND d.entry < ?2 ORDER BY d.entry DESC"
            }
            Self::Uncovered => {
                "decision AS d INDEXED BY decision_uncovered
                 WHERE d.uncovered = 1 AND d.entry >= ?1 AND d.entry < ?2 ORDER BY d.entry DESC"
            }
            Self::Notable => {
                "decision AS d INDEXED BY decision_notable
                 WHERE d.verdict <> 'allow' AND d.verdict = ?3 AND d.effect = ?4
                   AND d.entry >= ?1 AND d.entry < ?2 ORDER BY d.entry DESC"
            }
            Self::Order => {
                "decision AS d NOT INDEXED
                 WHERE d.entry >= ?1 AND d.entry < ?2 ORDER BY d.entry DESC"
            }
        }
    }
}

/// The index to walk, and the keys to walk it by: several, where what is asked is a family.
fn ways(db: &Connection, filter: &Filter) -> Result<(By, Vec<Vec<Value>>), StoreError> {
    let one = |key: &String| vec![vec![Value::Text(key.clone())]];
    if let Some(person) = &filter.person {
        return Ok((By::Person, one(person)));
    }
    if let Some(repository) = &filter.repository {
        return Ok((By::Repository, one(repository)));
    }
    if let Some(rules) = &filter.rules {
        let rules = rules_of(db, rules)?;
        return Ok((By::Rule, rules.into_iter().map(|rule| vec![Value::Text(rule)]).collect()));
    }
    if filter.uncovered == Some(true) {
        return Ok((By::Uncovered, vec![Vec::new()]));
    }
    let notable = filter.verdict.is_some_and(|verdict| verdict != Verdict::Allow)
        || filter.effect.is_some_and(|effect| effect != Effect::Proceed)
        || filter.softened.is_some();
    if notable { Ok((By::Notable, notables(filter))) } else { Ok((By::Order, vec![Vec::new()])) }
}

/// Pairs of verdict and effect that a filter lets through.
fn notables(filter: &Filter) -> Vec<Vec<Value>> {
    let verdicts = Verdict::ALL.iter().copied().filter(|verdict| {
        *verdict != Verdict::Allow && filter.verdict.is_none_or(|wanted| wanted == *verdict)
    });
    let pairs = verdicts.flat_map(|verdict| {
        Effect::ALL.iter().map(move |effect| (verdict, *effect)).filter(|(verdict, effect)| {
            filter.effect.is_none_or(|wanted| wanted == *effect)
                && (filter.softened.is_none() || *effect != Effect::from(*verdict))
        })
    });
    let text = |text: &str| Value::Text(text.to_owned());
    pairs.map(|(verdict, effect)| vec![text(verdict.as_str()), text(effect.as_str())]).collect()
}

/// The rules that a record knows of those that are asked for, found by leaping from one to the next.
fn rules_of(db: &Connection, rules: &Rules) -> Result<Vec<String>, StoreError> {
    let rules = rules.as_str();
    if rules.contains('/') {
        return Ok(vec![rules.to_owned()]);
    }
    // The character after `/` is `0`.
    let (mut last, end) = (format!("{rules}/"), format!("{rules}0"));
    let mut next =
        db.prepare_cached("SELECT min(rule) FROM decision_rule WHERE rule > ?1 AND rule < ?2")?;
    let mut found = Vec::new();
    while found.len() < AREA_RULES
        && let Some(rule) = next.query_row([&last, &end], |row| row.get::<_, Option<String>>(0))?
    {
        found.push(rule.clone());
        last = rule;
    }
    Ok(found)
}

/// A filter as rows are held against it.
struct Wanted<'a> {
    filter: &'a Filter,
    /// Rules to be looked up one by one, where the walk is not by them already.
    rules: Option<Vec<String>>,
}

impl<'a> Wanted<'a> {
    fn new(db: &Connection, filter: &'a Filter, by: By) -> Result<Self, StoreError> {
        let open = filter.rules.as_ref().filter(|_| by != By::Rule);
        Ok(Self { filter, rules: open.map(|rules| rules_of(db, rules)).transpose()? })
    }

    fn fits(&self, db: &Connection, row: &Row<'_>) -> Result<bool, StoreError> {
        let filter = self.filter;
        let is = |column: usize, wanted: Option<&str>| -> Result<bool, StoreError> {
            let Some(wanted) = wanted else { return Ok(true) };
            Ok(matches!(row.get_ref(column)?, ValueRef::Text(found) if found == wanted.as_bytes()))
        };
        let texts = [
            (2, filter.connection.as_ref().map(ConnectionId::as_str)),
            (3, filter.verdict.map(Verdict::as_str)),
            (4, filter.effect.map(Effect::as_str)),
            (5, filter.repository.as_deref()),
            (6, filter.person.as_deref()),
            (7, filter.kind.map(EventKind::as_str)),
        ];
        for (column, wanted) in texts {
            if !is(column, wanted)? {
                return Ok(false);
            }
        }
        let (at, softened) = (Time::from_millis(row.get(1)?), row.get::<_, i64>(8)?);
        let uncovered: bool = row.get(9)?;
        Ok(filter.softened.is_none_or(|by| softened & bit(by) != 0)
            && filter.uncovered.is_none_or(|wanted| wanted == uncovered)
            && filter.since.is_none_or(|since| at >= since)
            && filter.until.is_none_or(|until| at < until)
            && self.is_said(db, row.get(0)?)?)
    }

    fn is_said(&self, db: &Connection, entry: i64) -> Result<bool, StoreError> {
        let Some(rules) = &self.rules else { return Ok(true) };
        let mut said =
            db.prepare_cached("SELECT 1 FROM decision_rule WHERE rule = ?1 AND entry = ?2")?;
        for rule in rules {
            if said.exists((rule, entry))? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// One walk of several that go on side by side.
struct Walk<'a> {
    rows: Rows<'a>,
    /// The row it stands at, and whether that fits.
    at: Option<(i64, bool)>,
}

impl Walk<'_> {
    fn step(&mut self, db: &Connection, wanted: &Wanted<'_>) -> Result<(), StoreError> {
        self.at = match self.rows.next()? {
            Some(row) => Some((row.get(0)?, wanted.fits(db, row)?)),
            None => None,
        };
        Ok(())
    }
}

fn page(
    db: &Connection,
    filter: &Filter,
    before: Option<u64>,
    limit: usize,
) -> Result<Page, StoreError> {
    let low = filter.since.map(|since| log::first_since(db, since)).transpose()?.unwrap_or(0);
    let high = before.map_or(i64::MAX, row::signed).min(below(db, filter)?);
    // One more than asked tells whether there is a next page.
    let (mut entries, looked_until) = walked(db, filter, (low, high), limit + 1)?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let last = entries.last().copied().filter(|_| more);
    let next = last.or(looked_until).map(row::unsigned);
    let items =
        entries.into_iter().map(|entry| decisions::read(db, entry)).collect::<Result<_, _>>()?;
    Ok(Page { items, next })
}

/// Above every entry that can hold a decision of the time that is asked for.
fn below(db: &Connection, filter: &Filter) -> Result<i64, StoreError> {
    let Some(until) = filter.until else { return Ok(i64::MAX) };
    let latest = Time::from_millis(until.millis().saturating_add(RECORDED_WITHIN));
    log::first_since(db, latest)
}

/// Entries that fit, newest first, at most `enough`; and where the walk ended, if that was before its end and for nothing
/// but its length.
fn walked(
    db: &Connection,
    filter: &Filter,
    (low, high): (i64, i64),
    enough: usize,
) -> Result<(Vec<i64>, Option<i64>), StoreError> {
    let (by, ways) = ways(db, filter)?;
    let wanted = Wanted::new(db, filter, by)?;
    let sql = format!("SELECT {COLUMNS} FROM {}", by.sql());
    let statements = ways.iter().map(|_| db.prepare_cached(&sql)).collect::<Result<Vec<_>, _>>();
    let mut statements = statements?;
    let mut walks = Vec::with_capacity(ways.len());
    for (statement, keys) in statements.iter_mut().zip(ways) {
        let keys = [Value::Integer(low), Value::Integer(high)].into_iter().chain(keys);
        let rows = statement.query(rusqlite::params_from_iter(keys))?;
        let mut walk = Walk { rows, at: None };
        walk.step(db, &wanted)?;
        walks.push(walk);
    }
    let (mut found, mut looked, mut last) = (Vec::new(), 0, None);
    while found.len() < enough {
        let newest = walks.iter_mut().filter(|walk| walk.at.is_some()).max_by_key(|walk| walk.at);
        let Some(walk) = newest else { return Ok((found, None)) };
        if looked == LOOK {
            return Ok((found, last));
        }
        if let Some((entry, fits)) = walk.at {
            // Two rules of an area may have spoken in one decision.
            if fits && found.last() != Some(&entry) {
                found.push(entry);
            }
            last = Some(entry);
        }
        looked += 1;
        walk.step(db, &wanted)?;
    }
    Ok((found, None))
}

fn onward(db: &Connection, filter: &Filter, from: i64, limit: usize) -> Result<Onward, StoreError> {
    let end = log::after_last(db)?;
    let until = from.saturating_add(row::signed(LOOK)).min(end);
    let wanted = Wanted::new(db, filter, By::Order)?;
    let sql = format!(
        "SELECT {COLUMNS} FROM decision AS d NOT INDEXED
         WHERE d.entry >= ?1 AND d.entry < ?2 ORDER BY d.entry"
    );
    let mut query = db.prepare_cached(&sql)?;
    let mut rows = query.query((from, until))?;
    let (mut items, mut next) = (Vec::new(), until.max(from));
    while let Some(row) = rows.next()? {
        let entry: i64 = row.get(0)?;
        if items.len() == limit {
            next = entry;
            break;
        }
        if wanted.fits(db, row)? {
            items.push((row::unsigned(entry), decisions::read(db, entry)?));
        }
    }
    Ok(Onward { items, from: row::unsigned(next), more: next < end })
}

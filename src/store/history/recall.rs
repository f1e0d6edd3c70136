//! Reading histories: a world as it stood, since when anything is known, and the part of a history that a question needs.

use std::collections::BTreeSet;

use rusqlite::Connection;
use rusqlite::OptionalExtension as _;
use rusqlite::Row;

use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Relation;
use crate::graph::Time;
use crate::graph::World;
use crate::graph::statement::Sort;
use crate::graph::statement::Statement;
use crate::graph::world;
use crate::secret::Seal;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::history::words::Reader;
use crate::store::history::words::Words;
use crate::store::row;

/// Lines of a history that one question may need. Without it a group that changes daily could fill the memory.
const MAX_LINES: usize = 200_000;

/// Which moment of a history is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// What was true then, as far as it was read: the newest reading that had begun by then.
    True(Time),
    /// What was believed then: the newest reading that was kept by then.
    Believed(Time),
    /// This moment.
    At(i64),
    /// The moment before this one.
    Before(i64),
}

/// A reading that differed from the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Its number; later ones are larger.
    pub no: i64,
    /// Whose world it was.
    pub connection: ConnectionId,
    /// When it was true.
    pub as_of: Time,
    /// When the same was read last.
    pub confirmed: Time,
    /// When it was kept.
    pub recorded: Time,
}

impl Moment {
    /// Of when what was true at a time is known: the last reading that said it, or where that came later the first.
    /// Readings between the two are not kept one by one, and the time itself was none.
    pub fn true_at(&self, time: Time) -> Time {
        if time >= self.confirmed { self.confirmed } else { self.as_of }
    }
}

/// A world as it stood.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// Since which moment it stood so.
    pub moment: Moment,
    /// All of it. Its `as_of` is a reading that said so, never the time that was asked for.
    pub world: World,
}

/// A statement with the moments between which it held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What was said.
    pub statement: Statement,
    /// The first moment that said it.
    pub since: i64,
    /// The first that did not say it any more.
    pub until: Option<i64>,
}

impl Store {
    /// Everything until then was read, and what changed is decided; none: nothing was read yet.
    pub async fn read_through(
        &self,
        connection: &ConnectionId,
    ) -> Result<Option<Time>, StoreError> {
        let connection = connection.clone();
        self.ask(move |db| {
            let sql = "SELECT max(confirmed) FROM moment WHERE connection = ?1 AND no < coalesce(
                       (SELECT min(no) FROM moment WHERE connection = ?1 AND settled = 0), ?2)";
            let mut query = db.prepare_cached(sql)?;
            let found: Option<i64> =
                query.query_row((connection.as_str(), i64::MAX), |row| row.get(0))?;
            Ok(found.map(Time::from_millis))
        })
        .await
    }

    /// The moment that is meant, if the connection has one.
    pub async fn moment(
        &self,
        connection: &ConnectionId,
        when: When,
    ) -> Result<Option<Moment>, StoreError> {
        let connection = connection.clone();
        self.ask(move |db| Ok(find(db, &connection, when)?.map(|found| found.moment))).await
    }

    /// A connection's world as it stood. None: nothing was known of it then.
    pub async fn past(
        &self,
        connection: &ConnectionId,
        when: When,
    ) -> Result<Option<Past>, StoreError> {
        let (connection, seal) = (connection.clone(), self.seal()?.clone());
        self.inner
            .readers
            .walk(move |db| match find(db, &connection, when)? {
                Some(found) => past(db, &seal, found, when).map(Some),
                None => Ok(None),
            })
            .await
    }

    /// Every moment of a connection, oldest first.
    pub async fn moments(&self, connection: &ConnectionId) -> Result<Vec<Moment>, StoreError> {
        let connection = connection.clone();
        self.ask(move |db| {
            let sql = format!("{MOMENT} WHERE connection = ?1 ORDER BY no");
            let mut query = db.prepare_cached(&sql)?;
            let mut rows = query.query([connection.as_str()])?;
            let mut moments = Vec::new();
            while let Some(row) = rows.next()? {
                moments.push(Found::of(row)?.moment);
            }
            Ok(moments)
        })
        .await
    }

    /// Since when anything is known of a connection.
    pub async fn known_since(&self, connection: &ConnectionId) -> Result<Option<Time>, StoreError> {
        let connection = connection.clone();
        self.ask(move |db| {
            let sql = "SELECT min(as_of) FROM moment WHERE connection = ?1";
            let first: Option<i64> =
                db.prepare_cached(sql)?.query_row([connection.as_str()], |row| row.get(0))?;
            Ok(first.map(Time::from_millis))
        })
        .await
    }

    /// Moments whose changes are not all decided, oldest first.
    pub async fn unsettled(&self) -> Result<Vec<Moment>, StoreError> {
        self.ask(|db| {
            let sql = format!("{MOMENT} WHERE settled = 0 ORDER BY no");
            let mut query = db.prepare_cached(&sql)?;
            let mut rows = query.query([])?;
            let mut moments = Vec::new();
            while let Some(row) = rows.next()? {
                moments.push(Found::of(row)?.moment);
            }
            Ok(moments)
        })
        .await
    }

    /// Since which moment each of these gaps had stood that were closed by this one; none where that is not known.
    pub async fn gaps_began(
        &self,
        gaps: &[(Id, String)],
        closed: i64,
    ) -> Result<Vec<Option<i64>>, StoreError> {
        if gaps.is_empty() {
            return Ok(Vec::new());
        }
        let (gaps, seal) = (gaps.to_vec(), self.seal()?.clone());
        self.inner
            .readers
            .walk(move |db| {
                let words = Words::read(db, &seal)?;
                gaps.iter().map(|gap| gap_began(db, &words, gap, closed)).collect()
            })
            .await
    }

    /// The part of a history that says whether an identity reached a place: both, every group and home that either
    /// ever had, and everyone who was ever granted something on the way. None: the history does not know one of them.
    pub async fn between(&self, who: &Id, place: &Id) -> Result<Option<Vec<Line>>, StoreError> {
        let (who, place, seal) = (who.clone(), place.clone(), self.seal()?.clone());
        self.inner.readers.walk(move |db| between(db, &seal, &who, &place)).await
    }
}

const MOMENT: &str = "SELECT no, connection, as_of, confirmed, recorded, home, head FROM moment";

/// A moment with the words it names.
struct Found {
    moment: Moment,
    home: i64,
    head: i64,
}

impl Found {
    fn of(row: &Row<'_>) -> Result<Self, StoreError> {
        let time = |column| Ok::<_, StoreError>(Time::from_millis(row.get(column)?));
        let moment = Moment {
            no: row.get(0)?,
            connection: row::parsed(row, 1)?,
            as_of: time(2)?,
            confirmed: time(3)?,
            recorded: time(4)?,
        };
        Ok(Self { moment, home: row.get(5)?, head: row.get(6)? })
    }
}

fn gap_began(
    db: &Connection,
    words: &Words,
    (about, field): &(Id, String),
    closed: i64,
) -> Result<Option<i64>, StoreError> {
    let home = words.find(about.connection().as_str());
    let (Some(home), Some(about), Some(field)) =
        (home, words.find(about.as_str()), words.find(field))
    else {
        return Ok(None);
    };
    let sql = "SELECT since FROM statement
               WHERE home = ?1 AND about = ?2 AND sort = 3 AND says = ?3 AND until = ?4";
    let mut query = db.prepare_cached(sql)?;
    let (mut began, mut until) = (None, closed);
    // A gap whose why changed goes on in another line.
    loop {
        let since = query.query_row((home, about, field, until), |row| row.get::<_, i64>(0));
        let Some(since) = since.optional()? else { return Ok(began) };
        (began, until) = (Some(since), since);
    }
}

fn find(
    db: &Connection,
    connection: &ConnectionId,
    when: When,
) -> Result<Option<Found>, StoreError> {
    let (which, value) = match when {
        When::True(time) => ("as_of <= ?2", time.millis()),
        When::Believed(time) => ("recorded <= ?2", time.millis()),
        When::At(no) => ("no = ?2", no),
        When::Before(no) => ("no < ?2", no),
    };
    let sql = format!("{MOMENT} WHERE connection = ?1 AND {which} ORDER BY no DESC LIMIT 1");
    let mut query = db.prepare_cached(&sql)?;
    let mut rows = query.query((connection.as_str(), value))?;
    rows.next()?.map(Found::of).transpose()
}

fn past(db: &Connection, seal: &Seal, found: Found, when: When) -> Result<Past, StoreError> {
    let Found { moment, home, head } = found;
    let mut words = Reader::new(db, seal);
    let head: world::Connection = row::known(serde_json::from_str(&words.text(head)?))?;
    let sql = "SELECT sort, about, says, what, source FROM statement
               WHERE home = ?1 AND since <= ?2 AND (until IS NULL OR until > ?2)";
    let mut query = db.prepare_cached(sql)?;
    let mut rows = query.query((home, moment.no))?;
    let mut statements = Vec::new();
    while let Some(row) = rows.next()? {
        statements.push(statement(row, &mut words)?);
    }
    let as_of = match when {
        When::True(time) => moment.true_at(time),
        When::Believed(_) | When::At(_) | When::Before(_) => moment.as_of,
    };
    let world = row::known(World::of_statements(head, as_of, statements))?;
    Ok(Past { moment, world })
}

/// Sort, about, says, what and source, from the row's first column on.
fn statement(row: &Row<'_>, words: &mut Reader<'_>) -> Result<Statement, StoreError> {
    let sort: u8 = row.get(0)?;
    let source: Option<i64> = row.get(4)?;
    Ok(Statement {
        sort: Sort::from_code(sort)
            .ok_or_else(|| StoreError::Unreadable(format!("a statement of sort {sort}")))?,
        about: words.text(row.get(1)?)?,
        says: words.text(row.get(2)?)?,
        what: words.text(row.get(3)?)?,
        source: source.map(|no| words.text(no)).transpose()?,
    })
}

fn between(
    db: &Connection,
    seal: &Seal,
    who: &Id,
    place: &Id,
) -> Result<Option<Vec<Line>>, StoreError> {
    let words = Words::read(db, seal)?;
    let home = words.find(place.connection().as_str());
    let (Some(home), Some(who), Some(place)) =
        (home, words.find(who.as_str()), words.find(place.as_str()))
    else {
        return Ok(None);
    };
    let word = |is: Relation| words.find(is.as_str());
    let mut reader = Reader::new(db, seal);
    let upward = [Relation::Member, Relation::ActsFor].map(word);
    let homes = [Relation::In].map(word);
    let places = closure(db, home, &[place], &homes)?;
    let mut all: BTreeSet<i64> = places.clone();
    for holder in holders(db, home, &places)? {
        if is_group(&reader.text(holder)?) {
            all.insert(holder);
        }
    }
    all.extend(closure(db, home, &[who], &upward)?);
    let groups: Vec<i64> = all.iter().copied().collect();
    all.extend(closure(db, home, &groups, &upward)?);
    lines(db, home, &all, &mut reader).map(Some)
}

fn is_group(id: &str) -> bool {
    id.parse::<Id>().is_ok_and(|id| id.kind() == Kind::Group)
}

/// Everything that these words ever led to from these nodes, and the nodes.
fn closure(
    db: &Connection,
    home: i64,
    from: &[i64],
    words: &[Option<i64>],
) -> Result<BTreeSet<i64>, StoreError> {
    let mut query = db.prepare_cached(
        "SELECT DISTINCT what FROM statement
         WHERE home = ?1 AND about = ?2 AND sort = 2 AND says = ?3",
    )?;
    let (mut found, mut open) = (BTreeSet::new(), from.to_vec());
    while let Some(node) = open.pop() {
        if !found.insert(node) {
            continue;
        }
        for word in words.iter().flatten() {
            let to = query.query_map((home, node, word), |row| row.get(0))?;
            open.extend(to.collect::<Result<Vec<i64>, _>>()?);
        }
    }
    Ok(found)
}

/// Everyone who ever led to one of these places by any word. Walks all edges: where they lead is not indexed, so that a
/// year of them stays small.
fn holders(
    db: &Connection,
    home: i64,
    places: &BTreeSet<i64>,
) -> Result<BTreeSet<i64>, StoreError> {
    let sql = "SELECT about, what FROM statement WHERE home = ?1 AND sort = 2";
    let mut query = db.prepare_cached(sql)?;
    let mut rows = query.query([home])?;
    let mut holders = BTreeSet::new();
    while let Some(row) = rows.next()? {
        if places.contains(&row.get::<_, i64>(1)?) {
            holders.insert(row.get(0)?);
        }
    }
    Ok(holders)
}

/// Everything ever said of these nodes, and every edge between two of them.
fn lines(
    db: &Connection,
    home: i64,
    nodes: &BTreeSet<i64>,
    reader: &mut Reader<'_>,
) -> Result<Vec<Line>, StoreError> {
    let mut query = db.prepare_cached(
        "SELECT sort, about, says, what, source, since, until FROM statement
         WHERE home = ?1 AND about = ?2",
    )?;
    let mut lines = Vec::new();
    for node in nodes {
        let mut rows = query.query((home, node))?;
        while let Some(row) = rows.next()? {
            let is_edge = row.get::<_, u8>(0)? == Sort::Edge.code();
            if is_edge && !nodes.contains(&row.get::<_, i64>(3)?) {
                continue;
            }
            if lines.len() == MAX_LINES {
                return Err(StoreError::TooSlow(crate::store::LONGEST_READ));
            }
            let statement = statement(row, reader)?;
            lines.push(Line { statement, since: row.get(5)?, until: row.get(6)? });
        }
    }
    Ok(lines)
}

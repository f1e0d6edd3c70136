//! A history replayed through the store against one that keeps every world whole.

use std::sync::Arc;

use portcullis::graph::Level;
use portcullis::graph::Snapshot;
use portcullis::graph::World;
use portcullis::graph::world::Edge;
use portcullis::graph::world::Node;
use portcullis::secret::Seal;
use portcullis::secret::Secret;
use portcullis::store::Learned;
use portcullis::store::Reading;
use portcullis::store::Role;
use portcullis::store::Settings;
use portcullis::store::Store;
use portcullis::store::Until;
use portcullis::store::When;
use proptest::prelude::*;
use proptest::test_runner::Config;
use proptest::test_runner::TestRng;

use super::DAY;
use super::id;
use super::join;
use super::same;
use super::set;
use super::time;
use super::unknown;
use super::world;

const PEOPLE: u32 = 6;
const GROUPS: u32 = 4;
const REPOSITORIES: u32 = 4;

async fn store(folder: &std::path::Path) -> Store {
    let seal = Arc::new(Seal::new(&Secret::new([7; 32]), None));
    let origin = "gate.example.com/portcullis".to_owned();
    let path = folder.join("portcullis.db");
    Store::open(Settings { path, seal, origin, role: Role::Serve }).await.unwrap()
}

/// The same numbers each time.
struct Dice(TestRng);

impl Dice {
    fn new(seed: u8) -> Self {
        let seed = [seed; 32];
        Self(TestRng::from_seed(Config::default().rng_algorithm, &seed))
    }

    fn below(&mut self, end: u32) -> u32 {
        self.0.random::<u32>() % end
    }
}

/// A random change of a world, as a day brings it: grants and members come and go, names and flags change, people and
/// repositories appear and vanish, lists become unreadable and readable again.
fn change(world: &mut World, dice: &mut Dice) {
    let (person, group) = (dice.below(PEOPLE), dice.below(GROUPS));
    let repository = match dice.below(REPOSITORIES + 1) {
        0 => "repository/r".to_owned(),
        other => format!("repository/r{other}"),
    };
    let level = ["read", "write", "admin"][dice.below(3) as usize];
    match dice.below(11) {
        0 | 1 => join(world, &format!("user/{person} {level} {repository}")),
        2 => join(world, &format!("group/{group} {level} {repository}")),
        3 => join(world, &format!("user/{person} member group/{group}")),
        4 => join(world, &format!("group/{group} {level} project/p")),
        5 if !world.edges.is_empty() => {
            let at = dice.below(u32::try_from(world.edges.len()).unwrap()) as usize;
            world.edges.remove(at);
        }
        6 if world.nodes.len() > 4 => {
            let at = dice.below(u32::try_from(world.nodes.len()).unwrap()) as usize;
            let gone = world.nodes.remove(at).id;
            world.edges.retain(|edge| edge.from != gone && edge.to != gone);
            world.unknown.retain(|unknown| unknown.about != gone);
        }
        7 => {
            let words = ["private", "public"];
            if world.nodes.iter().any(|node| node.id == id(&repository)) {
                set(world, &repository, "visibility", words[dice.below(2) as usize]);
            }
        }
        8 => {
            if let Some(node) =
                world.nodes.iter_mut().find(|node| node.id == id(&format!("user/{person}")))
            {
                *node = Node { name: Some(format!("Name {}", dice.below(9))), ..node.clone() }
                    .flag("active", dice.below(4) > 0);
            }
        }
        9 => {
            let known = world.nodes.iter().any(|node| node.id == id(&repository));
            if known && world.unknown.iter().all(|gap| gap.about != id(&repository)) {
                unknown(world, &repository, "grants");
            }
        }
        _ => world.unknown.clear(),
    }
    join(world, &format!("{repository} in project/p"));
    if world.nodes.iter().any(|node| node.id == id("project/p")) {
        join(world, "project/p in workspace/w");
    }
}

/// Every world there was, with when it was true and when it was kept.
type Kept = Vec<(World, i64, i64)>;

async fn live(store: &Store, days: i64, seed: u8) -> Kept {
    let mut dice = Dice::new(seed);
    let (mut now, mut kept) = (world(time(0)), Kept::new());
    for day in 0..days {
        // Some days bring nothing.
        for _ in 0..dice.below(4) {
            change(&mut now, &mut dice);
        }
        let as_of = day * DAY;
        let recorded = as_of + i64::from(dice.below(3_600_000));
        now.as_of = time(as_of);
        let reading = Reading { world: &now, revision: 1, at: time(recorded) };
        let learned = store.learn(reading, |_| Vec::new()).await.unwrap();
        let differs = kept.last().is_none_or(|(last, ..): &(World, _, _)| {
            !same(&World { as_of: now.as_of, ..last.clone() }, &now)
        });
        match learned {
            Learned::First => assert_eq!(day, 0),
            Learned::Same => assert!(!differs, "day {day} was lost"),
            Learned::Changed(_) => assert!(differs, "day {day} changed nothing"),
        }
        kept.push((now.clone(), as_of, recorded));
    }
    kept
}

/// Levels of everybody on everything, as a graph built of a world tells them.
fn levels(world: &World) -> Vec<(String, String, Level, bool)> {
    let graph = Snapshot::build(1, std::slice::from_ref(world)).unwrap();
    let mut all = Vec::new();
    for person in (0..PEOPLE).map(|number| id(&format!("user/{number}"))) {
        for place in ["repository/r", "repository/r1", "repository/r2", "project/p"].map(id) {
            if let (Some(who), Some(place_no)) = (graph.find(&person), graph.find(&place)) {
                let effective = graph.effective(who, place_no);
                let certain = effective.unknown.is_none();
                all.push((person.to_string(), place.to_string(), effective.level, certain));
            }
        }
    }
    all
}

#[tokio::test]
async fn a_replayed_history_answers_as_one_that_kept_every_world() {
    let mut asked = 0;
    for seed in 1..=4 {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path()).await;
        let kept = live(&store, 60, seed).await;
        let connection = "acme".parse().unwrap();
        let mut dice = Dice::new(seed + 100);
        for _ in 0..120 {
            let at = i64::from(dice.below(61 * 86_400)) * 1_000 - DAY / 2;
            let true_then = kept.iter().rev().find(|(_, as_of, _)| *as_of <= at);
            let past = store.past(&connection, When::True(time(at))).await.unwrap();
            match (true_then, past) {
                (None, None) => {}
                (Some((world, ..)), Some(past)) => {
                    let wanted = World { as_of: past.world.as_of, ..world.clone() };
                    assert!(same(&wanted, &past.world), "seed {seed}, at {at}");
                    assert_eq!(levels(&wanted), levels(&past.world));
                    assert!(past.world.as_of <= time(at), "true later than asked");
                    asked += levels(&wanted).len();
                }
                (wanted, got) => panic!("{} but {}", wanted.is_some(), got.is_some()),
            }
            let believed = kept.iter().rev().find(|(.., recorded)| *recorded <= at);
            let past = store.past(&connection, When::Believed(time(at))).await.unwrap();
            let found = past.map(|past| past.world.write());
            let wanted = believed.map(|(world, ..)| world.clone());
            // What is believed is as old as the reading that first said it.
            let wanted =
                wanted.zip(store.moment(&connection, When::Believed(time(at))).await.unwrap());
            let wanted =
                wanted.map(|(world, moment)| World { as_of: moment.as_of, ..world }.write());
            assert_eq!(found, wanted, "seed {seed}, believed at {at}");
        }
        store.close().await;
    }
    assert!(asked > 5_000, "only {asked} questions were compared");
}

/// The part of a history that a question hangs on answers as the whole.
#[tokio::test]
async fn the_part_of_a_history_that_is_read_answers_as_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let kept = live(&store, 80, 9).await;
    let connection = "acme".parse().unwrap();
    let moments = store.moments(&connection).await.unwrap();
    let mut compared = 0;
    for person in 0..PEOPLE {
        let (who, place) = (id(&format!("user/{person}")), id("repository/r"));
        let Some(lines) = store.between(&who, &place).await.unwrap() else { continue };
        for moment in &moments {
            let stood = lines
                .iter()
                .filter(|line| {
                    line.since <= moment.no && line.until.is_none_or(|until| until > moment.no)
                })
                .map(|line| line.statement.clone());
            let head = kept[0].0.connection.clone();
            let part = World::of_statements(head, moment.as_of, stood).unwrap();
            let whole = store.past(&connection, When::At(moment.no)).await.unwrap().unwrap().world;
            let level = |world: &World| {
                let graph = Snapshot::build(1, std::slice::from_ref(world)).unwrap();
                let (who, place) = (graph.find(&who)?, graph.find(&place)?);
                let effective = graph.effective(who, place);
                Some((effective.level, effective.unknown.is_some(), graph.paths(who, place)))
            };
            assert_eq!(level(&part), level(&whole), "{who} at moment {}", moment.no);
            compared += 1;
        }
    }
    assert!(compared > 100, "only {compared} were compared");
    store.close().await;
}

#[tokio::test]
async fn a_year_of_one_per_cent_a_day_stays_below_twice_the_graph() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("portcullis.db");
    let mut now = world(time(0));
    // 200 people, 60 repositories, 4,000 grants.
    let grant = |number: usize, shift: usize| {
        let (who, place) = (
            id(&format!("user/{}", number % 200)),
            id(&format!("repository/{}", number / 200 % 60 + 100)),
        );
        let level = ["read", "write", "admin"][(number / 12_000 + shift) % 3];
        Edge::new(who, portcullis::graph::Relation::from_text(level).unwrap(), place)
            .told_by("repositories/permissions-config")
    };
    for number in 0..200 {
        now.nodes.push(
            Node::new(id(&format!("user/{number}")), &format!("Person {number}"))
                .flag("active", true),
        );
    }
    for number in 100..160 {
        let node =
            Node::new(id(&format!("repository/{number}")), &format!("acme/repository-{number}"));
        now.nodes
            .push(node.text("visibility", "private").text("slug", &format!("repository-{number}")));
        join(&mut now, &format!("repository/{number} in project/p"));
    }
    let fixed = now.edges.clone();
    let mut grants: Vec<Edge> = (0..4_000).map(|number| grant(number, 0)).collect();
    // Pages, not the file's length: whether the log is copied into the file by now does not count.
    let size = |path: &std::path::Path| -> u64 {
        let db = rusqlite::Connection::open(path).unwrap();
        let told = |what| db.pragma_query_value(None, what, |row| row.get::<_, i64>(0)).unwrap();
        u64::try_from(told("page_count") * told("page_size")).unwrap()
    };
    let opened = store(folder.path()).await;
    now.edges = fixed.iter().chain(&grants).cloned().collect();
    let reading = Reading { world: &now, revision: 1, at: now.as_of };
    opened.learn(reading, |_| Vec::new()).await.unwrap();
    opened.close().await;
    let (first, mut next) = (size(&file), 0_usize);
    let opened = store(folder.path()).await;
    for day in 1..365 {
        for _ in 0..40 {
            let number = next % 4_000;
            grants[number] = grant(number, 1 + next / 4_000);
            next += 1;
        }
        now.as_of = time(day * DAY);
        now.edges = fixed.iter().chain(&grants).cloned().collect();
        let reading = Reading { world: &now, revision: 1, at: now.as_of };
        let learned = opened.learn(reading, |_| Vec::new()).await.unwrap();
        assert!(matches!(learned, Learned::Changed(_)), "day {day}");
    }
    opened.close().await;
    let (grown, graph) = (size(&file) - first, now.write().len() as u64);
    eprintln!("a year: {grown} bytes beside a graph of {graph}");
    assert!(grown < 2 * graph, "{grown} bytes beside a graph of {graph}");
    let opened = store(folder.path()).await;
    let past = opened.past(&"acme".parse().unwrap(), When::True(time(0))).await.unwrap().unwrap();
    assert_eq!(past.world.edges.len(), 4_000 + fixed.len(), "and its first day can be told");
    opened.close().await;
}

#[tokio::test]
async fn what_is_too_old_is_forgotten_and_every_day_since_can_be_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let kept = live(&store, 40, 3).await;
    let until = Until { bodies: time(0), sealed: time(20 * DAY) };
    let swept = store.sweep(until, time(41 * DAY)).await.unwrap();
    assert!(swept.history > 0, "{swept:?}");
    let connection = "acme".parse().unwrap();
    for (day, (world, ..)) in kept.iter().enumerate().skip(20) {
        let at = time(i64::try_from(day).unwrap() * DAY);
        let past = store.past(&connection, When::True(at)).await.unwrap().unwrap();
        assert!(same(&World { as_of: past.world.as_of, ..world.clone() }, &past.world), "{day}");
    }
    let before = store.past(&connection, When::True(time(DAY))).await.unwrap();
    assert!(before.is_none(), "the first days are gone");
    assert_eq!(store.sweep(until, time(41 * DAY)).await.unwrap().history, 0);
    // A reading after that goes on where it was.
    let mut now = kept.last().unwrap().0.clone();
    join(&mut now, "user/late admin repository/r");
    now.as_of = time(42 * DAY);
    let reading = Reading { world: &now, revision: 1, at: now.as_of };
    assert!(matches!(store.learn(reading, |_| Vec::new()).await, Ok(Learned::Changed(_))));
    let past = store.past(&connection, When::True(now.as_of)).await.unwrap().unwrap();
    assert!(same(&now, &past.world));
    store.close().await;
}

#[tokio::test]
async fn an_erased_person_has_no_name_on_any_day() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let connection = "acme".parse().unwrap();
    let mut now = world(time(0));
    for (user, name) in [("user/1", "Ravi Forgettable"), ("user/2", "Mia Unchanged")] {
        let email = format!("{}@acme.example", &name[..4]);
        now.nodes.push(Node::new(id(user), name).text("email", &email).text("nickname", "Sam"));
        join(&mut now, &format!("{user} write repository/r"));
    }
    for day in 0..3 {
        now.as_of = time(day * DAY);
        set(&mut now, "user/1", "nickname", &format!("Ravi{day}"));
        let reading = Reading { world: &now, revision: 1, at: now.as_of };
        store.learn(reading, |_| Vec::new()).await.unwrap();
    }
    store.erase_mentions("acme/user/1", time(4 * DAY), "the officer").await.unwrap();
    for day in 0..3 {
        let past = store.past(&connection, When::True(time(day * DAY))).await.unwrap().unwrap();
        let told = String::from_utf8(past.world.write()).unwrap();
        for gone in ["Forgettable", "Ravi@acme", "Ravi0", "Ravi1", "Ravi2"] {
            assert!(!told.contains(gone), "{gone} on day {day}: {told}");
        }
        for stays in ["Mia Unchanged", "Mia @acme.example", "\"Sam\"", "acme/user/1", "(erased)"] {
            assert!(told.contains(stays), "{stays} on day {day}: {told}");
        }
        assert_eq!(past.world.edges.len(), 4, "who reached what stays");
    }
    let words = rusqlite::Connection::open(folder.path().join("portcullis.db")).unwrap();
    let mut query = words.prepare("SELECT no, word_sealed FROM word").unwrap();
    let seal = Seal::new(&Secret::new([7; 32]), None);
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    for (no, sealed) in rows.map(|row: Result<(i64, Vec<u8>), _>| row.unwrap()) {
        let word = String::from_utf8(seal.open(&format!("word {no}"), &sealed).unwrap()).unwrap();
        assert!(!word.contains("Ravi"), "{word}");
    }
    store.close().await;
}

/// A process that ends while a reading is written leaves nothing of it that is seen, and the next reading is whole.
#[tokio::test]
async fn a_reading_that_was_cut_short_is_as_if_it_had_not_been() {
    let folder = tempfile::tempdir().unwrap();
    let connection = "acme".parse().unwrap();
    let mut first = world(time(0));
    join(&mut first, "user/1 write repository/r");
    let opened = store(folder.path()).await;
    let reading = Reading { world: &first, revision: 1, at: time(0) };
    opened.learn(reading, |_| Vec::new()).await.unwrap();
    opened.close().await;
    // What a process leaves that ends before the moment is there: the words, an ended and a begun statement.
    let file = rusqlite::Connection::open(folder.path().join("portcullis.db")).unwrap();
    file.execute_batch(
        "UPDATE statement SET until = 2 WHERE sort = 2;
         INSERT INTO statement (home, about, sort, says, what, since)
           SELECT home, about, sort, says, 1, 2 FROM statement WHERE sort = 2 LIMIT 1;
         INSERT INTO meta (name, value) VALUES ('moment-open', x'0000000000000002')
           ON CONFLICT (name) DO UPDATE SET value = excluded.value;
         UPDATE meta SET value = x'0000000000000002' WHERE name = 'moment';",
    )
    .unwrap();
    drop(file);
    let opened = store(folder.path()).await;
    let past = opened.past(&connection, When::True(time(9 * DAY))).await.unwrap().unwrap();
    assert!(same(&World { as_of: past.world.as_of, ..first.clone() }, &past.world), "not seen");
    let mut second = first.clone();
    second.as_of = time(DAY);
    join(&mut second, "user/2 admin repository/r");
    let reading = Reading { world: &second, revision: 2, at: time(DAY) };
    assert!(matches!(opened.learn(reading, |_| Vec::new()).await, Ok(Learned::Changed(_))));
    for (at, wanted) in [(0, &first), (DAY, &second)] {
        let past = opened.past(&connection, When::True(time(at))).await.unwrap().unwrap();
        assert!(same(wanted, &past.world), "at {at}");
    }
    opened.close().await;
}

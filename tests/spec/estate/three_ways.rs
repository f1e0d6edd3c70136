//! One estate, three ways: each equals what the simulator's own rules give, and REST and the database agree on every
//! node, edge and gap but those that only one of them can tell.

use std::collections::BTreeSet;

use portcullis::bitbucket::datacenter::csv;
use portcullis::bitbucket::datacenter::database::Database;
use portcullis::bitbucket::datacenter::database::SCHEMA;
use portcullis::graph::Id;
use portcullis::graph::Kind;
use portcullis::graph::Level;
use portcullis::graph::Product;
use portcullis::graph::Relation;
use portcullis::graph::World;
use portcullis::simulator::Simulator;
use portcullis::simulator::company::Company;
use portcullis::simulator::datacenter::AccessKey;
use portcullis::simulator::datacenter::DataCenter;
use portcullis::simulator::datacenter::DcRepository;
use portcullis::simulator::datacenter_export::export_permissions;
use portcullis::simulator::oracle::dc_table;

use crate::spec::estate::CONNECTION;
use crate::spec::estate::administrator;
use crate::spec::estate::client;
use crate::spec::estate::fill;
use crate::spec::estate::graph;
use crate::spec::estate::kept;
use crate::spec::estate::level;
use crate::spec::estate::levels;
use crate::spec::estate::now;
use crate::spec::estate::postgres;
use crate::spec::estate::same::differences;
use crate::spec::estate::secret;
use crate::spec::estate::told;

/// Estates that are read three ways.
const ESTATES: u64 = 50;

/// A random estate with what random ones lack: exemptions of every kind, a key in two places, webhooks.
fn estate(seed: u64) -> Company {
    let mut company = Company::random_datacenter(seed);
    let dc = &mut company.datacenter;
    dc.public_access = seed.is_multiple_of(2);
    let names: Vec<String> = dc.users.iter().take(3).map(|user| user.name.clone()).collect();
    let groups: Vec<String> = dc.groups.iter().take(2).map(|group| group.name.clone()).collect();
    let keys: Vec<u64> =
        dc.repositories.iter().flat_map(|found| &found.access_keys).map(|key| key.id).collect();
    let rules = dc.repositories.iter_mut().flat_map(|found| &mut found.restrictions);
    for rule in rules {
        (rule.users, rule.groups) = (names.clone(), groups.clone());
        rule.access_keys = keys.iter().take(1).copied().collect();
    }
    share_a_key(dc);
    let events = ["repo:refs_changed", "pr:opened"];
    dc.hook("P1", "https://hooks.example.org/in?token=canary", Some("canary-secret"), &events);
    let on = format!("{}/{}", dc.repositories[1].project, dc.repositories[1].slug);
    dc.hook(&on, "http://user:canary@ci.internal:8080/x", None, &events[..1]);
    company
}

fn share_a_key(dc: &mut DataCenter) {
    let key = dc.repositories.iter().flat_map(|found| &found.access_keys).next().cloned();
    if let Some(key) = key {
        let other = AccessKey { write: !key.write, ..key };
        dc.project_mut("P2").unwrap().access_keys.push(other);
    }
}

/// Every access key on every repository: the most of what it was given there and on its project.
fn keys(dc: &DataCenter) -> Vec<(u64, u64, Level)> {
    let places = dc.repositories.iter().map(|found| &found.access_keys);
    let all = places.chain(dc.projects.iter().map(|project| &project.access_keys)).flatten();
    let all: BTreeSet<u64> = all.map(|key| key.id).collect();
    let given = |keys: &[AccessKey], id: u64| {
        let mine = keys.iter().filter(|key| key.id == id);
        let level = |key: &AccessKey| if key.write { Level::Write } else { Level::Read };
        mine.map(level).max().unwrap_or(Level::None)
    };
    let on = |found: &DcRepository, id: u64| {
        let home = dc.project(&found.project).unwrap();
        given(&found.access_keys, id).max(given(&home.access_keys, id))
    };
    let each = |found: &DcRepository| {
        all.iter().map(|id| (found.id, *id, on(found, *id))).collect::<Vec<_>>()
    };
    dc.repositories.iter().flat_map(each).collect()
}

/// How many of them hold something.
fn keys_hold_what_they_were_given(world: &World, rows: &[(u64, u64, Level)], seed: u64) -> usize {
    let graph = graph(world);
    let find = |kind, number: u64| {
        graph.find(&Id::new(&world.connection.id, kind, &number.to_string()).unwrap()).unwrap()
    };
    for (place, key, wanted) in rows {
        let found = graph.effective(find(Kind::Key, *key), find(Kind::Repository, *place));
        assert_eq!(found.level, *wanted, "{seed}: key {key} on {place}");
    }
    rows.iter().filter(|row| row.2 > Level::None).count()
}

/// What the simulator's rules give is what the world gives; where the world does not know, it gives no more than that.
/// The number of answers that were known.
fn equals_the_rules(world: &World, rows: &[(u64, u64, Level)], seed: u64) -> usize {
    let levels = levels(world);
    let mut known = 0;
    for (place, who, wanted) in rows {
        let Some(found) = levels.get(&(place.to_string(), who.to_string())) else { continue };
        if found.unknown.is_none() {
            assert_eq!(found.level, *wanted, "{seed}: {who} on {place}");
            known += 1;
        } else {
            assert!(found.level <= *wanted, "{seed}: {who} on {place}: {found:?}");
        }
    }
    known
}

#[tokio::test]
async fn fifty_estates_are_the_same_by_rest_by_sql_and_by_csv() {
    let Some(server) = postgres::server().await else { return };
    let (mut seen, mut asked, mut by_csv, mut held) = (BTreeSet::new(), 0, 0, 0);
    for seed in 0..ESTATES {
        let mut company = estate(seed);
        let credential = administrator(&mut company);
        let dc = &company.datacenter;
        let rows: Vec<(u64, u64, Level)> = dc_table(dc)
            .into_iter()
            .map(|(place, who, found)| (place, who, level(found)))
            .collect();
        let (database, _) = server.database(&fill::rows(dc)).await;
        let (exported, keys) = (export_permissions(dc), keys(dc));
        let simulator = Simulator::start(company).await.unwrap();
        let by_rest = client(&simulator.datacenter_url(), credential);
        let by_rest = by_rest.discover(now(), |_| {}).await.unwrap();
        let by_sql = told(&server.url(&database)).await.unwrap().world;
        assert_eq!(differences(&by_rest, &by_sql), Vec::<String>::new(), "{seed}");
        let settings = csv::Settings {
            connection: CONNECTION.parse().unwrap(),
            product: Product::DataCenter,
            as_of: now(),
            names: Some(&by_rest),
        };
        let reading = csv::read(exported.as_bytes(), &settings).unwrap();
        assert_eq!((reading.unnumbered, reading.ignored.len()), (0, 0));
        kept(&reading.world);
        grants_are_the_same(&by_rest, &reading.world, seed);
        let all = equals_the_rules(&by_rest, &rows, seed);
        assert_eq!(equals_the_rules(&by_sql, &rows, seed), all, "{seed}");
        held += keys_hold_what_they_were_given(&by_rest, &keys, seed);
        keys_hold_what_they_were_given(&by_sql, &keys, seed);
        by_csv += equals_the_rules(&reading.world, &rows, seed);
        asked += rows.len();
        seen.extend(levels(&by_sql).into_values().map(|found| found.level));
    }
    assert_eq!(seen.len(), 4, "the estates show every level");
    assert!(held > 100, "{held} keys hold something");
    // The export does not tell what is public: nothing or read may be open there, and nothing else.
    assert!(by_csv * 2 > asked, "{by_csv} of {asked} are known by CSV");
}

/// Every grant of a person, and of a group with somebody in it, is in the export; and no other.
fn grants_are_the_same(rest: &World, exported: &World, seed: u64) {
    let grants = |world: &World| {
        let grants = world.edges.iter().filter(|edge| {
            let place =
                matches!(edge.to.kind(), Kind::Project | Kind::Repository | Kind::Workspace);
            place && matches!(edge.from.kind(), Kind::User | Kind::Group)
        });
        let edge = |edge: &portcullis::graph::world::Edge| {
            (edge.from.to_string(), edge.is, edge.to.to_string())
        };
        grants.map(edge).collect::<BTreeSet<_>>()
    };
    let peopled: BTreeSet<String> = rest
        .edges
        .iter()
        .filter(|edge| edge.is == Relation::Member)
        .map(|edge| edge.to.to_string())
        .collect();
    let (mut rest, exported) = (grants(rest), grants(exported));
    rest.retain(|(from, ..)| from.contains("/user/") || peopled.contains(from));
    // An owner administers, and the export says both; so does one who administers and may create projects.
    let owner = |(from, is, to): &(String, Relation, String)| {
        let stronger = if *is == Relation::Create { Relation::Admin } else { Relation::Owner };
        rest.contains(&(from.clone(), stronger, to.clone()))
    };
    let more: Vec<_> = exported.difference(&rest).filter(|grant| !owner(grant)).collect();
    assert!(more.is_empty(), "{seed}: {more:?}");
    let less: Vec<_> = rest.difference(&exported).collect();
    assert!(less.is_empty(), "{seed}: {less:?}");
}

#[tokio::test]
async fn a_connection_with_a_database_is_discovered_from_it_and_asks_rest_nothing() {
    let Some(server) = postgres::server().await else { return };
    let mut company = estate(7);
    let credential = administrator(&mut company);
    let (database, _) = server.database(&fill::rows(&company.datacenter)).await;
    let simulator = Simulator::start(company).await.unwrap();
    let client = client(&simulator.datacenter_url(), credential);
    let settings = portcullis::bitbucket::datacenter::database::Settings {
        url: secret(&server.url(&database)),
        schema: SCHEMA.to_owned(),
        authority: None,
    };
    client.discover_from(Database::new(&settings).unwrap());
    let world = client.discover(now(), |_| {}).await.unwrap();
    assert_eq!(simulator.calls().len(), 0);
    let (by_sql, text) = (told(&server.url(&database)).await.unwrap().world, world.write());
    assert_eq!(differences(&by_sql, &world), Vec::<String>::new());
    assert!(!String::from_utf8(text).unwrap().contains("canary"), "no address and no secret");
}

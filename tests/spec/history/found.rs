//! What a reading found changed goes down the road: once, with before and after, and never what was only not read.

use std::collections::BTreeMap;

use portcullis::decision::Record;
use portcullis::decision::record::Part;
use portcullis::decision::record::Surface;
use portcullis::event::EventKind;
use portcullis::gateway::reconcile::MAX_CHANGES;
use portcullis::graph::World;
use portcullis::graph::reconcile::Changed;
use portcullis::graph::reconcile::carry;
use portcullis::graph::reconcile::found;
use portcullis::graph::reconcile::parts;
use portcullis::graph::world::Node;
use portcullis::ledger::Entry;
use portcullis::ledger::Kind;
use portcullis::policy::input::CallerKind;
use portcullis::store::Filter;
use portcullis::store::Reading;

use super::DAY;
use super::id;
use super::join;
use super::node;
use super::part;
use super::set;
use super::time;
use super::unknown;
use super::world;
use crate::spec::doors::house::House;
use crate::spec::rig::until;

/// Nothing is found.
const NOTHING: [(Changed, String); 0] = [];

fn estate(day: i64) -> World {
    let mut world = world(time(day * DAY));
    for edge in [
        "user/mia write repository/r",
        "user/solo member workspace/w",
        "user/ravi member group/dev",
        "group/dev read project/p",
        "restriction/1 restricts repository/r",
        "user/mia exempt restriction/1",
        "hook/h in repository/r",
        "variable/v in repository/r",
        "repository/r runs_on runner/x",
        "key/k read repository/r",
    ] {
        join(&mut world, edge);
    }
    for (attribute, value) in [("kind", "push"), ("match", "glob"), ("pattern", "main")] {
        set(&mut world, "restriction/1", attribute, value);
    }
    set(&mut world, "hook/h", "host", "ci.acme.example");
    world
}

fn what(before: &World, after: &World) -> Vec<(Changed, String)> {
    found(before, after).into_iter().map(|one| (one.what, one.thing.native().to_owned())).collect()
}

#[test]
fn each_kind_of_thing_is_found_as_what_it_is() {
    let before = estate(0);
    let change = |change: &dyn Fn(&mut World)| {
        let mut after = before.clone();
        change(&mut after);
        what(&before, &after)
    };
    let one = |changed, thing: &str| vec![(changed, thing.to_owned())];
    assert_eq!(change(&|_| {}), NOTHING);
    assert_eq!(
        change(&|world| join(world, "user/eve admin repository/r")),
        one(Changed::Permission, "eve")
    );
    assert_eq!(
        change(&|world| part(world, "user/ravi member group/dev")),
        one(Changed::Permission, "ravi")
    );
    assert_eq!(
        change(&|world| part(world, "user/mia exempt restriction/1")),
        one(Changed::Restriction, "1")
    );
    assert_eq!(
        change(&|world| set(world, "restriction/1", "pattern", "release/*")),
        one(Changed::Restriction, "1")
    );
    assert_eq!(
        change(&|world| set(world, "hook/h", "host", "evil.example")),
        one(Changed::Hook, "h")
    );
    assert_eq!(
        change(&|world| join(world, "key/new read repository/r")),
        one(Changed::Credential, "new")
    );
    assert_eq!(
        change(&|world| join(world, "variable/w in repository/r")),
        one(Changed::Variable, "w")
    );
    assert_eq!(
        change(&|world| set(world, "repository/r", "visibility", "public")),
        one(Changed::Repository, "r")
    );
    assert_eq!(
        change(&|world| {
            let node = node(world, "runner/x");
            *node = node.clone().text("state", "BUSY").text("last_used_at", "2026-03-01T00:00:00Z");
        }),
        NOTHING,
        "what only tells of use is no change"
    );
    assert_eq!(
        change(&|world| set(world, "repository/r", "forks", "none")),
        NOTHING,
        "what became known is no change"
    );
    // A repository that goes takes everything with it, and is one thing that happened.
    assert_eq!(
        change(&|world| {
            let gone = ["repository/r", "restriction/1", "hook/h", "variable/v", "key/k"].map(id);
            world.nodes.retain(|node| !gone.contains(&node.id));
            world.edges.retain(|edge| !gone.contains(&edge.from) && !gone.contains(&edge.to));
        }),
        one(Changed::Repository, "r")
    );
}

/// Of which node, which list, and how an entry of it is lost.
type List<'a> = (&'a str, &'a str, &'a dyn Fn(&mut World));

/// A list that could not be read, and can be again: for every list there is.
#[test]
fn a_list_that_was_not_read_changes_nothing_until_it_is_read_again() {
    let before = estate(0);
    let lists: [List; 6] = [
        ("workspace/w", "members", &|world| {
            world.nodes.retain(|node| node.id != id("user/solo"));
            world.edges.retain(|edge| edge.from != id("user/solo"));
        }),
        ("repository/r", "grants", &|world| part(world, "user/mia write repository/r")),
        ("group/dev", "members", &|world| part(world, "user/ravi member group/dev")),
        ("repository/r", "restrictions", &|world| {
            world.nodes.retain(|node| node.id != id("restriction/1"));
            world
                .edges
                .retain(|edge| edge.from != id("restriction/1") && edge.to != id("restriction/1"));
        }),
        ("repository/r", "hooks", &|world| {
            world.nodes.retain(|node| node.id != id("hook/h"));
            world.edges.retain(|edge| edge.from != id("hook/h"));
        }),
        ("repository/r", "keys", &|world| {
            world.nodes.retain(|node| node.id != id("key/k"));
            world.edges.retain(|edge| edge.from != id("key/k"));
        }),
    ];
    for (about, field, lose) in lists {
        let mut broken = before.clone();
        lose(&mut broken);
        let lost = what(&before, &broken);
        assert_eq!(lost.len(), 1, "{field}: read as a short list it would be a change: {lost:?}");
        unknown(&mut broken, about, field);
        let next = carry(&broken, &before, &parts(&broken));
        assert_eq!(what(&before, &next), NOTHING, "{field} was not read");
        // Read again and the same: still nothing. Read again and really another: now it is a change.
        assert_eq!(what(&next, &before), NOTHING, "{field} is as it was");
        let mut changed = before.clone();
        lose(&mut changed);
        assert_eq!(what(&next, &changed), lost, "{field} lost an entry meanwhile");
    }
}

async fn decisions(house: &House, kind: EventKind) -> Vec<Record> {
    let page = house.gateway.store.decisions(Filter::default(), None, 200).await.unwrap();
    page.items.into_iter().filter(|record| record.public.event == kind).collect()
}

/// Waits until everything that was found is decided.
async fn settled(house: &House) {
    until("what was found to be decided", async || {
        house.gateway.store.unsettled().await.unwrap().is_empty().then_some(())
    })
    .await;
}

async fn gaps(house: &House) -> Vec<Entry> {
    let entries = house.entries(0).await;
    entries.into_iter().filter(|entry| entry.kind == Kind::Gap).collect()
}

async fn read(house: &House, world: &World) {
    house.gateway.take_in(world.clone()).await.unwrap();
    settled(house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_reading_changes_nothing_and_the_next_is_decided_once() {
    let house = House::open().await;
    let first = estate(0);
    read(&house, &first).await;
    assert_eq!(house.gateway.store.counts(time(0)).await.unwrap().decisions, 0);
    let mut second = estate(1);
    part(&mut second, "user/mia write repository/r");
    join(&mut second, "user/mia admin repository/r");
    read(&house, &second).await;
    let records = decisions(&house, EventKind::PermissionChanged).await;
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(record.public.surface, Surface::Discovery);
    assert_eq!(record.public.caller, CallerKind::Discovery);
    assert_eq!(record.public.repository.as_deref(), Some("acme/repository/r"));
    assert_eq!(record.public.actor, None, "nobody is made up");
    let names = record.names.kept().unwrap();
    let level = names.changed.iter().find(|(name, ..)| name == "level").unwrap();
    assert_eq!((level.1.as_deref(), level.2.as_deref()), (Some("write"), Some("admin")));
    // The same again, and after a restart: nothing.
    read(&house, &second).await;
    let house = house.reopened().await;
    settled(&house).await;
    second.as_of = time(2 * DAY);
    read(&house, &second).await;
    assert_eq!(house.gateway.store.counts(time(0)).await.unwrap().decisions, 1);
    house.close().await;
}

/// What a process left unsettled when it ended is decided by the next, and what it had decided is not decided twice.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_restart_cuts_short_is_decided_once() {
    let house = House::open().await;
    read(&house, &estate(0)).await;
    let mut second = estate(1);
    for person in 0..20 {
        join(&mut second, &format!("user/new{person} write repository/r"));
    }
    // Kept, but nobody is told: as if the process had ended right after.
    let reading = Reading { world: &second, revision: 2, at: house.gateway.clock.now() };
    house.gateway.store.learn(reading, |_| Vec::new()).await.unwrap();
    assert_eq!(decisions(&house, EventKind::PermissionChanged).await.len(), 0);
    let house = house.reopened().await;
    settled(&house).await;
    assert_eq!(decisions(&house, EventKind::PermissionChanged).await.len(), 20);
    // As if it had ended after all of them were decided and before that was noted.
    let folder = house.close().await;
    let file = rusqlite::Connection::open(folder.path().join("portcullis.db")).unwrap();
    assert_eq!(file.execute("UPDATE moment SET settled = 0 WHERE no = 2", []).unwrap(), 1);
    drop(file);
    let house = House::telling_in(folder, portcullis::notify::Settings::default()).await;
    settled(&house).await;
    assert_eq!(decisions(&house, EventKind::PermissionChanged).await.len(), 20, "none twice");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_could_not_be_read_is_a_gap_and_what_changed_meanwhile_is_found_after_it() {
    let house = House::open().await;
    read(&house, &estate(0)).await;
    let mut broken = estate(1);
    part(&mut broken, "user/mia write repository/r");
    unknown(&mut broken, "repository/r", "grants");
    read(&house, &broken).await;
    assert_eq!(house.gateway.store.counts(time(0)).await.unwrap().decisions, 0, "nothing changed");
    let told = gaps(&house).await;
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0].body["what"], &told[0].body["opened"]), (&"unread".into(), &1.into()));
    assert_eq!(told[0].body["fields"]["grants"], 1);
    // It stays so for a while, then the list can be read again: Mia became admin in the dark.
    broken.as_of = time(2 * DAY);
    join(&mut broken, "user/eve member group/dev");
    read(&house, &broken).await;
    let mut healed = estate(3);
    join(&mut healed, "user/eve member group/dev");
    part(&mut healed, "user/mia write repository/r");
    join(&mut healed, "user/mia admin repository/r");
    read(&house, &healed).await;
    let levels: Vec<_> = decisions(&house, EventKind::PermissionChanged)
        .await
        .iter()
        .map(|record| record.names.kept().unwrap().changed.clone())
        .filter_map(|changed| changed.into_iter().find(|(name, ..)| name == "level"))
        .map(|(_, before, after)| (before, after))
        .collect();
    assert_eq!(
        levels,
        [(Some("write".to_owned()), Some("admin".to_owned()))],
        "against what was known last"
    );
    assert_eq!(gaps(&house).await.last().unwrap().body["closed"], 1);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_a_named_limit_at_once_is_one_gap_and_no_flood() {
    let house = House::open().await;
    read(&house, &estate(0)).await;
    let mut flood = estate(1);
    for person in 0..=MAX_CHANGES {
        join(&mut flood, &format!("user/new{person} read repository/r"));
    }
    read(&house, &flood).await;
    assert_eq!(house.gateway.store.counts(time(0)).await.unwrap().decisions, 0);
    let told = gaps(&house).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].body["what"], "too many changes");
    assert_eq!(told[0].body["changes"], MAX_CHANGES + 1);
    assert_eq!(told[0].body["kinds"]["permission.changed"], MAX_CHANGES + 1);
    house.close().await;
}

/// The same world on the Data Center connection.
fn of_the_server(world: &World) -> World {
    let mut value: serde_json::Value = serde_json::from_slice(&world.write()).unwrap();
    value["connection"]["id"] = "server".into();
    value["connection"]["product"] = portcullis::graph::Product::DataCenter.as_str().into();
    World::read(value.to_string().replace("acme/", "server/").as_bytes()).unwrap()
}

fn rename(world: &mut World, slug: &str) {
    set(world, "repository/r", "slug", slug);
    node(world, "repository/r").name = Some(format!("acme/{slug}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_no_webhook_told_of_is_decided_and_the_silence_is_a_gap() {
    let house = House::open().await;
    read(&house, &estate(0)).await;
    let mut second = estate(1);
    set(&mut second, "repository/r", "visibility", "public");
    second.nodes.push(Node::new(id("repository/new"), "acme/new").text("visibility", "private"));
    join(&mut second, "repository/new in project/p");
    read(&house, &second).await;
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for kind in [EventKind::RepositoryUpdated, EventKind::RepositoryCreated] {
        kinds.insert(kind.as_str(), decisions(&house, kind).await.len());
    }
    assert_eq!(kinds, BTreeMap::from([("repository.created", 1), ("repository.updated", 1)]));
    let updated = &decisions(&house, EventKind::RepositoryUpdated).await[0];
    let Part::Kept(names) = &updated.names else { panic!("erased") };
    let changed: Vec<_> = names.changed.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(changed, ["visibility"]);
    let told = gaps(&house).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].body["what"], "no webhook told");
    let counts = serde_json::json!({"repository.created": 1});
    assert_eq!(told[0].body["events"], counts, "of visibility Cloud's webhooks tell nothing");
    // Of a name they do.
    second.as_of = time(2 * DAY);
    rename(&mut second, "invoices");
    read(&house, &second).await;
    let told = gaps(&house).await;
    assert_eq!(told.len(), 2);
    assert_eq!(told[1].body["events"], serde_json::json!({"repository.updated": 1}));
    house.close().await;
}

/// Data Center has no webhook for a repository that comes or goes: its silence is none.
#[tokio::test(flavor = "multi_thread")]
async fn what_no_webhook_of_the_product_tells_is_no_silence() {
    let house = House::open().await;
    let mut world = estate(0);
    read(&house, &of_the_server(&world)).await;
    world.as_of = time(DAY);
    world.nodes.push(Node::new(id("repository/new"), "acme/new").text("visibility", "private"));
    join(&mut world, "repository/new in project/p");
    set(&mut world, "repository/r", "default_branch", "main");
    read(&house, &of_the_server(&world)).await;
    world.as_of = time(2 * DAY);
    set(&mut world, "repository/r", "default_branch", "trunk");
    world.nodes.retain(|node| node.id != id("repository/new"));
    world.edges.retain(|edge| edge.from != id("repository/new"));
    read(&house, &of_the_server(&world)).await;
    for kind in
        [EventKind::RepositoryCreated, EventKind::RepositoryUpdated, EventKind::RepositoryDeleted]
    {
        assert_eq!(decisions(&house, kind).await.len(), 1, "{kind} is decided");
    }
    assert!(gaps(&house).await.is_empty(), "{:?}", gaps(&house).await);
    // Of visibility it tells.
    world.as_of = time(3 * DAY);
    set(&mut world, "repository/r", "visibility", "public");
    read(&house, &of_the_server(&world)).await;
    let told = gaps(&house).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].body["events"], serde_json::json!({"repository.updated": 1}));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_opened_at_too_many_moments_are_counted_in_a_gap() {
    let house = House::open().await;
    let mut world = estate(0);
    for place in 0..10 {
        join(&mut world, &format!("repository/r{place} in project/p"));
        join(&mut world, &format!("user/mia write repository/r{place}"));
    }
    read(&house, &world).await;
    for place in 0..10 {
        world.as_of = time((1 + place) * DAY);
        unknown(&mut world, &format!("repository/r{place}"), "grants");
        read(&house, &world).await;
    }
    world.as_of = time(20 * DAY);
    world.unknown.clear();
    for place in 0..10 {
        part(&mut world, &format!("user/mia write repository/r{place}"));
        join(&mut world, &format!("user/mia admin repository/r{place}"));
    }
    read(&house, &world).await;
    assert_eq!(decisions(&house, EventKind::PermissionChanged).await.len(), 8);
    let gaps = gaps(&house).await;
    let told: Vec<_> =
        gaps.iter().filter(|gap| gap.body["what"] == "changes not looked for").collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].body["lists"], 2);
    assert_eq!(told[0].body["fields"], serde_json::json!({"grants": 2}));
    house.close().await;
}

/// A reading that cannot be read back holds nothing up: it is a gap, and what comes after it is decided.
#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_can_never_be_decided_is_a_gap_and_holds_nothing_up() {
    let house = House::open().await;
    read(&house, &estate(0)).await;
    read(&house, &of_the_server(&estate(0))).await;
    let mut second = estate(1);
    join(&mut second, "user/new write repository/r");
    for world in [&second, &of_the_server(&second)] {
        let reading = Reading { world, revision: 2, at: house.gateway.clock.now() };
        house.gateway.store.learn(reading, |_| Vec::new()).await.unwrap();
    }
    let folder = house.close().await;
    let file = rusqlite::Connection::open(folder.path().join("portcullis.db")).unwrap();
    assert!(file.execute("UPDATE statement SET sort = 9 WHERE since = 3", []).unwrap() > 0);
    drop(file);
    let house = House::telling_in(folder, portcullis::notify::Settings::default()).await;
    settled(&house).await;
    let records = decisions(&house, EventKind::PermissionChanged).await;
    let places: Vec<_> = records.iter().map(|one| one.public.repository.as_deref()).collect();
    assert_eq!(places, [Some("server/repository/r")], "the other connection goes on");
    let told = gaps(&house).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].body["what"], "changes not decidable");
    assert_eq!(told[0].connection.as_deref(), Some("acme"));
    house.close().await;
}

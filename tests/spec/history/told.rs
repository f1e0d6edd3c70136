//! What came and went between two times, and since when something was possible: planted changes are told exactly.

use std::collections::BTreeSet;

use portcullis::gateway::history::View;
use portcullis::graph::Cause;
use portcullis::graph::Level;
use portcullis::graph::Snapshot;
use portcullis::graph::World;
use portcullis::graph::compare;
use reqwest::Method;
use serde_json::Value;
use serde_json::json;

use super::DAY;
use super::id;
use super::join;
use super::part;
use super::set;
use super::unknown;
use super::words;
use super::world;
use crate::spec::doors::house::House;
use crate::spec::doors::house::json_of;
use crate::spec::doors::house::problem;

fn estate() -> World {
    let mut world = world(super::time(0));
    for edge in [
        "user/mia write repository/r",
        "user/ravi member group/dev",
        "group/dev read project/p",
        "user/omar admin repository/other",
        "repository/other in project/p",
        "user/eve member group/outer",
    ] {
        join(&mut world, edge);
    }
    set(&mut world, "repository/other", "visibility", "private");
    world
}

fn build(world: &World) -> Snapshot {
    Snapshot::build(1, std::slice::from_ref(world)).unwrap()
}

/// Who, on what, from which level to which, and by what.
fn shifts(before: &World, after: &World) -> BTreeSet<(String, String, Level, Level, Vec<String>)> {
    let shifts = compare(&build(before), &build(after), None);
    assert!(!shifts.more);
    let cause = |cause: &Cause| match cause {
        Cause::Came(step) => format!("+{} {} {}", step.from.native(), step.is, step.to.native()),
        Cause::Went(step) => format!("-{} {} {}", step.from.native(), step.is, step.to.native()),
        Cause::Set { about, attribute, .. } => format!("{} {attribute}", about.native()),
    };
    let all = shifts.all.iter().map(|shift| {
        let who = shift.who.as_ref().map_or("anyone", |who| who.native()).to_owned();
        let causes = shift.causes.iter().map(cause).collect();
        (who, shift.place.native().to_owned(), shift.before, shift.after, causes)
    });
    all.collect()
}

fn row(
    who: &str,
    place: &str,
    (before, after): (Level, Level),
    by: &[&str],
) -> (String, String, Level, Level, Vec<String>) {
    let by = by.iter().map(|by| (*by).to_owned()).collect();
    (who.to_owned(), place.to_owned(), before, after, by)
}

#[test]
fn nothing_changed_is_nothing_told() {
    assert_eq!(shifts(&estate(), &estate()), BTreeSet::new());
    let mut renamed = estate();
    set(&mut renamed, "user/mia", "nickname", "Mia");
    assert_eq!(shifts(&estate(), &renamed), BTreeSet::new(), "no level hangs on a nickname");
}

#[test]
fn each_planted_change_is_told_with_the_edge_that_did_it_and_nothing_else() {
    let before = estate();
    let mut after = before.clone();
    part(&mut after, "user/mia write repository/r");
    join(&mut after, "user/mia admin repository/r");
    part(&mut after, "user/omar admin repository/other");
    join(&mut after, "user/eve member group/dev");
    let told = shifts(&before, &after);
    let wanted = words([
        row("mia", "r", (Level::Write, Level::Admin), &["+mia admin r"]),
        row("omar", "other", (Level::Admin, Level::None), &["-omar admin other"]),
        row("eve", "r", (Level::None, Level::Read), &["+eve member dev"]),
        row("eve", "other", (Level::None, Level::Read), &["+eve member dev"]),
    ]);
    assert_eq!(told, wanted);
    let back: BTreeSet<_> =
        shifts(&after, &before).into_iter().map(|row| (row.0, row.1, row.3, row.2)).collect();
    let forth: BTreeSet<_> = wanted.into_iter().map(|row| (row.0, row.1, row.2, row.3)).collect();
    assert_eq!(back, forth, "the other way round it is the other way round");
}

#[test]
fn an_attribute_that_did_it_is_named() {
    let before = estate();
    let mut after = before.clone();
    set(&mut after, "repository/r", "visibility", "public");
    let opened = row("anyone", "r", (Level::None, Level::Read), &["r visibility"]);
    assert_eq!(shifts(&before, &after), words([opened]));
    let mut after = before.clone();
    let node = super::node(&mut after, "user/mia");
    *node = node.clone().flag("active", false);
    let gone = row("mia", "r", (Level::Write, Level::None), &["mia active"]);
    assert_eq!(shifts(&before, &after), words([gone]));
}

#[test]
fn what_became_unknown_is_said_and_no_level_is_made_up() {
    let before = estate();
    let mut after = before.clone();
    part(&mut after, "user/mia write repository/r");
    unknown(&mut after, "repository/r", "grants");
    let shifts = compare(&build(&before), &build(&after), Some(&id("repository/r")));
    let mia = shifts.all.iter().find(|shift| shift.who == Some(id("user/mia"))).unwrap();
    assert!(mia.unknown.as_ref().is_some_and(|why| why.as_str().contains("not read")), "{mia:?}");
}

/// Someone, or something, of whom a short list tells no more is not gone for certain.
#[test]
fn who_is_missing_where_a_list_was_not_read_is_not_lost_for_certain() {
    let without = |gone: &str| {
        let mut after = estate();
        after.nodes.retain(|node| node.id != id(gone));
        after.edges.retain(|edge| edge.from != id(gone) && edge.to != id(gone));
        after
    };
    let why = |after: &World, place: &str, who: &str| {
        let shifts = compare(&build(&estate()), &build(after), Some(&id(place)));
        let shift = shifts.all.into_iter().find(|shift| shift.who == Some(id(who))).unwrap();
        assert_eq!(shift.after, Level::None);
        shift.unknown.map(|why| why.as_str().to_owned())
    };
    assert_eq!(why(&without("user/mia"), "repository/r", "user/mia"), None, "she is gone");
    for (about, field) in [
        ("repository/r", "grants"),
        ("project/p", "grants"),
        ("workspace/w", "members"),
        ("group/dev", "members"),
    ] {
        let mut after = without("user/mia");
        unknown(&mut after, about, field);
        let told = why(&after, "repository/r", "user/mia");
        assert_eq!(told, Some(format!("{field} was not read")), "{about}");
    }
    let mut after = without("user/mia");
    unknown(&mut after, "repository/r", "keys");
    assert_eq!(why(&after, "repository/r", "user/mia"), None, "she is no key");
    let gone = without("repository/other");
    assert_eq!(why(&gone, "repository/other", "user/omar"), None, "it is gone");
    for about in ["project/p", "workspace/w"] {
        let mut after = gone.clone();
        unknown(&mut after, about, "repositories");
        let told = why(&after, "repository/other", "user/omar");
        assert_eq!(told.as_deref(), Some("repositories was not read"), "{about}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_between_two_readings_is_told_by_the_one_before_it() {
    let house = House::open().await;
    let mut world = estate();
    for day in [1, 3] {
        world.as_of = super::time(day * DAY);
        read(&house, &world).await;
    }
    for (day, told) in [(1, 1), (2, 1), (3, 3), (4, 3)] {
        let graph = house.gateway.graph_at(super::time(day * DAY), View::True).await.unwrap();
        assert_eq!(graph.as_of(), super::time(told * DAY), "of day {day}");
        let again = house.gateway.graph_at(super::time(day * DAY + 1), View::True).await.unwrap();
        let same = std::sync::Arc::ptr_eq(&graph, &again);
        assert!(same, "day {day}: times that one reading tells of share its graph");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn since_when_is_not_told_for_certain_where_a_list_was_not_read() {
    let house = House::open().await;
    let mut world = estate();
    read(&house, &world).await;
    world.as_of = super::time(DAY);
    world.nodes.retain(|node| node.id != id("user/mia"));
    world.edges.retain(|edge| edge.from != id("user/mia"));
    unknown(&mut world, "repository/r", "grants");
    read(&house, &world).await;
    world.as_of = super::time(2 * DAY);
    world.unknown.clear();
    read(&house, &world).await;
    let query =
        [("identity", "acme/user/mia"), ("action", "write"), ("resource", "acme/repository/r")];
    let told = json_of(get(&house, "access/since", &query).await).await;
    let can: Vec<&Value> =
        told["periods"].as_array().unwrap().iter().map(|period| &period["can"]).collect();
    assert_eq!(can, [&json!(true), &Value::Null, &json!(false)], "{told}");
    house.close().await;
}

async fn get(house: &House, path: &str, query: &[(&str, &str)]) -> reqwest::Response {
    house.api(Method::GET, path).query(query).send().await.unwrap()
}

/// Reads a world into the house's history, at its `as_of`.
async fn read(house: &House, world: &World) {
    house.gateway.take_in(world.clone()).await.unwrap();
}

fn rfc(days: i64) -> String {
    super::time(days * DAY).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_take_a_time_and_say_since_when_anything_is_known() {
    let house = House::open().await;
    let at = |day: i64| rfc(day);
    let can = async |day: &str| {
        let query = [
            ("identity", "user:mia"),
            ("action", "admin"),
            ("resource", "repository:billing"),
            ("at", day),
        ];
        get(&house, "can", &query).await
    };
    let (status, told) = problem(can(&at(0)).await).await;
    assert_eq!(status, 404);
    assert!(told["detail"].as_str().unwrap().contains("there is no history"), "{told}");

    let mut first = estate();
    first.as_of = super::time(DAY);
    read(&house, &first).await;
    let mut second = first.clone();
    second.as_of = super::time(3 * DAY);
    part(&mut second, "user/mia write repository/r");
    join(&mut second, "user/mia admin repository/r");
    read(&house, &second).await;

    let (status, told) = problem(can(&at(0)).await).await;
    assert_eq!(status, 404);
    let detail = told["detail"].as_str().unwrap();
    assert!(detail.contains(&format!("the first discovery is of {}", rfc(1))), "{detail}");
    for (day, can_then, level) in
        [(1, false, "write"), (2, false, "write"), (3, true, "admin"), (9, true, "admin")]
    {
        let told = json_of(can(&at(day)).await).await;
        assert_eq!(
            (&told["can"], &told["level"]),
            (&json!(can_then), &json!(level)),
            "day {day}: {told}"
        );
    }
    let told = json_of(can("2026-03-02T10:00").await).await;
    assert_eq!(told["can"], false, "a minute of UTC will do");
    assert_eq!(told["graph"]["as_of"], rfc(1), "as old as it is, not as the question");
    let (status, _) = problem(can("2999-01-01").await).await;
    assert_eq!(status, 400, "the future");
    let (status, told) = problem(can("last week").await).await;
    assert_eq!(status, 400);
    assert!(told["detail"].as_str().unwrap().contains("is not a time"), "{told}");

    let who = [("action", "admin"), ("resource", "repository:billing")];
    let names = |told: &Value| {
        let who = told["who"].as_array().unwrap();
        who.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let then = json_of(get(&house, "who-can", &[who[0], who[1], ("at", &at(2))]).await).await;
    let now = json_of(get(&house, "who-can", &who).await).await;
    assert_eq!((names(&then), names(&now)), (vec![], vec!["mia".to_owned()]));
    let paths = [("identity", "user:mia"), ("resource", "repository:billing"), ("at", &at(2))];
    let told = json_of(get(&house, "paths", &paths).await).await;
    assert_eq!(told["paths"][0]["steps"][0]["is"], "write", "{told}");

    // What was believed: on the third day the second reading was not kept yet, it is kept now.
    let graph = house.gateway.graph_at(super::time(4 * DAY), View::Believed).await;
    assert!(graph.is_err(), "nothing had been kept by then: {graph:?}");
    let now = house.gateway.clock.now();
    let graph = house.gateway.graph_at(now, View::Believed).await.unwrap();
    assert_eq!(graph.as_of(), super::time(3 * DAY));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_of_two_times_is_exact_and_says_what_did_it() {
    let house = House::open().await;
    let mut world = estate();
    read(&house, &world).await;
    world.as_of = super::time(2 * DAY);
    join(&mut world, "user/eve admin repository/r");
    part(&mut world, "user/omar admin repository/other");
    read(&house, &world).await;
    let (from, to) = (rfc(1), rfc(3));
    let query = [("from", from.as_str()), ("to", to.as_str())];
    let told = json_of(get(&house, "access/diff", &query).await).await;
    let rows: BTreeSet<[String; 5]> = told["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let text = |member: &str| row[member].as_str().unwrap().to_owned();
            [
                text("name"),
                text("resource_name"),
                text("before"),
                text("after"),
                row["by"][0].as_str().unwrap().to_owned(),
            ]
        })
        .collect();
    let row = |cells: [&str; 5]| cells.map(ToOwned::to_owned);
    assert_eq!(
        rows,
        words([
            row([
                "eve",
                "acme/billing",
                "none",
                "admin",
                "came: user eve `admin` repository acme/billing"
            ]),
            row(["omar", "other", "admin", "none", "went: user omar `admin` repository other"]),
        ])
    );
    let only = [query[0], query[1], ("resource", "repository:billing")];
    let told = json_of(get(&house, "access/diff", &only).await).await;
    assert_eq!(told["changes"].as_array().unwrap().len(), 1, "{told}");
    let same = [("from", to.as_str()), ("to", &rfc(4))];
    let told = json_of(get(&house, "access/diff", &same).await).await;
    assert_eq!(told["changes"], json!([]));
    let (status, _) =
        problem(get(&house, "access/diff", &[("from", &to), ("to", &from)]).await).await;
    assert_eq!(status, 400, "the wrong way round");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_moment_something_was_possible_names_the_change_and_that_nobody_is_known() {
    let house = House::open().await;
    let mut world = estate();
    let days = [
        (1, "group/outer write project/p", "join"),
        (2, "group/outer write project/p", "part"),
        (4, "user/eve admin repository/r", "join"),
    ];
    read(&house, &world).await;
    for (day, edge, act) in days {
        world.as_of = super::time(day * DAY);
        if act == "join" {
            join(&mut world, edge);
        } else {
            part(&mut world, edge);
        }
        read(&house, &world).await;
    }
    // What it does not hang on makes no period.
    world.as_of = super::time(5 * DAY);
    join(&mut world, "user/omar read repository/r");
    read(&house, &world).await;
    let query = [("identity", "user:eve"), ("action", "write"), ("resource", "repository:billing")];
    let told = json_of(get(&house, "access/since", &query).await).await;
    let periods: Vec<(bool, &str, String)> = told["periods"]
        .as_array()
        .unwrap()
        .iter()
        .map(|period| {
            let (level, from) =
                (period["level"].as_str().unwrap(), period["from"].as_str().unwrap());
            (period["can"].as_bool().unwrap(), level, from.to_owned())
        })
        .collect();
    assert_eq!(
        periods,
        [
            (false, "none", rfc(0)),
            (true, "write", rfc(1)),
            (false, "none", rfc(2)),
            (true, "admin", rfc(4))
        ]
    );
    let first = &told["first"];
    assert_eq!((&first["from"], &first["not_at"]), (&json!(rfc(1)), &json!(rfc(0))));
    assert_eq!(first["by"], json!(["came: group outer `write` project Billing"]));
    assert_eq!(first["actor"], Value::Null);
    assert!(first["actor_unknown"].as_str().unwrap().contains("does not tell who"), "{first}");
    let never =
        [("identity", "user:ravi"), ("action", "owner"), ("resource", "repository:billing")];
    let told = json_of(get(&house, "access/since", &never).await).await;
    assert_eq!((&told["first"], &told["known_since"]), (&Value::Null, &json!(rfc(0))));
    house.close().await;
}

//! Through a running gate: each kind is brought, changes what is known of people and repositories, and ends.

use std::time::Duration;

use portcullis::graph::Known;
use portcullis::graph::World;
use portcullis::ledger::Kind;
use portcullis::posture::evidence::Person;
use portcullis::posture::evidence::Place;
use reqwest::Method;
use serde_json::Value;
use serde_json::json;

use super::DIRECTORY;
use super::PNG;
use super::wish;
use crate::spec::doors::house::House;
use crate::spec::doors::house::json_of;
use crate::spec::doors::house::problem;
use crate::spec::notices::contacts;
use crate::spec::receiver::Receiver;
use crate::spec::rig::CLOUD;
use crate::spec::rig::DATACENTER;
use crate::spec::rig::Gate;
use crate::spec::rig::until;

const DAY: Duration = Duration::from_hours(24);

/// Mia with an address, Jo without, and two of one name.
const WORLD: &str = r#"{"version":1,"connection":{"id":"acme","product":"cloud"},"as_of":"2026-11-20T17:00:00Z","nodes":[
    {"id":"acme/workspace/w","name":"acme","slug":"acme"},{"id":"acme/project/p","name":"BILL","key":"BILL"},
    {"id":"acme/repository/r","name":"acme/billing-canary","slug":"billing-canary","visibility":"private"},
    {"id":"acme/repository/s","name":"acme/site","slug":"site","visibility":"public"},
    {"id":"acme/repository/t","name":"acme/told","slug":"told","class":"from-the-world"},
    {"id":"acme/user/m","name":"Mia","email":"MIA@acme.example"},{"id":"acme/user/j","name":"Jo"},
    {"id":"acme/user/1","name":"Alex Kim"},{"id":"acme/user/2","name":"Alex Kim"}],
    "edges":[{"from":"acme/project/p","is":"in","to":"acme/workspace/w"},{"from":"acme/repository/r","is":"in","to":"acme/project/p"},
    {"from":"acme/repository/s","is":"in","to":"acme/project/p"},{"from":"acme/repository/t","is":"in","to":"acme/project/p"},
    {"from":"acme/user/m","is":"write","to":"acme/repository/r"}]}"#;

async fn house() -> House {
    let house = House::open().await;
    house.gateway.publish(World::read(WORLD.as_bytes()).unwrap()).unwrap();
    house
}

/// Brings a file; what was understood of it.
async fn bring(house: &House, wish: &Value) -> Value {
    let answer = house.api(Method::POST, "evidence").json(wish).send().await.unwrap();
    let status = answer.status();
    let told = json_of(answer).await;
    assert!(status == 201 || status == 200, "{told}");
    told
}

async fn shown(house: &House, id: &str) -> Value {
    let answer = house.api(Method::GET, &format!("evidence/{id}")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    json_of(answer).await
}

/// What a piece says of one person or repository.
fn of<'s>(said: &'s Value, name: &str) -> &'s Value {
    let rows = said["says"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name}: {said}"))
}

/// Whether a member is unknown because the piece has ended.
fn has_ended(why: &Value) -> bool {
    why.as_str().is_some_and(|why| why.contains("ended on"))
}

#[tokio::test]
async fn a_user_directory_tells_second_factors_and_logins_until_it_ends() {
    let house = house().await;
    let mut wish = wish("acme", "user-directory", DIRECTORY.as_bytes());
    wish["preview"] = json!(true);
    let preview = bring(&house, &wish).await;
    assert_eq!((&preview["rows"], &preview["matched_rows"]), (&json!(3), &json!(2)));
    let meant = |row: u64, id: &str, name: &str| json!({"row": row, "id": id, "name": name});
    let mut matched = preview["matched"].as_array().unwrap().clone();
    matched.sort_by_key(|one| one["row"].as_u64());
    assert_eq!(matched, [meant(2, "acme/user/m", "Mia"), meant(3, "acme/user/j", "Jo")]);
    assert_eq!(preview["unmatched"], json!([4]), "Amy is nobody here");
    assert_eq!(preview["not_named"], 2);
    assert_eq!(preview["ignored"], json!(["On Plan"]));
    assert!(house.gateway.store.evidence().await.unwrap().is_empty(), "only looked at");

    wish["preview"] = json!(false);
    let kept = bring(&house, &wish).await;
    let id = kept["id"].as_str().unwrap();
    let said = shown(&house, id).await;
    assert_eq!(said["state"], "in-force");
    assert_eq!(of(&said, "Mia")["second_factor"], true);
    assert_eq!(of(&said, "Mia")["last_login"], "2023-05-10T17:52:21.523Z");
    assert_eq!(of(&said, "Jo")["second_factor"], false);
    assert!(
        of(&said, "Alex Kim")["unknown"]["second_factor"]
            .as_str()
            .unwrap()
            .contains("and not them")
    );

    house.gateway.clock.advance(90 * DAY);
    let said = shown(&house, id).await;
    assert_eq!(said["state"], "ended");
    for name in ["Mia", "Jo", "Alex Kim"] {
        assert!(of(&said, name)["second_factor"].is_null(), "{said}");
        assert!(has_ended(&of(&said, name)["unknown"]["second_factor"]), "{said}");
        assert!(has_ended(&of(&said, name)["unknown"]["last_login"]), "{said}");
    }
    house.close().await;
}

#[tokio::test]
async fn what_a_scan_is_told_changes_with_every_piece_and_every_end() {
    let house = house().await;
    let connection = "acme".parse().unwrap();
    let mut moves = house.gateway.evidence_moves();
    let id = "acme/user/m".parse().unwrap();
    let mia = Person { id: &id, email: Some("mia@acme.example"), name: Some("Mia") };
    let repository = "acme/repository/r".parse().unwrap();
    let place = Place { id: &repository, name: Some("acme/billing-canary"), project: Some("BILL") };
    let facts = || {
        let held = house.gateway.held(&connection);
        (
            held.second_factor(mia),
            held.left(mia).map(|_| true),
            held.second_factor_enforced(),
            held.class(place),
        )
    };
    let (factor, left, enforced, class) = facts();
    assert!(
        factor.is_unknown() && left.is_unknown() && enforced.is_unknown() && class.is_unknown()
    );

    bring(&house, &wish("acme", "user-directory", DIRECTORY.as_bytes())).await;
    assert!(moves.has_changed().unwrap(), "whoever scans is told");
    moves.mark_unchanged();
    bring(&house, &wish("acme", "joiners-leavers", b"email,left\nmia@acme.example,2026-01-31\n"))
        .await;
    let mut policy = wish("acme", "second-factor-policy", PNG);
    policy["shows"] = json!("enforced");
    bring(&house, &policy).await;
    bring(&house, &wish("acme", "classification", b"project,class\nBILL,confidential\n")).await;
    let known = (
        Known::Value(true),
        Known::Value(true),
        Known::Value(true),
        Known::Value("confidential".to_owned()),
    );
    assert_eq!(facts(), known);

    house.gateway.clock.advance(31 * DAY);
    let (factor, left, enforced, class) = facts();
    assert!(left.why().unwrap().as_str().contains("ended on"), "a list of people lives a month");
    assert_eq!((factor, enforced, class), (known.0, known.2, known.3));
    house.gateway.clock.advance(59 * DAY);
    let (factor, _, enforced, _) = facts();
    assert!(factor.is_unknown() && !enforced.is_unknown(), "a directory lives three");
    house.gateway.clock.advance(275 * DAY);
    let (_, _, enforced, class) = facts();
    assert!(enforced.is_unknown() && class.is_unknown(), "the others a year");
    house.close().await;
}

#[tokio::test]
async fn a_list_of_leavers_a_picture_and_a_manifest_tell_until_they_end() {
    let house = house().await;
    let scim = br#"{"totalResults":2,"Resources":[{"userName":"mia@acme.example","active":true},{"displayName":"Jo","active":false,"endDate":"2026-01-31"}]}"#;
    let leavers = bring(&house, &wish("acme", "joiners-leavers", scim)).await;
    let mut policy = wish("acme", "second-factor-policy", PNG);
    policy["shows"] = json!("not-enforced");
    let policy = bring(&house, &policy).await;
    let manifest = "rules:\n  - {name: 'billing-*', class: Confidential}\n  - {property: visibility=public, class: public}\n";
    let manifest = bring(&house, &wish("acme", "classification", manifest.as_bytes())).await;
    assert_eq!(manifest["classes"], json!({"confidential": 1, "public": 1, "from-the-world": 1}));

    let id = |of: &Value| of["id"].as_str().unwrap().to_owned();
    let said = shown(&house, &id(&leavers)).await;
    assert_eq!(of(&said, "Jo")["left"], "2026-01-31T00:00:00.000Z");
    assert_eq!(of(&said, "Mia")["unknown"], json!({}), "known not to have left");
    assert!(of(&said, "Mia")["left"].is_null());
    let said = shown(&house, &id(&policy)).await;
    assert_eq!(said["second_factor_enforced"], false);
    let said = shown(&house, &id(&manifest)).await;
    assert_eq!(of(&said, "acme/billing-canary")["class"], "confidential");
    assert_eq!(of(&said, "acme/site")["class"], "public");
    assert_eq!(of(&said, "acme/told")["class"], "from-the-world", "the graph's own goes first");

    house.gateway.clock.advance(400 * DAY);
    let said = shown(&house, &id(&leavers)).await;
    assert!(has_ended(&of(&said, "Jo")["unknown"]["left"]), "{said}");
    let said = shown(&house, &id(&policy)).await;
    assert!(said["second_factor_enforced"].is_null() && has_ended(&said["why"]), "{said}");
    let said = shown(&house, &id(&manifest)).await;
    assert!(has_ended(&of(&said, "acme/site")["unknown"]["class"]), "{said}");
    assert_eq!(of(&said, "acme/told")["class"], "from-the-world");
    house.close().await;
}

#[tokio::test]
async fn each_step_is_an_entry_without_a_name_and_the_same_file_counts_once() {
    let house = house().await;
    let before = house.gateway.store.head().await.unwrap().size;
    let mut one = wish("acme", "user-directory", DIRECTORY.as_bytes());
    one["file"] = json!("Jane's list.csv");
    let kept = bring(&house, &one).await;
    let id = kept["id"].as_str().unwrap();
    let again = house.api(Method::POST, "evidence").json(&one).send().await.unwrap();
    let (status, said) = problem(again).await;
    assert!(status == 409 && said["detail"].as_str().unwrap().contains(id), "{said}");

    let path = format!("evidence/{id}");
    let withdraw = || house.api(Method::DELETE, &path).json(&json!({"reason": "the wrong month"}));
    let gone = json_of(withdraw().send().await.unwrap()).await;
    assert_eq!(gone["state"], "withdrawn");
    assert_eq!(problem(withdraw().send().await.unwrap()).await.0, 404, "once");
    let said = shown(&house, id).await;
    assert!(of(&said, "Mia")["unknown"]["second_factor"].is_string());
    assert!(house.gateway.store.evidence().await.unwrap()[0].piece.content.is_none());

    let entries = house.entries(before).await;
    let whats: Vec<&str> = entries.iter().filter_map(|entry| entry.body["what"].as_str()).collect();
    assert_eq!(whats, ["evidence brought", "evidence withdrawn"]);
    let body = &entries[0].body;
    assert_eq!(entries[0].kind, Kind::Admin);
    assert_eq!(body["sha256"], kept["sha256"]);
    assert_eq!((&body["evidence"], &body["rows"]), (&json!("user-directory"), &json!(3)));
    for index in before..house.gateway.store.head().await.unwrap().size {
        let record = house.gateway.store.entry(index).await.unwrap().unwrap();
        let open = String::from_utf8(record.entry).unwrap();
        for name in ["Jane", "Mia", "acme.example", "operator session", "for a test"] {
            assert!(!open.contains(name), "{name} stands in the open: {open}");
        }
        let mut sealed: Vec<&str> =
            record.sealed.iter().map(portcullis::ledger::Kept::name).collect();
        sealed.sort_unstable();
        assert_eq!(sealed, ["by", "file", "reason"]);
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_security_contact_is_told_once_before_the_end_and_once_of_it() {
    let receiver = Receiver::answering(&[200]).await;
    let house = House::telling(contacts(&[("acme", "security", &receiver)])).await;
    let before = house.gateway.store.head().await.unwrap().size;
    bring(&house, &wish("acme", "user-directory", DIRECTORY.as_bytes())).await;
    let got = || {
        let got = receiver.got();
        let told = got.iter().map(super::super::receiver::Got::json);
        let told = told.filter(|one| one["type"] == "gate.evidence");
        told.map(|one| one["data"].clone()).collect::<Vec<_>>()
    };
    house.gateway.clock.advance(75 * DAY);
    house.gateway.look_at_evidence().await.unwrap();
    house.gateway.clock.advance(2 * DAY);
    for _ in 0..3 {
        house.gateway.look_at_evidence().await.unwrap();
    }
    let told = until("a reminder", async || got().first().cloned()).await;
    assert_eq!(told["step"], "ending");
    let text = told["text"].as_str().unwrap();
    assert!(text.contains("the user directory") && text.contains("acme"), "{text}");
    assert!(!text.contains("a file"), "no name of a file: {text}");
    house.gateway.clock.advance(13 * DAY);
    for _ in 0..3 {
        house.gateway.look_at_evidence().await.unwrap();
    }
    let told = until("the end", async || got().get(1).cloned()).await;
    assert_eq!(told["step"], "ended");
    assert_eq!(got().len(), 2);
    let entries = house.entries(before).await;
    let ended =
        entries.iter().filter(|entry| entry.body.get("what") == Some(&json!("evidence ended")));
    assert_eq!(ended.count(), 1);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_brings_lists_shows_and_withdraws_and_a_restart_forgets_nothing() {
    let mut gate = Gate::start().await;
    let file = |name: &str, text: &[u8]| {
        let path = gate.path(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let directory = "Name;Zwei-Schritt\nRavi Forgettable;ja\nOmar;nein\nNobody Here;nein\n";
    let directory = file("users.csv", directory.as_bytes());
    let half = file("half.csv", b"Public Name,Has 2SV\nOmar,no\nRavi Forgettable");
    let people = file("leavers.csv", b"email,left\nportcullis@example.com,2026-01-31\n");
    let picture = file("2sv.png", PNG);
    let classes =
        file("classes.yaml", b"rules:\n  - {repository: acme/billing, class: confidential}\n");
    let import =
        ["evidence", "import", &directory, "--kind", "user-directory", "--connection", CLOUD];
    let mapped = ["--map", "Has 2SV=Zwei-Schritt", "--map", "yes=ja", "--map", "no=nein"];
    let import = [&import[..], &mapped[..]].concat();

    let before = (gate.count("entry"), gate.count("evidence"));
    let dry = gate.operate(&[&import[..], &["--dry-run"]].concat()).await;
    assert_eq!(dry.code, 0, "{}", dry.all());
    assert!(dry.out.contains("2 of 3 rows mean somebody of the graph"), "{}", dry.out);
    assert!(dry.out.contains("(rows 4)") && dry.out.contains("Nothing is kept"), "{}", dry.out);
    let refused = ["evidence", "import", &half, "--kind", "user-directory", "--connection", CLOUD];
    let refused = gate.operate(&refused).await;
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("row 3: it has 1 cells and the header 2"), "{}", refused.err);
    assert_eq!((gate.count("entry"), gate.count("evidence")), before, "nothing is kept");

    let kept = gate.operate(&[&import[..], &["--format", "json"]].concat()).await;
    assert_eq!(kept.code, 0, "{}", kept.all());
    let id = kept.json()["id"].as_str().unwrap().to_owned();
    for more in [
        vec![people.as_str(), "--kind", "joiners-leavers", "--connection", DATACENTER, "--whole"],
        vec![
            &picture,
            "--kind",
            "second-factor-policy",
            "--connection",
            CLOUD,
            "--shows",
            "enforced",
        ],
        vec![&classes, "--kind", "classification", "--connection", CLOUD, "--lasts", "30d"],
    ] {
        let said = gate.operate(&[&["evidence", "import"], &more[..]].concat()).await;
        assert_eq!(said.code, 0, "{more:?}: {}", said.all());
    }
    assert_eq!(gate.terminate().await, 0);
    gate.restart().await;

    let listed = gate.operate(&["evidence", "list", "--format", "json"]).await.json();
    let rows = listed["evidence"].as_array().unwrap();
    let kinds: Vec<&str> = rows.iter().map(|row| row["kind"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["classification", "second-factor-policy", "joiners-leavers", "user-directory"]
    );
    let said = gate.operate(&["evidence", "show", &id, "--format", "json"]).await.json();
    assert_eq!(of(&said, "Ravi Forgettable")["second_factor"], true);
    assert_eq!(of(&said, "Omar")["second_factor"], false);
    let left = rows.iter().find(|row| row["kind"] == "joiners-leavers").unwrap();
    let left = gate.operate(&["evidence", "show", left["id"].as_str().unwrap()]).await;
    assert!(left.out.contains("left 2026-01-31T00:00:00.000Z"), "{}", left.out);
    let gone = gate.operate(&["evidence", "withdraw", &id, "--reason", "a test"]).await;
    assert!(gone.code == 0 && gone.out.contains("is withdrawn"), "{}", gone.all());
    let said = gate.operate(&["evidence", "show", &id]).await;
    assert!(said.out.contains("it is withdrawn"), "{}", said.out);
}

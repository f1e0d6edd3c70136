//! Every level of the certification scenario for AuthZEN's Authorization API 1.0: Basic, Batch and Search, each with
//! identifiers alone and with properties, and Discovery. The fixture is the one that the page tells how to load.

use serde_json::Value;
use serde_json::json;

use super::Answered;
use super::DOORS;
use super::Pdp;
use super::WORLD_URL;
use super::answered;
use super::but;
use super::entity;
use super::ids;
use super::question;

fn of_status(kind: &str, id: &str, status: &str) -> Value {
    json!({"type": kind, "id": id, "properties": {"status": status}})
}

fn admin() -> Value {
    json!({"type": "user", "id": "bob", "properties": {"role": "admin"}})
}

fn archived() -> Value {
    of_status("record", "record-2", "archived")
}

/// The decisions of a batch.
fn decisions(answer: &Answered) -> Vec<bool> {
    assert_eq!((answer.status, answer.kind.as_str()), (200, "application/json"), "{}", answer.body);
    assert!(answer.body.get("decision").is_none(), "several decisions, and none above them");
    let all = answer.body["evaluations"].as_array().unwrap().iter();
    all.map(|one| one["decision"].as_bool().unwrap()).collect()
}

#[tokio::test]
async fn basic_single_decisions_are_as_the_fixture_demands() {
    let pdp = Pdp::start().await;
    let token = pdp.token(&DOORS).await;
    let with = |mut base: Value, name: &str, member: Value| {
        base[name] = member;
        base
    };
    let soft = |soft: bool| json!({"name": "delete", "properties": {"soft": soft}});
    let delete = || question("alice", "delete", "record-1");
    let read = || question("alice", "read", "record-1");
    let said = json!({"time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1"});
    let wordy = json!({
        "subject": {"type": "user", "id": "alice", "properties": {"department": "Sales", "role": "manager"}},
        "action": {"name": "read", "properties": {"method": "GET"}},
        "resource": {"type": "record", "id": "record-1", "properties": {"status": "active", "owner": "bob"}},
    });
    let write_archived = || with(question("bob", "write", "record-2"), "resource", archived());
    let cases = [
        (read(), true),
        (question("alice", "write", "record-1"), true),
        (question("bob", "read", "record-1"), true),
        (question("bob", "write", "record-1"), false),
        (with(question("alice", "write", "record-2"), "resource", archived()), false),
        (with(write_archived(), "subject", admin()), true),
        (with(delete(), "action", soft(true)), true),
        (with(delete(), "action", soft(false)), false),
        (with(read(), "context", said), true),
        (wordy, true),
        (but(read(), &[("/foo", json!("bar")), ("/futureField", json!({"nested": true}))]), true),
    ];
    for (question, wanted) in cases {
        for _ in 0..2 {
            let answer = pdp.ask(&token, "evaluation", &question).await;
            assert_eq!((answer.status, answer.kind.as_str()), (200, "application/json"));
            assert_eq!(answer.body["decision"], wanted, "{question}: {}", answer.body);
            assert!(answer.body["context"].is_object(), "and why");
        }
    }
    pdp.end().await;
}

#[tokio::test]
async fn basic_what_cannot_be_asked_is_400() {
    let pdp = Pdp::start().await;
    let token = pdp.token(&DOORS).await;
    let without = |pointer: &str| {
        let mut asked = question("alice", "read", "record-1");
        let (above, name) = pointer.rsplit_once('/').unwrap();
        asked.pointer_mut(above).unwrap().as_object_mut().unwrap().remove(name).unwrap();
        asked
    };
    let missing = [
        "/subject",
        "/action",
        "/resource",
        "/subject/type",
        "/subject/id",
        "/action/name",
        "/resource/type",
        "/resource/id",
    ];
    let mut bad: Vec<Value> = missing.into_iter().map(without).collect();
    bad.push(but(question("alice", "read", "record-1"), &[("/subject", json!("alice"))]));
    bad.push(but(question("alice", "read", "record-1"), &[("/action/name", json!(123))]));
    for body in bad {
        for path in ["evaluation", "evaluations"] {
            let answer = pdp.ask(&token, path, &body).await;
            assert_eq!(answer.status, 400, "{body}: {}", answer.body);
            assert_eq!(answer.kind, "application/problem+json");
        }
    }
    let good = question("alice", "read", "record-1").to_string();
    let post = |kind: &str, body: &str| {
        pdp.post(&token, "evaluation").header("content-type", kind).body(body.to_owned())
    };
    for (kind, body) in [
        ("text/plain", good.as_str()),
        ("application/x-www-form-urlencoded", &good),
        ("application/json", "{\"subject\":"),
        ("application/json", "no json"),
        ("application/json", ""),
    ] {
        let answer = answered(post(kind, body)).await;
        assert_eq!(answer.status, 400, "{kind} {body}: {}", answer.body);
    }
    let typed = answered(post("application/json; charset=utf-8", &good)).await;
    assert_eq!((typed.status, &typed.body["decision"]), (200, &json!(true)));
    pdp.end().await;
}

#[tokio::test]
async fn batch_decisions_come_in_the_order_of_the_questions() {
    let pdp = Pdp::start().await;
    let token = pdp.token(&DOORS).await;
    let (alice, bob) = (entity("user", "alice"), entity("user", "bob"));
    let record = |id: &str| entity("record", id);
    let action = |name: &str| json!({"name": name});
    let active = || of_status("record", "record-1", "active");
    let cases = [
        (
            json!({"subject": alice, "action": action("read"), "evaluations": [
                {"resource": record("record-1")}, {"resource": record("record-2")}]}),
            vec![true, true],
        ),
        (
            json!({"subject": bob, "resource": record("record-1"), "evaluations": [
                {"action": action("read")}, {"action": action("write")}]}),
            vec![true, false],
        ),
        (
            json!({"subject": alice, "action": action("write"), "evaluations": [
                {"resource": active()}, {"resource": archived()}]}),
            vec![true, false],
        ),
        (
            json!({"action": action("write"), "resource": archived(), "evaluations": [
                {"subject": alice}, {"subject": admin()}]}),
            vec![false, true],
        ),
        (
            json!({"evaluations": [
                question("alice", "read", "record-1"), question("bob", "write", "record-1")]}),
            vec![true, false],
        ),
        (
            json!({"subject": alice, "action": action("read"), "context": {"time": "2025-06-27T18:03-07:00"},
                "evaluations": [{"resource": record("record-1")}, {"resource": record("record-2"),
                "context": {"time": "2025-06-27T19:00-07:00", "source": "batch-override"}}]}),
            vec![true, true],
        ),
        (
            json!({"subject": alice, "action": action("write"), "resource": {"type": "record"}, "evaluations": [
                {"resource": {"id": "record-1", "properties": {"status": "active"}}}, {"resource": archived()}]}),
            vec![true, false],
        ),
        (
            json!({"subject": alice, "action": action("read"), "evaluations": [
                {"resource": record("record-1")}, {}]}),
            vec![true, false],
        ),
    ];
    for (body, wanted) in cases {
        assert_eq!(decisions(&pdp.ask(&token, "evaluations", &body).await), wanted, "{body}");
    }
    let alone = question("alice", "read", "record-1");
    for body in [alone.clone(), but(alone, &[("/evaluations", json!([]))])] {
        let answer = pdp.ask(&token, "evaluations", &body).await;
        assert_eq!((answer.status, &answer.body["decision"]), (200, &json!(true)), "{body}");
        assert!(answer.body.get("evaluations").is_none());
    }
    pdp.end().await;
}

#[tokio::test]
async fn search_finds_those_of_whom_the_fixture_says_so() {
    let pdp = Pdp::start().await;
    let token = pdp.token(&DOORS).await;
    let user = json!({"type": "user"});
    let record = json!({"type": "record"});
    let (read, write) = (json!({"name": "read"}), json!({"name": "write"}));
    let one = entity("record", "record-1");
    let alice = entity("user", "alice");
    let said = json!({"time": "2024-10-26T01:22-07:00"});
    let cases: [(&str, Value, &[&str]); 8] = [
        ("subject", json!({"subject": user, "action": read, "resource": one}), &["alice", "bob"]),
        (
            "subject",
            json!({"subject": user, "action": read, "resource": one, "context": said}),
            &["alice", "bob"],
        ),
        ("subject", json!({"subject": user, "action": write, "resource": archived()}), &["bob"]),
        (
            "resource",
            json!({"subject": alice, "action": read, "resource": record}),
            &["record-1", "record-2"],
        ),
        (
            "resource",
            json!({"subject": admin(), "action": write, "resource": record}),
            &["record-2"],
        ),
        ("action", json!({"subject": alice, "resource": one}), &["read", "write"]),
        ("action", json!({"subject": alice, "resource": one, "context": said}), &["read", "write"]),
        ("action", json!({"subject": admin(), "resource": archived()}), &["read", "write"]),
    ];
    for (what, body, wanted) in cases {
        let answer = pdp.ask(&token, &format!("search/{what}"), &body).await;
        assert_eq!(ids(&answer), wanted, "{body}: {}", answer.body);
        for found in answer.body["results"].as_array().unwrap() {
            let kind = body[what]["type"].clone();
            assert!(what == "action" || found["type"] == kind, "{found}");
        }
        assert_eq!(answer.body["page"]["next_token"], "");
    }
    pdp.end().await;
}

#[tokio::test]
async fn search_pages_and_empty_answers_and_refusals_are_as_demanded() {
    let pdp = Pdp::start().await;
    let token = pdp.token(&DOORS).await;
    let who = json!({"subject": {"type": "user"}, "action": {"name": "read"}, "resource": entity("record", "record-1")});
    let page = |page: Value| but(who.clone(), &[("/page", page)]);
    let first = pdp.ask(&token, "search/subject", &page(json!({"limit": 1}))).await;
    assert_eq!(ids(&first), ["alice"]);
    let next = first.body["page"]["next_token"].as_str().unwrap();
    assert!(!next.is_empty());
    let second = pdp.ask(&token, "search/subject", &page(json!({"token": next}))).await;
    assert_eq!(
        (ids(&second), &second.body["page"]["next_token"]),
        (vec!["bob".to_owned()], &json!(""))
    );

    let nobody = json!({"subject": entity("user", "nonexistent-user"), "resource": entity("record", "record-1")});
    let ship = json!({"subject": {"type": "spaceship"}, "action": {"name": "read"}, "resource": entity("record", "record-1")});
    let ships = json!({"subject": entity("user", "alice"), "action": {"name": "read"}, "resource": {"type": "spaceship"}});
    for (what, body) in [("action", nobody), ("subject", ship), ("resource", ships)] {
        let answer = pdp.ask(&token, &format!("search/{what}"), &body).await;
        assert_eq!(ids(&answer), [""; 0], "{body}");
    }
    let (user, record) = (json!({"type": "user"}), json!({"type": "record"}));
    let read = json!({"name": "read"});
    for (what, body) in [
        ("subject", json!({"subject": user, "resource": entity("record", "record-1")})),
        ("resource", json!({"action": read, "resource": record})),
        ("action", json!({"subject": entity("user", "alice")})),
        ("subject", json!({"subject": user, "action": read, "resource": record})),
        ("resource", json!({"subject": user, "action": read, "resource": record})),
    ] {
        let answer = pdp.ask(&token, &format!("search/{what}"), &body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.body);
    }
    pdp.end().await;
}

#[tokio::test]
async fn discovery_says_where_each_question_is_asked_and_the_request_is_called_as_the_caller_called_it()
 {
    let pdp = Pdp::start().await;
    let token = pdp.token(&DOORS).await;
    let address = format!("http://{}/.well-known/authzen-configuration", pdp.public);
    let told = answered(pdp.http.get(address)).await;
    assert_eq!((told.status, told.kind.as_str()), (200, "application/json"));
    let below = |path: &str| format!("{WORLD_URL}/access/v1/{path}");
    let wanted = json!({
        "policy_decision_point": WORLD_URL,
        "access_evaluation_endpoint": below("evaluation"),
        "access_evaluations_endpoint": below("evaluations"),
        "search_subject_endpoint": below("search/subject"),
        "search_resource_endpoint": below("search/resource"),
        "search_action_endpoint": below("search/action"),
    });
    assert_eq!(told.body, wanted);
    let read = question("alice", "read", "record-1");
    let named = |id: &str| pdp.post(&token, "evaluation").header("X-Request-ID", id).json(&read);
    let answer = answered(named("bfe9eb29-ab87-4ca3-be83-a1d5d8305716")).await;
    assert_eq!(answer.id.as_deref(), Some("bfe9eb29-ab87-4ca3-be83-a1d5d8305716"));
    let unnamed = pdp.ask(&token, "evaluation", &read).await;
    assert_eq!(unnamed.status, 200);
    assert!(unnamed.id.unwrap().parse::<uuid::Uuid>().is_ok(), "ours, where the caller names none");
    pdp.end().await;
}

//! Several questions in one request: how far they are answered, what they have in common, and what is recorded.

use portcullis::decision::record::Surface;
use serde_json::Value;
use serde_json::json;

use super::Answered;
use super::Pdp;
use super::but;
use super::entity;
use super::question;

fn decisions(answer: &Answered) -> Vec<bool> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let all = answer.body["evaluations"].as_array().unwrap().iter();
    all.map(|one| one["decision"].as_bool().unwrap()).collect()
}

/// `write record-1` by alice (yes), bob (no), alice (yes), bob (no).
fn four(semantic: Option<&str>) -> Value {
    let by = |id: &str| json!({"subject": entity("user", id)});
    let mut body = json!({
        "action": {"name": "write"}, "resource": entity("record", "record-1"),
        "evaluations": [by("alice"), by("bob"), by("alice"), by("bob")],
    });
    if let Some(semantic) = semantic {
        body["options"] = json!({"evaluations_semantic": semantic, "another_option": "value"});
    }
    body
}

#[tokio::test]
async fn each_semantic_ends_where_it_says_and_only_what_was_answered_is_recorded() {
    let pdp = Pdp::start().await;
    let token = pdp.token(&["authzen"]).await;
    let mut recorded = 0;
    for (semantic, wanted) in [
        (None, vec![true, false, true, false]),
        (Some("execute_all"), vec![true, false, true, false]),
        (Some("deny_on_first_deny"), vec![true, false]),
        (Some("permit_on_first_permit"), vec![true]),
    ] {
        let answer = pdp.ask(&token, "evaluations", &four(semantic)).await;
        assert_eq!(decisions(&answer), wanted, "{semantic:?}");
        recorded += wanted.len();
        let records = pdp.records().await;
        assert_eq!(records.len(), recorded, "{semantic:?}");
        let answered = answer.body["evaluations"].as_array().unwrap().iter().rev();
        for (record, answer) in records.iter().zip(answered) {
            assert_eq!(record.public.surface, Surface::Authzen);
            assert_eq!(answer["context"]["id"], json!(record.public.decision));
            assert_eq!(answer["context"]["reason"], json!(record.reason()));
            assert_eq!(answer["context"]["verdict"], record.public.verdict.as_str());
            let link = format!("{}/d/{}", super::WORLD_URL, record.public.decision);
            assert_eq!(answer["context"]["narrative"], json!(link));
            assert!(answer["context"]["graph"]["revision"].as_u64().unwrap() > 0);
        }
    }
    let unknown = pdp.ask(&token, "evaluations", &four(Some("first_of_all"))).await;
    assert_eq!(unknown.status, 400, "{}", unknown.body);
    assert_eq!(pdp.records().await.len(), recorded, "what is refused is not recorded");
    pdp.end().await;
}

#[tokio::test]
async fn a_question_that_cannot_be_asked_is_denied_alone_and_ends_a_walk_as_a_denial_does() {
    let pdp = Pdp::start().await;
    let token = pdp.token(&["authzen"]).await;
    let mut body = four(Some("deny_on_first_deny"));
    body["evaluations"] = json!([{"subject": entity("user", "alice")}, {"subject": {"type": "user"}}, {"subject": entity("user", "alice")}]);
    let answer = pdp.ask(&token, "evaluations", &body).await;
    assert_eq!(decisions(&answer), [true, false]);
    let failed = &answer.body["evaluations"][1]["context"]["error"];
    assert_eq!(*failed, json!({"status": 400, "message": "`subject` has no `id`"}));
    assert_eq!(pdp.records().await.len(), 1);
    body["options"]["evaluations_semantic"] = json!("permit_on_first_permit");
    body["evaluations"] =
        json!([{"action": {"name": "No Word"}}, {}, {"subject": entity("user", "alice")}]);
    let answer = pdp.ask(&token, "evaluations", &body).await;
    assert_eq!(decisions(&answer), [false, false, true]);
    // A member of another kind is no question at all.
    body["evaluations"] = json!([{"subject": "alice"}]);
    assert_eq!(pdp.ask(&token, "evaluations", &body).await.status, 400);
    pdp.end().await;
}

#[tokio::test]
async fn what_stands_at_the_top_is_taken_member_by_member() {
    let pdp = Pdp::start().await;
    let token = pdp.token(&["authzen"]).await;
    let archived = json!({"status": "archived"});
    let resource = json!({"type": "record", "id": "record-1", "properties": archived});
    let body = json!({
        "subject": entity("user", "alice"), "action": {"name": "write"}, "resource": resource,
        "evaluations": [
            // Everything from the top: an archived record.
            {},
            // A resource of its own has none of the other's properties: record-1 is kept as active.
            {"resource": {"id": "record-1"}},
            // A subject of its own.
            {"subject": entity("user", "bob")},
            // An action of its own.
            {"action": {"name": "read"}},
        ],
    });
    let answer = pdp.ask(&token, "evaluations", &body).await;
    assert_eq!(decisions(&answer), [false, true, true, true]);
    pdp.end().await;
}

#[tokio::test]
async fn a_hundred_questions_are_answered_and_not_one_more() {
    let pdp = Pdp::start().await;
    let token = pdp.token(&["authzen"]).await;
    let many = |count: usize| {
        but(
            four(None),
            &[("/evaluations", json!(vec![json!({"subject": entity("user", "alice")}); count]))],
        )
    };
    let answer = pdp.ask(&token, "evaluations", &many(100)).await;
    assert_eq!(decisions(&answer), [true; 100]);
    let over = pdp.ask(&token, "evaluations", &many(101)).await;
    assert_eq!(over.status, 400);
    assert!(over.body["detail"].as_str().unwrap().contains("at most 100"), "{}", over.body);
    pdp.end().await;
}

#[tokio::test]
async fn what_the_caller_says_is_a_claim_and_who_it_names_is_looked_up() {
    let pdp = Pdp::start().await;
    let token = pdp.token(&["authzen"]).await;
    let asked = but(
        question("alice", "write", "record-1"),
        &[
            ("/subject/properties", json!({"groups": ["records-admins"], "level": "owner"})),
            ("/context", json!({"ip": "192.0.2.7"})),
        ],
    );
    assert!(pdp.decides(&token, &asked).await);
    let record = pdp.records().await.remove(0);
    let input: Value = serde_json::from_str(record.input.kept().unwrap().get()).unwrap();
    assert_eq!(input["actor"], json!({"id": "records/user/alice", "groups": []}));
    assert_eq!(input["claimed"]["subject"], asked["subject"]);
    assert_eq!(input["claimed"]["resource"]["properties"], Value::Null, "known to be none");
    assert!(
        input.get("resource").is_none() && input["claimed"].get("context").is_none(),
        "not read"
    );
    assert_eq!(
        record.names.kept().unwrap().question.as_deref(),
        Some("user:alice write record:record-1")
    );
    // By its whole id, by the product's own, and by its name it is the same one.
    for id in ["records/user/bob", "bob", "Bob"] {
        assert!(pdp.decides(&token, &question(id, "write", "record-2")).await, "{id}");
    }
    pdp.end().await;
}

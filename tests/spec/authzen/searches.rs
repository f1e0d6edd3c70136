//! Searches say what their evaluations say, page by page, and leave an entry.

use std::collections::BTreeSet;

use portcullis::ledger::Kind;
use serde_json::Value;
use serde_json::json;

use super::Answered;
use super::DOORS;
use super::Pdp;
use super::but;
use super::entity;
use super::ids;

/// A rule that the graph's answer alone does not foresee: archived repositories are not written to, and some things are
/// not known.
const RULE: &str = r#"# METADATA
# title: Archived repositories stay as they are
# description: Nobody writes to an archived repository.
# custom:
#   on: [pipeline.step]
#   reads: [resource.repository.archived]
#   severity: high
#   on_error: block
package portcullis.rules.records.archived

finding contains {"verdict": "block", "reason": "It is archived.", "proof": ["resource.repository.archived"]} if {
	input.action.name == "write"
	input.resource.repository.archived
}
"#;

const PEOPLE: usize = 25;
const REPOSITORIES: usize = 6;

/// Writers of every second repository through a group, readers of every third, one administrator; the third repository is
/// archived, of the fourth nobody knows whether, of the fifth the grants were not told, the sixth is public.
fn estate() -> String {
    let mut nodes = vec![
        json!({"id": "records/workspace/w", "name": "records", "slug": "records"}),
        json!({"id": "records/project/p", "name": "PAY", "key": "PAY"}),
        json!({"id": "records/group/writers", "name": "writers"}),
    ];
    let mut edges =
        vec![json!({"from": "records/project/p", "is": "in", "to": "records/workspace/w"})];
    for number in 0..REPOSITORIES {
        let id = format!("records/repository/r{number}");
        let mut node = json!({"id": id, "name": format!("records/repo-{number}"), "slug": format!("repo-{number}"),
            "visibility": if number == 5 { "public" } else { "private" }});
        if number != 3 {
            node["archived"] = json!(number == 2);
        }
        nodes.push(node);
        edges.push(json!({"from": id, "is": "in", "to": "records/project/p"}));
        if number % 2 == 0 {
            edges.push(json!({"from": "records/group/writers", "is": "write", "to": id}));
        }
        edges.push(json!({"from": "records/user/u00", "is": "admin", "to": id}));
        for person in (1..PEOPLE).filter(|person| (person + number) % 3 == 0) {
            edges.push(
                json!({"from": format!("records/user/u{person:02}"), "is": "read", "to": id}),
            );
        }
    }
    for person in 0..PEOPLE {
        let id = format!("records/user/u{person:02}");
        nodes.push(json!({"id": id, "name": format!("Person {person}"), "active": person != 7}));
        if person % 4 == 1 {
            edges.push(json!({"from": id, "is": "member", "to": "records/group/writers"}));
        }
    }
    let unknown = json!([{"about": "records/repository/r4", "field": "grants", "why": "the token lacks a scope"}]);
    json!({"version": 1, "connection": {"id": "records", "product": "cloud"}, "as_of": "2026-11-30T09:00:00Z",
        "nodes": nodes, "edges": edges, "unknown": unknown})
    .to_string()
}

async fn open() -> (Pdp, String) {
    let world = estate();
    let pdp = Pdp::with(&[("world.json", &world), ("policies/records/archived.rego", RULE)]).await;
    let token = pdp.token(&DOORS).await;
    (pdp, token)
}

/// All pages of a search, by pages of this size.
async fn all(pdp: &Pdp, token: &str, path: &str, body: &Value, limit: usize) -> Vec<String> {
    let (mut found, mut next) = (Vec::new(), String::new());
    loop {
        let page = but(body.clone(), &[("/page", json!({"limit": limit, "token": next}))]);
        let answer = pdp.ask(token, path, &page).await;
        let here = ids(&answer);
        assert!(here.len() <= limit && answer.body["page"]["count"] == here.len());
        found.extend(here);
        answer.body["page"]["next_token"].as_str().unwrap().clone_into(&mut next);
        if next.is_empty() {
            return found;
        }
    }
}

fn people() -> Vec<String> {
    (0..PEOPLE).map(|number| format!("u{number:02}")).collect()
}

fn repositories() -> Vec<String> {
    (0..REPOSITORIES).map(|number| format!("r{number}")).collect()
}

/// What evaluations of each candidate say, in their order.
async fn one_by_one(
    pdp: &Pdp,
    token: &str,
    candidates: &[String],
    question: impl Fn(&str) -> Value,
) -> Vec<String> {
    let mut may = Vec::new();
    for part in candidates.chunks(100) {
        let asked: Vec<Value> = part.iter().map(|one| question(one)).collect();
        let answer = pdp.ask(token, "evaluations", &json!({"evaluations": asked})).await;
        let decisions = answer.body["evaluations"].as_array().unwrap();
        assert_eq!(decisions.len(), part.len());
        let those = part.iter().zip(decisions).filter(|(_, one)| one["decision"] == true);
        may.extend(those.map(|(one, _)| one.clone()));
    }
    may
}

fn asked(subject: &str, action: &str, repository: &str) -> Value {
    json!({"subject": entity("user", subject), "action": {"name": action}, "resource": entity("repository", repository)})
}

#[tokio::test]
async fn a_search_says_what_an_evaluation_of_each_candidate_says() {
    let (pdp, token) = open().await;
    let (mut some, mut none) = (0, 0);
    for action in ["read", "write", "admin", "deploy", "run"] {
        for repository in repositories() {
            let body = json!({"subject": {"type": "user"}, "action": {"name": action}, "resource": entity("repository", &repository)});
            let found = all(&pdp, &token, "search/subject", &body, 100).await;
            let wanted =
                one_by_one(&pdp, &token, &people(), |who| asked(who, action, &repository)).await;
            assert_eq!(found, wanted, "who may {action} {repository}");
            if found.is_empty() { none += 1 } else { some += 1 }
        }
        for person in ["u00", "u01", "u03", "u05", "u07", "u12"] {
            let body = json!({"subject": entity("user", person), "action": {"name": action}, "resource": {"type": "repository"}});
            let found = all(&pdp, &token, "search/resource", &body, 100).await;
            let wanted =
                one_by_one(&pdp, &token, &repositories(), |what| asked(person, action, what)).await;
            assert_eq!(found, wanted, "what may {person} {action}");
        }
    }
    assert!(some > 10 && none > 0, "{some} and {none}");
    let actions = [
        "admin",
        "create",
        "deploy",
        "fly",
        "merge",
        "publish",
        "push",
        "read",
        "read-secret",
        "run",
        "write",
    ];
    let actions: Vec<String> = actions.map(str::to_owned).into();
    for (person, repository) in
        [("u00", "r0"), ("u05", "r0"), ("u03", "r0"), ("u05", "r2"), ("u04", "r1")]
    {
        let body = json!({"subject": entity("user", person), "resource": entity("repository", repository)});
        let found = all(&pdp, &token, "search/action", &body, 100).await;
        let wanted =
            one_by_one(&pdp, &token, &actions, |action| asked(person, action, repository)).await;
        assert_eq!(found, wanted, "what may {person} do to {repository}");
    }
    pdp.end().await;
}

#[tokio::test]
async fn pages_go_to_the_end_without_a_repeat_whatever_their_size() {
    let (pdp, token) = open().await;
    let body = json!({"subject": {"type": "user"}, "action": {"name": "read"}, "resource": entity("repository", "r5")});
    let whole = all(&pdp, &token, "search/subject", &body, 100).await;
    assert!(whole.len() > 5, "{whole:?}");
    for limit in [1, 2, 3, 7] {
        let found = all(&pdp, &token, "search/subject", &body, limit).await;
        assert_eq!(found, whole, "{limit} a page");
        assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len());
    }
    // More than a page may hold is as many as it may; none at all is none, and it goes on.
    let wide = but(body.clone(), &[("/page", json!({"limit": 5_000}))]);
    assert_eq!(ids(&pdp.ask(&token, "search/subject", &wide).await), whole);
    let none = but(body.clone(), &[("/page", json!({"limit": 0}))]);
    let none = pdp.ask(&token, "search/subject", &none).await;
    assert_eq!(ids(&none), [""; 0]);
    let on = but(body, &[("/page", json!({"token": none.body["page"]["next_token"]}))]);
    assert_eq!(ids(&pdp.ask(&token, "search/subject", &on).await), whole);
    pdp.end().await;
}

#[tokio::test]
async fn a_pages_token_is_good_for_its_caller_and_its_query_alone_and_only_as_it_is() {
    let (pdp, token) = open().await;
    let body = json!({"subject": {"type": "user"}, "action": {"name": "read"}, "resource": entity("repository", "r0")});
    let page = |body: &Value, token: &str| {
        but(body.clone(), &[("/page", json!({"limit": 1, "token": token}))])
    };
    let first = pdp.ask(&token, "search/subject", &page(&body, "")).await;
    let next = first.body["page"]["next_token"].as_str().unwrap();
    assert!(!next.contains("u00") && !next.is_empty());
    let good: Answered = pdp.ask(&token, "search/subject", &page(&body, next)).await;
    assert_eq!(good.status, 200, "{}", good.body);

    let other = pdp.token(&DOORS).await;
    let write = but(body.clone(), &[("/action/name", json!("write"))]);
    let elsewhere = but(body.clone(), &[("/resource/id", json!("r1"))]);
    let said = but(body.clone(), &[("/context", json!({"ip": "192.0.2.1"}))]);
    let what = json!({"subject": entity("user", "u00"), "action": {"name": "read"}, "resource": {"type": "repository"}});
    let altered = |at: usize| {
        let mut bytes = next.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let middle = next.len() / 2;
    let mut refused = vec![
        (&token, "search/subject", page(&write, next)),
        (&token, "search/subject", page(&elsewhere, next)),
        (&token, "search/subject", page(&said, next)),
        (&token, "search/resource", page(&what, next)),
        (&other, "search/subject", page(&body, next)),
        (&token, "search/subject", page(&body, &next[..next.len() - 4])),
        (&token, "search/subject", page(&body, "AAAA")),
        (&token, "search/subject", page(&body, "no token at all")),
        (&token, "search/subject", page(&body, &"A".repeat(9_000))),
    ];
    refused.extend(
        [8, middle, next.len() - 3].map(|at| (&token, "search/subject", page(&body, &altered(at)))),
    );
    for (token, path, body) in refused {
        let answer = pdp.ask(token, path, &body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.body);
        assert!(
            answer.body["detail"].as_str().unwrap().contains("`page.token`"),
            "{}",
            answer.body
        );
    }
    pdp.end().await;
}

#[tokio::test]
async fn a_search_leaves_one_entry_with_its_size_and_no_name_and_no_decision() {
    let (pdp, token) = open().await;
    let before = pdp.entries().await.len();
    let body = json!({"subject": {"type": "user"}, "action": {"name": "read"}, "resource": entity("repository", "records/repo-0"), "page": {"limit": 3}});
    let found = ids(&pdp.ask(&token, "search/subject", &body).await).len();
    let mine =
        json!({"subject": entity("user", "Person 3"), "resource": entity("repository", "r0")});
    let deeds = ids(&pdp.ask(&token, "search/action", &mine).await).len();
    assert!(pdp.records().await.is_empty(), "no candidate is a decision");
    let entries: Vec<_> = pdp.entries().await.into_iter().skip(before).collect();
    let searches =
        entries.iter().filter(|(entry, _)| entry.body.get("what") == Some(&json!("access search")));
    let searches: Vec<_> = searches.collect();
    assert_eq!(searches.len(), 2);
    for ((entry, parts), (what, answers)) in
        searches.iter().zip([("subject", found), ("action", deeds)])
    {
        assert_eq!(entry.kind, Kind::Admin);
        assert_eq!(
            (&entry.body["search"], &entry.body["answers"]),
            (&json!(what), &json!(answers))
        );
        assert!(entry.subject.parse::<uuid::Uuid>().is_ok(), "the token that asked");
        let open = serde_json::to_string(&entry.body).unwrap();
        assert!(!open.contains("repo-0") && !open.contains("Person"), "{open}");
        assert!(
            parts.iter().any(|part| part.contains("repo-0") || part.contains("Person 3")),
            "under a seal"
        );
    }
    pdp.end().await;
}

#[tokio::test]
async fn a_request_looks_only_so_far_and_the_next_goes_on_from_there() {
    let mut ids: Vec<String> = (0..1_200).map(|number| format!("n{number:04}")).collect();
    ids.push("record-1".to_owned());
    let record = json!({"owner": "records/user/alice", "status": "active"});
    let data = json!({"portcullis": {"authzen": {"record": {"actions": ["read"], "ids": ids}}}, "records": {"record-1": record}});
    let pdp = Pdp::with(&[("policies/data.json", &data.to_string())]).await;
    let token = pdp.token(&DOORS).await;
    let body = json!({"subject": entity("user", "alice"), "action": {"name": "read"}, "resource": {"type": "record"}});
    let (mut pages, mut next, mut found) = (0, json!(""), Vec::new());
    loop {
        let page = but(body.clone(), &[("/page", json!({"token": next}))]);
        let answer = pdp.ask(&token, "search/resource", &page).await;
        found.extend(super::ids(&answer));
        next = answer.body["page"]["next_token"].clone();
        pages += 1;
        let cut = &answer.body["page"]["properties"];
        assert_eq!(
            cut.is_object(),
            next != "",
            "a page that is not full says why: {}",
            answer.body
        );
        if next == "" {
            break;
        }
        assert!(cut["looked"].as_u64().unwrap() <= 500 && cut["cut"].is_string());
    }
    assert!(pages >= 3, "{pages} pages");
    assert_eq!(found, ["record-1"]);
    pdp.end().await;
}

/// How often the store says of somebody that an entry speaks of him.
fn mentions(pdp: &Pdp, id: &str) -> i64 {
    let file = rusqlite::Connection::open(pdp.folder.path().join("records.db")).unwrap();
    let sql = "SELECT count(*) FROM mention WHERE identity = ?1";
    file.query_row(sql, [id], |row| row.get(0)).unwrap()
}

/// Who is asked about as a resource can be erased as one who is asked about as a subject.
#[tokio::test]
async fn whoever_a_question_names_on_either_side_is_mentioned() {
    let (pdp, token) = open().await;
    let question = json!({"subject": entity("user", "u01"), "action": {"name": "read"}, "resource": entity("user", "u02")});
    let (asker, about) = ("records/user/u01", "records/user/u02");
    assert_eq!((mentions(&pdp, asker), mentions(&pdp, about)), (0, 0));
    pdp.decides(&token, &question).await;
    assert_eq!((mentions(&pdp, asker), mentions(&pdp, about)), (1, 1), "an evaluation");
    let many = json!({"evaluations": [question]});
    assert_eq!(pdp.ask(&token, "evaluations", &many).await.status, 200);
    assert_eq!((mentions(&pdp, asker), mentions(&pdp, about)), (2, 2), "one of several");
    let who = but(question.clone(), &[("/subject", json!({"type": "user"}))]);
    assert_eq!(pdp.ask(&token, "search/subject", &who).await.status, 200);
    assert_eq!((mentions(&pdp, asker), mentions(&pdp, about)), (2, 3), "a search for subjects");
    let what = json!({"subject": entity("user", "u01"), "resource": entity("user", "u02")});
    assert_eq!(pdp.ask(&token, "search/action", &what).await.status, 200);
    assert_eq!((mentions(&pdp, asker), mentions(&pdp, about)), (3, 4), "a search for actions");
    pdp.end().await;
}

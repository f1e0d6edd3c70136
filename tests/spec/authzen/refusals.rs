//! Who may ask what, and what is answered no: doors and scopes of tokens, names that two have, who and what is not there,
//! and what neither shadow nor a pause lets pass.

use reqwest::Method;
use serde_json::Value;
use serde_json::json;

use super::DOORS;
use super::Pdp;
use super::answered;
use super::but;
use super::entity;
use super::question;

/// Two users of one name; a repository that one of them may write to; an environment of it.
const TWINS: &str = r#"{"version":1,"connection":{"id":"records","product":"cloud"},"as_of":"2026-11-30T09:00:00Z","nodes":[
    {"id":"records/workspace/w","name":"records","slug":"records"},{"id":"records/project/p","name":"PAY","key":"PAY"},
    {"id":"records/repository/r","name":"records/ledger","slug":"ledger","visibility":"private"},
    {"id":"records/repository/s","name":"records/site","slug":"site","visibility":"private"},
    {"id":"records/environment/e","name":"production","tier":"production"},
    {"id":"records/environment/f","name":"production","tier":"production"},
    {"id":"records/user/1","name":"Kim","active":true},{"id":"records/user/2","name":"Kim","active":true},
    {"id":"records/user/3","name":"Lee","active":true}],
    "edges":[{"from":"records/project/p","is":"in","to":"records/workspace/w"},
    {"from":"records/repository/r","is":"in","to":"records/project/p"},{"from":"records/repository/s","is":"in","to":"records/project/p"},
    {"from":"records/repository/r","is":"deploys_to","to":"records/environment/e"},
    {"from":"records/repository/s","is":"deploys_to","to":"records/environment/f"},
    {"from":"records/user/1","is":"write","to":"records/repository/r"}]}"#;

fn about(subject: &str, action: &str, kind: &str, id: &str) -> Value {
    json!({"subject": entity("user", subject), "action": {"name": action}, "resource": entity(kind, id)})
}

#[tokio::test]
async fn a_token_opens_the_doors_it_was_made_for_and_searches_are_off_until_somebody_says_so() {
    let pdp = Pdp::start().await;
    let plain = pdp.scoped(&json!({})).await;
    let (check, authzen, search) = (
        pdp.token(&["check"]).await,
        pdp.token(&["authzen"]).await,
        pdp.token(&["authzen-search"]).await,
    );
    let read = question("alice", "read", "record-1");
    let who = but(read.clone(), &[("/subject", json!({"type": "user"}))]);
    for (token, evaluates, searches) in [
        (&plain, 403, 403),
        (&check, 403, 403),
        (&authzen, 200, 403),
        (&search, 403, 200),
        (&"pcs_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(), 401, 401),
        (&"no token".to_owned(), 401, 401),
    ] {
        for path in ["evaluation", "evaluations"] {
            let answer = pdp.ask(token, path, &read).await;
            assert_eq!(answer.status, evaluates, "{path}: {}", answer.body);
        }
        let answer = pdp.ask(token, "search/subject", &who).await;
        assert_eq!(answer.status, searches, "{}", answer.body);
        if searches == 403 {
            assert!(answer.body["detail"].as_str().unwrap().contains("`authzen-search`"));
        }
    }
    // A token for AuthZEN opens no check.
    let check = json!({"action": "run", "repository": "records/ledger"});
    let address = format!("http://{}/v1/check", pdp.public);
    let refused = answered(pdp.http.post(address).bearer_auth(&authzen).json(&check)).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert_eq!(pdp.records().await.len(), 2, "only what was asked in its own right");
    // Doors that are none, or none at all, are refused when the token is made.
    for doors in [json!([]), json!(["chekc"]), json!("check")] {
        let wish = json!({"name": "x", "connection": "records", "expires_in": 60, "doors": doors});
        assert_eq!(pdp.api(Method::POST, "tokens", &wish).await.status, 400);
    }
    pdp.end().await;
}

#[tokio::test]
async fn a_request_without_a_credential_is_401_and_says_how() {
    let pdp = Pdp::start().await;
    for path in ["evaluation", "evaluations", "search/subject", "search/resource", "search/action"]
    {
        let address = format!("http://{}/access/v1/{path}", pdp.public);
        let request = pdp.http.post(&address).header("X-Request-ID", "mine").json(&json!({}));
        let answer = answered(request).await;
        assert_eq!((answer.status, answer.kind.as_str()), (401, "application/problem+json"));
        assert_eq!(answer.id.as_deref(), Some("mine"), "a refusal is called so too");
        assert!(answer.body["detail"].is_string() && answer.body["request_id"].is_string());
        let wrong = answered(pdp.http.get(&address)).await;
        assert_eq!(wrong.status, 405, "{path}");
    }
    pdp.end().await;
}

#[tokio::test]
async fn a_name_of_a_request_has_bounds() {
    let pdp = Pdp::start().await;
    let token = pdp.token(&DOORS).await;
    let read = question("alice", "read", "record-1");
    for (id, fits) in [
        ("a".to_owned(), true),
        ("x".repeat(128), true),
        ("{\"id\":1}~!".to_owned(), true),
        ("x".repeat(129), false),
        ("a b".to_owned(), false),
        (String::new(), false),
        ("caf\u{e9}".to_owned(), false),
    ] {
        let named = http::HeaderValue::from_bytes(id.as_bytes()).unwrap();
        let request = pdp.post(&token, "evaluation").header("X-Request-ID", named).json(&read);
        let answer = answered(request).await;
        assert_eq!(answer.status, if fits { 200 } else { 400 }, "{id}: {}", answer.body);
        assert_eq!(answer.id.as_deref() == Some(&id), fits, "{id}");
    }
    let twice = pdp.post(&token, "evaluation").header("X-Request-ID", "a");
    let twice = answered(twice.header("X-Request-ID", "b").json(&read)).await;
    assert_eq!(twice.status, 400, "{}", twice.body);
    pdp.end().await;
}

#[tokio::test]
async fn a_name_that_two_have_is_refused_and_both_are_named() {
    let pdp = Pdp::with(&[("world.json", TWINS)]).await;
    let token = pdp.token(&DOORS).await;
    let refused = |body: Value, path: &'static str, ids: [&'static str; 2]| {
        let (pdp, token) = (&pdp, &token);
        async move {
            let answer = pdp.ask(token, path, &body).await;
            assert_eq!(answer.status, 400, "{body}: {}", answer.body);
            let detail = answer.body["detail"].as_str().unwrap();
            assert!(ids.iter().all(|id| detail.contains(id)), "{detail}");
        }
    };
    let kims = ["records/user/1", "records/user/2"];
    let productions = ["records/environment/e", "records/environment/f"];
    refused(about("Kim", "read", "repository", "records/ledger"), "evaluation", kims).await;
    refused(about("Lee", "deploy", "environment", "production"), "evaluation", productions).await;
    let searches = json!({"subject": entity("user", "Kim"), "action": {"name": "read"}, "resource": {"type": "repository"}});
    refused(searches, "search/resource", kims).await;
    let actions =
        json!({"subject": entity("user", "Lee"), "resource": entity("environment", "production")});
    refused(actions, "search/action", productions).await;
    let several = json!({"evaluations": [about("Kim", "read", "repository", "records/ledger"), about("1", "write", "repository", "records/ledger")]});
    let answer = pdp.ask(&token, "evaluations", &several).await;
    assert_eq!(answer.body["evaluations"][0]["context"]["error"]["status"], 400);
    assert_eq!(answer.body["evaluations"][1]["decision"], true, "{}", answer.body);
    assert_eq!(pdp.records().await.len(), 1);
    // Named by their repositories, they are told apart.
    let own = about("1", "deploy", "environment", "records/ledger:production");
    assert!(pdp.decides(&token, &own).await);
    let other = about("1", "deploy", "environment", "records/site:production");
    assert!(!pdp.decides(&token, &other).await);
    pdp.end().await;
}

#[tokio::test]
async fn who_or_what_is_not_there_and_what_nobody_holds_is_a_no_with_its_reason() {
    let pdp = Pdp::with(&[("world.json", TWINS)]).await;
    let token = pdp.token(&DOORS).await;
    let cases = [
        (about("nobody", "read", "repository", "records/ledger"), "knows no `user:nobody`"),
        (
            but(about("1", "read", "repository", "r"), &[("/subject/type", json!("spaceship"))]),
            "knows no `spaceship:1`",
        ),
        (
            about("1", "read", "repository", "records/nothing"),
            "knows no `repository:records/nothing`",
        ),
        (about("1", "read", "starship", "x"), "knows no `starship:x`"),
        (about("1", "fly", "record", "record-1"), "Nobody knows an action `fly` of `record`"),
        (about("1", "fly", "repository", "r"), "Nobody knows an action `fly` of `repository`"),
        (about("1", "delete", "user", "3"), "Nobody knows an action `delete` of `user`"),
        (
            about("2", "write", "repository", "r"),
            "`records/user/2` does not hold level `write` on `records/ledger`",
        ),
        (about("1", "admin", "repository", "r"), "does not hold level `admin`"),
        (
            about("2", "push", "ref", "records/ledger:refs/heads/main"),
            "does not hold level `write`",
        ),
        (about("1", "push", "ref", "records/ledger:main"), "knows no `ref:records/ledger:main`"),
        (about("other/user/1", "read", "repository", "r"), "knows no `user:other/user/1`"),
    ];
    for (asked, words) in cases {
        let answer = pdp.ask(&token, "evaluation", &asked).await;
        assert_eq!((answer.status, &answer.body["decision"]), (200, &json!(false)), "{asked}");
        let reason = answer.body["context"]["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{asked}: {reason}");
        assert_eq!(answer.body["context"]["verdict"], "block");
    }
    for asked in [
        about("1", "write", "repository", "r"),
        about("1", "push", "ref", "records/ledger:refs/heads/main"),
        about("1", "push", "ref", "r:refs/tags/v1"),
        about("1", "deploy", "environment", "e"),
    ] {
        assert!(pdp.decides(&token, &asked).await, "{asked}");
    }
    assert_eq!(pdp.records().await.len(), 16, "a no is recorded as a yes is");
    pdp.end().await;
}

#[tokio::test]
async fn what_a_restriction_or_a_deployment_permission_forbids_for_certain_is_denied() {
    let barred = TWINS
        .replace(
            r#"{"id":"records/user/3""#,
            r#"{"id":"records/restriction/1","name":"push","kind":"push","match":"glob","pattern":"main"},{"id":"records/user/3""#,
        )
        .replace(
            r#""edges":["#,
            r#""edges":[{"from":"records/restriction/1","is":"restricts","to":"records/repository/r"},
            {"from":"records/user/3","is":"exempt","to":"records/restriction/1"},
            {"from":"records/user/3","is":"write","to":"records/repository/r"},"#,
        )
        .replace(
            r#""id":"records/environment/e","#,
            r#""id":"records/environment/e","admin_only":true,"#,
        )
        .replace(r#""slug":"records"}"#, r#""slug":"records","premium":true}"#);
    let pdp = Pdp::with(&[("world.json", &barred)]).await;
    let token = pdp.token(&DOORS).await;
    let push = |who: &str, name: &str| {
        about(who, "push", "ref", &format!("records/ledger:refs/heads/{name}"))
    };
    for (asked, words) in [
        (push("1", "main"), "cannot push on `records/ledger@main`"),
        (about("1", "deploy", "environment", "e"), "cannot deploy on"),
    ] {
        let answer = pdp.ask(&token, "evaluation", &asked).await;
        assert_eq!(answer.body["decision"], false, "{asked}");
        let reason = answer.body["context"]["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{reason}");
    }
    assert!(pdp.decides(&token, &push("3", "main")).await, "the restriction names this one");
    assert!(pdp.decides(&token, &push("1", "feature")).await, "it does not cover that ref");
    pdp.end().await;
}

#[tokio::test]
async fn shadow_and_a_pause_hold_rules_back_and_bring_nobody_into_being() {
    let pdp = Pdp::start().await;
    let token = pdp.token(&DOORS).await;
    let (ruled, nobody) =
        (question("bob", "write", "record-1"), question("nobody", "read", "record-1"));
    assert!(!pdp.decides(&token, &ruled).await);
    let pause = json!({"for": "1h", "reason": "a look at what a pause does"});
    assert!(pdp.api(Method::POST, "pause", &pause).await.status < 300);
    assert!(pdp.decides(&token, &ruled).await, "no rule bites");
    assert!(!pdp.decides(&token, &nobody).await);
    assert!(pdp.api(Method::DELETE, "pause", &Value::Null).await.status < 300);
    let shadow = json!({"rules": "*", "scope": "records", "mode": "shadow"});
    assert!(pdp.api(Method::POST, "modes", &shadow).await.status < 300);
    let answer = pdp.ask(&token, "evaluation", &ruled).await;
    assert_eq!(answer.body["decision"], true);
    let context = &answer.body["context"];
    assert_eq!(
        (&context["verdict"], &context["because"][0]["kind"]),
        (&json!("block"), &json!("shadow"))
    );
    assert!(!pdp.decides(&token, &nobody).await);
    pdp.end().await;
}

#[tokio::test]
async fn a_token_that_keeps_to_some_knows_nothing_beyond_them() {
    let pdp = Pdp::with(&[("world.json", TWINS)]).await;
    let narrow = json!({"doors": DOORS, "repositories": ["records/ledger"], "actions": ["write", "read", "deploy"]});
    let token = pdp.scoped(&narrow).await;
    for (asked, status) in [
        (about("1", "write", "repository", "records/ledger"), 200),
        (about("1", "deploy", "environment", "e"), 200),
        (about("1", "write", "repository", "records/site"), 403),
        (about("1", "deploy", "environment", "f"), 403),
        (about("1", "admin", "repository", "records/ledger"), 403),
        (about("1", "read", "project", "PAY"), 403),
        (about("1", "read", "record", "record-1"), 403),
    ] {
        let answer = pdp.ask(&token, "evaluation", &asked).await;
        assert_eq!(answer.status, status, "{asked}: {}", answer.body);
    }
    let search = json!({"subject": entity("user", "1"), "action": {"name": "write"}, "resource": {"type": "repository"}});
    let found = pdp.ask(&token, "search/resource", &search).await;
    assert_eq!(super::ids(&found), ["r"]);
    let actions = json!({"subject": entity("user", "1"), "resource": entity("repository", "r")});
    let found = pdp.ask(&token, "search/action", &actions).await;
    assert_eq!(super::ids(&found), ["deploy", "read", "write"]);
    let beyond = json!({"subject": {"type": "user"}, "action": {"name": "read"}, "resource": entity("repository", "s")});
    assert_eq!(pdp.ask(&token, "search/subject", &beyond).await.status, 403);
    pdp.end().await;
}

#[tokio::test]
async fn what_is_too_long_or_stands_twice_is_refused_with_words() {
    let pdp = Pdp::start().await;
    let token = pdp.token(&DOORS).await;
    let read = || question("alice", "read", "record-1");
    let long = "x".repeat(1_101);
    for (body, words) in [
        (but(read(), &[("/subject/id", json!(long))]), "1101 characters"),
        (but(read(), &[("/resource/id", json!(""))]), "0 characters"),
        (but(read(), &[("/action/name", json!("Read"))]), "lower-case word"),
        (but(read(), &[("/context", json!({"x": "y".repeat(20_000)}))]), "at most 16384"),
        (but(read(), &[("/context", json!([]))]), "cannot be read"),
        (but(read(), &[("/subject/properties", json!("admin"))]), "cannot be read"),
        (
            but(read(), &[("/resource", json!({"type": "record"}))]),
            "`resource`: missing field `id`",
        ),
        (json!([]), "must be an object"),
        (but(read(), &[("/subject", json!(["user", "alice"]))]), "`subject` must be an object"),
    ] {
        let answer = pdp.ask(&token, "evaluation", &body).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains(words) && detail.len() < 400, "{detail}");
    }
    let twice = read().to_string().replacen('{', "{\"action\":{\"name\":\"write\"},", 1);
    let post = |body: String| {
        pdp.post(&token, "evaluation").header("content-type", "application/json").body(body)
    };
    let answer = answered(post(twice)).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    let deep = format!("{{\"context\":{}1{}}}", "{\"a\":".repeat(200), "}".repeat(200));
    assert_eq!(answered(post(deep)).await.status, 400);
    let large = answered(post(" ".repeat(300 * 1024))).await;
    assert_eq!(large.status, 413, "{}", large.body);
    let query = pdp.post(&token, "evaluation?tenant=1").json(&read());
    assert_eq!(answered(query).await.status, 400);
    assert_eq!(pdp.records().await.len(), 0);
    pdp.end().await;
}

#[tokio::test]
async fn an_action_that_rules_declare_for_one_of_bitbuckets_things_is_theirs_to_decide() {
    let data =
        r#"{"portcullis": {"authzen": {"repository": {"actions": ["tag"]}}}, "records": {}}"#;
    let pdp = Pdp::with(&[("world.json", TWINS), ("policies/data.json", data)]).await;
    let token = pdp.token(&DOORS).await;
    assert!(pdp.decides(&token, &about("2", "tag", "repository", "r")).await);
    assert!(!pdp.decides(&token, &about("2", "tag", "environment", "e")).await, "not of that type");
    let actions = json!({"subject": entity("user", "1"), "resource": entity("repository", "r")});
    let found = super::ids(&pdp.ask(&token, "search/action", &actions).await);
    assert!(found.contains(&"tag".to_owned()) && found.contains(&"write".to_owned()), "{found:?}");
    assert!(!found.contains(&"admin".to_owned()), "{found:?}");
    pdp.end().await;
}

#[tokio::test]
async fn the_name_that_is_a_groups_id_on_data_center_stands_under_a_seal_alone() {
    let world = r#"{"version":1,"connection":{"id":"records","product":"datacenter"},"as_of":"2026-11-30T09:00:00Z","nodes":[
        {"id":"records/workspace/server","name":"server"},{"id":"records/project/3","name":"Payments","key":"PAY"},
        {"id":"records/repository/6","name":"PAY/ledger","slug":"ledger","visibility":"private"},
        {"id":"records/group/secret-society","name":"secret-society"}],
        "edges":[{"from":"records/project/3","is":"in","to":"records/workspace/server"},
        {"from":"records/repository/6","is":"in","to":"records/project/3"}]}"#;
    let toml = include_str!("../../../docs/authzen/portcullis.toml").replace(
        "product = \"cloud\"\nworkspace = \"records\"",
        "product = \"datacenter\"\nbase_url = \"http://127.0.0.1:9\"",
    );
    let pdp = Pdp::with(&[("world.json", world), ("portcullis.toml", &toml)]).await;
    let token = pdp.token(&DOORS).await;
    let asked = json!({"subject": entity("group", "secret-society"), "action": {"name": "write"}, "resource": entity("repository", "PAY/ledger")});
    assert!(!pdp.decides(&token, &asked).await);
    let groups = json!({"subject": {"type": "group"}, "action": {"name": "write"}, "resource": entity("repository", "6")});
    assert_eq!(super::ids(&pdp.ask(&token, "search/subject", &groups).await), [""; 0]);
    let entries = pdp.entries().await;
    let open = |(entry, _): &(portcullis::ledger::Entry, Vec<String>)| {
        format!("{} {}", entry.subject, serde_json::to_string(&entry.body).unwrap())
    };
    assert!(entries.iter().all(|entry| !open(entry).contains("secret-society")));
    let sealed =
        |text: &str| entries.iter().flat_map(|(_, parts)| parts).any(|part| part.contains(text));
    assert!(sealed("secret-society"), "it is there");
    pdp.end().await;
}

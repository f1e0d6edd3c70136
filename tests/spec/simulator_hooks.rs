//! Webhooks by REST, as each product changes them: Cloud keeps a secret that is not named, Data Center drops it; neither
//! lets anybody subscribe to what they may not read.

use portcullis::simulator::Simulator;
use portcullis::simulator::cloud::CloudCredential;
use portcullis::simulator::cloud::CredentialKind;
use portcullis::simulator::datacenter::DcHolder;
use portcullis::simulator::datacenter::GlobalLevel;
use portcullis::simulator::git::Change;
use reqwest::Method;
use serde_json::Value;
use serde_json::json;

use crate::spec::receiver::Receiver;
use crate::spec::simulator::story;

const HOOK: &str = "https://gate.example.com/hooks/1";

async fn ask(method: Method, url: &str, token: &str, body: &Value) -> (u16, Value) {
    let request = reqwest::Client::new().request(method, url).bearer_auth(token);
    let request = if body.is_null() { request } else { request.json(body) };
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
}

#[tokio::test]
async fn cloud_keeps_a_secret_that_is_not_named_and_drops_one_that_is_null() {
    let story = story(|_| {}).await;
    let hooks = format!("{}/workspaces/acme/hooks", story.simulator.cloud_api());
    let body = |more: Value| {
        let mut body = json!({"url": HOOK, "description": "Portcullis", "active": true, "events": ["repo:push"]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let (status, made) =
        ask(Method::POST, &hooks, &story.admin, &body(json!({"secret": "one"}))).await;
    assert_eq!((status, &made["secret_set"]), (201, &json!(true)), "{made}");
    let one = format!(
        "{hooks}/{}",
        made["uuid"].as_str().unwrap().replace('{', "%7B").replace('}', "%7D")
    );
    let secret =
        || story.simulator.company(|company| company.workspaces[0].hooks[0].secret.clone());
    for (more, then) in [
        (json!({"active": false}), Some("one")),
        (json!({"secret": "two"}), Some("two")),
        (json!({"secret": null}), None),
    ] {
        let (status, told) = ask(Method::PUT, &one, &story.admin, &body(more)).await;
        assert_eq!(status, 200, "{told}");
        assert_eq!(told["uuid"], made["uuid"], "it is the same one");
        assert_eq!(secret().as_deref(), then);
    }
    let (status, _) = ask(Method::PUT, &one, &story.reader, &body(json!({}))).await;
    assert_eq!(status, 403, "a member does not administer the workspace");
    assert_eq!(ask(Method::DELETE, &one, &story.admin, &Value::Null).await.0, 204);
    assert_eq!(ask(Method::PUT, &one, &story.admin, &body(json!({}))).await.0, 404);
}

#[tokio::test]
async fn cloud_names_the_scope_that_an_event_takes_and_granular_ones_do_not_imply_each_other() {
    let story = story(|_| {}).await;
    let hooks = format!("{}/workspaces/acme/hooks", story.simulator.cloud_api());
    let issue = |scopes: &[&str], kind| {
        let owner = story.ada;
        story.simulator.company(|company| company.issue(CloudCredential::new(owner, kind, scopes)))
    };
    let body = |event: &str| json!({"url": HOOK, "events": [event], "secret": "s"});
    for (scopes, event, lacks) in [
        (&["webhook"][..], "repo:push", "repository"),
        (&["webhook", "repository"], "pullrequest:created", "pullrequest"),
        (&["webhook", "repository"], "pipeline:span_created", "pipeline"),
        (&["repository"], "repo:push", "webhook"),
    ] {
        let token = issue(scopes, CredentialKind::OAuth);
        let (status, told) = ask(Method::POST, &hooks, &token, &body(event)).await;
        assert_eq!(status, 403, "{event}: {told}");
        assert_eq!(told["error"]["detail"]["required"], json!([lacks]), "{event}");
    }
    let token = issue(&["webhook", "pullrequest"], CredentialKind::OAuth);
    for event in ["repo:push", "pullrequest:created"] {
        assert_eq!(ask(Method::POST, &hooks, &token, &body(event)).await.0, 201, "{event}");
    }
    let email = story.simulator.company(|company| company.workspaces[0].people[0].email.clone());
    let id = story.simulator.company(|company| company.workspaces[0].hooks[0].uuid);
    let token =
        issue(&["read:webhook:bitbucket", "write:webhook:bitbucket"], CredentialKind::ApiToken);
    let delete = reqwest::Client::new()
        .delete(format!("{hooks}/%7B{id}%7D"))
        .basic_auth(email, Some(token))
        .send()
        .await
        .unwrap();
    assert_eq!(delete.status(), 403);
    let told: Value = delete.json().await.unwrap();
    assert_eq!(told["error"]["detail"]["required"], json!(["delete:webhook:bitbucket"]));
}

#[tokio::test]
async fn data_center_puts_all_of_a_hook_and_remembers_its_last_delivery() {
    let receiver = Receiver::answering(&[200, 500]).await;
    let mut company = portcullis::simulator::company::Company::new();
    let dc = &mut company.datacenter;
    dc.add_user("ada", "Ada");
    dc.grant_global(DcHolder::User("ada".to_owned()), GlobalLevel::Admin);
    dc.add_project("ONE", "One", None);
    dc.add_repository("ONE", "api");
    let password = dc.password("ada");
    let simulator = Simulator::start(company).await.unwrap();
    let hooks = format!("{}/rest/api/latest/projects/ONE/webhooks", simulator.datacenter_url());
    let ask = async |method: Method, url: &str, body: &Value| {
        let request =
            reqwest::Client::new().request(method, url).basic_auth("ada", Some(&password));
        let request = if body.is_null() { request } else { request.json(body) };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap_or(Value::Null))
    };
    let body = json!({"name": "gate", "url": receiver.url, "events": ["repo:refs_changed"], "configuration": {"secret": "s"}});
    let (status, made) = ask(Method::POST, &hooks, &body).await;
    assert_eq!(status, 201, "{made}");
    let one = format!("{hooks}/{}", made["id"]);
    assert_eq!(ask(Method::GET, &format!("{one}/latest"), &Value::Null).await.0, 204);
    for (branch, outcome) in [("feature/one", "SUCCESS"), ("feature/two", "FAILURE")] {
        let push = Change::new_branch(branch, "main", 1);
        simulator.datacenter().push("ONE/api", "ada", &[push]).await.unwrap();
        simulator.settled().await;
        let (_, last) = ask(Method::GET, &format!("{one}/latest"), &Value::Null).await;
        assert_eq!(last["result"]["outcome"], outcome, "{last}");
    }
    let less = json!({"name": "gate", "url": receiver.url, "events": ["repo:refs_changed"]});
    let (status, told) = ask(Method::PUT, &one, &less).await;
    assert_eq!((status, &told["id"]), (200, &made["id"]), "{told}");
    assert!(told["configuration"]["secret"].is_null(), "what is left out is gone");
    let unknown = json!({"name": "gate", "url": receiver.url, "events": ["pr:to_ref_updated"]});
    let (status, told) = ask(Method::PUT, &one, &unknown).await;
    assert_eq!(status, 400);
    assert!(told["errors"][0]["message"].as_str().unwrap().contains("pr:to_ref_updated"), "{told}");
}

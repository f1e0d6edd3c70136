//! Cloud's webhooks: bodies as documented, signed over the raw bytes, tried again only when Cloud would.

use portcullis::simulator::cloud_acts::OpenPull;
use portcullis::simulator::cloud_acts::PullAct;
use portcullis::simulator::delivery::Outcome;
use portcullis::simulator::git::Change;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::spec::receiver::Got;
use crate::spec::receiver::Receiver;
use crate::spec::receiver::hmac_hex;
use crate::spec::simulator::story;

const PUSH: &[&str] = &["repo:push"];

#[tokio::test]
async fn signatures_verify_over_the_raw_bytes_and_only_with_the_secret() {
    let receiver = Receiver::answering(&[202]).await;
    let story = story(|company| {
        let acme = &mut company.workspaces[0];
        acme.hook(Some("billing"), &receiver.url, Some("It's a secret"), PUSH);
        acme.hook(Some("billing"), &receiver.url, None, PUSH);
    })
    .await;
    let done = story
        .simulator
        .cloud()
        .push("acme/billing", story.bob, &[Change::commits("main", 1)])
        .await
        .unwrap();
    assert_eq!(done.deliveries.len(), 2);
    let got = receiver.got();
    let (signed, unsigned): (Vec<_>, Vec<_>) =
        got.iter().partition(|one| one.header("x-hub-signature").is_some());
    assert_eq!(unsigned.len(), 1);
    let signature = signed[0].header("x-hub-signature").unwrap();
    assert_eq!(signature, hmac_hex("It's a secret", &signed[0].body));
    assert_ne!(signature, hmac_hex("another", &signed[0].body));
    assert_eq!(signed[0].header("x-attempt-number"), Some("1"));
    assert_eq!(signed[0].header("content-type"), Some("application/json"));
    assert_eq!(signed[0].header("user-agent"), Some("Bitbucket-Webhooks/2.0"));
    assert!(Uuid::try_parse(signed[0].header("x-request-uuid").unwrap()).is_ok());
}

#[tokio::test]
async fn cloud_tries_again_after_5xx_twice_and_after_nothing_else() {
    let cases: [(&[u16], usize, Outcome); 4] = [
        (&[503, 500, 202], 3, Outcome::Delivered),
        (&[503], 3, Outcome::Refused),
        (&[404], 1, Outcome::Refused),
        (&[0], 1, Outcome::TimedOut),
    ];
    for (statuses, attempts, outcome) in cases {
        let receiver = Receiver::answering(statuses).await;
        let story = story(|company| {
            company.workspaces[0].hook(None, &receiver.url, Some("s"), PUSH);
        })
        .await;
        if outcome == Outcome::TimedOut {
            story.simulator.set_patience(std::time::Duration::from_millis(300));
        }
        let change = [Change::commits("main", 1)];
        let done = story.simulator.cloud().push("acme/billing", story.bob, &change).await.unwrap();
        assert_eq!(
            (done.deliveries[0].attempts.len(), done.deliveries[0].outcome),
            (attempts, outcome)
        );
        let numbers: Vec<_> = receiver
            .got()
            .iter()
            .map(|one| one.header("x-attempt-number").unwrap().to_owned())
            .collect();
        assert_eq!(numbers, (1..=attempts).map(|number| number.to_string()).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_body_over_256_kb_is_not_delivered() {
    let receiver = Receiver::answering(&[202]).await;
    let story = story(|company| {
        company.workspaces[0].hook(None, &receiver.url, Some("s"), PUSH);
    })
    .await;
    let many: Vec<Change> =
        (0..120).map(|n| Change::new_branch(&format!("b{n}"), "main", 5)).collect();
    let done = story.simulator.cloud().push("acme/billing", story.bob, &many).await.unwrap();
    assert_eq!(done.deliveries[0].outcome, Outcome::TooLarge);
    assert!(receiver.got().is_empty());
}

#[tokio::test]
async fn push_bodies_follow_the_table_of_situations() {
    let receiver = Receiver::answering(&[202]).await;
    let story = story(|company| {
        company.workspaces[0].hook(None, &receiver.url, Some("s"), PUSH);
    })
    .await;
    let cloud = story.simulator.cloud();
    let pushes = [
        vec![Change::new_branch("x", "main", 7), Change::new_tag("v1", "main")],
        vec![Change::commits("x", 2)],
        vec![Change::rewrite("x", 2, 1)],
        vec![Change::delete_branch("x"), Change::delete_tag("v1")],
    ];
    for push in &pushes {
        cloud.push("acme/billing", story.bob, push).await.unwrap();
    }
    let bodies: Vec<Value> = receiver.got().iter().map(Got::json).collect();
    let seen = |at: usize, change: usize| {
        let one = &bodies[at]["push"]["changes"][change];
        let count = one["commits"].as_array().map(Vec::len);
        let flag = |name: &str| one[name].as_bool().unwrap();
        (
            one["old"].is_null(),
            one["new"].is_null(),
            flag("created"),
            flag("closed"),
            flag("forced"),
            flag("truncated"),
            count,
        )
    };
    assert_eq!(seen(0, 0), (true, false, true, false, false, true, Some(5)));
    assert_eq!(seen(0, 1), (true, false, true, false, false, false, Some(0)));
    assert_eq!(seen(1, 0), (false, false, false, false, false, false, Some(2)));
    assert_eq!(seen(2, 0), (false, false, false, false, true, false, Some(1)));
    assert_eq!(seen(3, 0), (false, true, false, true, false, false, None));
    assert_eq!(bodies[3]["push"]["changes"][1]["old"]["type"], json!("tag"));
    assert_eq!(
        bodies[0]["push"]["changes"][0]["new"]["target"]["hash"].as_str().unwrap().len(),
        40
    );
}

#[tokio::test]
async fn pull_requests_carry_twelve_digits_and_end_once() {
    let receiver = Receiver::answering(&[202]).await;
    let keys = [
        "pullrequest:created",
        "pullrequest:updated",
        "pullrequest:approved",
        "pullrequest:fulfilled",
        "repo:push",
    ];
    let story = story(|company| {
        company.workspaces[0].hook(None, &receiver.url, Some("s"), &keys);
    })
    .await;
    let cloud = story.simulator.cloud();
    cloud.push("acme/billing", story.bob, &[Change::new_branch("x", "main", 1)]).await.unwrap();
    let pull = cloud
        .open_pull("acme/billing", story.bob, OpenPull::new("Fix", "x", "main"))
        .await
        .unwrap()
        .value;
    cloud.push("acme/billing", story.bob, &[Change::commits("x", 1)]).await.unwrap();
    let own = cloud.pull("acme/billing", pull, story.bob, PullAct::Approve).await;
    assert!(own.is_err(), "nobody approves their own");
    cloud.pull("acme/billing", pull, story.ada, PullAct::Approve).await.unwrap();
    cloud.pull("acme/billing", pull, story.ada, PullAct::Merge).await.unwrap();
    assert!(cloud.pull("acme/billing", pull, story.ada, PullAct::Decline).await.is_err());
    let mut events: Vec<String> =
        receiver.got().iter().map(|one| one.header("x-event-key").unwrap().to_owned()).collect();
    events.sort();
    let expected = [
        "pullrequest:approved",
        "pullrequest:created",
        "pullrequest:fulfilled",
        "pullrequest:updated",
        "repo:push",
        "repo:push",
        "repo:push",
    ];
    assert_eq!(events, expected);
    let merged = receiver
        .got()
        .iter()
        .find(|one| one.header("x-event-key") == Some("pullrequest:fulfilled"))
        .unwrap()
        .json();
    let pull = &merged["pullrequest"];
    assert_eq!(pull["state"], json!("MERGED"));
    assert_eq!(pull["merge_commit"]["hash"].as_str().unwrap().len(), 12);
    assert_eq!(pull["source"]["commit"]["hash"].as_str().unwrap().len(), 12);
    assert_eq!(pull["participants"][0]["state"], json!("approved"));
}

#[tokio::test]
async fn a_pull_request_from_a_fork_outlives_the_fork() {
    let receiver = Receiver::answering(&[202]).await;
    let keys = ["repo:fork", "repo:deleted", "pullrequest:created", "pullrequest:comment_created"];
    let story = story(|company| {
        let outside = company.workspace("outside", "Outside");
        outside.project("OUT", "Out", true);
        outside.member("owner", "Owner", portcullis::simulator::cloud::Role::Owner);
        company.workspaces[0].hook(None, &receiver.url, Some("s"), &keys);
    })
    .await;
    let cloud = story.simulator.cloud();
    let owner = story.simulator.company(|company| company.workspaces[1].people[0].uuid);
    cloud.fork("acme/billing", story.bob, ("outside", "billing")).await.unwrap();
    cloud.push("outside/billing", owner, &[Change::new_branch("x", "main", 1)]).await.unwrap();
    let order = OpenPull { fork: Some("outside/billing"), ..OpenPull::new("Fix", "x", "main") };
    let id = cloud.open_pull("acme/billing", story.bob, order).await.unwrap().value;
    let body = |key: &str| {
        let got = receiver.got();
        got.iter().find(|one| one.header("x-event-key") == Some(key)).unwrap().json()
    };
    assert_eq!(body("repo:fork")["fork"]["full_name"], json!("outside/billing"));
    let pull = body("pullrequest:created")["pullrequest"].clone();
    assert_eq!(pull["source"]["repository"]["full_name"], json!("outside/billing"));
    assert_eq!(pull["destination"]["repository"]["full_name"], json!("acme/billing"));
    cloud.delete_repository("outside/billing", owner).await.unwrap();
    cloud.pull("acme/billing", id, story.ada, PullAct::Comment("Gone?".to_owned())).await.unwrap();
    let pull = body("pullrequest:comment_created")["pullrequest"].clone();
    assert!(pull["source"]["repository"].is_null() && pull["source"]["commit"].is_null());
    assert_eq!(pull["source"]["branch"]["name"], json!("x"));
}

#[tokio::test]
async fn repositories_are_made_changed_and_deleted_and_visibility_is_not_told() {
    let receiver = Receiver::answering(&[202]).await;
    let keys = ["repo:created", "repo:updated", "repo:deleted"];
    let story = story(|company| {
        company.workspaces[0].hook(None, &receiver.url, Some("s"), &keys);
    })
    .await;
    let cloud = story.simulator.cloud();
    assert!(cloud.create_repository("acme/new", story.bob, "PAY").await.is_err());
    cloud.create_repository("acme/new", story.ada, "PAY").await.unwrap();
    assert!(cloud.create_repository("acme/new", story.ada, "PAY").await.is_err());
    cloud.update_repository("acme/new", story.ada, "Public now", false).await.unwrap();
    cloud.delete_repository("acme/new", story.ada).await.unwrap();
    let got = receiver.got();
    let events: Vec<_> =
        got.iter().map(|one| one.header("x-event-key").unwrap().to_owned()).collect();
    assert_eq!(events, keys);
    let changes = &got[1].json()["changes"];
    assert_eq!(changes["description"]["new"], json!("Public now"));
    assert!(changes.get("is_private").is_none());
    assert_eq!(got[1].json()["repository"]["is_private"], json!(false));
}

#[tokio::test]
async fn a_delivery_sent_again_has_the_same_bytes_and_another_id() {
    let receiver = Receiver::answering(&[202]).await;
    let story = story(|company| {
        company.workspaces[0].hook(None, &receiver.url, Some("s"), PUSH);
    })
    .await;
    let change = [Change::commits("main", 1)];
    let done = story.simulator.cloud().push("acme/billing", story.bob, &change).await.unwrap();
    story.simulator.resend(&done.deliveries[0]).await.unwrap();
    let got = receiver.got();
    assert_eq!(got[0].body, got[1].body);
    assert_ne!(got[0].header("x-request-uuid"), got[1].header("x-request-uuid"));
}

#[tokio::test]
async fn any_bytes_can_be_sent_through_a_hook_and_are_signed_as_they_are() {
    let receiver = Receiver::answering(&[202]).await;
    let mut hook = Uuid::nil();
    let story = story(|company| {
        hook = company.workspaces[0].hook(None, &receiver.url, Some("s"), PUSH);
    })
    .await;
    let sent = story.simulator.send_through(&format!("{{{hook}}}"), "issue:new", b"not json").await;
    assert_eq!(sent.unwrap().outcome, Outcome::Delivered);
    let got = receiver.got();
    assert_eq!(got[0].header("x-event-key"), Some("issue:new"));
    assert_eq!(got[0].header("x-hub-signature").unwrap(), hmac_hex("s", b"not json"));
    assert!(story.simulator.send_through("{none}", "x", b"").await.is_none());
}

//! A gateway in this process, with receivers on loopback and time that passes at once: what is told, how often, and how it
//! is tried again.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis::decision::pause::By;
use portcullis::gateway::courier::BURST;
use portcullis::gateway::meters::Alarm;
use portcullis::ledger::Entry;
use portcullis::ledger::Kind;
use reqwest::Method;
use serde_json::Value;
use serde_json::json;

use super::contacts;
use super::decisions;
use super::is_believed;
use super::kind;
use super::secret;
use crate::spec::doors::house::House;
use crate::spec::doors::house::json_of;
use crate::spec::doors::house::problem;
use crate::spec::receiver::Got;
use crate::spec::receiver::Receiver;
use crate::spec::rig::until;

/// A gateway whose Cloud connection has this security contact.
async fn house(receiver: &Receiver) -> House {
    House::telling(contacts(&[("acme", "security", receiver)])).await
}

/// Asks for a deployment as somebody new: a ticket, which is a cause of its own. Its decision.
async fn ticket(house: &House) -> String {
    let answer = house.check(&house.token().await, "deploy").await;
    answer["decision"].as_str().unwrap().to_owned()
}

/// Is blocked as somebody new: the same cause each time. Its decision.
async fn blocked(house: &House) -> String {
    let answer = house.check(&house.token().await, "publish").await;
    answer["decision"].as_str().unwrap().to_owned()
}

/// What was taken, once there is so much of it.
async fn taken(receiver: &Receiver, wanted: impl Fn(&[Got]) -> bool) -> Vec<Got> {
    until("a message", async || {
        let got: Vec<Got> = receiver.got().into_iter().filter(|got| got.status == 200).collect();
        wanted(&got).then_some(got)
    })
    .await
}

fn told(got: &[Got]) -> Vec<String> {
    got.iter().flat_map(decisions).collect()
}

async fn story(house: &House, decision: &str) -> Value {
    json_of(house.api(Method::GET, &format!("decisions/{decision}")).send().await.unwrap()).await
}

/// Entries that tell how messages ended.
async fn outbound(house: &House) -> Vec<Entry> {
    let entries = house.entries(0).await;
    entries.into_iter().filter(|entry| entry.kind == Kind::Outbound).collect()
}

#[tokio::test]
async fn a_block_is_told_once_with_what_its_public_page_shows_and_no_more() {
    let receiver = Receiver::answering(&[200]).await;
    let house = house(&receiver).await;
    let first = blocked(&house).await;
    let got = taken(&receiver, |got| !got.is_empty()).await;
    let again = blocked(&house).await;
    // A ticket comes after it: whatever had to be told before is told by then.
    let last = ticket(&house).await;
    let got = [got, taken(&receiver, |got| told(got).contains(&last)).await[1..].to_vec()].concat();
    assert_eq!(told(&got), [first.clone(), last.clone()], "the second block has the same cause");

    let (body, message) = (got[0].json(), &got[0]);
    assert!(is_believed(message, &secret(1)) && !is_believed(message, &secret(2)));
    assert_eq!(message.header("content-type"), Some("application/json"));
    let data = &body["data"];
    let link = format!("http://{}/d/{first}", house.public);
    assert_eq!((kind(message).as_str(), &data["link"]), ("decision.block", &json!(link)));
    assert_eq!(data["reason"], "To publish is judged here.");
    assert_eq!((&data["project"], &data["severity"]), (&json!("BILL"), &json!("high")));
    assert_eq!(data["rules"][0]["title"], "What publish needs");
    let page = house.client.get(&link).header("accept", "application/json").send().await.unwrap();
    let page = page.text().await.unwrap();
    for shown in [&data["reason"], &data["rules"][0]["title"], &data["verdict"]] {
        assert!(page.contains(shown.as_str().unwrap()), "{shown} is not on the page: {page}");
    }
    let text = String::from_utf8(message.body.to_vec()).unwrap();
    for hidden in ["billing-canary", "claimed", "Mia", "Jo", "release-managers"] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
    let ticket_link = got[1].json()["data"]["link"].as_str().unwrap().to_owned();
    assert!(ticket_link.contains("/t/"), "{ticket_link}");

    let heard = story(&house, &first).await;
    assert_eq!(heard["notices"][0]["channel"], "security");
    assert_eq!(heard["notices"][0]["told"], true);
    assert!(heard["text"].as_str().unwrap().contains("security: told at "), "{}", heard["text"]);
    let held = story(&house, &again).await;
    assert_eq!(
        (&held["notices"][0]["tell"], &held["notices"][0]["told"]),
        (&json!("held"), &json!(false))
    );
    assert!(held["text"].as_str().unwrap().contains("the same cause was told before"));
    let entries = outbound(&house).await;
    assert_eq!(entries[0].body["about"], json!([first]));
    assert_eq!(entries[0].body["outcome"], "told");
    house.close().await;
}

#[tokio::test]
async fn a_receiver_that_is_down_for_a_day_misses_nothing_and_gets_nothing_twice() {
    let receiver = Receiver::answering(&[503]).await;
    let house = house(&receiver).await;
    let mut wanted = BTreeSet::new();
    for quarter in 0..4 {
        for _ in 0..3 {
            wanted.insert(ticket(&house).await);
        }
        let tried = receiver.got().len();
        house.gateway.clock.advance(Duration::from_hours(6));
        until("another try", async || (receiver.got().len() > tried).then_some(())).await;
        assert!(receiver.got().iter().all(|got| got.status == 503), "{quarter}");
    }
    let ids = |got: &[Got]| -> BTreeSet<String> {
        got.iter().map(|got| got.header("webhook-id").unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&receiver.got()).len(), 1, "one message is tried, the others wait for it");
    let failing = story(&house, wanted.first().unwrap()).await;
    let failing = failing["text"].as_str().unwrap().to_owned();
    assert!(
        failing.contains("security: not told yet after ") && failing.contains("503"),
        "{failing}"
    );
    receiver.answer(200);
    house.gateway.clock.advance(Duration::from_hours(1));
    let got = taken(&receiver, |got| told(got).len() >= wanted.len()).await;
    assert_eq!(told(&got).into_iter().collect::<BTreeSet<_>>(), wanted, "nothing is lost");
    assert_eq!(told(&got).len(), wanted.len(), "nothing is told twice");
    assert_eq!(ids(&got).len(), got.len(), "no message was taken twice");
    assert!(got.len() < wanted.len(), "what waited went together: {}", got.len());
    // Its first message was tried again and again: the same bytes, the same id, another time, each believed.
    let first = ids(&got[..1]).pop_first().unwrap();
    let tries: Vec<Got> =
        receiver.got().into_iter().filter(|got| got.header("webhook-id") == Some(&first)).collect();
    assert!(tries.len() >= 5 && tries.iter().all(|one| one.body == tries[0].body));
    house.close().await;
}

#[tokio::test]
async fn what_is_never_taken_is_given_up_with_an_alarm_and_an_entry() {
    let receiver = Receiver::answering(&[500]).await;
    let house = house(&receiver).await;
    let decision = ticket(&house).await;
    until("a try", async || (!receiver.got().is_empty()).then_some(())).await;
    house.gateway.clock.advance(Duration::from_hours(73));
    let given_up = until("an entry", async || outbound(&house).await.pop()).await;
    assert_eq!(given_up.body["outcome"], "given-up");
    assert_eq!(given_up.body["about"], json!([decision]));
    let told = story(&house, &decision).await;
    let text = told["text"].as_str().unwrap();
    assert!(text.contains("security: could not be told, given up at "), "{text}");
    assert!(text.contains("the receiver answered 500"), "{text}");
    let page = house.stranger(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("portcullis_alarms_total{reason=\"notice_given_up\"} 1"), "{page}");
    assert!(page.contains("portcullis_notices_total{outcome=\"given_up\"} 1"));
    house.close().await;
}

#[tokio::test]
async fn many_at_once_are_a_few_by_themselves_and_one_that_counts() {
    let receiver = Receiver::answering(&[503]).await;
    let house = house(&receiver).await;
    let mut wanted = BTreeSet::from([ticket(&house).await]);
    until("a try", async || (!receiver.got().is_empty()).then_some(())).await;
    for _ in 0..BURST * 3 {
        wanted.insert(ticket(&house).await);
    }
    // While the first waits for its next try, the others gather.
    receiver.answer(200);
    house.gateway.clock.advance(Duration::from_secs(10));
    let got = taken(&receiver, |got| told(got).len() >= wanted.len()).await;
    assert_eq!(told(&got).into_iter().collect::<BTreeSet<_>>(), wanted);
    assert_eq!(told(&got).len(), wanted.len());
    let many: Vec<&Got> = got.iter().filter(|got| kind(got) == "decisions.many").collect();
    assert_eq!(many.len(), 1, "{:?}", got.iter().map(kind).collect::<Vec<_>>());
    let data = many[0].json()["data"].clone();
    let count = data["count"].as_u64().unwrap();
    assert_eq!(usize::try_from(count).unwrap(), decisions(many[0]).len());
    assert!(
        data["text"].as_str().unwrap().contains(&format!("{count} decisions at once")),
        "{data}"
    );
    assert!(got.len() <= BURST + 1, "{} messages", got.len());
    house.close().await;
}

#[tokio::test]
async fn the_rest_comes_once_a_day_as_one_digest_that_counts() {
    let receiver = Receiver::answering(&[200]).await;
    let house = house(&receiver).await;
    let first = blocked(&house).await;
    taken(&receiver, |got| told(got) == [first.clone()]).await;
    for _ in 0..4 {
        blocked(&house).await;
    }
    house.gateway.clock.advance(Duration::from_hours(25));
    let got = taken(&receiver, |got| got.iter().any(|got| kind(got) == "digest")).await;
    let digest = got.iter().find(|got| kind(got) == "digest").unwrap().json()["data"].clone();
    assert_eq!((&digest["count"], &digest["causes"]), (&json!(4), &json!(1)), "{digest}");
    assert_eq!((&digest["items"][0]["times"], &digest["left_out"]), (&json!(4), &json!(0)));
    // A day later the cause is new again, and rings; the digest of a day without anything is not sent.
    house.gateway.clock.advance(Duration::from_hours(24));
    let later = blocked(&house).await;
    let got = taken(&receiver, |got| told(got).contains(&later)).await;
    assert_eq!(got.iter().filter(|got| kind(got) == "digest").count(), 1);
    house.close().await;
}

#[tokio::test]
async fn the_gates_own_troubles_and_its_pauses_are_told_too() {
    let receiver = Receiver::answering(&[200]).await;
    let house = house(&receiver).await;
    let of = |got: &[Got], wanted: &str, member: &str| -> Vec<String> {
        let texts = got.iter().filter(|got| kind(got) == wanted);
        texts.map(|got| got.json()["data"][member].as_str().unwrap().to_owned()).collect()
    };
    house.gateway.meters.alarm(Alarm::HookSilent);
    let got = taken(&receiver, |got| !got.is_empty()).await;
    assert_eq!(of(&got, "gate.alarm", "alarm"), ["hook_silent"]);
    assert!(got[0].json()["data"]["text"].as_str().unwrap().contains("webhook"));
    // Raised again within the hour it is counted; an hour later it rings again.
    house.gateway.meters.alarm(Alarm::HookSilent);
    let by = By::Person("mia".to_owned());
    house.gateway.pause(Duration::from_hours(2), "Mia's canary reason", by.clone()).await.unwrap();
    house.gateway.clock.advance(Duration::from_mins(61));
    taken(&receiver, |got| of(got, "gate.pause", "step").len() >= 2).await;
    house.gateway.resume("enough", &by).await.unwrap();
    house.gateway.meters.alarm(Alarm::HookSilent);
    let got = taken(&receiver, |got| {
        of(got, "gate.pause", "step").len() >= 3 && of(got, "gate.alarm", "alarm").len() >= 2
    })
    .await;
    assert_eq!(of(&got, "gate.pause", "step"), ["started", "half-time", "resumed"]);
    assert_eq!(of(&got, "gate.alarm", "alarm"), ["hook_silent", "hook_silent"]);
    for got in &got {
        let text = String::from_utf8(got.body.to_vec()).unwrap();
        assert!(!text.contains("canary") && !text.contains("mia"), "{text}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_test_says_whether_it_arrived_and_what_waited_is_tried_at_once() {
    let receiver = Receiver::answering(&[503]).await;
    let house = house(&receiver).await;
    let decision = ticket(&house).await;
    until("a try", async || (!receiver.got().is_empty()).then_some(())).await;
    let test = |name: &str| house.api(Method::POST, &format!("channels/{name}/test")).send();
    let (status, told_why) = problem(test("security").await.unwrap()).await;
    assert_eq!(status, 502);
    assert!(
        told_why["detail"].as_str().unwrap().contains("the receiver answered 503"),
        "{told_why}"
    );
    assert_eq!(problem(test("nobody").await.unwrap()).await.0, 404);
    let list = json_of(house.api(Method::GET, "channels").send().await.unwrap()).await;
    let row = &list["channels"][0];
    assert_eq!((&row["id"], &row["host"]), (&json!("security"), &json!("http://127.0.0.1")));
    assert!(row["why"].as_str().unwrap().contains("503"), "{row}");
    receiver.answer(200);
    let answer = test("security").await.unwrap();
    assert_eq!(answer.status(), 200);
    // Without waiting for the time of its next try.
    let got = taken(&receiver, |got| told(got).contains(&decision)).await;
    assert_eq!(kind(&got[0]), "gate.test");
    let outcomes: Vec<Value> =
        outbound(&house).await.iter().map(|entry| entry.body["outcome"].clone()).collect();
    assert_eq!(outcomes[..2], [json!("failed"), json!("told")]);
    house.close().await;
}

#[tokio::test]
async fn a_restart_forgets_neither_what_waits_nor_what_was_told() {
    let receiver = Receiver::answering(&[503]).await;
    let settings = contacts(&[("acme", "security", &receiver)]);
    let house = House::telling(settings.clone()).await;
    let first = blocked(&house).await;
    until("a try", async || (!receiver.got().is_empty()).then_some(())).await;
    let folder = house.close().await;
    receiver.answer(200);
    let house = House::telling_in(folder, settings).await;
    house.gateway.clock.advance(Duration::from_mins(1));
    let got = taken(&receiver, |got| !got.is_empty()).await;
    assert_eq!(told(&got), std::slice::from_ref(&first));
    let ids: BTreeSet<_> =
        receiver.got().iter().map(|got| got.header("webhook-id").unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 1, "the same message, the same id");
    blocked(&house).await;
    let last = ticket(&house).await;
    let got = taken(&receiver, |got| told(got).contains(&last)).await;
    assert_eq!(told(&got), [first, last], "the cause is remembered");
    house.close().await;
}

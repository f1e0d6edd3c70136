//! The real program: a planted Alert reaches its owner, an ownerless one the security contact, and no kill loses what has
//! to be told.

use std::collections::BTreeSet;
use std::path::Path;

use portcullis::simulator::git::Change;
use serde_json::json;

use super::decisions;
use super::is_believed;
use super::kind;
use super::secret;
use crate::spec::receiver::Got;
use crate::spec::receiver::Receiver;
use crate::spec::rig::BILLING;
use crate::spec::rig::Gate;
use crate::spec::rig::LEDGER;
use crate::spec::rig::Shape;
use crate::spec::rig::run;
use crate::spec::rig::until;

/// Somebody should know of each new branch.
const RULE: &str = r#"# METADATA
# title: New branches are looked at
# description: A rule for tests.
# custom:
#   on: [branch.created, push]
#   reads: [resource.ref.name]
#   severity: medium
package portcullis.rules.watch.branches

finding contains {
	"verdict": "alert",
	"reason": "A branch was made or moved. It is looked at later.",
	"proof": ["resource.ref.name"],
} if startswith(input.resource.ref.name, "refs/heads/")
"#;

fn rules(folder: &Path) -> std::path::PathBuf {
    let rules = folder.join("rules");
    std::fs::create_dir_all(rules.join("watch")).unwrap();
    std::fs::write(rules.join("watch/branches.rego"), RULE).unwrap();
    rules
}

/// A gate that tells the owner of Cloud's project and, for everything else, the security contact.
pub(crate) fn shape(folder: &Path, owner: &Receiver, security: &Receiver) -> Shape {
    let more = format!(
        r#"
[[channel]]
id = "payments"
url = "{}"
secrets = [{{ file = "FOLDER/payments.whsec" }}]
allow = ["127.0.0.1"]
[[channel]]
id = "security"
url = "{}"
secrets = [{{ file = "FOLDER/security.whsec" }}, {{ file = "FOLDER/next.whsec" }}]
allow = ["127.0.0.1"]
[[owner]]
project = "BILL"
channel = "payments"
[[route]]
about = ["alert", "approve", "block", "alarm", "pause"]
to = ["owner"]
"#,
        owner.url, security.url
    );
    Shape {
        policies: Some(rules(folder)),
        silent: true,
        contact: Some("security"),
        more,
        files: vec![
            ("payments.whsec", secret(3)),
            ("security.whsec", secret(4)),
            ("next.whsec", secret(5)),
        ],
        ..Shape::default()
    }
}

async fn branch(gate: &Gate, name: &str) {
    let change = Change::new_branch(&format!("feature/{name}"), "main", 1);
    let ravi = gate.town.cast.ravi;
    gate.town.simulator.cloud().push(BILLING, ravi, &[change]).await.unwrap();
}

async fn commit(gate: &Gate, name: &str) {
    let change = Change::commits(&format!("feature/{name}"), 1);
    let ravi = gate.town.cast.ravi;
    gate.town.simulator.cloud().push(BILLING, ravi, &[change]).await.unwrap();
}

/// What it took about decisions: what is wrong in the company is told beside them.
fn heard(receiver: &Receiver) -> Vec<Got> {
    let all = receiver.got().into_iter();
    all.filter(|got| got.status == 200 && !decisions(got).is_empty()).collect()
}

async fn taken(receiver: &Receiver, count: usize) -> Vec<Got> {
    until("a message", async || {
        let got = heard(receiver);
        (got.iter().flat_map(decisions).count() >= count).then_some(got)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planted_alert_reaches_its_owner_once_and_the_same_cause_reaches_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (owner, security) = (Receiver::answering(&[200]).await, Receiver::answering(&[200]).await);
    let mut gate = Gate::start_as(shape(folder.path(), &owner, &security)).await;
    branch(&gate, "one").await;
    let got = taken(&owner, 1).await;
    assert_eq!((got.len(), kind(&got[0]).as_str()), (1, "decision.alert"));
    assert!(is_believed(&got[0], &secret(3)));
    let data = got[0].json()["data"].clone();
    assert_eq!(data["reason"], "A branch was made or moved.", "one sentence");
    assert_eq!(data["project"], "BILL");

    // The first move of the branch is another deed; the second is the same cause again.
    commit(&gate, "one").await;
    taken(&owner, 2).await;
    commit(&gate, "one").await;
    gate.quiet().await;
    branch(&gate, "two").await;
    let got = taken(&owner, 3).await;
    let told: Vec<String> = got.iter().flat_map(decisions).collect();
    let records = gate.records().await;
    let made: Vec<String> =
        records.iter().map(|record| record.public.decision.to_string()).collect();
    assert_eq!(made.len(), 4);
    assert_eq!(told, [made[0].clone(), made[1].clone(), made[3].clone()]);
    assert_eq!(heard(&security).len(), 0, "its owner heard it, and nobody else");

    // Nobody owns the other project.
    let change = Change::new_branch("feature/x", "main", 1);
    gate.town.simulator.datacenter().push(LEDGER, "ravi", &[change]).await.unwrap();
    let got = taken(&security, 1).await;
    assert!(is_believed(&got[0], &secret(4)) && is_believed(&got[0], &secret(5)), "both secrets");
    assert_eq!(got[0].json()["data"]["project"], "PAY");
    assert_eq!(heard(&owner).len(), 3);

    let shown = gate.operate(&["decision", "show", &made[0]]).await;
    assert!(shown.out.contains("payments: told at "), "{}", shown.all());
    let store = gate.store_url();
    let shown = run(&["decision", "show", &made[2], "--store", &store]).await;
    assert!(shown.out.contains("the same cause was told before"), "{}", shown.all());
    let list = gate.operate(&["notify", "list"]).await;
    assert!(
        list.out.contains("payments") && list.out.contains("http://127.0.0.1"),
        "{}",
        list.all()
    );
    let test = gate.operate(&["notify", "test", "security"]).await;
    assert_eq!((test.code, test.last()), (0, "security took the test message."), "{}", test.all());
    assert!(security.got().iter().any(|got| kind(got) == "gate.test"));
    let missing = gate.operate(&["notify", "test", "nobody"]).await;
    assert!(missing.code == 1 && missing.err.contains("there is no channel"), "{}", missing.all());
    assert_eq!(gate.terminate().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_a_decision_and_its_message_loses_none() {
    let folder = tempfile::tempdir().unwrap();
    // The owner's receiver takes a message and never says so.
    let (owner, security) = (Receiver::answering(&[0]).await, Receiver::answering(&[200]).await);
    let mut gate = Gate::start_as(shape(folder.path(), &owner, &security)).await;
    branch(&gate, "one").await;
    until("a message under way", async || (!owner.got().is_empty()).then_some(())).await;
    // Killed while one message is under way and others wait, and again while the rest is decided.
    for name in ["two", "three", "four"] {
        branch(&gate, name).await;
    }
    gate.kill().await;
    gate.restart().await;
    for name in ["five", "six"] {
        branch(&gate, name).await;
    }
    gate.kill().await;
    owner.answer(200);
    gate.restart().await;
    gate.quiet().await;
    let made: BTreeSet<String> =
        gate.records().await.iter().map(|record| record.public.decision.to_string()).collect();
    assert_eq!(made.len(), 6);
    let got = taken(&owner, made.len()).await;
    let told: Vec<String> = got.iter().flat_map(decisions).collect();
    assert_eq!(told.iter().cloned().collect::<BTreeSet<_>>(), made, "every decision is told");
    let id = |got: &Got| got.header("webhook-id").unwrap().to_owned();
    let first = owner.got()[0].clone();
    let again = got.iter().find(|got| id(got) == id(&first)).expect("the first id again");
    assert_eq!(again.body, first.body);
    let ids: BTreeSet<String> = got.iter().map(id).collect();
    assert_eq!(ids.len(), got.len(), "none was taken twice");
    assert_eq!(gate.terminate().await, 0);
}

#[tokio::test]
async fn a_wrong_word_of_who_is_told_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("portcullis.toml");
    let whsec = folder.path().join("a.whsec");
    std::fs::write(&whsec, secret(1)).unwrap();
    std::fs::write(folder.path().join("bad.whsec"), "hunter2hunter2").unwrap();
    let base = format!(
        "[[channel]]\nid = \"ops\"\nurl = \"https://hooks.example.com/x\"\nsecrets = [{{ file = \"{}\" }}]\n",
        whsec.display()
    );
    let check = async |toml: String| {
        std::fs::write(&file, toml).unwrap();
        run(&["config", "check", file.to_str().unwrap()]).await
    };
    let good = check(format!("{base}[[route]]\nabout = [\"alarm\"]\nto = [\"ops\"]\n")).await;
    assert_eq!(good.code, 0, "{}", good.all());
    assert!(good.out.contains("1 channel(s) to tell"), "{}", good.all());
    let cloud = "[[connection]]\nid = \"acme\"\nproduct = \"cloud\"\nworkspace = \"acme\"\n";
    let warned = check(format!("[policies]\nmode = \"enforce\"\n{base}{cloud}")).await;
    assert_eq!(warned.code, 0);
    assert!(
        warned.out.contains("warning: connection `acme` has no `security_contact`"),
        "{}",
        warned.all()
    );
    let shadow = check(format!("{base}{cloud}")).await;
    assert!(shadow.code == 0 && !shadow.out.contains("warning"), "{}", shadow.all());
    let spoken =
        check(format!("[policies]\nmode = \"enforce\"\n{base}{cloud}security_contact = \"ops\"\n"))
            .await;
    assert!(spoken.code == 0 && !spoken.out.contains("warning"), "{}", spoken.all());

    let swap = |from: &str, to: &str| base.replace(from, to);
    for (toml, wanted) in [
        (swap("ops", "Ops!"), "`Ops!` is no channel id"),
        (swap("ops", "owner"), "a word of the route table"),
        (swap("https://", "http://"), "only https is spoken"),
        (swap("hooks.example.com", "10.0.0.1"), "10.0.0.1, which is not public"),
        (swap("hooks.example.com", "me:pw@hooks.example.com"), "a user or a password"),
        (swap("a.whsec", "bad.whsec"), "not of the Standard Webhooks form"),
        (swap("url", "uri"), "unknown field `uri`"),
        (format!("{base}{base}"), "`ops` is configured twice"),
        (format!("{base}[[route]]\nto = []\n"), "route[0].to"),
        (format!("{base}[[route]]\nto = [\"opps\"]\n"), "there is no channel `opps`"),
        (
            format!("{base}[[route]]\nabout = [\"blok\"]\nto = [\"ops\"]\n"),
            "`blok` is not one of alert, approve, block, finding, alarm, pause, evidence",
        ),
        (
            format!("{base}[[route]]\nseverity = \"bad\"\nto = [\"ops\"]\n"),
            "`bad` is not one of info",
        ),
        (
            format!("{base}[[route]]\nabout = [\"pause\"]\nproject = \"X\"\nto = [\"ops\"]\n"),
            "concern the whole gate",
        ),
        (
            format!("{base}[[route]]\ntell = \"never\"\nto = [\"ops\"]\n"),
            "`never` is for `shadow` alone",
        ),
        (
            format!("{base}[[route]]\nconnection = \"acme\"\nto = [\"ops\"]\n"),
            "there is no connection `acme`",
        ),
        (format!("{base}[[owner]]\nchannel = \"ops\"\n"), "either `project` or `repository`"),
        (format!("{base}[notify]\ndigest = \"25:00\"\n"), "no time of day"),
        (format!("{base}[notify]\nonce_per = \"60d\"\n"), "at most 30d"),
        (format!("{cloud}security_contact = \"ops\"\n"), "there is no channel `ops`"),
    ] {
        let refused = check(toml).await;
        assert_eq!(refused.code, 2, "{wanted}: {}", refused.all());
        assert!(refused.err.contains(wanted), "{wanted}: {}", refused.all());
        assert!(!refused.err.contains("hunter2"), "{}", refused.all());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_out_of_reach_is_said_where_an_operator_looks() {
    let folder = tempfile::tempdir().unwrap();
    let (owner, security) = (Receiver::answering(&[503]).await, Receiver::answering(&[200]).await);
    let gate = Gate::start_as(shape(folder.path(), &owner, &security)).await;
    branch(&gate, "one").await;
    let row = until("a failure", async || {
        let channels = gate.get("channels").await;
        assert_eq!(channels["channels"].as_array().map(Vec::len), Some(2));
        let row = channels["channels"][0].clone();
        row["why"].is_string().then_some(row)
    })
    .await;
    assert_eq!((&row["id"], &row["waiting"]), (&json!("payments"), &json!(1)));
    let list = gate.operate(&["notify", "list"]).await;
    assert!(list.out.contains("the receiver answered 503"), "{}", list.all());
    let metrics = until("the gauge", async || {
        let page = gate.metrics().await;
        page.contains("portcullis_notices_waiting 1").then_some(page)
    })
    .await;
    assert!(metrics.contains("portcullis_notices_total{outcome=\"retried\"}"));
    owner.answer(200);
    taken(&owner, 1).await;
}

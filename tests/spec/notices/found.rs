//! The real program: what is found to be critical or high goes out once on the route that is configured for it, tells
//! nobody when it is only seen again, and goes out once more when there is more to know.

use std::path::Path;

use jiff::SignedDuration;
use jiff::Timestamp;
use portcullis::graph::Id;
use portcullis::policy::RuleId;
use portcullis::posture::finding;
use portcullis::simulator::cloud::DeployKey;
use portcullis::simulator::cloud::Repository;
use portcullis::simulator::cloud::Workspace;
use serde_json::Value;

use super::is_believed;
use super::secret;
use crate::spec::receiver::Receiver;
use crate::spec::rig::Gate;
use crate::spec::rig::Shape;
use crate::spec::rig::until;

/// A gate that tells findings of one project to its owner.
fn shape(folder: &Path, owner: &Receiver) -> Shape {
    std::fs::create_dir_all(folder).unwrap();
    let more = format!(
        "[[channel]]\nid = \"payments\"\nurl = \"{}\"\nsecrets = [{{ file = \"FOLDER/payments.whsec\" }}]\n\
         allow = [\"127.0.0.1\"]\n[[owner]]\nproject = \"BILL\"\nchannel = \"payments\"\n\
         [[route]]\nabout = [\"finding\"]\nto = [\"owner\"]\n",
        owner.url
    );
    let files = vec![("payments.whsec", secret(3))];
    Shape { silent: true, more, files, ..Shape::default() }
}

/// Private repositories of the project: one with two forks, one that nobody changed for long and that a key still opens.
fn estate(acme: &mut Workspace) {
    let source = acme.add_repository("vault", "BILL");
    source.overrides = true;
    let parent = Some(("acme/vault".to_owned(), source.uuid));
    for fork in ["vault-one", "vault-two"] {
        acme.add_repository(fork, "BILL").parent.clone_from(&parent);
    }
    let owner = acme.people[0].uuid;
    let old = acme.add_repository("attic", "BILL");
    old.updated_on = Some(Timestamp::now() - SignedDuration::from_hours(24 * 700));
    old.deploy_keys.push(DeployKey {
        id: 4_711,
        key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZvciBhIHRlc3Q".to_owned(),
        label: "left over".to_owned(),
        owner,
        added_on: Timestamp::now() - SignedDuration::from_hours(24 * 10),
        last_used: Some(Timestamp::now() - SignedDuration::from_hours(24 * 3)),
    });
}

/// The finding of a rule about a repository.
fn about(gate: &Gate, rule: &str, slug: &str) -> String {
    let uuid = gate.town.simulator.company(|company| repository(company_of(company), slug).uuid);
    let subject: Id = format!("acme-cloud/repository/{uuid}").parse().unwrap();
    finding::id(&RuleId::told(&format!("posture/{rule}")), &subject)
}

fn company_of(company: &mut portcullis::simulator::company::Company) -> &mut Workspace {
    &mut company.workspaces[0]
}

fn repository<'w>(acme: &'w mut Workspace, slug: &str) -> &'w mut Repository {
    acme.repositories.iter_mut().find(|one| one.slug == slug).unwrap()
}

/// What it was told of a finding, in order: how bad, and what is news.
fn told(receiver: &Receiver, finding: &str) -> Vec<(String, String)> {
    let mut told = Vec::new();
    for got in receiver.got().iter().filter(|got| got.status == 200) {
        assert!(is_believed(got, &secret(3)));
        let data = got.json()["data"].clone();
        let many = data["findings"].as_array().cloned().unwrap_or_default();
        for one in std::iter::once(&data).chain(&many) {
            if one["finding"] == finding {
                let text = |name: &str| one[name].as_str().unwrap().to_owned();
                told.push((text("severity"), text("news")));
            }
        }
    }
    told
}

fn said(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(bad, news)| ((*bad).to_owned(), (*news).to_owned())).collect()
}

/// Changes the company, and waits until what it can alter was looked at.
async fn changed(gate: &Gate, change: impl FnOnce(&mut Workspace)) {
    gate.town.simulator.company(|company| change(company_of(company)));
    let scans = gate.count("scan");
    let read = gate.operate(&["sync", "acme-cloud"]).await;
    assert_eq!(read.code, 0, "{}", read.all());
    until("a scan", async || (gate.count("scan") > scans).then_some(())).await;
    heard(gate).await;
}

/// Waits until nothing is left to tell.
async fn heard(gate: &Gate) {
    until("silence", async || {
        let untold = gate.count("notice WHERE message IS NULL AND state = 0");
        (untold + gate.count("message WHERE state = 0") == 0).then_some(())
    })
    .await;
}

/// Waits until everything of both connections was looked at for this many times.
async fn looked_over(gate: &Gate, times: i64) {
    let whole = async || (gate.count("scan WHERE whole = 1") >= 2 * times).then_some(());
    until("a look at everything", whole).await;
    heard(gate).await;
}

/// Another life looks at everything, and has told what it had to.
async fn again(gate: &mut Gate, times: i64) {
    assert_eq!(gate.terminate().await, 0);
    gate.restart().await;
    looked_over(gate, times).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_critical_or_high_is_told_once_and_once_more_only_when_there_is_more_to_know() {
    let folder = tempfile::tempdir().unwrap();
    let owner = Receiver::answering(&[200]).await;
    let mut gate = Gate::start_as(shape(folder.path(), &owner)).await;
    looked_over(&gate, 1).await;
    changed(&gate, estate).await;
    let critical = about(&gate, "private-code-forked-in-public", "vault");
    let high = about(&gate, "repository-stale", "attic");
    assert_eq!(told(&owner, &critical), [], "both forks are private");
    assert_eq!(told(&owner, &high), said(&[("high", "found")]));

    // A fork is opened: that is wrong with its parent, at once.
    changed(&gate, |acme| repository(acme, "vault-one").is_private = false).await;
    assert_eq!(told(&owner, &critical), said(&[("critical", "found")]));

    // The same, seen by another scan of a part, and by one of everything; meanwhile the key was used.
    changed(&gate, |acme| {
        repository(acme, "vault").updated_on = Some(Timestamp::now());
        repository(acme, "attic").deploy_keys[0].last_used = Some(Timestamp::now());
    })
    .await;
    again(&mut gate, 2).await;
    let seen = gate.get(&format!("findings/{high}")).await;
    let facts = seen["facts"].as_array().unwrap().clone();
    let keys = facts.iter().find(|fact| fact["path"] == "repository.live_keys").unwrap();
    let used: Timestamp = keys["value"][0]["last_used_at"].as_str().unwrap().parse().unwrap();
    assert!(Timestamp::now().duration_since(used) < SignedDuration::from_hours(1), "as it is now");
    assert_eq!(told(&owner, &critical), said(&[("critical", "found")]));
    assert_eq!(told(&owner, &high), said(&[("high", "found")]));

    // There is more to know of both.
    changed(&gate, |acme| {
        repository(acme, "vault-two").is_private = false;
        let keys = &mut repository(acme, "attic").deploy_keys;
        let another = DeployKey { id: 4_712, label: "one more".to_owned(), ..keys[0].clone() };
        keys.push(another);
    })
    .await;
    let more = |bad| said(&[(bad, "found"), (bad, "changed")]);
    assert_eq!(told(&owner, &critical), more("critical"));
    assert_eq!(told(&owner, &high), more("high"));
    again(&mut gate, 3).await;
    assert_eq!(told(&owner, &critical), more("critical"));
    assert_eq!(told(&owner, &high), more("high"));
    let listed: Value = gate.get("findings?severity=high").await;
    let stands = |id: &str| {
        let all = listed["findings"].as_array().unwrap();
        all.iter().any(|one| one["id"] == id && one["outcome"] == "fail")
    };
    assert!(stands(&critical) && stands(&high), "that nobody is told does not hide it");
}

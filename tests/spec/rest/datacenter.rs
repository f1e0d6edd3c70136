//! Data Center is asked by project key and slug, for repositories that are known by number.

use portcullis::bitbucket::Client;
use portcullis::bitbucket::Credential;
use portcullis::bitbucket::PullRequestState;
use portcullis::bitbucket::StatusPost;
use portcullis::bitbucket::StatusState;
use portcullis::event::BuildState;
use portcullis::graph::Id;
use portcullis::graph::Known;
use portcullis::simulator::Simulator;
use portcullis::simulator::company::Company;
use portcullis::simulator::datacenter::DcHolder;
use portcullis::simulator::datacenter::GlobalLevel;
use portcullis::simulator::datacenter::RepoPermission;
use portcullis::simulator::datacenter_acts::DcOpenPull;
use portcullis::simulator::datacenter_acts::DcPullAct;
use portcullis::simulator::git::Change;
use serde_json::json;

use crate::spec::rest::WITHIN;
use crate::spec::rest::datacenter_at;
use crate::spec::rest::id;
use crate::spec::rest::secret;

struct Story {
    simulator: Simulator,
    client: Client,
    repository: Id,
    ada: u64,
    bob: u64,
}

async fn story() -> Story {
    let mut company = Company::new();
    let dc = &mut company.datacenter;
    let (ada, bob) = (dc.add_user("ada", "Ada"), dc.add_user("bob", "Bob"));
    for name in ["ada", "bob"] {
        dc.grant_global(DcHolder::User(name.to_owned()), GlobalLevel::LicensedUser);
    }
    dc.add_project("ONE", "One", None);
    let number = dc.add_repository("ONE", "api");
    dc.grant("ONE/api", DcHolder::User("ada".to_owned()), RepoPermission::Admin);
    dc.grant("ONE/api", DcHolder::User("bob".to_owned()), RepoPermission::Write);
    let password = dc.password("ada");
    let simulator = Simulator::start(company).await.unwrap();
    let credential = Credential::Basic { user: "ada".to_owned(), secret: secret(&password) };
    let client = datacenter_at(&simulator.datacenter_url(), credential);
    let repository = id(&format!("acme-dc/repository/{number}"));
    client.remember(&repository, ("ONE", "ONE/api"));
    Story { simulator, client, repository, ada, bob }
}

impl Story {
    fn tip(&self, branch: &str) -> String {
        let name = format!("refs/heads/{branch}");
        self.simulator.company(|company| {
            company.datacenter.repositories[0].git.target(&name).unwrap().commit.clone()
        })
    }
}

fn status(state: StatusState) -> StatusPost {
    StatusPost {
        key: "portcullis-0123456789abcdef0123".to_owned(),
        state,
        text: "Deploying waits for an approval.".to_owned(),
        url: "https://gate.example.com/d/1".to_owned(),
        refname: Some("refs/heads/main".to_owned()),
        name: "Portcullis".to_owned(),
    }
}

#[tokio::test]
async fn a_repository_without_a_name_is_not_asked_for_and_says_who_tells_it() {
    let story = story().await;
    let stranger = id("acme-dc/repository/4711");
    let error = story.client.commit(&stranger, &story.tip("main"), WITHIN).await.unwrap_err();
    assert_eq!(error.word(), "unaddressed");
    assert!(error.to_string().contains("4711"), "{error}");
    story.client.remember(&stranger, ("no", "no-slash"));
    assert!(story.client.commit(&stranger, &story.tip("main"), WITHIN).await.is_err());
    story.client.remember(&stranger, ("ONE", "ONE/api"));
    let error = story.client.commit(&stranger, &story.tip("main"), WITHIN).await.unwrap_err();
    assert_eq!(error.word(), "moved", "the name is another repository's");
    assert!(story.client.commit(&story.repository, &story.tip("main"), WITHIN).await.is_ok());
}

#[tokio::test]
async fn who_we_are_is_told_by_the_answer_itself() {
    let story = story().await;
    let own = story.client.whoami(WITHIN).await.unwrap();
    assert_eq!(own, Some(id(&format!("acme-dc/user/{}", story.ada))));
    let wrong = Credential::Basic { user: "ada".to_owned(), secret: secret("wrong") };
    let wrong = datacenter_at(&story.simulator.datacenter_url(), wrong);
    assert_eq!(wrong.whoami(WITHIN).await.unwrap_err().word(), "refused");
    let workspace = story.client.workspace(WITHIN).await.unwrap();
    assert_eq!(workspace.id, id("acme-dc/workspace/server"));
    // Tokens of projects and repositories belong to users that no list names: somebody, and not nobody.
    story.simulator.company(|company| {
        let users = &mut company.datacenter.users;
        users.iter_mut().find(|user| user.name == "ada").unwrap().service = true;
    });
    assert_eq!(story.client.whoami(WITHIN).await.unwrap_err().word(), "unlisted");
}

#[tokio::test]
async fn a_pull_request_tells_which_commit_each_approval_looked_at() {
    let story = story().await;
    let face = story.simulator.datacenter();
    let branch = Change::new_branch("feature/x", "main", 1);
    face.push("ONE/api", "bob", &[branch]).await.unwrap();
    let open = DcOpenPull {
        title: "X",
        fork: None,
        source: "feature/x",
        destination: "main",
        reviewers: vec!["ada".to_owned()],
    };
    let number = face.open_pull("ONE/api", "bob", open).await.unwrap().value;
    face.pull("ONE/api", number, "ada", DcPullAct::Approve).await.unwrap();
    let approved = story.tip("feature/x");
    face.push("ONE/api", "bob", &[Change::commits("feature/x", 1)]).await.unwrap();
    let read = story.client.pull_request(&story.repository, number, WITHIN).await.unwrap();
    assert_eq!(read.state, PullRequestState::Open);
    assert_eq!(read.facts.author, Known::Value(id(&format!("acme-dc/user/{}", story.bob))));
    let source = read.facts.source.value().unwrap();
    assert_eq!(source.commit, Known::Value(story.tip("feature/x")));
    assert_eq!(source.reference, Known::Value("refs/heads/feature/x".to_owned()));
    let approvals = read.facts.approvals.value().unwrap();
    for approval in approvals {
        assert_eq!(approval.by, Known::Value(id(&format!("acme-dc/user/{}", story.ada))));
        assert_eq!(approval.commit, Known::Value(approved.clone()));
    }
    assert_eq!(read.facts.builds, Known::Value(Vec::new()));
    assert!(!approvals.is_empty() || story.tip("feature/x") != approved);
    face.pull("ONE/api", number, "ada", DcPullAct::Merge).await.unwrap();
    let of = async |commit: &str| {
        story.client.pull_requests_of(&story.repository, commit, WITHIN).await.unwrap()
    };
    assert_eq!(of(&approved).await, [number]);
    face.push("ONE/api", "bob", &[Change::commits("main", 1)]).await.unwrap();
    assert!(of(&story.tip("main")).await.is_empty());
    let missing = story.client.pull_request(&story.repository, 99, WITHIN).await.unwrap_err();
    assert_eq!(missing.word(), "missing");
}

#[tokio::test]
async fn history_that_a_push_dropped_is_noticed() {
    let story = story().await;
    let face = story.simulator.datacenter();
    let before = story.tip("main");
    face.push("ONE/api", "bob", &[Change::commits("main", 2)]).await.unwrap();
    let ahead = story.tip("main");
    let dropped = async |from: &str, to: &str| {
        story.client.dropped_history(&story.repository, from, to, WITHIN).await.unwrap()
    };
    assert!(!dropped(&before, &ahead).await);
    face.push("ONE/api", "bob", &[Change::rewrite("main", 1, 1)]).await.unwrap();
    let rewritten = story.tip("main");
    assert!(dropped(&ahead, &rewritten).await);
    assert!(!dropped(&before, "refs/heads/main").await, "the branch still holds it");
    assert!(dropped(&ahead, "refs/heads/main").await);
}

#[tokio::test]
async fn a_status_is_posted_under_our_parent_with_the_full_ref_and_overwritten() {
    let story = story().await;
    let commit = story.tip("main");
    let read = async || {
        let key = "portcullis-0123456789abcdef0123";
        story.client.read_status(&story.repository, &commit, key, WITHIN).await.unwrap()
    };
    assert_eq!(read().await, None);
    for (state, told) in [
        (StatusState::InProgress, BuildState::InProgress),
        (StatusState::Failed, BuildState::Failed),
        (StatusState::Successful, BuildState::Successful),
    ] {
        let status = status(state);
        story.client.post_status(&story.repository, &commit, &status, WITHIN).await.unwrap();
        let stands = read().await.unwrap();
        assert_eq!((stands.state, stands.url), (told, Some(status.url)));
    }
    let posted = story.simulator.posted();
    assert_eq!(posted.len(), 3);
    assert_eq!(posted[0].body["parent"], json!("portcullis"));
    assert_eq!(posted[0].body["ref"], json!("refs/heads/main"));
    assert!(posted[2].overwrote);
}

#[tokio::test]
async fn steps_are_clouds_alone() {
    let story = story().await;
    let error = story.client.step(&story.repository, "a", "b", WITHIN).await.unwrap_err();
    assert_eq!(error.to_string(), "Data Center has no pipelines");
    assert!(story.client.issuer().is_none());
}

//! An approval counts for the commit that its approver saw, and a push is known for the merge it is: for both products,
//! read from the simulator. What cannot be read is unknown and says why.

use std::time::Duration;

use portcullis::bitbucket::Client;
use portcullis::bitbucket::Credential;
use portcullis::bitbucket::PullRequestState;
use portcullis::bitbucket::Server;
use portcullis::bitbucket::Settings;
use portcullis::bitbucket::TestServer;
use portcullis::event::Approval;
use portcullis::event::PullRequest;
use portcullis::graph::Id;
use portcullis::graph::Known;
use portcullis::secret::Secret;
use portcullis::simulator::Simulator;
use portcullis::simulator::cloud::CloudCredential;
use portcullis::simulator::cloud::CommitLinks;
use portcullis::simulator::cloud::CredentialKind;
use portcullis::simulator::cloud::Role;
use portcullis::simulator::cloud_acts::OpenPull;
use portcullis::simulator::cloud_acts::PullAct;
use portcullis::simulator::company::Company;
use portcullis::simulator::datacenter::DcHolder;
use portcullis::simulator::datacenter::GlobalLevel;
use portcullis::simulator::datacenter::RepoPermission;
use portcullis::simulator::datacenter_acts::DcOpenPull;
use portcullis::simulator::datacenter_acts::DcPullAct;
use portcullis::simulator::faults::Fault;
use portcullis::simulator::git::Change;
use uuid::Uuid;

/// Far longer than any test takes: a deadline only ends what hangs.
const WITHIN: Duration = Duration::from_secs(30);

/// No pull request.
const NONE: [u64; 0] = [];

/// One product with a repository, and how its people act there.
struct Story {
    simulator: Simulator,
    client: Client,
    repository: Id,
    /// Ada and bob on Cloud; none on Data Center.
    cloud: Option<(Uuid, Uuid)>,
    ada: Id,
}

async fn on_cloud() -> Story {
    let mut company = Company::new();
    let acme = company.workspace("acme", "Acme");
    let ada = acme.member("ada", "Ada", Role::Owner);
    let bob = acme.member("bob", "Bob", Role::Owner);
    acme.project("PAY", "Payments", true);
    let uuid = acme.add_repository("billing", "PAY").uuid;
    let scopes = ["account", "repository", "pullrequest"];
    let token = company.issue(CloudCredential::new(ada, CredentialKind::OAuth, &scopes));
    let simulator = Simulator::start(company).await.unwrap();
    let test = TestServer { api_url: simulator.cloud_api(), token_url: None };
    let server = Server::Cloud { workspace: "acme".to_owned(), test: Some(test) };
    Story {
        client: client(server, Credential::Bearer(Secret::new(token))),
        repository: format!("acme/repository/{uuid}").parse().unwrap(),
        cloud: Some((ada, bob)),
        ada: format!("acme/user/{ada}").parse().unwrap(),
        simulator,
    }
}

async fn on_datacenter() -> Story {
    let mut company = Company::new();
    let dc = &mut company.datacenter;
    let ada = dc.add_user("ada", "Ada");
    dc.add_user("bob", "Bob");
    dc.add_project("ONE", "One", None);
    let number = dc.add_repository("ONE", "api");
    for name in ["ada", "bob"] {
        dc.grant_global(DcHolder::User(name.to_owned()), GlobalLevel::LicensedUser);
        dc.grant("ONE/api", DcHolder::User(name.to_owned()), RepoPermission::Admin);
    }
    let secret = Secret::new(dc.password("ada"));
    let simulator = Simulator::start(company).await.unwrap();
    let server = Server::DataCenter { base_url: simulator.datacenter_url() };
    let story = Story {
        client: client(server, Credential::Basic { user: "ada".to_owned(), secret }),
        repository: format!("acme/repository/{number}").parse().unwrap(),
        cloud: None,
        ada: format!("acme/user/{ada}").parse().unwrap(),
        simulator,
    };
    story.client.remember(&story.repository, ("ONE", "ONE/api"));
    story
}

fn client(server: Server, credential: Credential) -> Client {
    let connection = "acme".parse().unwrap();
    Client::new(Settings { connection, server, credential }).unwrap()
}

impl Story {
    async fn push(&self, change: Change) {
        if let Some((_, bob)) = self.cloud {
            self.simulator.cloud().push("acme/billing", bob, &[change]).await.unwrap();
        } else {
            self.simulator.datacenter().push("ONE/api", "bob", &[change]).await.unwrap();
        }
    }

    /// Bob asks to have `fix` merged into this branch.
    async fn open(&self, into: &str) -> u64 {
        self.push(Change::new_branch("fix", "main", 1)).await;
        let Some((_, bob)) = self.cloud else {
            let open = DcOpenPull {
                title: "Fix",
                fork: None,
                source: "fix",
                destination: into,
                reviewers: vec!["ada".to_owned()],
            };
            let face = self.simulator.datacenter();
            return face.open_pull("ONE/api", "bob", open).await.unwrap().value;
        };
        let open = OpenPull::new("Fix", "fix", into);
        self.simulator.cloud().open_pull("acme/billing", bob, open).await.unwrap().value
    }

    async fn approve(&self, number: u64) {
        if let Some((ada, _)) = self.cloud {
            let cloud = self.simulator.cloud();
            cloud.pull("acme/billing", number, ada, PullAct::Approve).await.unwrap();
        } else {
            let face = self.simulator.datacenter();
            face.pull("ONE/api", number, "ada", DcPullAct::Approve).await.unwrap();
        }
    }

    async fn merge(&self, number: u64) {
        if let Some((_, bob)) = self.cloud {
            let cloud = self.simulator.cloud();
            cloud.pull("acme/billing", number, bob, PullAct::Merge).await.unwrap();
        } else {
            let face = self.simulator.datacenter();
            face.pull("ONE/api", number, "bob", DcPullAct::Merge).await.unwrap();
        }
    }

    fn tip(&self, branch: &str) -> String {
        let name = format!("refs/heads/{branch}");
        self.simulator.company(|company| {
            let git = match self.cloud {
                Some(_) => &company.workspaces[0].repositories[0].git,
                None => &company.datacenter.repositories[0].git,
            };
            git.target(&name).unwrap().commit.clone()
        })
    }

    async fn read(&self, number: u64) -> (PullRequestState, PullRequest) {
        let read = self.client.pull_request(&self.repository, number, WITHIN).await.unwrap();
        (read.state, read.facts)
    }

    async fn approvals(&self, number: u64) -> Vec<Approval> {
        self.read(number).await.1.approvals.value().unwrap().clone()
    }

    async fn of(&self, commit: &str) -> Vec<u64> {
        self.client.pull_requests_of(&self.repository, commit, WITHIN).await.unwrap()
    }

    async fn merged_into(&self, branch: &str, commit: &str) -> Vec<u64> {
        let branch = format!("refs/heads/{branch}");
        self.client.merged_into(&self.repository, &branch, commit, WITHIN).await.unwrap()
    }
}

async fn both() -> [Story; 2] {
    [on_cloud().await, on_datacenter().await]
}

fn source(facts: &PullRequest) -> String {
    facts.source.value().unwrap().commit.value().unwrap().clone()
}

#[tokio::test]
async fn a_merge_without_approval_has_none() {
    for story in both().await {
        let number = story.open("main").await;
        story.merge(number).await;
        let (state, facts) = story.read(number).await;
        assert_eq!(state, PullRequestState::Merged);
        assert_eq!(facts.approvals, Known::Value(Vec::new()));
    }
}

#[tokio::test]
async fn an_approval_of_the_latest_commit_names_it_in_full_before_and_after_the_merge() {
    for story in both().await {
        let number = story.open("main").await;
        story.push(Change::commits("fix", 1)).await;
        story.approve(number).await;
        let latest = story.tip("fix");
        let one =
            Approval { by: Known::Value(story.ada.clone()), commit: Known::Value(latest.clone()) };
        assert_eq!(story.approvals(number).await, std::slice::from_ref(&one));
        story.merge(number).await;
        let (_, facts) = story.read(number).await;
        assert_eq!(facts.approvals, Known::Value(vec![one]));
        assert_eq!(source(&facts), latest);
    }
}

#[tokio::test]
async fn an_approval_before_the_last_push_names_what_was_seen_until_it_is_given_again() {
    for story in both().await {
        let number = story.open("main").await;
        let seen = story.tip("fix");
        story.approve(number).await;
        story.push(Change::commits("fix", 2)).await;
        let (_, facts) = story.read(number).await;
        let approvals = facts.approvals.value().unwrap();
        assert_eq!(approvals.len(), 1);
        assert_eq!(approvals[0].commit, Known::Value(seen.clone()), "all 40 digits");
        assert_ne!(source(&facts), seen);
        story.approve(number).await;
        let (_, facts) = story.read(number).await;
        let approvals = facts.approvals.value().unwrap();
        assert_eq!(approvals.len(), 1, "one person, one approval");
        assert_eq!(approvals[0].commit, Known::Value(source(&facts)));
    }
}

#[tokio::test]
async fn a_merge_is_known_by_its_commit_and_a_push_of_no_pull_request_by_none() {
    for story in both().await {
        let number = story.open("main").await;
        let own = story.tip("fix");
        assert_eq!(story.of(&own).await, NONE, "an open one brought nothing yet");
        story.merge(number).await;
        let merge = story.tip("main");
        assert_eq!(story.of(&merge).await, [number]);
        assert_eq!(story.of(&own).await, [number]);
        assert_eq!(story.merged_into("main", &merge).await, [number]);
        story.push(Change::commits("main", 1)).await;
        let pushed = story.tip("main");
        assert_eq!(story.of(&pushed).await, NONE);
        assert_eq!(story.merged_into("main", &pushed).await, NONE);
    }
}

#[tokio::test]
async fn a_commit_reviewed_for_another_branch_was_not_reviewed_for_this_one() {
    for story in both().await {
        story.push(Change::new_branch("side", "main", 0)).await;
        let number = story.open("side").await;
        story.merge(number).await;
        let merge = story.tip("side");
        assert_eq!(story.of(&merge).await, [number]);
        assert_eq!(story.merged_into("side", &merge).await, [number]);
        assert_eq!(story.merged_into("main", &merge).await, NONE);
    }
}

#[tokio::test]
async fn without_clouds_index_nobody_knows_which_pull_request_brought_a_commit() {
    let story = on_cloud().await;
    let number = story.open("main").await;
    story.merge(number).await;
    let merge = story.tip("main");
    for links in [CommitLinks::Off, CommitLinks::Indexing] {
        story.simulator.company(|company| company.workspaces[0].commit_links = links);
        let told = story.client.pull_requests_of(&story.repository, &merge, WITHIN).await;
        assert_eq!(told.unwrap_err().word(), "not_indexed", "{links:?} is not the same as none");
    }
}

fn why(approval: &Approval) -> String {
    match &approval.commit {
        Known::Unknown(why) => why.as_str().to_owned(),
        told => panic!("{told:?}"),
    }
}

#[tokio::test]
async fn without_its_activity_nobody_knows_what_was_approved() {
    let story = on_cloud().await;
    let number = story.open("main").await;
    let path = format!(
        "/2.0/repositories/acme/%7B{}%7D/pullrequests/{number}/activity",
        story.repository.native()
    );
    story.simulator.lay_fault(&path, Fault::Status(403), None);
    assert_eq!(story.approvals(number).await, [], "nobody approved: it is not asked");
    assert_eq!(story.simulator.count_calls("GET", &path), 0);
    story.approve(number).await;
    let approvals = story.approvals(number).await;
    assert_eq!(approvals[0].by, Known::Value(story.ada.clone()));
    let said = why(&approvals[0]);
    assert!(said.contains("activity of the pull request") && said.contains("403"), "{said}");
    story.simulator.clear_faults();
    assert_eq!(story.approvals(number).await[0].commit, Known::Value(story.tip("fix")));
}

#[tokio::test]
async fn an_older_commit_that_cannot_be_read_is_unknown_and_named() {
    let story = on_cloud().await;
    let number = story.open("main").await;
    let seen = story.tip("fix");
    story.approve(number).await;
    story.push(Change::commits("fix", 1)).await;
    let home = format!("/2.0/repositories/acme/%7B{}%7D/commit/", story.repository.native());
    story.simulator.lay_fault(&format!("{home}{}", &seen[..12]), Fault::Status(404), None);
    let said = why(&story.approvals(number).await[0]);
    assert!(said.contains(&seen[..12]) && said.contains("404"), "{said}");
}

#[tokio::test]
async fn an_activity_of_many_pages_is_read_to_its_end() {
    let story = on_cloud().await;
    let number = story.open("main").await;
    let seen = story.tip("fix");
    story.approve(number).await;
    let (ada, _) = story.cloud.unwrap();
    for line in 0..120 {
        let comment = PullAct::Comment(format!("Note {line}."));
        story.simulator.cloud().pull("acme/billing", number, ada, comment).await.unwrap();
    }
    assert_eq!(story.approvals(number).await[0].commit, Known::Value(seen));
}

#[tokio::test]
async fn a_name_that_is_another_repositorys_now_is_not_believed() {
    let story = on_datacenter().await;
    let number = story.open("main").await;
    let stranger: Id = "acme/repository/4711".parse().unwrap();
    story.client.remember(&stranger, ("ONE", "ONE/api"));
    let told = story.client.pull_request(&stranger, number, WITHIN).await;
    assert_eq!(told.unwrap_err().word(), "moved");
    let told = story.client.commit(&stranger, &story.tip("fix"), WITHIN).await;
    assert_eq!(told.unwrap_err().word(), "moved");
    assert_eq!(story.approvals(number).await, [], "its own repository goes on being asked");
}

#[tokio::test]
async fn a_repositorys_number_is_read_once_and_then_believed_for_a_while() {
    let story = on_datacenter().await;
    let path = "/bitbucket/rest/api/latest/projects/ONE/repos/api";
    let asked = || {
        let calls = story.simulator.calls();
        calls.iter().filter(|call| call.path == path).count()
    };
    for _ in 0..3 {
        story.client.commit(&story.repository, &story.tip("main"), WITHIN).await.unwrap();
    }
    assert_eq!(asked(), 1);
}

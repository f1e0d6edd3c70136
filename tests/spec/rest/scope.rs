//! Every live question and every effect about a repository meets the connection's scope before it is sent, on both products.

use portcullis::bitbucket::Client;
use portcullis::bitbucket::Credential;
use portcullis::bitbucket::FetchError;
use portcullis::bitbucket::StatusPost;
use portcullis::bitbucket::StatusState;
use portcullis::bitbucket::Switches;
use portcullis::bitbucket::switches::Scope;
use portcullis::graph::Id;
use portcullis::graph::Product;
use portcullis::simulator::cloud::CloudCredential;
use portcullis::simulator::cloud::CredentialKind;
use uuid::Uuid;

use crate::spec::rest::WITHIN;
use crate::spec::rest::cloud_at;
use crate::spec::rest::datacenter_at;
use crate::spec::rest::id;
use crate::spec::rest::secret;
use crate::spec::rig::LEDGER;
use crate::spec::rig::Town;

/// Everything a workspace access token may have.
const ALL_SCOPES: [&str; 9] = [
    "account",
    "project",
    "project:admin",
    "repository",
    "repository:admin",
    "pullrequest",
    "pipeline",
    "runner",
    "webhook",
];

/// A repository of one product, and somebody and something to ask about there.
struct Story {
    town: Town,
    client: Client,
    repository: Id,
    who: Id,
    environment: Id,
    commit: String,
    /// Where it lies: key of its project, full name.
    place: (&'static str, &'static str),
}

async fn on_cloud() -> Story {
    let town = Town::new().await;
    let (token, repository) = town.simulator.company(|company| {
        let bot = company.workspaces[0].bot("reader", "Reader");
        let token = CloudCredential::new(bot, CredentialKind::AccessToken, &ALL_SCOPES);
        let uuid = company.workspaces[0].repository("billing").unwrap().uuid;
        (company.issue(token), id(&format!("acme-cloud/repository/{uuid}")))
    });
    Story {
        client: cloud_at(&town.simulator.cloud_api(), Credential::Bearer(secret(&token))),
        who: id(&format!("acme-cloud/user/{}", town.cast.mia)),
        environment: id(&format!("acme-cloud/environment/{}", town.cast.production)),
        commit: town.tip("main"),
        repository,
        place: ("BILL", "acme/billing"),
        town,
    }
}

async fn on_datacenter() -> Story {
    let town = Town::new().await;
    let (number, mia, commit) = town.simulator.company(|company| {
        let mia = company.datacenter.users.iter().find(|user| user.name == "mia").unwrap().id;
        let ledger = company.datacenter.repository(LEDGER).unwrap();
        (ledger.id, mia, ledger.git.resolve("main").unwrap().hash.clone())
    });
    let user = "portcullis".to_owned();
    let credential = Credential::Basic { user, secret: secret(&town.cast.password) };
    Story {
        client: datacenter_at(&town.simulator.datacenter_url(), credential),
        repository: id(&format!("acme-dc/repository/{number}")),
        who: id(&format!("acme-dc/user/{mia}")),
        environment: id("acme-dc/environment/none"),
        commit,
        place: ("PAY", "PAY/ledger"),
        town,
    }
}

impl Story {
    fn reaches(&self, scope: &[&str]) {
        let scope: Vec<String> = scope.iter().map(|&one| one.to_owned()).collect();
        self.client.switch(Switches::default().within(Scope::read(&scope).unwrap()));
    }

    /// Every live question and every effect, with what came of it and how many calls it was.
    async fn all(&self) -> Vec<(&'static str, Result<(), FetchError>, usize)> {
        let (client, repository, commit) = (&self.client, &self.repository, self.commit.as_str());
        let pipeline = Uuid::from_u128(7).to_string();
        let post = StatusPost {
            key: "portcullis-x".to_owned(),
            state: StatusState::Successful,
            text: "good".to_owned(),
            url: "https://gate.example.com/d/x".to_owned(),
            refname: None,
            name: "Portcullis".to_owned(),
        };
        let mut all = Vec::new();
        let mut seen = self.town.simulator.calls().len();
        let mut note = |what, came: Result<(), FetchError>| {
            let now = self.town.simulator.calls().len();
            all.push((what, came, now - seen));
            seen = now;
        };
        if client.product() == Product::Cloud {
            let step = client.step(repository, &pipeline, &pipeline, WITHIN).await;
            note("step", step.map(drop));
            let place = client.environment(repository, &self.environment, WITHIN).await;
            note("environment", place.map(drop));
        }
        note("commit", client.commit(repository, commit, WITHIN).await.map(drop));
        let who = (&self.who, Some("mia"));
        note("level", client.level(repository, who, WITHIN).await.map(drop));
        note("pull request", client.pull_request(repository, 1, WITHIN).await.map(drop));
        let of = client.pull_requests_of(repository, commit, WITHIN).await;
        note("pull requests of", of.map(drop));
        let into = client.merged_into(repository, "refs/heads/main", commit, WITHIN).await;
        note("merged into", into.map(drop));
        let dropped = client.dropped_history(repository, commit, "refs/heads/main", WITHIN).await;
        note("dropped history", dropped.map(drop));
        let read = client.read_status(repository, commit, "portcullis-x", WITHIN).await;
        note("status", read.map(drop));
        note("post", client.post_status(repository, commit, &post, WITHIN).await);
        all
    }
}

async fn check(story: &Story, questions: usize) {
    let (place, other) = (story.place, "NO");
    // Nobody told where it lies: it may lie outside.
    story.reaches(&[other]);
    let all = story.all().await;
    assert_eq!(all.len(), questions);
    for (what, came, calls) in all {
        let word = came.unwrap_err().word();
        assert!(["unplaced", "unaddressed"].contains(&word), "{what}: {word}");
        assert_eq!(calls, 0, "{what}");
    }
    assert!(!story.client.is_outside(&story.repository), "that is not known");
    story.client.remember(&story.repository, place);
    for (what, came, calls) in story.all().await {
        let error = came.unwrap_err();
        let said = error.to_string();
        assert!(
            matches!(error, FetchError::OutOfScope(_))
                && said.ends_with("was not asked for: it lies outside the scope of the connection"),
            "{what}: {said}"
        );
        assert!(!error.may_pass(), "{what}: another try would not help");
        assert_eq!(calls, 0, "{what}");
    }
    assert!(story.client.is_outside(&story.repository));
    assert_eq!(story.town.simulator.posted(), Vec::new());
    for scope in [&[other, place.0][..], &[place.1], &[]] {
        story.reaches(scope);
        for (what, came, calls) in story.all().await {
            assert!(calls > 0, "{scope:?} {what}");
            assert!(!matches!(came, Err(FetchError::OutOfScope(_))), "{scope:?} {what}");
        }
        assert!(!story.client.is_outside(&story.repository));
    }
    assert_eq!(story.town.simulator.posted().len(), 3, "one a scope that it lies within");
}

#[tokio::test]
async fn no_question_about_a_repository_outside_the_scope_of_a_workspace_is_sent() {
    check(&on_cloud().await, 10).await;
}

#[tokio::test]
async fn no_question_about_a_repository_outside_the_scope_of_a_data_center_is_sent() {
    check(&on_datacenter().await, 8).await;
}

#[tokio::test]
async fn permissions_are_tried_on_what_lies_within_the_scope() {
    let story = on_datacenter().await;
    for (scope, project, repository) in [
        (&[][..], Some("PAY"), Some("PAY/ledger")),
        (&["OPS"], Some("OPS"), Some("OPS/tools")),
        (&["OPS/t*"], None, Some("OPS/tools")),
        (&["NO"], None, None),
    ] {
        story.reaches(scope);
        let sample = story.client.sample(WITHIN).await.unwrap();
        assert_eq!(
            (sample.project.as_deref(), sample.repository.as_deref()),
            (project, repository)
        );
    }
    let story = on_cloud().await;
    story.reaches(&["acme/bill*"]);
    let sample = story.client.sample(WITHIN).await.unwrap();
    let uuid = story.repository.native().to_owned();
    assert_eq!(sample.project, None, "its project as a whole lies outside");
    assert!(sample.repository.unwrap().contains(uuid.trim_matches(['{', '}'])));
}

//! Both simulated products tell what happened to a pull request and which pull requests hold a commit, as Bitbucket
//! does: newest first, paged, and on Cloud with twelve digits and only where its app has indexed them.

use portcullis::simulator::Simulator;
use portcullis::simulator::cloud::CommitLinks;
use portcullis::simulator::cloud_acts::OpenPull;
use portcullis::simulator::cloud_acts::PullAct;
use portcullis::simulator::company::Company;
use portcullis::simulator::datacenter::DcHolder;
use portcullis::simulator::datacenter::GlobalLevel;
use portcullis::simulator::datacenter::RepoPermission;
use portcullis::simulator::datacenter_acts::DcOpenPull;
use portcullis::simulator::datacenter_acts::DcPullAct;
use portcullis::simulator::git::Change;
use serde_json::Value;

use crate::spec::simulator::Story;
use crate::spec::simulator::story;

const HOME: &str = "acme/billing";

/// No pull request.
const NONE: [u64; 0] = [];

/// A pull request of bob's on Cloud.
async fn pull(story: &Story) -> u64 {
    let cloud = story.simulator.cloud();
    cloud.push(HOME, story.bob, &[Change::new_branch("fix", "main", 1)]).await.unwrap();
    cloud.open_pull(HOME, story.bob, OpenPull::new("Fix", "fix", "main")).await.unwrap().value
}

fn tip(story: &Story, branch: &str) -> String {
    story
        .simulator
        .company(|company| company.workspaces[0].repositories[0].head(branch).unwrap().to_owned())
}

async fn of_commit(story: &Story, commit: &str) -> (u16, Value) {
    story.get(&story.reader, &format!("/repositories/{HOME}/commit/{commit}/pullrequests")).await
}

fn numbers(page: &Value) -> Vec<u64> {
    page["values"].as_array().unwrap().iter().map(|row| row["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn cloud_tells_approvals_between_the_updates_they_saw_newest_first() {
    let story = story(|_| {}).await;
    let cloud = story.simulator.cloud();
    let number = pull(&story).await;
    let seen = tip(&story, "fix");
    cloud.pull(HOME, number, story.ada, PullAct::Approve).await.unwrap();
    cloud.pull(HOME, number, story.ada, PullAct::Comment("Good.".to_owned())).await.unwrap();
    cloud.push(HOME, story.bob, &[Change::commits("fix", 1)]).await.unwrap();
    cloud.pull(HOME, number, story.ada, PullAct::Merge).await.unwrap();
    let path = format!("/repositories/{HOME}/pullrequests/{number}/activity");
    let (status, page) = story.get(&story.reader, &path).await;
    assert_eq!((status, page.get("size")), (200, None));
    let rows = page["values"].as_array().unwrap();
    let kinds: Vec<_> = rows
        .iter()
        .map(|row| row.as_object().unwrap().keys().find(|key| *key != "pull_request").unwrap())
        .collect();
    assert_eq!(kinds, ["update", "update", "comment", "approval", "update"]);
    assert_eq!(rows[0]["update"]["state"], "MERGED");
    assert_eq!(rows[1]["update"]["source"]["commit"]["hash"], tip(&story, "fix")[..12]);
    assert_eq!(rows[3]["approval"]["user"]["uuid"], format!("{{{}}}", story.ada));
    assert!(rows[3]["approval"]["date"].is_string());
    assert_eq!(rows[4]["update"]["source"]["commit"]["hash"], seen[..12]);
    let (_, first) = story.get(&story.reader, &format!("{path}?pagelen=2")).await;
    assert_eq!(first["values"].as_array().unwrap().len(), 2);
    assert!(first["next"].is_string());
    assert_eq!(story.get(&story.reader, &format!("{path}?pagelen=51")).await.0, 400);
    assert_eq!(story.get(&story.stranger, &path).await.0, 404);
    assert_eq!(story.get(&story.status, &path).await.0, 403, "repository alone is too little");
}

#[tokio::test]
async fn cloud_tells_which_pull_requests_hold_a_commit_or_were_merged_as_it() {
    let story = story(|_| {}).await;
    let number = pull(&story).await;
    let (root, own) = (tip(&story, "main"), tip(&story, "fix"));
    let (status, open) = of_commit(&story, &own).await;
    assert_eq!((status, numbers(&open)), (200, vec![number]));
    assert_eq!((&open["values"][0]["state"], &open["pagelen"]), (&"OPEN".into(), &30.into()));
    story.simulator.cloud().pull(HOME, number, story.bob, PullAct::Merge).await.unwrap();
    let merge = tip(&story, "main");
    for commit in [&own, &merge, &merge[..12].to_owned()] {
        let (_, page) = of_commit(&story, commit).await;
        assert_eq!(numbers(&page), [number], "{commit}");
        assert_eq!(page["values"][0]["merge_commit"]["hash"], merge[..12]);
    }
    assert_eq!(numbers(&of_commit(&story, &root).await.1), NONE, "it was there before");
    let push = [Change::commits("main", 1)];
    story.simulator.cloud().push(HOME, story.bob, &push).await.unwrap();
    assert_eq!(numbers(&of_commit(&story, &tip(&story, "main")).await.1), NONE, "pushed straight");
    assert_eq!(of_commit(&story, &"0".repeat(40)).await.0, 404);
}

#[tokio::test]
async fn cloud_needs_its_app_for_that_and_the_app_needs_time() {
    let story = story(|company| company.workspaces[0].commit_links = CommitLinks::Off).await;
    let number = pull(&story).await;
    let own = tip(&story, "fix");
    assert_eq!(of_commit(&story, &own).await.0, 404);
    let set = |links| {
        story.simulator.company(|company| company.workspaces[0].commit_links = links);
    };
    set(CommitLinks::Indexing);
    let (status, page) = of_commit(&story, &own).await;
    assert_eq!((status, numbers(&page)), (202, vec![]));
    set(CommitLinks::Indexed);
    let (status, page) = of_commit(&story, &own).await;
    assert_eq!((status, numbers(&page)), (200, vec![number]));
}

#[tokio::test]
async fn data_center_tells_the_same_with_whole_hashes() {
    let mut company = Company::new();
    let dc = &mut company.datacenter;
    for name in ["ada", "bob"] {
        dc.add_user(name, name);
        dc.grant_global(DcHolder::User(name.to_owned()), GlobalLevel::LicensedUser);
    }
    dc.add_project("ONE", "One", None);
    dc.add_repository("ONE", "api");
    for name in ["ada", "bob"] {
        dc.grant("ONE/api", DcHolder::User(name.to_owned()), RepoPermission::Write);
    }
    let password = dc.password("bob");
    let simulator = Simulator::start(company).await.unwrap();
    let tip = |branch: &str| {
        let name = format!("refs/heads/{branch}");
        simulator.company(|company| {
            company.datacenter.repositories[0].git.target(&name).unwrap().commit.clone()
        })
    };
    let get = async |path: String| {
        let url =
            format!("{}/rest/api/latest/projects/ONE/repos/api/{path}", simulator.datacenter_url());
        let request = reqwest::Client::new().get(url).basic_auth("bob", Some(&password));
        request.send().await.unwrap().json::<Value>().await.unwrap()
    };
    let face = simulator.datacenter();
    face.push("ONE/api", "bob", &[Change::new_branch("fix", "main", 1)]).await.unwrap();
    let open = DcOpenPull {
        title: "Fix",
        fork: None,
        source: "fix",
        destination: "main",
        reviewers: vec!["ada".to_owned()],
    };
    let number = face.open_pull("ONE/api", "bob", open).await.unwrap().value;
    let before = get(format!("pull-requests/{number}")).await;
    assert_eq!(before["reviewers"][0].get("lastReviewedCommit"), None);
    face.pull("ONE/api", number, "ada", DcPullAct::Approve).await.unwrap();
    let seen = tip("fix");
    face.push("ONE/api", "bob", &[Change::commits("fix", 1)]).await.unwrap();
    let told = get(format!("pull-requests/{number}")).await;
    assert_eq!(told["reviewers"][0]["lastReviewedCommit"], seen.as_str());
    face.pull("ONE/api", number, "bob", DcPullAct::Merge).await.unwrap();
    let page = get(format!("pull-requests/{number}/activities")).await;
    let rows = page["values"].as_array().unwrap();
    let actions: Vec<_> = rows.iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["MERGED", "RESCOPED", "APPROVED", "OPENED"]);
    assert_eq!(rows[1]["previousFromHash"], seen.as_str());
    assert_eq!(rows[1]["fromHash"], tip("fix").as_str());
    assert_eq!(rows[2]["user"]["name"], "ada");
    for commit in [tip("fix"), tip("main"), seen] {
        assert_eq!(numbers(&get(format!("commits/{commit}/pull-requests")).await), [number]);
    }
    face.push("ONE/api", "bob", &[Change::commits("main", 1)]).await.unwrap();
    let pushed = get(format!("commits/{}/pull-requests", tip("main"))).await;
    assert_eq!(numbers(&pushed), NONE);
}

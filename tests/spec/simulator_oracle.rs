//! The oracle answers the permission questions of the documentation, and the API answers what the oracle says.

use portcullis::simulator::Simulator;
use portcullis::simulator::cloud::CloudCredential;
use portcullis::simulator::cloud::CredentialKind;
use portcullis::simulator::cloud::Holder;
use portcullis::simulator::cloud::Level;
use portcullis::simulator::cloud::ProjectLevel;
use portcullis::simulator::cloud::Role;
use portcullis::simulator::company::Company;
use portcullis::simulator::datacenter::DcHolder;
use portcullis::simulator::datacenter::DcLevel;
use portcullis::simulator::datacenter::GlobalLevel;
use portcullis::simulator::datacenter::ProjectPermission;
use portcullis::simulator::datacenter::RepoPermission;
use portcullis::simulator::oracle;
use serde_json::Value;

fn user(name: &str) -> DcHolder {
    DcHolder::User(name.to_owned())
}

#[test]
fn the_oracle_answers_clouds_documented_cases() {
    let effective = |prepare: &dyn Fn(&mut portcullis::simulator::cloud::Workspace, uuid::Uuid)| {
        let mut company = Company::new();
        let acme = company.workspace("acme", "Acme");
        let who = acme.member("u", "U", Role::Member);
        acme.project("P", "P", false);
        acme.add_repository("r", "P");
        prepare(acme, who);
        let found = acme.repositories.last().unwrap();
        (oracle::cloud_granted(acme, found, who), oracle::cloud_effective(acme, found, who))
    };
    let both = |level| (level, level);
    assert_eq!(effective(&|_, _| {}), both(Level::None));
    assert_eq!(
        effective(&|acme, _| acme.repositories[0].is_private = false),
        (Level::None, Level::Read)
    );
    assert_eq!(effective(&|acme, _| acme.people[0].role = Role::Owner), both(Level::Admin));
    assert_eq!(
        effective(&|acme, who| acme.grant_project(
            "P",
            Holder::User(who),
            ProjectLevel::CreateRepo
        )),
        both(Level::Write),
        "creators write"
    );
    assert_eq!(
        effective(&|acme, who| {
            acme.group("g", "G", &[who]);
            acme.grant_project("P", Holder::Group("g".to_owned()), ProjectLevel::Admin);
            acme.grant("r", Holder::User(who), Level::None);
        }),
        both(Level::Admin),
        "none is no denial"
    );
    assert_eq!(
        effective(&|acme, who| {
            acme.group("g", "G", &[who]);
            acme.groups[0].permission = Some(Level::Write);
        }),
        both(Level::None),
        "default access is for repositories made afterwards"
    );
    assert_eq!(
        effective(&|acme, who| {
            acme.group("g", "G", &[who]);
            acme.groups[0].permission = Some(Level::Write);
            acme.add_repository("later", "P");
        }),
        both(Level::Write)
    );
}

/// The rows of the permission pages, one estate each.
#[test]
fn the_oracle_answers_data_centers_documented_cases() {
    let effective = |prepare: &dyn Fn(&mut portcullis::simulator::datacenter::DataCenter)| {
        let mut company = Company::new();
        let dc = &mut company.datacenter;
        dc.add_user("u", "U");
        dc.add_project("K", "K", None);
        dc.add_repository("K", "r");
        prepare(dc);
        oracle::dc_effective(dc, dc.repositories.last().unwrap(), "u")
    };
    let group = |name: &str| DcHolder::Group(name.to_owned());
    let licensed = GlobalLevel::LicensedUser;
    assert_eq!(
        effective(&|dc| dc.grant("K/r", user("u"), RepoPermission::Admin)),
        DcLevel::None,
        "no licence"
    );
    assert_eq!(effective(&|dc| dc.grant_global(user("u"), licensed)), DcLevel::None);
    assert_eq!(effective(&|dc| dc.grant_global(user("u"), GlobalLevel::Admin)), DcLevel::Admin);
    assert_eq!(
        effective(&|dc| {
            dc.grant_global(user("u"), GlobalLevel::Admin);
            dc.users[0].active = false;
        }),
        DcLevel::None
    );
    assert_eq!(
        effective(&|dc| {
            dc.grant_global(user("u"), licensed);
            dc.project_mut("K").unwrap().public = true;
        }),
        DcLevel::Read
    );
    assert_eq!(
        effective(&|dc| {
            dc.add_group("inner", &["u"], &[]);
            dc.add_group("Outer", &[], &["INNER"]);
            dc.grant_global(group("outer"), licensed);
            dc.grant_project("K", group("inner"), ProjectPermission::RepoCreate);
        }),
        DcLevel::Write,
        "nested licence, creators write"
    );
    assert_eq!(
        effective(&|dc| {
            dc.grant_global(user("u"), licensed);
            dc.grant_project("K", user("u"), ProjectPermission::Admin);
            dc.grant("K/r", user("u"), RepoPermission::Read);
        }),
        DcLevel::Admin,
        "a repository grant never lowers"
    );
    assert_eq!(
        effective(&|dc| {
            dc.grant_global(user("u"), licensed);
            dc.add_project("~U", "U", Some("u"));
            dc.add_repository("~U", "own");
        }),
        DcLevel::Admin,
        "owners have no row"
    );
    assert_eq!(
        effective(&|dc| {
            dc.grant_global(user("u"), licensed);
            dc.project_mut("K").unwrap().default_permission = Some(ProjectPermission::Write);
        }),
        DcLevel::Write
    );
}

#[tokio::test]
async fn random_estates_answer_over_the_api_what_the_oracle_says() {
    for seed in 0..4 {
        let mut company = Company::random_cloud(seed);
        let owner = company.workspaces[0].named("ada").unwrap().uuid;
        let token = company.issue(CloudCredential::new(
            owner,
            CredentialKind::OAuth,
            &["account", "repository"],
        ));
        let simulator = Simulator::start(company).await.unwrap();
        let mut url = Some(format!(
            "{}/workspaces/acme/permissions/repositories?pagelen=100",
            simulator.cloud_api()
        ));
        let mut rows = Vec::new();
        while let Some(next) = url {
            let answer = reqwest::Client::new().get(next).bearer_auth(&token).send().await.unwrap();
            let page: Value = answer.json().await.unwrap();
            rows.extend(page["values"].as_array().unwrap().iter().map(|row| {
                [&row["repository"]["uuid"], &row["user"]["uuid"], &row["permission"]]
                    .map(|one| one.as_str().unwrap().to_owned())
            }));
            url = page["next"].as_str().map(str::to_owned);
        }
        let mut expected: Vec<[String; 3]> = simulator.company(|company| {
            let table = oracle::cloud_table(&company.workspaces[0]).into_iter();
            let held = table.filter(|row| row.2 > Level::None);
            held.map(|(found, who, level, _)| {
                [format!("{{{found}}}"), format!("{{{who}}}"), level.word().to_owned()]
            })
            .collect()
        });
        rows.sort();
        expected.sort();
        assert!(!rows.is_empty());
        assert_eq!(rows, expected, "seed {seed}");
    }
    for seed in 0..4 {
        let mut company = Company::random_datacenter(seed);
        let password = company.datacenter.password("ada");
        let simulator = Simulator::start(company).await.unwrap();
        let names: Vec<(String, String)> = simulator.company(|company| {
            company
                .datacenter
                .repositories
                .iter()
                .map(|one| (one.project.clone(), one.slug.clone()))
                .collect()
        });
        for (key, slug) in names {
            for (word, level) in [
                ("REPO_READ", DcLevel::Read),
                ("REPO_WRITE", DcLevel::Write),
                ("REPO_ADMIN", DcLevel::Admin),
            ] {
                let url = format!(
                    "{}/rest/api/latest/users?limit=1000&permission.1={word}&permission.1.projectKey={key}&permission.1.repositorySlug={slug}",
                    simulator.datacenter_url()
                );
                let answer = reqwest::Client::new()
                    .get(url)
                    .basic_auth("ada", Some(&password))
                    .send()
                    .await
                    .unwrap();
                let page: Value = answer.json().await.unwrap();
                let mut holders: Vec<String> = page["values"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|one| one["name"].as_str().unwrap().to_owned())
                    .collect();
                holders.sort();
                let mut expected: Vec<String> = simulator.company(|company| {
                    let dc = &company.datacenter;
                    let found = dc.repository(&format!("{key}/{slug}")).unwrap();
                    let people = dc.users.iter().filter(|user| !user.service);
                    people
                        .filter(|user| oracle::dc_granted(dc, found, &user.name) >= level)
                        .map(|user| user.name.clone())
                        .collect()
                });
                expected.sort();
                assert_eq!(holders, expected, "seed {seed} {key}/{slug} {word}");
                assert!(holders.iter().any(|name| name == "ada"));
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_estate_and_another_a_different_one() {
    let cloud = |seed| oracle::cloud_table(&Company::random_cloud(seed).workspaces[0]);
    let dc = |seed| oracle::dc_table(&Company::random_datacenter(seed).datacenter);
    assert_eq!(cloud(7), cloud(7));
    assert_ne!(cloud(7), cloud(8));
    assert_eq!(dc(7), dc(7));
    assert_ne!(dc(7), dc(8));
    let odd = (0..30).map(Company::random_datacenter).any(|company| {
        let dc = &company.datacenter;
        dc.users.iter().any(|user| oracle::dc_global(dc, &user.name).is_none())
            && dc.repositories.iter().any(|found| found.archived)
            && dc.groups.iter().any(|group| !group.groups.is_empty())
    });
    assert!(odd, "the estates have unlicensed people, archived repositories and nested groups");
}

#[tokio::test]
async fn personal_projects_are_not_listed_but_are_there_and_filters_after_a_gap_are_ignored() {
    let mut company = Company::random_datacenter(1);
    let password = company.datacenter.password("ada");
    let simulator = Simulator::start(company).await.unwrap();
    let get = async |path: &str| -> Value {
        let url = format!("{}/rest/api/latest{path}", simulator.datacenter_url());
        let request = reqwest::Client::new().get(url).basic_auth("ada", Some(&password));
        request.send().await.unwrap().json().await.unwrap()
    };
    let listed = get("/projects").await;
    assert!(listed["values"].as_array().unwrap().iter().all(|one| one["type"] == "NORMAL"));
    assert_eq!(get("/projects/~ben").await["owner"]["name"], "ben");
    assert_eq!(get("/projects/~ben/repos/repo-0").await["project"]["key"], "~BEN");
    let everybody = get("/users?limit=1000").await;
    let gap = get("/users?limit=1000&permission.2=SYS_ADMIN").await;
    let first = get("/users?limit=1000&permission.1=SYS_ADMIN").await;
    assert_eq!(gap["size"], everybody["size"]);
    assert_eq!(first["size"], 1);
}

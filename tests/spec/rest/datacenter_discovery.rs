//! A discovered Data Center is that Data Center: every level as its own rules have it, every list whole or a gap.

use std::collections::BTreeSet;

use portcullis::bitbucket::Client;
use portcullis::bitbucket::Credential;
use portcullis::graph::Id;
use portcullis::graph::Kind;
use portcullis::graph::Level;
use portcullis::graph::Relation;
use portcullis::graph::Snapshot;
use portcullis::graph::Time;
use portcullis::graph::World;
use portcullis::simulator::Simulator;
use portcullis::simulator::company::Company;
use portcullis::simulator::datacenter::DcHolder;
use portcullis::simulator::datacenter::DcLevel;
use portcullis::simulator::datacenter::GlobalLevel;
use portcullis::simulator::datacenter::ProjectPermission;
use portcullis::simulator::datacenter::RepoPermission;
use portcullis::simulator::datacenter::TokenHome;
use portcullis::simulator::faults::Fault;
use portcullis::simulator::oracle::dc_table;

use crate::spec::rest::WITHIN;
use crate::spec::rest::datacenter_at;
use crate::spec::rest::secret;

const ESTATES: u64 = 30;

fn now() -> Time {
    "2026-11-21T18:05:00Z".parse().unwrap()
}

async fn serve(company: Company, credential: Credential) -> (Simulator, Client) {
    let simulator = Simulator::start(company).await.unwrap();
    let client = datacenter_at(&simulator.datacenter_url(), credential);
    (simulator, client)
}

/// An administrator's password: HTTP tokens never administer.
fn administrator(company: &mut Company) -> Credential {
    let dc = &mut company.datacenter;
    dc.add_user("root", "Root");
    dc.grant_global(DcHolder::User("root".to_owned()), GlobalLevel::SysAdmin);
    Credential::Basic { user: "root".to_owned(), secret: secret(&dc.password("root")) }
}

async fn discover(client: &Client) -> World {
    let world = client.discover(now(), |_| {}).await.unwrap();
    let bytes = world.write();
    assert_eq!(World::read(&bytes).unwrap().write(), bytes, "a world that can be kept");
    world
}

fn level(level: DcLevel) -> Level {
    match level {
        DcLevel::None => Level::None,
        DcLevel::Read => Level::Read,
        DcLevel::Write => Level::Write,
        DcLevel::Admin => Level::Admin,
    }
}

#[tokio::test]
async fn every_level_of_thirty_estates_is_what_data_center_would_enforce() {
    let (mut seen, mut compared, mut open) = (BTreeSet::new(), 0, 0);
    for seed in 0..ESTATES {
        let mut company = Company::random_datacenter(seed);
        let credential = administrator(&mut company);
        let rows = dc_table(&company.datacenter);
        let (_simulator, client) = serve(company, credential).await;
        let world = discover(&client).await;
        let graph = Snapshot::build(1, std::slice::from_ref(&world)).unwrap();
        let number = |kind, number: u64| {
            graph.find(&Id::new(&world.connection.id, kind, &number.to_string()).unwrap())
        };
        for (place, who, wanted) in rows {
            // Service users are not listed; those without any grant are not named.
            let Some(who) = number(Kind::User, who) else { continue };
            let place = number(Kind::Repository, place).unwrap();
            let found = graph.effective(who, place);
            compared += 1;
            // Whether strangers may read what is public is not told: that alone may stay open.
            if found.unknown.is_some() {
                assert!(level(wanted) <= Level::Read, "{seed}: {found:?} {wanted:?}");
                open += 1;
                continue;
            }
            assert_eq!(found.level, level(wanted), "{seed}: {who:?} on {place:?}");
            seen.insert(found.level);
        }
    }
    assert_eq!(seen.len(), 4, "the estates show every level");
    assert!(open * 5 < compared, "{open} of {compared} stayed open");
}

fn estate() -> Company {
    let mut company = Company::new();
    let dc = &mut company.datacenter;
    dc.add_user("ada", "Ada");
    dc.add_user("bob", "Bob");
    dc.add_group("Devs", &["bob"], &[]);
    for name in ["ada", "bob"] {
        dc.grant_global(DcHolder::User(name.to_owned()), GlobalLevel::LicensedUser);
    }
    dc.add_project("ONE", "One", None);
    dc.grant_project("ONE", DcHolder::Group("Devs".to_owned()), ProjectPermission::Write);
    dc.add_repository("ONE", "api");
    dc.grant("ONE/api", DcHolder::User("ada".to_owned()), RepoPermission::Admin);
    dc.restrict("ONE/api", "pull-request-only", "BRANCH", "refs/heads/main");
    dc.restrict("ONE", "fast-forward-only", "MODEL_BRANCH", "production");
    let url = "https://user:canary-4f1d@hooks.example.org/canary-4f1d";
    dc.hook("ONE/api", url, Some("canary-4f1d"), &["repo:refs_changed"]);
    company
}

#[tokio::test]
async fn a_server_is_written_down_without_addresses_and_secrets() {
    let mut company = estate();
    let credential = administrator(&mut company);
    let (simulator, client) = serve(company, credential).await;
    let world = discover(&client).await;
    let written = String::from_utf8(world.write()).unwrap();
    assert!(!written.contains("canary-4f1d"));
    for told in [
        r#""kind":"pull-request-only","match":"branch","pattern":"refs/heads/main""#,
        r#""branch_type":"production""#,
        r#""host":"hooks.example.org""#,
        r#""secret_set":true"#,
        "acme-dc/group/devs",
        r#""default_branch":"main""#,
    ] {
        assert!(written.contains(told), "{told} in {written}");
    }
    // What was discovered can be asked for.
    let repository = world.nodes.iter().find(|node| node.name.as_deref() == Some("ONE/api"));
    let head = simulator.company(|company| {
        company.datacenter.repositories[0].git.target("refs/heads/main").unwrap().commit.clone()
    });
    assert!(client.commit(&repository.unwrap().id, &head, WITHIN).await.is_ok());
}

#[tokio::test]
async fn one_who_may_not_look_finds_gaps_and_never_nobody() {
    let mut company = estate();
    let password = company.datacenter.password("bob");
    let bob = Credential::Basic { user: "bob".to_owned(), secret: secret(&password) };
    let (_simulator, client) = serve(company, bob).await;
    let world = discover(&client).await;
    let gaps: BTreeSet<(Kind, &str)> =
        world.unknown.iter().map(|gap| (gap.about.kind(), gap.field.as_str())).collect();
    for gap in [
        (Kind::Workspace, "grants"),
        (Kind::Project, "grants"),
        (Kind::Project, "default"),
        (Kind::Project, "restrictions"),
        (Kind::Repository, "grants"),
        (Kind::Repository, "restrictions"),
        (Kind::Repository, "hooks"),
    ] {
        assert!(gaps.contains(&gap), "{gap:?} in {gaps:?}");
    }
}

#[tokio::test]
async fn keys_and_tokens_are_found_in_whose_hands_they_are() {
    let mut company = estate();
    let dc = &mut company.datacenter;
    let laptop = dc.key("laptop");
    dc.ssh_keys.push(("bob".to_owned(), laptop));
    dc.list_token("mine", TokenHome::User("bob".to_owned()), &["REPO_WRITE", "PROJECT_READ"]);
    dc.list_token("ci", TokenHome::Repository("ONE/api".to_owned()), &["REPO_WRITE"]);
    dc.list_token("all", TokenHome::Project("ONE".to_owned()), &["REPO_ADMIN", "PROJECT_READ"]);
    let bob = Credential::Basic { user: "bob".to_owned(), secret: secret(&dc.password("bob")) };
    let credential = administrator(&mut company);
    let (simulator, client) = serve(company, credential).await;
    let world = discover(&client).await;
    let id = |name: &str| {
        let node = world.nodes.iter().find(|node| node.name.as_deref() == Some(name));
        node.unwrap_or_else(|| panic!("no {name}")).id.clone()
    };
    let joined = |from: &str, is: Relation, to: &str| {
        let (from, to) = (id(from), id(to));
        world.edges.iter().any(|edge| edge.from == from && edge.is == is && edge.to == to)
    };
    assert!(joined("Bob", Relation::Holds, "laptop"));
    assert!(joined("Bob", Relation::Holds, "mine") && joined("mine", Relation::ActsFor, "Bob"));
    assert!(joined("ci", Relation::Write, "ONE/api"));
    assert!(joined("all", Relation::Admin, "One"));
    assert_eq!(id("laptop").kind(), Kind::Key);
    assert_eq!(id("mine").kind(), Kind::Token);
    assert!(!world.unknown.iter().any(|gap| gap.field == "credentials"));
    // Bob reads his own and nobody else's: that is one gap, and nobody else is asked for.
    simulator.clear_faults();
    let asked =
        || simulator.calls().iter().filter(|call| call.path.contains("/ssh/latest")).count();
    let before = asked();
    let world = discover(&datacenter_at(&simulator.datacenter_url(), bob)).await;
    let gaps: Vec<_> = world.unknown.iter().filter(|gap| gap.field == "credentials").collect();
    assert!(gaps.iter().all(|gap| gap.about.kind() == Kind::Workspace), "{gaps:?}");
    for list in ["SSH keys", "HTTP access tokens"] {
        assert!(gaps.iter().any(|gap| gap.why.contains(list)), "{list}: {gaps:?}");
    }
    assert!(asked() - before <= 6, "one handful, each at most twice");
}

#[tokio::test]
async fn a_credential_that_is_ignored_or_wrong_discovers_nothing() {
    let mut company = estate();
    let credential = administrator(&mut company);
    let (simulator, client) = serve(company, credential).await;
    simulator.lay_fault("/bitbucket/rest/api/latest/repos", Fault::Status(401), None);
    assert_eq!(client.discover(now(), |_| {}).await.unwrap_err().word(), "refused");
    let wrong = Credential::Bearer(secret("wrong"));
    let wrong = datacenter_at(&simulator.datacenter_url(), wrong);
    assert_eq!(wrong.discover(now(), |_| {}).await.unwrap_err().word(), "refused");
}

#[tokio::test]
async fn a_list_that_breaks_off_is_a_gap_and_not_a_short_list() {
    let mut company = estate();
    for number in 0..130 {
        let name = format!("p{number}");
        company.datacenter.add_user(&name, &name);
        company.datacenter.grant("ONE/api", DcHolder::User(name), RepoPermission::Write);
    }
    let credential = administrator(&mut company);
    let (simulator, client) = serve(company, credential).await;
    let grants = |world: &World| {
        world
            .edges
            .iter()
            .filter(|edge| edge.is.as_str() == "write" && edge.to.kind() == Kind::Repository)
            .count()
    };
    assert_eq!(grants(&discover(&client).await), 130, "two pages are one list");
    let path = "/bitbucket/rest/api/latest/projects/ONE/repos/api/permissions/users";
    simulator.lay_fault(path, Fault::Status(500), None);
    let world = discover(&client).await;
    assert_eq!(grants(&world), 0);
    let about = |gap: &&portcullis::graph::world::Unknown| gap.about.kind() == Kind::Repository;
    assert!(world.unknown.iter().filter(about).any(|gap| gap.field == "grants"));
}

//! What is exported from a graph can be imported again: the same people hold the same, of both products.

use portcullis::bitbucket::Client;
use portcullis::bitbucket::Credential;
use portcullis::bitbucket::Server;
use portcullis::bitbucket::TestServer;
use portcullis::bitbucket::datacenter::csv;
use portcullis::graph::Product;
use portcullis::graph::World;
use portcullis::graph::csv as sheet;
use portcullis::simulator::Simulator;
use portcullis::simulator::cloud::CloudCredential;
use portcullis::simulator::cloud::CredentialKind;
use portcullis::simulator::company::Company;

use crate::spec::estate::administrator;
use crate::spec::estate::client;
use crate::spec::estate::levels;
use crate::spec::estate::now;
use crate::spec::estate::secret;

/// Estates of each product.
const ESTATES: u64 = 10;

fn imported(world: &World, text: &str) -> World {
    let (connection, product) = (world.connection.id.clone(), world.connection.product);
    let settings = csv::Settings { connection, product, as_of: world.as_of, names: None };
    let reading = csv::read(text.as_bytes(), &settings).unwrap();
    assert!(reading.ignored.is_empty());
    reading.world
}

/// Exported and imported, everybody's level is as it was, known or not; and exported again, the file is the same.
fn comes_back(world: &World, seed: u64) {
    let text = sheet::permissions(world);
    let back = imported(world, &text);
    let (before, after) = (levels(world), levels(&back));
    assert_eq!(before.len(), after.len(), "{seed}");
    for (key, wanted) in &before {
        let found = &after[key];
        assert_eq!(found.level, wanted.level, "{seed}: {key:?}");
        let (known, was) = (found.unknown.is_none(), wanted.unknown.is_none());
        assert_eq!(known, was, "{seed}: {key:?}: {found:?} {wanted:?}");
    }
    assert_eq!(sheet::permissions(&back), text, "{seed}");
}

#[tokio::test]
async fn data_centers_come_back_from_their_export() {
    for seed in 0..ESTATES {
        let mut company = Company::random_datacenter(seed);
        let credential = administrator(&mut company);
        let simulator = Simulator::start(company).await.unwrap();
        let client = client(&simulator.datacenter_url(), credential);
        comes_back(&client.discover(now(), |_| {}).await.unwrap(), seed);
    }
}

#[tokio::test]
async fn workspaces_come_back_from_their_export() {
    for seed in 0..ESTATES {
        let mut company = Company::random_cloud(seed);
        let owner = company.workspaces[0].people[0].uuid;
        let scopes = ["account", "project", "project:admin", "repository", "repository:admin"];
        let token =
            company.issue(CloudCredential::new(owner, CredentialKind::AccessToken, &scopes));
        let simulator = Simulator::start(company).await.unwrap();
        let test = TestServer { api_url: simulator.cloud_api(), token_url: None };
        let server = Server::Cloud { workspace: "acme".to_owned(), test: Some(test) };
        let credential = Credential::Bearer(secret(&token));
        let connection = "acme-cloud".parse().unwrap();
        let settings = portcullis::bitbucket::Settings { connection, server, credential };
        let client = Client::new(settings).unwrap();
        comes_back(&client.discover(now(), |_| {}).await.unwrap(), seed);
    }
}

#[test]
fn a_name_that_a_spreadsheet_would_calculate_is_only_a_name() {
    let text = r#"{"version":1,"connection":{"id":"acme-dc","product":"datacenter"},"as_of":"2026-11-21T18:05:00.000Z",
        "nodes":[{"id":"acme-dc/workspace/server"},
        {"id":"acme-dc/user/3","name":"=HYPERLINK(\"http://evil\")","nickname":"'-mia","active":true},
        {"id":"acme-dc/group/@all","name":"@all"}],
        "edges":[{"from":"acme-dc/user/3","is":"member","to":"acme-dc/group/@all"},
        {"from":"acme-dc/group/@all","is":"licensed","to":"acme-dc/workspace/server"}],"unknown":[]}"#;
    let world = World::read(text.as_bytes()).unwrap();
    let sheet = sheet::permissions(&world);
    let row = sheet.lines().nth(1).unwrap();
    assert_eq!(
        row,
        r#"GLOBAL,,,,,,''-mia,3,"'=HYPERLINK(""http://evil"")",,true,'@all,'@all,LICENSED_USER"#
    );
    let back = imported(&world, &sheet);
    let names = |world: &World| {
        let name = |node: &portcullis::graph::world::Node| {
            (node.id.to_string(), node.name.clone(), node.attributes.get("nickname").cloned())
        };
        let of = world.nodes.iter().filter(|node| node.id.native() != "server").map(name);
        let mut names: Vec<_> = of.collect();
        names.sort_by(|a, b| a.0.cmp(&b.0));
        names
    };
    assert_eq!(names(&back), names(&world));
    assert_eq!(back.connection.product, Product::DataCenter);
}

#[test]
fn what_is_unknown_stays_unknown_in_the_export() {
    let text = r#"{"version":1,"connection":{"id":"acme-dc","product":"datacenter"},"as_of":"2026-11-21T18:05:00.000Z",
        "nodes":[{"id":"acme-dc/workspace/server"},{"id":"acme-dc/user/3","name":"Mia","nickname":"mia","active":true},
        {"id":"acme-dc/group/devs","name":"Devs"},
        {"id":"acme-dc/project/1","name":"One","key":"ONE","visibility":"private","default":"none"},
        {"id":"acme-dc/project/2","name":"Two","key":"TWO","visibility":"private"}],
        "edges":[{"from":"acme-dc/project/1","is":"in","to":"acme-dc/workspace/server"},
        {"from":"acme-dc/project/2","is":"in","to":"acme-dc/workspace/server"},
        {"from":"acme-dc/group/devs","is":"write","to":"acme-dc/project/1"}],
        "unknown":[{"about":"acme-dc/group/devs","field":"members","why":"w"},
        {"about":"acme-dc/project/2","field":"grants","why":"w"}]}"#;
    let world = World::read(text.as_bytes()).unwrap();
    let sheet = sheet::permissions(&world);
    let rows: Vec<&str> = sheet.lines().skip(1).collect();
    assert_eq!(
        rows,
        [
            "GLOBAL,,,,,,mia,3,Mia,,true,,,NO_ACCESS",
            "PROJECT,ONE,1,,,false,,,,,,,,NO_ACCESS",
            "PROJECT,ONE,1,,,false,,,,,,Devs,devs,PROJECT_WRITE",
            "PROJECT,TWO,2,,,false,,,,,,,,UNKNOWN",
        ]
    );
    let back = imported(&world, &sheet);
    let gap = |about: &str, field: &str| {
        back.unknown.iter().any(|gap| gap.about.as_str() == about && gap.field == field)
    };
    assert!(gap("acme-dc/group/devs", "members") && gap("acme-dc/project/2", "grants"));
    assert!(gap("acme-dc/project/2", "default") && !gap("acme-dc/project/1", "default"));
}

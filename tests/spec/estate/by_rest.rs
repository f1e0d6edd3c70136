//! Many random estates of both products by REST: the level of everybody on every repository is what the simulator's own
//! rules give.

use std::collections::BTreeSet;
use std::ops::Range;

use portcullis::bitbucket::Client;
use portcullis::bitbucket::Credential;
use portcullis::bitbucket::Server;
use portcullis::bitbucket::Settings;
use portcullis::bitbucket::TestServer;
use portcullis::graph::Id;
use portcullis::graph::Kind;
use portcullis::graph::Level;
use portcullis::graph::World;
use portcullis::simulator::Simulator;
use portcullis::simulator::cloud;
use portcullis::simulator::cloud::CloudCredential;
use portcullis::simulator::cloud::CredentialKind;
use portcullis::simulator::company::Company;
use portcullis::simulator::oracle::cloud_table;
use portcullis::simulator::oracle::dc_table;
use tokio::task::JoinSet;

use crate::spec::estate::administrator;
use crate::spec::estate::client;
use crate::spec::estate::graph;
use crate::spec::estate::kept;
use crate::spec::estate::level;
use crate::spec::estate::now;
use crate::spec::estate::secret;

/// Estates of each product that every run reads. The first thirty of each are read elsewhere too.
const EVERY_RUN: Range<u64> = 1_000..1_050;

/// Estates of each product that are read when they are asked for: a thousand in all.
const A_THOUSAND: Range<u64> = 2_000..2_500;

/// Estates at the same time.
const AT_ONCE: usize = 8;

const SCOPES: &[&str] = &[
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

/// What one estate showed: levels that were equal, and answers that stayed open.
struct Shown {
    levels: BTreeSet<Level>,
    asked: usize,
    open: usize,
}

async fn of_cloud(seed: u64) -> Shown {
    let mut company = Company::random_cloud(seed);
    let rows = cloud_table(&company.workspaces[0]);
    let owner = company.workspaces[0].people[0].uuid;
    let token = company.issue(CloudCredential::new(owner, CredentialKind::AccessToken, SCOPES));
    let simulator = Simulator::start(company).await.unwrap();
    let test = TestServer { api_url: simulator.cloud_api(), token_url: None };
    let server = Server::Cloud { workspace: "acme".to_owned(), test: Some(test) };
    let connection = "acme-cloud".parse().unwrap();
    let credential = Credential::Bearer(secret(&token));
    let client = Client::new(Settings { connection, server, credential }).unwrap();
    let world = client.discover(now(), |_| {}).await.unwrap();
    let rows = rows.into_iter().map(|(place, who, _, wanted)| {
        let wanted = match wanted {
            cloud::Level::None => Level::None,
            cloud::Level::Read => Level::Read,
            cloud::Level::Write => Level::Write,
            cloud::Level::Admin => Level::Admin,
        };
        (place.to_string(), who.to_string(), wanted)
    });
    compare(&world, rows, seed)
}

async fn of_datacenter(seed: u64) -> Shown {
    let mut company = Company::random_datacenter(seed);
    company.datacenter.public_access = seed.is_multiple_of(2);
    let credential = administrator(&mut company);
    let rows = dc_table(&company.datacenter);
    let simulator = Simulator::start(company).await.unwrap();
    let client = client(&simulator.datacenter_url(), credential);
    let world = client.discover(now(), |_| {}).await.unwrap();
    let rows = rows
        .into_iter()
        .map(|(place, who, wanted)| (place.to_string(), who.to_string(), level(wanted)));
    compare(&world, rows, seed)
}

fn compare(world: &World, rows: impl Iterator<Item = (String, String, Level)>, seed: u64) -> Shown {
    kept(world);
    let graph = graph(world);
    let find =
        |kind, native: &str| graph.find(&Id::new(&world.connection.id, kind, native).unwrap());
    let mut shown = Shown { levels: BTreeSet::new(), asked: 0, open: 0 };
    for (place, who, wanted) in rows {
        // Bots and service users that are granted nothing are named nowhere.
        let Some(identity) = find(Kind::User, &who).or_else(|| find(Kind::App, &who)) else {
            assert!(wanted <= Level::Read, "{seed}: {who} on {place} is not in the world");
            continue;
        };
        let found = graph.effective(identity, find(Kind::Repository, &place).unwrap());
        shown.asked += 1;
        // Whether strangers may read what is public is told by no API of Data Center: that alone may stay open.
        if found.unknown.is_some() {
            assert!(wanted <= Level::Read && found.level <= wanted, "{seed}: {found:?} {wanted:?}");
            shown.open += 1;
            continue;
        }
        assert_eq!(found.level, wanted, "{seed}: {who} on {place}");
        shown.levels.insert(wanted);
    }
    shown
}

/// Reads these estates of both products, some at a time.
async fn read(seeds: Range<u64>) {
    let (mut running, mut waiting) =
        (JoinSet::new(), seeds.flat_map(|seed| [(seed, 'c'), (seed, 'd')]));
    let mut all = Shown { levels: BTreeSet::new(), asked: 0, open: 0 };
    loop {
        while running.len() < AT_ONCE
            && let Some((seed, product)) = waiting.next()
        {
            running.spawn(async move {
                if product == 'c' { of_cloud(seed).await } else { of_datacenter(seed).await }
            });
        }
        let Some(done) = running.join_next().await else { break };
        let shown = done.unwrap();
        all.levels.extend(shown.levels);
        all.asked += shown.asked;
        all.open += shown.open;
    }
    assert_eq!(all.levels.len(), 4, "the estates show every level");
    assert!(all.open * 10 < all.asked, "{} of {} stayed open", all.open, all.asked);
    eprintln!("{} levels equal, {} open", all.asked - all.open, all.open);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_estates_of_each_product_are_what_bitbucket_would_enforce() {
    read(EVERY_RUN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes: a thousand estates"]
async fn a_thousand_estates_are_what_bitbucket_would_enforce() {
    read(A_THOUSAND).await;
}

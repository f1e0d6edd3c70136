//! Three ways tell who reaches what in one Data Center: REST, its own PostgreSQL and the CSV that an administrator exports.
//! They tell the same, each as far as it tells, and where they differ it is said.

mod by_rest;
mod commands;
mod database;
mod exported;
mod fill;
mod odd;
mod postgres;
mod same;
mod spreadsheet;
mod three_ways;

use std::collections::BTreeMap;

use portcullis::bitbucket::Client;
use portcullis::bitbucket::Credential;
use portcullis::bitbucket::Server;
use portcullis::bitbucket::Settings;
use portcullis::bitbucket::datacenter::database::Database;
use portcullis::bitbucket::datacenter::database::DatabaseError;
use portcullis::bitbucket::datacenter::database::SCHEMA;
use portcullis::bitbucket::datacenter::database::Told;
use portcullis::bitbucket::datacenter::database::home;
use portcullis::graph::Effective;
use portcullis::graph::Kind;
use portcullis::graph::Level;
use portcullis::graph::Snapshot;
use portcullis::graph::Time;
use portcullis::graph::World;
use portcullis::secret::Secret;
use portcullis::simulator::company::Company;
use portcullis::simulator::datacenter::DcHolder;
use portcullis::simulator::datacenter::DcLevel;
use portcullis::simulator::datacenter::GlobalLevel;

/// Of the connection everywhere here.
const CONNECTION: &str = "acme-dc";

fn now() -> Time {
    "2026-11-21T18:05:00Z".parse().unwrap()
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

/// A client of the Data Center at this address.
fn client(base_url: &str, credential: Credential) -> Client {
    let server = Server::DataCenter { base_url: base_url.to_owned() };
    Client::new(Settings { connection: CONNECTION.parse().unwrap(), server, credential }).unwrap()
}

/// An administrator's password: HTTP tokens never administer.
fn administrator(company: &mut Company) -> Credential {
    let dc = &mut company.datacenter;
    dc.add_user("root", "Root");
    dc.grant_global(DcHolder::User("root".to_owned()), GlobalLevel::SysAdmin);
    Credential::Basic { user: "root".to_owned(), secret: secret(&dc.password("root")) }
}

/// What the database at this address tells.
async fn told(url: &str) -> Result<Told, DatabaseError> {
    told_with(url, SCHEMA, None).await
}

async fn told_with(
    url: &str,
    schema: &str,
    authority: Option<Vec<u8>>,
) -> Result<Told, DatabaseError> {
    let settings = portcullis::bitbucket::datacenter::database::Settings {
        url: secret(url),
        schema: schema.to_owned(),
        authority,
    };
    let database = Database::new(&settings)?;
    let told = database.read(home(CONNECTION.parse().unwrap(), "127.0.0.1"), now()).await?;
    kept(&told.world);
    Ok(told)
}

/// A world that can be written and read again.
fn kept(world: &World) {
    let bytes = world.write();
    assert_eq!(World::read(&bytes).unwrap().write(), bytes, "a world that can be kept");
}

fn graph(world: &World) -> Snapshot {
    Snapshot::build(1, std::slice::from_ref(world)).unwrap()
}

/// Every user on every repository, by their ids.
fn levels(world: &World) -> BTreeMap<(String, String), Effective> {
    let graph = graph(world);
    let mut levels = BTreeMap::new();
    for place in graph.all(Kind::Repository) {
        for who in graph.all(Kind::User) {
            let (at, by) = (&graph.node(place).unwrap().id, &graph.node(who).unwrap().id);
            let key = (at.native().to_owned(), by.native().to_owned());
            levels.insert(key, graph.effective(who, place));
        }
    }
    levels
}

const fn level(level: DcLevel) -> Level {
    match level {
        DcLevel::None => Level::None,
        DcLevel::Read => Level::Read,
        DcLevel::Write => Level::Write,
        DcLevel::Admin => Level::Admin,
    }
}

//! Bitbucket is asked as its documentation says, and what it does not answer is said with what would settle it.

mod cloud;
mod datacenter;
mod datacenter_discovery;
mod discovery;
mod faults;
mod hour;
mod issuer;
pub mod raw;
mod scope;

use std::time::Duration;

use portcullis::bitbucket::Client;
use portcullis::bitbucket::Credential;
use portcullis::bitbucket::Server;
use portcullis::bitbucket::Settings;
use portcullis::bitbucket::TestServer;
use portcullis::graph::Id;
use portcullis::secret::Secret;

/// Far longer than any test takes: a deadline only ends what hangs.
const WITHIN: Duration = Duration::from_secs(30);

pub fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

/// A client of the workspace `acme` at this API.
pub fn cloud_at(api_url: &str, credential: Credential) -> Client {
    let test = TestServer { api_url: api_url.to_owned(), token_url: None };
    let server = Server::Cloud { workspace: "acme".to_owned(), test: Some(test) };
    Client::new(Settings { connection: "acme-cloud".parse().unwrap(), server, credential }).unwrap()
}

/// A client of the Data Center at this address.
pub fn datacenter_at(base_url: &str, credential: Credential) -> Client {
    let server = Server::DataCenter { base_url: base_url.to_owned() };
    Client::new(Settings { connection: "acme-dc".parse().unwrap(), server, credential }).unwrap()
}

fn id(text: &str) -> Id {
    text.parse().unwrap()
}

/// A repository id that nobody has.
fn nowhere() -> Id {
    id("acme-cloud/repository/4c5ea1ce-0000-4000-8000-000000000001")
}

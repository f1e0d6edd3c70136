//! Somebody hears it: whoever is to be told is told once, in words that anybody may read, signed, at an address that was
//! judged; and nothing that has to be told is lost.

mod forms;
mod found;
pub(crate) mod gate;
mod routes;
mod signed;
mod told;

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis::notify::Channel;
use portcullis::notify::ChannelId;
use portcullis::notify::Routes;
use portcullis::notify::Settings;
use portcullis::notify::channel::Allowed;
use portcullis::notify::sign::Key;
use portcullis::secret::Secret;
use standardwebhooks::Webhook;

use super::receiver::Got;
use super::receiver::Receiver;
use super::rig::Shape;

/// What stands in the address of a channel and nowhere else.
pub(crate) const TOKEN: &str = "a-token-in-an-address";

/// A secret of the scheme, made of one byte.
pub(crate) fn secret(byte: u8) -> String {
    use base64::Engine;
    format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode([byte; 32]))
}

fn key(secret: &str) -> Key {
    Key::read(&Secret::new(secret.to_owned())).unwrap()
}

fn id(name: &str) -> ChannelId {
    name.parse().unwrap()
}

/// A channel to a receiver on this machine.
fn channel(name: &str, receiver: &Receiver, secrets: &[&str]) -> Arc<Channel> {
    let keys = secrets.iter().map(|secret| key(secret)).collect();
    let allowed = Allowed::read(&["127.0.0.1".to_owned()]).unwrap();
    Arc::new(Channel::new(id(name), &receiver.url, keys, allowed).unwrap())
}

/// Channels, each the security contact of the connection beside it.
pub(crate) fn contacts(of: &[(&str, &str, &Receiver)]) -> Settings {
    let mut channels = BTreeMap::new();
    let mut routes = Routes::default();
    for (connection, name, receiver) in of {
        channels.insert(id(name), channel(name, receiver, &[&secret(1)]));
        routes.contacts.insert(connection.parse().unwrap(), id(name));
    }
    Settings { channels, routes, ..Settings::default() }
}

/// A gate whose security contact is this receiver, at an address with a token in it.
pub(crate) fn heard_by(receiver: &Receiver) -> Shape {
    let more = format!(
        "[[channel]]\nid = \"security\"\nurl = \"{}?token={TOKEN}\"\n\
         secrets = [{{ file = \"FOLDER/channel.whsec\" }}, {{ file = \"FOLDER/next.whsec\" }}]\n\
         allow = [\"127.0.0.1\"]\n[[route]]\nabout = [\"alarm\", \"pause\"]\nto = [\"security\"]\n",
        receiver.url
    );
    Shape {
        contact: Some("security"),
        more,
        files: vec![("channel.whsec", secret(8)), ("next.whsec", secret(9))],
        ..Shape::default()
    }
}

/// Whether an outside implementation of Standard Webhooks believes it.
fn is_believed(got: &Got, secret: &str) -> bool {
    Webhook::new(secret).unwrap().verify(&got.body, &got.headers).is_ok()
}

/// The `type` of a message.
fn kind(got: &Got) -> String {
    got.json()["type"].as_str().unwrap().to_owned()
}

/// Ids of the decisions that a message tells of, one by one or listed.
fn decisions(got: &Got) -> Vec<String> {
    let data = &got.json()["data"];
    let one = |of: &serde_json::Value| of["decision"].as_str().map(str::to_owned);
    let listed = data["decisions"].as_array().into_iter().flatten();
    one(data).into_iter().chain(listed.filter_map(one)).collect()
}

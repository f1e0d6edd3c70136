//! Evidence: what people bring because no API tells it is read whole or not at all, means nobody by a guess, ends when it
//! says, and is forgotten when it is taken back.

mod bad;
mod classes;
mod findings;
mod gate;
mod good;
mod kept;
mod people;
mod walk;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis::graph::Time;
use portcullis::posture::evidence::Refused;
use portcullis::posture::evidence::piece::EvidenceKind;
use portcullis::posture::evidence::piece::Shows;
use portcullis::posture::evidence::read::Asked;
use portcullis::posture::evidence::read::Reading;
use portcullis::posture::evidence::read::read;
use serde_json::Value;
use serde_json::json;

/// Bitbucket Cloud's export, as Atlassian's page shows it, of people of the world here.
pub(crate) const DIRECTORY: &str = "Public Name,Email Address,Last Login (UTC),Has 2SV,On Plan\r\n\
    Mia,mia@acme.example,2023-05-10T17:52:21.523639,yes,yes\r\n\
    Jo,jo@acme.example,2023-06-08T19:53:21.523639,no,yes\r\n\
    Amy Newman (INACTIVE),amy@acme.example,,no,no\r\n";

/// The smallest file that begins and ends as a PNG.
pub(crate) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n....IEND\xaeB`\x82";

fn at(text: &str) -> Time {
    text.parse().unwrap()
}

/// When every file here was true.
fn day() -> Time {
    at("2026-11-20T00:00:00Z")
}

fn mapped(map: &[(&str, &str)]) -> BTreeMap<String, String> {
    map.iter().map(|(ours, theirs)| ((*ours).to_owned(), (*theirs).to_owned())).collect()
}

/// Reads bytes as this kind.
fn reading(kind: EvidenceKind, bytes: &[u8], map: &[(&str, &str)]) -> Result<Reading, Refused> {
    let map = mapped(map);
    read(bytes, Asked { kind, as_of: day(), map: &map, shows: Some(Shows::Enforced) })
}

/// What the API is asked with.
pub(crate) fn wish(connection: &str, kind: &str, bytes: &[u8]) -> Value {
    json!({
        "connection": connection, "kind": kind, "file": "a file", "reason": "for a test",
        "content": STANDARD.encode(bytes),
    })
}

//! What evidence is brought with, judged before the file is read.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::gateway::evidence::EvidenceError;
use crate::gateway::modes::MAX_REASON;
use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::posture::evidence::piece::Coverage;
use crate::posture::evidence::piece::EvidenceKind;
use crate::posture::evidence::piece::LONGEST;
use crate::posture::evidence::piece::Shows;
use crate::posture::evidence::read::MAX_BYTES;

/// Longest name of a file, characters.
const MAX_FILE: usize = 200;

/// The shortest that a piece counts. Less is a mistyped date.
const SHORTEST: Duration = Duration::from_secs(1);

/// What evidence is brought with.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(example = json!({"connection": "acme-cloud", "kind": "user-directory", "as_of": "2026-11-01T00:00:00Z", "file": "user-directory.csv", "reason": "quarterly review", "content": "UHVibGljIE5hbWUsSGFzIDJTVg0KTWlhLHllcw0K"}))]
#[serde(deny_unknown_fields)]
pub struct EvidenceWish {
    /// The connection it is about.
    pub connection: ConnectionId,
    /// What it is.
    pub kind: EvidenceKind,
    /// When it was true; now, if left out.
    #[serde(default)]
    pub as_of: Option<Time>,
    /// Until when it counts; as long as its kind usually does, if left out.
    #[serde(default)]
    pub until: Option<Time>,
    /// Whether it speaks of everybody; as its kind usually does, if left out.
    #[serde(default)]
    pub coverage: Option<Coverage>,
    /// Our names of columns and words → the file's.
    #[serde(default)]
    pub map: BTreeMap<String, String>,
    /// What a picture shows.
    #[serde(default)]
    pub shows: Option<Shows>,
    /// The file's name.
    #[schemars(length(min = 1, max = MAX_FILE))]
    pub file: String,
    /// Why, for the record.
    #[serde(default)]
    #[schemars(length(max = MAX_REASON))]
    pub reason: String,
    /// The file, base64.
    pub content: String,
    /// Only tell what would be understood: nothing is kept.
    #[serde(default)]
    pub preview: bool,
}

/// A wish that makes sense.
pub(super) struct Judged {
    pub(super) as_of: Time,
    pub(super) until: Time,
    pub(super) coverage: Coverage,
    pub(super) bytes: Vec<u8>,
}

fn wrong<T>(why: impl Into<String>) -> Result<T, EvidenceError> {
    Err(EvidenceError::Wish(why.into()))
}

impl EvidenceWish {
    pub(super) fn judged(&self, now: Time) -> Result<Judged, EvidenceError> {
        let file = self.file.trim();
        if file.is_empty() || file.chars().count() > MAX_FILE {
            return wrong(format!("the file needs a name of at most {MAX_FILE} characters"));
        }
        if self.reason.chars().count() > MAX_REASON {
            return wrong(format!("the reason is longer than {MAX_REASON} characters"));
        }
        if self.shows.is_some() && self.kind != EvidenceKind::SecondFactorPolicy {
            return wrong(format!(
                "`shows` is said of a picture, and {} is none",
                self.kind.noun()
            ));
        }
        if !self.map.is_empty() && self.kind == EvidenceKind::SecondFactorPolicy {
            return wrong("a picture has no columns to map");
        }
        let as_of = self.as_of.unwrap_or(now);
        if as_of > now {
            return wrong(format!("it was true only at {as_of}, which is to come"));
        }
        let until = self.until.unwrap_or_else(|| as_of.plus(self.kind.life()));
        if until <= now || until.since(now) < u64::try_from(SHORTEST.as_millis()).unwrap_or(0) {
            return wrong(format!("it ended at {until}: what is over is no evidence"));
        }
        if until > as_of.plus(LONGEST) {
            return wrong(format!(
                "it would count until {until}, and nothing counts longer than {} days after it was true",
                LONGEST.as_secs() / 86_400
            ));
        }
        let coverage = self.coverage.unwrap_or_else(|| self.kind.coverage());
        let fixed =
            matches!(self.kind, EvidenceKind::SecondFactorPolicy | EvidenceKind::Classification);
        if fixed && coverage == Coverage::Part {
            return wrong(format!("{} is whole: it cannot be brought in parts", self.kind.noun()));
        }
        // Base64 has four letters for three bytes.
        if self.content.len() / 4 > MAX_BYTES / 3 + 1 {
            return wrong(format!("the file has more than the {MAX_BYTES} bytes read"));
        }
        let Ok(bytes) = STANDARD.decode(&self.content) else {
            return wrong("`content` is not base64");
        };
        Ok(Judged { as_of, until, coverage, bytes })
    }
}

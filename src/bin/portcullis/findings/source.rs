//! Where findings come from: a gateway, page after page, or a world file.

use portcullis::gateway::findings::FindingStory;
use portcullis::gateway::findings::Findings;
use portcullis::gateway::findings::MAX_PAGE;
use portcullis::gateway::findings::MAX_SCANS;
use portcullis::posture::Catalogue;
use portcullis::posture::Scan;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cli::FindingReach;
use crate::cli::FindingWish;
use crate::client::ApiError;
use crate::client::Operator;
use crate::findings::offline;

/// The findings that are wished for, at most so many.
pub async fn list(
    reach: &FindingReach,
    wish: &FindingWish,
    limit: u32,
) -> Result<Findings, String> {
    if let Some(world) = &reach.world {
        return offline::list(world, reach.policies.as_deref(), wish, limit);
    }
    let operator = Operator::new(&reach.gate).map_err(|error| error.to_string())?;
    let mut all = Findings { findings: Vec::new(), next: None };
    loop {
        let room = limit.saturating_sub(u32::try_from(all.findings.len()).unwrap_or(limit));
        let query = query(wish, all.next.take(), room.min(MAX_PAGE));
        let answer = operator.get("findings", &query).await.map_err(|error| error.to_string())?;
        let page: Findings = read(answer)?;
        all.findings.extend(page.findings);
        all.next = page.next;
        if all.next.is_none() || all.findings.len() >= limit as usize {
            return Ok(all);
        }
    }
}

/// What an export or a report needs beside the findings.
pub struct Ground {
    /// The rules there are.
    pub catalogue: Catalogue,
    /// The newest scans.
    pub scans: Vec<Scan>,
}

/// The rules and the newest scans.
pub async fn ground(reach: &FindingReach) -> Result<Ground, String> {
    if let Some(world) = &reach.world {
        return offline::ground(world, reach.policies.as_deref());
    }
    let operator = Operator::new(&reach.gate).map_err(|error| error.to_string())?;
    let ask = async |path: &str, query: &[(&'static str, String)]| {
        operator.get(path, query).await.map_err(|error| error.to_string())
    };
    let mut scans = ask("posture/scans", &[("limit", MAX_SCANS.to_string())]).await?;
    Ok(Ground {
        catalogue: read(ask("posture/catalogue", &[]).await?)?,
        scans: read(scans.get_mut("scans").map(Value::take).unwrap_or_default())?,
    })
}

/// One page to keep.
pub async fn report(reach: &FindingReach) -> Result<String, String> {
    if let Some(world) = &reach.world {
        return offline::report(world, reach.policies.as_deref());
    }
    let operator = Operator::new(&reach.gate).map_err(|error| error.to_string())?;
    read(operator.get("posture/report", &[]).await.map_err(|error| error.to_string())?)
}

/// One finding with its story.
pub async fn one(reach: &FindingReach, id: &str) -> Result<FindingStory, String> {
    if let Some(world) = &reach.world {
        return offline::one(world, reach.policies.as_deref(), id);
    }
    if !is_id(id) {
        return Err(format!(
            "`{id}` is no finding's id: it is `f-` and 16 hex digits, as `portcullis findings list` shows it"
        ));
    }
    let operator = Operator::new(&reach.gate).map_err(|error| error.to_string())?;
    let answer = operator.get(&format!("findings/{id}"), &[]).await;
    let answer = answer.map_err(|error| match error {
        ApiError::Refused(404, _) => {
            format!("the gateway has no finding `{id}`: `portcullis findings list` shows them")
        }
        other @ (ApiError::NoToken(_)
        | ApiError::Unreachable(..)
        | ApiError::Open(_)
        | ApiError::Refused(..)) => other.to_string(),
    });
    read(answer?)
}

fn is_id(id: &str) -> bool {
    id.strip_prefix("f-")
        .is_some_and(|hex| hex.len() == 16 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// An answer of a gateway.
pub fn read<T: DeserializeOwned>(answer: Value) -> Result<T, String> {
    serde_json::from_value(answer).map_err(|error| {
        format!("the gateway's answer cannot be read ({error}): is it of another version than this program?")
    })
}

fn query(wish: &FindingWish, after: Option<String>, limit: u32) -> Vec<(&'static str, String)> {
    let text = |one: &Option<String>| one.clone().unwrap_or_default();
    vec![
        ("connection", text(&wish.connection)),
        ("outcome", wish.outcome.map(|word| word.to_string()).unwrap_or_default()),
        ("state", wish.state.map(|word| word.to_string()).unwrap_or_default()),
        ("severity", wish.severity.map(|word| word.to_string()).unwrap_or_default()),
        ("category", text(&wish.category)),
        ("rule", text(&wish.rule)),
        ("subject", text(&wish.subject)),
        ("owner", text(&wish.owner)),
        ("after", after.unwrap_or_default()),
        ("limit", limit.to_string()),
    ]
}

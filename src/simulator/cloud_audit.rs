//! The Atlassian organisation of a workspace and its audit log: `admin/v1/orgs/{orgId}/events`, newest first.
//!
//! Written from "Organizations REST API", group Events: a key of the organisation, Atlassian Guard, and ten requests a
//! minute. The next page's cursor does not remember the window that was asked for. It does not write itself: tests plant
//! what it says.

use std::collections::VecDeque;

use jiff::SignedDuration;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use crate::simulator::answer::Answer;
use crate::simulator::answer::Here;
use crate::simulator::answer::Reply;
use crate::simulator::answer::Request;
use crate::simulator::company::Company;

/// Requests a minute.
const A_MINUTE: usize = 10;

/// Events a page where none is asked for, and at most.
const USUAL: usize = 25;
const MOST: usize = 500;

/// An organisation.
#[derive(Debug)]
pub struct Organization {
    /// Its id.
    pub id: String,
    /// Its API key.
    pub key: String,
    /// Whether it has Atlassian Guard: without it there are no events.
    pub guard: bool,
    /// Every event, in the order in which they were written: not always that of their times.
    pub events: Vec<OrgEvent>,
    /// Pages are no longer than this, whatever is asked for.
    pub page: Option<usize>,
    /// Each page begins with the last event of the one before.
    pub overlapping: bool,
    /// When it was asked within the last minute.
    pub asked: VecDeque<Timestamp>,
}

/// An event.
#[derive(Debug, Clone)]
pub struct OrgEvent {
    /// Its id.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Of which product: `bitbucket`, or another one.
    pub product: &'static str,
    /// What was done.
    pub action: String,
    /// Atlassian account of who did it; none: nobody is named.
    pub actor: Option<String>,
    /// Type, id and slug of what it was done to.
    pub context: Vec<(&'static str, String, Option<String>)>,
}

impl Organization {
    /// One with Guard and no events.
    pub fn new(id: &str, key: &str) -> Self {
        Self {
            id: id.to_owned(),
            key: key.to_owned(),
            guard: true,
            events: Vec::new(),
            page: None,
            overlapping: false,
            asked: VecDeque::new(),
        }
    }
}

fn error(status: u16, title: &str) -> Answer {
    Answer::json(status, &json!({"errors": [{"status": status.to_string(), "title": title}]}))
}

/// Answers a question for events.
pub(crate) fn events(company: &mut Company, request: &Request, here: &Here, id: &str) -> Reply {
    let known = company.organizations.iter_mut().find(|known| known.id == id);
    let bearer = request.authorization.as_deref().and_then(|header| header.strip_prefix("Bearer "));
    let organization = known
        .filter(|known| bearer == Some(known.key.as_str()))
        .ok_or_else(|| error(401, "Unauthorized"))?;
    let minute = SignedDuration::from_secs(60);
    while organization.asked.front().is_some_and(|at| here.now.duration_since(*at) >= minute) {
        organization.asked.pop_front();
    }
    if organization.asked.len() >= A_MINUTE {
        return Err(error(429, "Too many requests"));
    }
    organization.asked.push_back(here.now);
    if !organization.guard {
        return Err(error(403, "The organization has no subscription to Atlassian Guard"));
    }
    let millis = |name: &str| match request.param(name) {
        None => Ok(None),
        Some(text) => text.parse::<i64>().map(Some).map_err(|_| error(400, "Not a time")),
    };
    let (from, to) = (millis("from")?, millis("to")?);
    let limit = match request.param("limit") {
        None => USUAL,
        Some(text) => text.parse::<usize>().map_err(|_| error(400, "Not a limit"))?.clamp(1, MOST),
    };
    let limit = limit.min(organization.page.unwrap_or(MOST)).max(2);
    let within = |event: &&OrgEvent| {
        let at = event.at.as_millisecond();
        request.param("product").is_none_or(|product| product == event.product)
            && from.is_none_or(|from| at >= from)
            && to.is_none_or(|to| at <= to)
    };
    let mut all: Vec<&OrgEvent> = organization.events.iter().filter(within).collect();
    all.sort_by_key(|event| (std::cmp::Reverse(event.at), event.id.clone()));
    let start = match request.param("cursor") {
        None => 0,
        Some(cursor) => {
            let last = all.iter().position(|event| event.id == cursor);
            let last = last.ok_or_else(|| error(400, "Not a cursor of this list"))?;
            if organization.overlapping { last } else { last + 1 }
        }
    };
    let shown: Vec<&&OrgEvent> = all.iter().skip(start).take(limit).collect();
    let more = start + shown.len() < all.len();
    let next = shown.last().filter(|_| more).map(|event| event.id.clone());
    let data: Vec<Value> = shown.iter().map(|event| told(event)).collect();
    let link = format!("{}{}", here.base, request.path);
    Answer::ok(&json!({
        "data": data, "meta": {"next": next, "page_size": limit}, "links": {"self": link},
    }))
}

fn told(event: &OrgEvent) -> Value {
    let context: Vec<Value> = event
        .context
        .iter()
        .map(|(kind, id, slug)| json!({"id": id, "type": kind, "attributes": {"slug": slug}}))
        .collect();
    json!({
        "id": event.id, "type": "events",
        "attributes": {
            "time": event.at.to_string(), "action": event.action,
            "actor": event.actor.as_ref().map(|id| json!({
                "id": id, "name": "Somebody", "email": "somebody@acme.example",
            })),
            "context": context, "container": [],
            "location": {"ip": "10.1.2.3", "countryName": "Germany"},
        },
        "message": {"content": "Somebody did something", "format": "ADF"},
    })
}

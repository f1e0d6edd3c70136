//! Data Center's audit log: `rest/auditing/1.0/events`, newest first, a page by its cursor; and the same lines as they stand
//! in the files of a node.
//!
//! Written from "Audit log improvements for developers" and from recorded lines. Only a global administrator reads the
//! whole log. It does not write itself: tests plant what it says.

use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use crate::simulator::answer::Answer;
use crate::simulator::answer::Reply;
use crate::simulator::answer::dc_error;
use crate::simulator::datacenter::DataCenter;
use crate::simulator::datacenter::GlobalLevel;
use crate::simulator::datacenter_rest::DcAsk;
use crate::simulator::datacenter_rest::missing;

/// Lines a page where none is asked for.
const USUAL: usize = 200;

/// Most lines a page.
const MOST: usize = 100_000;

/// A line of the log.
#[derive(Debug, Clone)]
pub struct DcAuditLine {
    /// When.
    pub at: Timestamp,
    /// Login name of who did it; none: the system.
    pub author: Option<String>,
    /// The plugin's own word, such as `bitbucket.service.user.audit.action.repositorypermissiongranted`.
    pub action: String,
    /// Kind, id and name of what it was done to: `USER`, `GROUP`, `PROJECT`, `REPOSITORY`.
    pub objects: Vec<(&'static str, String, String)>,
    /// What it was set to.
    pub value: String,
}

/// The log, and how it misbehaves.
#[derive(Debug, Clone, Default)]
pub struct DcAuditLog {
    /// Every line, in the order in which they were written: not always that of their times.
    pub lines: Vec<DcAuditLine>,
    /// Pages are no longer than this, whatever is asked for.
    pub page: Option<usize>,
    /// Each page begins with the last line of the one before.
    pub overlapping: bool,
}

/// Answers a question for events.
pub(crate) fn events(dc: &DataCenter, ask: &DcAsk<'_>, rest: &[&str]) -> Reply {
    if ask.request.method != "GET" || rest != ["events"] {
        return Err(missing());
    }
    ask.by.global(dc, GlobalLevel::Admin)?;
    let wrong = |name: &'static str| {
        dc_error(400, Some(name), &format!("{name} cannot be read"), "ArgumentValidationException")
    };
    let time = |name: &'static str| match ask.request.param(name) {
        None => Ok(None),
        Some(text) => text.parse::<Timestamp>().map(Some).map_err(|_| wrong(name)),
    };
    let (from, to) = (time("from")?, time("to")?);
    let limit = match ask.request.param("limit") {
        None => USUAL,
        Some(text) => text.parse::<usize>().map_err(|_| wrong("limit"))?.clamp(1, MOST),
    };
    let limit = limit.min(dc.audit.page.unwrap_or(MOST));
    let cursor = match ask.request.param("pageCursor") {
        None => None,
        Some(text) => Some(place(text).ok_or_else(|| wrong("pageCursor"))?),
    };
    let within = |line: &DcAuditLine| {
        from.is_none_or(|from| line.at >= from) && to.is_none_or(|to| line.at <= to)
    };
    let mut all: Vec<(i64, usize, &DcAuditLine)> = dc
        .audit
        .lines
        .iter()
        .enumerate()
        .filter(|(_, line)| within(line))
        .map(|(number, line)| (line.at.as_millisecond(), number + 1, line))
        .collect();
    all.sort_by_key(|(at, number, _)| std::cmp::Reverse((*at, *number)));
    let after = |(at, number, _): &(i64, usize, &DcAuditLine)| {
        cursor.is_none_or(|cursor| {
            if dc.audit.overlapping { (*at, *number) <= cursor } else { (*at, *number) < cursor }
        })
    };
    let left: Vec<_> = all.into_iter().filter(after).collect();
    // With one line from the page before, a page of one would never get on.
    let shown: Vec<_> = left.iter().take(limit.max(2)).collect();
    let last = shown.len() == left.len();
    let next = shown.last().filter(|_| !last).map(|(at, number, _)| format!("{at},{number}"));
    let link = next.as_ref().map(|next| {
        format!("{}/bitbucket/rest/auditing/1.0/events?pageCursor={next}", ask.here.base)
    });
    let entities: Vec<Value> = shown.iter().map(|(_, _, line)| by_rest(dc, line)).collect();
    Answer::ok(&json!({
        "entities": entities,
        "pagingInfo": {
            "lastPage": last, "size": entities.len(), "nextPageCursor": next, "nextPageLink": link,
        },
    }))
}

/// `timestampMillis,id`.
fn place(text: &str) -> Option<(i64, usize)> {
    let (at, number) = text.split_once(',')?;
    Some((at.parse().ok()?, number.parse().ok()?))
}

fn author(dc: &DataCenter, line: &DcAuditLine) -> Value {
    let Some(name) = &line.author else {
        return json!({"id": "-1", "name": "System", "type": "system"});
    };
    let id = dc.user(name).map_or_else(|| "0".to_owned(), |user| user.id.to_string());
    json!({"id": id, "name": name, "type": "NORMAL"})
}

fn objects(line: &DcAuditLine) -> Vec<Value> {
    line.objects
        .iter()
        .map(|(kind, id, name)| json!({"name": name, "type": kind, "id": id}))
        .collect()
}

fn extra(line: &DcAuditLine) -> Value {
    json!([{"nameI18nKey": "bitbucket.audit.attribute.legacy.details", "name": "details", "value": line.value}])
}

fn by_rest(dc: &DataCenter, line: &DcAuditLine) -> Value {
    let at = Timestamp::from_millisecond(line.at.as_millisecond()).unwrap_or(line.at);
    json!({
        "timestamp": format!("{at:.3}"), "author": author(dc, line),
        "type": {
            "categoryI18nKey": "bitbucket.service.audit.category.permissions", "category": "Permissions",
            "actionI18nKey": line.action, "action": "Something was done",
        },
        "affectedObjects": objects(line), "changedValues": [], "source": "10.50.73.5",
        "system": "http://bitbucket.internal:7990", "node": "8767044c-1b98-4d64-82db-ef29af8c3792",
        "method": "Browser", "extraAttributes": extra(line),
    })
}

impl DataCenter {
    /// The log as it stands in a file of one node.
    pub fn audit_file(&self) -> String {
        let mut file = String::new();
        for line in &self.audit.lines {
            let millis = line.at.as_millisecond();
            let entry = json!({
                "affectedObjects": objects(line),
                "auditType": {
                    "action": "Something was done", "actionI18nKey": line.action, "area": "PERMISSIONS",
                    "category": "Permissions", "level": "BASE",
                },
                "author": author(self, line), "changedValues": [], "extraAttributes": extra(line),
                "method": "Browser", "node": "8767044c-1b98-4d64-82db-ef29af8c3792", "source": "10.50.73.5",
                "system": "http://bitbucket.internal:7990",
                "timestamp": {
                    "epochSecond": millis.div_euclid(1_000), "nano": millis.rem_euclid(1_000) * 1_000_000,
                },
                "version": "1.0",
            });
            file.push_str(&entry.to_string());
            file.push('\n');
        }
        file
    }
}

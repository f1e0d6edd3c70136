//! What a connection is, in words: what was found out, what stays unknown, which webhooks it has, where it is revoked.

use serde_json::Value;

use crate::json::at;
use crate::layout::wrapped;
use crate::operator::rows;
use crate::operator::table::listing;
use crate::operator::table::table;
use crate::operator::text;

/// All of it.
pub fn connected(done: &Value) -> String {
    let found = at(done, "/found");
    let mut parts = vec![head(done, found), scopes(found), hooks(done)];
    parts.push(if at(done, "/preview") == true {
        "A preview: nothing is kept, and nothing was written to Bitbucket.".to_owned()
    } else {
        after(done)
    });
    parts.join("\n\n")
}

/// What holds from now on, and where it is taken back.
pub fn after(done: &Value) -> String {
    let id = text(done, "id");
    let mut lines = vec![
        format!(
            "{id} is connected. Every rule is in shadow there: asked and recorded, stopping nobody."
        ),
        format!(
            "It is being read now: `portcullis sync {id}` shows how far that is, `portcullis doctor {id}` whether all is well."
        ),
        "You see and revoke what the gate was given here:".to_owned(),
    ];
    let revoke = rows(done, "revoke");
    let places = revoke.iter().filter_map(Value::as_str);
    lines.extend(places.flat_map(|place| wrapped(place, 2)));
    lines.join("\n")
}

fn head(done: &Value, found: &Value) -> String {
    let mut lines =
        vec![format!("{}: {} ({})", text(done, "id"), text(found, "name"), text(done, "product"))];
    let version = text(found, "version");
    if !version.is_empty() {
        lines.extend(wrapped(&version, 2));
    }
    let mut add = |title: &str, said: String| {
        if !said.is_empty() {
            lines.extend(wrapped(&format!("{title}: {said}"), 2));
        }
    };
    add("acts as", text(found, "acts_as"));
    let plan = at(found, "/plan");
    add("plan", format!("{} ({})", text(plan, "plan"), text(plan, "how")));
    add("so these do not bind", words(plan, "does_not_bind").join("; "));
    add("roles", words(found, "roles").join("; "));
    add(
        "more than the profile needs, take it away if nobody else does",
        words(found, "more_than_needed").join(", "),
    );
    lines.join("\n")
}

/// Every scope: whether it is there, and what stays unknown without it. A table of this would be wider than a screen.
fn scopes(found: &Value) -> String {
    let entry = |seen: &Value| {
        let head = format!(
            "{:<8} {:<18} ({})",
            text(seen, "state"),
            text(seen, "scope"),
            text(seen, "profile")
        );
        let feeds = words(seen, "feeds").join(", ");
        [head, text(seen, "grants"), format!("unknown without it: {feeds}")]
    };
    let all = rows(found, "scopes");
    listing(all.iter().map(entry), "no scope was tried")
}

/// The table of webhooks.
pub fn hooks(done: &Value) -> String {
    let row = |hook: &Value| {
        let state = match at(hook, "/why").as_str() {
            Some(why) => why.to_owned(),
            None if at(done, "/preview") == true => "would be registered".to_owned(),
            None => "registered".to_owned(),
        };
        let events = rows(hook, "events").len().to_string();
        [text(hook, "place"), events, state, words(hook, "left_out").join("; ")]
    };
    let all = rows(done, "hooks");
    table(&["webhook on", "events", "state", "left out"], all.iter().map(row), "no webhook")
}

fn words(answer: &Value, member: &str) -> Vec<String> {
    rows(answer, member).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

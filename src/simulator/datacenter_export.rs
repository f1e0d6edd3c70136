//! The CSV of users and their permissions that an administrator of a Data Center exports. Atlassian documents that there
//! is one and not its columns; these are the ones its pages show: names of people, groups, projects and repositories,
//! no numbers. RFC 4180 as the product's other exports: CRLF, a header, quotes doubled.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::simulator::datacenter::DataCenter;
use crate::simulator::datacenter::DcHolder;
use crate::simulator::oracle::dc_groups;

const HEADER: &str =
    "Scope,Project,Repository,Username,Full name,Email address,Active,Granted via,Permission\r\n";

/// The export: a row for everyone who holds a permission, once for each way.
pub fn export_permissions(dc: &DataCenter) -> String {
    let mut out = HEADER.to_owned();
    let mut seen = BTreeSet::new();
    for grant in &dc.global {
        rows(dc, &mut out, ["GLOBAL", "", "", grant.level.word()], &grant.to, &mut seen);
    }
    for project in &dc.projects {
        let key = project.key.as_str();
        for grant in &project.grants {
            rows(dc, &mut out, ["PROJECT", key, "", grant.level.word()], &grant.to, &mut seen);
        }
        let default = project.default_permission.map_or("No access", |level| level.word());
        let _ = write!(out, "PROJECT,{},,,,,,,{default}\r\n", quoted(key));
        if let Some(owner) = &project.owner {
            let to = DcHolder::User(owner.clone());
            rows(dc, &mut out, ["PROJECT", key, "", "PROJECT_ADMIN"], &to, &mut seen);
        }
    }
    for found in &dc.repositories {
        for grant in &found.grants {
            let place = ["REPOSITORY", &found.project, &found.slug, grant.level.word()];
            rows(dc, &mut out, place, &grant.to, &mut seen);
        }
    }
    for user in dc.users.iter().filter(|user| !user.service && !seen.contains(&user.name)) {
        let nothing = ["GLOBAL", "", "", "No access"];
        row(dc, &mut out, nothing, (&user.name, ""));
    }
    out
}

/// A group's permission is everybody's in it.
fn rows(
    dc: &DataCenter,
    out: &mut String,
    place: [&str; 4],
    to: &DcHolder,
    seen: &mut BTreeSet<String>,
) {
    match to {
        DcHolder::User(name) => {
            row(dc, out, place, (name, ""));
            seen.insert(name.clone());
        }
        DcHolder::Group(group) => {
            for user in dc.users.iter().filter(|user| !user.service) {
                if dc_groups(dc, &user.name).contains(&group.to_lowercase()) {
                    row(dc, out, place, (&user.name, group));
                    seen.insert(user.name.clone());
                }
            }
        }
    }
}

fn row(
    dc: &DataCenter,
    out: &mut String,
    [scope, project, repository, permission]: [&str; 4],
    (name, group): (&str, &str),
) {
    let Some(user) = dc.user(name) else { return };
    let cells = [
        scope,
        project,
        repository,
        &user.name,
        &user.display_name,
        &user.email,
        if user.active { "true" } else { "false" },
        group,
        permission,
    ];
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    let _ = write!(out, "{}\r\n", cells.join(","));
}

fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

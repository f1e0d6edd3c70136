//! A simulated Data Center as the rows that its database would hold.

use std::fmt::Write as _;

use portcullis::simulator::datacenter::AccessKey;
use portcullis::simulator::datacenter::DataCenter;
use portcullis::simulator::datacenter::DcHolder;
use portcullis::simulator::datacenter::DcHook;
use portcullis::simulator::datacenter::DcRestriction;
use portcullis::simulator::datacenter::GlobalLevel;
use portcullis::simulator::datacenter::ProjectPermission;
use portcullis::simulator::datacenter::RepoPermission;

pub const SCHEMA: &str = include_str!("schema.sql");

/// Numbers of the service users behind access keys start here.
const SERVICES: u64 = 1_000_000;

/// Schema and rows.
pub fn rows(dc: &DataCenter) -> String {
    let mut out = SCHEMA.to_owned();
    people(&mut out, dc);
    for grant in &dc.global {
        let number = match grant.level {
            GlobalLevel::LicensedUser => 9,
            GlobalLevel::ProjectCreate => 5,
            GlobalLevel::Admin => 6,
            GlobalLevel::SysAdmin => 7,
        };
        let holder = holder(dc, &grant.to);
        line(
            &mut out,
            "sta_global_permission (perm_id, group_name, user_id)",
            &[number.to_string(), holder],
        );
    }
    places(&mut out, dc);
    out
}

fn people(out: &mut String, dc: &DataCenter) {
    for user in &dc.users {
        let number = user.id.to_string();
        line(out, "stash_user (id)", std::slice::from_ref(&number));
        let (name, shown) = (text(&user.name), text(&user.display_name));
        if user.service {
            let cells =
                [number, shown, user.active.to_string(), name.clone(), name, text("internal")];
            line(
                out,
                "sta_service_user (user_id, display_name, active, name, slug, label)",
                &cells,
            );
            continue;
        }
        line(
            out,
            "sta_normal_user (user_id, name, slug)",
            &[number, name.clone(), text(&user.slug)],
        );
        let active = text(if user.active { "T" } else { "F" });
        let cells =
            [name, text(&user.name.to_lowercase()), shown, text(&user.email), "100".into(), active];
        let columns =
            "(user_name, lower_user_name, display_name, email_address, directory_id, is_active)";
        line(out, &format!("cwd_user {columns}"), &cells);
    }
    for group in &dc.groups {
        let (name, lower) = (text(&group.name), text(&group.name.to_lowercase()));
        let cells = [name.clone(), lower.clone(), "100".to_owned(), text("T")];
        line(out, "cwd_group (group_name, lower_group_name, directory_id, is_active)", &cells);
        let users = group.members.iter().map(|member| ("GROUP_USER", member));
        let groups = group.groups.iter().map(|inner| ("GROUP_GROUP", inner));
        for (kind, child) in users.chain(groups) {
            let cells = [
                text(kind),
                name.clone(),
                lower.clone(),
                text(child),
                text(&child.to_lowercase()),
                "100".to_owned(),
            ];
            let columns = "(membership_type, parent_name, lower_parent_name, child_name, lower_child_name, directory_id)";
            line(out, &format!("cwd_membership {columns}"), &cells);
        }
    }
}

fn places(out: &mut String, dc: &DataCenter) {
    for project in &dc.projects {
        let number = project.id.to_string();
        let kind = i32::from(project.owner.is_some()).to_string();
        let cells = [number.clone(), text(&project.name), text(&project.key), kind];
        line(out, "project (id, name, project_key, project_type)", &cells);
        match &project.owner {
            Some(owner) => {
                let owner = dc.user(owner).unwrap().id.to_string();
                line(out, "sta_personal_project", &[number.clone(), owner]);
            }
            None => line(out, "sta_normal_project", &[number.clone(), project.public.to_string()]),
        }
        let columns = "sta_project_permission (perm_id, project_id, group_name, user_id)";
        for grant in &project.grants {
            let level = on_project(grant.level).to_owned();
            line(out, columns, &[level, number.clone(), holder(dc, &grant.to)]);
        }
        if let Some(level) = project.default_permission {
            line(out, columns, &[on_project(level).to_owned(), number, "NULL, NULL".to_owned()]);
        }
    }
    for found in &dc.repositories {
        let home = dc.project(&found.project).unwrap().id.to_string();
        let slug = text(&found.slug);
        let cells = [
            found.id.to_string(),
            slug.clone(),
            slug,
            "1".to_owned(),
            home,
            text("git"),
            text("h"),
            "true".to_owned(),
            found.public.to_string(),
            found.archived.to_string(),
        ];
        let columns = "(id, slug, name, state, project_id, scm_id, hierarchy_id, is_forkable, is_public, is_archived)";
        line(out, &format!("repository {columns}"), &cells);
        for grant in &found.grants {
            let level = match grant.level {
                RepoPermission::Read => "0",
                RepoPermission::Write => "1",
                RepoPermission::Admin => "8",
            };
            let cells = [level.to_owned(), found.id.to_string(), holder(dc, &grant.to)];
            line(out, "sta_repo_permission (perm_id, repo_id, group_name, user_id)", &cells);
        }
    }
    for found in dc.repositories.iter().filter(|found| found.origin.is_some()) {
        let cells = [found.id.to_string(), found.origin.unwrap().to_string()];
        line(out, "sta_repo_origin", &cells);
    }
    for project in &dc.projects {
        let place = ("PROJECT", project.id);
        keys(out, place, &project.access_keys);
        hooks(out, place, &project.hooks);
        rules(out, dc, place, &project.restrictions);
    }
    for found in &dc.repositories {
        let place = ("REPOSITORY", found.id);
        keys(out, place, &found.access_keys);
        hooks(out, place, &found.hooks);
        rules(out, dc, place, &found.restrictions);
    }
}

fn on_project(level: ProjectPermission) -> &'static str {
    match level {
        ProjectPermission::Read => "2",
        ProjectPermission::Write => "3",
        ProjectPermission::RepoCreate => "11",
        ProjectPermission::Admin => "4",
    }
}

/// A key is granted through a service user of its own.
fn keys(out: &mut String, (scope, place): (&str, u64), keys: &[AccessKey]) {
    for key in keys {
        let (service, name) = ((SERVICES + key.id).to_string(), text(&format!("key-{}", key.id)));
        let _ = writeln!(
            out,
            "INSERT INTO stash_user VALUES ({service}) ON CONFLICT DO NOTHING;
             INSERT INTO sta_service_user (user_id, display_name, active, name, slug, label)
             VALUES ({service}, {name}, true, {name}, {name}, 'ssh-access-keys') ON CONFLICT DO NOTHING;
             INSERT INTO \"AO_FB71B4_SSH_PUBLIC_KEY\" VALUES ({}, {service}, {}, {}) ON CONFLICT DO NOTHING;",
            key.id,
            text(&key.text),
            text(&key.label),
        );
        let (table, level) = match (scope, key.write) {
            ("PROJECT", true) => ("sta_project_permission (perm_id, project_id, user_id)", "3"),
            ("PROJECT", false) => ("sta_project_permission (perm_id, project_id, user_id)", "2"),
            (_, true) => ("sta_repo_permission (perm_id, repo_id, user_id)", "1"),
            (_, false) => ("sta_repo_permission (perm_id, repo_id, user_id)", "0"),
        };
        line(out, table, &[level.to_owned(), place.to_string(), service]);
    }
}

fn hooks(out: &mut String, (scope, place): (&str, u64), hooks: &[DcHook]) {
    for hook in hooks {
        let number = hook.id.to_string();
        let cells = [
            number.clone(),
            text(&hook.name),
            text(&hook.url),
            hook.active.to_string(),
            text(&scope.to_lowercase()),
            text(&place.to_string()),
            hook.verify_tls.to_string(),
        ];
        let columns = "(\"ID\", \"NAME\", \"URL\", \"ACTIVE\", \"SCOPE_TYPE\", \"SCOPE_ID\", \"SSL_VERIFICATION_REQUIRED\")";
        line(out, &format!("\"AO_A0B856_WEBHOOK\" {columns}"), &cells);
        for event in &hook.events {
            let cells = [text(event), number.clone()];
            line(out, "\"AO_A0B856_WEBHOOK_EVENT\" (\"EVENT_ID\", \"WEBHOOKID\")", &cells);
        }
        if let Some(secret) = &hook.secret {
            let cells = [text("secret"), text(secret), number];
            line(out, "\"AO_A0B856_WEBHOOK_CONFIG\" (\"KEY\", \"VALUE\", \"WEBHOOKID\")", &cells);
        }
    }
}

fn rules(out: &mut String, dc: &DataCenter, (scope, place): (&str, u64), rules: &[DcRestriction]) {
    for rule in rules {
        let number = rule.id.to_string();
        let cells = [
            number.clone(),
            text(&rule.matcher_type),
            text(&rule.matcher_id),
            text(&rule.kind),
            place.to_string(),
            text(scope),
        ];
        line(out, "\"AO_6978BB_RESTRICTED_REF\"", &cells);
        let users =
            rule.users.iter().map(|name| ("USER_ID", dc.user(name).unwrap().id.to_string()));
        let groups = rule.groups.iter().map(|name| ("GROUP_ID", text(name)));
        let keys = rule.access_keys.iter().map(|key| ("ACCESS_KEY_ID", key.to_string()));
        for (column, value) in users.chain(groups).chain(keys) {
            let table =
                format!("\"AO_6978BB_PERMITTED_ENTITY\" (\"FK_RESTRICTED_ID\", \"{column}\")");
            line(out, &table, &[number.clone(), value]);
        }
    }
}

/// Group and user of a grant.
fn holder(dc: &DataCenter, holder: &DcHolder) -> String {
    match holder {
        DcHolder::User(name) => format!("NULL, {}", dc.user(name).unwrap().id),
        DcHolder::Group(name) => format!("{}, NULL", text(name)),
    }
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

fn line(out: &mut String, table: &str, cells: &[String]) {
    let _ = writeln!(out, "INSERT INTO {table} VALUES ({});", cells.join(", "));
}

//! Audit logs: every planted line is found once and explains its change or is listed as explaining none; every change
//! without a line is listed too; and a restart in the middle of reading changes nothing of that.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::ToSpan as _;
use portcullis::simulator::cloud::Holder;
use portcullis::simulator::cloud::Level;
use portcullis::simulator::cloud::Matcher;
use portcullis::simulator::cloud::Role;
use portcullis::simulator::cloud_audit::OrgEvent;
use portcullis::simulator::cloud_audit::Organization;
use portcullis::simulator::datacenter::DcHolder;
use portcullis::simulator::datacenter::GlobalLevel;
use portcullis::simulator::datacenter::ProjectPermission;
use portcullis::simulator::datacenter::RepoPermission;
use portcullis::simulator::datacenter_audit::DcAuditLine;
use portcullis::simulator::faults::Fault;
use reqwest::Method;
use serde_json::Value;
use serde_json::json;

use crate::spec::rig::CLOUD;
use crate::spec::rig::DATACENTER;
use crate::spec::rig::Gate;
use crate::spec::rig::LEDGER;
use crate::spec::rig::OTHER_DATACENTER;
use crate::spec::rig::Shape;
use crate::spec::rig::run;
use crate::spec::rig::until;

const ORGANIZATION: &str = "0a1b2c3d-organization";
const KEY: &str = "the-organisations-own-key";

/// Lines of a page, so that there are two or several.
const LARGE: usize = 20;
const SMALL: usize = 12;

/// What was planted: how many lines tell of nothing the gate has to do with.
struct Planted {
    connection: &'static str,
    log: &'static str,
    passed: u64,
    /// Who did everything.
    doer: String,
}

fn by_rest() -> Shape {
    Shape { datacenter: "[connection.audit]\nkind = \"rest\"".to_owned(), ..Shape::default() }
}

fn by_organization() -> Shape {
    let cloud = format!(
        "[connection.audit]\nkind = \"organization\"\nid = \"{ORGANIZATION}\"\ntoken = {{ file = \"organization.key\" }}"
    );
    Shape { cloud, files: vec![("organization.key", KEY.to_owned())], ..Shape::default() }
}

/// 23 lines with a change, 7 without, 6 about nothing, and 3 changes without a line. The order in which they are written
/// is not that of their times.
fn plant_datacenter(gate: &Gate, page: usize) -> Planted {
    const DEED: &str = "bitbucket.service.user.audit.action";
    let doer = gate.town.simulator.company(|company| {
        let dc = &mut company.datacenter;
        let repository = |dc: &portcullis::simulator::datacenter::DataCenter, name: &str| {
            let id = dc.repository(name).unwrap().id.to_string();
            ("REPOSITORY", id, name.to_owned())
        };
        let (ledger, tools) = (repository(dc, LEDGER), repository(dc, OTHER_DATACENTER));
        let mut lines: Vec<(String, Vec<_>)> = Vec::new();
        for number in 0..10 {
            let name = format!("new{number}");
            let id = dc.add_user(&name, &name).to_string();
            dc.grant_global(DcHolder::User(name.clone()), GlobalLevel::LicensedUser);
            dc.grant(LEDGER, DcHolder::User(name.clone()), RepoPermission::Write);
            let user = ("USER", id, name);
            lines.push((format!("{DEED}.globalpermissiongranted"), vec![user.clone()]));
            lines.push((format!("{DEED}.repositorypermissiongranted"), vec![user, ledger.clone()]));
        }
        dc.restrict(LEDGER, "no-deletes", "BRANCH", "refs/heads/release");
        dc.restrict(OTHER_DATACENTER, "no-deletes", "BRANCH", "refs/heads/main");
        dc.hook(OTHER_DATACENTER, "https://ci.example.com/in", Some("s"), &["pr:opened"]);
        let rule = "bitbucket.branch.permissions.audit.action.restrictionadded".to_owned();
        lines.push((rule.clone(), vec![ledger.clone()]));
        lines.push((rule, vec![tools.clone()]));
        lines.push((
            "bitbucket.webhooks.audit.action.webhookcreated".to_owned(),
            vec![tools.clone()],
        ));
        let user = |dc: &portcullis::simulator::datacenter::DataCenter, name: &str| {
            ("USER", dc.user(name).unwrap().id.to_string(), name.to_owned())
        };
        let (ravi, omar, mia) = (user(dc, "ravi"), user(dc, "omar"), user(dc, "mia"));
        for deed in ["repositorypermissiongranted", "repositorypermissionrevoked"] {
            lines.push((format!("{DEED}.{deed}"), vec![ravi.clone(), tools.clone()]));
        }
        let config = "atlassian.audit.event.action.audit.config.updated";
        lines.extend([(config.to_owned(), vec![]), (config.to_owned(), vec![])]);
        lines.push(("bitbucket.plugins.gpg.audit.action.gpgevent.created".to_owned(), vec![omar]));
        lines.push(("atlassian.audit.action.pluginenabled".to_owned(), vec![]));
        let gone = ("PROJECT", "9999".to_owned(), "GONE".to_owned());
        lines.push((format!("{DEED}.projectpermissiongranted"), vec![ravi.clone(), gone]));
        for _ in 0..3 {
            lines.push((format!("{DEED}.authenticationsuccess"), vec![ravi.clone()]));
            lines.push(("atlassian.audit.event.action.audit.search".to_owned(), vec![]));
        }
        dc.grant(OTHER_DATACENTER, DcHolder::User("mia".to_owned()), RepoPermission::Read);
        dc.grant(LEDGER, DcHolder::User("omar".to_owned()), RepoPermission::Read);
        let managers = DcHolder::Group("release-managers".to_owned());
        dc.grant_project("OPS", managers, ProjectPermission::Write);
        let (half, now) = (lines.len() / 2, Timestamp::now());
        lines.rotate_left(half);
        for (number, (action, objects)) in lines.into_iter().enumerate() {
            let step = i64::try_from(number * 7 % 36).unwrap();
            dc.audit.lines.push(DcAuditLine {
                at: now.checked_add(step.milliseconds()).unwrap(),
                author: Some("mia".to_owned()),
                action,
                objects,
                value: number.to_string(),
            });
        }
        (dc.audit.page, dc.audit.overlapping) = (Some(page), true);
        mia.1
    });
    let log = "/bitbucket/rest/auditing/1.0/events";
    Planted { connection: DATACENTER, log, passed: 6, doer: format!("{DATACENTER}/user/{doer}") }
}

/// The same of a workspace.
fn plant_cloud(gate: &Gate, page: usize) -> Planted {
    let cast = &gate.town.cast;
    gate.town.simulator.company(|company| {
        let acme = &mut company.workspaces[0];
        let braced = |id: uuid::Uuid| format!("ari:cloud:bitbucket::thing/{{{id}}}");
        let account = |acme: &portcullis::simulator::cloud::Workspace, id: uuid::Uuid| {
            ("users", acme.person(id).unwrap().account_id.clone().unwrap(), None)
        };
        let tools = ("repository", braced(acme.repository("tools").unwrap().uuid), None);
        let billing = ("repository", braced(acme.repository("billing").unwrap().uuid), None);
        let home = ("workspace", braced(acme.uuid), None);
        let mut events: Vec<(String, Vec<_>)> = Vec::new();
        for number in 0..10 {
            let who = acme.member(&format!("new{number}"), &format!("New {number}"), Role::Member);
            acme.grant("tools", Holder::User(who), Level::Write);
            let user = account(acme, who);
            events.push(("workspace_member_added".to_owned(), vec![user.clone(), home.clone()]));
            events.push(("repository_member_added".to_owned(), vec![user, tools.clone()]));
        }
        acme.restrict("tools", "force", Matcher::Glob("main".to_owned()), &[]);
        acme.restrict("billing", "force", Matcher::Glob("release/*".to_owned()), &[]);
        acme.hook(Some("tools"), "https://ci.example.com/in", Some("s"), &["repo:push"]);
        let rule = "repository_branch_restriction_created".to_owned();
        events.push((rule.clone(), vec![tools.clone()]));
        events.push((rule, vec![billing]));
        events.push(("repository_webhook_created".to_owned(), vec![tools.clone()]));
        let (ravi, omar) = (account(acme, cast.ravi), account(acme, cast.omar));
        for deed in ["repository_member_added", "repository_member_removed"] {
            events.push((deed.to_owned(), vec![ravi.clone(), tools.clone()]));
        }
        for setting in ["workspace_2sv_requirement_disabled", "workspace_ip_allowlisting_disabled"]
        {
            events.push((setting.to_owned(), vec![home.clone()]));
        }
        events.push(("user_gpg_key_added".to_owned(), vec![omar]));
        events.push(("app_installed".to_owned(), vec![home.clone()]));
        let gone = ("project", braced(uuid::Uuid::nil()), None);
        events.push(("project_member_added".to_owned(), vec![ravi.clone(), gone]));
        for _ in 0..3 {
            events.push(("user_login".to_owned(), vec![ravi.clone()]));
            events.push(("repository_accessed".to_owned(), vec![ravi.clone()]));
        }
        acme.grant("tools", Holder::User(cast.omar), Level::Read);
        acme.grant("billing", Holder::User(cast.ravi), Level::Read);
        acme.grant("tools", Holder::Group("release-managers".to_owned()), Level::Write);
        let actor = account(acme, cast.mia).1;
        let (half, now) = (events.len() / 2, Timestamp::now());
        events.rotate_left(half);
        let organization = organization(company);
        for (number, (action, context)) in events.into_iter().enumerate() {
            let step = i64::try_from(number * 7 % 36).unwrap();
            organization.events.push(OrgEvent {
                id: format!("event-{number}"),
                at: now.checked_add(step.milliseconds()).unwrap(),
                product: "bitbucket",
                action,
                actor: Some(actor.clone()),
                context,
            });
        }
        organization.events.push(OrgEvent {
            id: "event-of-another-product".to_owned(),
            at: now,
            product: "jira",
            action: "project_member_added".to_owned(),
            actor: None,
            context: Vec::new(),
        });
        (organization.page, organization.overlapping) = (Some(page), true);
    });
    let doer = format!("{CLOUD}/user/{}", cast.mia);
    Planted { connection: CLOUD, log: "/admin/v1/orgs/", passed: 6, doer }
}

fn organization(company: &mut portcullis::simulator::company::Company) -> &mut Organization {
    if company.organizations.is_empty() {
        company.organizations.push(Organization::new(ORGANIZATION, KEY));
    }
    &mut company.organizations[0]
}

/// Reads again until no line waits for a reading.
async fn settled(gate: &Gate, planted: &Planted) -> Value {
    let sync = format!("connections/{}/sync", planted.connection);
    let mut looks = 0_u32;
    until("every line to be settled", async || {
        let open =
            gate.count("audit_line WHERE state = 0") + gate.count("moment WHERE settled = 0");
        if gate.count("audit_line") >= 30 && open == 0 {
            return Some(());
        }
        // Seldom: an operator may not ask without end.
        looks += 1;
        if looks.is_multiple_of(50) {
            gate.api(Method::POST, &sync, &json!({})).await;
        }
        None
    })
    .await;
    gate.get(&format!("audit?connection={}", planted.connection)).await
}

fn count<'v>(rows: &'v Value, member: &str) -> BTreeMap<&'v str, usize> {
    let mut counts = BTreeMap::new();
    for row in rows.as_array().unwrap() {
        *counts.entry(row[member].as_str().unwrap_or("null")).or_default() += 1;
    }
    counts
}

/// 30 lines, each once: 23 explain one change each, 7 none; 26 changes, 3 of them without a line.
async fn check(gate: &Gate, planted: &Planted) {
    let told = settled(gate, planted).await;
    let (lines, changes) = (&told["lines"], &told["changes"]);
    assert_eq!(
        count(lines, "state"),
        BTreeMap::from([("matched", 23), ("unmatched", 7)]),
        "{told}"
    );
    for line in lines.as_array().unwrap() {
        assert_eq!(line["who"], planted.doer.as_str(), "{line}");
        let explains = line["explains"].as_array().unwrap().len();
        assert_eq!(explains, usize::from(line["state"] == "matched"), "{line}");
        assert_eq!(line["why"].is_null(), line["state"] == "matched", "{line}");
    }
    let changes = changes.as_array().unwrap();
    let untold: Vec<&Value> = changes.iter().filter(|change| change["actor"].is_null()).collect();
    assert_eq!((changes.len(), untold.len()), (26, 3), "{told}");
    for change in &untold {
        assert_eq!(change["actor_unknown"], "no audit line explains it", "{change}");
        assert!(change["lines"].as_array().unwrap().is_empty(), "{change}");
    }
    for change in changes.iter().filter(|change| !change["actor"].is_null()) {
        assert_eq!(change["actor"], planted.doer.as_str(), "{change}");
        let line = &change["lines"][0];
        let by = lines.as_array().unwrap().iter().find(|one| one["id"] == *line).unwrap();
        let about = by["about"].as_array().unwrap();
        let ends = [&change["thing"], &change["on"]];
        assert!(
            ends.iter().any(|end| about.contains(end)) || by["deed"] != "permission",
            "{by} {change}"
        );
    }
    let sources = told["sources"].as_array().unwrap();
    assert_eq!(sources.len(), 1, "{told}");
    assert_eq!(sources[0]["kept"], 30, "{told}");
    // What overlaps a page or a window is counted each time it is let go.
    assert!(sources[0]["passed"].as_u64().unwrap() >= planted.passed, "{told}");
    assert_eq!(sources[0]["unreadable"], 0);

    let unmatched =
        gate.get(&format!("audit?connection={}&unmatched=true", planted.connection)).await;
    assert_eq!(unmatched["lines"].as_array().unwrap().len(), 7, "{unmatched}");
    assert_eq!(unmatched["changes"].as_array().unwrap().len(), 3, "{unmatched}");
    decided(gate, planted).await;
}

/// Each change is decided once, and each line without one; whoever did it is the actor.
async fn decided(gate: &Gate, planted: &Planted) {
    let records = gate.records().await;
    let of = |kind: &str| {
        let here =
            records.iter().filter(|record| record.public.connection.as_str() == planted.connection);
        here.filter(|record| record.public.event.as_str() == kind).count()
    };
    // 20 grants with a line, 3 without, and 3 lines without a change.
    assert_eq!(of("permission.changed"), 26);
    // 2 rules, and 2 settings that only the log tells of.
    assert_eq!(of("restriction.changed"), 4);
    assert_eq!(of("hook.changed"), 1);
    // A key of a person and an app.
    assert_eq!(of("credential.changed"), 2);
    let mine = records.iter().filter(|record| {
        record.names.kept().is_some_and(|names| names.actor.as_deref() == Some(&*planted.doer))
            || record.public.actor.as_ref().is_some_and(|id| id.as_str() == planted.doer)
    });
    assert!(mine.count() >= 30, "each line's deed is decided with who did it");
}

async fn found_and_matched(shape: Shape, plant: fn(&Gate, usize) -> Planted) {
    let mut gate = Gate::start_as(shape).await;
    gate.town.simulator.company(|company| {
        organization(company);
    });
    gate.kill().await;
    let planted = plant(&gate, LARGE);
    gate.restart().await;
    check(&gate, &planted).await;

    // A life later everything is as it was.
    gate.kill().await;
    gate.restart().await;
    check(&gate, &planted).await;
}

/// Killed after some pages: the next life goes on at the page that comes next.
async fn killed_in_the_middle(shape: Shape, plant: fn(&Gate, usize) -> Planted) {
    let mut gate = Gate::start_as(shape).await;
    gate.town.simulator.company(|company| {
        organization(company);
    });
    gate.kill().await;
    let planted = plant(&gate, SMALL);
    let slow = std::time::Duration::from_millis(400);
    gate.town.simulator.lay_fault(planted.log, Fault::Delay(slow), None);
    gate.reopen().await;
    until("some pages to be read", async || (gate.count("audit_line") >= 8).then_some(())).await;
    gate.kill().await;
    let kept = gate.count("audit_line");
    assert!(kept < 30, "it was never killed in the middle");
    let before = gate.town.simulator.calls().len();
    gate.town.simulator.clear_faults();
    gate.restart().await;
    check(&gate, &planted).await;
    let calls = gate.town.simulator.calls();
    let next = calls[before..].iter().find(|call| call.path.starts_with(planted.log)).unwrap();
    assert!(next.query.to_lowercase().contains("cursor="), "it began anew: {}", next.query);
    assert!(calls.iter().all(|call| call.status != 429), "asked too often");
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_lines_of_data_center_are_found_and_matched_or_listed() {
    found_and_matched(by_rest(), plant_datacenter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_lines_of_data_center_survive_a_restart_in_the_middle() {
    killed_in_the_middle(by_rest(), plant_datacenter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_events_of_an_organisation_are_found_and_matched_or_listed() {
    found_and_matched(by_organization(), plant_cloud).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_events_of_an_organisation_survive_a_restart_in_the_middle() {
    killed_in_the_middle(by_organization(), plant_cloud).await;
}

/// A file that somebody hands in says the same; what is known is not kept twice, and `access since` names who it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_handed_in_twice_is_kept_once_and_tells_who_it_was() {
    let mut gate = Gate::start().await;
    let none = gate.operate(&["audit", "list", "--connection", DATACENTER]).await;
    assert!(none.out.contains("no audit source is configured"), "{}", none.all());
    gate.kill().await;
    let planted = plant_datacenter(&gate, LARGE);
    let file = gate.path("20261130.00000.audit.log");
    let text = gate.town.simulator.company(|company| company.datacenter.audit_file());
    std::fs::write(&file, text + "{\"half a line\n").unwrap();
    gate.restart().await;
    let path = file.display().to_string();
    let import =
        ["audit", "import", path.as_str(), "--connection", DATACENTER, "--reason", "by hand"];
    let first = gate.operate(&import).await;
    let counts =
        "37 lines: 30 kept, 0 known already, 6 let go as none of the gate's business, 1 unreadable";
    assert_eq!(first.out.trim(), counts, "{}", first.all());
    let told = settled(&gate, &planted).await;
    assert_eq!(count(&told["lines"], "state"), BTreeMap::from([("matched", 23), ("unmatched", 7)]));
    let list = gate.operate(&["audit", "list", "--unmatched", "--connection", DATACENTER]).await;
    assert_eq!((list.code, list.out.matches("unmatched  ").count()), (0, 7), "{}", list.all());
    assert_eq!(list.out.matches("by whom: unknown").count(), 3, "{}", list.out);
    let store = gate.store_url();
    let beside =
        run(&["audit", "list", "--unmatched", "--connection", DATACENTER, "--store", &store]).await;
    let without_sources = |said: &str| said.split_once("LINES").unwrap().1.to_owned();
    assert_eq!(without_sources(&beside.out), without_sources(&list.out), "{}", beside.all());
    assert!(beside.out.contains("import: read until"), "{}", beside.out);
    let csv = gate.operate(&["audit", "list", "--connection", DATACENTER, "--format", "csv"]).await;
    assert_eq!(csv.out.lines().count(), 1 + 30 + 26, "{}", csv.out);
    let second = gate.operate(&import).await;
    assert!(second.out.contains("0 kept, 30 known already"), "{}", second.all());
    let id = gate.town.simulator.company(|company| company.datacenter.user("new3").unwrap().id);
    let who = format!("{DATACENTER}/user/{id}");
    let since = ["access", "since", who.as_str(), "write", &format!("repository:{LEDGER}")];
    let since = gate.operate(&since).await;
    let by = format!("by whom: {}, as the audit log says", planted.doer);
    assert!(since.out.contains(&by), "{}", since.all());
    let wrong = gate.path("wrong.txt");
    std::fs::write(&wrong, "no line\n").unwrap();
    let wrong = wrong.display().to_string();
    let refused = gate.operate(&["audit", "import", &wrong, "--connection", DATACENTER]).await;
    assert!(
        refused.err.contains("none of its 1 lines is one of an audit log"),
        "{}",
        refused.all()
    );
}

/// Files of a folder are read as they grow, each from where it was left.
#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_a_folder_are_read_as_they_grow() {
    let folder = tempfile::tempdir().unwrap();
    let datacenter =
        format!("[connection.audit]\nkind = \"folder\"\npath = \"{}\"", folder.path().display());
    let mut gate = Gate::start_as(Shape { datacenter, ..Shape::default() }).await;
    gate.kill().await;
    let planted = plant_datacenter(&gate, LARGE);
    let text = gate.town.simulator.company(|company| company.datacenter.audit_file());
    let half = text.len() / 2;
    let file = folder.path().join("20261130.00000.audit.log");
    std::fs::write(&file, &text[..half]).unwrap();
    gate.restart().await;
    until("the first half", async || (gate.count("audit_line") > 0).then_some(())).await;
    let some = gate.count("audit_line");
    assert!(some < 30, "{some}");
    gate.kill().await;
    std::fs::write(&file, &text).unwrap();
    gate.restart().await;
    let told = settled(&gate, &planted).await;
    assert_eq!(told["lines"].as_array().unwrap().len(), 30, "{told}");
    let sources = told["sources"].as_array().unwrap();
    let of = |name: &str| sources.iter().find(|one| one["source"] == name).unwrap().clone();
    assert_eq!(of("file:20261130.00000.audit.log")["kept"], 30, "{told}");
    assert_eq!(of("file:20261130.00000.audit.log")["passed"], 6, "{told}");
}

/// Without Atlassian Guard there are no events: who changed what is unknown, and the source says why.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_plan_who_changed_what_is_unknown_and_the_source_says_why() {
    let mut gate = Gate::start_as(by_organization()).await;
    gate.kill().await;
    gate.town.simulator.company(|company| organization(company).guard = false);
    let ravi = gate.town.cast.ravi;
    gate.town.simulator.company(|company| {
        company.workspaces[0].grant("billing", Holder::User(ravi), Level::Admin);
    });
    gate.restart().await;
    let told = until("the change", async || {
        (gate.count("audit_change") > 0 && gate.count("moment WHERE settled = 0") == 0)
            .then_some(())
    });
    told.await;
    let told = gate.get(&format!("audit?connection={CLOUD}")).await;
    let why = told["sources"][0]["why"].as_str().unwrap();
    assert!(why.contains("Atlassian Guard"), "{told}");
    assert_eq!(told["changes"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(told["changes"][0]["actor"], Value::Null, "{told}");
    assert_eq!(gate.records().await.last().unwrap().public.actor, None);
}

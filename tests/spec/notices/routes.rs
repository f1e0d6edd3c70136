//! The table: the first line that fits decides, an owner before the security contact, and nobody is forgotten in silence.

use std::collections::BTreeMap;

use portcullis::graph::ConnectionId;
use portcullis::notify::ChannelId;
use portcullis::notify::On;
use portcullis::notify::Routes;
use portcullis::notify::Severity;
use portcullis::notify::route::Cause;
use portcullis::notify::route::Force;
use portcullis::notify::route::Owned;
use portcullis::notify::route::Owner;
use portcullis::notify::route::Route;
use portcullis::notify::route::To;
use portcullis::notify::route::When;

use super::id;

fn connection(name: &str) -> ConnectionId {
    name.parse().unwrap()
}

fn any(to: &[To]) -> Route {
    Route {
        on: [On::Alert, On::Approve, On::Block].into(),
        severity: None,
        rules: None,
        connection: None,
        project: None,
        to: to.to_vec(),
        tell: When::Now,
        shadow: When::Digest,
    }
}

fn cause<'a>(on: On, rule: &'a str, connection: &'a ConnectionId, project: &'a str) -> Cause<'a> {
    Cause {
        on,
        severity: Some(Severity::High),
        rule: Some(rule),
        connection: Some(connection),
        project: Some(project),
        repository: Some("acme/billing"),
        force: Force::Bites,
    }
}

fn table() -> Routes {
    let to = |name: &str| vec![To::Channel(id(name))];
    Routes {
        routes: vec![
            Route { rules: Some("secrets".to_owned()), to: to("vault"), ..any(&[]) },
            Route { rules: Some("deploy/freeze".to_owned()), to: to("release"), ..any(&[]) },
            Route {
                severity: Some(Severity::Critical),
                to: vec![To::Owner, To::Channel(id("pager"))],
                ..any(&[])
            },
            Route {
                on: [On::Alert].into(),
                project: Some("LAB-*".to_owned()),
                to: to("lab"),
                tell: When::Digest,
                shadow: When::Never,
                ..any(&[])
            },
            Route { connection: Some(connection("dc")), to: to("server"), ..any(&[]) },
            any(&[To::Owner]),
            Route { on: [On::Alarm].into(), to: to("ops"), ..any(&[]) },
        ],
        owners: vec![
            Owner { of: Owned::Repository("acme/bill*".to_owned()), channel: id("billing") },
            Owner { of: Owned::Project("PAY".to_owned()), channel: id("payments") },
        ],
        contacts: [(connection("cloud"), id("security")), (connection("dc"), id("dc-security"))]
            .into(),
    }
}

fn heard(hearers: &BTreeMap<ChannelId, When>) -> String {
    let told = hearers.iter().map(|(channel, when)| format!("{channel} {when}"));
    told.collect::<Vec<_>>().join(", ")
}

#[test]
fn the_first_line_that_fits_decides() {
    let (cloud, dc) = (connection("cloud"), connection("dc"));
    let of = |cause: Cause<'_>| heard(&table().hearers(&cause));
    assert_eq!(of(cause(On::Block, "secrets/reads", &cloud, "BILL")), "vault now", "by area");
    assert_eq!(of(cause(On::Block, "deploy/freeze", &cloud, "BILL")), "release now", "by rule");
    assert_eq!(of(cause(On::Block, "deploy/other", &cloud, "BILL")), "billing now", "the owner");
    let critical =
        Cause { severity: Some(Severity::Critical), ..cause(On::Block, "x/y", &cloud, "BILL") };
    assert_eq!(of(critical), "billing now, pager now", "both");
    assert_eq!(of(cause(On::Alert, "x/y", &cloud, "LAB-7")), "lab digest", "by project");
    assert_eq!(of(cause(On::Block, "x/y", &cloud, "LAB-7")), "billing now", "not by verdict");
    assert_eq!(of(cause(On::Block, "x/y", &dc, "PAY")), "server now", "by connection");
}

#[test]
fn without_an_owner_or_a_line_the_security_contact_hears_it() {
    let (cloud, other) = (connection("cloud"), connection("other"));
    let table = table();
    let unowned = Cause { repository: Some("acme/site"), ..cause(On::Block, "x/y", &cloud, "WEB") };
    assert_eq!(heard(&table.hearers(&unowned)), "security now");
    let payments = Cause { project: Some("PAY"), ..unowned };
    assert_eq!(heard(&table.hearers(&payments)), "payments now", "its twin has an owner");
    let without_lines = Routes { routes: Vec::new(), ..table.clone() };
    assert_eq!(heard(&without_lines.hearers(&payments)), "security now");
    let nobody = Cause { connection: Some(&other), ..unowned };
    assert_eq!(heard(&table.hearers(&nobody)), "", "nobody is named there");
    // A rule in shadow rings nobody; a line can say otherwise.
    let shadow = Cause { force: Force::Shadow, ..unowned };
    assert_eq!(heard(&without_lines.hearers(&shadow)), "security digest");
    let never = Cause { on: On::Alert, project: Some("LAB-7"), ..shadow };
    assert_eq!(heard(&table.hearers(&never)), "");
}

#[test]
fn what_concerns_the_whole_gate_goes_to_its_line_or_to_every_security_contact() {
    let of = |on| Cause {
        on,
        severity: None,
        rule: None,
        connection: None,
        project: None,
        repository: None,
        force: Force::Bites,
    };
    assert_eq!(heard(&table().hearers(&of(On::Alarm))), "ops now");
    assert_eq!(heard(&table().hearers(&of(On::Pause))), "dc-security now, security now");
}

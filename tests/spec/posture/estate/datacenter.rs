//! Data Center: one server in which something is right and something wrong of each.

use portcullis::bitbucket::Client;
use portcullis::bitbucket::Credential;
use portcullis::graph::attribute::Value;
use portcullis::posture::Held;
use portcullis::posture::Outcome::Fail;
use portcullis::posture::Outcome::Pass;
use portcullis::posture::Outcome::Unknown;
use portcullis::simulator::Simulator;
use portcullis::simulator::company::Company;
use portcullis::simulator::datacenter::DcHolder;
use portcullis::simulator::datacenter::GlobalLevel;
use portcullis::simulator::datacenter::ProjectPermission;
use portcullis::simulator::datacenter::RepoPermission;
use portcullis::simulator::datacenter::TokenHome;

use crate::spec::posture::estate::Judged;
use crate::spec::posture::estate::Line;
use crate::spec::posture::estate::days_ago;
use crate::spec::posture::estate::discover;
use crate::spec::posture::estate::holds;
use crate::spec::posture::estate::switched;
use crate::spec::rest::datacenter_at;
use crate::spec::rest::secret;

fn user(name: &str) -> DcHolder {
    DcHolder::User(name.to_owned())
}

/// A server with this many administrators.
pub fn company(administrators: usize) -> Company {
    let mut company = Company::new();
    let dc = &mut company.datacenter;
    dc.add_user("root", "Root");
    dc.grant_global(user("root"), GlobalLevel::SysAdmin);
    for number in 1..administrators {
        let name = format!("admin-{number}");
        dc.add_user(&name, &name);
        dc.grant_global(user(&name), GlobalLevel::Admin);
    }
    for (name, shown) in [("bob", "Bob"), ("cyd", "Cyd")] {
        dc.add_user(name, shown);
        dc.grant_global(user(name), GlobalLevel::LicensedUser);
    }
    dc.add_project("ONE", "One", None);
    dc.add_repository("ONE", "api");
    dc.add_repository("ONE", "web");
    dc.grant("ONE/web", user("bob"), RepoPermission::Admin);
    let out = dc.hook("ONE/api", "https://ci.partner.example/in", None, &["repo:refs_changed"]);
    dc.hook("ONE/web", "https://chat.partner.example/in", Some("s"), &["repo:refs_changed"]);
    let (mut old, mut fresh) = (dc.key("old"), dc.key("fresh"));
    (old.write, old.added) = (true, days_ago(400));
    (fresh.added, fresh.last_used, fresh.expiry_days) = (days_ago(10), Some(days_ago(1)), Some(90));
    let api = dc.repository_mut("ONE/api").unwrap();
    api.access_keys.extend([old, fresh]);
    api.hooks.iter_mut().find(|hook| hook.id == out).unwrap().verify_tls = false;
    dc.list_token("stale", TokenHome::Repository("ONE/api".to_owned()), &["REPO_WRITE"]);
    dc.list_token("busy", TokenHome::Project("ONE".to_owned()), &["REPO_WRITE"]);
    let busy = dc.tokens.last_mut().unwrap();
    (busy.created, busy.last_used) = (days_ago(20), Some(days_ago(1)));
    busy.expires = Some(days_ago(-30));
    let (laptop, mut desk) = (dc.key("laptop"), dc.key("desk"));
    (desk.added, desk.last_used, desk.expiry_days) = (days_ago(20), Some(days_ago(2)), Some(90));
    dc.ssh_keys.extend([("bob".to_owned(), laptop), ("cyd".to_owned(), desk)]);
    company
}

async fn serve(mut company: Company, name: &str) -> (Simulator, Client) {
    let password = secret(&company.datacenter.password(name));
    let simulator = Simulator::start(company).await.unwrap();
    let credential = Credential::Basic { user: name.to_owned(), secret: password };
    let client = datacenter_at(&simulator.datacenter_url(), credential);
    (simulator, client)
}

const SEEN_WHOLE: &[Line] = &[
    ("key-older-than-180-days", "old", Fail, "is 400 days old"),
    ("key-older-than-180-days", "fresh", Pass, ""),
    ("key-older-than-180-days", "laptop", Fail, "days old: renew it"),
    ("credential-never-rotated", "old", Fail, "400 days old and never ends"),
    ("credential-never-rotated", "stale", Fail, "never ends"),
    ("credential-never-rotated", "busy", Pass, ""),
    ("credential-never-rotated", "fresh", Pass, ""),
    ("credential-not-used", "stale", Fail, "was never used"),
    ("credential-not-used", "busy", Pass, ""),
    ("credential-wider-than-used", "old", Fail, "may write on 1 repository"),
    ("credential-wider-than-used", "fresh", Pass, ""),
    ("credential-wider-than-used", "busy", Unknown, "not what for"),
    ("write-key-to-production", "fresh", Pass, ""),
    ("webhook-without-owner", "ci.partner.example", Fail, "nobody looks after it"),
    ("webhook-without-owner", "chat.partner.example", Pass, ""),
    ("webhook-of-a-leaver", "chat.partner.example", Unknown, "evidence import"),
    ("webhook-without-secret", "ci.partner.example", Fail, "has no secret"),
    ("webhook-without-secret", "chat.partner.example", Pass, ""),
    ("webhook-skips-certificate-check", "ci.partner.example", Fail, "does not check"),
    ("webhook-skips-certificate-check", "chat.partner.example", Pass, ""),
    ("single-administrator", "127.0.0.1", Fail, "Root alone administers"),
    ("second-factor-not-enforced", "127.0.0.1", Unknown, "evidence import"),
    ("person-without-second-factor", "Bob", Unknown, "evidence import"),
    ("leaver-still-has-access", "Bob", Unknown, "evidence import"),
    ("personal-credentials-stale", "Bob", Fail, "SSH key laptop of Bob"),
    ("personal-credentials-stale", "Cyd", Pass, ""),
    // Data Center has no pipelines, so nothing of theirs can be wrong.
    ("unsecured-image", "ONE/api", Pass, ""),
    ("secret-printed-in-logs", "ONE/api", Pass, ""),
];

#[tokio::test]
async fn a_server_that_was_seen_whole() {
    let (_simulator, client) = serve(company(1), "root").await;
    switched(&client);
    let judged = Judged::of(&discover(&client).await, &Held::default());
    holds(&judged, SEEN_WHOLE);
    let (_simulator, client) = serve(company(2), "root").await;
    let judged = Judged::of(&discover(&client).await, &Held::default());
    holds(
        &judged,
        &[
            ("single-administrator", "127.0.0.1", Pass, ""),
            ("webhook-without-owner", "ci.partner.example", Unknown, "`own_hosts`"),
        ],
    );
}

#[tokio::test]
async fn a_branch_called_production_makes_a_key_that_writes_one_that_writes_to_production() {
    let (_simulator, client) = serve(company(1), "root").await;
    let mut world = discover(&client).await;
    let api = world.nodes.iter_mut().find(|node| node.name.as_deref() == Some("ONE/api")).unwrap();
    *api = api.clone().text("model_production", "release");
    world.unknown.retain(|gap| gap.field != "model_production");
    for node in world.nodes.iter_mut().filter(|node| node.name.as_deref() == Some("ONE/web")) {
        *node = node.clone().with("model_production", Value::Nothing);
    }
    let judged = Judged::of(&world, &Held::default());
    holds(
        &judged,
        &[
            ("write-key-to-production", "old", Fail, "ONE/api"),
            ("write-key-to-production", "fresh", Pass, ""),
        ],
    );
}

/// One who reads the project alone.
#[tokio::test]
async fn one_who_may_not_look_finds_what_is_unknown_and_no_pass() {
    let mut company = company(1);
    company.datacenter.grant_project("ONE", user("cyd"), ProjectPermission::Read);
    let (_simulator, client) = serve(company, "cyd").await;
    switched(&client);
    let judged = Judged::of(&discover(&client).await, &Held::default());
    holds(
        &judged,
        &[
            ("key-older-than-180-days", "ONE/api", Unknown, "(401)"),
            ("credential-never-rotated", "ONE/api", Unknown, "HTTP access tokens"),
            ("credential-not-used", "One", Unknown, "(401)"),
            ("credential-wider-than-used", "One", Unknown, "(401)"),
            ("write-key-to-production", "ONE/api", Unknown, "(401)"),
            ("webhook-without-owner", "ONE/api", Unknown, "(401)"),
            ("webhook-of-a-leaver", "One", Unknown, "(401)"),
            ("webhook-without-secret", "ONE/web", Unknown, "(401)"),
            ("webhook-skips-certificate-check", "ONE/web", Unknown, "(401)"),
            ("personal-credentials-stale", "Bob", Unknown, "(401)"),
            // Nobody's own keys were read: those that are too old are somewhere on the server.
            ("key-older-than-180-days", "127.0.0.1", Unknown, "may read people's"),
            ("single-administrator", "127.0.0.1", Unknown, "(401)"),
        ],
    );
}

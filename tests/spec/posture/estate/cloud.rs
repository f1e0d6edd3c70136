//! Cloud: one workspace in which something is right and something wrong of each.

use portcullis::bitbucket::Client;
use portcullis::bitbucket::Credential;
use portcullis::posture::Held;
use portcullis::posture::Outcome::Fail;
use portcullis::posture::Outcome::Pass;
use portcullis::posture::Outcome::Unknown;
use portcullis::simulator::Simulator;
use portcullis::simulator::cloud::CloudCredential;
use portcullis::simulator::cloud::CredentialKind;
use portcullis::simulator::cloud::Holder;
use portcullis::simulator::cloud::Level;
use portcullis::simulator::cloud::Role;
use portcullis::simulator::company::Company;

use crate::spec::posture::estate::Judged;
use crate::spec::posture::estate::Line;
use crate::spec::posture::estate::days_ago;
use crate::spec::posture::estate::discover;
use crate::spec::posture::estate::holds;
use crate::spec::posture::estate::switched;
use crate::spec::rest::cloud_at;
use crate::spec::rest::secret;

pub const SCOPES: &[&str] = &[
    "account",
    "project",
    "project:admin",
    "repository",
    "repository:admin",
    "pullrequest",
    "pipeline",
    "runner",
    "webhook",
];

const BAD: &str = "
image: {name: node:22, username: acme, password: hunter2}
pipelines: {default: [{step: {script: ['echo $API_TOKEN | base64']}}]}
";

/// A company whose workspace has this many administrators.
pub fn company(administrators: usize) -> Company {
    let mut company = Company::new();
    let acme = company.workspace("acme", "Acme");
    let ada = acme.member("ada", "Ada", Role::Owner);
    for number in 1..administrators {
        acme.member(&format!("owner-{number}"), "Owner", Role::Owner);
    }
    let bob = acme.member("bob", "Bob", Role::Member);
    acme.project("PAY", "Payments", true);
    acme.project("WEB", "Web", false);
    for (slug, project) in [("billing", "PAY"), ("site", "WEB"), ("tools", "PAY")] {
        acme.add_repository(slug, project);
    }
    acme.grant("site", Holder::User(bob), Level::Admin);
    acme.grant("billing", Holder::User(bob), Level::Write);
    let linter = acme.bot("linter", "Linter");
    acme.grant("billing", Holder::User(linter), Level::Write);
    let viewer = acme.bot("viewer", "Viewer");
    acme.grant("site", Holder::User(viewer), Level::Read);
    let production = acme.environment("billing", "Production", "Production");

    acme.deploy_key("billing", "old", ada);
    acme.deploy_key("billing", "fresh", ada);
    let out = acme.hook(Some("billing"), "https://ci.partner.example/in", None, &["repo:push"]);
    acme.hook(Some("site"), "https://chat.partner.example/in", Some("secret"), &["repo:push"]);
    acme.hook(Some("billing"), "https://ci.acme.example/in", Some("secret"), &["repo:push"]);

    let (shared, rogue) = (
        acme.runner("shared", &["self.hosted", "linux"]),
        acme.runner("rogue", &["self.hosted", "linux", "big"]),
    );
    let own = acme.runner("own", &["self.hosted", "tools"]);
    acme.runners.push(shared);
    let (clear, token) = (acme.variable("DB_PASSWORD", false), acme.variable("API_TOKEN", true));
    let (plain, kept) = (acme.variable("REGION", false), acme.variable("PROD_KEY", true));
    let tools = acme.repository_mut("tools").unwrap();
    tools.runners.push(own);
    let digest = "a".repeat(64);
    tools.definition =
        Some(format!("image: reg.acme.example/node@sha256:{digest}\npipelines: {{}}\n"));
    acme.repository_mut("site").unwrap().is_private = false;
    let billing = acme.repository_mut("billing").unwrap();
    billing.runners.push(rogue);
    billing.variables.extend([clear, token, plain]);
    billing.definition = Some(BAD.to_owned());
    billing.hooks.iter_mut().find(|hook| hook.uuid == out).unwrap().skip_cert_verification = true;
    for key in billing.deploy_keys.iter_mut().filter(|key| key.label == "fresh") {
        (key.added_on, key.last_used) = (days_ago(10), Some(days_ago(1)));
    }
    let environment = billing.environments.iter_mut().find(|one| one.uuid == production).unwrap();
    environment.admin_only = true;
    environment.variables.push(kept);
    company
}

/// Serves a company; the client is its first owner with these scopes.
pub async fn serve(mut company: Company, scopes: &[&str]) -> (Simulator, Client) {
    let owner = company.workspaces[0].people[0].uuid;
    let token = company.issue(CloudCredential::new(owner, CredentialKind::AccessToken, scopes));
    let simulator = Simulator::start(company).await.unwrap();
    let client = cloud_at(&simulator.cloud_api(), Credential::Bearer(secret(&token)));
    (simulator, client)
}

const SEEN_WHOLE: &[Line] = &[
    ("key-older-than-180-days", "old", Fail, "days old: renew it"),
    ("key-older-than-180-days", "fresh", Pass, ""),
    ("key-older-than-180-days", "Acme", Unknown, "Personal settings, Security"),
    ("credential-never-rotated", "old", Unknown, "expires_at"),
    ("credential-not-used", "old", Fail, "was never used"),
    ("credential-not-used", "fresh", Pass, ""),
    ("credential-wider-than-used", "old", Pass, ""),
    ("write-key-to-production", "old", Pass, ""),
    ("third-party-app-unowned", "Linter", Fail, "Nobody looks after the app Linter"),
    ("third-party-app-unowned", "Viewer", Unknown, "evidence import"),
    ("third-party-app-wider-than-used", "Viewer", Pass, ""),
    ("third-party-app-wider-than-used", "Linter", Unknown, "Bitbucket does not tell it"),
    ("webhook-without-owner", "ci.partner.example", Fail, "nobody looks after it"),
    ("webhook-without-owner", "chat.partner.example", Pass, ""),
    ("webhook-without-owner", "ci.acme.example", Pass, ""),
    ("webhook-of-a-leaver", "chat.partner.example", Unknown, "evidence import"),
    ("webhook-of-a-leaver", "ci.partner.example", Pass, ""),
    ("webhook-without-secret", "ci.partner.example", Fail, "has no secret"),
    ("webhook-without-secret", "ci.acme.example", Pass, ""),
    ("webhook-skips-certificate-check", "ci.partner.example", Fail, "does not check"),
    ("webhook-skips-certificate-check", "ci.acme.example", Pass, ""),
    ("runner-shared-widely", "shared", Fail, "serves 3 repositories of 2 projects"),
    ("runner-shared-widely", "shared", Fail, "acme/site"),
    ("runner-shared-widely", "own", Pass, ""),
    ("runner-catches-others-steps", "rogue", Fail, "has all labels of shared"),
    ("runner-catches-others-steps", "own", Pass, ""),
    ("unsecured-image", "acme/billing", Fail, "named by a tag"),
    ("unsecured-image", "acme/billing", Fail, "docker.io in clear"),
    ("unsecured-image", "acme/billing", Fail, "no registry of the organisation"),
    ("unsecured-image", "acme/tools", Pass, ""),
    ("unsecured-image", "acme/site", Pass, ""),
    ("secret-printed-in-logs", "acme/billing", Fail, "print API_TOKEN into"),
    ("secret-printed-in-logs", "acme/tools", Pass, ""),
    ("variable-not-masked", "DB_PASSWORD", Fail, "is not secured"),
    ("variable-not-masked", "API_TOKEN", Pass, ""),
    ("variable-not-masked", "REGION", Pass, ""),
    ("variable-not-protected", "API_TOKEN", Fail, "2 people can learn it"),
    ("variable-not-protected", "REGION", Pass, ""),
    ("variable-not-protected", "PROD_KEY", Unknown, "does not tell the plan"),
    ("single-administrator", "Acme", Fail, "Ada alone administers Acme"),
    ("second-factor-not-enforced", "Acme", Unknown, "evidence import"),
    ("person-without-second-factor", "Bob", Unknown, "evidence import"),
    ("leaver-still-has-access", "Bob", Unknown, "evidence import"),
    ("personal-credentials-stale", "Bob", Unknown, "tells nobody else's SSH keys"),
];

#[tokio::test]
async fn a_workspace_that_was_seen_whole() {
    let (_simulator, client) = serve(company(1), SCOPES).await;
    switched(&client);
    let judged = Judged::of(&discover(&client).await, &Held::default());
    holds(&judged, SEEN_WHOLE);
}

#[tokio::test]
async fn two_administrators_and_a_plan_that_is_told() {
    let (_simulator, client) = serve(company(2), SCOPES).await;
    let mut world = discover(&client).await;
    let top = world.nodes.iter_mut().find(|node| node.name.as_deref() == Some("Acme")).unwrap();
    *top = top.clone().flag("premium", true);
    world.unknown.retain(|gap| gap.field != "premium");
    let judged = Judged::of(&world, &Held::default());
    holds(
        &judged,
        &[
            ("single-administrator", "Acme", Pass, ""),
            ("variable-not-protected", "PROD_KEY", Pass, ""),
            // Nothing was switched on, and no host was named.
            ("unsecured-image", "acme/billing", Unknown, "`pipeline-definition`"),
            ("secret-printed-in-logs", "acme/billing", Unknown, "`pipeline-definition`"),
            ("webhook-without-owner", "ci.partner.example", Unknown, "`own_hosts`"),
        ],
    );
}

/// A scope, and what cannot be told without it.
const LACKING: &[(&str, &[Line])] = &[
    (
        "repository:admin",
        &[
            ("key-older-than-180-days", "acme/billing", Unknown, "`repository:admin`"),
            ("credential-never-rotated", "acme/billing", Unknown, "`repository:admin`"),
            ("credential-not-used", "acme/billing", Unknown, "`repository:admin`"),
            ("write-key-to-production", "acme/billing", Unknown, "`repository:admin`"),
            // Of a repository that one does not administer, Bitbucket does not tell the webhooks.
            ("webhook-without-owner", "acme/billing", Unknown, "(403)"),
            // Nor its variables: without that scope an access token only reads.
            ("variable-not-protected", "acme/billing", Unknown, "(403)"),
        ],
    ),
    (
        "webhook",
        &[
            ("webhook-without-owner", "acme/billing", Unknown, "`webhook`"),
            ("webhook-without-secret", "Acme", Unknown, "`webhook`"),
            ("webhook-skips-certificate-check", "acme/site", Unknown, "`webhook`"),
            ("webhook-of-a-leaver", "acme/site", Unknown, "`webhook`"),
        ],
    ),
    (
        "runner",
        &[
            ("runner-shared-widely", "Acme", Unknown, "`runner`"),
            ("runner-catches-others-steps", "acme/billing", Unknown, "`runner`"),
        ],
    ),
    (
        "pipeline",
        &[
            ("variable-not-masked", "acme/billing", Unknown, "`pipeline`"),
            ("variable-not-protected", "Acme", Unknown, "`pipeline`"),
            ("secret-printed-in-logs", "acme/billing", Unknown, "`pipeline`"),
        ],
    ),
    ("account", &[("single-administrator", "Acme", Unknown, "`account`")]),
];

#[tokio::test]
async fn without_a_scope_what_it_tells_is_unknown_and_names_it() {
    for (scope, lines) in LACKING {
        let scopes: Vec<&str> = SCOPES.iter().copied().filter(|one| one != scope).collect();
        let (_simulator, client) = serve(company(1), &scopes).await;
        switched(&client);
        let judged = Judged::of(&discover(&client).await, &Held::default());
        holds(&judged, lines);
    }
}

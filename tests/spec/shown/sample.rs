//! Two connections with findings of every kind, every foreign text filled by the test.

use std::collections::BTreeMap;

use portcullis::graph::Id;
use portcullis::graph::Product;
use portcullis::graph::Time;
use portcullis::policy::RuleId;
use portcullis::policy::bundle::Severity;
use portcullis::posture::Acceptance;
use portcullis::posture::Alias;
use portcullis::posture::Catalogue;
use portcullis::posture::Finding;
use portcullis::posture::Gap;
use portcullis::posture::Listing;
use portcullis::posture::Outcome;
use portcullis::posture::Owner;
use portcullis::posture::Reason;
use portcullis::posture::Scan;
use portcullis::posture::State;
use portcullis::posture::Subject;
use portcullis::posture::Tally;
use portcullis::posture::catalogue::Need;
use portcullis::posture::catalogue::Remedy;
use portcullis::posture::controls;
use portcullis::posture::controls::Map;
use portcullis::posture::finding;

/// Every foreign text of a case, by the text as a company would have it.
pub(crate) type Text<'a> = &'a dyn Fn(&str) -> String;

pub(crate) fn now() -> Time {
    "2026-11-30T18:00:00Z".parse().unwrap()
}

pub(crate) fn day(day: u64) -> Time {
    format!("2026-11-{day:02}T06:00:00Z").parse().unwrap()
}

/// Everything that pages and exports show.
pub(crate) struct Sample {
    pub(crate) catalogue: Catalogue,
    pub(crate) findings: Vec<Finding>,
    pub(crate) scans: Vec<Scan>,
    pub(crate) products: Vec<Product>,
}

impl Sample {
    pub(crate) fn of(text: Text<'_>) -> Self {
        let catalogue = catalogue(text);
        let findings = findings(&catalogue, text);
        let scans = scans(&catalogue, &findings);
        Self { catalogue, findings, scans, products: vec![Product::Cloud, Product::DataCenter] }
    }

    pub(crate) fn controls(&self) -> Map {
        controls::map(&self.catalogue, &[], &self.last_tallies()).unwrap()
    }

    /// The last scan of each connection.
    pub(crate) fn last(&self) -> Vec<Scan> {
        let newest = self.scans.iter().map(|scan| scan.at).max();
        self.scans.iter().filter(|scan| Some(scan.at) == newest).cloned().collect()
    }

    fn last_tallies(&self) -> Vec<Tally> {
        self.last().into_iter().flat_map(|scan| scan.tallies).collect()
    }

    pub(crate) fn one(&self, wanted: impl Fn(&Finding) -> bool) -> &Finding {
        self.findings.iter().find(|finding| wanted(finding)).unwrap()
    }
}

/// A rule, as the sample tells it.
type Told = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Severity,
    &'static str,
    &'static str,
    &'static str,
);

/// Rule, title, category, subject, severity, control, alias, remedy.
const RULES: [Told; 9] = [
    (
        "repository-public",
        "Repository is publicly accessible",
        "Exposure",
        "repository",
        Severity::Critical,
        "CC6.6",
        "be273f0a-678e-49af-b9f8-8f3913acef97",
        "Open Repository settings → Repository details and tick *Private repository*.",
    ),
    (
        "second-factor",
        "Member without a second factor",
        "Identities",
        "identity",
        Severity::Critical,
        "CC6.1",
        "Bitbucket user should have MFA enabled",
        "Open admin.atlassian.com → organisation → Two-step verification and require it.",
    ),
    (
        "review-required",
        "Default branch takes changes without review",
        "Protection of the default branch",
        "repository",
        Severity::High,
        "CC8.1",
        "6ad95c13-0d13-4595-bc76-bd86f4eba4b9",
        "Open Repository settings → Branch restrictions, add the default branch and require one approval.",
    ),
    (
        "leaver-has-access",
        "Somebody who has left still has access",
        "Identities",
        "identity",
        Severity::Critical,
        "CC6.3",
        "Bitbucket access should be removed for offboarded user",
        "Remove the account from every group, then revoke its tokens and keys.",
    ),
    (
        "force-push",
        "Default branch can be force-pushed",
        "Protection of the default branch",
        "repository",
        Severity::Medium,
        "CC8.1",
        "4c52f441-0c24-4dbd-8f5e-0e5b829ee8e2",
        "Add a branch restriction that keeps everybody from rewriting history.",
    ),
    (
        "hook-without-owner",
        "Webhook to an outside address without an owner",
        "Integrations",
        "hook",
        Severity::Medium,
        "CC6.7",
        "",
        "Name an owner in the manifest, or delete the webhook.",
    ),
    (
        "key-old",
        "Key is older than 180 days",
        "Credentials",
        "credential",
        Severity::Low,
        "CC6.1",
        "0a135600-a109-434f-877c-1a6594dcd76d",
        "Make a new key, put it where the old one was, delete the old one.",
    ),
    (
        "no-merge-checks",
        "Default branch has no merge checks",
        "Protection of the default branch",
        "repository",
        Severity::Low,
        "CC8.1",
        "64440d40-91de-4d13-9280-d5afa418ccf0",
        "Needs Premium: Branch restrictions → *Prevent a merge with unresolved merge checks*.",
    ),
    (
        "scanning-missing",
        "No vulnerability scan in the pipeline",
        "Pipelines",
        "repository",
        Severity::Info,
        "A.8.28",
        "Bitbucket Pipelines should be enabled for vulnerability scanning",
        "Add a scan to the pipeline.",
    ),
];

const OFF: &str = "scanning-missing";

fn rule(name: &str) -> RuleId {
    RuleId::told(&format!("posture/{name}"))
}

fn catalogue(text: Text<'_>) -> Catalogue {
    let mut rules: Vec<Listing> = RULES
        .iter()
        .map(|(name, title, category, subject, severity, control, alias, steps)| {
            let framework = if control.starts_with("CC") { "SOC 2" } else { "ISO/IEC 27001" };
            let aliases = [*alias].into_iter().filter(|alias| !alias.is_empty());
            Listing {
                rule: rule(name),
                title: text(title),
                description: text("What this looks at, and why it matters, in a short paragraph."),
                category: text(category),
                subject: (*subject).to_owned(),
                severity: *severity,
                enabled: *name != OFF,
                aliases: aliases
                    .map(|alias| Alias { id: text(alias), title: text(title), severity: *severity })
                    .collect(),
                needs: vec![
                    Need { product: "cloud".to_owned(), scope: text("repository:admin") },
                    Need { product: "datacenter".to_owned(), scope: text("PROJECT_ADMIN") },
                ],
                blind: text("What a project-level restriction says on Cloud."),
                remedies: remedies(steps, text),
                controls: BTreeMap::from([(framework.to_owned(), vec![(*control).to_owned()])]),
                reads: vec!["repository.default_branch.review_required".to_owned()],
            }
        })
        .collect();
    rules.sort_by(|one, other| {
        (&one.category, one.severity, &one.rule).cmp(&(
            &other.category,
            other.severity,
            &other.rule,
        ))
    });
    Catalogue { rules }
}

fn remedies(steps: &str, text: Text<'_>) -> Vec<Remedy> {
    let call = "PUT /2.0/repositories/{workspace}/{repo_slug}\n{\"is_private\": true}";
    vec![
        Remedy { product: Some("cloud".to_owned()), steps: text(steps), call: Some(text(call)) },
        Remedy {
            product: Some("datacenter".to_owned()),
            steps: text("The same under Project settings → Branch permissions."),
            call: None,
        },
    ]
}

/// Rule, subject, name, owner, outcome, state.
type Case = (&'static str, &'static str, &'static str, &'static str, Outcome, State);

const CASES: [Case; 19] = [
    (
        "repository-public",
        "acme/repository/9",
        "acme/website",
        "Payments",
        Outcome::Fail,
        State::New,
    ),
    (
        "repository-public",
        "acme/repository/10",
        "acme/handbook",
        "Payments",
        Outcome::Fail,
        State::Accepted,
    ),
    ("second-factor", "acme/user/7", "Ravi", "Security team", Outcome::Fail, State::Regressed),
    ("second-factor", "acme/user/8", "Mia", "Security team", Outcome::Unknown, State::New),
    ("second-factor", "acme/user/9", "Omar", "Security team", Outcome::Unknown, State::New),
    (
        "leaver-has-access",
        "acme/user/12",
        "Anna",
        "Security team",
        Outcome::Fail,
        State::Acknowledged,
    ),
    (
        "review-required",
        "acme/repository/11",
        "acme/billing",
        "Payments",
        Outcome::Fail,
        State::New,
    ),
    ("review-required", "acme/repository/12", "acme/ledger", "Payments", Outcome::Fail, State::New),
    ("review-required", "acme/repository/13", "acme/mobile", "Apps", Outcome::Fail, State::New),
    ("review-required", "acme/repository/14", "acme/search", "Apps", Outcome::Fail, State::New),
    (
        "review-required",
        "acme/repository/15",
        "acme/tools",
        "Platform",
        Outcome::Unknown,
        State::New,
    ),
    ("force-push", "acme/repository/11", "acme/billing", "Payments", Outcome::Fail, State::New),
    ("force-push", "harbor/repository/3", "OPS/deploy", "Platform", Outcome::Fail, State::New),
    (
        "hook-without-owner",
        "acme/hook/1",
        "ci.partner.example",
        "Nobody known",
        Outcome::Fail,
        State::New,
    ),
    ("key-old", "harbor/key/4", "deploy@harbor", "Platform", Outcome::Fail, State::New),
    ("key-old", "acme/key/5", "ci-deploy", "Payments", Outcome::Fail, State::Accepted),
    (
        "no-merge-checks",
        "acme/repository/11",
        "acme/billing",
        "Payments",
        Outcome::Unknown,
        State::New,
    ),
    (
        "no-merge-checks",
        "acme/repository/12",
        "acme/ledger",
        "Payments",
        Outcome::Unknown,
        State::New,
    ),
    ("force-push", "acme/repository/16", "acme/legacy", "Apps", Outcome::Pass, State::Fixed),
];

fn findings(catalogue: &Catalogue, text: Text<'_>) -> Vec<Finding> {
    CASES.iter().map(|case| finding(catalogue, case, text)).collect()
}

fn finding(catalogue: &Catalogue, case: &Case, text: Text<'_>) -> Finding {
    let (name, about, called, owner, outcome, state) = *case;
    let rule = rule(name);
    let listing = catalogue.rules.iter().find(|listing| listing.rule == rule).unwrap();
    let id: Id = about.parse().unwrap();
    let (kind, _) = about.split_once('/').unwrap().1.split_once('/').unwrap();
    let reason = Reason {
        text: text(&format!("`{called}` is wrong in a way that this sentence explains.")),
        proof: vec![text("repository.default_branch.review_required")],
    };
    let fails = outcome == Outcome::Fail;
    // One of the accepted ones has an end that has passed.
    let until = if name == "key-old" { day(29) } else { "2027-01-15T00:00:00Z".parse().unwrap() };
    Finding {
        id: finding::id(&rule, &id),
        connection: id.connection().to_string(),
        title: listing.title.clone(),
        category: listing.category.clone(),
        aliases: listing.aliases.clone(),
        severity: listing.severity,
        rule,
        outcome,
        state,
        subject: Subject {
            kind: kind.to_owned(),
            name: text(called),
            place: Some(id.clone()),
            class: (called == "acme/billing").then(|| text("sensitive")),
            id,
        },
        reasons: if fails { vec![reason] } else { Vec::new() },
        unknown: gaps(name, outcome, text),
        owner: Owner {
            id: None,
            name: text(owner),
            sure: "inferred".to_owned(),
            why: text("the lead of its project"),
        },
        first_seen: day(3),
        last_seen: day(30),
        since: day(21),
        accepted: (state == State::Accepted).then(|| Acceptance {
            by: text("Nadia"),
            because: text("It is our public website."),
            until,
        }),
    }
}

fn gaps(name: &str, outcome: Outcome, text: Text<'_>) -> Vec<Gap> {
    if outcome != Outcome::Unknown {
        return Vec::new();
    }
    let gap = |path: &str, why: &str| Gap { path: text(path), why: text(why) };
    let plan = gap(
        "repository.default_branch.merge_checks",
        "the plan is not known: say `premium` in the connection",
    );
    let scope = gap(
        "repository.default_branch.review_required",
        "the connection's credential may not read the rules of branches (403): it lacks `repository:admin`",
    );
    match name {
        "second-factor" => vec![gap(
            "identity.second_factor",
            "no list of second factors was brought: `portcullis evidence import`",
        )],
        "no-merge-checks" => vec![plan, scope],
        _ => vec![scope],
    }
}

/// Six scans of each connection, ever fewer failures.
fn scans(catalogue: &Catalogue, findings: &[Finding]) -> Vec<Scan> {
    let of = |connection: &str, round: u64| Scan {
        connection: connection.to_owned(),
        at: day(5 + round * 5),
        graph_revision: 40 + round,
        bundle: "9f2c".repeat(16),
        subjects: 212,
        tallies: catalogue
            .rules
            .iter()
            .filter(|listing| listing.enabled)
            .map(|listing| tally(listing, connection, findings, 5 - round))
            .collect(),
    };
    (0..=5).flat_map(|round| ["acme", "harbor"].map(|connection| of(connection, round))).collect()
}

fn tally(listing: &Listing, connection: &str, findings: &[Finding], more: u64) -> Tally {
    let of = |outcome: Outcome| {
        findings
            .iter()
            .filter(|finding| {
                finding.rule == listing.rule
                    && finding.outcome == outcome
                    && finding.subject.id.connection().as_str() == connection
            })
            .collect::<Vec<_>>()
    };
    let failing = of(Outcome::Fail);
    let holds = |finding: &&&Finding| {
        finding.accepted.as_ref().is_some_and(|accepted| accepted.until > now())
    };
    Tally {
        rule: listing.rule.clone(),
        severity: listing.severity,
        pass: of(Outcome::Pass).len() as u64 + 23,
        fail: failing.len() as u64 + more,
        unknown: of(Outcome::Unknown).len() as u64,
        accepted: failing.iter().filter(holds).count() as u64,
    }
}

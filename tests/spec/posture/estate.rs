//! What the rules about workspaces, people, credentials, webhooks, runners and variables say, seen through real discovery
//! of a simulated Bitbucket: one that violates, one that complies, one that cannot be told because a scope is missing, and
//! one that cannot be told because the platform, a switch or missing evidence leaves it open.

mod cloud;
mod datacenter;
mod matrix;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use portcullis::bitbucket::Client;
use portcullis::bitbucket::Switches;
use portcullis::graph::Kind;
use portcullis::graph::Snapshot;
use portcullis::graph::Time;
use portcullis::graph::World;
use portcullis::graph::fact::Wanted;
use portcullis::policy::Bundle;
use portcullis::policy::Limits;
use portcullis::policy::Loaded;
use portcullis::policy::Machine;
use portcullis::policy::Prepared;
use portcullis::policy::SubjectKind;
use portcullis::policy::shipped;
use portcullis::posture::Catalogue;
use portcullis::posture::Held;
use portcullis::posture::Judgement;
use portcullis::posture::Outcome;
use portcullis::posture::Outcome::Unknown;
use portcullis::posture::judge;
use portcullis::posture::judge_unseen;
use portcullis::posture::look;
use portcullis::posture::look::Ground;

use crate::spec::policies::loaded;

/// 21 November 2026.
const NOW: Time = Time::from_millis(1_795_284_300_000);

pub fn days_ago(days: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(NOW.millis() - days * 86_400_000).unwrap()
}

static RULES: LazyLock<Loaded> = LazyLock::new(|| loaded(&shipped::posture()));

/// What every rule says of every subject of a world, by rule and by what the subject is called.
pub struct Judged(BTreeMap<(String, String), Judgement>);

impl Judged {
    pub fn of(world: &World, held: &Held) -> Self {
        let graph = Snapshot::build(1, std::slice::from_ref(world)).unwrap();
        let ground = Ground::new(&graph, held, NOW);
        let mut machine = Machine::new(&RULES, Limits::default()).unwrap();
        let bundle = RULES.bundle();
        let mut all = BTreeMap::new();
        for node in &world.nodes {
            let number = graph.find(&node.id).unwrap();
            let full = graph.full_name(number).filter(|_| node.id.kind() == Kind::Repository);
            let name = full.unwrap_or_else(|| graph.name(number).to_owned());
            if let Some(document) = look(&ground, number) {
                let rules: Vec<_> = bundle.about(document.about.kind()).collect();
                let wanted: Wanted = Bundle::wanted_by(rules.iter().map(|(_, rule)| *rule));
                let input = document.page(&wanted);
                let prepared = Prepared::new(input.json()).unwrap();
                for (at, rule) in rules {
                    let said = judge(rule, &input, machine.ask(at, &prepared));
                    all.insert((rule.id.to_string(), name.clone()), said);
                }
            }
            for said in judge_unseen(&graph, number, &bundle.rules) {
                let key = (said.rule.to_string(), name.clone());
                let known = all.insert(key, said);
                assert!(known.is_none(), "a place is no subject of a rule about what is in it");
            }
        }
        Self(all)
    }

    pub fn get(&self, rule: &str, subject: &str) -> &Judgement {
        let key = (format!("posture/{rule}"), subject.to_owned());
        self.0.get(&key).unwrap_or_else(|| {
            let known: Vec<&str> = self
                .0
                .keys()
                .filter(|known| known.0 == key.0)
                .map(|known| known.1.as_str())
                .collect();
            panic!("{rule} says nothing of {subject}, but of {known:?}")
        })
    }

    pub fn all(&self) -> impl Iterator<Item = &Judgement> {
        self.0.values()
    }
}

/// A rule, a subject, what is said of it, and words that the reasons or the gaps must hold.
pub type Line = (&'static str, &'static str, Outcome, &'static str);

pub fn holds(judged: &Judged, lines: &[Line]) {
    let mut wrong = Vec::new();
    for (rule, subject, outcome, words) in lines {
        let said = judged.get(rule, subject);
        let reasons = said.reasons.iter().map(|reason| reason.text.clone());
        let whys = said.unknown.iter().map(|gap| format!("{}: {}", gap.path, gap.why));
        let told: Vec<String> = reasons.chain(whys).collect();
        if said.outcome != *outcome || !told.join("\n").contains(words) {
            wrong
                .push(format!("{rule} of {subject} should be {outcome} with `{words}`: {said:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// With the definitions of pipelines and with hosts of one's own.
pub fn switched(client: &Client) {
    let words = |word: &str| vec![word.to_owned()];
    client.switch(Switches::read(&words("pipeline-definition"), &words("*.acme.example")).unwrap());
}

pub async fn discover(client: &Client) -> World {
    client.discover(NOW, |_| {}).await.unwrap()
}

/// The ids, titles and severities of those who asked for a rule, word by word.
const ALIASES: &[(&str, &str, &str, &str)] = &[
    (
        "key-older-than-180-days",
        "0a135600-a109-434f-877c-1a6594dcd76d",
        "Key is older than 180 days",
        "low",
    ),
    (
        "person-without-second-factor",
        "Bitbucket user should have MFA enabled",
        "Bitbucket user should have MFA enabled",
        "critical",
    ),
    (
        "second-factor-not-enforced",
        "Bitbucket workspace level MFA should be enforced",
        "Bitbucket workspace level MFA should be enforced",
        "critical",
    ),
    (
        "leaver-still-has-access",
        "Bitbucket access should be removed for offboarded user",
        "Bitbucket access should be removed for offboarded user",
        "critical",
    ),
    ("runner-shared-widely", "Runner exposure", "Runner exposure", "high"),
    ("unsecured-image", "Runner exposure", "Runner exposure", "medium"),
    ("variable-not-masked", "Secret leakage", "Secret leakage", "high"),
    ("variable-not-protected", "Secret leakage", "Secret leakage", "medium"),
    ("secret-printed-in-logs", "Secret leakage", "Secret leakage", "high"),
    ("webhook-without-owner", "Ownerless webhooks", "Ownerless webhooks", "medium"),
    ("credential-never-rotated", "Stale credentials", "Stale credentials", "medium"),
    ("credential-not-used", "Stale credentials", "Stale credentials", "medium"),
    ("credential-wider-than-used", "Stale credentials", "Stale credentials", "medium"),
    ("app-password-left-over", "Stale credentials", "Stale credentials", "high"),
    ("third-party-app-unowned", "Third-party app access", "Third-party app access", "medium"),
];

#[test]
fn the_names_that_others_have_for_a_rule_stand_in_the_catalogue_word_by_word() {
    let catalogue = Catalogue::of(RULES.bundle());
    for (rule, id, title, severity) in ALIASES {
        let rule = format!("posture/{rule}");
        let listing = catalogue.rules.iter().find(|one| one.rule.as_str() == rule).unwrap();
        let alias = listing.aliases.iter().find(|alias| alias.id == *id);
        let alias = alias.unwrap_or_else(|| panic!("{rule} is not called {id}"));
        assert_eq!((alias.title.as_str(), alias.severity.as_str()), (*title, *severity), "{rule}");
        assert_eq!(listing.severity, alias.severity, "{rule}");
        assert!(!listing.remedies.is_empty() && !listing.controls.is_empty(), "{rule}");
    }
    let steps = |rule: &str| {
        let rule = format!("posture/{rule}");
        let listing = catalogue.rules.iter().find(|one| one.rule.as_str() == rule).unwrap();
        listing.remedies.iter().map(|remedy| remedy.steps.clone()).collect::<Vec<_>>().join("\n")
    };
    for rule in ["person-without-second-factor", "second-factor-not-enforced"] {
        let told = steps(rule);
        assert!(told.contains("admin.atlassian.com → organisation → 2SV report"), "{told}");
    }
}

/// Of one person whose keys could not be read, their age is unknown: nobody else's becomes so.
#[test]
fn the_age_of_keys_that_were_not_read_is_unknown_of_whoever_holds_them() {
    let world = World::read(
        br#"{"version":1,"connection":{"id":"acme-dc","product":"datacenter"},"as_of":"2026-11-21T18:05:00.000Z","nodes":[
        {"id":"acme-dc/workspace/1","name":"server"},
        {"id":"acme-dc/user/1","name":"Ana","active":true},{"id":"acme-dc/user/2","name":"Ben","active":true}],
        "edges":[],"unknown":[{"about":"acme-dc/user/1","field":"holds","why":"the answer broke off"}]}"#,
    )
    .unwrap();
    let judged = Judged::of(&world, &Held::default());
    holds(&judged, &[("key-older-than-180-days", "Ana", Unknown, "the answer broke off")]);
    let rule = "posture/key-older-than-180-days";
    assert_eq!(judged.all().filter(|one| one.rule.as_str() == rule).count(), 1);
}

/// Agents and app passwords are told by no list of Bitbucket's: a world file names them.
#[test]
fn what_only_a_world_file_names_is_judged_alike() {
    let world = World::read(
        br#"{"version":1,"connection":{"id":"acme-cloud","product":"cloud"},"as_of":"2026-11-21T18:05:00.000Z","nodes":[
        {"id":"acme-cloud/workspace/1","name":"acme"},
        {"id":"acme-cloud/user/1","name":"Ana","active":true},
        {"id":"acme-cloud/agent/1","name":"fixer","active":true},
        {"id":"acme-cloud/agent/2","name":"reviewer","active":true},
        {"id":"acme-cloud/token/1","name":"laptop"},{"id":"acme-cloud/token/2","name":"own"},
        {"id":"acme-cloud/credential/sha256:aa","name":"old build","kind":"app password","active":true}],
        "edges":[{"from":"acme-cloud/user/1","is":"holds","to":"acme-cloud/token/1"},
        {"from":"acme-cloud/agent/1","is":"holds","to":"acme-cloud/token/1"},
        {"from":"acme-cloud/agent/2","is":"holds","to":"acme-cloud/token/2"}],"unknown":[]}"#,
    )
    .unwrap();
    let judged = Judged::of(&world, &Held::default());
    holds(
        &judged,
        &[
            ("agent-shares-a-persons-credential", "fixer", Outcome::Fail, "laptop, which is Ana's"),
            ("agent-shares-a-persons-credential", "reviewer", Outcome::Pass, ""),
            ("agent-shares-a-persons-credential", "Ana", Outcome::Pass, ""),
            ("app-password-left-over", "old build", Outcome::Fail, "28 July 2026"),
            ("app-password-left-over", "own", Outcome::Pass, ""),
        ],
    );
    assert_eq!(RULES.bundle().about(SubjectKind::Hook).count(), 4);
}

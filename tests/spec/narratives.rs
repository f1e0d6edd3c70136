//! Every decision tells its story: rule → reason → proof → controls, the same each time, and no word claims more than is
//! true.

mod claims;
mod hostile;
mod kept;
mod stories;

use std::sync::LazyLock;

use portcullis::decision::Binds;
use portcullis::decision::Effect;
use portcullis::decision::Mode;
use portcullis::decision::Outcome;
use portcullis::decision::Record;
use portcullis::decision::binds::Ground;
use portcullis::decision::binds::binds;
use portcullis::decision::decide;
use portcullis::decision::narrative::Narrative;
use portcullis::decision::narrative::markdown;
use portcullis::decision::narrative::plain;
use portcullis::decision::narrative::tell;
use portcullis::decision::plan::Weighed;
use portcullis::decision::plan::plan;
use portcullis::decision::record::Asked;
use portcullis::decision::record::Names;
use portcullis::decision::record::Part;
use portcullis::decision::record::Public;
use portcullis::decision::record::Surface;
use portcullis::decision::record::Told;
use portcullis::event::EventKind;
use portcullis::gateway::status;
use portcullis::graph::Known;
use portcullis::graph::Product;
use portcullis::graph::Time;
use portcullis::policy::Bundle;
use portcullis::policy::Finding;
use portcullis::policy::RuleId;
use portcullis::policy::Verdict;
use portcullis::policy::demand::of_an_operator;
use portcullis::policy::finding::Origin;
use portcullis::policy::input::CallerKind;
use portcullis::policy::load;
use portcullis::policy::shipped;
use serde_json::Value;
use serde_json::json;
use serde_json::value::RawValue;
use uuid::Uuid;

/// 2026-11-21 18:05:00 UTC.
const NOW: Time = Time::from_millis(1_795_284_300_000);

const RULE: &str = "deploy/production-needs-approval";
const QUIET: &str = "ref/deploy-from-protected";

static SHIPPED: LazyLock<Bundle> =
    LazyLock::new(|| load(&shipped::files()).unwrap().bundle().clone());

fn ground(product: Product, premium: Known<bool>, posts: bool, required: Known<bool>) -> Ground {
    Ground { product, posts_status: posts, premium, status_required: required }
}

fn finding(verdict: Verdict, reason: &str) -> Finding {
    Finding {
        rule: RuleId::told(RULE),
        verdict,
        reason: reason.to_owned(),
        proof: ["resource.environment.tier", "actor.level", "change.forced", "pull_request.id"]
            .map(str::to_owned)
            .into(),
        approval: (verdict == Verdict::Approve).then(of_an_operator),
        origin: Origin::Rule,
    }
}

fn input() -> Value {
    json!({
        "version": 1, "event": {"kind": "pipeline.step"}, "action": {"name": "deploy"},
        "connection": {"id": "acme-cloud", "product": "cloud"},
        "actor": {"id": "acme-cloud/user/1", "name": "Ana Ferreira"},
        "resource": {
            "environment": {"id": "acme-cloud/environment/5", "name": "production-eu", "tier": "production"},
            "ref": {"name": "refs/heads/main", "protected": true},
        },
        "pull_request": null,
        "unknown": [{"path": "actor.level", "why": "the token lacks `repository:admin`"}],
    })
}

fn names() -> Names {
    let text = |text: &str| Some(text.to_owned());
    Names {
        repository: text("acme/shop"),
        reference: text("refs/heads/main"),
        actor: text("Ana Ferreira"),
        environment: text("production-eu"),
        pull_request: Some(41),
        from: text("1111111111111111111111111111111111111111"),
        to: text("8d3c1f0e5b7a49c2d6e8f1029384756aabbccdde"),
        changed: vec![("visibility".to_owned(), text("private"), text("public"))],
        owner: text("project SHOP; 4 identities hold admin on the repository"),
        via: vec!["member of developers, which has write".to_owned()],
        question: None,
        asked_because: text("hotfix for the checkout"),
        asker: None,
    }
}

fn public(kind: EventKind, product: Product) -> Public {
    let home = if product == Product::Cloud { "acme-cloud" } else { "acme-dc" };
    Public {
        decision: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001),
        at: NOW,
        connection: home.parse().unwrap(),
        product,
        event: kind,
        action: "deploy".to_owned(),
        surface: Surface::Check,
        delivery: None,
        caller: CallerKind::Step,
        repository: Some(format!("{home}/repository/4")),
        actor: Some(format!("{home}/user/1")),
        commit: Some("8d3c1f0e5b7a49c2d6e8f1029384756aabbccdde".to_owned()),
        input_sha256: "ab".repeat(32),
        bundle: "cd".repeat(32),
        graph_revision: 1_842,
        graph_age_ms: Some(2_140),
        rules: Vec::new(),
        verdict: Verdict::Allow,
        effect: Effect::Proceed,
        binds: Binds::Prevents,
        uncovered: false,
        because: Vec::new(),
        satisfied_by: Vec::new(),
        met: Vec::new(),
        refused_grants: Vec::new(),
        ticket: None,
        actions: Vec::new(),
        remembered: false,
    }
}

/// A record of a decision that this verdict came from, one rule quiet beside it.
fn record(kind: EventKind, ground: &Ground, verdict: Verdict, mode: Mode) -> Record {
    let said: Vec<Finding> = match verdict {
        Verdict::Allow => Vec::new(),
        _ => vec![finding(verdict, "Production is guarded here. It has a second sentence.")],
    };
    let weighed: Vec<Weighed<'_>> =
        said.iter().map(|finding| Weighed { finding, verdict: finding.verdict, mode }).collect();
    let plan = plan(&weighed);
    let asked = |rule: &str, findings: &[Finding]| Asked {
        rule: RuleId::told(rule),
        outcome: Outcome::of(findings.iter()),
        verdict: findings.iter().map(|finding| finding.verdict).max(),
        mode,
    };
    let public = Public {
        rules: vec![asked(QUIET, &[]), asked(RULE, &said)],
        verdict: decide(&said, &[]).verdict,
        effect: plan.effect,
        because: plan.because,
        binds: binds(kind, ground),
        ..public(kind, ground.product)
    };
    let told = Told {
        unknown: [("actor.level".to_owned(), "the token lacks `repository:admin`".to_owned())]
            .into(),
        approvers: if public.effect == Effect::Wait {
            vec!["release-managers (4 people)".to_owned()]
        } else {
            Vec::new()
        },
        findings: said,
    };
    Record {
        public,
        input: Part::Kept(serde_json::value::to_raw_value(&input()).unwrap()),
        names: Part::Kept(names()),
        told: Part::Kept(told),
    }
}

/// A deploy step that waits.
fn waiting() -> Record {
    let here = ground(Product::Cloud, Known::Value(true), true, Known::Value(true));
    record(EventKind::PipelineStep, &here, Verdict::Approve, Mode::Enforce)
}

fn told(record: &Record) -> Narrative {
    tell(record, Some(&SHIPPED))
}

/// Every form in which a record is told.
struct Forms {
    text: String,
    markdown: String,
    json: String,
    status: String,
}

impl Forms {
    fn of(record: &Record) -> Self {
        let story = told(record);
        Self {
            text: plain(&story),
            markdown: markdown(&story),
            json: serde_json::to_string(&story).unwrap(),
            status: status::text(record),
        }
    }

    fn all(&self) -> [(&'static str, &str); 4] {
        [
            ("text", &self.text),
            ("Markdown", &self.markdown),
            ("JSON", &self.json),
            ("status", &self.status),
        ]
    }
}

fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap()
}

#[test]
fn an_allow_is_told_with_every_rule_its_facts_and_their_age() {
    let here = ground(Product::Cloud, Known::Nothing, false, Known::Nothing);
    let quiet = record(EventKind::Push, &here, Verdict::Allow, Mode::Enforce);
    let story = told(&quiet);
    assert_eq!((story.verdict, story.reason.as_str()), ("allow", "No rule speaks against it."));
    let outcomes: Vec<_> =
        story.rules.iter().map(|rule| (rule.rule.as_str(), rule.outcome)).collect();
    assert_eq!(outcomes, [(QUIET, "did-not-match"), (RULE, "did-not-match")]);
    for rule in &story.rules {
        let shipped = SHIPPED.rule(&RuleId::told(&rule.rule)).unwrap();
        assert_eq!(rule.title, shipped.title);
        let looked: Vec<&String> = rule.facts.iter().map(|(path, _)| path).collect();
        assert_eq!(looked, shipped.reads.iter().collect::<Vec<_>>(), "what it looked at");
    }
    let protected = ("resource.ref.protected".to_owned(), "true".to_owned());
    assert!(story.rules[0].facts.contains(&protected));
    assert_eq!(story.freshness, "Facts are from graph revision 1842, 2 s old.");
    assert!(!story.controls.is_empty(), "looking supports a control too");
    for (form, told) in Forms::of(&quiet).all().into_iter().take(3) {
        for word in [QUIET, RULE, "did-not-match", "revision 1842, 2 s old"] {
            assert!(told.contains(word), "{form} says `{word}`:\n{told}");
        }
    }
}

#[test]
fn an_event_that_no_rule_answers_is_called_uncovered() {
    let here = ground(Product::Cloud, Known::Nothing, true, Known::Nothing);
    let mut bare = record(EventKind::PullRequestOpened, &here, Verdict::Allow, Mode::Enforce);
    bare.public.rules.clear();
    bare.public.uncovered = true;
    for (form, told) in Forms::of(&bare).all() {
        assert!(told.contains("uncovered"), "{form}: {told}");
    }
    bare.public.uncovered = false;
    bare.public.rules = vec![Asked {
        rule: RuleId::told(RULE),
        outcome: Outcome::NotApplicable,
        verdict: None,
        mode: Mode::Off,
    }];
    let story = told(&bare);
    assert!(story.reason.contains("switched off"), "{}", story.reason);
    assert_eq!(story.rules[0].facts, [], "it looked at nothing");
    assert!(story.controls.is_empty(), "and supports nothing");
}

#[test]
fn reasons_rest_on_facts_with_values_and_unknown_ones_say_why() {
    let story = told(&waiting());
    let rule = &story.rules[0];
    assert_eq!(
        (rule.rule.as_str(), rule.outcome, rule.verdict),
        (RULE, "matched", Some("approve"))
    );
    let facts: Vec<(&str, &str)> =
        rule.facts.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect();
    let expected = [
        ("actor.level", "unknown: the token lacks `repository:admin`"),
        ("change.forced", "not in the input"),
        ("pull_request.id", "null"),
        ("resource.environment.tier", "\"production\""),
    ];
    assert_eq!(facts, expected);
    let unknown = ("actor.level".to_owned(), "the token lacks `repository:admin`".to_owned());
    assert_eq!(story.unknown, [unknown]);
}

#[test]
fn what_changed_and_where_is_told() {
    let story = told(&waiting());
    let row = |field: &str, before: &str, after: &str| {
        (field.to_owned(), before.to_owned(), after.to_owned())
    };
    let commits = row("commit", &"1".repeat(40), "8d3c1f0e5b7a49c2d6e8f1029384756aabbccdde");
    assert_eq!(story.changed, [commits, row("visibility", "private", "public")]);
    for label in ["who", "rights by", "repository", "environment", "owner", "asked because"] {
        assert!(story.about.iter().any(|(known, _)| *known == label), "{label}");
    }
    let mut fresh = waiting();
    let Part::Kept(names) = &mut fresh.names else { panic!() };
    names.from = None;
    names.changed = vec![("host".to_owned(), None, Some("hooks.example.net".to_owned()))];
    let rows = told(&fresh).changed;
    assert_eq!((rows[0].1.as_str(), rows[1].1.as_str()), ("none", "none"));
}

#[test]
fn controls_are_supported_and_never_certified() {
    let forms = Forms::of(&waiting());
    for (form, told) in forms.all() {
        assert!(!told.to_lowercase().contains("certif"), "{form}");
        assert!(!told.to_lowercase().contains("complian"), "{form}");
    }
    for (form, told) in forms.all().into_iter().take(2) {
        assert!(told.contains("supports"), "{form}");
    }
    let story = told(&waiting());
    let rule = SHIPPED.rule(&RuleId::told(RULE)).unwrap();
    assert_eq!(story.controls, rule.controls, "those of the rule that spoke");
    for (framework, ids) in &rule.controls {
        let line = format!("{framework} {}", ids.join(", "));
        assert!(forms.text.contains(&line), "{line}");
        assert!(forms.markdown.contains(&line), "{line}");
    }
}

#[test]
fn whoever_waits_is_told_what_to_do() {
    let story = told(&waiting());
    let rule = SHIPPED.rule(&RuleId::told(RULE)).unwrap();
    let mut expected = vec!["Ask release-managers (4 people).".to_owned()];
    expected.extend(rule.remedies.iter().cloned());
    assert_eq!(story.remedies, expected);
    let here = ground(Product::Cloud, Known::Nothing, true, Known::Nothing);
    let alerted = record(EventKind::Push, &here, Verdict::Alert, Mode::Enforce);
    assert!(told(&alerted).remedies.is_empty(), "an alert holds nothing up");
}

#[test]
fn a_given_approval_is_said_to_be_given() {
    let mut given = waiting();
    let ticket = Uuid::from_u128(7);
    given.public.verdict = Verdict::Allow;
    given.public.effect = Effect::Proceed;
    given.public.satisfied_by = vec![ticket];
    given.public.met = vec![RuleId::told(RULE)];
    let Part::Kept(parts) = &mut given.told else { panic!() };
    parts.approvers.clear();
    let story = told(&given);
    assert!(story.reason.starts_with("Approved: "), "{}", story.reason);
    assert!(story.rules[0].satisfied && story.remedies.is_empty());
    assert!(story.proof.contains(&("satisfied by", format!("ticket {ticket}"))));
    // Another rule that blocks speaks first.
    let Part::Kept(parts) = &mut given.told else { panic!() };
    let block = Finding {
        rule: RuleId::told(QUIET),
        ..finding(Verdict::Block, "The ref is not protected.")
    };
    parts.findings.push(block);
    given.public.verdict = Verdict::Block;
    assert_eq!(given.reason(), "The ref is not protected.");
}

#[test]
fn without_its_bundle_a_record_still_tells_what_it_holds() {
    let story = tell(&waiting(), None);
    assert!(story.rules[0].title.contains("not kept here"));
    assert_eq!(story.reason, told(&waiting()).reason);
    assert!(story.controls.is_empty());
}

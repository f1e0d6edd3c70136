//! One decision and one ticket in which every foreign text is filled by the test.

use std::collections::BTreeMap;

use portcullis::approval::Asked as AskedFor;
use portcullis::approval::Binding;
use portcullis::approval::State;
use portcullis::approval::Ticket;
use portcullis::approval::Vote;
use portcullis::approval::VoteWord;
use portcullis::decision::Binds;
use portcullis::decision::Effect;
use portcullis::decision::Mode;
use portcullis::decision::Outcome;
use portcullis::decision::Record;
use portcullis::decision::record::Asked;
use portcullis::decision::record::Names;
use portcullis::decision::record::Part;
use portcullis::decision::record::Public;
use portcullis::decision::record::RefusedGrant;
use portcullis::decision::record::Surface;
use portcullis::decision::record::Told;
use portcullis::event::EventKind;
use portcullis::graph::Product;
use portcullis::graph::Time;
use portcullis::policy::Bundle;
use portcullis::policy::Finding;
use portcullis::policy::Rule;
use portcullis::policy::RuleId;
use portcullis::policy::Verdict;
use portcullis::policy::bundle::Severity;
use portcullis::policy::finding::Approvers;
use portcullis::policy::finding::Barred;
use portcullis::policy::finding::Demand;
use portcullis::policy::finding::Origin;
use portcullis::policy::input::CallerKind;
use serde_json::value::RawValue;
use uuid::Uuid;

pub(crate) const DECISION: &str = "019a7d3e-5a00-7c3e-8b1e-0c9d2f1a4b5c";
pub(crate) const TICKET: &str = "019a7d3e-5a01-7000-9000-00000000feed";

/// Every foreign text of a case, by the place it stands in.
pub(crate) type Text<'a> = &'a dyn Fn(&str) -> String;

pub(crate) fn now() -> Time {
    "2026-11-20T17:55:00Z".parse().unwrap()
}

pub(crate) fn bundle(text: Text<'_>) -> Bundle {
    let rule = |id: &str, title: String, remedies: Vec<String>| Rule {
        id: RuleId::told(id),
        file: "deploy/production_needs_approval.rego".to_owned(),
        title,
        description: String::new(),
        on: vec![EventKind::PipelineStep],
        reads: vec!["resource.environment".to_owned()],
        fresh: None,
        severity: Severity::High,
        on_error: Verdict::Block,
        on_unknown: Verdict::Block,
        unknown_handled: false,
        stance: None,
        remedies,
        owner: Some(text("owner")),
        approval: None,
        controls: BTreeMap::from([
            (text("framework"), vec![text("control")]),
            ("SOC 2".to_owned(), vec!["CC8.1".to_owned()]),
        ]),
    };
    Bundle {
        revision: "9f2c".repeat(16),
        rules: vec![
            rule(&text("rule"), text("title"), vec![text("remedy")]),
            rule(
                "ref/deploy-from-protected",
                "Deploys come from protected refs".to_owned(),
                Vec::new(),
            ),
        ],
        people: BTreeMap::new(),
        vocabulary: portcullis::policy::Vocabulary::default(),
    }
}

pub(crate) fn demand(text: Text<'_>) -> Demand {
    Demand {
        from: Approvers { group: Some(text("group")), users: vec![text("person")] },
        count: 1,
        not: vec![Barred::Actor],
        expires_in: 14_400,
        grant_for: 1_800,
    }
}

fn names(text: Text<'_>) -> Names {
    Names {
        repository: Some(text("repository")),
        reference: Some(text("ref")),
        actor: Some(text("actor")),
        environment: Some(text("environment")),
        pull_request: Some(4711),
        from: Some(text("from")),
        to: Some(text("to")),
        changed: vec![(text("field"), Some(text("before")), Some(text("after")))],
        owner: Some(text("keeper")),
        via: vec![text("via")],
        question: Some(text("question")),
        asked_because: Some(text("asked")),
        asker: None,
    }
}

fn public(text: Text<'_>, verdict: Verdict, effect: Effect) -> Public {
    Public {
        decision: DECISION.parse().unwrap(),
        at: now(),
        connection: "acme-cloud".parse().unwrap(),
        product: Product::Cloud,
        event: EventKind::PipelineStep,
        action: text("action"),
        surface: Surface::Check,
        delivery: None,
        caller: CallerKind::Step,
        repository: Some(text("repository-id")),
        actor: Some(text("actor-id")),
        commit: Some(text("commit")),
        input_sha256: "ab".repeat(32),
        bundle: "9f2c".repeat(16),
        graph_revision: 1842,
        graph_age_ms: Some(2140),
        rules: vec![
            Asked {
                rule: RuleId::told(&text("rule")),
                outcome: Outcome::Matched,
                verdict: Some(verdict),
                mode: Mode::Enforce,
            },
            Asked {
                rule: RuleId::told("ref/deploy-from-protected"),
                outcome: Outcome::DidNotMatch,
                verdict: None,
                mode: Mode::Enforce,
            },
        ],
        verdict,
        effect,
        binds: Binds::Prevents,
        uncovered: false,
        because: Vec::new(),
        met: Vec::new(),
        satisfied_by: Vec::new(),
        refused_grants: vec![RefusedGrant { ticket: Uuid::nil(), why: text("refused-grant") }],
        ticket: (verdict == Verdict::Approve).then(|| TICKET.parse().unwrap()),
        actions: vec![text("done")],
        remembered: false,
    }
}

pub(crate) fn record(text: Text<'_>, verdict: Verdict, effect: Effect) -> Record {
    let finding = Finding {
        rule: RuleId::told(&text("rule")),
        verdict,
        reason: text("reason"),
        proof: vec!["resource.environment.name".to_owned(), text("path")],
        approval: (verdict == Verdict::Approve).then(|| demand(text)),
        origin: Origin::Rule,
    };
    let input =
        serde_json::json!({"resource": {"environment": {"name": text("fact")}}, "x": text("raw")});
    let told = Told {
        findings: vec![finding],
        unknown: BTreeMap::from([(text("gap"), text("why"))]),
        approvers: if verdict == Verdict::Approve {
            vec![format!("{} (4 people)", text("group"))]
        } else {
            Vec::new()
        },
    };
    Record {
        public: public(text, verdict, effect),
        input: Part::Kept(RawValue::from_string(input.to_string()).unwrap()),
        names: Part::Kept(names(text)),
        told: Part::Kept(told),
    }
}

pub(crate) fn ticket(text: Text<'_>, state: State) -> Ticket {
    let vote =
        Vote { by: text("voter"), vote: VoteWord::Approve, reason: text("vote-reason"), at: now() };
    let granted = matches!(state, State::Granted | State::Spent);
    Ticket {
        id: TICKET.parse().unwrap(),
        connection: "acme-cloud".parse().unwrap(),
        decision: DECISION.parse().unwrap(),
        binding: Binding {
            v: 1,
            connection: "acme-cloud".to_owned(),
            action: text("action"),
            repository: Some(text("repository-id")),
            reference: Some(text("ref")),
            commit: Some(text("commit")),
            environment: Some(text("environment-id")),
            variables: vec![text("variable")],
            script_sha256: None,
            bundle: "9f2c".repeat(16),
            rules: vec![RuleId::told(&text("rule"))],
            facts: "cd".repeat(32),
        },
        asked: vec![AskedFor {
            rule: RuleId::told(&text("rule")),
            demand: demand(text),
            eligible: 4,
        }],
        reason: text("reason"),
        asked_because: Some(text("asked")),
        asker: text("asker"),
        state,
        why: text("ticket-why"),
        asked_at: now(),
        expires_at: now().plus(std::time::Duration::from_hours(4)),
        grant_ends: granted.then(|| now().plus(std::time::Duration::from_mins(30))),
        votes: if state == State::Asked { Vec::new() } else { vec![vote] },
        spent_by: (state == State::Spent).then(Uuid::nil),
        version: 1,
        waiting: None,
    }
}

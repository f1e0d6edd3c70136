//! Findings → verdict → plan: the strictest wins, a grant meets only its own demand, and modes change what is done,
//! never what is said.

use std::collections::BTreeSet;

use portcullis::decision::Because;
use portcullis::decision::Decided;
use portcullis::decision::Effect;
use portcullis::decision::Grant;
use portcullis::decision::Mode;
use portcullis::decision::Modes;
use portcullis::decision::Outcome;
use portcullis::decision::decide;
use portcullis::decision::plan::ModeSetting;
use portcullis::decision::plan::Plan;
use portcullis::decision::plan::Softener;
use portcullis::decision::plan::Weighed;
use portcullis::decision::plan::aloud;
use portcullis::decision::plan::plan;
use portcullis::decision::weight;
use portcullis::policy::Finding;
use portcullis::policy::RuleId;
use portcullis::policy::Verdict;
use portcullis::policy::demand::of_an_operator;
use portcullis::policy::finding::Origin;
use proptest::prelude::*;
use uuid::Uuid;

const RULES: [&str; 4] =
    ["deploy/production-needs-approval", "ref/force-push", "ref/deletion", "secret/read"];

fn finding(rule: &str, verdict: Verdict, origin: Origin) -> Finding {
    Finding {
        rule: RuleId::told(rule),
        verdict,
        reason: format!("{rule} says {verdict}."),
        proof: Vec::new(),
        approval: (verdict == Verdict::Approve).then(of_an_operator),
        origin,
    }
}

fn said(rule: &str, verdict: Verdict) -> Finding {
    finding(rule, verdict, Origin::Rule)
}

fn ticket(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn grant(number: u128, rules: &[&str]) -> Grant {
    let rules = rules.iter().map(|rule| RuleId::told(rule)).collect();
    Grant { ticket: ticket(number), rules }
}

fn verdict_of(findings: &[Finding]) -> Verdict {
    decide(findings, &[]).verdict
}

fn any_finding() -> impl Strategy<Value = Finding> {
    let rule = proptest::sample::select(&RULES);
    let verdict = proptest::sample::select(Verdict::ALL);
    let origin = proptest::sample::select(Origin::ALL);
    (rule, verdict, origin).prop_map(|(rule, verdict, origin)| finding(rule, verdict, origin))
}

fn findings() -> impl Strategy<Value = Vec<Finding>> {
    proptest::collection::vec(any_finding(), 0..8)
}

fn grants() -> impl Strategy<Value = Vec<Grant>> {
    let rules = proptest::collection::btree_set(proptest::sample::select(&RULES), 0..3);
    let one = (1..5_u128, rules)
        .prop_map(|(number, rules)| grant(number, &rules.into_iter().collect::<Vec<_>>()));
    proptest::collection::vec(one, 0..4)
}

fn modes() -> impl Strategy<Value = Vec<Mode>> {
    proptest::collection::vec(proptest::sample::select(Mode::ALL), RULES.len())
}

fn mode_of(modes: &[Mode], rule: &RuleId) -> Mode {
    modes[RULES.iter().position(|known| *known == rule.as_str()).unwrap()]
}

/// The plan when each rule is taken so.
fn planned(findings: &[Finding], grants: &[Grant], modes: &[Mode]) -> Plan {
    let weighed: Vec<Weighed<'_>> = findings
        .iter()
        .map(|finding| Weighed {
            finding,
            verdict: weight(finding, grants),
            mode: mode_of(modes, &finding.rule),
        })
        .collect();
    plan(&weighed)
}

proptest! {
    #[test]
    fn combining_takes_the_strictest(findings in findings()) {
        let strictest = findings.iter().map(|finding| finding.verdict).max();
        prop_assert_eq!(verdict_of(&findings), strictest.unwrap_or(Verdict::Allow));
    }

    #[test]
    fn combining_is_commutative(findings in findings(), seed in any::<prop::sample::Index>()) {
        let mut turned = findings.clone();
        turned.reverse();
        if !turned.is_empty() {
            let middle = seed.index(turned.len());
            turned.rotate_left(middle);
        }
        prop_assert_eq!(decide(&turned, &[]), decide(&findings, &[]));
    }

    #[test]
    fn combining_is_associative_and_idempotent(a in findings(), b in findings(), c in findings()) {
        let joined = |left: &[Finding], right: &[Finding]| {
            verdict_of(left).max(verdict_of(right))
        };
        let all: Vec<Finding> = [a.clone(), b.clone(), c.clone()].concat();
        let left = joined(&a, &b).max(verdict_of(&c));
        let right = verdict_of(&a).max(joined(&b, &c));
        prop_assert_eq!(left, right);
        prop_assert_eq!(left, verdict_of(&all));
        let twice = [all.clone(), all.clone()].concat();
        prop_assert_eq!(decide(&twice, &[]), decide(&all, &[]));
    }

    #[test]
    fn one_more_finding_never_makes_it_milder(
        findings in findings(), one in any_finding(), grants in grants(), modes in modes(),
    ) {
        let more: Vec<Finding> = findings.iter().cloned().chain([one]).collect();
        prop_assert!(decide(&more, &grants).verdict >= decide(&findings, &grants).verdict);
        let (before, after) = (planned(&findings, &grants, &modes), planned(&more, &grants, &modes));
        prop_assert!(after.effect >= before.effect);
    }

    /// The reference: a list of weights, and nothing but an Approve of a granted rule is crossed out.
    #[test]
    fn grants_agree_with_the_reference(findings in findings(), grants in grants()) {
        let granted: BTreeSet<&RuleId> = grants.iter().flat_map(|grant| &grant.rules).collect();
        let mut left = Verdict::Allow;
        let mut met = BTreeSet::new();
        for finding in &findings {
            if finding.verdict == Verdict::Approve && granted.contains(&finding.rule) {
                met.insert(finding.rule.clone());
            } else if finding.verdict > left {
                left = finding.verdict;
            }
        }
        let decided = decide(&findings, &grants);
        prop_assert_eq!(decided.verdict, left);
        prop_assert_eq!(decided.met, met.iter().cloned().collect::<Vec<_>>());
        prop_assert_eq!(decided.satisfied_by.is_empty(), met.is_empty());
        for ticket in &decided.satisfied_by {
            let grant = |grant: &&Grant| grant.ticket == *ticket && !grant.rules.is_disjoint(&met);
            prop_assert!(grants.iter().any(|one| grant(&one)));
        }
    }

    #[test]
    fn one_more_grant_touches_only_its_own_demand(
        findings in findings(), grants in grants(), rule in proptest::sample::select(&RULES),
    ) {
        let more: Vec<Grant> = grants.iter().cloned().chain([grant(9, &[rule])]).collect();
        for finding in &findings {
            let (before, after) = (weight(finding, &grants), weight(finding, &more));
            let is_target = finding.rule.as_str() == rule && finding.verdict == Verdict::Approve;
            prop_assert!(before == after || (is_target && after == Verdict::Allow));
        }
        let strictest = decide(&findings, &grants).verdict;
        prop_assert!(strictest != Verdict::Block || decide(&findings, &more).verdict == Verdict::Block);
    }

    /// Shadow and enforce run the same evaluation: only the effect may differ.
    #[test]
    fn shadow_changes_no_verdict_and_never_makes_the_effect_stricter(
        findings in findings(), grants in grants(), modes in modes(), rule in 0..RULES.len(),
    ) {
        let enforced = vec![Mode::Enforce; RULES.len()];
        let truth = decide(&findings, &grants);
        let plain = planned(&findings, &grants, &enforced);
        prop_assert_eq!(plain.effect, Effect::from(truth.verdict));
        prop_assert_eq!(plain.because, vec![]);

        let mut softer = modes.clone();
        softer[rule] = Mode::Shadow;
        let mut harder = modes.clone();
        harder[rule] = Mode::Enforce;
        let (softer, harder) =
            (planned(&findings, &grants, &softer), planned(&findings, &grants, &harder));
        prop_assert!(softer.effect <= harder.effect);
        prop_assert!(harder.effect <= plain.effect);
    }

    /// Every because is one that, lifted, changes the effect; and whatever softened is listed.
    #[test]
    fn a_because_is_listed_exactly_where_it_mattered(
        findings in findings(), grants in grants(), bits in proptest::collection::vec(any::<bool>(), RULES.len()),
    ) {
        let modes: Vec<Mode> =
            bits.iter().map(|bit| if *bit { Mode::Shadow } else { Mode::Enforce }).collect();
        let softened = planned(&findings, &grants, &modes);
        let listed: BTreeSet<&str> = softened.because.iter().map(|one| one.id.as_str()).collect();
        prop_assert_eq!(listed.len(), softened.because.len(), "each rule once");
        for (at, rule) in RULES.iter().enumerate() {
            let mut lifted = modes.clone();
            lifted[at] = Mode::Enforce;
            let mattered = planned(&findings, &grants, &lifted).effect != softened.effect;
            prop_assert_eq!(listed.contains(rule), mattered, "{}", rule);
        }
        let full = Effect::from(decide(&findings, &grants).verdict);
        prop_assert_eq!(softened.effect != full, !softened.because.is_empty());
    }
}

#[test]
fn silence_is_an_allow() {
    let nothing = Decided { verdict: Verdict::Allow, satisfied_by: Vec::new(), met: Vec::new() };
    assert_eq!(decide(&[], &[]), nothing);
    assert_eq!(decide(&[], &[grant(1, &[RULES[0]])]), nothing, "a grant nobody asked for");
    assert_eq!(plan(&[]), Plan { effect: Effect::Proceed, because: Vec::new() });
}

#[test]
fn verdicts_and_effects_have_the_contracts_words_and_order() {
    assert_eq!(Verdict::TEXTS, ["allow", "alert", "approve", "block"]);
    assert_eq!(Effect::TEXTS, ["proceed", "wait", "stop"]);
    assert_eq!(Mode::TEXTS, ["enforce", "shadow", "off"]);
    assert_eq!(Softener::TEXTS, ["shadow", "waiver", "pause"]);
    assert!(Verdict::ALL.is_sorted() && Effect::ALL.is_sorted());
    let effects = Verdict::ALL.iter().map(|verdict| Effect::from(*verdict));
    let expected = [Effect::Proceed, Effect::Proceed, Effect::Wait, Effect::Stop];
    assert_eq!(effects.collect::<Vec<_>>(), expected);
}

#[test]
fn a_grant_lifts_an_approve_and_never_a_block() {
    let rule = RULES[0];
    let given = grant(1, &[rule]);
    let lifted = decide(&[said(rule, Verdict::Approve)], std::slice::from_ref(&given));
    assert_eq!(lifted.verdict, Verdict::Allow);
    assert_eq!((lifted.satisfied_by, lifted.met), (vec![ticket(1)], vec![RuleId::told(rule)]));
    for verdict in [Verdict::Alert, Verdict::Block] {
        let held = decide(&[said(rule, verdict)], std::slice::from_ref(&given));
        assert_eq!((held.verdict, held.satisfied_by), (verdict, Vec::new()));
    }
    let other = decide(&[said(RULES[1], Verdict::Approve)], &[given]);
    assert_eq!((other.verdict, other.satisfied_by), (Verdict::Approve, Vec::new()));
}

#[test]
fn a_grant_leaves_the_rest_of_its_rule_alone() {
    let rule = RULES[0];
    let findings = [said(rule, Verdict::Approve), said(rule, Verdict::Block)];
    assert_eq!(decide(&findings, &[grant(1, &[rule])]).verdict, Verdict::Block);
    let findings = [said(rule, Verdict::Approve), said(RULES[1], Verdict::Approve)];
    let half = decide(&findings, &[grant(1, &[rule])]);
    assert_eq!((half.verdict, half.met), (Verdict::Approve, vec![RuleId::told(rule)]));
    let both = decide(&findings, &[grant(1, &[rule]), grant(2, &[RULES[1]])]);
    assert_eq!((both.verdict, both.satisfied_by), (Verdict::Allow, vec![ticket(1), ticket(2)]));
}

#[test]
fn there_are_exactly_four_outcomes() {
    assert_eq!(Outcome::TEXTS, ["matched", "did-not-match", "not-applicable", "could-not-tell"]);
    let of = |origins: &[Origin]| {
        let findings: Vec<Finding> =
            origins.iter().map(|origin| finding(RULES[0], Verdict::Block, *origin)).collect();
        let turned: Vec<Finding> = findings.iter().rev().cloned().collect();
        let outcome = Outcome::of(findings.iter());
        assert_eq!(Outcome::of(turned.iter()), outcome, "the order does not matter");
        outcome
    };
    assert_eq!(of(&[]), Outcome::DidNotMatch);
    assert_eq!(of(&[Origin::Rule]), Outcome::Matched);
    assert_eq!(of(&[Origin::Broken]), Outcome::Matched);
    assert_eq!(of(&[Origin::Unknown]), Outcome::CouldNotTell);
    assert_eq!(of(&[Origin::Fault]), Outcome::CouldNotTell);
    assert_eq!(of(&[Origin::Fault, Origin::Unknown]), Outcome::CouldNotTell);
    assert_eq!(of(&[Origin::Unknown, Origin::Rule]), Outcome::Matched);
}

#[test]
fn shadow_says_what_it_would_have_been() {
    let shadow = |verdict: Verdict| {
        let finding = said(RULES[1], verdict);
        plan(&[Weighed { finding: &finding, verdict, mode: Mode::Shadow }])
    };
    for (verdict, effect) in [(Verdict::Approve, "wait"), (Verdict::Block, "stop")] {
        let plan = shadow(verdict);
        assert_eq!(plan.effect, Effect::Proceed);
        let [Because { kind, id, text }] = &plan.because[..] else { panic!("{plan:?}") };
        assert_eq!((*kind, id.as_str()), (Softener::Shadow, RULES[1]));
        for word in ["would", RULES[1], aloud(verdict), effect] {
            assert!(text.contains(word), "`{text}` says `{word}`");
        }
    }
    for verdict in [Verdict::Allow, Verdict::Alert] {
        assert_eq!(shadow(verdict).because, [], "{verdict} would have proceeded anyway");
    }
}

#[test]
fn shadow_behind_a_stricter_rule_is_not_listed() {
    let (blocks, waits) = (said(RULES[1], Verdict::Block), said(RULES[0], Verdict::Approve));
    let enforced = Weighed { finding: &blocks, verdict: Verdict::Block, mode: Mode::Enforce };
    let shadowed = Weighed { finding: &waits, verdict: Verdict::Approve, mode: Mode::Shadow };
    let plan = plan(&[shadowed, enforced]);
    assert_eq!(plan, Plan { effect: Effect::Stop, because: Vec::new() });
}

#[test]
fn a_rule_with_two_findings_is_listed_once_with_the_stricter() {
    let (waits, blocks) = (said(RULES[0], Verdict::Approve), said(RULES[0], Verdict::Block));
    let alerts = said(RULES[1], Verdict::Approve);
    let shadow = |finding| Weighed { finding, verdict: finding.verdict, mode: Mode::Shadow };
    let plan = plan(&[shadow(&waits), shadow(&alerts), shadow(&blocks)]);
    let listed: Vec<&str> = plan.because.iter().map(|because| because.id.as_str()).collect();
    assert_eq!(listed, [RULES[0], RULES[1]], "strictest first");
    assert!(plan.because[0].text.contains("Block"), "{}", plan.because[0].text);
}

#[test]
fn the_most_particular_setting_wins() {
    let connection = "acme-cloud".parse().unwrap();
    let other = "acme-dc".parse().unwrap();
    let set = |connection: &portcullis::graph::ConnectionId, rules: &str, mode| ModeSetting {
        connection: connection.clone(),
        rules: rules.to_owned(),
        mode,
        class: None,
    };
    let rule = RuleId::told("deploy/production-needs-approval");
    let sibling = RuleId::told("deploy/from-protected");
    let stranger = RuleId::told("deployment/other");
    let layers = [
        set(&connection, "*", Mode::Shadow),
        set(&connection, "deploy", Mode::Enforce),
        set(&connection, rule.as_str(), Mode::Off),
    ];
    let expected = [
        // rule, sibling in the area, another area
        [Mode::Enforce, Mode::Enforce, Mode::Enforce],
        [Mode::Shadow, Mode::Shadow, Mode::Shadow],
        [Mode::Enforce, Mode::Enforce, Mode::Shadow],
        [Mode::Off, Mode::Enforce, Mode::Shadow],
    ];
    for (count, expected) in expected.into_iter().enumerate() {
        let mut settings = layers[..count].to_vec();
        for turned in [false, true] {
            if turned {
                settings.reverse();
            }
            let modes = Modes::new(Mode::Enforce, settings.clone());
            let found = [&rule, &sibling, &stranger].map(|rule| modes.of(&connection, rule));
            assert_eq!(found, expected, "with {count} settings");
            assert_eq!(modes.of(&other, &rule), Mode::Enforce, "another connection's own matter");
        }
    }
}

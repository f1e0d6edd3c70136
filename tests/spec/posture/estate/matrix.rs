//! Findings × scopes: what the table promises of a scope is what really becomes known with it.

use std::collections::BTreeMap;

use portcullis::graph::Product;
use portcullis::policy::RuleId;
use portcullis::posture::Catalogue;
use portcullis::posture::Gap;
use portcullis::posture::Held;
use portcullis::posture::Judgement;
use portcullis::posture::Outcome;
use portcullis::posture::Tally;
use portcullis::posture::Worth;
use portcullis::posture::scopes::ROLE;
use portcullis::posture::scopes::worth;

use crate::spec::posture::estate::Judged;
use crate::spec::posture::estate::RULES;
use crate::spec::posture::estate::cloud::SCOPES;
use crate::spec::posture::estate::cloud::company;
use crate::spec::posture::estate::cloud::serve;
use crate::spec::posture::estate::discover;
use crate::spec::posture::estate::switched;

/// Scopes whose lack leaves findings open. Without `repository` and `project` there is nothing to judge.
const TRIED: &[&str] = &["repository:admin", "project:admin", "webhook", "runner", "pipeline"];

async fn judged(without: Option<&str>) -> Judged {
    let scopes: Vec<&str> = SCOPES.iter().copied().filter(|one| Some(*one) != without).collect();
    let (_simulator, client) = serve(company(1), &scopes).await;
    switched(&client);
    Judged::of(&discover(&client).await, &Held::default())
}

fn tallies(judged: &Judged) -> Vec<Tally> {
    let mut all: BTreeMap<RuleId, Tally> = BTreeMap::new();
    for one in judged.all() {
        let tally = all.entry(one.rule.clone()).or_insert_with(|| Tally {
            rule: one.rule.clone(),
            severity: one.severity,
            pass: 0,
            fail: 0,
            unknown: 0,
            accepted: 0,
        });
        match one.outcome {
            Outcome::Pass => tally.pass += 1,
            Outcome::Fail => tally.fail += 1,
            Outcome::Unknown => tally.unknown += 1,
        }
    }
    all.into_values().collect()
}

fn priced(judged: &Judged) -> Vec<Worth> {
    let open = judged.all().filter(|one| one.outcome == Outcome::Unknown);
    let gaps =
        |one: &'_ Judgement| -> (RuleId, Vec<Gap>) { (one.rule.clone(), one.unknown.clone()) };
    let open: Vec<(RuleId, Vec<Gap>)> = open.map(gaps).collect();
    let catalogue = Catalogue::of(RULES.bundle());
    let open = open.iter().map(|(rule, gaps)| (rule, gaps.as_slice()));
    worth(&catalogue, Product::Cloud, &tallies(judged), open)
}

#[tokio::test]
async fn what_a_scope_is_said_to_settle_is_known_once_it_is_granted() {
    let whole = judged(None).await;
    assert_eq!(priced(&whole), [], "with every scope none is missing");
    let (needs, mut silent) = (Catalogue::of(RULES.bundle()), Vec::new());
    for scope in TRIED {
        let less = judged(Some(scope)).await;
        let priced = priced(&less);
        let own = priced.iter().find(|one| one.scope == *scope).unwrap();
        let others = priced.iter().filter(|one| one.scope != *scope);
        let others: Vec<&str> = others.map(|one| one.scope.as_str()).collect();
        // Without that scope an access token administers nothing.
        let role: &[&str] = if *scope == "repository:admin" { &[ROLE] } else { &[] };
        assert_eq!(others, role, "{scope}");
        let promised = own.settles;
        assert!(promised > 0, "{priced:#?}");
        // What was unknown for this scope alone is told with it: of the places that hid their lists, what is in them.
        let open = |judged: &Judged| {
            let missing = |gap: &Gap| gap.why.contains(&format!("`{scope}`"));
            judged.all().filter(|one| one.unknown.iter().any(missing)).count()
        };
        assert_eq!(open(&whole), 0, "{scope}");
        let closed_by_it = |one: &&Judgement| {
            one.outcome == Outcome::Unknown
                && one.unknown.iter().all(|gap| gap.why.contains(&format!("`{scope}`")))
        };
        assert_eq!(less.all().filter(closed_by_it).count() as u64, promised, "{scope}");
        let named = |rule: &RuleId| {
            let mut listed = needs.rule(rule).unwrap().needs.iter();
            listed.any(|need| need.scope == *scope)
        };
        let rules = own.rules.iter().map(|settled| &settled.rule).filter(|rule| !named(rule));
        silent.extend(rules.map(|rule| format!("{rule} does not say that it needs `{scope}`")));
    }
    assert_eq!(silent, Vec::<String>::new());
}

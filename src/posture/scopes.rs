//! What one more scope would settle: findings × scopes. For each scope that the credential lacks, how many findings that
//! cannot be told today would be told with it, and how many of those would fail, going by those of the same rule that
//! are told.
//!
//! It goes by what Bitbucket said, not by a table: a gap counts for a scope if its sentence names it, and, where
//! Bitbucket refuses without naming one (Data Center), if the rule's `needs` say that such a fact takes it. A gap that a
//! switch, a plan, evidence or the platform leaves is none that a scope would close.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use crate::graph::Product;
use crate::policy::RuleId;
use crate::posture::Catalogue;
use crate::posture::Gap;
use crate::posture::Listing;
use crate::posture::Tally;

/// What Bitbucket's refusals end or go on with, in the sentences of gaps.
const REFUSALS: [&str; 2] = ["(401)", "(403)"];

/// What `needs` name that is no scope.
const NO_SCOPES: [&str; 2] = ["evidence", "Premium"];

/// What stands for a scope where Cloud refuses and names none: not a scope is missing then, but a role.
pub const ROLE: &str = "administrator there";

/// What one scope would settle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Worth {
    /// The scope or permission, as Bitbucket names it.
    pub scope: String,
    /// Findings that would be told with it alone.
    pub settles: u64,
    /// Of these, about how many would fail.
    pub likely_failures: u64,
    /// Findings that need it and another one too.
    pub helps: u64,
    /// The rules whose findings it settles, the most first.
    pub rules: Vec<Settled>,
}

/// What a scope would settle of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Settled {
    /// The rule.
    pub rule: RuleId,
    /// Its findings that would be told.
    pub settles: u64,
    /// Of its findings that are told, how many fail.
    pub fails: u64,
    /// Of its findings that are told, how many pass.
    pub passes: u64,
}

/// The worth of every scope that is missing, the most worth first. `tallies` are those of a scan, `unknown` its findings
/// that cannot be told: each with its rule and gaps. Cost: one walk over them.
pub fn worth<'f>(
    catalogue: &Catalogue,
    product: Product,
    tallies: &[Tally],
    unknown: impl IntoIterator<Item = (&'f RuleId, &'f [Gap])>,
) -> Vec<Worth> {
    let listings: BTreeMap<&RuleId, &Listing> =
        catalogue.rules.iter().map(|listing| (&listing.rule, listing)).collect();
    let mut alone: BTreeMap<(String, RuleId), u64> = BTreeMap::new();
    let mut together: BTreeMap<String, u64> = BTreeMap::new();
    for (rule, gaps) in unknown {
        let Some(listing) = listings.get(rule) else { continue };
        let lacking = lacking(listing, product, gaps);
        let mut scopes = lacking.iter();
        match (scopes.next(), scopes.next()) {
            (Some(scope), None) => {
                *alone.entry((scope.clone(), rule.clone())).or_default() += 1;
            }
            (Some(_), Some(_)) => {
                for scope in lacking {
                    *together.entry(scope).or_default() += 1;
                }
            }
            (None, _) => {}
        }
    }
    let mut scopes: BTreeSet<String> = together.keys().cloned().collect();
    scopes.extend(alone.keys().map(|(scope, _)| scope.clone()));
    let mut all: Vec<Worth> =
        scopes.into_iter().map(|scope| of(scope, &alone, (&together, tallies))).collect();
    all.sort_by(|a, b| b.settles.cmp(&a.settles).then_with(|| a.scope.cmp(&b.scope)));
    all
}

fn of(
    scope: String,
    alone: &BTreeMap<(String, RuleId), u64>,
    (together, tallies): (&BTreeMap<String, u64>, &[Tally]),
) -> Worth {
    let own = alone.iter().filter(|((of, _), _)| *of == scope);
    let settled = |((_, rule), count): (&(String, RuleId), &u64)| {
        let told = tallies.iter().find(|tally| tally.rule == *rule);
        Settled {
            rule: rule.clone(),
            settles: *count,
            fails: told.map_or(0, |told| told.fail),
            passes: told.map_or(0, |told| told.pass),
        }
    };
    let mut rules: Vec<Settled> = own.map(settled).collect();
    rules.sort_by(|a, b| b.settles.cmp(&a.settles).then_with(|| a.rule.cmp(&b.rule)));
    Worth {
        settles: rules.iter().map(|rule| rule.settles).sum(),
        likely_failures: rules.iter().map(likely).sum(),
        helps: together.get(&scope).copied().unwrap_or(0),
        scope,
        rules,
    }
}

/// As large a part as fails of those that are told, to the nearest whole; of a rule that was never told, none.
fn likely(rule: &Settled) -> u64 {
    let known = rule.fails + rule.passes;
    (rule.settles * rule.fails + known / 2).checked_div(known).unwrap_or(0)
}

/// The scopes that would close every gap of a finding; none where one gap is closed by no scope.
fn lacking(listing: &Listing, product: Product, gaps: &[Gap]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for gap in gaps {
        let scopes = closing(listing, product, &gap.why);
        if scopes.is_empty() {
            return BTreeSet::new();
        }
        all.extend(scopes);
    }
    all
}

/// The scopes that a sentence names. Where Bitbucket refused without naming any, on Data Center the permission that the rule
/// needs there, on Cloud a role.
fn closing(listing: &Listing, product: Product, why: &str) -> BTreeSet<String> {
    let needs = listing.needs.iter().filter(|need| need.product == product.as_str());
    let needs: Vec<&String> = needs
        .map(|need| &need.scope)
        .filter(|scope| !NO_SCOPES.contains(&scope.as_str()))
        .collect();
    if !REFUSALS.iter().any(|refusal| why.contains(refusal)) {
        return BTreeSet::new();
    }
    // Bitbucket names API tokens' scopes in its own longer way.
    let named = why.split('`').skip(1).step_by(2).map(|word| word.trim_end_matches(":bitbucket"));
    let named: BTreeSet<String> = named.map(str::to_owned).collect();
    if !named.is_empty() {
        return named;
    }
    match product {
        Product::Cloud => BTreeSet::from([ROLE.to_owned()]),
        Product::DataCenter => needs.first().map(|scope| (*scope).clone()).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::bundle::Severity;
    use crate::posture::catalogue::Need;

    fn listing(rule: &str, needs: &[(&str, &str)]) -> Listing {
        let need = |(product, scope): &(&str, &str)| Need {
            product: (*product).to_owned(),
            scope: (*scope).to_owned(),
        };
        Listing {
            rule: RuleId::told(rule),
            title: String::new(),
            description: String::new(),
            category: String::new(),
            subject: "repository".to_owned(),
            kinds: Vec::new(),
            severity: Severity::High,
            enabled: true,
            aliases: Vec::new(),
            needs: needs.iter().map(need).collect(),
            blind: String::new(),
            remedies: Vec::new(),
            controls: crate::policy::finding::Controls::default(),
            reads: Vec::new(),
        }
    }

    fn gaps(whys: &[&str]) -> Vec<Gap> {
        let gap = |why: &&str| Gap { path: "repository.x".to_owned(), why: (*why).to_owned() };
        whys.iter().map(gap).collect()
    }

    fn rule(text: &str) -> RuleId {
        RuleId::told(text)
    }

    const ADMIN: &str =
        "the connection's credential may not read x (403): it lacks `repository:admin`";
    const HOOKS: &str = "the connection's credential may not read y (403): it lacks `webhook`";
    const PLATFORM: &str = "Bitbucket Cloud's API does not tell it: set `own_hosts`";
    const REFUSED: &str = "Bitbucket refused the connection's credential (401): renew it";

    #[test]
    fn a_scope_settles_what_it_alone_would_close_and_fails_as_often_as_what_is_told() {
        let needs = [("cloud", "repository:admin")];
        let catalogue =
            Catalogue { rules: vec![listing("posture/a", &needs), listing("posture/b", &[])] };
        let (a, b) = (rule("posture/a"), rule("posture/b"));
        let tally = Tally {
            rule: a.clone(),
            severity: Severity::High,
            pass: 2,
            fail: 1,
            unknown: 3,
            accepted: 0,
        };
        let (one, two) = (gaps(&[ADMIN]), gaps(&[ADMIN, ADMIN]));
        let (both, stuck, never) =
            (gaps(&[ADMIN, HOOKS]), gaps(&[ADMIN, PLATFORM]), gaps(&[PLATFORM]));
        let unknown: [(&RuleId, &[Gap]); 6] =
            [(&a, &one), (&a, &two), (&a, &one), (&b, &both), (&b, &stuck), (&b, &never)];
        let worth = worth(&catalogue, Product::Cloud, &[tally], unknown);
        let told: Vec<_> = worth
            .iter()
            .map(|one| (one.scope.as_str(), one.settles, one.likely_failures, one.helps))
            .collect();
        assert_eq!(told, [("repository:admin", 3, 1, 1), ("webhook", 0, 0, 1)]);
        assert_eq!(worth[0].rules[0].rule, a);
    }

    #[test]
    fn a_refusal_that_names_nothing_is_closed_by_what_the_rule_needs_there() {
        let needs =
            [("cloud", "webhook"), ("datacenter", "evidence"), ("datacenter", "REPO_ADMIN")];
        let catalogue = Catalogue { rules: vec![listing("posture/a", &needs)] };
        let (a, refused) = (rule("posture/a"), gaps(&[REFUSED]));
        let worth = worth(&catalogue, Product::DataCenter, &[], [(&a, refused.as_slice())]);
        assert_eq!((worth[0].scope.as_str(), worth[0].settles), ("REPO_ADMIN", 1));
    }
}

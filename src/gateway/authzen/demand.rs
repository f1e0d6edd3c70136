//! What the gate itself asks of every question, beside all rules: that who and what it names are there, and that the
//! graph does not say no. It holds whatever the modes of rules and whether or not the gate is paused: shadow and pause
//! keep rules from biting, they make nobody exist and give nobody a level.

use crate::gateway::authzen::about::Place;
use crate::gateway::authzen::about::Subject;
use crate::gateway::authzen::about::Thing;
use crate::gateway::authzen::capability;
use crate::gateway::authzen::capability::Capability;
use crate::graph::Capability as Deed;
use crate::graph::Known;
use crate::graph::LookupError;
use crate::graph::NodeNo;
use crate::graph::Target;
use crate::policy::Finding;
use crate::policy::RuleId;
use crate::policy::Verdict;
use crate::policy::finding::Origin;

/// The subject is known.
const SUBJECT: &str = "portcullis/subject-is-known";
/// The resource is known.
const RESOURCE: &str = "portcullis/resource-is-known";
/// The action is one that the graph has a word for, or that the rules declare.
const ACTION: &str = "portcullis/action-is-known";
/// The graph says that the subject can.
const CAPABILITY: &str = "portcullis/capability-is-held";

/// Who and what a question was found to be about.
#[derive(Clone, Debug)]
pub struct About {
    /// Who; or that nobody is called so.
    pub subject: Result<Subject, LookupError>,
    /// What; or that nothing is called so.
    pub thing: Result<Thing, LookupError>,
}

/// What is not met, in words; empty: it is the rules' turn.
pub fn unmet(at: &Place<'_>, about: &About, action: &str) -> Vec<Finding> {
    let subject = about.subject.as_ref().err().map(|error| missing(at, SUBJECT, error));
    let thing = about.thing.as_ref().err().map(|error| missing(at, RESOURCE, error));
    let named = match &about.thing {
        Ok(Thing::Declared { noun }) => undeclared(at, noun, &[], action),
        Ok(Thing::Known { kind, .. }) => {
            undeclared(at, kind.as_str(), capability::words(*kind), action)
        }
        Err(_) => None,
    };
    let held = match (&about.subject, &about.thing) {
        (Ok(subject), Ok(Thing::Known { kind, place, target, .. })) => {
            let level = capability::of(action, *kind);
            let level = level.and_then(|asked| held(at, subject, *place, asked));
            let deed = capability::deed(action, *kind).zip(target.as_ref());
            level.or_else(|| deed.and_then(|asked| barred(at, subject, asked)))
        }
        (Ok(_) | Err(_), Ok(Thing::Declared { .. }) | Err(_))
        | (Err(_), Ok(Thing::Known { .. })) => None,
    };
    [subject, thing, named, held].into_iter().flatten().collect()
}

fn missing(at: &Place<'_>, rule: &str, error: &LookupError) -> Finding {
    let here = &at.connection.id;
    if at.graph.as_of_connection(here).is_none() {
        let why = format!("No graph is loaded for connection `{here}`: {error}.");
        return finding(rule, Origin::Unknown, why);
    }
    finding(rule, Origin::Rule, format!("On connection `{here}`, {error}."))
}

/// An action that neither the graph has a word for nor the rules declare: nothing would speak against it, and so it would
/// be let pass.
fn undeclared(at: &Place<'_>, noun: &str, words: &[&str], action: &str) -> Option<Finding> {
    let declared = at.vocabulary.noun(noun);
    let declared = declared.is_some_and(|noun| noun.actions.iter().any(|known| known == action));
    (!declared && !words.contains(&action)).then(|| {
        let why = format!(
            "Nobody knows an action `{action}` of `{noun}`: the active rules declare none in `data.portcullis.authzen`."
        );
        finding(ACTION, Origin::Rule, why)
    })
}

fn held(
    at: &Place<'_>,
    subject: &Subject,
    place: Option<NodeNo>,
    asked: Capability,
) -> Option<Finding> {
    let Some(place) = place else {
        let why = format!(
            "`{}` would need {asked}, and on which repository cannot be told: name the resource by its id, or as PROJECT/SLUG:NAME.",
            subject.id
        );
        return Some(finding(CAPABILITY, Origin::Unknown, why));
    };
    let on = at.graph.name(place);
    match asked.held(at.graph, subject.node, place) {
        Known::Value(true) => None,
        Known::Value(false) | Known::Nothing => {
            let why = format!("`{}` does not hold {asked} on `{on}`.", subject.id);
            Some(finding(CAPABILITY, Origin::Rule, why))
        }
        Known::Unknown(why) => {
            let said = why.as_str();
            let why =
                format!("Whether `{}` holds {asked} on `{on}` cannot be told: {said}.", subject.id);
            Some(finding(CAPABILITY, Origin::Unknown, why))
        }
    }
}

/// A deed that the graph is sure nobody of this level can do there: a rule does not name them, say. What it cannot tell
/// is left to the rules.
fn barred(at: &Place<'_>, subject: &Subject, (deed, target): (Deed, &Target)) -> Option<Finding> {
    let demand = at.graph.demand(deed, target);
    match at.graph.meets(subject.node, &demand) {
        Known::Value(true) | Known::Unknown(_) => None,
        Known::Value(false) | Known::Nothing => {
            let missing = at.graph.missing(subject.node, &demand).join("; ");
            let why = format!(
                "`{}` cannot {deed} on `{}`: {missing}.",
                subject.id,
                target.name(at.graph)
            );
            Some(finding(CAPABILITY, Origin::Rule, why))
        }
    }
}

fn finding(rule: &str, origin: Origin, reason: String) -> Finding {
    Finding {
        rule: RuleId::told(rule),
        verdict: Verdict::Block,
        reason,
        proof: Vec::new(),
        approval: None,
        origin,
    }
}

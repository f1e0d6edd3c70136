//! Subjects that nobody has seen: where a list of a place could not be read, what is in it is not known to comply. A rule
//! about hooks then says unknown of the repository whose hooks it could not see, and names what would show them.
//!
//! Without this a missing scope would make findings disappear, which reads like a pass.

use crate::graph::Kind;
use crate::graph::NodeNo;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::Why;
use crate::policy::Rule;
use crate::policy::SubjectKind;
use crate::posture::Gap;
use crate::posture::Judgement;
use crate::posture::Outcome;

/// What Cloud keeps from everybody but the one whose it is.
const CLOUD_TELLS_NOBODY: Why = Why::fixed(
    "Bitbucket Cloud's API tells nobody else's SSH keys and API tokens: each person sees them under Personal settings, Security",
);

/// The lists of a place or person and the subjects that they tell.
const LISTS: [(&str, SubjectKind); 11] = [
    ("members", SubjectKind::Identity),
    ("projects", SubjectKind::Project),
    ("repositories", SubjectKind::Repository),
    ("keys", SubjectKind::Credential),
    ("tokens", SubjectKind::Credential),
    ("credentials", SubjectKind::Credential),
    ("holds", SubjectKind::Credential),
    ("hooks", SubjectKind::Hook),
    ("runners", SubjectKind::Runner),
    ("variables", SubjectKind::Variable),
    ("environments", SubjectKind::Variable),
];

/// What a place or person may hold that was not seen: the kind of subject and why, each list once.
pub fn unseen(graph: &Snapshot, place: NodeNo) -> Vec<(SubjectKind, Why)> {
    let kind = graph.node(place).map(|node| node.id.kind());
    let holds =
        matches!(kind, Some(Kind::Workspace | Kind::Project | Kind::Repository | Kind::User));
    if !holds {
        return Vec::new();
    }
    let mut all: Vec<(SubjectKind, Why)> = LISTS
        .iter()
        .filter_map(|(list, kind)| Some((*kind, graph.why_unknown(place, list)?.clone())))
        .collect();
    let environments = graph.led_from(place, Relation::DeploysTo).into_iter();
    let environments = environments.filter_map(|environment| graph.find(&environment));
    all.extend(environments.filter_map(|environment| {
        Some((SubjectKind::Variable, graph.why_unknown(environment, "variables")?.clone()))
    }));
    let of_people = credentials_untold(graph, place).filter(|_| kind == Some(Kind::Workspace));
    all.extend(of_people.map(|why| (SubjectKind::Credential, why)));
    all.sort();
    all.dedup();
    all
}

/// Why the keys and tokens of people are not known in a workspace or server, if they are not.
pub fn credentials_untold(graph: &Snapshot, workspace: NodeNo) -> Option<Why> {
    if graph.product_of(workspace) == Some(Product::Cloud) {
        return Some(CLOUD_TELLS_NOBODY);
    }
    graph.why_unknown(workspace, "credentials").cloned()
}

/// What these rules say of a place or person for the subjects in it that were not seen. Nothing for a place that was seen whole.
pub fn judge_unseen<'r>(
    graph: &Snapshot,
    place: NodeNo,
    rules: impl IntoIterator<Item = &'r Rule>,
) -> Vec<Judgement> {
    let unseen = unseen(graph, place);
    if unseen.is_empty() {
        return Vec::new();
    }
    let of = |rule: &'r Rule| {
        let about = rule.stance.as_ref()?.subject;
        let gaps = unseen.iter().filter(|(kind, _)| *kind == about);
        let gap = |(kind, why): &(SubjectKind, Why)| Gap {
            path: kind.as_str().to_owned(),
            why: why.as_str().to_owned(),
        };
        let unknown: Vec<Gap> = gaps.map(gap).collect();
        (!unknown.is_empty()).then(|| Judgement {
            rule: rule.id.clone(),
            outcome: Outcome::Unknown,
            severity: rule.severity,
            reasons: Vec::new(),
            unknown,
        })
    };
    rules.into_iter().filter_map(of).collect()
}

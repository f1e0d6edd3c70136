//! What a decision is about, by name: for pages, statuses and narratives, never for deciding.

use crate::decision::record::Names;
use crate::event::Facts;
use crate::event::Thing;
use crate::graph::Id;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::Snapshot;
use crate::graph::fact::Fact;
use crate::graph::fact::Page;
use crate::graph::fact::Wanted;
use crate::policy::input::Claimed;
use crate::policy::input::ClaimedEntity;

/// The repository's id.
pub fn repository_id(facts: &Facts) -> Option<&Id> {
    facts.resource.value()?.repository.value()?.id.value()
}

/// The repository with the key of its project and its full name, where all are told.
pub fn place(facts: &Facts) -> Option<(&Id, (&str, &str))> {
    let repository = facts.resource.value()?.repository.value()?;
    let place = (repository.project.value()?.as_str(), repository.name.value()?.as_str());
    Some((repository.id.value()?, place))
}

/// The ref's full name.
pub fn reference(facts: &Facts) -> Option<&str> {
    facts.resource.value()?.reference.value()?.name.value().map(String::as_str)
}

/// The commit a decision is about: what the pipeline runs, the head of the pull request, or where the ref points now.
pub fn commit(facts: &Facts) -> Option<&str> {
    let pipeline = facts.pipeline.value().and_then(|pipeline| pipeline.commit.value());
    let source = || facts.pull_request.value()?.source.value()?.commit.value();
    let change = || facts.change.value()?.to.value();
    pipeline.or_else(source).or_else(change).map(String::as_str)
}

/// Ids of the people a record mentions, so that they can be erased from it.
pub fn mentioned(facts: &Facts) -> Vec<String> {
    let actor = facts.actor.value();
    let pull_request = facts.pull_request.value();
    let mut ids: Vec<&Id> = Vec::new();
    ids.extend(actor.and_then(|actor| actor.id.value()));
    ids.extend(actor.and_then(|actor| actor.acts_for.value()?.id.value()));
    ids.extend(facts.pipeline.value().and_then(|pipeline| pipeline.creator.value()));
    ids.extend(facts.comment.value().and_then(|comment| comment.by.value()));
    ids.extend(pull_request.and_then(|pr| pr.author.value()));
    let approvals = pull_request.and_then(|pr| pr.approvals.value());
    ids.extend(approvals.into_iter().flatten().filter_map(|approval| approval.by.value()));
    for thing in [&facts.before, &facts.after] {
        ids.extend(thing.value().and_then(|thing| thing.identity.value()));
    }
    ids.sort();
    ids.dedup();
    ids.into_iter().map(ToString::to_string).collect()
}

/// Every name a record keeps, in one sealed part.
pub fn of(facts: &Facts, claimed: &Known<Claimed>) -> Names {
    let resource = facts.resource.value();
    let change = facts.change.value();
    let actor = facts.actor.value();
    Names {
        repository: resource.and_then(|r| r.repository.value()?.name.value().cloned()),
        reference: reference(facts).map(ToOwned::to_owned),
        actor: actor.and_then(|actor| actor.name.value().cloned()),
        environment: resource.and_then(|r| r.environment.value()?.name.value().cloned()),
        pull_request: facts.pull_request.value().and_then(|pr| pr.id.value().copied()),
        from: change.and_then(|change| change.from.value().cloned()),
        to: change.and_then(|change| change.to.value().cloned()),
        changed: changed(&facts.before, &facts.after),
        owner: None,
        via: actor.and_then(|actor| actor.via.value().cloned()).unwrap_or_default(),
        question: claimed.value().and_then(question),
        asked_because: claimed.value().and_then(|claimed| claimed.reason.value().cloned()),
        asker: None,
    }
}

/// `user:mia deploy environment:production`, as it was asked.
fn question(claimed: &Claimed) -> Option<String> {
    let named = |one: &ClaimedEntity| Some(format!("{}:{}", one.kind.value()?, one.id.value()?));
    let (subject, resource) = (claimed.subject.value()?, claimed.resource.value()?);
    let action = claimed.action.value()?.name.value()?;
    Some(format!("{} {action} {}", named(subject)?, named(resource)?))
}

/// Who looks after the repository: its project, and how many hold admin on it. No person is named, so that nothing has
/// to be erased for them.
pub fn owner(graph: &Snapshot, facts: &Facts) -> Option<String> {
    let repository = graph.find(repository_id(facts)?)?;
    let project = || facts.resource.value()?.repository.value()?.project.value();
    let admins = graph.who_can(Level::Admin, repository).listed;
    let (count, more) =
        (admins.nodes.len(), if admins.unknown.is_some() { "at least " } else { "" });
    let hold = if count == 1 { "identity holds" } else { "identities hold" };
    let admins = format!("{more}{count} {hold} admin on the repository");
    Some(match project() {
        Some(project) => format!("project {project}; {admins}"),
        None => admins,
    })
}

/// The members of the changed thing that differ, or all of them where it is new or gone.
pub(in crate::gateway) fn changed(
    before: &Known<Thing>,
    after: &Known<Thing>,
) -> Vec<(String, Option<String>, Option<String>)> {
    let (before, after) = (members(before), members(after));
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let rows = names
        .into_iter()
        .map(|name| (name.clone(), shown(before.get(name)), shown(after.get(name))));
    rows.filter(|(_, before, after)| before != after).collect()
}

type Members = serde_json::Map<String, serde_json::Value>;

fn members(thing: &Known<Thing>) -> Members {
    let Some(thing) = thing.value() else { return Members::new() };
    let all = Wanted::all();
    let mut page = Page::new(&all);
    thing.write(&mut page);
    serde_json::from_slice(&page.finish().0).unwrap_or_default()
}

fn shown(value: Option<&serde_json::Value>) -> Option<String> {
    match value? {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other @ (serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::Array(_)
        | serde_json::Value::Object(_)) => Some(other.to_string()),
    }
}

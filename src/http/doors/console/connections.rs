//! The connections and their hooks.

use crate::gateway::audit::told::SourceTold;
use crate::gateway::connections::Connection;
use crate::gateway::glance::HookSeen;
use crate::graph::Product;
use crate::http::answer::Answer;
use crate::http::console::hooks;
use crate::http::console::hooks::Shown;
use crate::http::doors::House;
use crate::http::doors::call::Call;
use crate::http::doors::console;
use crate::http::problem::Problem;

/// Every connection.
pub(in crate::http::doors) async fn list(house: &House, call: &Call) -> Result<Answer, Problem> {
    let seen = house.gateway.hooks_seen().await?;
    let graph = house.gateway.graph.load_full();
    let sources = house.gateway.audit_sources(None).await?;
    let shown = |connection: &Connection| Shown {
        id: connection.id.clone(),
        product: connection.product,
        facts: facts(connection, &sources),
        read: graph.as_of_connection(&connection.id),
        hooks: of(connection, &seen),
    };
    let connections: Vec<Shown> =
        house.gateway.connections.iter().map(|connection| shown(&connection)).collect();
    Ok(console::page(house, call, |desk| hooks::page(desk, &connections)))
}

fn of(connection: &Connection, seen: &[HookSeen]) -> Vec<HookSeen> {
    seen.iter().filter(|hook| hook.connection == connection.id).cloned().collect()
}

/// How we speak to it and what may be written there; without secrets and addresses of hooks.
fn facts(connection: &Connection, sources: &[SourceTold]) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    facts.extend(connection.workspace.clone().map(|slug| ("Workspace", slug)));
    let speaks = match connection.client {
        Some(_) => "with a credential",
        None => "not at all: only what webhooks and tokens tell is known",
    };
    facts.push(("We ask it", speaks.to_owned()));
    let scope = connection.scope();
    if !scope.is_empty() {
        facts.push(("We ask of", scope.join(", ")));
    }
    let steps = connection.issuer.as_ref().map(|issuer| issuer.audiences.join(", "));
    facts.extend(steps.map(|audiences| ("Step tokens for", audiences)));
    let status = if connection.posts_status { "commit statuses" } else { "nothing" };
    facts.push(("We write there", status.to_owned()));
    facts.push(("Protected refs", listed(&connection.protected_refs)));
    if connection.product == Product::Cloud {
        facts.push(("Plan", plan(connection.premium).to_owned()));
    }
    let of_it = sources.iter().filter(|source| source.connection == connection.id);
    facts.extend(of_it.map(|source| ("Who changed what", audited(source))));
    facts
}

/// Where an audit log stands, in one line.
fn audited(source: &SourceTold) -> String {
    let read = match (&source.source, source.read) {
        (None, _) => "nobody tells".to_owned(),
        (Some(name), None) => format!("audit log ({name}): not read yet"),
        (Some(name), Some(read)) => {
            format!("audit log ({name}) read until {read}, {} lines", source.kept)
        }
    };
    source.why.as_ref().map_or(read.clone(), |why| format!("{read}: {why}"))
}

fn listed(refs: &[String]) -> String {
    if refs.is_empty() { "as Bitbucket's own rules say".to_owned() } else { refs.join(", ") }
}

const fn plan(premium: Option<bool>) -> &'static str {
    match premium {
        Some(true) => "Premium",
        Some(false) => "not Premium",
        None => "unknown: merge checks count as not enforced",
    }
}

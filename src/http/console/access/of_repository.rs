//! One repository: who reaches it, directly and by inheritance, on one page; what its default branch lets whom do; and
//! who can run, deploy and read secrets there.

use maud::Markup;
use maud::html;

use crate::graph::Capability;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::Links;
use crate::graph::NodeNo;
use crate::graph::Path;
use crate::graph::Snapshot;
use crate::graph::Target;
use crate::http::console::access::MAX_ROWS;
use crate::http::console::access::Sheet;
use crate::http::console::access::Ways;
use crate::http::console::access::change;
use crate::http::console::access::gaps;
use crate::http::console::access::keep;
use crate::http::console::access::linked;
use crate::http::console::access::picture::MAX_DRAWN;
use crate::http::console::access::picture::picture;
use crate::http::console::access::unfolding;
use crate::http::console::part;
use crate::http::console::words;

/// One row: who, what level, and every path.
struct Row {
    who: NodeNo,
    level: Level,
    direct: Vec<String>,
    inherited: Vec<String>,
    best: Option<Path>,
}

pub(super) fn sheet(graph: &Snapshot, repository: NodeNo, links: &Links, ways: Ways) -> Sheet {
    let name = graph.called(repository);
    let holders = graph.who_can(Level::Read, repository);
    let mut rows: Vec<Row> = holders
        .listed
        .nodes
        .iter()
        .take(MAX_ROWS)
        .map(|who| row(graph, *who, repository))
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.level));
    let drawn: Vec<Path> =
        rows.iter().filter_map(|row| row.best.clone()).take(MAX_DRAWN + 1).collect();
    let mut unread: Vec<String> = holders
        .listed
        .unknown
        .iter()
        .map(|why| format!("There may be more who reach it: {}", why.as_str()))
        .collect();
    unread.extend(graph.gaps_of(repository));
    let end = graph.node(repository).map(|node| &node.id);
    let main = html! {
        div class="head" { h1 { (words::told(&name)) } div class="buttons" { (keep(graph, repository, ways)) (change(links.grants(graph, repository).as_deref())) } }
        section class="card" { (facts(graph, repository)) }
        @if holders.anyone { section class="banner hint" { strong { "It is public. " } "Anyone reads it, signed in or not." } }
        section class="card" {
            h2 { "Who reaches it" }
            p class="note" { (part::counted(holders.listed.nodes.len() as u64, "identity", "identities")) @if holders.listed.nodes.len() > MAX_ROWS { "; the first " (MAX_ROWS) " are shown" } ". Groups are resolved to who is in them. Direct is what this repository's own settings show; inherited is what they do not." }
            (picture(graph, &drawn, end, "The strongest path of each identity to this repository; the table below has them all"))
            (table(graph, &rows, ways))
        }
        (branch(graph, repository, links, ways))
        (deeds(graph, repository, ways))
        (gaps(&unread))
    };
    Sheet { title: name, main }
}

fn row(graph: &Snapshot, who: NodeNo, repository: NodeNo) -> Row {
    let paths = graph.paths(who, repository).all;
    let id = graph.node(repository).map(|node| node.id.clone());
    let (direct, inherited): (Vec<&Path>, Vec<&Path>) = paths
        .iter()
        .partition(|path| path.steps.last().is_some_and(|step| Some(&step.to) == id.as_ref()));
    let lines = |paths: Vec<&Path>| paths.into_iter().map(|path| graph.line(who, path)).collect();
    Row {
        who,
        level: graph.effective(who, repository).level,
        direct: lines(direct),
        inherited: lines(inherited),
        best: paths.first().cloned(),
    }
}

fn facts(graph: &Snapshot, repository: NodeNo) -> Markup {
    let said = |fact: Known<String>| match fact {
        Known::Value(text) => text,
        Known::Nothing => "none".to_owned(),
        Known::Unknown(why) => format!("unknown: {}", why.as_str()),
    };
    let text = |name: &str| said(graph.text(repository, name).map(str::to_owned));
    let flag = |name: &str| {
        said(graph.flag(repository, name).map(|flag| if flag { "yes" } else { "no" }.to_owned()))
    };
    let id = graph.node(repository).map(|node| node.id.to_string()).unwrap_or_default();
    let project = graph
        .project_of(repository)
        .map_or_else(|| "unknown".to_owned(), |project| graph.called(project));
    let (seen, branch, archived) = (text("visibility"), text("default_branch"), flag("archived"));
    let rows = [
        ("Id", id.as_str()),
        ("Project", project.as_str()),
        ("Visibility", seen.as_str()),
        ("Default branch", branch.as_str()),
        ("Archived", archived.as_str()),
    ];
    html! { (part::facts(rows)) p class="note" { "Read by " (words::when(graph.as_of())) "." } }
}

fn table(graph: &Snapshot, rows: &[Row], ways: Ways) -> Markup {
    html! {
        table class="grid" role="table" {
            (part::columns(&["Who", "Level", "Direct", "Inherited"]))
            tbody role="rowgroup" {
                @for row in rows {
                    tr role="row" {
                        td role="cell" data-label="Who" { (linked(graph, row.who, ways)) span class="sub" { (kind(graph, row.who)) } }
                        td role="cell" data-label="Level" { span class="badge plain strong" { (row.level) } }
                        td role="cell" data-label="Direct" { (unfolding(&row.direct)) }
                        td role="cell" data-label="Inherited" { (unfolding(&row.inherited)) }
                    }
                }
            }
        }
    }
}

/// What protects the default branch, and who gets past it.
fn branch(graph: &Snapshot, repository: NodeNo, links: &Links, ways: Ways) -> Markup {
    let Known::Value(branch) = graph.text(repository, "default_branch") else { return html! {} };
    let name = format!("refs/heads/{branch}");
    let protection = graph.protecting(repository, &name, &[]);
    let target = Target { node: repository, reference: Some(name) };
    html! {
        section class="card" {
            div class="head" { h2 { "The default branch " (words::code(branch)) } (change(links.rules(graph, repository).as_deref())) }
            @if protection.rules.is_empty() { p { "No rule that was read covers it." } } @else {
                table class="grid" role="table" {
                    (part::columns(&["Rule", "Set on", "Asks for", "Lets through"]))
                    tbody role="rowgroup" {
                        @for rule in &protection.rules {
                            tr role="row" {
                                td role="cell" data-label="Rule" { @match &rule.kind { Known::Value(kind) => (words::code(kind)), Known::Nothing | Known::Unknown(_) => "of an unknown kind" } }
                                td role="cell" data-label="Set on" { (rule.scope.as_str()) }
                                td role="cell" data-label="Asks for" { @if let Known::Value(value) = rule.value { (value) } }
                                td role="cell" data-label="Lets through" { @match &rule.exempt {
                                    Known::Value(ids) if ids.is_empty() => "nobody",
                                    Known::Value(ids) => { @for (at, id) in ids.iter().enumerate() { @if at > 0 { ", " } @if let Some(node) = graph.find(id) { (linked(graph, node, ways)) } } },
                                    Known::Nothing => "nobody",
                                    Known::Unknown(why) => { "unknown: " (words::prose(why.as_str())) },
                                } }
                            }
                        }
                    }
                }
            }
            @for deed in [Capability::Push, Capability::Merge, Capability::MergeUnreviewed] {
                (deed_line(graph, deed, &target, ways))
            }
        }
    }
}

/// Who can run, deploy, read secrets and change the controls.
fn deeds(graph: &Snapshot, repository: NodeNo, ways: Ways) -> Markup {
    let whole = Target { node: repository, reference: None };
    let environments = graph.environments_of(repository).nodes;
    html! {
        section class="card" {
            h2 { "What can be done there" }
            @for deed in [Capability::EditPipeline, Capability::ChangeControls] { (deed_line(graph, deed, &whole, ways)) }
            @for environment in &environments {
                (deed_line(graph, Capability::Deploy, &Target { node: *environment, reference: None }, ways))
            }
            @for variable in variables(graph, repository, &environments) {
                (deed_line(graph, Capability::ReadSecret, &Target { node: variable, reference: None }, ways))
            }
        }
    }
}

fn deed_line(graph: &Snapshot, deed: Capability, target: &Target, ways: Ways) -> Markup {
    let demand = graph.demand(deed, target);
    let allowed = graph.who_meets(&demand);
    let name = target.name(graph);
    html! {
        h4 { (deed) " " (words::code(&name)) }
        p {
            @if allowed.nodes.is_empty() { "Nobody for certain" } @else {
                @for (at, who) in allowed.nodes.iter().take(MAX_DRAWN).enumerate() { @if at > 0 { ", " } (linked(graph, *who, ways)) }
                @if allowed.nodes.len() > MAX_DRAWN { " and " (allowed.nodes.len() - MAX_DRAWN) " more" }
            }
            "."
            @if let Some((_, why)) = allowed.maybe.first() {
                span class="sub" { "Cannot be told of " (part::counted(allowed.maybe.len() as u64, "other", "others")) ": " (words::prose(why.as_str())) "." }
            } @else if let Some(why) = &allowed.unknown {
                span class="sub" { "There may be more: " (words::prose(why.as_str())) "." }
            }
        }
    }
}

/// Every variable that some step there can read, each once.
fn variables(graph: &Snapshot, repository: NodeNo, environments: &[NodeNo]) -> Vec<NodeNo> {
    let places = std::iter::once(None).chain(environments.iter().copied().map(Some));
    let mut all = Vec::new();
    for variable in places.flat_map(|place| graph.variables_readable(repository, place).all) {
        if !all.contains(&variable.node) {
            all.push(variable.node);
        }
    }
    all
}

fn kind(graph: &Snapshot, node: NodeNo) -> &'static str {
    graph.node(node).map_or("", |node| node.id.kind().as_str())
}

//! One identity: what it reaches and how, whose it is, and in which groups. Of an identity that is no person also age,
//! last use and who may change it.

use maud::Markup;
use maud::html;

use crate::gateway::access;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::Links;
use crate::graph::NodeNo;
use crate::graph::Path;
use crate::graph::Snapshot;
use crate::graph::Time;
use crate::http::console::access::MAX_ROWS;
use crate::http::console::access::Sheet;
use crate::http::console::access::Ways;
use crate::http::console::access::change;
use crate::http::console::access::gaps;
use crate::http::console::access::keep;
use crate::http::console::access::linked;
use crate::http::console::access::picture::picture;
use crate::http::console::access::unfolding;
use crate::http::console::part;
use crate::http::console::words;

/// Levels that are counted over all repositories.
const COUNTED: [Level; 3] = [Level::Admin, Level::Write, Level::Read];

pub(super) fn sheet(graph: &Snapshot, who: NodeNo, links: &Links, ways: Ways) -> Sheet {
    let name = graph.called(who);
    let reach = graph.reach(who);
    let paths = |place: NodeNo| graph.paths(who, place).all;
    let drawn: Vec<Path> =
        reach.iter().filter_map(|reach| paths(reach.place).into_iter().next()).collect();
    let groups = graph.groups_of(who);
    let main = html! {
        div class="head" { h1 { (words::told(&name)) } (keep(graph, who, ways)) }
        section class="card" { (facts(graph, who, ways)) }
        section class="card" {
            h2 { "What it reaches" }
            p { (counts(graph, who)) }
            @if reach.is_empty() { p { "It holds nothing by a grant to it or its groups." } } @else {
                (picture(graph, &drawn, None, "The strongest path from this identity to each place; the table below has them all"))
                table class="grid" role="table" {
                    (part::columns(&["Place", "Level", "How", "Changed"]))
                    tbody role="rowgroup" {
                        @for reach in reach.iter().take(MAX_ROWS) {
                            @let told: Vec<String> = paths(reach.place).iter().map(|path| graph.line(who, path)).collect();
                            tr role="row" {
                                td role="cell" data-label="Place" { (linked(graph, reach.place, ways)) }
                                td role="cell" data-label="Level" { span class="badge plain strong" { (reach.level) } }
                                td role="cell" data-label="How" { (unfolding(&told)) }
                                td role="cell" data-label="Changed" { (change(links.grants(graph, reach.place).as_deref())) }
                            }
                        }
                    }
                }
                @if reach.len() > MAX_ROWS { p class="note" { "The first " (MAX_ROWS) " of " (reach.len()) " are shown." } }
            }
        }
        @if !groups.nodes.is_empty() {
            section class="card" {
                h2 { "Its groups" }
                ul class="chips" { @for group in &groups.nodes { li { (linked(graph, *group, ways)) } } }
            }
        }
        (gaps(&groups.unknown.iter().map(|why| format!("It may be in more groups: {}", why.as_str())).collect::<Vec<_>>()))
    };
    Sheet { title: name, main }
}

fn facts(graph: &Snapshot, who: NodeNo, ways: Ways) -> Markup {
    let Some(node) = graph.node(who) else { return html! {} };
    let kind = if graph.is_service(who) { "service account" } else { node.id.kind().as_str() };
    let active = match graph.flag(who, "active") {
        Known::Value(false) => "no: its grants sleep",
        Known::Value(true) | Known::Nothing | Known::Unknown(_) => "yes",
    };
    let person = matches!(node.id.kind(), Kind::User | Kind::Group) && !graph.is_service(who);
    html! {
        dl class="facts" {
            dt { "Id" } dd { code { (words::told(node.id.as_str())) } }
            dt { "Kind" } dd { (kind) }
            dt { "Active" } dd { (active) }
            @if node.id.kind() == Kind::Group {
                @let members = graph.members_of(who);
                dt { "Members" } dd {
                    @for (at, member) in members.nodes.iter().take(MAX_ROWS).enumerate() { @if at > 0 { ", " } (linked(graph, *member, ways)) }
                    @if members.nodes.is_empty() { "nobody" }
                    @if let Some(why) = &members.unknown { span class="sub" { "There may be more: " (words::prose(why.as_str())) } }
                }
            }
            @if !person { (machine(graph, who)) }
        }
        p class="note" { "Read by " (words::when(graph.as_of())) "." }
    }
}

/// What is asked of whatever is no person.
fn machine(graph: &Snapshot, who: NodeNo) -> Markup {
    let admins = graph.changers(who);
    let owner = graph.ownership(who, &admins);
    let names: Vec<String> = owner.owners.iter().map(|owner| graph.called(*owner)).collect();
    let whose = if names.is_empty() { "unknown".to_owned() } else { names.join(", ") };
    html! {
        dt { "Owner" } dd { (words::told(&whose)) span class="sub" { (owner.sure) ": " (words::prose(&owner.why)) } }
        @for (label, attribute) in [("Last used", "last_used_at"), ("Made", "created_at"), ("Ends", "expires_at")] {
            dt { (label) } dd { (moment(graph.instant(who, attribute))) }
        }
        dt { "Who may change it" } dd { (part::counted(admins.nodes.len() as u64, "identity", "identities")) }
        dt { "The most it can do" } dd { (words::told(&access::most(graph, who))) }
    }
}

fn moment(fact: Known<Time>) -> Markup {
    html! {
        @match fact {
            Known::Value(time) => (words::when(time)),
            Known::Nothing => "never",
            Known::Unknown(why) => { "unknown: " (words::prose(why.as_str())) },
        }
    }
}

/// On how many repositories it has which level.
fn counts(graph: &Snapshot, who: NodeNo) -> String {
    let home = graph.node(who).map(|node| node.id.connection());
    let near =
        |repository: &NodeNo| graph.node(*repository).map(|node| node.id.connection()) == home;
    let levels: Vec<Level> = graph
        .all(Kind::Repository)
        .filter(near)
        .map(|repository| graph.effective(who, repository).level)
        .collect();
    let count = |level: &Level| levels.iter().filter(|held| *held == level).count();
    let said: Vec<String> = COUNTED
        .iter()
        .filter(|level| count(level) > 0)
        .map(|level| {
            format!(
                "{level} on {}",
                part::counted(count(level) as u64, "repository", "repositories")
            )
        })
        .collect();
    if said.is_empty() {
        "No repository.".to_owned()
    } else {
        format!("In effect: {}.", said.join(", "))
    }
}

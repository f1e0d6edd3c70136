//! Access, as people look at it: a page to ask, a page for each repository and each identity, lists of identities and
//! reports. The page of one thing also stands alone, without anything to load, to be kept or sent.

pub mod ask;
pub mod lists;
mod of_identity;
mod of_repository;
mod picture;

use maud::Markup;
use maud::html;
use url::form_urlencoded::Serializer;

use crate::decision::narrative::shown;
use crate::gateway::access::Unanswered;
use crate::graph::Kind;
use crate::graph::Links;
use crate::graph::LookupError;
use crate::graph::NodeNo;
use crate::graph::Snapshot;
use crate::http::console::frame;
use crate::http::console::frame::Depth;
use crate::http::console::frame::Desk;
use crate::http::console::frame::Place;
use crate::http::console::frame::Section;
use crate::http::console::frame::console;
use crate::http::console::words;

/// Most rows of a table on a page: beyond that a page is no help, and CSV is.
const MAX_ROWS: usize = 500;

/// How a page leads to others about other things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ways {
    /// Links within the console.
    Console,
    /// None: it stands alone.
    Alone,
}

/// A page about one thing, before its frame.
pub struct Sheet {
    title: String,
    main: Markup,
}

/// What the console tells of a repository or an identity. Cost: as much as its questions; work it out beside the road.
pub fn told(graph: &Snapshot, of: &str, links: &Links) -> Result<Sheet, Unanswered> {
    sheet(graph, of, links, Ways::Console)
}

/// The console's page of it.
pub fn page(desk: &Desk<'_>, sheet: &Sheet) -> String {
    let place = Place { section: Section::Access, title: &sheet.title, depth: Depth::Below };
    console(desk, &place, &sheet.main)
}

/// The same as one file: it loads nothing, runs nothing, and leads only to Bitbucket.
pub fn keepsake(graph: &Snapshot, of: &str, links: &Links) -> Result<String, Unanswered> {
    Ok(alone(graph, &sheet(graph, of, links, Ways::Alone)?))
}

/// A page that stands alone.
fn alone(graph: &Snapshot, sheet: &Sheet) -> String {
    let foot = html! {
        p { "Made by Portcullis from what it had read of Bitbucket by " (words::when(graph.as_of())) ". It loads nothing." }
    };
    frame::alone(&sheet.title, &sheet.main, &foot)
}

/// Every repository and identity that has a page of its own, by id.
pub fn subjects(graph: &Snapshot) -> Vec<NodeNo> {
    let kinds = [
        Kind::Repository,
        Kind::User,
        Kind::Group,
        Kind::App,
        Kind::Token,
        Kind::Key,
        Kind::Runner,
        Kind::Agent,
        Kind::Hook,
        Kind::Credential,
    ];
    kinds.into_iter().flat_map(|kind| graph.all(kind)).collect()
}

/// The page that leads to pages in one folder, each under its file name.
pub fn index(graph: &Snapshot, pages: &[(String, NodeNo)]) -> String {
    let main = html! {
        h1 { "Access" }
        @for kind in Kind::ALL {
            @let of: Vec<_> = pages.iter().filter(|(_, node)| graph.node(*node).is_some_and(|node| node.id.kind() == *kind)).collect();
            @if !of.is_empty() {
                section class="card" {
                    h2 { (kind.as_str()) }
                    ul class="rows" { @for (file, node) in of { li { a href=(file) { (words::told(&graph.called(*node))) } } } }
                }
            }
        }
    };
    alone(graph, &Sheet { title: "Access".to_owned(), main })
}

fn sheet(graph: &Snapshot, of: &str, links: &Links, ways: Ways) -> Result<Sheet, Unanswered> {
    let node = graph.thing(of)?.node;
    let kind = graph.node(node).map(|node| node.id.kind());
    match kind {
        Some(Kind::Repository) => Ok(of_repository::sheet(graph, node, links, ways)),
        Some(
            Kind::User
            | Kind::Group
            | Kind::App
            | Kind::Token
            | Kind::Key
            | Kind::Runner
            | Kind::Agent
            | Kind::Hook
            | Kind::Credential,
        ) => Ok(of_identity::sheet(graph, node, links, ways)),
        Some(
            Kind::Workspace
            | Kind::Project
            | Kind::Ref
            | Kind::Environment
            | Kind::Variable
            | Kind::Restriction,
        ) => Err(Unanswered::Unfit(
            "a page is about a repository or an identity: give one of these".to_owned(),
        )),
        None => Err(Unanswered::Lookup(LookupError::Unknown(of.chars().take(80).collect()))),
    }
}

/// A thing by name, as a link to its page where there is one to lead to.
fn linked(graph: &Snapshot, node: NodeNo, ways: Ways) -> Markup {
    let name = graph.called(node);
    let id = graph.node(node).map(|node| node.id.as_str()).unwrap_or_default();
    let kind = graph.node(node).map(|node| node.id.kind());
    let has_page = !matches!(
        kind,
        Some(
            Kind::Workspace
                | Kind::Project
                | Kind::Ref
                | Kind::Environment
                | Kind::Variable
                | Kind::Restriction
        ) | None
    );
    html! {
        @if ways == Ways::Console && has_page { a href=(address(id)) title=(shown(id)) { (words::told(&name)) } }
        @else { span title=(shown(id)) { (words::told(&name)) } }
    }
}

/// The console's page of an id.
fn address(id: &str) -> String {
    queried("/access/of", id)
}

fn queried(path: &str, id: &str) -> String {
    let query = Serializer::new(String::new()).append_pair("of", id).finish();
    format!("{path}?{query}")
}

/// Where it is changed in Bitbucket.
fn change(at: Option<&str>) -> Markup {
    html! {
        @if let Some(at) = at { a class="button quiet" href=(at) rel="noreferrer" { "Change in Bitbucket" } }
    }
}

/// The same page as a file, offered where it is shown in the console.
fn keep(graph: &Snapshot, node: NodeNo, ways: Ways) -> Markup {
    let id = graph.node(node).map(|node| node.id.as_str()).unwrap_or_default();
    html! {
        @if ways == Ways::Console { a class="button quiet" href=(queried("/api/v1/access/page", id)) { "Keep this page" } }
    }
}

/// Lines, the first in sight and the others one click away.
fn unfolding(lines: &[String]) -> Markup {
    html! {
        @if let Some((first, rest)) = lines.split_first() {
            span class="line" { (words::prose(first)) }
            @if !rest.is_empty() {
                details {
                    summary { (rest.len()) " more" }
                    ul class="rows" { @for line in rest { li { (words::prose(line)) } } }
                }
            }
        }
    }
}

/// What could not be read.
fn gaps(lines: &[String]) -> Markup {
    html! {
        @if !lines.is_empty() {
            section class="card unknown" {
                h2 { "What is not known" }
                ul { @for line in lines { li { (words::prose(line)) } } }
            }
        }
    }
}

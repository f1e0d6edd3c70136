//! The picture of paths: who on the left, what on the right, and the edges between, as inline SVG. Whoever does not see
//! it has the same paths as lines.

use std::collections::BTreeMap;

use maud::Markup;
use maud::html;

use crate::decision::narrative::shown;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Path;
use crate::graph::Relation;
use crate::graph::Snapshot;

/// Units of the picture: a column, a box, a row, the margin.
const COLUMN: usize = 230;
const WIDE: usize = 165;
const TALL: usize = 34;
const ROW: usize = 52;
const EDGE: usize = 12;

/// The most paths that are drawn: more are a thicket.
pub(super) const MAX_DRAWN: usize = 40;

/// Signs of a name that fit into a box.
const SIGNS: usize = 22;

/// Boxes by column, and the arrows between.
#[derive(Default)]
struct Drawing {
    columns: BTreeMap<Id, usize>,
    order: Vec<Id>,
    arrows: Vec<(Id, &'static str, Id)>,
}

/// The picture of some paths. What is held on a whole workspace reaches into `end`, though no edge leads there.
pub(super) fn picture(graph: &Snapshot, paths: &[Path], end: Option<&Id>, says: &str) -> Markup {
    let drawing = Drawing::of(paths, end);
    if drawing.order.is_empty() {
        return html! {};
    }
    let places = drawing.places();
    let columns = drawing.columns.values().max().copied().unwrap_or(0) + 1;
    let rows = places.values().map(|(_, row)| row + 1).max().unwrap_or(1);
    let (width, height) = ((columns - 1) * COLUMN + WIDE + 2 * EDGE, rows * ROW + EDGE);
    html! {
        figure class="picture" tabindex="0" role="group" aria-label=(says) {
            svg width=(width) height=(height) viewBox={ "0 0 " (width) " " (height) } role="img" aria-label=(says) {
                @for (from, word, to) in &drawing.arrows {
                    @if let (Some(from), Some(to)) = (places.get(from), places.get(to)) { (arrow(*from, word, *to)) }
                }
                @for id in &drawing.order {
                    @if let Some(place) = places.get(id) { (shape(graph, id, *place)) }
                }
            }
            @if paths.len() > MAX_DRAWN { figcaption class="note" { "The first " (MAX_DRAWN) " of " (paths.len()) " paths are drawn; the lines have all." } }
        }
    }
}

impl Drawing {
    fn of(paths: &[Path], end: Option<&Id>) -> Self {
        let mut drawing = Self::default();
        for path in paths.iter().take(MAX_DRAWN) {
            for (at, (from, word, to)) in arrows(path, end).into_iter().enumerate() {
                drawing.put(&from, at);
                drawing.put(&to, at + 1);
                let arrow = (from, word, to);
                if !drawing.arrows.contains(&arrow) {
                    drawing.arrows.push(arrow);
                }
            }
        }
        drawing
    }

    /// A box stands as far to the right as any of its paths needs.
    fn put(&mut self, id: &Id, column: usize) {
        if !self.columns.contains_key(id) {
            self.order.push(id.clone());
        }
        let at = self.columns.entry(id.clone()).or_insert(column);
        *at = (*at).max(column);
    }

    /// Column and row of each box; things stand in the last column.
    fn places(&self) -> BTreeMap<Id, (usize, usize)> {
        let mut used: BTreeMap<usize, usize> = BTreeMap::new();
        let mut places = BTreeMap::new();
        for id in &self.order {
            let column = self.columns.get(id).copied().unwrap_or(0);
            let row = used.entry(column).or_insert(0);
            places.insert(id.clone(), (column, *row));
            *row += 1;
        }
        places
    }
}

/// The edges of a path from left to right: homes lead the other way round in the graph.
fn arrows(path: &Path, end: Option<&Id>) -> Vec<(Id, &'static str, Id)> {
    let mut arrows: Vec<(Id, &'static str, Id)> = Vec::new();
    let (inside, before): (Vec<_>, Vec<_>) =
        path.steps.iter().partition(|step| step.is == Relation::In);
    arrows.extend(before.iter().map(|step| (step.from.clone(), step.is.as_str(), step.to.clone())));
    arrows.extend(inside.iter().rev().map(|step| (step.to.clone(), "holds", step.from.clone())));
    let last = arrows.last().map(|(_, _, to)| to.clone());
    if let (Some(last), Some(end)) = (last, end)
        && last != *end
    {
        arrows.push((last, "holds", end.clone()));
    }
    arrows
}

fn shape(graph: &Snapshot, id: &Id, (column, row): (usize, usize)) -> Markup {
    let (x, y) = (EDGE + column * COLUMN, EDGE + row * ROW);
    let name = graph.find(id).map_or_else(|| id.to_string(), |node| graph.called(node));
    let name = shown(&name);
    let kind = id.kind();
    let class = match kind {
        Kind::Workspace | Kind::Project | Kind::Repository => "box place",
        Kind::Group => "box group",
        Kind::User => "box person",
        Kind::App
        | Kind::Token
        | Kind::Key
        | Kind::Runner
        | Kind::Agent
        | Kind::Ref
        | Kind::Environment
        | Kind::Variable
        | Kind::Restriction
        | Kind::Hook
        | Kind::Credential => "box machine",
    };
    html! {
        g class=(class) {
            title { (kind.as_str()) " " (name) }
            rect x=(x) y=(y) width=(WIDE) height=(TALL) rx="8" {}
            text class="kind" x=(x + 9) y=(y + 12) { (kind.as_str()) }
            text x=(x + 9) y=(y + 27) { (cut(&name)) }
        }
    }
}

fn arrow(from: (usize, usize), word: &str, to: (usize, usize)) -> Markup {
    let middle =
        |(column, row): (usize, usize)| (EDGE + column * COLUMN, EDGE + row * ROW + TALL / 2);
    let ((left, top), (right, bottom)) = (middle(from), middle(to));
    let start = left + WIDE;
    let bend = usize::midpoint(start, right);
    let path = format!("M{start} {top}C{bend} {top} {bend} {bottom} {right} {bottom}");
    html! {
        path class="arrow" d=(path) {}
        text class="word" x=(start + 4) y=(top.saturating_sub(4)) { (word) }
    }
}

fn cut(name: &str) -> String {
    if name.chars().count() <= SIGNS {
        return name.to_owned();
    }
    let start: String = name.chars().take(SIGNS - 1).collect();
    format!("{start}…")
}

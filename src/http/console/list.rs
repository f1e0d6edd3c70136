//! The console's first page: decisions, newest first, with what was asked of the list in its address.

use maud::Markup;
use maud::html;
use url::form_urlencoded::Serializer;

use crate::decision::Brake;
use crate::decision::Effect;
use crate::decision::Record;
use crate::decision::record::Names;
use crate::decision::record::Part;
use crate::http::console::frame::Page;
use crate::http::console::frame::Reader;
use crate::http::console::frame::Renewal;
use crate::http::console::frame::frame;
use crate::http::console::part;
use crate::http::console::words;
use crate::policy::Verdict;

/// Which decisions are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// With this verdict.
    pub verdict: Option<Verdict>,
    /// With this effect.
    pub effect: Option<Effect>,
    /// Those that no rule answers, or all.
    pub cover: Cover,
}

/// Whether decisions that a rule answers are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cover {
    /// All decisions.
    #[default]
    All,
    /// Only those that no rule answers.
    Uncovered,
}

impl View {
    /// The address of this view, from a place on.
    pub fn address(self, before: Option<u64>) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(self.verdict.map(|verdict| ("verdict", verdict.as_str())));
        query.extend_pairs(self.effect.map(|effect| ("effect", effect.as_str())));
        query.extend_pairs((self.cover == Cover::Uncovered).then_some(("uncovered", "true")));
        query.extend_pairs(before.map(|place| ("before", place.to_string())));
        let query = query.finish();
        if query.is_empty() { "/".to_owned() } else { format!("/?{query}") }
    }

    fn is_narrow(self) -> bool {
        self != Self::default()
    }
}

/// What the page shows.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    /// Decisions, newest first.
    pub records: &'a [Record],
    /// Where the next page begins.
    pub next: Option<u64>,
    /// What was asked for.
    pub view: View,
    /// Whether this page is not the newest.
    pub before: Option<u64>,
    /// Why the gate cannot do its work.
    pub alarms: &'a [String],
    /// What works, but not as well as it could.
    pub notes: &'a [String],
    /// Whether the gate is paused.
    pub brake: Brake,
}

/// The page.
pub fn page(listing: &Listing<'_>) -> String {
    let (reader, renewal) = (Reader::Operator, Renewal::Never);
    let page = Page { title: "Decisions", reader, renewal, brake: listing.brake };
    let main = html! {
        h1 { "Decisions" }
        (part::banner("alarm", "Not ready", listing.alarms))
        (part::banner("hint", "Good to know", listing.notes))
        (choices(listing.view))
        @if listing.records.is_empty() { (nothing(listing)) } @else { (table(listing.records)) }
        (paging(listing))
    };
    frame(&page, &main)
}

fn choices(view: View) -> Markup {
    html! {
        form class="choices" method="get" action="/" aria-label="Which decisions" {
            label { "Verdict " select name="verdict" {
                option value="" { "any" }
                @for verdict in Verdict::ALL {
                    option value=(verdict) selected[view.verdict == Some(*verdict)] { (words::word(*verdict)) }
                }
            } }
            label { "Effect " select name="effect" {
                option value="" { "any" }
                @for effect in Effect::ALL {
                    option value=(effect) selected[view.effect == Some(*effect)] { (words::effect(*effect)) }
                }
            } }
            label class="check" { input type="checkbox" name="uncovered" value="true" checked[view.cover == Cover::Uncovered]; " uncovered only" }
            button { "Show" }
            @if view.is_narrow() { a class="button quiet" href="/" { "Show all" } }
        }
    }
}

fn nothing(listing: &Listing<'_>) -> Markup {
    html! {
        section class="card empty" {
            @if listing.view.is_narrow() || listing.before.is_some() {
                h2 { "No decision is like that" }
                p { a href="/" { "Show all decisions" } }
            } @else {
                h2 { "No decisions yet" }
                p { "A decision appears here for every webhook and every pipeline check. Send a first one: push to a repository whose webhook points here, or put " code { "portcullis check --action deploy" } " into a step." }
            }
        }
    }
}

/// Roles are said aloud because the table becomes cards on a small screen, where browsers forget them.
fn table(records: &[Record]) -> Markup {
    html! {
        table class="decisions" role="table" {
            thead role="rowgroup" { tr role="row" {
                @for title in ["Time", "Verdict", "What", "Where", "Reason"] { th role="columnheader" scope="col" { (title) } }
            } }
            tbody role="rowgroup" { @for record in records { (row(record)) } }
        }
    }
}

fn row(record: &Record) -> Markup {
    let public = &record.public;
    let address = format!("/decisions/{}", public.decision);
    html! {
        tr role="row" class=(words::class(public.verdict)) {
            td role="cell" data-label="Time" class="time" { a href=(address) { (words::stamp(public.at)) } }
            td role="cell" data-label="Verdict" {
                (words::badge(public.verdict))
                span class="sub" { (words::force(public.effect, public.binds)) }
                @if public.uncovered { " " span class="badge unknown" { "uncovered" } }
            }
            td role="cell" data-label="What" { (words::told(&public.action)) @if public.action != public.event.as_str() { span class="sub" { (public.event.as_str()) } } }
            td role="cell" data-label="Where" { (place(record)) }
            td role="cell" data-label="Reason" class="reason" { (words::prose(&record.reason())) }
        }
    }
}

fn place(record: &Record) -> Markup {
    let connection = record.public.connection.as_str();
    html! {
        @match &record.names {
            Part::Kept(names) => (named(names, connection)),
            Part::Erased(at) => { "(erased on " (at) ")" span class="sub" { (connection) } }
        }
    }
}

fn named(names: &Names, connection: &str) -> Markup {
    let reference = names.reference.as_deref().map(short_ref);
    let details = [names.environment.as_deref(), reference, Some(connection)];
    let details: Vec<&str> = details.into_iter().flatten().collect();
    html! {
        (words::told(names.repository.as_deref().unwrap_or("(no repository)")))
        span class="sub" { (words::told(&details.join(" · "))) }
    }
}

fn short_ref(name: &str) -> &str {
    name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/tags/")).unwrap_or(name)
}

fn paging(listing: &Listing<'_>) -> Markup {
    html! {
        @if listing.before.is_some() || listing.next.is_some() {
            nav class="paging" aria-label="Pages" {
                @if listing.before.is_some() { a class="button quiet" href=(listing.view.address(None)) { "Newest" } }
                @if listing.next.is_some() { a class="button" href=(listing.view.address(listing.next)) rel="next" { "Older" } }
            }
        }
    }
}

//! Decisions, newest first, with what was asked of the list in its address: a form without a script, so that every
//! search is a link that can be sent to somebody.

use maud::Markup;
use maud::html;
use url::form_urlencoded::Serializer;

use crate::decision::Effect;
use crate::decision::Record;
use crate::decision::narrative::shown;
use crate::decision::plan::Softener;
use crate::decision::record::Names;
use crate::decision::record::Part;
use crate::event::EventKind;
use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::http::console::frame::Depth;
use crate::http::console::frame::Desk;
use crate::http::console::frame::Place;
use crate::http::console::frame::Section;
use crate::http::console::frame::console;
use crate::http::console::live;
use crate::http::console::part;
use crate::http::console::words;
use crate::policy::RuleId;
use crate::policy::Verdict;

/// Which decisions are looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// With this verdict.
    pub verdict: Option<Verdict>,
    /// With this effect.
    pub effect: Option<Effect>,
    /// On this connection.
    pub connection: Option<ConnectionId>,
    /// In which this rule matched or could not tell.
    pub rule: Option<RuleId>,
    /// About this repository.
    pub repository: Option<String>,
    /// In which this person's rights were used.
    pub person: Option<String>,
    /// About something of this kind.
    pub kind: Option<EventKind>,
    /// Whose effect this softened.
    pub softened: Option<Softener>,
    /// Made at or after.
    pub since: Option<Time>,
    /// Made before.
    pub until: Option<Time>,
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
    pub fn address(&self, before: Option<u64>) -> String {
        let mut query = Serializer::new(String::new());
        let told = [
            ("verdict", self.verdict.map(|verdict| verdict.to_string())),
            ("effect", self.effect.map(|effect| effect.to_string())),
            ("connection", self.connection.as_ref().map(ToString::to_string)),
            ("rule", self.rule.as_ref().map(ToString::to_string)),
            ("repository", self.repository.clone()),
            ("person", self.person.clone()),
            ("kind", self.kind.map(|kind| kind.to_string())),
            ("softened", self.softened.map(|softened| softened.to_string())),
            ("since", self.since.map(|since| since.to_string())),
            ("until", self.until.map(|until| until.to_string())),
            ("uncovered", (self.cover == Cover::Uncovered).then(|| "true".to_owned())),
            ("before", before.map(|place| place.to_string())),
        ];
        query.extend_pairs(told.into_iter().filter_map(|(name, text)| Some((name, text?))));
        let query = query.finish();
        if query.is_empty() { "/decisions".to_owned() } else { format!("/decisions?{query}") }
    }

    fn is_narrow(&self) -> bool {
        *self != Self::default()
    }
}

/// What the page shows.
#[derive(Clone, Debug)]
pub struct Listing<'a> {
    /// Decisions, newest first.
    pub records: &'a [Record],
    /// Where the next page begins.
    pub next: Option<u64>,
    /// What was asked for.
    pub view: View,
    /// Whether this page is not the newest.
    pub before: Option<u64>,
    /// Connections and rules there are, to choose from.
    pub known: Known,
}

/// What there is to choose from.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Connections.
    pub connections: Vec<ConnectionId>,
    /// Rules of the active bundle.
    pub rules: Vec<RuleId>,
}

/// The page.
pub fn page(desk: &Desk<'_>, listing: &Listing<'_>) -> String {
    // What is new is told where the newest are shown, and only while nothing is left out.
    let tells = listing.before.is_none() && !listing.view.is_narrow();
    let depth = if tells { Depth::Live } else { Depth::Top };
    let place = Place { section: Section::Decisions, title: "Decisions", depth };
    let main = html! {
        div class="head" { h1 { "Decisions" } @if tells { (live::region("/decisions")) } }
        (choices(&listing.view, &listing.known))
        @if listing.records.is_empty() { (nothing(listing)) } @else { (table(listing.records)) }
        (paging(listing))
    };
    console(desk, &place, &main)
}

fn choices(view: &View, known: &Known) -> Markup {
    html! {
        form class="choices" method="get" action="/decisions" aria-label="Which decisions" {
            (select("verdict", "Verdict", Verdict::ALL.iter().map(|one| (one.as_str(), words::word(*one), view.verdict == Some(*one)))))
            (select("effect", "Effect", Effect::ALL.iter().map(|one| (one.as_str(), words::effect(*one), view.effect == Some(*one)))))
            (select("connection", "Connection", known.connections.iter().map(|one| (one.as_str(), one.as_str(), view.connection.as_ref() == Some(one)))))
            (rules(view, known))
            (field("repository", "Repository", view.repository.as_deref()))
            (field("person", "Person", view.person.as_deref()))
            (select("kind", "Kind", EventKind::ALL.iter().map(|one| (one.as_str(), one.as_str(), view.kind == Some(*one)))))
            (select("softened", "Softened by", Softener::ALL.iter().map(|one| (one.as_str(), one.as_str(), view.softened == Some(*one)))))
            (moment("since", "From", view.since))
            (moment("until", "Until", view.until))
            label class="check" { input type="checkbox" name="uncovered" value="true" checked[view.cover == Cover::Uncovered]; " uncovered only" }
            div class="buttons" {
                button { "Show" }
                @if view.is_narrow() { a class="button quiet" href="/decisions" { "Show all" } }
            }
        }
    }
}

fn select<'a>(
    name: &str,
    label: &str,
    choices: impl Iterator<Item = (&'a str, &'a str, bool)>,
) -> Markup {
    html! {
        label { span { (label) } select name=(name) {
            option value="" { "any" }
            @for (value, word, is_chosen) in choices { option value=(value) selected[is_chosen] { (word) } }
        } }
    }
}

/// A rule that is asked for may have gone from the active bundle: it stays chosen.
fn rules(view: &View, known: &Known) -> Markup {
    let gone = view.rule.iter().filter(|rule| !known.rules.contains(rule));
    let all = gone.chain(&known.rules).map(RuleId::as_str);
    html! {
        label { span { "Rule" } select name="rule" {
            option value="" { "any" }
            @for rule in all {
                option value=(words::told(rule)) selected[view.rule.as_ref().is_some_and(|one| one.as_str() == rule)] { (words::told(rule)) }
            }
        } }
    }
}

fn field(name: &str, label: &str, value: Option<&str>) -> Markup {
    let value = value.map(shown);
    html! { label { span { (label) } input type="text" name=(name) value=[value] maxlength="200" autocomplete="off" spellcheck="false"; } }
}

/// Browsers write a moment without its zone; it is UTC here, as everywhere in the console.
fn moment(name: &str, label: &str, value: Option<Time>) -> Markup {
    let value = value.map(|time| time.to_string().chars().take(16).collect::<String>());
    html! { label { span { (label) " (UTC)" } input type="datetime-local" name=(name) value=[value]; } }
}

fn nothing(listing: &Listing<'_>) -> Markup {
    html! {
        @if listing.view.is_narrow() || listing.before.is_some() {
            section class="card empty" {
                h2 { "No decision is like that" }
                p { a href="/decisions" { "Show all decisions" } }
            }
        } @else { (none_yet()) }
    }
}

/// Before the first decision.
pub fn none_yet() -> Markup {
    html! {
        section class="card empty" {
            h2 { "No decisions yet" }
            p { "A decision appears here for every webhook and every pipeline check. Send a first one: push to a repository whose webhook points here, or put " code { "portcullis check --action deploy" } " into a step." }
        }
    }
}

/// Decisions, a row each.
pub fn table(records: &[Record]) -> Markup {
    html! {
        table class="decisions" role="table" {
            (part::columns(&["Time", "Verdict", "What", "Where", "Reason"]))
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
    let first = listing.before.map(|_| listing.view.address(None));
    let next = listing.next.map(|next| listing.view.address(Some(next)));
    part::paging(first.as_deref(), next.as_deref())
}

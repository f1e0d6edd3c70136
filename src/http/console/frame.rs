//! What stands around every page: head, skip link, bar, banner, footer. One script at most, an asset of ours, on pages that
//! can tell what is new; no inline script or style, nothing from elsewhere.

use maud::DOCTYPE;
use maud::Markup;
use maud::PreEscaped;
use maud::html;

use crate::decision::Brake;
use crate::graph::Time;
use crate::http::console::asset::LIVE;
use crate::http::console::asset::MARK;
use crate::http::console::asset::STYLE;
use crate::http::console::words;
use crate::http::session::FormToken;
use crate::words;

words! {
    /// The parts of the console, in the order of its bar.
    pub enum Section {
        /// Is it ready, is it listening, what happened, who is needed.
        Overview = "Overview",
        /// What was decided.
        Decisions = "Decisions",
        /// What waits for somebody's yes or no.
        Tickets = "Tickets",
        /// What could not be read.
        DeadLetters = "Dead letters",
        /// The rules, how they are taken, and what they did.
        Rules = "Rules",
        /// What is wrong when nothing happens.
        Findings = "Findings",
        /// Who can do what, and how.
        Access = "Access",
        /// The Bitbuckets and their hooks.
        Connections = "Connections",
        /// The record.
        Ledger = "Ledger",
    }
}

impl Section {
    /// Where it is.
    pub const fn address(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Decisions => "/decisions",
            Self::Tickets => "/tickets",
            Self::DeadLetters => "/dead-letters",
            Self::Rules => "/rules",
            Self::Findings => "/findings",
            Self::Access => "/access",
            Self::Connections => "/connections",
            Self::Ledger => "/ledger",
        }
    }
}

/// Whether the page looks again by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// It stays as it is.
    Never,
    /// After so many seconds.
    Every(u32),
}

/// What the page of a notice or a failure says of itself: anyone may see it.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The title, without the product's name.
    pub title: &'a str,
    /// Whether it looks again.
    pub renewal: Renewal,
    /// Whether the gate is paused: every page says so before anything else.
    pub brake: Brake,
}

/// What holds for every page of one request of the operator's.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    /// What the session's forms carry.
    pub token: &'a FormToken,
    /// Whether the gate is paused.
    pub brake: Brake,
    /// The time.
    pub now: Time,
}

/// Where in the console a page is.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The part it belongs to.
    pub section: Section,
    /// The title, without the product's name.
    pub title: &'a str,
    /// Whether it is the part's own page or one below it, and whether it tells what is new.
    pub depth: Depth,
}

/// How deep a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The part's own page.
    Top,
    /// The part's own page, with the script that tells what is new.
    Live,
    /// A page below it: a trail leads back.
    Below,
}

/// A whole page for anyone. `main` holds the page's one `h1`.
pub fn frame(page: &Page<'_>, main: &Markup) -> String {
    let html = html! {
        (DOCTYPE)
        html lang="en" {
            (head(page.title, page.renewal))
            body {
                (skip())
                header class="bar" { span class="brand" { (mark()) "Portcullis" } }
                (paused(page.brake))
                main id="main" tabindex="-1" { (main) }
                footer { p { "Portcullis answers before things happen in Bitbucket, says why, and keeps a record that can be verified." } }
            }
        }
    };
    html.into_string()
}

/// A whole page that is kept or sent: its style is within it, and it loads and runs nothing.
pub fn alone(title: &str, main: &Markup, foot: &Markup) -> String {
    let style = String::from_utf8_lossy(STYLE.bytes);
    let html = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex, nofollow";
                title { (words::told(title)) " · Portcullis" }
                // Our own style sheet, which holds no foreign text.
                style { (PreEscaped(style)) }
            }
            body {
                main id="main" { (main) }
                footer { (foot) }
            }
        }
    };
    html.into_string()
}

/// A whole page of the console. `main` holds the page's one `h1`.
pub fn console(desk: &Desk<'_>, place: &Place<'_>, main: &Markup) -> String {
    let html = html! {
        (DOCTYPE)
        html lang="en" {
            (head(place.title, Renewal::Never))
            body {
                (skip())
                (bar(desk, place))
                (paused(desk.brake))
                main id="main" tabindex="-1" {
                    (trail(place))
                    (main)
                }
                footer { p { "Times are UTC. " a href="/api/v1/openapi.json" { "API description" } } }
                @if place.depth == Depth::Live { script src=(LIVE.address()) defer {} }
            }
        }
    };
    html.into_string()
}

fn head(title: &str, renewal: Renewal) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="robots" content="noindex, nofollow";
            @if let Renewal::Every(seconds) = renewal {
                meta http-equiv="refresh" content=(seconds);
            }
            title { (title) " · Portcullis" }
            link rel="stylesheet" href=(STYLE.address());
            link rel="icon" type="image/svg+xml" href=(MARK.address());
        }
    }
}

fn skip() -> Markup {
    html! { a class="skip" href="#main" { "Skip to the content" } }
}

fn bar(desk: &Desk<'_>, place: &Place<'_>) -> Markup {
    html! {
        header class="bar" {
            a class="brand" href="/" { (mark()) "Portcullis" }
            nav class="sections" aria-label="Console" {
                ul {
                    @for section in Section::ALL {
                        li { a href=(section.address()) aria-current=[current(*section, place)] { (section.as_str()) } }
                    }
                }
            }
            form class="leave" method="post" action="/logout" { (hidden(desk.token)) button class="quiet" { "Sign out" } }
        }
    }
}

/// The page one is on, or the part that it is below.
fn current(section: Section, place: &Place<'_>) -> Option<&'static str> {
    match place.depth {
        Depth::Top | Depth::Live => (section == place.section).then_some("page"),
        Depth::Below => (section == place.section).then_some("true"),
    }
}

fn trail(place: &Place<'_>) -> Markup {
    html! {
        @if place.depth == Depth::Below {
            nav class="crumbs" aria-label="Breadcrumb" {
                ol {
                    li { a href=(place.section.address()) { (place.section.as_str()) } }
                    li { span aria-current="page" { (place.title) } }
                }
            }
        }
    }
}

/// What every form of a session carries: another site's page cannot know it.
pub fn hidden(token: &FormToken) -> Markup {
    html! { input type="hidden" name=(FormToken::FIELD) value=(token.as_str()); }
}

fn paused(brake: Brake) -> Markup {
    html! {
        @if let Brake::On { until, .. } = brake {
            section class="banner alarm paused" aria-label="Paused" {
                strong { "The gate is paused until " (words::when(until)) ". " }
                "Everything is decided and recorded; nothing is held back."
            }
        }
    }
}

fn mark() -> Markup {
    html! { img src=(MARK.address()) alt="" width="28" height="28"; }
}

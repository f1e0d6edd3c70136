//! What stands around every page: head, skip link, bar, footer. No scripts, no inline styles, nothing from elsewhere.

use maud::DOCTYPE;
use maud::Markup;
use maud::html;

use crate::decision::Brake;
use crate::http::console::asset::MARK;
use crate::http::console::asset::STYLE;
use crate::http::console::words;

/// Who reads the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Anyone who was sent here.
    Anyone,
    /// The operator, in a session.
    Operator,
}

/// Whether the page looks again by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// It stays as it is.
    Never,
    /// After so many seconds.
    Every(u32),
}

/// What a page says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The title, without the product's name.
    pub title: &'a str,
    /// Who reads it.
    pub reader: Reader,
    /// Whether it looks again.
    pub renewal: Renewal,
    /// Whether the gate is paused: every page says so before anything else.
    pub brake: Brake,
}

/// A whole page. `main` holds the page's one `h1`.
pub fn frame(page: &Page<'_>, main: &Markup) -> String {
    let html = html! {
        (DOCTYPE)
        html lang="en" {
            (head(page))
            body {
                a class="skip" href="#main" { "Skip to the content" }
                (bar(page.reader))
                (paused(page.brake))
                main id="main" tabindex="-1" { (main) }
                (footer(page.reader))
            }
        }
    };
    html.into_string()
}

fn head(page: &Page<'_>) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="robots" content="noindex, nofollow";
            @if let Renewal::Every(seconds) = page.renewal {
                meta http-equiv="refresh" content=(seconds);
            }
            title { (page.title) " · Portcullis" }
            link rel="stylesheet" href=(STYLE.address());
            link rel="icon" type="image/svg+xml" href=(MARK.address());
        }
    }
}

fn bar(reader: Reader) -> Markup {
    html! {
        header class="bar" {
            @match reader {
                Reader::Anyone => span class="brand" { (mark()) "Portcullis" },
                Reader::Operator => {
                    a class="brand" href="/" { (mark()) "Portcullis" }
                    nav aria-label="Console" {
                        a href="/" { "Decisions" }
                        form method="post" action="/logout" { button class="quiet" { "Sign out" } }
                    }
                }
            }
        }
    }
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

fn footer(reader: Reader) -> Markup {
    html! {
        footer {
            @match reader {
                Reader::Anyone => {
                    p { "Portcullis answers before things happen in Bitbucket, says why, and keeps a record that can be verified." }
                }
                Reader::Operator => {
                    p { "Times are UTC. " a href="/api/v1/openapi.json" { "API description" } }
                }
            }
        }
    }
}

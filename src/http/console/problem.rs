//! A failure as a page, for whoever came with a browser. Programs get problem details instead.

use maud::html;

use crate::decision::Brake;
use crate::http::console::frame::Page;
use crate::http::console::frame::Renewal;
use crate::http::console::frame::frame;
use crate::http::console::words;
use crate::http::problem::Problem;

/// The page of a failure. It offers no way on that needs a session: there may be none.
pub fn page(problem: &Problem, brake: Brake) -> String {
    let page = plain(problem.title, brake);
    let main = html! {
        section class="hero plain" {
            p class="kicker" { (problem.status.as_u16()) }
            h1 { (problem.title) }
            p class="lead" { (words::prose(&sentence(&problem.detail))) }
        }
    };
    frame(&page, &main)
}

/// What is shown for an unknown, a forbidden and a malformed id: always the same bytes.
pub fn nothing_here(brake: Brake) -> String {
    let page = plain("Nothing to see here", brake);
    let main = html! {
        section class="hero plain" {
            p class="kicker" { "404" }
            h1 { "There is nothing here" }
            p class="lead" { "Either this address was never a decision or a ticket, or it is not yours to see." }
        }
        section class="card" {
            h2 { "What now" }
            ul class="steps" {
                li { "Check that the link is whole: chat programs and log viewers like to cut long addresses." }
                li { "Run the pipeline step again: its last line has a fresh link." }
            }
        }
    };
    frame(&page, &main)
}

/// What is shown once a session has ended.
pub fn signed_out(brake: Brake) -> String {
    let page = plain("Signed out", brake);
    let main = html! {
        section class="hero plain" {
            h1 { "Signed out" }
            p class="lead" { "The session has ended. " code { "portcullis serve" } " prints a new link when it starts." }
        }
    };
    frame(&page, &main)
}

fn plain(title: &str, brake: Brake) -> Page<'_> {
    Page { title, renewal: Renewal::Never, brake }
}

/// As people write: a capital and a full stop.
fn sentence(detail: &str) -> String {
    let mut letters = detail.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    first.chain(letters).chain(['.']).collect()
}

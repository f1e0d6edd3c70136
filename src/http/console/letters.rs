//! Dead letters: deliveries whose signature was good and whose body nobody could read, each with its reason and another try.

use maud::Markup;
use maud::html;
use uuid::Uuid;

use crate::gateway::telling::DeadLetter;
use crate::http::console::frame::Depth;
use crate::http::console::frame::Desk;
use crate::http::console::frame::Place;
use crate::http::console::frame::Section;
use crate::http::console::frame::console;
use crate::http::console::frame::hidden;
use crate::http::console::part;
use crate::http::console::words;

/// What the page shows.
#[derive(Debug)]
pub struct Listing {
    /// Dead letters, newest first.
    pub letters: Vec<DeadLetter>,
    /// Whether this page is not the newest.
    pub before: Option<u64>,
    /// Where the next page begins.
    pub next: Option<u64>,
    /// The one that was just sent down the road again.
    pub replayed: Option<Uuid>,
}

/// The page.
pub fn page(desk: &Desk<'_>, listing: &Listing) -> String {
    let place = Place { section: Section::DeadLetters, title: "Dead letters", depth: Depth::Top };
    let first = listing.before.map(|_| "/dead-letters");
    let next = listing.next.map(|next| format!("/dead-letters?before={next}"));
    let main = html! {
        h1 { "Dead letters" }
        p class="intro" { "Deliveries with a good signature that could not be read. Nothing was decided about them. Replay one after an upgrade or a corrected configuration: it goes down the road in its old place." }
        @if let Some(id) = listing.replayed {
            p class="banner done" role="status" { strong { "It goes down the road again. " } "If it still cannot be read, it comes back here: " code { (id) } }
        }
        @if listing.letters.is_empty() { (nothing()) } @else { (table(desk, &listing.letters)) }
        (part::paging(first, next.as_deref()))
    };
    console(desk, &place, &main)
}

fn nothing() -> Markup {
    html! { section class="card empty" { h2 { "Everything could be read" } p { "No delivery is dead." } } }
}

fn table(desk: &Desk<'_>, letters: &[DeadLetter]) -> Markup {
    html! {
        table class="list" role="table" {
            (part::columns(&["Received", "From", "Event key", "Why", "Another try"]))
            tbody role="rowgroup" { @for letter in letters { (row(desk, letter)) } }
        }
    }
}

fn row(desk: &Desk<'_>, letter: &DeadLetter) -> Markup {
    let digest: String = hex::encode(letter.digest);
    html! {
        tr role="row" class="alert" {
            td role="cell" data-label="Received" class="time" { (words::stamp(letter.received)) }
            td role="cell" data-label="From" { (letter.connection) span class="sub" { (letter.product) } }
            td role="cell" data-label="Event key" { (words::code(&letter.key)) }
            td role="cell" data-label="Why" class="reason" {
                (words::prose(&letter.why))
                span class="sub" { "delivery " (words::short(&letter.id.to_string())) " · SHA-256 " (words::short(&digest)) }
            }
            td role="cell" data-label="Another try" {
                form method="post" action={ "/api/v1/dead-letters/" (letter.id) "/replay" } {
                    (hidden(desk.token))
                    button aria-label={ "Replay the delivery received at " (letter.received) } { "Replay" }
                }
            }
        }
    }
}

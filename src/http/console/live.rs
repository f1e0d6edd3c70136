//! Where a page says that there is something newer. Without the script it stays empty, and nobody misses it: a page is
//! whole as it was sent.

use maud::Markup;
use maud::html;

/// The place that the script fills, politely: `3 new decisions`, a link to `newest`. Its room is kept free, so that nothing
/// jumps when it speaks.
pub fn region(newest: &str) -> Markup {
    html! { div class="news" role="status" aria-live="polite" data-live="/api/v1/decisions/events" data-newest=(newest) {} }
}

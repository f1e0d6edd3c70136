//! Parts that several pages of the console share.

use maud::Markup;
use maud::html;

use crate::http::console::words;

/// A list of labels and values.
pub fn facts<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Markup {
    html! {
        dl class="facts" {
            @for (label, value) in rows { dt { (words::told(label)) } dd { (words::told(value)) } }
        }
    }
}

/// What the operator should know before anything else.
pub fn banner(class: &str, title: &str, lines: &[String]) -> Markup {
    html! {
        @if !lines.is_empty() {
            section class={ "banner " (class) } aria-label=(title) {
                strong { (title) }
                ul { @for line in lines { li { (words::prose(line)) } } }
            }
        }
    }
}

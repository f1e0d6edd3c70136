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

/// The head of a table. Roles are said aloud because tables become cards on a small screen, where browsers forget them.
pub fn columns(titles: &[&str]) -> Markup {
    html! {
        thead role="rowgroup" { tr role="row" {
            @for title in titles { th role="columnheader" scope="col" { (title) } }
        } }
    }
}

/// Links between the pages of a list; `first` leads to its beginning, `next` goes on.
pub fn paging(first: Option<&str>, next: Option<&str>) -> Markup {
    html! {
        @if first.is_some() || next.is_some() {
            nav class="paging" aria-label="Pages" {
                @if let Some(first) = first { a class="button quiet" href=(first) { "Newest" } }
                @if let Some(next) = next { a class="button" href=(next) rel="next" { "Older" } }
            }
        }
    }
}

/// A count with its noun.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

//! How a finding is remedied: the steps, and the exact call where an API can, to be copied.

use maud::Markup;
use maud::html;

use crate::graph::Product;
use crate::http::console::words;
use crate::posture::Listing;
use crate::posture::Subject;
use crate::posture::catalogue::Remedy;

/// How the exact calls are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Calls<'a> {
    /// At once, and for this subject.
    For(&'a Subject),
    /// One press away, and on paper; for whichever subject.
    Folded,
}

/// The remedies that fit these products, or all of them where no product is given.
pub(super) fn remedies(listing: &Listing, products: &[Product], calls: Calls<'_>) -> Markup {
    let fitting: Vec<&Remedy> =
        listing.remedies.iter().filter(|remedy| fits(remedy, products)).collect();
    // Which product is meant is said only where there is a choice.
    let several = fitting
        .iter()
        .any(|remedy| remedy.product != fitting.first().and_then(|first| first.product.clone()));
    html! {
        @if fitting.is_empty() { p { "The rule names no remedy." } }
        @for remedy in fitting {
            div class="remedy" {
                p {
                    @if let (true, Some(product)) = (several, &remedy.product) { strong { (named(product)) ": " } }
                    (words::prose(&remedy.steps))
                }
                @if let Some(call) = &remedy.call {
                    @match calls { Calls::For(subject) => (to_copy(&filled(call, subject))), Calls::Folded => details { summary { "The same by API" } (to_copy(call)) } }
                }
            }
        }
    }
}

/// Text that is marked whole by one press where the browser can, and can be reached and scrolled by keyboard.
fn to_copy(call: &str) -> Markup {
    html! {
        pre class="call" role="group" tabindex="0" aria-label="The call" {
            code { @for line in call.lines() { (words::told(line)) "\n" } }
        }
    }
}

/// The call with the repository's own name in its place. What is no plain name stays as the rule wrote it, and so does
/// what only the reader can choose.
fn filled(call: &str, subject: &Subject) -> String {
    let is_plain = |part: &str| {
        !part.is_empty()
            && part.chars().all(|sign| sign.is_ascii_alphanumeric() || "._~-".contains(sign))
    };
    let parts = subject.name.split_once('/').filter(|_| subject.kind == "repository");
    match parts.filter(|(place, slug)| is_plain(place) && is_plain(slug)) {
        None => call.to_owned(),
        Some((place, slug)) => [
            ("{workspace}", place),
            ("{projectKey}", place),
            ("{repo_slug}", slug),
            ("{repositorySlug}", slug),
        ]
        .into_iter()
        .fold(call.to_owned(), |call, (name, value)| call.replace(name, value)),
    }
}

fn fits(remedy: &Remedy, products: &[Product]) -> bool {
    let is_named = |name: &String| products.iter().any(|product| product.as_str() == name);
    products.is_empty() || remedy.product.as_ref().is_none_or(is_named)
}

/// A product as people write it.
pub(super) fn named(product: &str) -> &str {
    match product {
        "cloud" => "Cloud",
        "datacenter" => "Data Center",
        other => other,
    }
}

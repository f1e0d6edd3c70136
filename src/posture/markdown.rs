//! The catalogue as one page of Markdown: what is looked for, under which names, and what each needs, misses and advises.

use std::fmt::Write as _;

use crate::posture::Catalogue;
use crate::posture::Listing;
use crate::posture::catalogue::Need;
use crate::posture::catalogue::Remedy;

/// What stands at the head of the page.
const HEAD: &str = "\
# Findings catalogue

<!-- Printed by `portcullis findings catalogue --format markdown`; a test holds it against the rules. -->

Everything Portcullis looks for when nothing happens: a rule a finding, each about one kind of subject. A finding is
*fail*, *pass* or **unknown**; unknown says what would settle it and is never counted as a pass. Ids are ours and stay;
the names that others have for a finding stand under *also known as*, word by word, with their own severities.

The same as JSON: `portcullis findings catalogue --format json`. What came, changed and went, as a feed:
`--format atom` or `--format json-feed`. How to read what a scan found: [Read a posture report](read-a-posture-report.md).

";

/// The page, with an end of line.
pub fn write(catalogue: &Catalogue) -> String {
    let mut out = HEAD.to_owned();
    summary(&mut out, catalogue);
    let mut category = "";
    for listing in &catalogue.rules {
        if listing.category != category {
            category = &listing.category;
            line(&mut out, &format!("\n## {}", plain(category)));
        }
        rule(&mut out, listing);
    }
    out
}

fn summary(out: &mut String, catalogue: &Catalogue) {
    line(out, "| rule | finding | severity | looks at | also known as |\n|---|---|---|---|---|");
    for listing in &catalogue.rules {
        let aliases: Vec<String> = listing.aliases.iter().map(|alias| cell(&alias.id)).collect();
        let row = format!(
            "| [`{}`](#{}) | {} | {}{} | {} | {} |",
            listing.rule,
            anchor(listing.rule.as_str()),
            cell(&listing.title),
            listing.severity,
            if listing.enabled { "" } else { " (off)" },
            cell(&listing.about()),
            aliases.join("<br>"),
        );
        line(out, &row);
    }
}

fn rule(out: &mut String, listing: &Listing) {
    line(out, &format!("\n### `{}`\n", listing.rule));
    let off = if listing.enabled { "" } else { ", off until switched on" };
    let head = format!(
        "**{}** ({}, about each {}{off})",
        plain(&listing.title),
        listing.severity,
        plain(&listing.about())
    );
    line(out, &head);
    if !listing.description.is_empty() {
        line(out, &format!("\n{}", plain(&listing.description)));
    }
    aliases(out, listing);
    let needs: Vec<String> = listing.needs.iter().map(need).collect();
    let reads: Vec<String> = listing.reads.iter().map(|path| format!("`{path}`")).collect();
    let controls: Vec<String> = listing
        .controls
        .iter()
        .map(|(framework, of)| format!("{} {}", plain(framework), plain(&of.join(", "))))
        .collect();
    line(out, "");
    fact(out, "Needs", &needs.join("; "));
    fact(out, "Reads", &reads.join(", "));
    fact(out, "Cannot see", &plain(&listing.blind));
    fact(out, "Supports", &controls.join("; "));
    if !listing.remedies.is_empty() {
        line(out, "- Remedy:");
        listing.remedies.iter().for_each(|one| remedy(out, one));
    }
}

fn aliases(out: &mut String, listing: &Listing) {
    if listing.aliases.is_empty() {
        return;
    }
    line(out, "\n| also known as | title there | severity there |\n|---|---|---|");
    for alias in &listing.aliases {
        let row = format!("| {} | {} | {} |", cell(&alias.id), cell(&alias.title), alias.severity);
        line(out, &row);
    }
}

fn need(need: &Need) -> String {
    format!("{} on {}", code(&need.scope), product(&need.product))
}

fn remedy(out: &mut String, remedy: &Remedy) {
    let on = remedy.product.as_ref().map(|on| format!("{}: ", product(on))).unwrap_or_default();
    line(out, &format!("  - {on}{}", plain(&remedy.steps)));
    if let Some(call) = &remedy.call {
        line(out, &format!("\n    ```\n{}\n    ```\n", indented(call)));
    }
}

/// As people write it.
fn product(word: &str) -> &str {
    match word {
        "cloud" => "Cloud",
        "datacenter" => "Data Center",
        other => other,
    }
}

fn fact(out: &mut String, label: &str, said: &str) {
    if !said.is_empty() {
        line(out, &format!("- {label}: {said}"));
    }
}

fn line(out: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{text}");
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
    lines.join("\n")
}

/// Text that starts no markup but code in backticks.
fn plain(text: &str) -> String {
    text.replace('<', "&lt;").replace(['\r', '\n'], " ")
}

/// The same in a table.
fn cell(text: &str) -> String {
    plain(text).replace('|', "\\|")
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'"))
}

/// Where a heading can be linked to: letters, digits and hyphens, as forges do it.
fn anchor(id: &str) -> String {
    id.chars().filter(|sign| sign.is_ascii_alphanumeric() || *sign == '-').collect()
}

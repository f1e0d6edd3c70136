//! Pages and the report: whole, honest, and safe whatever names stand in them.

use portcullis::graph::ConnectionId;
use portcullis::graph::Product;
use portcullis::http::console::findings::controls as map;
use portcullis::http::console::findings::list;
use portcullis::http::console::findings::list::Listing;
use portcullis::http::console::findings::one;
use portcullis::http::console::findings::one::Step;
use portcullis::http::console::findings::report;
use portcullis::http::console::findings::report::Extent;
use portcullis::http::console::findings::report::report;
use portcullis::policy::bundle::Severity;
use portcullis::posture::Finding;
use portcullis::posture::Outcome;
use portcullis::posture::State;
use portcullis::posture::Wish;

use super::hostile;
use super::left;
use super::plain;
use super::sample::Sample;
use super::sample::Text;
use super::sample::day;
use super::sample::now;
use crate::spec::access_pages::is_whole;
use crate::spec::pages::desk;

pub(crate) fn reported(text: Text<'_>) -> String {
    let sample = Sample::of(text);
    report_of(&sample, &text("acme and harbor"))
}

fn report_of(sample: &Sample, about: &str) -> String {
    let controls = sample.controls();
    report(&report::Shown {
        about: about.to_owned(),
        connections: connections(),
        findings: &sample.findings,
        scans: &sample.scans,
        catalogue: &sample.catalogue,
        controls: &controls,
        extent: Extent::All,
        at: now(),
    })
}

fn connections() -> Vec<(ConnectionId, Product)> {
    vec![
        ("acme".parse().unwrap(), Product::Cloud),
        ("harbor".parse().unwrap(), Product::DataCenter),
    ]
}

fn listed(sample: &Sample, wish: Wish) -> String {
    let scans = sample.last();
    list::page(
        &desk(),
        &Listing {
            findings: &sample.findings,
            next: Some("f-00000000000000aa".to_owned()),
            wish,
            scans: &scans,
            catalogue: &sample.catalogue,
        },
    )
}

fn shown(sample: &Sample, finding: &Finding, text: Text<'_>) -> String {
    let rule = sample.catalogue.rules.iter().find(|listing| listing.rule == finding.rule);
    one::page(
        &desk(),
        &one::Shown {
            finding,
            rule,
            products: sample.products.clone(),
            facts: vec![(text("repository.visibility"), text("\"public\""))],
            as_of: Some(day(30)),
            steps: vec![Step { at: day(3), said: text("found") }],
        },
    )
}

/// Every page there is, with its name.
fn pages(text: Text<'_>) -> Vec<(String, String)> {
    let sample = Sample::of(text);
    let asked = Wish {
        severity: Some(Severity::High),
        owner: Some(text("somebody who is gone")),
        rule: Some(text("6ad95c13-0d13-4595-bc76-bd86f4eba4b9")),
        category: Some(text("a category that is gone")),
        subject: Some("acme/repository/9".parse().unwrap()),
        after: Some("f-00000000000000ff".to_owned()),
        ..Wish::default()
    };
    let mut pages = vec![
        ("report".to_owned(), reported(text)),
        ("list".to_owned(), listed(&sample, list::first())),
        ("list-asked".to_owned(), listed(&sample, asked)),
        ("controls".to_owned(), map::page(&desk(), &sample.controls())),
    ];
    for (name, outcome, state) in [
        ("failing", Outcome::Fail, State::New),
        ("accepted", Outcome::Fail, State::Accepted),
        ("unknown", Outcome::Unknown, State::New),
        ("fixed", Outcome::Pass, State::Fixed),
    ] {
        let finding = sample.one(|one| one.outcome == outcome && one.state == state);
        pages.push((name.to_owned(), shown(&sample, finding, text)));
    }
    let empty = Sample { findings: Vec::new(), scans: Vec::new(), ..sample };
    let nothing = Listing {
        findings: &[],
        next: None,
        wish: Wish::default(),
        scans: &[],
        catalogue: &empty.catalogue,
    };
    pages.push(("list-empty".to_owned(), list::page(&desk(), &nothing)));
    pages
}

#[test]
fn the_report_is_whole_and_every_page_is_left_for_the_checkers() {
    is_whole(&reported(&plain));
    for (name, html) in pages(&plain) {
        assert_eq!(html.matches("<h1").count(), 1, "{name}");
        left(&format!("{name}.html"), &html);
    }
}

#[test]
fn no_name_becomes_markup_or_turns_a_line_around() {
    for (name, html) in pages(&hostile) {
        for wrong in ["<script>alert", "<img src=x", "\u{202e}", "\u{2066}", "\u{1b}"] {
            assert!(!html.contains(wrong), "{name} contains {wrong:?}");
        }
        if name != "list-empty" && name != "controls" {
            assert!(html.contains("&lt;script"), "{name} tells the name as it is");
        }
    }
}

#[test]
fn the_report_says_first_what_is_wrong_and_what_nobody_knows() {
    let html = reported(&plain);
    let lead = html.split("class=\"lead\"").nth(1).unwrap().split("</p>").next().unwrap();
    assert!(lead.contains("12 findings are open: 3 critical, 4 high, 3 medium, 2 low."), "{lead}");
    assert!(lead.contains("5 things cannot be told; that is no pass."), "{lead}");
    let at = |words: &str| html.find(words).unwrap_or_else(|| panic!("{words} is missing"));
    let order = [
        "What to do first",
        "Whose they are",
        "Where it is going",
        "What cannot be told, and what would settle it",
        "Accepted for a while",
        "Everything that was looked for",
        "How to read this",
    ];
    assert!(order.windows(2).all(|two| at(two[0]) < at(two[1])));
    let first = html.split("<ol class=\"worst\">").nth(1).unwrap();
    let cards: Vec<&str> = first.split("<li class=\"finding ").skip(1).collect();
    assert!(cards[0].starts_with("critical") && cards[3].starts_with("high"));
    let reviews = cards.iter().find(|card| card.contains("without review")).unwrap();
    assert!(reviews.contains("acme/billing") && reviews.contains(" and 1 more"), "one card a rule");
    assert!(reviews.contains("PUT /2.0/repositories/"), "with the call");
    assert!(reviews.contains(" Fails in 4 places: the rule “"), "{reviews}");
}

#[test]
fn an_acceptance_that_is_over_is_open_again_and_one_that_holds_is_not_among_the_worst() {
    let html = reported(&plain);
    let worst = html.split("What to do first").nth(1).unwrap();
    let worst = worst.split("Whose they are").next().unwrap();
    assert!(!worst.contains("acme/handbook"), "somebody lives with it");
    let accepted = html.split("Accepted for a while").nth(1).unwrap();
    let accepted = accepted.split("</section>").next().unwrap();
    assert!(accepted.contains("acme/handbook") && accepted.contains("15 Jan 2027"));
    assert!(!accepted.contains("ci-deploy"), "its end has passed");
}

#[test]
fn every_picture_tells_its_numbers_in_words_and_the_unknown_by_a_pattern() {
    let html = reported(&plain);
    assert!(html.contains("<pattern id=\"untold-owner\""));
    assert_eq!(html.matches("<pattern id=").count(), 4);
    let owners = html.split("Whose they are").nth(1).unwrap().split("</section>").next().unwrap();
    let payments = owners.split("<li>").find(|bar| bar.contains("Payments")).unwrap();
    assert!(
        payments.contains("1 critical, 2 high, 1 medium, 1 low; 2 cannot be told; 1 accepted"),
        "{payments}"
    );
    let trend = html.split("Where it is going").nth(1).unwrap();
    assert!(trend.contains("The same as a table") && trend.contains("fewer failing"));
}

#[test]
fn a_report_of_nothing_says_so_and_calls_nothing_right() {
    let empty = Sample { findings: Vec::new(), scans: Vec::new(), ..Sample::of(&plain) };
    let html = report_of(&empty, "acme");
    for said in ["Nothing has been looked at yet.", "No scan has ended yet.", "No finding is open."]
    {
        assert!(html.contains(said), "{said}");
    }
    left("report-empty.html", &html);
}

#[test]
fn a_page_offers_the_forms_only_where_there_is_something_to_say() {
    let pages = pages(&plain);
    let of = |name: &str| &pages.iter().find(|(one, _)| one == name).unwrap().1;
    for (name, acknowledge, accept) in [
        ("failing", true, true),
        ("accepted", false, true),
        ("unknown", false, false),
        ("fixed", false, false),
    ] {
        assert_eq!(of(name).contains("/acknowledge\""), acknowledge, "{name}");
        assert_eq!(of(name).contains("/accept\""), accept, "{name}");
    }
    assert!(of("unknown").contains("no list of second factors was brought"));
}

#[test]
fn the_call_of_one_finding_names_its_repository_and_of_many_none() {
    let pages = pages(&plain);
    let of = |name: &str| &pages.iter().find(|(one, _)| one == name).unwrap().1;
    assert!(of("failing").contains("PUT /2.0/repositories/acme/website\n"));
    assert!(of("report").contains("PUT /2.0/repositories/{workspace}/{repo_slug}\n"));
    let hostile = Sample::of(&hostile);
    let finding = hostile.one(|one| one.subject.kind == "repository");
    let html = shown(&hostile, finding, &plain);
    assert!(
        html.contains("PUT /2.0/repositories/{workspace}"),
        "what is no plain name is not put in"
    );
}

#[test]
fn what_is_asked_for_stays_chosen_and_is_kept_by_the_next_page() {
    let sample = Sample::of(&plain);
    let wish =
        Wish { owner: Some("Zoe".to_owned()), outcome: Some(Outcome::Unknown), ..Wish::default() };
    let html = listed(&sample, wish);
    assert!(html.contains("name=\"owner\" value=\"Zoe\""));
    assert!(
        html.contains(
            "href=\"/findings?outcome=unknown&amp;owner=Zoe&amp;after=f-00000000000000aa\""
        )
    );
}

#[test]
fn the_trend_begins_where_every_connection_is_counted() {
    let mut sample = Sample::of(&plain);
    // One connection was made later: before it, the sum would lack its part.
    sample.scans.retain(|scan| scan.connection == "acme" || scan.at >= day(20));
    let html = report_of(&sample, "acme and harbor");
    let trend = html.split("Where it is going").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(trend.contains("Since 20 Nov 2026: "), "{trend}");
    sample.scans.retain(|scan| scan.at == day(30));
    let html = report_of(&sample, "acme and harbor");
    assert!(html.contains("a trend needs two"));
}

#[test]
fn the_report_says_what_one_more_scope_would_settle_and_about_how_much_of_that_fails() {
    let html = reported(&plain);
    let part =
        html.split("what would settle it").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(
        part.contains("Granting <code>repository:admin</code> on acme settles 1 finding."),
        "{part}"
    );
    assert!(part.contains("none of them would fail"), "4 of 27 that are told fail: {part}");
}

#[test]
fn what_fails_is_shown_first_and_what_cannot_be_told_is_counted_and_one_press_away() {
    let sample = Sample::of(&plain);
    let html = listed(&sample, list::first());
    assert!(html.contains("<option value=\"fail\" selected>"));
    assert!(
        html.contains("href=\"/findings?outcome=unknown\"><span class=\"count\">5</span>"),
        "{html}"
    );
    let nothing = Sample { findings: Vec::new(), ..sample };
    let html = listed(&nothing, list::first());
    assert!(
        html.contains("Nothing that could be looked at is wrong") && html.contains("is no pass")
    );
}

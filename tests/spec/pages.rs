//! Pages tell foreign text, never obey it; and what anyone may open names nobody and nothing.

mod parts;
pub(crate) mod sample;

use std::collections::BTreeSet;

use portcullis::approval::State;
use portcullis::approval::Ticket;
use portcullis::decision::Because;
use portcullis::decision::Binds;
use portcullis::decision::Brake;
use portcullis::decision::Effect;
use portcullis::decision::Record;
use portcullis::decision::narrative::tell;
use portcullis::decision::plan::Softener;
use portcullis::decision::record::Part;
use portcullis::http::console::asset::Asset;
use portcullis::http::console::asset::LIVE;
use portcullis::http::console::asset::MARK;
use portcullis::http::console::asset::STYLE;
use portcullis::http::console::frame::Desk;
use portcullis::http::console::list;
use portcullis::http::console::list::Cover;
use portcullis::http::console::list::Known;
use portcullis::http::console::list::Listing;
use portcullis::http::console::list::View;
use portcullis::http::console::notice;
use portcullis::http::console::notice::Notice;
use portcullis::http::console::problem;
use portcullis::http::console::story;
use portcullis::http::problem::Problem;
use portcullis::http::session::FormToken;
use portcullis::policy::RuleId;
use portcullis::policy::Verdict;
use portcullis::policy::finding::Origin;

use crate::spec::pages::sample::TICKET;
use crate::spec::pages::sample::Text;
use crate::spec::pages::sample::bundle;
use crate::spec::pages::sample::now;
use crate::spec::pages::sample::record;
use crate::spec::pages::sample::ticket;

/// A place where what stands there may be shown to anyone.
const FOR_ANYONE: [&str; 5] = ["reason", "title", "remedy", "group", "rule"];

static NO_TOKEN: FormToken = FormToken::none();

pub(crate) fn desk() -> Desk<'static> {
    Desk { token: &NO_TOKEN, brake: Brake::Off, now: now() }
}

fn notice(record: &Record, text: Text<'_>, ticket: Option<&Ticket>) -> Notice {
    Notice::of(record, &tell(record, Some(&bundle(text))), ticket)
}

/// Every page there is, for one way of filling every foreign text: (who may see it, its name, its HTML).
fn pages(text: Text<'_>) -> Vec<(Audience, String, String)> {
    let mut pages = Vec::new();
    let kinds = [
        (Verdict::Allow, Effect::Proceed),
        (Verdict::Alert, Effect::Proceed),
        (Verdict::Approve, Effect::Wait),
        (Verdict::Block, Effect::Stop),
        (Verdict::Block, Effect::Proceed),
    ];
    for (verdict, effect) in kinds {
        let record = record(text, verdict, effect);
        let tickets: Vec<Option<Ticket>> = if verdict == Verdict::Approve {
            State::ALL.iter().map(|state| Some(ticket(text, *state))).chain([None]).collect()
        } else {
            vec![None]
        };
        for ticket in tickets {
            let name =
                format!("{verdict} {effect} {:?}", ticket.as_ref().map(|ticket| ticket.state));
            let notice = notice(&record, text, ticket.as_ref());
            let json = serde_json::to_string(&notice).unwrap();
            pages.push((
                Audience::Anyone,
                format!("d {name}"),
                notice::decision_page(&notice, now()),
            ));
            pages.push((
                Audience::Anyone,
                format!("t {name}"),
                notice::ticket_page(&notice, now()),
            ));
            pages.push((Audience::Program, format!("json {name}"), json));
            let told = tell(&record, Some(&bundle(text)));
            let page = story::page(&desk(), &record, &told, ticket.as_ref());
            pages.push((Audience::Operator, format!("story {name}"), page));
        }
        let listing = Listing {
            records: &[record],
            next: Some(7),
            view: View { repository: Some(text("asked-repository")), ..View::default() },
            before: Some(9),
            known: Known { connections: Vec::new(), rules: vec![RuleId::told(&text("rule"))] },
        };
        pages.push((Audience::Operator, format!("list {verdict}"), list::page(&desk(), &listing)));
    }
    pages
        .extend(parts::pages(text).map(|(name, html)| (Audience::Operator, name.to_owned(), html)));
    pages.push((Audience::Anyone, "404".to_owned(), problem::nothing_here(Brake::Off)));
    let refused = Problem::new(http::StatusCode::UNAUTHORIZED, text("problem"));
    pages.push((Audience::Operator, "problem".to_owned(), problem::page(&refused, Brake::Off)));
    pages
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audience {
    Anyone,
    Program,
    Operator,
}

fn plain(place: &str) -> String {
    format!("canary-{place}-end")
}

#[test]
fn what_anyone_may_open_shows_reasons_titles_remedies_and_groups_and_nothing_else() {
    for (audience, name, html) in pages(&plain) {
        if audience == Audience::Operator {
            continue;
        }
        let shown: BTreeSet<&str> = html
            .match_indices("canary-")
            .filter_map(|(at, mark)| html[at + mark.len()..].split_once("-end"))
            .map(|(place, _)| place)
            .collect();
        assert!(shown.iter().all(|place| FOR_ANYONE.contains(place)), "{name} shows {shown:?}");
        assert_eq!(shown.contains("reason"), name != "404", "{name}: the reason is told");
        assert!(!html.contains("acme-cloud") && !html.contains("4711"), "{name}");
    }
}

#[test]
fn the_operators_page_shows_all_of_it() {
    let record = record(&plain, Verdict::Approve, Effect::Wait);
    let told = tell(&record, Some(&bundle(&plain)));
    let html = story::page(&desk(), &record, &told, Some(&ticket(&plain, State::Refused)));
    for place in [
        "repository",
        "ref",
        "actor",
        "environment",
        "from",
        "to",
        "field",
        "before",
        "after",
        "via",
        "asked",
        "path",
        "fact",
        "raw",
        "gap",
        "why",
        "framework",
        "control",
        "owner",
        "rule",
        "title",
        "remedy",
        "voter",
        "vote-reason",
        "ticket-why",
        "variable",
        "refused-grant",
        "done",
        "group",
    ] {
        assert!(html.contains(&plain(place)), "{place} is missing");
    }
}

#[test]
fn a_rule_that_could_not_judge_does_not_name_the_fact_to_anyone() {
    for origin in [Origin::Unknown, Origin::Fault, Origin::Broken] {
        let mut record = record(&plain, Verdict::Block, Effect::Stop);
        let Part::Kept(told) = &mut record.told else { panic!("it is kept") };
        told.findings[0].origin = origin;
        told.findings[0].reason = "`resource.ref.secret-name` is not known".to_owned();
        let html = notice::decision_page(&notice(&record, &plain, None), now());
        assert!(!html.contains("secret-name") && !html.contains("resource."), "{origin}");
        let told = tell(&record, None);
        assert!(
            story::page(&desk(), &record, &told, None).contains("secret-name"),
            "the operator reads it"
        );
    }
}

#[test]
fn waivers_and_pauses_are_told_without_their_words_and_shadow_with_its_rule() {
    let mut record = record(&plain, Verdict::Block, Effect::Proceed);
    let because = |kind, text: &str| Because { kind, id: "x".to_owned(), text: text.to_owned() };
    record.public.because = vec![
        because(Softener::Shadow, "`a/rule` is in shadow here"),
        because(Softener::Waiver, "Mia waived it"),
        because(Softener::Pause, "Jo paused it"),
    ];
    let html = notice::decision_page(&notice(&record, &plain, None), now());
    assert!(html.contains("is in shadow here") && html.contains("A waiver covers it"));
    assert!(!html.contains("Mia") && !html.contains("Jo paused"));
    assert!(html.contains("Let pass, because the gate was paused"));
}

#[test]
fn nothing_foreign_becomes_markup_or_turns_a_line_around() {
    let hostile = |place: &str| {
        format!(
            "{place}\"'><script>alert(1)</script><img src=x onerror=alert(2)>\u{202e}\u{2066}\u{200b}\u{0}\u{1b}[31m&lt;b&gt;"
        )
    };
    for (audience, name, html) in pages(&hostile) {
        if audience == Audience::Program {
            continue;
        }
        // Our own script is an address, letter by letter; whatever else begins like one is not ours.
        let html = html.replace(&format!("<script src=\"{}\" defer>", LIVE.address()), "");
        for wrong in [
            "<script",
            "<img src=x",
            "onerror=alert(2)>",
            "\u{202e}",
            "\u{2066}",
            "\u{200b}",
            "\u{0}",
            "\u{1b}",
        ] {
            assert!(!html.contains(wrong), "{name} contains {wrong:?}");
        }
        let doubly = html.contains("&lt;script") && html.contains("&amp;lt;b&amp;gt;");
        assert!(doubly || name == "404", "{name} tells the text as it is");
        assert_eq!(handlers(&html), 0, "{name} has an attribute that runs");
    }
}

/// Attributes inside tags that begin with `on` or are inline styles: none is ours.
fn handlers(html: &str) -> usize {
    let tags = html.split('<').skip(1).filter_map(|rest| rest.split('>').next());
    // What stands between quotes is a value, whatever it looks like; no value of ours has a quote in it.
    let names = tags.flat_map(|tag| tag.split('"').step_by(2));
    names
        .flat_map(|part| part.split_ascii_whitespace())
        .filter(|attribute| attribute.starts_with("on") || attribute.starts_with("style="))
        .count()
}

#[test]
fn every_page_has_a_language_a_title_one_heading_and_a_skip_link_and_loads_only_ours() {
    for (audience, name, html) in pages(&plain) {
        if audience == Audience::Program {
            continue;
        }
        let count = |what: &str| html.matches(what).count();
        assert!(html.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{name}");
        let (head, _) = html.split_once("</head>").unwrap();
        assert_eq!(head.matches("<title>").count(), 1, "{name}");
        for once in ["<h1", "<main id=\"main\"", "href=\"#main\"", "name=\"viewport\""] {
            assert_eq!(count(once), 1, "{name}: {once}");
        }
        let loads = html
            .split(" src=\"")
            .skip(1)
            .chain(html.split("<link rel=\"stylesheet\" href=\"").skip(1));
        for address in loads.map(|rest| rest.split('"').next().unwrap()) {
            assert!(address.starts_with("/assets/"), "{name} loads {address}");
        }
        assert_eq!(count("<style") + count("<iframe"), 0, "{name}");
        assert_eq!(count("<script"), count("<script src=\"/assets/live.js?v="), "{name}");
        assert!(audience == Audience::Operator || count("<script") == 0, "{name}");
    }
}

#[test]
fn a_page_looks_again_only_while_a_ticket_waits() {
    let record = record(&plain, Verdict::Approve, Effect::Wait);
    for state in State::ALL {
        let html =
            notice::ticket_page(&notice(&record, &plain, Some(&ticket(&plain, *state))), now());
        assert_eq!(html.contains("http-equiv=\"refresh\""), *state == State::Asked, "{state}");
    }
}

#[test]
fn only_a_waiting_ticket_can_be_voted_on_and_the_form_says_who_the_record_will_name() {
    let record = record(&plain, Verdict::Approve, Effect::Wait);
    let told = tell(&record, None);
    for state in State::ALL {
        let html = story::page(&desk(), &record, &told, Some(&ticket(&plain, *state)));
        let form = format!("action=\"/api/v1/tickets/{TICKET}/votes\"");
        assert_eq!(html.contains(&form), *state == State::Asked, "{state}");
        assert_eq!(html.contains("operator session"), *state == State::Asked, "{state}");
    }
    let html =
        notice::ticket_page(&notice(&record, &plain, Some(&ticket(&plain, State::Asked))), now());
    assert!(!html.contains("<form"), "nobody votes without signing in");
}

#[test]
fn a_verdict_is_told_by_word_and_shape_and_the_unknown_has_a_colour_of_its_own() {
    let mut shapes = BTreeSet::new();
    for (verdict, effect, word) in [
        (Verdict::Allow, Effect::Proceed, "Allow"),
        (Verdict::Alert, Effect::Proceed, "Alert"),
        (Verdict::Approve, Effect::Wait, "Approve"),
        (Verdict::Block, Effect::Stop, "Block"),
    ] {
        let record = record(&plain, verdict, effect);
        let html = story::page(&desk(), &record, &tell(&record, None), None);
        let badge = html.split("<span class=\"badge ").nth(1).unwrap();
        let (shape, rest) = badge.split_once("</svg>").unwrap();
        assert!(rest.starts_with(word), "{word}");
        assert!(
            shapes.insert(shape.split("<path d=").nth(1).unwrap().to_owned()),
            "{word} has its own shape"
        );
        assert!(html.contains("class=\"card unknown\""), "gaps stand apart");
    }
    let mut uncovered = record(&plain, Verdict::Allow, Effect::Proceed);
    uncovered.public.uncovered = true;
    let html = notice::decision_page(&notice(&uncovered, &plain, None), now());
    assert!(html.contains("<strong>uncovered</strong>"));
}

#[test]
fn an_erased_record_still_has_its_page() {
    let mut record = record(&plain, Verdict::Block, Effect::Stop);
    record.names = Part::Erased(now());
    record.told = Part::Erased(now());
    record.input = Part::Erased(now());
    let told = tell(&record, Some(&bundle(&plain)));
    let html = story::page(&desk(), &record, &told, None);
    assert!(
        html.contains("erased on 2026-11-20T17:55:00.000Z")
            && !html.contains("canary-repository-end")
    );
    let html = notice::decision_page(&notice(&record, &plain, None), now());
    assert!(html.contains("erased on") && !html.contains("canary-reason"));
}

#[test]
fn a_view_of_the_list_survives_its_own_address() {
    let view = View {
        verdict: Some(Verdict::Block),
        effect: Some(Effect::Stop),
        rule: Some(RuleId::told("deploy/gone")),
        since: Some(now()),
        cover: Cover::Uncovered,
        ..View::default()
    };
    assert_eq!(
        view.address(Some(17)),
        "/decisions?verdict=block&effect=stop&rule=deploy%2Fgone&since=2026-11-20T17%3A55%3A00.000Z&uncovered=true&before=17"
    );
    assert_eq!(View::default().address(None), "/decisions");
    let listing = Listing { records: &[], next: None, view, before: None, known: Known::default() };
    let html = list::page(&desk(), &listing);
    assert!(html.contains("<option value=\"block\" selected>") && html.contains("checked"));
    assert!(html.contains("No decision is like that"));
    assert!(html.contains("value=\"deploy/gone\" selected") && html.contains("2026-11-20T17:55"));
    assert!(!html.contains("data-live"), "what is new may not be like that");
    let fresh = list::page(&desk(), &Listing { view: View::default(), ..listing });
    assert!(fresh.contains("No decisions yet") && !fresh.contains("checked"));
    assert!(fresh.contains("data-live"));
}

#[test]
fn assets_are_found_by_name_and_addressed_by_content() {
    assert_eq!(Asset::find("portcullis.css"), Some(&STYLE));
    assert_eq!(Asset::find("portcullis.svg"), Some(&MARK));
    assert_eq!(Asset::find("../portcullis.css"), None);
    assert_ne!(STYLE.version(), MARK.version());
    assert!(STYLE.address().ends_with(&STYLE.version()));
    assert_eq!(Asset::find("live.js"), Some(&LIVE));
    for asset in [&STYLE, &LIVE] {
        let text = std::str::from_utf8(asset.bytes).unwrap();
        for outside in ["@import", "import(", "url(", "http:", "https:", "innerHTML", "eval("] {
            assert!(!text.contains(outside), "{} has {outside}", asset.file);
        }
    }
}

#[test]
fn nothing_is_said_to_be_stopped_or_let_pass_that_had_happened_already() {
    for (verdict, effect) in [
        (Verdict::Allow, Effect::Proceed),
        (Verdict::Alert, Effect::Proceed),
        (Verdict::Approve, Effect::Wait),
        (Verdict::Block, Effect::Stop),
        (Verdict::Block, Effect::Proceed),
    ] {
        let mut record = record(&plain, verdict, effect);
        record.public.ticket = None;
        record.public.binds = Binds::After;
        let shown = notice(&record, &plain, None);
        let html = notice::decision_page(&shown, now());
        for claim in ["must stop", "must wait", "Stopped", "Let pass", "may proceed", "Waiting for"]
        {
            assert!(!html.contains(claim), "{verdict} {effect}: {claim}");
        }
        record.public.binds = Binds::Prevents;
        let html = notice::decision_page(&notice(&record, &plain, None), now());
        assert!(!html.contains("appened"), "{verdict} {effect}");
    }
}

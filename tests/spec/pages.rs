//! Pages tell foreign text, never obey it; and what anyone may open names nobody and nothing.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use portcullis::approval::Asked as AskedFor;
use portcullis::approval::Binding;
use portcullis::approval::State;
use portcullis::approval::Ticket;
use portcullis::approval::Vote;
use portcullis::approval::VoteWord;
use portcullis::decision::Because;
use portcullis::decision::Binds;
use portcullis::decision::Effect;
use portcullis::decision::Mode;
use portcullis::decision::Outcome;
use portcullis::decision::Record;
use portcullis::decision::narrative::tell;
use portcullis::decision::plan::Softener;
use portcullis::decision::record::Asked;
use portcullis::decision::record::Names;
use portcullis::decision::record::Part;
use portcullis::decision::record::Public;
use portcullis::decision::record::RefusedGrant;
use portcullis::decision::record::Surface;
use portcullis::decision::record::Told;
use portcullis::event::EventKind;
use portcullis::graph::Product;
use portcullis::graph::Time;
use portcullis::http::console::asset::Asset;
use portcullis::http::console::asset::MARK;
use portcullis::http::console::asset::STYLE;
use portcullis::http::console::list;
use portcullis::http::console::list::Cover;
use portcullis::http::console::list::Listing;
use portcullis::http::console::list::View;
use portcullis::http::console::notice;
use portcullis::http::console::notice::Notice;
use portcullis::http::console::problem;
use portcullis::http::console::story;
use portcullis::http::problem::Problem;
use portcullis::policy::Bundle;
use portcullis::policy::Finding;
use portcullis::policy::Rule;
use portcullis::policy::RuleId;
use portcullis::policy::Verdict;
use portcullis::policy::bundle::Severity;
use portcullis::policy::finding::Approvers;
use portcullis::policy::finding::Barred;
use portcullis::policy::finding::Demand;
use portcullis::policy::finding::Origin;
use portcullis::policy::input::CallerKind;
use serde_json::value::RawValue;
use uuid::Uuid;

const DECISION: &str = "019a7d3e-5a00-7c3e-8b1e-0c9d2f1a4b5c";
const TICKET: &str = "019a7d3e-5a01-7000-9000-00000000feed";

/// Every foreign text of a case, by the place it stands in.
type Text<'a> = &'a dyn Fn(&str) -> String;

/// A place where what stands there may be shown to anyone.
const FOR_ANYONE: [&str; 5] = ["reason", "title", "remedy", "group", "rule"];

pub(crate) fn now() -> Time {
    "2026-11-20T17:55:00Z".parse().unwrap()
}

pub(crate) fn bundle(text: Text<'_>) -> Bundle {
    let rule = |id: &str, title: String, remedies: Vec<String>| Rule {
        id: RuleId::told(id),
        file: "deploy/production_needs_approval.rego".to_owned(),
        title,
        description: String::new(),
        on: vec![EventKind::PipelineStep],
        reads: vec!["resource.environment".to_owned()],
        fresh: None,
        severity: Severity::High,
        on_error: Verdict::Block,
        on_unknown: Verdict::Block,
        unknown_handled: false,
        remedies,
        owner: Some(text("owner")),
        approval: None,
        controls: BTreeMap::from([
            (text("framework"), vec![text("control")]),
            ("SOC 2".to_owned(), vec!["CC8.1".to_owned()]),
        ]),
    };
    Bundle {
        revision: "9f2c".repeat(16),
        rules: vec![
            rule(&text("rule"), text("title"), vec![text("remedy")]),
            rule(
                "ref/deploy-from-protected",
                "Deploys come from protected refs".to_owned(),
                Vec::new(),
            ),
        ],
        people: BTreeMap::new(),
    }
}

fn demand(text: Text<'_>) -> Demand {
    Demand {
        from: Approvers { group: Some(text("group")), users: vec![text("person")] },
        count: 1,
        not: vec![Barred::Actor],
        expires_in: 14_400,
        grant_for: 1_800,
    }
}

fn names(text: Text<'_>) -> Names {
    Names {
        repository: Some(text("repository")),
        reference: Some(text("ref")),
        actor: Some(text("actor")),
        environment: Some(text("environment")),
        pull_request: Some(4711),
        from: Some(text("from")),
        to: Some(text("to")),
        changed: vec![(text("field"), Some(text("before")), Some(text("after")))],
        owner: Some(text("keeper")),
        via: vec![text("via")],
        asked_because: Some(text("asked")),
    }
}

fn public(text: Text<'_>, verdict: Verdict, effect: Effect) -> Public {
    Public {
        decision: DECISION.parse().unwrap(),
        at: now(),
        connection: "acme-cloud".parse().unwrap(),
        product: Product::Cloud,
        event: EventKind::PipelineStep,
        action: text("action"),
        surface: Surface::Check,
        delivery: None,
        caller: CallerKind::Step,
        repository: Some(text("repository-id")),
        actor: Some(text("actor-id")),
        commit: Some(text("commit")),
        input_sha256: "ab".repeat(32),
        bundle: "9f2c".repeat(16),
        graph_revision: 1842,
        graph_age_ms: Some(2140),
        rules: vec![
            Asked {
                rule: RuleId::told(&text("rule")),
                outcome: Outcome::Matched,
                verdict: Some(verdict),
                mode: Mode::Enforce,
            },
            Asked {
                rule: RuleId::told("ref/deploy-from-protected"),
                outcome: Outcome::DidNotMatch,
                verdict: None,
                mode: Mode::Enforce,
            },
        ],
        verdict,
        effect,
        binds: Binds::Prevents,
        uncovered: false,
        because: Vec::new(),
        met: Vec::new(),
        satisfied_by: Vec::new(),
        refused_grants: vec![RefusedGrant { ticket: Uuid::nil(), why: text("refused-grant") }],
        ticket: (verdict == Verdict::Approve).then(|| TICKET.parse().unwrap()),
        actions: vec![text("done")],
        remembered: false,
    }
}

pub(crate) fn record(text: Text<'_>, verdict: Verdict, effect: Effect) -> Record {
    let finding = Finding {
        rule: RuleId::told(&text("rule")),
        verdict,
        reason: text("reason"),
        proof: vec!["resource.environment.name".to_owned(), text("path")],
        approval: (verdict == Verdict::Approve).then(|| demand(text)),
        origin: Origin::Rule,
    };
    let input =
        serde_json::json!({"resource": {"environment": {"name": text("fact")}}, "x": text("raw")});
    let told = Told {
        findings: vec![finding],
        unknown: BTreeMap::from([(text("gap"), text("why"))]),
        approvers: if verdict == Verdict::Approve {
            vec![format!("{} (4 people)", text("group"))]
        } else {
            Vec::new()
        },
    };
    Record {
        public: public(text, verdict, effect),
        input: Part::Kept(RawValue::from_string(input.to_string()).unwrap()),
        names: Part::Kept(names(text)),
        told: Part::Kept(told),
    }
}

pub(crate) fn ticket(text: Text<'_>, state: State) -> Ticket {
    let vote =
        Vote { by: text("voter"), vote: VoteWord::Approve, reason: text("vote-reason"), at: now() };
    let granted = matches!(state, State::Granted | State::Spent);
    Ticket {
        id: TICKET.parse().unwrap(),
        connection: "acme-cloud".parse().unwrap(),
        decision: DECISION.parse().unwrap(),
        binding: Binding {
            v: 1,
            connection: "acme-cloud".to_owned(),
            action: text("action"),
            repository: Some(text("repository-id")),
            reference: Some(text("ref")),
            commit: Some(text("commit")),
            environment: Some(text("environment-id")),
            variables: vec![text("variable")],
            script_sha256: None,
            bundle: "9f2c".repeat(16),
            rules: vec![RuleId::told(&text("rule"))],
            facts: "cd".repeat(32),
        },
        asked: vec![AskedFor {
            rule: RuleId::told(&text("rule")),
            demand: demand(text),
            eligible: 4,
        }],
        reason: text("reason"),
        asked_because: Some(text("asked")),
        asker: text("asker"),
        state,
        why: text("ticket-why"),
        asked_at: now(),
        expires_at: now().plus(std::time::Duration::from_secs(14_400)),
        grant_ends: granted.then(|| now().plus(std::time::Duration::from_secs(1_800))),
        votes: if state == State::Asked { Vec::new() } else { vec![vote] },
        spent_by: (state == State::Spent).then(Uuid::nil),
        version: 1,
        waiting: None,
    }
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
            let page = story::page(&record, &told, ticket.as_ref(), now());
            pages.push((Audience::Operator, format!("story {name}"), page));
        }
        let listing = Listing {
            records: &[record],
            next: Some(7),
            view: View::default(),
            before: Some(9),
            alarms: &[text("alarm")],
            notes: &[text("note")],
        };
        pages.push((Audience::Operator, format!("list {verdict}"), list::page(&listing)));
    }
    pages.push((Audience::Anyone, "404".to_owned(), problem::nothing_here()));
    let refused = Problem::new(http::StatusCode::UNAUTHORIZED, text("problem"));
    pages.push((Audience::Operator, "problem".to_owned(), problem::page(&refused)));
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
    let html = story::page(&record, &told, Some(&ticket(&plain, State::Refused)), now());
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
            story::page(&record, &told, None, now()).contains("secret-name"),
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
    assert!(html.contains("Let pass, although a rule objects"));
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
    tags.flat_map(|tag| tag.split_ascii_whitespace().skip(1))
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
        for once in ["<title>", "<h1", "<main id=\"main\"", "href=\"#main\"", "name=\"viewport\""] {
            assert_eq!(count(once), 1, "{name}: {once}");
        }
        let loads = html
            .split(" src=\"")
            .skip(1)
            .chain(html.split("<link rel=\"stylesheet\" href=\"").skip(1));
        for address in loads.map(|rest| rest.split('"').next().unwrap()) {
            assert!(address.starts_with("/assets/"), "{name} loads {address}");
        }
        assert_eq!(count("<script") + count("<style") + count("<iframe"), 0, "{name}");
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
        let html = story::page(&record, &told, Some(&ticket(&plain, *state)), now());
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
        let html = story::page(&record, &tell(&record, None), None, now());
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
    let html = story::page(&record, &told, None, now());
    assert!(
        html.contains("erased on 2026-11-20T17:55:00.000Z")
            && !html.contains("canary-repository-end")
    );
    let html = notice::decision_page(&notice(&record, &plain, None), now());
    assert!(html.contains("erased on") && !html.contains("canary-reason"));
}

#[test]
fn a_view_of_the_list_survives_its_own_address() {
    let view =
        View { verdict: Some(Verdict::Block), effect: Some(Effect::Stop), cover: Cover::Uncovered };
    assert_eq!(view.address(Some(17)), "/?verdict=block&effect=stop&uncovered=true&before=17");
    assert_eq!(View::default().address(None), "/");
    let listing = Listing { records: &[], next: None, view, before: None, alarms: &[], notes: &[] };
    let html = list::page(&listing);
    assert!(html.contains("<option value=\"block\" selected>") && html.contains("checked"));
    assert!(html.contains("No decision is like that"));
    let fresh = list::page(&Listing { view: View::default(), ..listing });
    assert!(fresh.contains("No decisions yet") && !fresh.contains("checked"));
}

#[test]
fn assets_are_found_by_name_and_addressed_by_content() {
    assert_eq!(Asset::find("portcullis.css"), Some(&STYLE));
    assert_eq!(Asset::find("portcullis.svg"), Some(&MARK));
    assert_eq!(Asset::find("../portcullis.css"), None);
    assert_ne!(STYLE.version(), MARK.version());
    assert!(STYLE.address().ends_with(&STYLE.version()));
    let sheet = std::str::from_utf8(STYLE.bytes).unwrap();
    for outside in ["@import", "url(", "http:", "https:"] {
        assert!(!sheet.contains(outside), "the sheet loads nothing: {outside}");
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

//! Who is meant, what follows for whom a list leaves out, and what an end does: pure, over pieces made here.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use portcullis::graph::Id;
use portcullis::graph::Known;
use portcullis::graph::Time;
use portcullis::posture::evidence::Held;
use portcullis::posture::evidence::Indexed;
use portcullis::posture::evidence::Person;
use portcullis::posture::evidence::Place;
use portcullis::posture::evidence::folded;
use portcullis::posture::evidence::piece::Coverage;
use portcullis::posture::evidence::piece::EvidenceKind;
use portcullis::posture::evidence::piece::Head;
use portcullis::posture::evidence::piece::Piece;
use uuid::Uuid;

use super::at;
use super::reading;

const NOW: &str = "2026-11-25T00:00:00Z";

/// A piece of this text, true on a day and counting so many days.
fn piece(kind: EvidenceKind, text: &str, (as_of, days): (&str, u64)) -> Piece {
    let content = if kind == EvidenceKind::SecondFactorPolicy {
        reading(kind, super::PNG, &[])
    } else {
        reading(kind, text.as_bytes(), &[])
    };
    let content = content.unwrap().content;
    let as_of = at(&format!("{as_of}T00:00:00Z"));
    let head = Head {
        id: Uuid::now_v7(),
        connection: "acme".parse().unwrap(),
        kind,
        coverage: kind.coverage(),
        as_of,
        brought: as_of,
        until: as_of.plus(Duration::from_hours(24 * days)),
        sha256: String::new(),
        bytes: 1,
        rows: content.rows(),
        file: "a file".to_owned(),
        by: "mia".to_owned(),
        reason: String::new(),
        withdrawn: None,
    };
    Piece { head, content: Some(content), erased: BTreeSet::new() }
}

fn whole(mut piece: Piece) -> Piece {
    piece.head.coverage = Coverage::Whole;
    piece
}

fn held_at(pieces: Vec<Piece>, namesakes: &[&str], now: Time) -> Held {
    let pieces = pieces.into_iter().map(|piece| Arc::new(Indexed::new(Arc::new(piece))));
    let namesakes = namesakes.iter().map(|name| folded(name)).collect();
    Held::new(pieces.collect(), Arc::new(namesakes), now)
}

fn held(pieces: Vec<Piece>) -> Held {
    held_at(pieces, &[], at(NOW))
}

/// Asks about somebody with this id, address and name.
fn ask<T>(
    (id, email, name): (&str, Option<&str>, Option<&str>),
    question: impl Fn(Person<'_>) -> Known<T>,
) -> Known<T> {
    let id: Id = format!("acme/user/{id}").parse().unwrap();
    question(Person { id: &id, email, name })
}

fn why<T: std::fmt::Debug>(known: &Known<T>) -> String {
    known.why().unwrap_or_else(|| panic!("{known:?} is known")).as_str().to_owned()
}

const DAY: (&str, u64) = ("2026-11-01", 90);

#[test]
fn a_person_is_found_by_id_then_by_address_then_by_a_name_that_only_one_has() {
    let list = "id,email,name,has 2sv\n\
        7,,,yes\n\
        ,mia@x,Somebody,no\n\
        ,,Jo  Doe,yes\n\
        ,alex1@x,Alex Kim,yes\n\
        ,alex2@x,Alex Kim,no\n\
        8,,Numbered,no\n";
    let held = held(vec![piece(EvidenceKind::UserDirectory, list, DAY)]);
    let of = |who| ask(who, |person| held.second_factor(person));
    assert_eq!(of(("7", Some("mia@x"), Some("Jo Doe"))), Known::Value(true), "the id goes first");
    assert_eq!(of(("1", Some("MIA@x"), Some("Jo Doe"))), Known::Value(false), "then the address");
    assert_eq!(of(("1", None, Some("jo doe"))), Known::Value(true), "then the name");
    assert_eq!(of(("1", Some("jo@x"), Some("Jo Doe"))), Known::Value(true), "no address to differ");
    assert_eq!(of(("1", Some("alex2@x"), Some("Alex Kim"))), Known::Value(false));
    let two = of(("1", None, Some("Alex Kim")));
    assert!(why(&two).contains("rows 5, 6"), "{two:?}");
    let other = of(("1", Some("other@x"), Some("Alex Kim")));
    assert!(why(&other).contains("and not them"), "another address is another person: {other:?}");
    let other = of(("9", None, Some("Numbered")));
    assert!(why(&other).contains("and not them"), "another number is another person: {other:?}");
}

#[test]
fn one_row_and_two_people_of_one_name_is_a_gap() {
    let list = "name,has 2sv\nAlex Kim,yes\n";
    let pieces = || vec![piece(EvidenceKind::UserDirectory, list, DAY)];
    let alone = held_at(pieces(), &[], at(NOW));
    let who = ("1", None, Some("Alex Kim"));
    assert_eq!(ask(who, |person| alone.second_factor(person)), Known::Value(true));
    let two = held_at(pieces(), &["alex kim"], at(NOW));
    let told = ask(who, |person| two.second_factor(person));
    assert!(why(&told).contains("two people of this connection"), "{told:?}");
}

#[test]
fn nothing_brought_is_unknown_and_says_what_to_bring() {
    let held = held(Vec::new());
    let who = ("1", None, None);
    for told in [
        why(&ask(who, |person| held.second_factor(person))),
        why(&ask(who, |person| held.last_login(person))),
        why(&ask(who, |person| held.left(person))),
        why(&held.second_factor_enforced()),
        why(&held.class(Place {
            id: &"acme/repository/r".parse().unwrap(),
            name: None,
            project: None,
        })),
    ] {
        assert!(told.contains("`portcullis evidence import`"), "{told}");
    }
}

#[test]
fn whoever_a_list_leaves_out_is_unknown_unless_it_names_all_who_left() {
    let leavers = "email,left\njo@x,2026-10-31\n";
    let everybody = "email,status\njo@x,inactive\nmia@x,active\n";
    let of = |pieces| {
        let held = held(pieces);
        ask(("1", Some("ann@x"), None), |person| held.left(person))
    };
    let list = |text| piece(EvidenceKind::JoinersLeavers, text, DAY);
    assert!(why(&of(vec![list(leavers)])).contains("does not claim to name everybody"));
    assert_eq!(of(vec![whole(list(leavers))]), Known::Nothing, "all who left are named");
    assert!(why(&of(vec![whole(list(everybody))])).contains("and not them"));
}

#[test]
fn somebody_leaves_on_his_last_day_and_not_before() {
    let list = "email,status,left\nanna@x,,2026-10-31\nbo@x,active,2026-12-31\ncy@x,inactive,\ndi@x,active,\n";
    let piece = || piece(EvidenceKind::JoinersLeavers, list, DAY);
    let of = |email, now: &str| {
        let held = held_at(vec![piece()], &[], at(now));
        ask(("1", Some(email), None), |person| held.left(person))
    };
    assert_eq!(of("anna@x", NOW), Known::Value(at("2026-10-31T00:00:00Z")));
    assert_eq!(of("bo@x", NOW), Known::Nothing, "his last day is to come");
    assert_eq!(of("bo@x", "2027-01-02T00:00:00Z"), Known::Value(at("2026-12-31T00:00:00Z")));
    assert_eq!(of("cy@x", NOW), Known::Value(at("2026-11-01T00:00:00Z")), "at the latest then");
    assert_eq!(of("di@x", NOW), Known::Nothing);
    let held = held(vec![piece()]);
    assert_eq!(held.changes(), Some(at("2026-12-31T00:00:00Z")), "a last day comes before the end");
}

#[test]
fn past_its_end_everything_a_piece_told_is_unknown_and_says_so() {
    let pieces = || {
        vec![
            piece(
                EvidenceKind::UserDirectory,
                "email,has 2sv,last login\nmia@x,yes,never\n",
                ("2026-11-01", 10),
            ),
            piece(
                EvidenceKind::JoinersLeavers,
                "email,left\nmia@x,2026-10-01\n",
                ("2026-11-01", 10),
            ),
            piece(EvidenceKind::SecondFactorPolicy, "", ("2026-11-01", 10)),
            piece(EvidenceKind::Classification, "project,class\nPAY,secret\n", ("2026-11-01", 10)),
        ]
    };
    let id: Id = "acme/repository/r".parse().unwrap();
    let place = Place { id: &id, name: Some("acme/pay"), project: Some("PAY") };
    let who = ("1", Some("mia@x"), None);
    let before = held_at(pieces(), &[], at("2026-11-10T23:59:59.999Z"));
    assert_eq!(ask(who, |person| before.second_factor(person)), Known::Value(true));
    assert_eq!(ask(who, |person| before.last_login(person)), Known::Nothing, "never");
    assert_eq!(ask(who, |person| before.left(person)), Known::Value(at("2026-10-01T00:00:00Z")));
    assert_eq!(before.second_factor_enforced(), Known::Value(true));
    assert_eq!(before.class(place), Known::Value("secret".to_owned()));
    assert_eq!(before.changes(), Some(at("2026-11-11T00:00:00Z")));
    let after = held_at(pieces(), &[], at("2026-11-11T00:00:00Z"));
    for told in [
        why(&ask(who, |person| after.second_factor(person))),
        why(&ask(who, |person| after.last_login(person))),
        why(&ask(who, |person| after.left(person))),
        why(&after.second_factor_enforced()),
        why(&after.class(place)),
    ] {
        assert!(told.contains("of 2026-11-01 ended on 2026-11-11"), "{told}");
    }
    assert_eq!(after.changes(), None);
}

#[test]
fn the_newest_goes_first_and_an_older_list_does_not_outlive_a_newer_whole_one() {
    let directory = |has: &str, when| {
        piece(EvidenceKind::UserDirectory, &format!("email,has 2sv\nmia@x,{has}\n"), when)
    };
    let of = |pieces| {
        let held = held(pieces);
        ask(("1", Some("mia@x"), None), |person| held.second_factor(person))
    };
    let (old, new) = (("2026-10-01", 300), ("2026-11-01", 90));
    assert_eq!(of(vec![directory("yes", new), directory("no", old)]), Known::Value(true));
    assert_eq!(of(vec![directory("no", old), directory("yes", new)]), Known::Value(true));
    let ended = of(vec![directory("no", old), directory("yes", ("2026-11-01", 5))]);
    assert!(why(&ended).contains("ended on 2026-11-06"), "{ended:?}");
    let mut withdrawn = directory("yes", new);
    withdrawn.head.withdrawn = Some(at(NOW));
    assert_eq!(
        of(vec![withdrawn, directory("no", old)]),
        Known::Value(false),
        "as if never brought"
    );
}

#[test]
fn lists_in_parts_add_up_and_the_newest_word_about_somebody_counts() {
    let list = |text, when| piece(EvidenceKind::JoinersLeavers, text, when);
    let left = "email,left,joined\njo@x,2026-08-31,\n";
    let back = "email,left,joined\njo@x,,2026-10-15\nann@x,2026-10-31,\n";
    let held = held(vec![list(left, ("2026-09-01", 200)), list(back, ("2026-11-01", 31))]);
    let of = |email| ask(("1", Some(email), None), |person| held.left(person));
    assert_eq!(of("jo@x"), Known::Nothing, "back again");
    assert_eq!(of("ann@x"), Known::Value(at("2026-10-31T00:00:00Z")));
    assert!(of("mia@x").is_unknown());
}

#[test]
fn of_whom_was_erased_and_whom_that_leaves_out_a_list_says_nothing() {
    let mut list = whole(piece(EvidenceKind::JoinersLeavers, "email,left\njo@x,2026-10-31\n", DAY));
    list.erased.insert("acme/user/1".to_owned());
    let held = held(vec![list]);
    let erased = ask(("1", None, None), |person| held.left(person));
    assert!(why(&erased).contains("was erased"), "{erased:?}");
    let other = ask(("2", Some("ann@x"), None), |person| held.left(person));
    assert!(why(&other).contains("whom it leaves out says nothing"), "{other:?}");
    let named = ask(("3", Some("jo@x"), None), |person| held.left(person));
    assert_eq!(named, Known::Value(at("2026-10-31T00:00:00Z")), "whom it names it names");
}

#[test]
fn the_particular_rule_of_a_manifest_goes_before_the_general_one() {
    let manifest = "repository,name,property,project,class\n\
        ,,,PAY,project\n\
        ,*-billing,,,name\n\
        acme/repository/77,,,,id\n\
        acme/own-billing,,,,repository\n\
        ,acme/x*,,,whole-name\n";
    let held = held(vec![piece(EvidenceKind::Classification, manifest, DAY)]);
    let of = |id: &str, name, project| {
        let id: Id = format!("acme/repository/{id}").parse().unwrap();
        held.class(Place { id: &id, name, project })
    };
    let is = |class: &str| Known::Value(class.to_owned());
    assert_eq!(of("1", Some("acme/shop"), Some("pay")), is("project"));
    assert_eq!(of("1", Some("acme/Shop-Billing"), Some("PAY")), is("name"));
    assert_eq!(of("1", Some("Acme/own-billing"), Some("PAY")), is("repository"));
    assert_eq!(of("77", Some("acme/own-billing"), None), is("id"), "of two alike the first");
    assert_eq!(of("1", Some("acme/xyz"), Some("WEB")), is("whole-name"));
    assert_eq!(of("1", Some("acme/shop"), Some("WEB")), Known::Nothing, "left out");
    let unsure = of("1", None, Some("PAY"));
    assert!(why(&unsure).contains("needs a fact"), "a name rule may go before: {unsure:?}");
    let classes: Vec<&str> = held.classes().into_iter().collect();
    assert_eq!(classes, ["id", "name", "project", "repository", "whole-name"]);
}

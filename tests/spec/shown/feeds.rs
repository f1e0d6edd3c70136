//! The feed of the catalogue: what came, changed and went is worked out from editions, never written by hand.

use portcullis::policy::bundle::Severity;
use portcullis::posture::Catalogue;
use portcullis::posture::feed::History;
use portcullis::posture::feed::Turn;
use serde_json::Value;

use super::hostile;
use super::left;
use super::plain;
use super::sample::Sample;
use super::sample::day;

/// Three editions: all but one; one more and one otherwise; one gone.
fn history(catalogue: &Catalogue) -> History {
    let mut first = catalogue.clone();
    let late = first.rules.remove(0);
    let mut second = first.clone();
    second.rules.push(late);
    second.rules[0].severity = Severity::Info;
    let mut third = second.clone();
    third.rules.remove(1);
    History::default().with(&first, day(1)).with(&second, day(10)).with(&third, day(20))
}

#[test]
fn an_edition_tells_what_came_changed_and_went() {
    let catalogue = Sample::of(&plain).catalogue;
    let news = history(&catalogue).news();
    let of = |at: u64| {
        let of = news.iter().filter(|one| one.at == day(at));
        of.map(|one| (one.turn, one.rule.to_string(), one.said.clone())).collect::<Vec<_>>()
    };
    assert_eq!(of(1).len(), catalogue.rules.len() - 1);
    assert!(of(1).iter().all(|(turn, _, _)| *turn == Turn::Came));
    let second = of(10);
    let came = second.iter().find(|(turn, _, _)| *turn == Turn::Came).unwrap();
    let changed = second.iter().find(|(turn, _, _)| *turn == Turn::Changed).unwrap();
    assert_eq!(came.1, catalogue.rules[0].rule.to_string());
    assert!(came.2.starts_with("New: "));
    assert_eq!(changed.1, catalogue.rules[1].rule.to_string());
    assert!(changed.2.contains("severity info instead of "), "{}", changed.2);
    assert_eq!(second.len(), 2);
    let third = of(20);
    assert_eq!((third.len(), third[0].0), (1, Turn::Went));
    assert_eq!(news[0].at, day(20), "the newest first");
}

#[test]
fn an_edition_without_a_change_is_none_and_one_made_twice_is_one() {
    let catalogue = Sample::of(&plain).catalogue;
    let history = history(&catalogue);
    let same = history.clone().with(&catalogue, day(21)).with(&catalogue, day(22));
    assert_eq!(same.editions.len(), 4, "nothing changed on the last day");
    assert!(same.is_of(&catalogue) && !history.is_of(&catalogue));
    let again = same.clone().with(&catalogue, day(21));
    assert_eq!(again, same);
    let read: History = serde_json::from_str(&same.write().unwrap()).unwrap();
    assert_eq!(read, same);
}

#[test]
fn a_text_alone_is_a_change_too() {
    let catalogue = Sample::of(&plain).catalogue;
    let mut other = catalogue.clone();
    other.rules[2].remedies[0].steps.push_str(" And tell its owner.");
    let news = History::default().with(&catalogue, day(1)).with(&other, day(2)).news();
    assert_eq!((news[0].turn, &news[0].rule), (Turn::Changed, &other.rules[2].rule));
    assert_eq!(news[0].said, "Changed: its text, needs, remedies or controls.");
}

#[test]
fn both_feeds_hold_the_same_news_under_the_same_ids_and_no_name_becomes_markup() {
    for (name, text) in [("plain", &plain as super::sample::Text<'_>), ("hostile", &hostile)] {
        let history = history(&Sample::of(text).catalogue);
        let (atom, json) = (history.atom(), history.json_feed());
        let feed: Value = serde_json::from_str(&json).unwrap();
        let items = feed["items"].as_array().unwrap();
        assert_eq!(items.len(), history.news().len());
        assert_eq!(atom.matches("<entry>").count(), items.len());
        let mut ids: Vec<&str> = items.iter().map(|item| item["id"].as_str().unwrap()).collect();
        assert!(ids.iter().all(|id| atom.contains(&format!("<id>{id}</id>"))));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), items.len(), "no id is there twice");
        assert!(!atom.contains("<script") && !atom.contains('\u{1b}'));
        assert_eq!(history.atom(), atom, "asked twice, told the same");
        left(&format!("{name}.atom"), &atom);
    }
    assert!(History::default().atom().ends_with("</feed>\n"));
}

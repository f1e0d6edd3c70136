//! The catalogue of the shipped rules: the committed page and the committed history are of exactly these rules.

use portcullis::policy::load;
use portcullis::policy::shipped;
use portcullis::posture::Catalogue;
use portcullis::posture::feed::History;
use portcullis::posture::markdown;

use super::left;

const PAGE: &str = include_str!("../../../docs/findings-catalogue.md");

pub(crate) fn catalogue() -> Catalogue {
    let loaded = load(&shipped::posture()).unwrap_or_else(|found| panic!("{found:?}"));
    Catalogue::of(loaded.bundle())
}

#[test]
fn the_committed_page_is_what_the_program_prints() {
    let page = markdown::write(&catalogue());
    left("findings-catalogue.md", &page);
    assert!(
        page == PAGE,
        "the rules and docs/findings-catalogue.md differ; write it anew: `portcullis findings catalogue --format markdown`"
    );
}

#[test]
fn the_last_edition_of_the_history_is_of_these_rules() {
    let (catalogue, history) = (catalogue(), History::shipped().unwrap());
    let next = history.clone().with(&catalogue, "2026-11-30T00:00:00Z".parse().unwrap());
    left("history.json", &next.write().unwrap());
    assert!(
        history.is_of(&catalogue),
        "the rules and policies/posture/history.json differ; add an edition: `portcullis findings catalogue --format history --edition DAY`"
    );
    let days: Vec<_> = history.editions.iter().map(|edition| edition.at).collect();
    assert!(days.is_sorted(), "editions follow one another");
}

#[test]
fn the_page_tells_every_rule_with_its_aliases_needs_blindness_remedies_and_controls() {
    let catalogue = catalogue();
    let page = markdown::write(&catalogue);
    assert!(!catalogue.rules.is_empty());
    for listing in &catalogue.rules {
        let (_, part) = page
            .split_once(&format!("\n### `{}`\n", listing.rule))
            .unwrap_or_else(|| panic!("{} is not told", listing.rule));
        let part = part.split("\n### ").next().unwrap();
        let told = |text: &str| text.replace('<', "&lt;");
        assert!(part.contains(&told(&listing.title)), "{}", listing.rule);
        for alias in &listing.aliases {
            assert!(part.contains(&told(&alias.id)) && part.contains(&told(&alias.title)));
        }
        for remedy in &listing.remedies {
            assert!(part.contains(&told(&remedy.steps)), "{}", listing.rule);
            let call = remedy.call.iter().flat_map(|call| call.lines());
            call.for_each(|line| assert!(part.contains(line), "{line}"));
        }
        for need in &listing.needs {
            assert!(part.contains(&need.scope));
        }
        assert!(
            part.contains(&told(&listing.blind))
                && listing.controls.keys().all(|one| part.contains(one))
        );
    }
}

//! Looking a class up finds what walking through all rules of the manifest finds.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use portcullis::graph::Id;
use portcullis::graph::Known;
use portcullis::graph::Snapshot;
use portcullis::graph::Time;
use portcullis::graph::World;
use portcullis::graph::covers_text;
use portcullis::posture::Held;
use portcullis::posture::evidence::Indexed;
use portcullis::posture::evidence::Place;
use portcullis::posture::evidence::piece::ClassRule;
use portcullis::posture::evidence::piece::Content;
use portcullis::posture::evidence::piece::Coverage;
use portcullis::posture::evidence::piece::EvidenceKind;
use portcullis::posture::evidence::piece::Head;
use portcullis::posture::evidence::piece::Piece;
use portcullis::posture::evidence::piece::Selector;
use proptest::prelude::*;
use serde_json::json;

const NOW: Time = Time::from_millis(1_795_284_300_000);

/// What is said of a repository.
#[derive(Clone, Debug)]
struct Repository {
    id: Id,
    name: Option<String>,
    project: Option<String>,
    visibility: Option<&'static str>,
    archived: Option<bool>,
}

/// Class or row; the plain way.
fn walked(rules: &[ClassRule], repository: &Repository) -> Known<String> {
    let rank = |rule: &ClassRule| match rule.of {
        Selector::Repository(_) => 0,
        Selector::Name(_) => 1,
        Selector::Property(..) => 2,
        Selector::Project(_) => 3,
    };
    let mut ordered: Vec<&ClassRule> = rules.iter().collect();
    ordered.sort_by_key(|rule| rank(rule));
    for of in 0..4 {
        let alike = || ordered.iter().filter(|rule| rank(rule) == of);
        if let Some(fitting) = alike().find(|rule| fits(&rule.of, repository) == Some(true)) {
            return Known::Value(fitting.class.clone());
        }
        if let Some(open) = alike().find(|rule| fits(&rule.of, repository).is_none()) {
            return Known::Unknown(portcullis::graph::Why::said(format!("rule {} of", open.row)));
        }
    }
    Known::Nothing
}

fn fits(of: &Selector, repository: &Repository) -> Option<bool> {
    let (name, project) = (repository.name.as_deref(), repository.project.as_deref());
    match of {
        Selector::Repository(text) if text.eq_ignore_ascii_case(repository.id.as_str()) => {
            Some(true)
        }
        Selector::Repository(text) if text.parse::<Id>().is_ok() => Some(false),
        Selector::Repository(text) => Some(name?.eq_ignore_ascii_case(text)),
        Selector::Name(pattern) => {
            let (pattern, name) = (pattern.to_lowercase(), name?.to_lowercase());
            let slug = name.rsplit('/').next().unwrap();
            Some(covers_text(&pattern, if pattern.contains('/') { &name } else { slug }))
        }
        Selector::Property(name, value) => {
            let told = match name.as_str() {
                "visibility" => repository.visibility.map(str::to_owned),
                "archived" => repository.archived.map(|flag| flag.to_string()),
                other => panic!("{other}"),
            };
            Some(told?.eq_ignore_ascii_case(value))
        }
        Selector::Project(key) => Some(project?.eq_ignore_ascii_case(key)),
    }
}

fn held(rules: &[ClassRule]) -> Held {
    let head = Head {
        id: uuid::Uuid::now_v7(),
        connection: "acme".parse().unwrap(),
        kind: EvidenceKind::Classification,
        coverage: Coverage::Whole,
        as_of: NOW,
        brought: NOW,
        until: NOW.plus(Duration::from_hours(24)),
        sha256: String::new(),
        bytes: 1,
        rows: rules.len() as u64,
        file: "a file".to_owned(),
        by: "mia".to_owned(),
        reason: String::new(),
        withdrawn: None,
    };
    let content = Some(Content::Classes(rules.to_vec()));
    let piece = Piece { head, content, erased: BTreeSet::new() };
    Held::new(vec![Arc::new(Indexed::new(Arc::new(piece)))], Arc::default(), NOW)
}

fn alike(found: &Known<String>, walked: &Known<String>) -> bool {
    match (found, walked) {
        (Known::Unknown(found), Known::Unknown(walked)) => {
            found.as_str().starts_with(walked.as_str())
        }
        (found, walked) => found == walked,
    }
}

/// A graph in which this is said of the repository.
fn graph(repository: &Repository) -> Snapshot {
    let mut node = json!({"id": repository.id.as_str(), "name": "r"});
    if let Some(name) = &repository.name {
        node["slug"] = json!(name.rsplit('/').next().unwrap());
    }
    if let Some(visibility) = repository.visibility {
        node["visibility"] = json!(visibility);
    }
    if let Some(archived) = repository.archived {
        node["archived"] = json!(archived);
    }
    let mut project = json!({"id": "acme/project/p", "name": "p"});
    if let Some(key) = &repository.project {
        project["key"] = json!(key);
    }
    let workspace = json!({"id": "acme/workspace/w", "name": "Acme", "slug": "acme"});
    let edge = |from: &str, to: &str| json!({"from": from, "is": "in", "to": to});
    let world = json!({
        "version": 1, "connection": {"id": "acme", "product": "cloud"}, "as_of": "2026-11-21T18:05:00.000Z",
        "nodes": [workspace, project, node], "unknown": [],
        "edges": [edge("acme/project/p", "acme/workspace/w"), edge(repository.id.as_str(), "acme/project/p")],
    });
    let world = World::read(world.to_string().as_bytes()).unwrap();
    Snapshot::build(1, &[world]).unwrap()
}

fn selector() -> impl Strategy<Value = Selector> {
    let repository = prop::sample::select(vec![
        "acme/repository/1",
        "Acme/Repository/1",
        "acme/repository/2",
        "acme/ab",
        "ACME/ba",
        "acme/aé",
    ]);
    let property = prop::sample::select(vec![
        ("visibility", "public"),
        ("visibility", "Private"),
        ("archived", "TRUE"),
        ("archived", "false"),
    ]);
    prop_oneof![
        1 => repository.prop_map(|text| Selector::Repository(text.to_owned())),
        4 => "(acme/)?[aAbé*]{0,4}".prop_map(Selector::Name),
        1 => property.prop_map(|(name, value)| Selector::Property(name.to_owned(), value.to_owned())),
        1 => "[aAB]{1,2}".prop_map(Selector::Project),
    ]
}

fn rules() -> impl Strategy<Value = Vec<ClassRule>> {
    prop::collection::vec(selector(), 0..12).prop_map(|all| {
        let rule =
            |(row, of): (u64, Selector)| ClassRule { row, class: format!("class-{row}"), of };
        (1..).zip(all).map(rule).collect()
    })
}

fn repository() -> impl Strategy<Value = Repository> {
    let name = prop::option::weighted(0.9, "acme/[aAbé]{1,4}");
    let project = prop::option::weighted(0.9, "[aAB]{1,2}");
    let visibility = prop::option::of(prop::sample::select(vec!["public", "private"]));
    let archived = prop::option::of(any::<bool>());
    let id = prop::sample::select(vec!["acme/repository/1", "acme/repository/3"]);
    (id, name, project, visibility, archived).prop_map(
        |(id, name, project, visibility, archived)| Repository {
            id: id.parse().unwrap(),
            name,
            project,
            visibility,
            archived,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_class_is_looked_up_as_it_is_walked_to(rules in rules(), repository in repository()) {
        let held = held(&rules);
        let graph = graph(&repository);
        let node = graph.find(&repository.id).unwrap();
        let found = held.class_in(&graph, node);
        let plain = walked(&rules, &repository);
        prop_assert!(alike(&found, &plain), "{found:?} but {plain:?}");

        // Of one that is not in the graph, no attribute is known.
        let bare = Repository { visibility: None, archived: None, ..repository };
        let (name, project) = (bare.name.as_deref(), bare.project.as_deref());
        let found = held.class(Place { id: &bare.id, name, project });
        let plain = walked(&rules, &bare);
        prop_assert!(alike(&found, &plain), "{found:?} but {plain:?}");
    }
}

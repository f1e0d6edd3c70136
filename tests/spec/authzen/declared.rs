//! What a bundle declares for AuthZEN, and what its rules may read of a caller's own words.

use portcullis::policy::Input;

use crate::spec::policies::file;
use crate::spec::policies::folder;
use crate::spec::policies::loaded;
use crate::spec::policies::refused;

fn rule(reads: &str, condition: &str) -> portcullis::policy::SourceFile {
    let text = format!(
        "# METADATA\n# title: A rule\n# custom:\n#   on: [pipeline.step]\n#   reads: [{reads}]\npackage portcullis.rules.some.rule\n\nfinding contains {{\"verdict\": \"block\", \"reason\": \"No.\"}} if {condition}\n"
    );
    file("some/rule.rego", &text)
}

#[test]
fn the_fixtures_bundle_declares_its_records() {
    let loaded = loaded(&folder("docs/authzen/policies"));
    let noun = loaded.bundle().vocabulary.noun("record").unwrap();
    assert_eq!(noun.actions, ["delete", "read", "write"]);
    assert_eq!(noun.ids, ["record-1", "record-2"]);
    assert!(loaded.bundle().vocabulary.noun("spaceship").is_none());
    let none = self::loaded(&[rule("claimed.reason", "input.claimed.reason == \"x\"")]);
    assert!(none.bundle().vocabulary.is_empty(), "a bundle without any declares none");
}

#[test]
fn what_is_declared_wrongly_is_refused_in_its_file() {
    let many: Vec<String> = (0..101).map(|number| format!("\"a{number}\"")).collect();
    for (told, words) in [
        ("[\"record\"]".to_owned(), "must map each type"),
        ("{\"record\": [\"read\"]}".to_owned(), "must map each type"),
        ("{\"record\": {\"action\": [\"read\"]}}".to_owned(), "must map each type"),
        ("{\"record\": {\"actions\": [\"\"]}}".to_owned(), "of 1 to 1100 bytes"),
        (format!("{{\"record\": {{\"actions\": [{}]}}}}", many.join(",")), "100 actions"),
    ] {
        let data = format!("{{\"portcullis\": {{\"authzen\": {told}}}}}");
        let files =
            [rule("claimed.reason", "input.claimed.reason == \"x\""), file("data.json", &data)];
        let found = refused(&files);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].file, "data.json");
        assert!(found[0].message.contains(words), "{}", found[0].message);
        assert!(found[0].help.as_deref().unwrap().contains("\"authzen\""));
    }
}

#[test]
fn below_properties_any_name_may_follow_and_above_them_none_but_those_there_are() {
    for (reads, condition) in [
        ("claimed.subject", "input.claimed.subject.properties.role == \"admin\""),
        ("claimed.subject.properties", "input.claimed.subject.properties.team.lead == \"x\""),
        ("claimed.subject.properties.role", "input.claimed.subject.properties.role == \"admin\""),
        ("claimed.context", "input.claimed.context[_] == \"x\""),
    ] {
        loaded(&[rule(reads, condition)]);
    }
    for (reads, condition) in [
        ("claimed.subject", "input.claimed.subject.role == \"admin\""),
        ("claimed.subject.propertees", "input.claimed.subject.id == \"x\""),
        ("claimed.subject.properties", "input.claimed.resource.properties.status == \"x\""),
    ] {
        refused(&[rule(reads, condition)]);
    }
}

#[test]
fn a_caller_s_own_words_are_read_back_as_they_are_and_as_an_object_alone() {
    let read = |claimed: &str| {
        let text = format!(
            r#"{{"version":1,"event":{{"kind":"pipeline.step"}},"connection":{{"id":"acme","product":"cloud"}},"action":{{"name":"read"}},"unknown":[],"claimed":{claimed}}}"#
        );
        Input::from_json(text.as_bytes(), &["claimed.context".to_owned()])
    };
    let input = read(r#"{"context":{"ip":"192.0.2.1","nested":{"a":[1,null]}}}"#).unwrap();
    assert!(input.unknown().is_empty(), "what is in it is nobody's to miss");
    assert!(String::from_utf8_lossy(input.json()).contains(r#""nested":{"a":[1,null]}"#));
    assert!(read(r#"{"context":null}"#).unwrap().unknown().is_empty());
    assert_eq!(read("{}").unwrap().unknown()[0].path, "claimed.context");
    let error = read(r#"{"context":"x"}"#).unwrap_err().to_string();
    assert_eq!(error, "`claimed.context` must be an object");
}

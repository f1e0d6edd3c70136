//! What a folder of posture rules is refused for, and that bad ones never take the gate down.

use std::path::Path;

use portcullis::gateway::bundles::Source;
use portcullis::gateway::policies::Policies;
use portcullis::policy::SourceFile;
use portcullis::policy::diagnostic::render_all;
use portcullis::policy::load;
use portcullis::policy::shipped;

use crate::spec::policies::file;
use crate::spec::policies::loaded;
use crate::spec::posture::settings;

const GOOD: &str = r#"finding contains {"reason": "It is public.", "proof": ["repository.visibility"]} if {
	input.repository.visibility == "public"
}
"#;

/// A posture rule `some` with these lines of metadata beside the least it needs.
fn rule(custom: &str, body: &str) -> Vec<SourceFile> {
    let lines: Vec<String> = custom.lines().map(|line| format!("#   {line}\n")).collect();
    let lines = lines.concat();
    let subject = if custom.contains("subject:") { "" } else { "#   subject: repository\n" };
    let reads = if custom.contains("reads:") { "" } else { "#   reads: [repository.visibility]\n" };
    let text = format!(
        "# METADATA\n# title: Some rule\n# custom:\n{subject}{reads}#   category: Some\n#   remedies: [Mend it.]\n{lines}package portcullis.rules.posture.some\n\n{body}"
    );
    vec![file("posture/some.rego", &text)]
}

fn said(files: &[SourceFile]) -> String {
    load(files).map_or_else(|found| render_all(&found), |_| "loads".to_owned())
}

#[test]
fn a_good_one_loads_with_all_it_declares() {
    let custom = r#"severity: high
aliases: [{id: x-1, title: "Some title", severity: low}]
needs: [{product: cloud, scope: "repository:admin"}]
blind: What it cannot see.
enabled: false"#;
    let bundle = loaded(&rule(custom, GOOD)).bundle().clone();
    let rule = &bundle.rules[0];
    assert_eq!(rule.id.as_str(), "posture/some");
    assert!(rule.on.is_empty());
    let stance = rule.stance.as_ref().unwrap();
    assert_eq!((stance.subject.as_str(), stance.category.as_str()), ("repository", "Some"));
    assert_eq!(
        (stance.aliases[0].id.as_str(), stance.aliases[0].severity.as_str()),
        ("x-1", "low")
    );
    assert_eq!(
        (stance.needs[0].product.as_str(), stance.needs[0].scope.as_str()),
        ("cloud", "repository:admin")
    );
    assert_eq!((stance.blind.as_str(), stance.enabled), ("What it cannot see.", false));
    assert_eq!((stance.remedies[0].steps.as_str(), &stance.remedies[0].call), ("Mend it.", &None));
}

#[test]
fn what_is_wrong_is_said_where_it_stands() {
    let find = |condition: &str| {
        format!(
            "finding contains {{\"reason\": \"Look.\", \"proof\": [\"repository.visibility\"]}} if {{\n\t{condition}\n}}\n"
        )
    };
    let cases: &[(&str, String, &str)] = &[
        ("subject: repositry", GOOD.into(), "`repositry` is not a kind of subject"),
        ("on: [push]", GOOD.into(), "`on` is not a key of `custom` in a posture rule"),
        ("on_error: block", GOOD.into(), "`on_error` is not a key of `custom` in a posture rule"),
        ("severity: awful", GOOD.into(), "`awful` is not a severity"),
        ("needs: [{product: server, scope: x}]", GOOD.into(), "`server` is not a product"),
        ("kinds: [key]", GOOD.into(), "`repository` has no kinds: leave `kinds` out"),
        ("subject: credential\nreads: [credential.name]\nkinds: [keys]", GOOD.into(), "`keys` is not a kind of `credential`: use app, token, key, credential"),
        ("needs: [{product: cloud}]", GOOD.into(), "scope"),
        ("aliases: [{id: x, title: y, severity: low, more: z}]", GOOD.into(), "more"),
        ("reads: [hook.host]", GOOD.into(), "the input has no `hook`"),
        ("reads: [repository.visibilty]", GOOD.into(), "did you mean"),
        ("", find("input.event.kind == \"push\""), "there is no `input.event`"),
        ("", find("input.repository.archived"), "is not declared in `reads`"),
        ("", find("not input.repository.visibility"), "because `repository.visibility` is not known"),
        ("", find("object.get(input.repository, \"visibility\", \"public\") == \"public\""), "is not declared in `reads`"),
        (
            "reads: [repository.default_branch]",
            "finding contains {\"reason\": \"Look.\", \"proof\": [\"repository.default_branch\"]} if {\n\tnot input.repository.default_branch.protected\n}\n".into(),
            "because `repository.default_branch` is not known",
        ),
        (
            "reads: [repository.pipelines, repository.premium]",
            "finding contains {\"reason\": \"Look.\", \"proof\": [\"repository.premium\"]} if {\n\tnot input.repository.pipelines\n\tnot input.repository.premium\n}\n".into(),
            "where none of its facts is known",
        ),
        ("", "finding contains {\"reason\": \"Look.\"} if {\n\tinput.repository.visibility == \"private\"\n}\n".into(), "gives no proof"),
        ("", "finding contains {\"verdict\": \"block\", \"reason\": \"Look.\", \"proof\": [\"repository.visibility\"]} if {\n\tinput.repository.visibility == \"private\"\n}\n".into(), "verdict"),
        ("", "finding contains {\"reason\": \"Look.\", \"proof\": [\"repository.visibility\"], \"severity\": \"awful\"} if {\n\tinput.repository.visibility == \"private\"\n}\n".into(), "has the unknown severity `awful`"),
        ("", "finding contains {\"reason\": \" \", \"proof\": [\"repository.visibility\"]} if {\n\tinput.repository.visibility == \"private\"\n}\n".into(), "gives no reason"),
    ];
    let mut wrong = Vec::new();
    for (custom, body, expected) in cases {
        let shown = said(&rule(custom, body));
        if !shown.contains(expected) || !shown.contains("posture/some.rego") {
            wrong.push(format!("`{custom}` {body} should say `{expected}`:\n{shown}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_package_tells_which_sort_a_rule_is() {
    let mut outside = rule("", GOOD);
    outside[0].path = "ref/some.rego".to_owned();
    outside[0].text = outside[0].text.replace("rules.posture.some", "rules.ref.some");
    assert!(said(&outside).contains("lies below `portcullis.rules.posture`"), "{}", said(&outside));
    let inside = "# METADATA\n# title: Some\n# custom:\n#   on: [push]\npackage portcullis.rules.posture.some\n\nfinding contains {\"verdict\": \"alert\", \"reason\": \"Look.\"} if {\n\tinput.event.kind == \"push\"\n}\n";
    let inside = [file("posture/some.rego", inside)];
    assert!(said(&inside).contains("looks at a subject, not at an event"), "{}", said(&inside));
}

#[test]
fn a_remedy_with_steps_is_for_posture_rules_alone() {
    let text = "# METADATA\n# title: Some\n# custom:\n#   on: [push]\n#   remedies: [{steps: Mend it.}]\npackage portcullis.rules.ref.some\n\nfinding contains {\"verdict\": \"alert\", \"reason\": \"Look.\"} if {\n\tinput.event.kind == \"push\"\n}\n";
    let shown = said(&[file("ref/some.rego", text)]);
    assert!(shown.contains("a remedy of a rule about events is a sentence"), "{shown}");
}

fn write(root: &Path, files: &[SourceFile]) {
    for file in files {
        let path = root.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &file.text).unwrap();
    }
}

fn ids(bundle: &portcullis::policy::Bundle) -> Vec<&str> {
    bundle.rules.iter().map(|rule| rule.id.as_str()).collect()
}

#[tokio::test]
async fn bad_posture_rules_never_take_the_gate_down_and_the_last_good_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    let gate = "# METADATA\n# title: Some\n# custom:\n#   on: [push]\npackage portcullis.rules.ref.some\n\nfinding contains {\"verdict\": \"alert\", \"reason\": \"Look.\"} if {\n\tinput.event.kind == \"push\"\n}\n";
    write(folder.path(), &[file("ref/some.rego", gate)]);
    let source = || Source::Folder(folder.path().to_owned());

    // A folder without posture rules has the shipped ones.
    let policies = Policies::load(source(), settings()).await.unwrap();
    assert_eq!(ids(&policies.current().bundle), ["ref/some"]);
    assert_eq!(policies.posture().bundle.rules.len(), shipped::POSTURE.len() / 2);
    let before = policies.current().bundle.revision.clone();

    // Its own take their place, and the gate's revision does not move.
    write(folder.path(), &rule("", GOOD));
    policies.reload().await.unwrap();
    policies.reload_posture().await.unwrap();
    assert_eq!(policies.current().bundle.revision, before);
    assert_eq!(ids(&policies.posture().bundle), ["posture/some"]);
    let good = policies.posture().bundle.revision.clone();

    // Bad ones are refused, and said; the gate loads on.
    write(folder.path(), &[file("posture/some.rego", "package nonsense\nx := {")]);
    policies.reload().await.unwrap();
    assert!(policies.reload_posture().await.is_err());
    assert_eq!(policies.posture().bundle.revision, good);
    assert!(policies.posture_refused().unwrap().contains("posture/some.rego"));
    assert_eq!(policies.refused(), None);

    // And a gate that starts beside bad ones starts with the shipped.
    let policies = Policies::load(source(), settings()).await.unwrap();
    assert_eq!(ids(&policies.current().bundle), ["ref/some"]);
    assert_eq!(policies.posture().bundle.rules.len(), shipped::POSTURE.len() / 2);
    assert!(policies.posture_refused().unwrap().contains("posture/some.rego"));

    write(folder.path(), &rule("", GOOD));
    policies.reload_posture().await.unwrap();
    assert_eq!(policies.posture_refused(), None);
}

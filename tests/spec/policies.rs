//! Policies: what loads, what is refused and where, and what a rule's answer weighs.

use portcullis::event::EventKind;
use portcullis::graph::fact::Wanted;
use portcullis::policy::Answer;
use portcullis::policy::Diagnostic;
use portcullis::policy::Finding;
use portcullis::policy::Limits;
use portcullis::policy::Loaded;
use portcullis::policy::Machine;
use portcullis::policy::Prepared;
use portcullis::policy::SourceFile;
use portcullis::policy::Verdict;
use portcullis::policy::diagnostic::render_all;
use portcullis::policy::example::example;
use portcullis::policy::load;

pub fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.to_owned() }
}

pub fn folder(root: &str) -> Vec<SourceFile> {
    fn gather(at: &std::path::Path, root: &std::path::Path, files: &mut Vec<SourceFile>) {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                gather(&path, root, files);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                files.push(file(path.strip_prefix(root).unwrap().to_str().unwrap(), &text));
            }
        }
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
    let mut files = Vec::new();
    gather(&root, &root, &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

const CONTRACT: &str = r#"# METADATA
# title: Production deploys need a release manager
# description: A step that deploys to a production environment waits for an approval.
# custom:
#   on: [pipeline.step]            # event kinds that route to this rule
#   reads: [resource.environment]  # facts it needs: their paths in the input
#   fresh: 15m                     # older facts are read again, or unknown (default: age is shown, not judged)
#   severity: high                 # critical high medium low info
#   on_error: block                # weight if it faults, times out or loses its worker: block (default) approve alert
#   controls: {"SOC 2": [CC8.1], "ISO/IEC 27001": [A.8.32], "EU AI Act": [Art. 14]}
package portcullis.rules.deploy.production_needs_approval

finding contains {
	"verdict": "approve",
	"reason": sprintf("Deploying to %s needs one approval from release managers who did not push these commits.", [input.resource.environment.name]),
	"proof": ["resource.environment.tier"],
	"approval": {"from": {"group": "release-managers"}, "count": 1, "not": ["actor", "commit_authors"], "expires_in": "4h", "grant_for": "30m"},
} if {
	input.action.name == "deploy"
	input.resource.environment.tier == "production"
}
"#;

pub fn loaded(files: &[SourceFile]) -> Loaded {
    load(files).map_err(|found| panic!("{}", render_all(&found))).unwrap()
}

pub fn refused(files: &[SourceFile]) -> Vec<Diagnostic> {
    match load(files) {
        Ok(_) => panic!("this bundle should have been refused"),
        Err(found) => found,
    }
}

fn asked(loaded: &Loaded, rule: usize, kind: EventKind) -> Answer {
    let mut wanted = Wanted::default();
    loaded.bundle().rules[rule].reads.iter().for_each(|path| wanted.add(path));
    let page = example(kind).unwrap().page(&wanted);
    let mut machine = Machine::new(loaded, Limits::default()).unwrap();
    machine.ask(rule, &Prepared::new(page.json()).unwrap())
}

fn found(answer: Answer) -> Vec<Finding> {
    match answer {
        Answer::Findings(findings) => findings,
        Answer::Observations(said) => panic!("no posture rule: {said:?}"),
        Answer::Fault(why) => panic!("{why}"),
    }
}

/// A rule that reads `resource.ref.name` on a push, with this body and these lines of metadata.
pub fn rule(custom: &str, body: &str) -> Vec<SourceFile> {
    let text = format!(
        "# METADATA\n# title: A rule\n# custom:\n#   on: [push]\n#   reads: [resource.ref.name, resource.variables]\n{custom}package portcullis.rules.some.rule\n\n{body}\n"
    );
    vec![file("some/rule.rego", &text)]
}

/// The line that `body` begins on.
const BODY: u32 = 8;

pub const PLAIN: &str = "finding contains {\"verdict\": \"alert\", \"reason\": \"Look.\"} if input.resource.ref.name == \"refs/heads/main\"";

/// One diagnostic, at this line and column, whose text and hint hold these words.
pub fn refuses(files: &[SourceFile], line: u32, column: u32, words: &[&str]) {
    let found = refused(files);
    let shown = render_all(&found);
    let near = found.iter().find(|one| (one.line, one.column) == (line, column));
    let near = near.unwrap_or_else(|| panic!("nothing at {line}:{column} in\n{shown}"));
    let said = format!("{} {}", near.message, near.help.as_deref().unwrap_or_default());
    for word in words {
        assert!(said.contains(word), "`{word}` is missing in\n{shown}");
    }
}

/// A body below [`PLAIN`]'s metadata is refused.
pub fn refuses_body(body: &str, line: i64, column: u32, words: &[&str]) {
    refuses(&rule("", body), u32::try_from(i64::from(BODY) + line - 1).unwrap(), column, words);
}

#[test]
fn the_contracts_example_loads_and_finds() {
    let loaded = loaded(&[file("deploy/production_needs_approval.rego", CONTRACT)]);
    let rule = &loaded.bundle().rules[0];
    assert_eq!(rule.id.as_str(), "deploy/production-needs-approval");
    assert_eq!(rule.reads, ["resource.environment"]);
    assert_eq!(rule.fresh, Some(std::time::Duration::from_mins(15)));
    assert_eq!(rule.controls["EU AI Act"], ["Art. 14"]);
    let findings = found(asked(&loaded, 0, EventKind::PipelineStep));
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].verdict, Verdict::Approve);
    assert!(findings[0].reason.starts_with("Deploying to production-eu needs one approval"));
    let demand = findings[0].approval.as_ref().unwrap();
    assert_eq!((demand.count, demand.expires_in, demand.grant_for), (1, 14_400, 1_800));
}

#[test]
fn a_rule_that_has_nothing_to_say_finds_nothing() {
    let loaded = loaded(&[file(
        "deploy/production_needs_approval.rego",
        &CONTRACT.replace("== \"production\"", "== \"staging\""),
    )]);
    assert_eq!(found(asked(&loaded, 0, EventKind::PipelineStep)), []);
}

#[test]
fn the_plain_rule_of_these_tests_loads() {
    assert_eq!(loaded(&rule("", PLAIN)).bundle().rules.len(), 1);
}

#[test]
fn input_outside_the_declared_paths_is_refused() {
    refuses_body(
        "finding contains {\"verdict\": \"alert\", \"reason\": \"x\"} if input.resource.ref.protected",
        1,
        57,
        &["not declared", "`resource.ref.protected`"],
    );
    refuses_body(
        &format!("{PLAIN}\n\nx := input.resource"),
        3,
        6,
        &["not declared", "`resource.ref.name`"],
    );
    refuses_body(&format!("{PLAIN}\n\nx if input.change.forced"), 3, 6, &["add `change.forced`"]);
}

#[test]
fn input_that_no_schema_has_is_refused_with_the_nearest_name() {
    refuses_body(
        &format!("{PLAIN}\n\nx := input.resorce.ref.name"),
        3,
        12,
        &["no `input.resorce`", "`resource`"],
    );
    refuses_body(
        &format!("{PLAIN}\n\nx := input.resource.ref.nam"),
        3,
        25,
        &["no `input.resource.ref.nam`", "`resource.ref.name`"],
    );
    refuses_body(
        &format!("{PLAIN}\n\nx := input.resource.ref.name.length"),
        3,
        30,
        &["nothing lies below"],
    );
    refuses_body(
        &format!("{PLAIN}\n\nx := input.resource.variables.name"),
        3,
        31,
        &["is a list", "some item in"],
    );
}

#[test]
fn declared_paths_are_held_against_the_schema() {
    let files = rule("", PLAIN);
    let wrong = files[0].text.replace("resource.variables]", "resource.variabels]");
    refuses(
        &[file("some/rule.rego", &wrong)],
        5,
        32,
        &["no `resource.variabels`", "`resource.variables`"],
    );
}

#[test]
fn input_as_a_whole_is_refused() {
    for (body, column) in [
        ("x := input", 6),
        ("x if f(input)\n\nf(y) if y.resource", 8),
        ("x if input == {}", 6),
        ("x if {some k, v in input; k == v}", 20),
        ("x if count(input) > 0", 12),
    ] {
        refuses_body(&format!("{PLAIN}\n\n{body}"), 3, column, &["as a whole"]);
    }
}

#[test]
fn input_indexed_by_a_variable_is_refused_but_lists_may_be() {
    refuses_body(
        &format!("{PLAIN}\n\nx if {{some k in [\"a\"]; input[k]}}"),
        3,
        30,
        &["indexed by a variable"],
    );
    refuses_body(
        &format!("{PLAIN}\n\nx if {{some k in [\"a\"]; input.resource[k]}}"),
        3,
        39,
        &["indexed by a variable"],
    );
    loaded(&rule(
        "",
        &format!("{PLAIN}\n\nx if {{some v in input.resource.variables; v.secured}}"),
    ));
    loaded(&rule("", &format!("{PLAIN}\n\nx contains input.resource.variables[_].name")));
    loaded(&rule(
        "",
        &format!("{PLAIN}\n\nx if {{some i; input.resource.variables[i].name == \"A\"}}"),
    ));
    loaded(&rule("", &format!("{PLAIN}\n\nx if input[\"resource\"].ref[\"name\"]")));
}

#[test]
fn input_must_not_be_imported() {
    refuses_body(
        &format!("import input.resource.ref.name as x\n\n{PLAIN}"),
        1,
        1,
        &["must not import `input`"],
    );
}

#[test]
fn built_ins_outside_the_list_are_refused() {
    for (call, words) in [
        ("http.send({})", "rules see only"),
        ("time.now_ns()", "input.now"),
        ("walk(data.x)", "may not call"),
        ("numbers.range(1, 10)", "may not call"),
        ("net.cidr_expand(\"::/0\")", "net.cidr_contains"),
        ("strings.count(\"x\", \"\")", "may not call"),
        ("opa.runtime()", "may not call"),
        ("rand.intn(\"a\", 5)", "may not call"),
        ("io.jwt.decode(\"a\")", "no function"),
        ("crypto.sha256(\"a\")", "no function"),
        ("startwith(\"a\", \"b\")", "`startswith`"),
        ("__builtin_host_await(\"a\", \"b\")", "no function"),
        ("print(\"a\")", "may not call"),
        ("trace(\"a\")", "may not call"),
    ] {
        refuses_body(&format!("{PLAIN}\n\nx := {call}"), 3, 6, &[words]);
    }
}

#[test]
fn formats_are_written_out_and_narrow() {
    refuses_body(
        &format!("{PLAIN}\n\nx := sprintf(input.resource.ref.name, [1])"),
        3,
        14,
        &["written out"],
    );
    refuses_body(
        &format!("{PLAIN}\n\nx := sprintf(\"%99999999999d\", [1])"),
        3,
        15,
        &["more than 100"],
    );
    refuses_body(&format!("{PLAIN}\n\nx := sprintf(\"%*d\", [1, 2])"), 3, 15, &["takes a width"]);
    refuses_body(&format!("{PLAIN}\n\nx := sprintf(\"%%%.999f\", [1])"), 3, 15, &["more than 100"]);
    loaded(&rule("", &format!("{PLAIN}\n\nx := sprintf(\"100%% of %05d %s\", [1, \"a\"])")));
}

#[test]
fn with_is_for_tests() {
    refuses_body(
        &format!("{PLAIN}\n\nx if count(\"a\") == 1 with count as f\n\nf(_) := 1"),
        3,
        22,
        &["for tests"],
    );
    refuses_body(
        &format!(
            "{PLAIN}\n\nx if y with input.action.name as \"run\"\n\ny if input.action.name == \"run\""
        ),
        3,
        8,
        &["for tests"],
    );
}

#[test]
fn circles_of_rules_are_refused() {
    refuses_body(&format!("{PLAIN}\n\nx if y\n\ny if x"), 5, 6, &["circle", "x → y → x"]);
    refuses_body(&format!("{PLAIN}\n\nf(a) := f(a)"), 3, 9, &["circle"]);
    refuses_body(&format!("{PLAIN}\n\nx if data.portcullis.rules.some.rule.x"), 3, 6, &["circle"]);
    loaded(&rule("", &format!("{PLAIN}\n\nx if y\n\ny if z\n\nz := true")));
}

#[test]
fn a_rule_has_one_value_at_most() {
    refuses_body(
        &format!(
            "{PLAIN}\n\nx := 1 if input.resource.ref.name == \"a\"\n\nx := 2 if input.resource.ref.name == \"b\""
        ),
        5,
        1,
        &["several values", "else"],
    );
    refuses_body(&format!("{PLAIN}\n\nx := y if some y in [1, 2]"), 3, 6, &["iteration"]);
    refuses_body(
        &format!("{PLAIN}\n\nx := z if {{some y in [1, 2]; z := y + 1}}"),
        3,
        6,
        &["iteration"],
    );
    refuses_body(
        &format!("{PLAIN}\n\nx := input.resource.variables[_].name"),
        3,
        6,
        &["iteration"],
    );
    refuses_body(
        &format!("{PLAIN}\n\nx := input.resource.variables[i].name if i > 0"),
        3,
        6,
        &["iteration"],
    );
    refuses_body(
        &format!("{PLAIN}\n\nf(a) := 1 if a > 1\n\nf(a) := 2 if a > 2"),
        5,
        1,
        &["several values"],
    );
    loaded(&rule(
        "",
        &format!(
            "{PLAIN}\n\nx if input.resource.ref.name == \"a\"\n\nx if input.resource.ref.name == \"b\""
        ),
    ));
    loaded(&rule(
        "",
        &format!("{PLAIN}\n\ndefault x := 0\n\nx := 1 if input.resource.ref.name == \"a\""),
    ));
    loaded(&rule("", &format!("{PLAIN}\n\nf(\"a\") := 1\n\nf(\"b\") := 2")));
    loaded(&rule("", &format!("{PLAIN}\n\nx := 1 if input.resource.ref.name == \"a\" else := 2")));
    refuses_body(&format!("{PLAIN}\n\nx := [a | true] if some a in [1, 2]"), 3, 6, &["iteration"]);
    loaded(&rule("", &format!("{PLAIN}\n\nx := [a | some a in [1, 2]; a > y] if y := 1")));
    refuses_body(
        &format!("{PLAIN}\n\nx := 1 if true\n\nx := \"1\" if true"),
        5,
        1,
        &["several values"],
    );
    refuses_body(&format!("{PLAIN}\n\nf(1) := 1\n\nf(1.0) := 2"), 5, 1, &["several values"]);
    loaded(&rule("", &format!("{PLAIN}\n\nx := [v.name | some v in input.resource.variables]")));
    loaded(&rule("", &format!("{PLAIN}\n\nf(a) := a[b] if {{b := 0}}")));
}

#[test]
fn heads_that_the_serving_engine_lacks_are_refused() {
    refuses_body(&format!("{PLAIN}\n\nx[\"a\"] := 1"), 3, 1, &["fixed key"]);
    refuses_body(&format!("{PLAIN}\n\nx.a := 1"), 3, 1, &["one word"]);
    refuses_body(&format!("{PLAIN}\n\ndefault f(_) := 1"), 3, 9, &["default"]);
    refuses_body("finding := {\"verdict\": \"alert\", \"reason\": \"x\"}", 1, 1, &["is a set"]);
    refuses_body("x := 1", -1, 1, &["no `finding`"]);
    refuses_body(&format!("{PLAIN}\n\nx := $\"a {{1}}\""), 3, 6, &["template string"]);
    refuses_body(&format!("{PLAIN}\n\ncount := 3"), 3, 1, &["built-in"]);
    loaded(&rule(
        "",
        &format!("{PLAIN}\n\nx[v.name] := v.scope if some v in input.resource.variables"),
    ));
}

#[test]
fn libraries_help_rules_but_read_no_facts() {
    let with = |library: &str, body: &str| {
        let mut files = rule("", &format!("import data.portcullis.lib.refs\n\n{PLAIN}\n\n{body}"));
        files.push(file("lib/refs.rego", &format!("package portcullis.lib.refs\n\n{library}\n")));
        files
    };
    loaded(&with(
        "short(name) := trim_prefix(name, \"refs/heads/\")",
        "x := refs.short(input.resource.ref.name)",
    ));
    refuses(
        &with("short := input.resource.ref.name", "x := refs.short"),
        3,
        10,
        &["hand the value"],
    );
    refuses(
        &with("short(name) := name", "x := refs.shrot(\"a\")"),
        12,
        6,
        &["no rule `shrot`", "`short`"],
    );
    let mut two = rule("", &format!("{PLAIN}\n\nx := data.portcullis.rules.some.other.y"));
    two.push(file(
        "some/other.rego",
        &rule("", &format!("{PLAIN}\n\ny := 1"))[0].text.replace("some.rule", "some.other"),
    ));
    refuses(&two, BODY + 2, 6, &["stands alone"]);
    refuses_body(&format!("{PLAIN}\n\nx := data.portcullis"), 3, 6, &["every rule below"]);
}

#[test]
fn an_answer_that_is_no_finding_is_refused_at_load() {
    for (finding, word) in [
        ("{\"verdict\": \"stop\", \"reason\": \"x\"}", "unknown verdict `stop`"),
        ("{\"verdict\": \"alert\"}", "gives no reason"),
        ("{\"verdict\": \"alert\", \"reason\": \" \"}", "gives no reason"),
        ("\"alert\"", "not an object"),
        ("{\"verdict\": \"approve\", \"reason\": \"x\"}", "does not say whose"),
        (
            "{\"verdict\": \"approve\", \"reason\": \"x\", \"approval\": {\"from\": {\"group\": \"g\"}, \"count\": 0}}",
            "nobody can give",
        ),
        (
            "{\"verdict\": \"approve\", \"reason\": \"x\", \"approval\": {\"from\": {}}}",
            "nobody can give",
        ),
        (
            "{\"verdict\": \"approve\", \"reason\": \"x\", \"approval\": {\"from\": {\"group\": \"g\"}, \"expires_in\": \"soon\"}}",
            "nobody can give",
        ),
        ("{\"verdict\": \"alert\", \"reason\": \"x\", \"prof\": []}", "`prof`"),
    ] {
        refuses_body(&format!("finding contains {finding}"), 1, 1, &[word]);
    }
}

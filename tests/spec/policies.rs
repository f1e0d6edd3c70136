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
use portcullis::policy::load::Checks;
use portcullis::policy::load::load_with;

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.to_owned() }
}

fn folder(root: &str) -> Vec<SourceFile> {
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

fn loaded(files: &[SourceFile]) -> Loaded {
    load(files).map_err(|found| panic!("{}", render_all(&found))).unwrap()
}

fn refused(files: &[SourceFile]) -> Vec<Diagnostic> {
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
        Answer::Fault(why) => panic!("{why}"),
    }
}

/// A rule that reads `resource.ref.name` on a push, with this body and these lines of metadata.
fn rule(custom: &str, body: &str) -> Vec<SourceFile> {
    let text = format!(
        "# METADATA\n# title: A rule\n# custom:\n#   on: [push]\n#   reads: [resource.ref.name, resource.variables]\n{custom}package portcullis.rules.some.rule\n\n{body}\n"
    );
    vec![file("some/rule.rego", &text)]
}

/// The line that `body` begins on.
const BODY: u32 = 8;

const PLAIN: &str = "finding contains {\"verdict\": \"alert\", \"reason\": \"Look.\"} if input.resource.ref.name == \"refs/heads/main\"";

/// One diagnostic, at this line and column, whose text and hint hold these words.
fn refuses(files: &[SourceFile], line: u32, column: u32, words: &[&str]) {
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
fn refuses_body(body: &str, line: i64, column: u32, words: &[&str]) {
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
fn the_shipped_rules_load() {
    assert_eq!(loaded(&folder("policies")).bundle().rules.len(), 12);
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
fn the_metadata_says_what_is_wrong_and_where() {
    for (line, column, words) in [
        ("#   serverity: high\n", 5, "`severity`"),
        ("#   severity: hihg\n", 15, "critical, high"),
        ("#   on_error: allow\n", 15, "must not be `allow`"),
        ("#   on_unknown: allow\n", 17, "must not be `allow`"),
        ("#   on_error: stop\n", 15, "block, approve or alert"),
        ("#   unknown: ignored\n", 14, "`handled`"),
        ("#   fresh: 15 minutes\n", 12, "`15m`"),
        ("#   fresh: 0s\n", 12, "duration"),
        ("#   approval: {from: {}}\n", 5, "neither a `group` nor `users`"),
    ] {
        refuses(&rule(line, PLAIN), 6, column, &[words]);
    }
    let files = rule("", PLAIN);
    let text = &files[0].text;
    refuses(
        &[file("some/rule.rego", &text.replace("[push]", "[psuh]"))],
        4,
        10,
        &["`psuh`", "`push`"],
    );
    refuses(
        &[file("some/rule.rego", &text.replace("# title: A rule\n", "# titel: A rule\n"))],
        2,
        3,
        &["`titel`", "`title`"],
    );
    refuses(
        &[file("some/rule.rego", &text.replace("# title: A rule\n", ""))],
        1,
        1,
        &["no `title`"],
    );
    refuses(
        &[file("some/rule.rego", &text.replace("#   on: [push]\n", ""))],
        1,
        1,
        &["answers no event"],
    );
    refuses(
        &[file("some/rule.rego", &text.replace("# METADATA\n", ""))],
        5,
        1,
        &["no `# METADATA`"],
    );
    refuses(
        &[file("some/rule.rego", &text.replace("[push]", "[push"))],
        5,
        10,
        &["cannot be read"],
    );
    loaded(&rule(
        "#   fresh: 4h\n#   severity: low\n#   on_error: approve\n#   unknown: handled\n#   approval: {from: {group: leads}}\n",
        PLAIN,
    ));
}

#[test]
fn a_package_is_its_path() {
    let text = rule("", PLAIN)[0].text.clone();
    refuses(&[file("other/rule.rego", &text)], 6, 1, &["does not match", "`some/rule.rego`"]);
    refuses(&[file("awesome/rule.rego", &text)], 6, 1, &["does not match"]);
    loaded(&[file("policies/some/rule.rego", &text)]);
    refuses(
        &[file("some/rule.rego", &text.replace("portcullis.rules.some", "acme.rules.some"))],
        6,
        1,
        &["below `portcullis.rules`"],
    );
    refuses(
        &[file("rule.rego", &text.replace("rules.some.rule", "rules.rule"))],
        6,
        1,
        &["<area>.<rule>"],
    );
    refuses(
        &[file("some/rule.rego", &text), file("x/some/rule.rego", &text)],
        6,
        1,
        &["also the package of"],
    );
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
fn text_that_deceives_is_refused() {
    refuses_body(&format!("{PLAIN} # \u{202e}evil"), 1, 108, &["U+202E"]);
    refuses_body(&format!("{PLAIN} # \u{200b}"), 1, 108, &["U+200B"]);
}

#[test]
fn text_that_would_keep_the_parser_busy_is_refused() {
    let deep = |n: usize| format!("{PLAIN}\n\nx := {}1{}", "[".repeat(n), "]".repeat(n));
    loaded(&rule("", &deep(10)));
    refuses_body(&deep(15), 3, 20, &["nested more than 14"]);
    let wide = format!(
        "{PLAIN}\n\nx := [{}]",
        vec![format!("{}1{}", "[".repeat(12), "]".repeat(12)); 20].join(",\n")
    );
    assert!(render_all(&refused(&rule("", &wide))).contains("to be read in time"));
    let many = format!("{PLAIN}\n\nx := 1{}", " +\n1".repeat(1_100));
    assert!(render_all(&refused(&rule("", &many))).contains("more than 1000 operators"));
    let minus = format!("{PLAIN}\n\nx := {}1", "-\n".repeat(15_000));
    assert!(render_all(&refused(&rule("", &minus))).contains("more than 1000 operators"));
    let sets = format!("{PLAIN}\n\nx := {}", "set( ".repeat(20_000));
    assert!(!refused(&rule("", &sets)).is_empty());
    let long = format!("{PLAIN}\n\nx := \"{}\"", "a".repeat(1_100));
    refuses_body(&long, 3, 1, &["longer than 1000 columns"]);
    let chain: Vec<String> = (0..300).map(|n| format!("x{n} if x{}", n + 1)).collect();
    let chain = chain.join("\n\n");
    assert!(
        render_all(&refused(&rule("", &format!("{PLAIN}\n\n{chain}\n\nx300 := true"))))
            .contains("more than 200 rules")
    );
}

#[test]
fn a_bundle_has_limits() {
    let big = "#".repeat(300_000);
    assert!(render_all(&refused(&[file("a/b.rego", &big)])).contains("the limit is 256 KiB"));
    let many: Vec<_> = (0..1_001).map(|n| file(&format!("a/b{n}.rego"), "")).collect();
    assert!(render_all(&refused(&many)).contains("the limit is 1000"));
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

#[test]
fn the_shipped_table_is_the_folder() {
    let shipped = portcullis::policy::shipped::files();
    let mut policies = folder("policies");
    policies.retain(|file| file.path.contains(".rego") || file.path.contains("data.json"));
    assert_eq!(shipped, policies);
}

#[test]
fn the_shipped_tests_pass_and_cover_the_rules() {
    let report = portcullis::policy::testing::run(&portcullis::policy::shipped::files()).unwrap();
    for test in &report.tests {
        assert_eq!(test.outcome.as_str(), "passed", "{test:?}");
    }
    assert!(report.tests.len() > 60);
    assert_eq!(report.coverage.len(), 12);
    for file in &report.coverage {
        assert!(file.percent > 90.0, "{file:?}");
    }
}

#[test]
fn a_failing_test_shows_what_differs() {
    let mut files = rule("", PLAIN);
    let tests = r#"package portcullis.rules.some.rule_test

import data.portcullis.rules.some.rule

main := {"resource": {"ref": {"name": "refs/heads/main"}}}

test_passes if {
	count(rule.finding) == 1 with input as main
}

test_fails if {
	name := "Look!"
	some found in rule.finding with input as main
	found.reason == name
}

test_is_quiet if {
	rule.finding == set() with input as main
}

test_is_false := false

test_breaks if {
	unsure == 1
}

unsure := 1

unsure := 2

todo_test_later if {
	1 == 2
}
"#;
    files.push(file("some/rule_test.rego", tests));
    let report = portcullis::policy::testing::run(&files).unwrap();
    let told: Vec<(&str, &str, u32)> =
        report.tests.iter().map(|t| (t.name.as_str(), t.outcome.as_str(), t.line)).collect();
    assert_eq!(
        told,
        [
            ("test_passes", "passed", 7),
            ("test_fails", "failed", 11),
            ("test_is_quiet", "failed", 17),
            ("test_is_false", "failed", 21),
            ("test_breaks", "broken", 23),
            ("todo_test_later", "skipped", 31),
        ]
    );
    let failure = report.tests[1].failure.as_ref().unwrap();
    assert_eq!((failure.line, failure.text.as_str()), (14, "found.reason == name"));
    let values: Vec<(&str, &str)> =
        failure.values.iter().map(|v| (v.text.as_str(), v.value.as_str())).collect();
    assert_eq!(values, [("found.reason", "\"Look.\""), ("name", "\"Look!\"")]);
    let quiet = report.tests[2].failure.as_ref().unwrap();
    assert_eq!(quiet.line, 18);
    assert_eq!(quiet.values[1].value, "[]");
    assert!(quiet.values[0].value.contains("Look."));
    assert_eq!(report.tests[4].failure.as_ref().unwrap().line, 29);
}

#[test]
fn every_policy_that_must_be_refused_is() {
    let mut wrong = Vec::new();
    for one in folder("tests/policies/refused") {
        let expected = one.text.lines().next().unwrap().strip_prefix("# expect: ").unwrap();
        let name = format!("refused/{}", one.path);
        let shown = load(&[file(&name, &one.text)])
            .map_or_else(|found| render_all(&found), |_| "loads".to_owned());
        if !shown.contains(expected) || !shown.contains(&name) {
            wrong.push(format!("{name} should say `{expected}`:\n{shown}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn hostile_policies_are_refused_where_a_check_covers_them_and_compile_without() {
    let hostile = folder("tests/policies/hostile");
    // These load: what they do to their worker is the worker's test. One of them takes all the memory it gets.
    let unseen = ["controls_in_the_reason.rego", "growing_string.rego"];
    for one in hostile {
        let files = [file(&format!("hostile/{}", one.path), &one.text)];
        if let Err(found) = load_with(&files, Checks::CompileOnly) {
            panic!("{}", render_all(&found));
        }
        if !unseen.contains(&one.path.as_str()) {
            refused(&files);
        }
    }
}

//! SARIF and CSV.

use portcullis::policy::RuleId;
use portcullis::posture::Catalogue;
use portcullis::posture::Finding;
use portcullis::posture::Outcome;
use portcullis::posture::csv;
use portcullis::posture::sarif;
use portcullis::posture::sarif::Export;
use serde_json::Value;
use serde_json::json;

use super::hostile;
use super::left;
use super::plain;
use super::sample::Sample;
use super::sample::Text;
use super::sample::now;

fn written(sample: &Sample) -> Value {
    serde_json::from_str(&text_of(sample)).unwrap()
}

fn text_of(sample: &Sample) -> String {
    let last = sample.last();
    sarif::write(&Export {
        findings: &sample.findings,
        scans: &last,
        catalogue: &sample.catalogue,
        at: now(),
    })
}

/// Every result, with the rules of its run.
fn results(log: &Value) -> Vec<(&Value, &Value)> {
    let runs = log["runs"].as_array().unwrap();
    let of = |run: &'_ Value| run["results"].as_array().unwrap().len();
    assert!(runs.iter().map(of).sum::<usize>() > 0);
    runs.iter()
        .flat_map(|run| {
            let rules = &run["tool"]["driver"]["rules"];
            run["results"].as_array().unwrap().iter().map(move |result| (result, rules))
        })
        .collect()
}

fn result_of<'a>(log: &'a Value, finding: &Finding) -> &'a Value {
    let all = results(log);
    let one = all.iter().find(|(one, _)| one["fingerprints"]["portcullisFinding/v1"] == finding.id);
    one.unwrap().0
}

#[test]
fn a_failure_is_a_fail_and_what_cannot_be_told_is_open_and_never_a_pass() {
    let sample = Sample::of(&plain);
    let log = written(&sample);
    assert_eq!(results(&log).len(), sample.findings.len());
    for finding in &sample.findings {
        let result = result_of(&log, finding);
        let (kind, level) = (&result["kind"], result["level"].as_str().unwrap());
        match finding.outcome {
            Outcome::Fail => assert!(kind == "fail" && level != "none"),
            Outcome::Unknown => {
                assert!(kind == "open" && level == "none");
                let said = result["message"]["text"].as_str().unwrap();
                assert!(said.contains("cannot be told") && said.contains(&finding.unknown[0].why));
                assert_eq!(result["properties"]["unknown"], json!(finding.unknown));
            }
            Outcome::Pass => assert!(kind == "pass" && level == "none"),
        }
        assert_eq!(result["properties"]["severity"], json!(finding.severity));
    }
}

#[test]
fn each_result_points_at_its_own_rule_with_its_aliases_and_remedy() {
    let sample = Sample::of(&plain);
    for (result, rules) in results(&written(&sample)) {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert_eq!(rule["properties"]["aliases"], result["properties"]["aliases"]);
        assert!(rule["help"]["text"].as_str().unwrap().contains("What this cannot see: "));
    }
    let rules: Vec<RuleId> =
        sample.catalogue.rules.iter().map(|listing| listing.rule.clone()).collect();
    let log = written(&sample);
    for run in log["runs"].as_array().unwrap() {
        let told = run["tool"]["driver"]["rules"].as_array().unwrap();
        assert_eq!(
            told.iter().map(|rule| rule["id"].clone()).collect::<Vec<_>>(),
            rules.iter().map(|id| json!(id)).collect::<Vec<_>>()
        );
        assert_eq!(run["invocations"][0]["endTimeUtc"], json!(sample.last()[0].at));
    }
    let off = log["runs"][0]["tool"]["driver"]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .find(|rule| rule["id"] == "posture/scanning-missing");
    assert_eq!(off.unwrap()["defaultConfiguration"]["enabled"], false);
}

#[test]
fn only_an_acceptance_that_holds_suppresses() {
    let sample = Sample::of(&plain);
    let log = written(&sample);
    for finding in &sample.findings {
        let suppressions = &result_of(&log, finding)["suppressions"];
        let holds = finding.accepted.as_ref().filter(|accepted| accepted.until > now());
        match holds {
            Some(accepted) => {
                assert_eq!(suppressions[0]["justification"], accepted.because);
                assert_eq!(suppressions[0]["properties"]["until"], json!(accepted.until));
            }
            None => assert_eq!(suppressions, &json!([])),
        }
    }
    let over = sample.one(|one| one.accepted.as_ref().is_some_and(|one| one.until < now()));
    assert_eq!(result_of(&log, over)["suppressions"], json!([]), "its end has passed");
}

#[test]
fn a_finding_of_a_rule_that_is_gone_is_told_all_the_same() {
    let sample = Sample { catalogue: Catalogue::default(), ..Sample::of(&plain) };
    for (result, rules) in results(&written(&sample)) {
        let at = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[at]["id"], result["ruleId"]);
    }
}

#[test]
fn equal_findings_give_equal_bytes_and_the_text_is_left_for_its_checker() {
    let of = |text: Text<'_>| text_of(&Sample::of(text));
    assert_eq!(of(&plain), of(&plain));
    left("findings.sarif", &of(&plain));
    left("hostile.sarif", &of(&hostile));
    let nothing = Sample { findings: Vec::new(), ..Sample::of(&plain) };
    left("nothing.sarif", &text_of(&nothing));
}

#[test]
fn a_row_of_csv_for_each_finding_starts_no_formula_and_tells_gaps() {
    let sample = Sample::of(&plain);
    let text = csv::write(&sample.findings);
    let lines: Vec<&str> = text.trim_end().split("\r\n").collect();
    assert_eq!(lines[0], csv::COLUMNS.join(","));
    assert_eq!(lines.len(), sample.findings.len() + 1);
    for (line, finding) in lines[1..].iter().zip(&sample.findings) {
        assert!(line.ends_with(&format!(",{}", finding.connection)), "{line}");
    }
    let unknown: Vec<&&str> = lines[1..].iter().filter(|line| line.contains(",unknown,")).collect();
    assert_eq!(unknown.len(), 5);
    assert!(
        unknown
            .iter()
            .all(|line| line.contains("portcullis evidence import")
                || line.contains("repository:admin")),
        "{unknown:?}"
    );
    let hostile = csv::write(&Sample::of(&hostile).findings);
    assert!(hostile.contains("'=cmd|") && !hostile.contains(",=cmd"), "no cell is a formula");
}

//! `portcullis eval` for one subject's document: what each posture rule says of it.

use portcullis::policy::Input;
use portcullis::policy::InputError;
use portcullis::policy::Limits;
use portcullis::policy::Machine;
use portcullis::policy::Prepared;
use portcullis::policy::Rule;
use portcullis::policy::SourceFile;
use portcullis::policy::diagnostic;
use portcullis::policy::load;
use portcullis::posture::judge;
use serde_json::Value;
use serde_json::json;

use crate::json::at;

/// Whether these bytes are a subject's document: an event's has no `subject`.
pub fn is_one(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Value>(bytes).is_ok_and(|document| document.get("subject").is_some())
}

/// What each rule about this kind of subject says, in order of rule.
pub fn evaluated(
    files: &[SourceFile],
    bytes: &[u8],
    named: impl Fn(InputError) -> String,
) -> Result<Value, String> {
    let loaded = load(files).map_err(|found| diagnostic::render_all(&found))?;
    let mut machine =
        Machine::new(&loaded, Limits::default()).map_err(|error| error.to_string())?;
    let head = Input::of_subject(bytes, &[]).map_err(&named)?;
    let kind = head.subject().ok_or("`subject.kind` is missing")?;
    let document: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let is = at(&document, &format!("/{kind}/kind")).as_str();
    let fits = |rule: &Rule| is.is_none_or(|is| rule.is_about(is));
    let about: Vec<_> = loaded.bundle().about(kind).filter(|(_, rule)| fits(rule)).collect();
    let declared: Vec<String> = about.iter().flat_map(|(_, rule)| rule.reads.clone()).collect();
    let input = Input::of_subject(bytes, &declared).map_err(&named)?;
    let prepared = Prepared::new(input.json()).map_err(|error| error.to_string())?;
    let judgements: Vec<Value> = about
        .iter()
        .map(|(position, rule)| {
            let judged = judge(rule, &input, machine.ask(*position, &prepared));
            json!({
                "rule": judged.rule,
                "title": rule.title,
                "outcome": judged.outcome,
                "severity": judged.severity,
                "reasons": judged.reasons,
                "unknown": judged.unknown,
            })
        })
        .collect();
    Ok(json!({"subject": kind, "judgements": judgements}))
}

/// For people.
pub fn in_words(answer: &Value) {
    let listed =
        |value: &Value, name: &str| at(value, name).as_array().cloned().unwrap_or_default();
    for one in listed(answer, "/judgements") {
        let text = |name: &str| at(&one, name).as_str().unwrap_or_default().to_owned();
        println!(
            "{:<8} {:<9} {}: {}",
            text("/outcome"),
            text("/severity"),
            text("/rule"),
            text("/title")
        );
        for reason in listed(&one, "/reasons") {
            println!("    {}", at(&reason, "/text").as_str().unwrap_or_default());
        }
        for gap in listed(&one, "/unknown") {
            let word = |name: &str| at(&gap, name).as_str().unwrap_or_default().to_owned();
            println!("    unknown {}: {}", word("/path"), word("/why"));
        }
    }
}

//! Golden stories: `tests/cases/<sentence>/<product>/input.json` and what the shipped rules make of it. A Cloud story and
//! its Data Center twin decide alike.
//!
//! With `PORTCULLIS_WRITE_CASES=1` the answers (`record.json`, `narrative.txt`, `narrative.md`) are written instead of
//! compared. Look at the difference before it is committed: it is what people will read.

use std::path::Path;
use std::path::PathBuf;

use portcullis::decision::Grant;
use portcullis::decision::narrative::markdown;
use portcullis::decision::narrative::plain;
use portcullis::decision::narrative::tell;
use portcullis::decision::weight;
use portcullis::policy::Input;
use portcullis::policy::Limits;
use portcullis::policy::Loaded;
use portcullis::policy::Machine;
use portcullis::policy::Prepared;
use portcullis::policy::weigh;
use serde::Deserialize;

use super::*;

/// What is known beside the input: how rules are taken, and the place where the verdict lands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "a case file is a list of switches")]
struct Case {
    mode: Mode,
    posts_status: bool,
    premium: bool,
    status_required: bool,
    /// The approvals that are wanted were given by a ticket.
    #[serde(default)]
    granted: bool,
}

static LOADED: LazyLock<Loaded> = LazyLock::new(|| load(&shipped::files()).unwrap());

fn folders(under: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(under)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

fn cases() -> Vec<PathBuf> {
    folders(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases"))
}

fn evaluated(input: &Input, kind: EventKind) -> Vec<Finding> {
    let mut machine = Machine::new(&LOADED, Limits::default()).unwrap();
    let prepared = Prepared::new(input.json()).unwrap();
    let mut findings: Vec<Finding> = SHIPPED
        .routed(kind)
        .flat_map(|(position, rule)| weigh(rule, input, machine.ask(position, &prepared)))
        .collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
    findings
}

fn at<'v>(document: &'v Value, path: &str) -> Option<&'v str> {
    document.pointer(&format!("/{}", path.replace('.', "/")))?.as_str()
}

fn named(document: &Value) -> Names {
    let text = |path: &str| at(document, path).map(str::to_owned);
    let shown = |value: Option<&Value>| match value? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let (before, after) = (&document["before"], &document["after"]);
    let fields =
        before.as_object().or(after.as_object()).into_iter().flat_map(|thing| thing.keys());
    let rows =
        fields.map(|field| (field.clone(), shown(before.get(field)), shown(after.get(field))));
    let via = document.pointer("/actor/via").and_then(Value::as_array).into_iter().flatten();
    Names {
        repository: text("resource.repository.name"),
        reference: text("resource.ref.name"),
        actor: text("actor.name"),
        environment: text("resource.environment.name"),
        pull_request: None,
        from: text("change.from"),
        to: text("change.to"),
        changed: rows.filter(|(_, before, after)| before != after).collect(),
        owner: Some("project SHOP; 4 identities hold admin on the repository".to_owned()),
        via: via.filter_map(Value::as_str).map(str::to_owned).collect(),
        question: None,
        asked_because: text("claimed.reason"),
        asker: None,
    }
}

/// The record of a case, as the road would make it; ids, times and the bundle's revision are fixed.
fn decided(bytes: &[u8], case: &Case) -> Record {
    let document: Value = serde_json::from_slice(bytes).unwrap();
    let kind: EventKind = serde_json::from_value(document["event"]["kind"].clone()).unwrap();
    let declared: Vec<String> =
        SHIPPED.routed(kind).flat_map(|(_, rule)| rule.reads.clone()).collect();
    let input = Input::from_json(bytes, &declared).unwrap();
    let findings = evaluated(&input, kind);
    let asking = findings.iter().filter(|finding| finding.verdict == Verdict::Approve);
    let grant = Grant {
        ticket: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0002),
        rules: asking.map(|finding| finding.rule.clone()).collect(),
    };
    let grants = if case.granted { vec![grant] } else { Vec::new() };
    let outcome = decide(&findings, &grants);
    let weighed: Vec<Weighed<'_>> = findings
        .iter()
        .map(|finding| Weighed { finding, verdict: weight(finding, &grants), mode: case.mode })
        .collect();
    let plan = plan(&weighed);
    let asked = SHIPPED.routed(kind).map(|(_, rule)| {
        let mine = || findings.iter().filter(|finding| finding.rule == rule.id);
        Asked {
            rule: rule.id.clone(),
            outcome: Outcome::of(mine()),
            verdict: mine().map(|finding| finding.verdict).max(),
            mode: case.mode,
        }
    });
    let product: Product =
        serde_json::from_value(document["connection"]["product"].clone()).unwrap();
    let here = ground(
        product,
        Known::Value(case.premium),
        case.posts_status,
        Known::Value(case.status_required),
    );
    let caller = at(&document, "caller.kind").and_then(CallerKind::from_text);
    let public = Public {
        connection: at(&document, "connection.id").unwrap().parse().unwrap(),
        action: at(&document, "action.name").unwrap().to_owned(),
        surface: if caller.is_some() { Surface::Check } else { Surface::Hook },
        caller: caller.unwrap_or(CallerKind::Hook),
        repository: at(&document, "resource.repository.id").map(str::to_owned),
        actor: at(&document, "actor.id").map(str::to_owned),
        commit: at(&document, "pipeline.commit").or(at(&document, "change.to")).map(str::to_owned),
        input_sha256: hex::encode(input.digest()),
        bundle: "0".repeat(64),
        graph_revision: document.pointer("/graph/revision").and_then(Value::as_u64).unwrap_or(0),
        graph_age_ms: document.pointer("/graph/age_ms").and_then(Value::as_u64),
        uncovered: SHIPPED.routed(kind).next().is_none(),
        rules: asked.collect(),
        verdict: outcome.verdict,
        satisfied_by: outcome.satisfied_by,
        met: outcome.met,
        effect: plan.effect,
        because: plan.because,
        binds: binds(kind, &here),
        ..public(kind, product)
    };
    let told = Told {
        unknown: input.unknown().iter().map(|gap| (gap.path.clone(), gap.why.clone())).collect(),
        approvers: match public.effect {
            Effect::Wait => vec!["release-managers (4 people)".to_owned()],
            Effect::Proceed | Effect::Stop => Vec::new(),
        },
        findings,
    };
    let json = String::from_utf8(input.json().to_vec()).unwrap();
    Record {
        public,
        input: Part::Kept(RawValue::from_string(json).unwrap()),
        names: Part::Kept(named(&document)),
        told: Part::Kept(told),
    }
}

/// Compares with what is kept, or keeps it.
fn hold(path: &Path, made: &str) {
    if std::env::var_os("PORTCULLIS_WRITE_CASES").is_some() {
        std::fs::write(path, made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(made, kept, "{} differs: see the head of this file", path.display());
}

fn written(record: &Record) -> String {
    let told = json!({ "public": record.public, "names": record.names, "told": record.told });
    format!("{told:#}\n")
}

/// The record read back from its file, with the input beside it.
fn read(folder: &Path, input: &Part<Box<RawValue>>) -> Record {
    let text = std::fs::read_to_string(folder.join("record.json")).unwrap();
    let mut told: Value = serde_json::from_str(&text).unwrap();
    Record {
        public: serde_json::from_value(told["public"].take()).unwrap(),
        names: serde_json::from_value(told["names"].take()).unwrap(),
        told: serde_json::from_value(told["told"].take()).unwrap(),
        input: input.clone(),
    }
}

#[test]
fn golden_stories_are_told_as_they_were() {
    for case in cases() {
        let settings = std::fs::read(case.join("case.json")).unwrap();
        let settings: Case = serde_json::from_slice(&settings).unwrap();
        for folder in folders(&case) {
            let bytes = std::fs::read(folder.join("input.json")).unwrap();
            let record = decided(&bytes, &settings);
            hold(&folder.join("record.json"), &written(&record));
            let story = tell(&read(&folder, &record.input), Some(&SHIPPED));
            hold(&folder.join("narrative.txt"), &plain(&story));
            hold(&folder.join("narrative.md"), &markdown(&story));
        }
    }
}

#[test]
fn twins_decide_alike() {
    let mut twins = 0;
    for case in cases() {
        let settings = std::fs::read(case.join("case.json")).unwrap();
        let settings: Case = serde_json::from_slice(&settings).unwrap();
        let [cloud, datacenter] = ["cloud", "datacenter"].map(|product| {
            let bytes = std::fs::read(case.join(product).join("input.json")).ok()?;
            Some(decided(&bytes, &settings).public)
        });
        let (Some(cloud), Some(datacenter)) = (cloud, datacenter) else { continue };
        twins += 1;
        assert_eq!((cloud.product, datacenter.product), (Product::Cloud, Product::DataCenter));
        assert_eq!((cloud.verdict, cloud.effect), (datacenter.verdict, datacenter.effect));
        assert_eq!(cloud.rules, datacenter.rules, "{}", case.display());
        assert_eq!(cloud.because, datacenter.because);
    }
    assert!(twins >= 5, "{twins}");
}

#[test]
fn stories_show_every_verdict() {
    let seen: std::collections::BTreeSet<Verdict> = cases()
        .iter()
        .flat_map(|case| folders(case))
        .map(|folder| {
            let text = std::fs::read_to_string(folder.join("record.json")).unwrap();
            let record: Value = serde_json::from_str(&text).unwrap();
            serde_json::from_value(record["public"]["verdict"].clone()).unwrap()
        })
        .collect();
    for verdict in [Verdict::Allow, Verdict::Approve, Verdict::Block] {
        assert!(seen.contains(&verdict), "{verdict}");
    }
}

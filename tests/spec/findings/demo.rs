//! The demo's company, as whoever tries the product first meets it: the opening shows the worst, and the list answers to
//! every name that others have for what it finds.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;
use tokio::io::AsyncBufReadExt as _;
use tokio::io::BufReader;
use tokio::io::Lines;
use tokio::process::Child;
use tokio::process::ChildStdout;

use crate::spec::rig::PATIENCE;
use crate::spec::rig::portcullis;
use crate::spec::rig::run;

/// What others look for: the type's id where they have one, their title, their severity.
const OTHERS: [(&str, &str, &str); 19] = [
    ("be273f0a-678e-49af-b9f8-8f3913acef97", "Repository is publicly accessible", "critical"),
    (
        "6ad95c13-0d13-4595-bc76-bd86f4eba4b9",
        "Repository Default Branch Protection does not have PR Review Required",
        "high",
    ),
    (
        "c60a7b00-1592-429a-8a32-d58101e4551f",
        "Repository Default Branch Protection does not disable direct pushes for all users/groups",
        "medium",
    ),
    ("a1bd3076-a68d-492e-9947-a01e15a4d1b3", "Repository not updated in 12+ months", "medium"),
    (
        "738c9839-5e1e-4048-85a3-7935ec4c647a",
        "Repository Default Branch Protection does not have Stale PR Approvals Disabled",
        "medium",
    ),
    (
        "4c52f441-0c24-4dbd-8f5e-0e5b829ee8e2",
        "Repository Default Branch Protection does not have Force Pushes Disabled",
        "medium",
    ),
    (
        "324f2014-4d4b-4aa6-89a8-72a6c7da09d7",
        "Repository has no Default Branch Protection",
        "medium",
    ),
    (
        "afe4a27e-ee01-4ebe-914c-d480ac49a5c2",
        "Repository Default Branch Protection does not require passing builds to merge",
        "low",
    ),
    (
        "86411562-4b85-4677-b048-7887cc5b1567",
        "Repository Default Branch Protection allows branch deletion",
        "low",
    ),
    (
        "64440d40-91de-4d13-9280-d5afa418ccf0",
        "Repository Default Branch Protection does not enforce merge checks",
        "low",
    ),
    ("0a135600-a109-434f-877c-1a6594dcd76d", "Key is older than 180 days", "low"),
    ("", "Code repo should be classified", "critical"),
    ("", "Bitbucket user should have MFA enabled", "critical"),
    ("", "Bitbucket workspace level MFA should be enforced", "critical"),
    ("", "Merging of code changes should require passing status-checks", "high"),
    ("", "Code changes should be reviewed by peers before merging", "high"),
    ("", "Branch Protection rules should be enforced", "high"),
    ("", "Bitbucket access should be removed for offboarded user", "critical"),
    ("", "Bitbucket Pipelines should be enabled for vulnerability scanning", "medium"),
];

/// A live key makes an idle repository worse, and reach and writing an old key; nothing else departs from its source.
const RAISED: [&str; 2] =
    ["a1bd3076-a68d-492e-9947-a01e15a4d1b3", "0a135600-a109-434f-877c-1a6594dcd76d"];

/// From the worst.
const SEVERITIES: [&str; 5] = ["critical", "high", "medium", "low", "info"];

/// A demo that stays open, and what it has printed until it does. It ends with what is returned.
struct Open {
    told: Vec<String>,
    _child: Child,
    // A demo whose reader is gone ends.
    _lines: Lines<BufReader<ChildStdout>>,
}

async fn demo(folder: &str) -> Open {
    let mut child =
        portcullis(&["demo", "--listen", "127.0.0.1:0", "--data", folder]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = Vec::new();
    let read = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            let is_last = line.trim_start().starts_with("portcullis findings list ");
            told.push(line);
            if is_last {
                return;
            }
        }
        panic!("the demo ended: {told:#?}");
    };
    tokio::time::timeout(PATIENCE * 3, read).await.unwrap();
    Open { told, _child: child, _lines: lines }
}

#[tokio::test]
async fn the_demos_list_answers_to_every_name_of_others_and_its_opening_shows_the_five_worst() {
    let folder = tempfile::tempdir().unwrap();
    let open = demo(folder.path().to_str().unwrap()).await;
    let told = &open.told;
    // The very line that the demo prints.
    let line: Vec<&str> = told.last().unwrap().split_whitespace().skip(1).collect();
    let list = run(&[line.as_slice(), &["--format", "json"]].concat()).await;
    assert_eq!(list.code, 0, "{}", list.all());
    named(&list.json());
    for (id, title, severity) in OTHERS {
        let args = ["--rule", title, "--severity", severity, "--format", "json"];
        let found = run(&[line.as_slice(), &args].concat()).await.json();
        assert!(!found["findings"].as_array().unwrap().is_empty(), "{id} {title} by {severity}");
    }
    opened(told);
}

/// Every name stands in the list word by word, on findings that are as bad as whoever named them says.
fn named(list: &Value) {
    let mut severities: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for finding in list["findings"].as_array().unwrap() {
        for alias in finding["aliases"].as_array().into_iter().flatten() {
            let name = (alias["id"].as_str().unwrap(), alias["title"].as_str().unwrap());
            let worse = severities.entry(name).or_default();
            worse.insert(finding["severity"].as_str().unwrap());
        }
    }
    assert_eq!(OTHERS.iter().filter(|(id, ..)| !id.is_empty()).count(), 11);
    for (id, title, severity) in OTHERS {
        let id = if id.is_empty() { title } else { id };
        let found = severities.get(&(id, title)).unwrap_or_else(|| panic!("no `{id}` `{title}`"));
        assert!(found.contains(severity), "{title}: {found:?}");
        if !RAISED.contains(&id) {
            assert_eq!(found.len(), 1, "{title}: {found:?}");
        }
    }
}

/// Five things, the worst first, one of each rule, each with why and what to do.
fn opened(told: &[String]) {
    let begin = told.iter().position(|line| line.ends_with("The worst:")).unwrap();
    let opening: Vec<&String> =
        told[begin + 1..].iter().take_while(|line| !line.is_empty()).collect();
    let at = |line: &str| {
        let word = line.trim_start().split(' ').next().unwrap().to_lowercase();
        let is_heading = line.starts_with("  ") && !line.starts_with("   ");
        SEVERITIES.iter().position(|one| is_heading && *one == word)
    };
    let headings: Vec<usize> = (0..opening.len()).filter(|&n| at(opening[n]).is_some()).collect();
    assert_eq!(headings.len(), 5, "{opening:#?}");
    let mut rules = BTreeSet::new();
    let mut worst = 0;
    for (n, &heading) in headings.iter().enumerate() {
        let end = headings.get(n + 1).copied().unwrap_or(opening.len());
        let block = &opening[heading..end];
        let labelled = |label: &str| {
            let line = block.iter().find_map(|line| line.trim_start().strip_prefix(label));
            line.unwrap_or_else(|| panic!("no {label}in {block:#?}")).trim().to_owned()
        };
        assert!(block[1].trim_end().len() > 20, "why: {block:#?}");
        assert!(labelled("remedy ").split_whitespace().count() > 3, "{block:#?}");
        assert!(rules.insert(labelled("rule ")), "a rule twice: {block:#?}");
        let severity = at(block[0]).unwrap();
        assert!(severity >= worst, "the worst first");
        worst = severity;
    }
    assert!(opening[0].trim_start().starts_with("CRITICAL"), "{}", opening[0]);
}

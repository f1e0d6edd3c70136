//! Questions about access on the command line, offline: from the world files of the documentation.

use serde_json::Value;

use super::rig::run;

const CLOUD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/acme-cloud.json");
const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/acme-datacenter.json");

/// What is said on standard output, after this exit code.
async fn said(code: i32, world: &str, words: &[&str]) -> String {
    let told = run(&[words, &["--world", world]].concat()).await;
    assert_eq!(told.code, code, "{words:?}: {told:?}");
    told.out
}

/// The same in one line, wherever a terminal would break it.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_deed_is_answered_with_its_way_or_with_what_is_missing() {
    let out = said(0, CLOUD, &["can", "user:Omar", "push", "acme/billing@main"]).await;
    assert!(out.starts_with("yes: the level is write\n"), "{out}");
    assert!(flat(&out).contains("the rule `push` on `main` lets it through"), "{out}");
    let out = said(1, CLOUD, &["can", "user:Mia", "push", "acme/billing@main"]).await;
    assert_eq!(
        out,
        "no: the level is admin\n  the rule `push` on `main` lets only release-managers through\n"
    );
    let out = said(1, CLOUD, &["can", "user:Ravi", "merge", "acme/ledger@main"]).await;
    assert!(
        out.starts_with("unknown: ") && out.contains("does not tell the rules of a project"),
        "{out}"
    );
    let out = said(1, SERVER, &["can", "key:jenkins", "merge", "PAY/ledger@main"]).await;
    assert!(out.contains("cannot merge"), "{out}");
    let out = said(0, SERVER, &["can", "key:jenkins", "push", "PAY/ledger@main"]).await;
    assert!(flat(&out).contains("`pull-request-only` on `development` of the project"), "{out}");
    let out = said(
        1,
        CLOUD,
        &[
            "can",
            "user:Omar",
            "push",
            "acme/billing@main",
            "--without",
            "user:Omar member group:release-managers",
        ],
    )
    .await;
    assert!(out.starts_with("no: "), "{out}");
    let told = run(&["can", "user:Omar", "push", "acme/billing", "--world", CLOUD]).await;
    assert!(
        told.code == 1 && told.err.contains("is asked of a ref, such as `acme/billing@main`"),
        "{told:?}"
    );
}

#[tokio::test]
async fn lists_are_tables_json_and_csv() {
    let words = ["who-can", "read-secret", "variable:acme/billing:DB_URL"];
    let out = said(0, CLOUD, &words).await;
    assert!(out.contains("write  Omar ") && out.contains("admin  Mia "), "{out}");
    let csv = said(0, CLOUD, &[&words[..], &["--format", "csv"]].concat()).await;
    assert!(csv.starts_with("can,id,name,level,how\r\nyes,"), "{csv}");
    let json = said(0, CLOUD, &[&words[..], &["--format", "json"]].concat()).await;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["who"].as_array().unwrap().len(), csv.lines().count() - 1);
    let out = said(0, CLOUD, &["paths", "user:Ravi", "acme/billing@main", "--format", "csv"]).await;
    assert!(out.starts_with("gives,level,path\r\nmerge,write,"), "{out}");
}

#[tokio::test]
async fn identities_are_listed_and_what_cannot_be_told_apart() {
    let out = said(0, CLOUD, &["identities", "--unused", "180"]).await;
    let (sure, maybe) = out.split_once("of these it cannot be told:").unwrap();
    assert!(sure.contains("deploy-2021") && !sure.contains("linux-1"), "{out}");
    assert!(maybe.contains("linux-1") && maybe.contains("used unknown"), "{out}");
    let csv = said(0, CLOUD, &["identities", "--kind", "key", "--format", "csv"]).await;
    assert!(csv.lines().count() == 2 && csv.contains(",deploy-2021,Ravi,told,"), "{csv}");
    let told = run(&["identities", "--kind", "person", "--world", CLOUD]).await;
    assert!(told.code == 2 && told.err.contains("service-account"), "{told:?}");
}

#[tokio::test]
async fn reports_are_written_in_every_form() {
    let report = |words: &'static [&'static str]| said(0, SERVER, words);
    let out = report(&["access", "report", "defaults"]).await;
    assert!(out.contains("No Access") && out.contains("PROJECT"), "{out}");
    let csv = report(&["access", "report", "users", "--format", "csv"]).await;
    assert!(csv.starts_with("user_name,display_name,email_address,active,group_name,project_key,repository_slug,permission\r\n"), "{csv}");
    let json = report(&[
        "access",
        "report",
        "projects",
        "--format",
        "json",
        "--base-url",
        "https://bb.example",
    ])
    .await;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["rows"][0]["change_at"], "https://bb.example/projects/OPS/permissions");
    let world = report(&["access", "report", "--format", "world"]).await;
    assert_eq!(
        world,
        std::fs::read_to_string(SERVER).unwrap(),
        "reading what was written gives the same bytes"
    );
    let told = run(&["access", "report", "everything", "--world", SERVER]).await;
    assert!(told.code == 1 && told.err.contains("branch-rules"), "{told:?}");
}

#[tokio::test]
async fn pages_are_written_one_for_each_thing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("pages");
    let words = ["access", "report", "--format", "html", "--out", out.to_str().unwrap()];
    said(0, SERVER, &words).await;
    let index = std::fs::read_to_string(out.join("index.html")).unwrap();
    let mut pages = 0;
    for file in index.split(" href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(
            std::fs::read_to_string(out.join(file)).unwrap().starts_with("<!DOCTYPE html>"),
            "{file}"
        );
        pages += 1;
    }
    assert_eq!(pages + 1, std::fs::read_dir(&out).unwrap().count());
    let one =
        said(0, SERVER, &["access", "report", "--format", "html", "--of", "PAY/ledger"]).await;
    assert_eq!(one, std::fs::read_to_string(out.join("repository-11.html")).unwrap());
    let told = run(&["access", "report", "--format", "html", "--world", SERVER]).await;
    assert!(told.code == 1 && told.err.contains("--of THING"), "{told:?}");
}

//! What the program says of itself: completions that a shell takes, a page for every command, its version, its API.

use std::collections::BTreeSet;
use std::process::Command;

use portcullis::http::doors;
use serde_json::Value;

use super::rig::run;

/// Every command line that has a page, from the program's own help: `portcullis`, `portcullis check`, ….
async fn commands() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![Vec::<String>::new()];
    while let Some(words) = open.pop() {
        let mut line: Vec<&str> = words.iter().map(String::as_str).collect();
        line.push("--help");
        let help = run(&line).await;
        let below = help.out.split("Commands:\n").nth(1).unwrap_or_default();
        let below = below.lines().take_while(|line| !line.trim().is_empty());
        // A wrapped description goes on further right than a command's name stands.
        let names = below.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        for name in names.filter_map(|line| line.split_whitespace().next()) {
            if name != "help" {
                open.push([words.clone(), vec![name.to_owned()]].concat());
            }
        }
        found.insert([vec!["portcullis".to_owned()], words].concat().join("-"));
    }
    found
}

#[tokio::test]
async fn every_command_has_a_page_and_every_page_is_of_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let man = folder.path().join("man1");
    let said = run(&["man", man.to_str().unwrap()]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let pages: BTreeSet<String> = std::fs::read_dir(&man)
        .unwrap()
        .map(|page| page.unwrap().file_name().into_string().unwrap())
        .map(|page| page.strip_suffix(".1").unwrap().to_owned())
        .collect();
    let commands = commands().await;
    assert!(commands.len() > 30 && commands.contains("portcullis-policy-check"), "{commands:?}");
    assert_eq!(pages, commands);
    for page in &pages {
        let text = std::fs::read_to_string(man.join(format!("{page}.1"))).unwrap();
        assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{page}");
        assert!(text.contains(&page.replace('-', "\\-")), "{page} says its name");
    }
    let typed = std::fs::read_to_string(man.join("portcullis-who-can.1")).unwrap();
    assert!(typed.contains("\\fBportcullis who\\-can\\fR"), "as people type it: {typed}");
    let check = std::fs::read_to_string(man.join("portcullis-check.1")).unwrap();
    assert!(check.contains("no answer, and"), "exit codes stand on the page too");
}

#[tokio::test]
async fn groff_has_nothing_to_say_against_any_page() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(&["man", folder.path().to_str().unwrap()]).await.code, 0);
    let mut pages: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|page| page.unwrap().path()).collect();
    let lint = |pages: &[std::path::PathBuf]| {
        let mut groff = Command::new("groff");
        let groff = groff.args(["-man", "-Tutf8", "-ww", "-z", "-rCHECKSTYLE=3"]).args(pages);
        String::from_utf8(groff.output().expect("groff is installed").stderr).unwrap()
    };
    assert_eq!(lint(&pages), "");
    let wrong = folder.path().join("wrong.1");
    std::fs::write(&wrong, ".TH wrong 1\n.SH NAME\n.nosuch macro\n").unwrap();
    pages.push(wrong);
    assert!(lint(&pages).contains("nosuch"), "a wrong page is seen");
}

#[tokio::test]
async fn bash_completes_a_command_from_its_script() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("portcullis.bash");
    std::fs::write(&script, run(&["completions", "bash"]).await.out).unwrap();
    let bash = |line: &str| {
        let done = Command::new("bash").args(["--norc", "-c", line]).arg(&script).output();
        let done = done.unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    };
    bash("bash -n \"$0\"");
    let complete = |words: &[&str]| {
        let (last, before) = (words.last().unwrap(), words[words.len() - 2]);
        let (typed, at) = (words.join("' '"), words.len() - 1);
        bash(&format!(
            ". \"$0\"; COMP_WORDS=('{typed}'); COMP_CWORD={at}; _portcullis portcullis '{last}' '{before}'; echo \"${{COMPREPLY[@]}}\""
        ))
    };
    assert_eq!(complete(&["portcullis", "che"]), "check");
    assert_eq!(complete(&["portcullis", "policy", "pro"]), "promote");
    assert_eq!(complete(&["portcullis", "check", "--on-error", ""]), "block allow");
    assert_eq!(complete(&["portcullis", "nothing-like-it"]), "");
    assert_eq!(complete(&["portcullis", "work"]), "", "what people do not start is not offered");
}

#[tokio::test]
async fn there_is_a_script_for_each_shell_and_none_for_another() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = run(&["completions", shell]).await;
        assert_eq!(said.code, 0, "{said:?}");
        assert!(said.out.contains("who-can"), "{shell}");
    }
    let said = run(&["completions", "cmd"]).await;
    assert_eq!(said.code, 2);
    assert!(said.err.contains("possible values: bash, elvish, fish"), "{}", said.err);
}

#[tokio::test]
async fn the_version_says_what_the_program_is_made_of() {
    let told = run(&["version", "--format", "json"]).await.json();
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(told["schema"], portcullis::store::SCHEMA);
    assert!(told["rustc"].as_str().unwrap().starts_with("rustc 1."), "{told}");
    let engine = told["engine"].as_str().unwrap().strip_prefix("regorus ").unwrap();
    let manifest = include_str!("../../Cargo.toml");
    assert!(manifest.contains(&format!("regorus = {{ version = \"={engine}\"")), "{engine}");
    let text = run(&["version"]).await.out;
    assert!(text.starts_with(&format!("portcullis {}\nschema ", env!("CARGO_PKG_VERSION"))));
}

#[tokio::test]
async fn the_description_of_the_api_is_printed_as_it_is_served() {
    let said = run(&["openapi", "--public", "https://gate.example.com"]).await;
    let printed: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(printed, doors::description("https://gate.example.com"));
}

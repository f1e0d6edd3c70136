//! `portcullis-verify` says what the library says, and reads a folder from elsewhere safely.

use super::*;
use std::fs;
use std::process::{Command, Output};

struct Folder {
    dir: tempfile::TempDir,
    gate: Signer,
}

fn folder(count: i64) -> Folder {
    let folder = Folder { dir: tempfile::tempdir().unwrap(), gate: signer("gate.example/ledger") };
    for (path, bytes) in folder.gate.export(&records(count)) {
        let place = folder.path(&path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, bytes).unwrap();
    }
    folder
}

impl Folder {
    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join("export").join(name)
    }

    fn run(&self, more: &[&str]) -> Output {
        let key = self.gate.name.to_string();
        run(&[&[self.path("").to_str().unwrap(), "--key", &key], more].concat())
    }
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis-verify")).args(arguments).output().unwrap()
}

fn shown(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_program_answers_0_for_a_good_folder_and_says_what_it_cannot_see() {
    let folder = folder(300);
    let (code, text) = shown(&folder.run(&[]));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("verified\n") && text.contains(CUT_TAIL), "{text}");
    let since = folder.dir.path().join("kept");
    fs::write(&since, folder.gate.checkpoint(&records(200))).unwrap();
    let (code, text) =
        shown(&folder.run(&["--since", since.to_str().unwrap(), "--format", "json"]));
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(code, Some(0));
    assert_eq!(
        (&report["verified"], &report["entries"], &report["since"]),
        (&json!(true), &json!(300), &json!(200))
    );
    assert_eq!(
        (&report["kinds"]["decision"], &report["failure"], &report["limits"]),
        (&json!(150), &json!(null), &json!([]))
    );
}

#[test]
fn the_program_answers_1_and_names_the_entry() {
    let folder = folder(20);
    let bundle = folder.path("tile/entries/000.p/20");
    let mut bytes = fs::read(&bundle).unwrap();
    let place = bytes.windows(9).position(|window| window == b"0192-0007").unwrap();
    bytes[place + 8] = b'8';
    fs::write(&bundle, bytes).unwrap();
    let (code, text) = shown(&folder.run(&[]));
    assert_eq!(code, Some(1));
    assert!(
        text.starts_with("not verified: entry 7 (tile/entries/000.p/20): the entry is not the one"),
        "{text}"
    );
    let (code, text) = shown(&folder.run(&["--format", "json"]));
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (code, &report["verified"], &report["failure"]["entry"]),
        (Some(1), &json!(false), &json!(7))
    );
}

#[test]
fn the_program_answers_2_for_wrong_usage() {
    let folder = folder(1);
    let key = folder.gate.name.to_string();
    let good = folder.path("");
    let good = good.to_str().unwrap();
    for arguments in [
        &["--key", key.as_str()][..],
        &[good],
        &[good, "--key", "nonsense"],
        &["/does/not/exist", "--key", &key],
        &[good, "--key", &key, "--since", "/does/not/exist"],
        &[good, "--key", &key, "--format", "xml"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
    assert_eq!(run(&[good, "--key", &key]).status.code(), Some(0));
}

#[test]
fn the_program_follows_no_link_and_opens_no_pipe() {
    let folder = folder(10);
    let elsewhere = folder.dir.path().join("elsewhere");
    let linked = |name: &str, why: &str| {
        fs::rename(folder.path(name), &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, folder.path(name)).unwrap();
        let (code, text) = shown(&folder.run(&[]));
        assert_eq!(code, Some(1), "{name}");
        assert!(text.contains(why), "{text}");
        fs::remove_file(folder.path(name)).unwrap();
        fs::rename(&elsewhere, folder.path(name)).unwrap();
    };
    for name in ["checkpoint", "tile", "sealed", "sealed/3.json", "tile/entries/000.p/10"] {
        linked(name, "a symbolic link, which is not followed");
    }
    let made = Command::new("mkfifo").arg(folder.path("sealed/4.json")).status().unwrap();
    assert!(made.success());
    let (code, text) = shown(&folder.run(&[]));
    assert!(code == Some(1) && text.contains("not a regular file"), "{text}");
}

#[test]
fn the_program_finds_files_that_belong_to_nothing() {
    for name in ["10.json", "03.json", "note.txt", "-1.json"] {
        let folder = folder(10);
        fs::write(folder.path("sealed").join(name), "{}").unwrap();
        let (code, text) = shown(&folder.run(&[]));
        assert_eq!(code, Some(1));
        assert!(text.contains(&format!("sealed/{name}: the file belongs to no entry")), "{text}");
    }
}

#[test]
fn a_hostile_name_reaches_the_terminal_written_out() {
    let folder = folder(10);
    fs::write(folder.path("sealed/\u{1b}[2J\u{202e}\nverified.json"), "{}").unwrap();
    let (code, text) = shown(&folder.run(&[]));
    assert_eq!(code, Some(1));
    assert!(
        text.starts_with(
            "not verified: sealed/\\u{1b}[2J\\u{202e}\\u{a}verified.json: the file belongs"
        ),
        "{text}"
    );
}

#[test]
fn a_file_beyond_the_limit_is_not_read() {
    let folder = folder(10);
    fs::File::create(folder.path("checkpoint")).unwrap().set_len(1 << 40).unwrap();
    let (code, text) = shown(&folder.run(&[]));
    assert!(code == Some(1) && text.contains("more than 67108864 bytes"), "{text}");
}

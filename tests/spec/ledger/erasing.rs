//! Erasing leaves every proof standing; changing a sealed part does not.

use super::*;

#[test]
fn erased_parts_leave_every_proof_standing() {
    let gate = signer("gate");
    let whole = records(64);
    let earlier = gate.checkpoint(&whole[..40]);
    let at = Moment::from_millis(START + 99_000).unwrap();
    let mut less = whole.clone();
    for record in &mut less[..30] {
        for kept in &mut record.sealed {
            if kept.name() == "people" {
                *kept = Kept::Erased { name: "people".into(), at };
            }
        }
    }
    less[33].sealed.clear();
    let files = gate.export(&less);
    let report = gate.verify_since(&files, &earlier);
    assert!(report.verified(), "{report}");
    assert_eq!(report.sealed, SealedCount { present: 32, erased: 10, absent: 2 });
    assert_eq!(files["checkpoint"], gate.export(&whole)["checkpoint"]);
    let text: Vec<u8> = files.into_values().flatten().collect();
    assert!(
        !text.windows(7).any(|window| window == b"Ada 12\"")
            && text.windows(7).any(|window| window == b"Ada 36\\")
    );
}

#[test]
fn changed_foreign_and_misplaced_parts_are_found() {
    let gate = signer("gate");
    let files = gate.export(&records(10));
    let text = String::from_utf8(files["sealed/3.json"].clone()).unwrap();
    let erased = r#"{"erased":"2026-03-01T09:30:00.125Z"}"#;
    for (path, text, entry, expected) in [
        (
            "sealed/3.json",
            text.replace("Ada 3", "Ada 4"),
            3,
            "`people` is not the one the entry commits to",
        ),
        ("sealed/3.json", text.replace("0303", "0304"), 3, "is not the one the entry commits to"),
        (
            "sealed/3.json",
            text.replace("people", "persons"),
            3,
            "commits to no sealed part `persons`",
        ),
        ("sealed/3.json", text.replace("\"index\":3", "\"index\":6"), 3, "belong to entry 6"),
        ("sealed/3.json", format!("{text} "), 3, "not canonical"),
        (
            "sealed/4.json",
            text.replace("\"index\":3", "\"index\":4"),
            4,
            "commits to no sealed part `people`",
        ),
        (
            "sealed/4.json",
            format!(r#"{{"index":4,"parts":{{"people":{erased}}}}}"#),
            4,
            "commits to no sealed part",
        ),
    ] {
        let mut files = files.clone();
        files.insert(path.into(), text.into_bytes());
        let (index, why) = problem(&gate.verify(&files));
        assert_eq!(index, Some(entry));
        assert!(why.contains(expected), "{why}");
    }
}

#[test]
fn a_part_that_cannot_be_read_is_not_taken_for_erased() {
    let gate = signer("gate");
    let files = gate.export(&records(10));
    let read = |path: &str| {
        if path == "sealed/3.json" { Err("denied".into()) } else { Ok(files.get(path).cloned()) }
    };
    let failure = verify(read, &gate.name, Since::Nothing, threads()).failure.unwrap();
    assert_eq!(failure.to_string(), "sealed/3.json: the file cannot be read: denied");
}

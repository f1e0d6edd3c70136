//! What was moved, added, cut or signed twice is found, and the entry is named.

use super::*;

#[test]
fn an_untouched_record_verifies_and_is_counted() {
    let gate = signer("gate");
    let report = gate.verify(&gate.export(&records(64)));
    assert!(report.verified(), "{report}");
    assert_eq!(report.entries, 64);
    assert_eq!(report.kinds, [(Kind::Decision, 32), (Kind::Action, 16), (Kind::Admin, 16)].into());
    assert_eq!(report.sealed, SealedCount { present: 44, erased: 0, absent: 0 });
    assert_eq!(report.first.unwrap().as_millis(), START);
    assert_eq!(report.last.unwrap().as_millis(), START + 63_000);
}

#[test]
fn a_changed_entry_is_named() {
    let gate = signer("gate");
    for changed in [0, 7, 255, 256, 299] {
        let mut others = records(300);
        let entry = &mut others[changed].entry;
        *entry = String::from_utf8(entry.clone()).unwrap().replace("block", "allow").into_bytes();
        let mut files = gate.export(&records(300));
        let path = if changed < 256 { "tile/entries/000" } else { "tile/entries/001.p/44" };
        files.insert(path.into(), gate.export(&others)[path].clone());
        let report = gate.verify(&files);
        let index = Some(changed as u64);
        let failure = report.failure.unwrap();
        assert_eq!(
            (failure.entry, failure.file.as_str(), failure.problem),
            (index, path, Problem::Changed)
        );
    }
}

#[test]
fn a_changed_hash_tile_is_told_from_a_changed_entry() {
    let gate = signer("gate");
    let mut files = gate.export(&records(300));
    files.get_mut("tile/0/000").unwrap()[32 * 9] ^= 1;
    let failure = gate.verify(&files).failure.unwrap();
    assert_eq!(
        (failure.entry, failure.file.as_str(), failure.problem),
        (Some(9), "tile/0/000", Problem::Tile)
    );
    let mut files = gate.export(&records(300));
    files.get_mut("tile/1/000.p/1").unwrap()[0] ^= 1;
    let failure = gate.verify(&files).failure.unwrap();
    assert_eq!((failure.file.as_str(), failure.problem), ("tile/1/000.p/1", Problem::Tile));
}

/// The files of other entries under the checkpoint that was signed: what a store rewritten as a whole looks like.
fn rewritten(gate: &Signer, signed: &[Record], others: &[Record]) -> Files {
    let mut files = gate.export(others);
    files.insert("checkpoint".into(), gate.export(signed)["checkpoint"].clone());
    files
}

#[test]
fn a_record_rewritten_as_a_whole_does_not_have_the_signed_root() {
    let gate = signer("gate");
    let signed = records(300);
    for at in [0, 150, 299] {
        let mut others = signed.clone();
        let changed = Entry { subject: "0192-other".into(), ..entry(at) };
        others[usize::try_from(at).unwrap()] =
            Record { entry: changed.to_bytes().unwrap(), sealed: vec![] };
        let mut files = rewritten(&gate, &signed, &others);
        let failure = gate.verify(&files).failure.unwrap();
        assert!(matches!(failure.problem, Problem::Root { size: 300, .. }), "{failure}");
        files.insert("checkpoint".into(), gate.checkpoint(&others).into_bytes());
        assert!(gate.verify(&files).verified());
    }
}

#[test]
fn files_that_are_too_long_or_too_short_are_named() {
    let gate = signer("gate");
    let files = gate.export(&records(20));
    for (path, unit) in [("tile/0/000.p/20", 32), ("tile/entries/000.p/20", 2)] {
        let bytes = &files[path];
        for changed in [
            [bytes, &vec![0; unit][..]].concat(),
            bytes[..bytes.len() - unit].to_vec(),
            vec![],
            [bytes, &[0][..]].concat(),
        ] {
            let mut files = files.clone();
            files.insert(path.into(), changed);
            let failure = gate.verify(&files).failure.unwrap();
            assert_eq!(failure.file, path);
            assert!(
                matches!(failure.problem, Problem::Bundle(20) | Problem::TileLength(20)),
                "{failure}"
            );
        }
    }
}

#[test]
fn swapped_deleted_inserted_and_doubled_entries_are_found() {
    let gate = signer("gate");
    let signed = records(64);
    let mut swapped = signed.clone();
    swapped.swap(20, 21);
    let mut deleted = signed.clone();
    deleted.remove(20);
    let mut inserted = signed.clone();
    inserted.insert(20, record(90));
    let mut doubled = signed.clone();
    doubled.insert(20, signed[20].clone());
    let mut replaced = signed.clone();
    replaced[20] = record(90);
    for (what, others) in [
        ("swapped", swapped),
        ("deleted", deleted),
        ("inserted", inserted),
        ("doubled", doubled),
        ("replaced", replaced),
    ] {
        assert!(!gate.verify(&rewritten(&gate, &signed, &others)).verified(), "{what}, tiles too");
        // Only the bundle: the hash tiles still tell which entry it begins with.
        let mut files = gate.export(&signed);
        let kept: Vec<u8> =
            gate.export(&others).remove(&bundle_path(0, others.len() as u64)).unwrap();
        files.insert("tile/entries/000.p/64".into(), kept);
        let report = gate.verify(&files);
        assert!(!report.verified(), "{what}");
        if others.len() == 64 {
            assert_eq!(report.failure.unwrap().entry, Some(20), "{what}");
        }
    }
}

#[test]
fn a_missing_file_is_named() {
    let gate = signer("gate");
    let files = gate.export(&records(300));
    for path in files.keys().filter(|path| !path.starts_with("sealed/")) {
        let mut fewer = files.clone();
        fewer.remove(path);
        let failure = gate.verify(&fewer).failure.unwrap();
        assert_eq!((failure.file.as_str(), failure.problem), (path.as_str(), Problem::Missing));
    }
}

#[test]
fn a_cut_tail_is_seen_against_an_earlier_checkpoint_only() {
    let gate = signer("gate");
    let all = records(20);
    let kept = gate.checkpoint(&all);
    for cut in 1..=20 {
        let files = gate.export(&all[..20 - cut]);
        let alone = gate.verify(&files);
        assert!(alone.verified() && alone.to_string().contains(CUT_TAIL));
        let report = gate.verify_since(&files, &kept);
        let now = 20 - cut as u64;
        assert_eq!(report.since, Continuity::NotShown);
        assert!(!report.to_string().contains(CUT_TAIL));
        assert_eq!(report.failure.unwrap().problem, Problem::Shorter { earlier: 20, now });
    }
}

#[test]
fn a_record_that_grew_continues_every_earlier_checkpoint() {
    let gate = signer("gate");
    let all = records(20);
    let files = gate.export(&all);
    for size in 0..=20 {
        let report = gate.verify_since(&files, &gate.checkpoint(&all[..size]));
        assert!(report.verified(), "{report}");
        assert_eq!(report.since, Continuity::Shown(size as u64));
        assert!(!report.to_string().contains(CUT_TAIL) && !report.to_json().contains("--since"));
    }
}

#[test]
fn two_branches_signed_with_the_same_key_are_seen() {
    let gate = signer("gate");
    let ours = records(20);
    let mut theirs = ours.clone();
    theirs[7].entry = Entry { subject: "0192-other".into(), ..entry(7) }.to_bytes().unwrap();
    theirs[7].sealed.clear();
    for size in 8..=20 {
        // Both verify alone: a signature says who, not that it is the only one.
        let files = gate.export(&theirs);
        let report = gate.verify_since(&files, &gate.checkpoint(&ours[..size]));
        assert_eq!(report.failure.unwrap().problem, Problem::Forked { size: size as u64 });
    }
    let report = gate.verify_since(&gate.export(&ours), &gate.checkpoint(&ours[..8]));
    assert!(report.verified(), "{report}");
}

#[test]
fn an_earlier_checkpoint_must_be_signed_and_of_this_record() {
    let gate = signer("gate");
    let files = gate.export(&records(5));
    let forged = gate.checkpoint(&records(3)).replace("\n3\n", "\n2\n");
    let other = signer("gate").checkpoint(&records(3));
    for note in [forged, other, "no note".to_owned()] {
        let failure = gate.verify_since(&files, &note).failure.unwrap();
        assert_eq!(failure.file, "the earlier checkpoint");
        assert!(matches!(failure.problem, Problem::Note(_)), "{failure}");
    }
}

#[test]
fn another_key_or_origin_is_refused() {
    let gate = signer("gate");
    let files = gate.export(&records(5));
    let other = signer("gate");
    assert!(matches!(
        other.verify(&files).failure.unwrap().problem,
        Problem::Note(NoteError::Unsigned(_))
    ));
    let text = verify_note(str::from_utf8(&files["checkpoint"]).unwrap(), &gate.name)
        .unwrap()
        .replace("gate", "door");
    let note = sign_note(&text, &gate.name, |text| gate.key.sign(text)).unwrap();
    let moved = [("checkpoint".to_owned(), note.into_bytes())].into_iter();
    let files = files.into_iter().chain(moved).collect();
    assert!(matches!(gate.verify(&files).failure.unwrap().problem, Problem::Origin { .. }));
}

#[test]
fn what_was_signed_must_still_be_an_entry() {
    let gate = signer("gate");
    let mut bad = records(5);
    bad[3].entry = b"{\"v\":1}".to_vec();
    let (entry, why) = problem(&gate.verify(&gate.export(&bad)));
    assert_eq!(entry, Some(3));
    assert!(why.starts_with("not an entry"), "{why}");
}

#[test]
fn time_runs_back_only_behind_a_marked_gap() {
    let gate = signer("gate");
    let back = |kind, why: &str| {
        let mut records = records(6);
        let marked = Entry { kind, at: entry(1).at, body: object(json!({"why": why})), ..entry(4) };
        records[4] = Record { entry: marked.to_bytes().unwrap(), sealed: vec![] };
        records[5] = record(2);
        gate.verify(&gate.export(&records))
    };
    assert!(back(Kind::Gap, "clock").verified());
    for report in [back(Kind::Gap, "webhooks"), back(Kind::Admin, "clock")] {
        let (entry, why) = problem(&report);
        assert_eq!(entry, Some(4));
        assert!(why.contains("09:30:01.125Z is before 2026-03-01T09:30:03.125Z"), "{why}");
    }
}

#[test]
fn one_millisecond_may_hold_many_entries() {
    let gate = signer("gate");
    let same = vec![record(4); 5];
    assert!(gate.verify(&gate.export(&same)).entries == 5);
}

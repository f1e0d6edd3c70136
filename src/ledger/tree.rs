//! The RFC 6962 tree: its hashes, and how it grows by one leaf from nothing but its right edge.
//!
//! Nodes are named by (level, index): level 0 are the leaves, and node (l, i) covers the leaves from i·2^l up to
//! (i+1)·2^l. Only complete nodes have a name; where they are kept is the store's business.

use sha2::{Digest, Sha256};
use std::fmt;

/// A SHA-256 of the tree; written as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl fmt::Display for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// The hash of a leaf: SHA-256(0x00 ‖ entry), RFC 6962 section 2.1.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0]).chain_update(entry).finalize().into())
}

/// The hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
pub(crate) fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash(
        Sha256::new()
            .chain_update([1])
            .chain_update(left.0)
            .chain_update(right.0)
            .finalize()
            .into(),
    )
}

/// The root of a tree without leaves: SHA-256 of nothing.
pub(crate) fn empty_root() -> Hash {
    Hash(Sha256::digest([]).into())
}

/// A complete node: its level, its index on that level, its hash.
pub type Node = (u8, u64, Hash);

/// The right edge of a tree of `size` leaves: the roots of its complete subtrees, largest (leftmost) first, one for
/// each bit set in `size`. It is all that an append needs, so the store can keep it in one small row and append
/// inside its own transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    hashes: Vec<Hash>,
}

impl Frontier {
    /// The edge of the empty tree.
    pub fn new() -> Self {
        Self { size: 0, hashes: Vec::new() }
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf and returns the nodes this completed, leaf first: on average two, at most 64. Costs one hash
    /// for each but the first.
    pub fn append(&mut self, leaf: Hash) -> Vec<Node> {
        let mut completed = Vec::with_capacity(2);
        let (mut hash, mut level, mut index) = (leaf, 0, self.size);
        completed.push((level, index, hash));
        while index & 1 == 1
            && let Some(left) = self.hashes.pop()
        {
            hash = node_hash(&left, &hash);
            level += 1;
            index >>= 1;
            completed.push((level, index, hash));
        }
        self.hashes.push(hash);
        self.size += 1;
        completed
    }

    /// The root hash over all leaves (RFC 6962 `MTH`); of the empty tree, SHA-256 of nothing.
    pub fn root(&self) -> Hash {
        let from_right = self.hashes.iter().rev().copied();
        from_right.reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
    }

    /// For the store: the size as 8 bytes big-endian, then the hashes of 32 bytes each.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.hashes.iter().fold(self.size.to_be_bytes().to_vec(), |mut bytes, hash| {
            bytes.extend_from_slice(&hash.0);
            bytes
        })
    }

    /// Reads [`Frontier::to_bytes`]; `None` unless the size and the number of hashes belong together.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (size, rest) = bytes.split_first_chunk()?;
        let size = u64::from_be_bytes(*size);
        let (hashes, odd) = rest.as_chunks::<32>();
        let whole = odd.is_empty() && hashes.len() == size.count_ones() as usize;
        whole.then(|| Self { size, hashes: hashes.iter().copied().map(Hash).collect() })
    }
}

impl Default for Frontier {
    fn default() -> Self {
        Self::new()
    }
}

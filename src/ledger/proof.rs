//! Proofs: that an entry is in the record (inclusion) and that a later record continues an earlier one
//! (consistency), RFC 6962 sections 2.1.1 and 2.1.2, checked as in RFC 9162 sections 2.1.3.2 and 2.1.4.2.
//!
//! Making one needs a way to look up complete nodes; checking one needs only the proof. It does not say who signed
//! the roots: that is the checkpoint's duty.

use crate::ledger::tree::Hash;
use crate::ledger::tree::empty_root;
use crate::ledger::tree::node_hash;

/// Why a proof could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The entry is not in a record of that size, or the older size is beyond the newer.
    #[error("there is no {index} in a record of {size}")]
    OutOfRange {
        /// The entry's index, or the older size.
        index: u64,
        /// The size of the record.
        size: u64,
    },
    /// The lookup does not know a complete node that it should.
    #[error("node {index} of level {level} is missing")]
    MissingNode {
        /// Level of the node, 0 for leaves.
        level: u8,
        /// Index on that level.
        index: u64,
    },
}

/// The siblings from entry `index` up to the root of the record of `size` entries, lowest first. At most 64 + 63
/// lookups.
pub fn prove_inclusion(
    node: impl Fn(u8, u64) -> Option<Hash>,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange { index, size });
    }
    let (mut low, mut high) = (0, size);
    let mut path = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            path.push(range(&node, middle, high)?);
            high = middle;
        } else {
            path.push(range(&node, low, middle)?);
            low = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// What someone who knows the root at `older` needs in order to compute the root at `newer`. Empty when the sizes
/// are equal or `older` is 0 (then there is nothing to prove).
pub fn prove_consistency(
    node: impl Fn(u8, u64) -> Option<Hash>,
    older: u64,
    newer: u64,
) -> Result<Vec<Hash>, ProofError> {
    if older > newer {
        return Err(ProofError::OutOfRange { index: older, size: newer });
    }
    let mut path = Vec::new();
    if older == 0 || older == newer {
        return Ok(path);
    }
    let (mut low, mut high) = (0, newer);
    // Walks down to the edge between old and new; the range [low, high) always holds the last old leaf.
    while high != older {
        let middle = low + split(high - low);
        if older <= middle {
            path.push(range(&node, middle, high)?);
            high = middle;
        } else {
            path.push(range(&node, low, middle)?);
            low = middle;
        }
    }
    if low != 0 {
        path.push(range(&node, low, high)?);
    }
    path.reverse();
    Ok(path)
}

/// The root of the first `size` entries, from complete nodes.
pub fn root_at(node: impl Fn(u8, u64) -> Option<Hash>, size: u64) -> Result<Hash, ProofError> {
    if size == 0 { Ok(empty_root()) } else { range(&node, 0, size) }
}

/// Whether `proof` shows that the entry with hash `leaf` stands at `index` of the record of `size` entries whose
/// root is `root`.
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut place, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether `proof` shows that the record of `newer.0` entries with root `newer.1` begins with exactly the record of
/// `older.0` entries with root `older.1`.
pub fn verify_consistency(older: (u64, &Hash), newer: (u64, &Hash), proof: &[Hash]) -> bool {
    if older.0 == 0 {
        return proof.is_empty() && *older.1 == empty_root();
    }
    if older.0 >= newer.0 {
        return older == newer && proof.is_empty();
    }
    climb(older, newer, proof).unwrap_or(false)
}

fn climb(older: (u64, &Hash), newer: (u64, &Hash), proof: &[Hash]) -> Option<bool> {
    let (mut place, mut last) = (older.0 - 1, newer.0 - 1);
    while place & 1 == 1 {
        place >>= 1;
        last >>= 1;
    }
    // Where the older record is a complete tree, its root itself is where both climbs start.
    let (first, rest) = if place == 0 { (older.1, proof) } else { proof.split_first()? };
    let (mut old, mut new) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return Some(false);
        }
        if place & 1 == 1 || place == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    Some(last == 0 && old == *older.1 && new == *newer.1)
}

/// The largest power of two below `length` (which is at least 2): where RFC 6962 splits a tree.
fn split(length: u64) -> u64 {
    1 << (u64::BITS - 1 - (length - 1).leading_zeros())
}

/// The hash over leaves `low..high`, where `low` is a multiple of every power of two up to the range's length.
fn range(node: &impl Fn(u8, u64) -> Option<Hash>, low: u64, high: u64) -> Result<Hash, ProofError> {
    let (mut low, length) = (low, high - low);
    let mut hashes = Vec::new();
    for level in (0..u64::BITS).rev().filter(|level| (length >> level) & 1 == 1) {
        #[expect(clippy::cast_possible_truncation, reason = "a level is below 64")]
        let level = level as u8;
        let index = low >> level;
        hashes.push(node(level, index).ok_or(ProofError::MissingNode { level, index })?);
        low += 1 << level;
    }
    // Right to left, as the frontier's root.
    let root = hashes.into_iter().rev().reduce(|right, left| node_hash(&left, &right));
    Ok(root.unwrap_or_else(empty_root))
}

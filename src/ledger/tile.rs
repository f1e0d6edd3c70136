//! The layout of an exported record: C2SP `tlog-tiles`, hashes and entries in files of 256.
//!
//! A tile of level L holds 256 hashes of tree level 8·L; the last of each level may be partial (`.p/<width>`). It
//! only names and cuts bytes: who writes and reads files is not its business.

use crate::ledger::tree::Frontier;
use crate::ledger::tree::Hash;
use crate::ledger::tree::node_hash;

/// Hashes in a full tile, entries in a full bundle.
pub(crate) const FULL: u64 = 256;

/// Tree levels that one tile level spans.
const HEIGHT: u8 = 8;

const HASH: usize = 32;

/// The path of the tile `index` of tile level `level` holding `width` (1 to 256) hashes: `tile/0/x001/234.p/17`.
pub fn tile_path(level: u8, index: u64, width: u64) -> String {
    format!("tile/{level}/{}", index_path(index, width))
}

/// The path of the entry bundle `index` holding `width` (1 to 256) entries: `tile/entries/000`.
pub fn bundle_path(index: u64, width: u64) -> String {
    format!("tile/entries/{}", index_path(index, width))
}

fn index_path(index: u64, width: u64) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    if width < FULL { format!("{path}.p/{width}") } else { path }
}

/// How many of `count` hashes the tile `index` holds: 256, or what is left for the last.
pub(crate) fn width(count: u64, index: u64) -> u64 {
    count.saturating_sub(index.saturating_mul(FULL)).min(FULL)
}

/// The complete node (level, index) of a record of `size` entries, computed from its tiles; `read` gives a file by
/// its path. For proofs from an export. Costs one read and at most 127 hashes.
pub fn node_from_tiles(
    read: impl Fn(&str) -> Option<Vec<u8>>,
    size: u64,
    level: u8,
    index: u64,
) -> Option<Hash> {
    let (tile_level, above) = (level / HEIGHT, level % HEIGHT);
    let first = index.checked_shl(u32::from(above))?;
    let tile = first / FULL;
    let width = width(size.checked_shr(u32::from(tile_level * HEIGHT))?, tile);
    let bytes = read(&tile_path(tile_level, tile, width))?;
    let (hashes, _) = bytes.as_chunks::<HASH>();
    let start = usize::try_from(first % FULL).ok()?;
    let mut row: Vec<Hash> =
        hashes.get(start..start + (1 << above))?.iter().copied().map(Hash).collect();
    while row.len() > 1 {
        row = row.as_chunks().0.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    row.first().copied()
}

/// A bundle's entries, each behind its length in two bytes; `None` unless the bytes are exactly that.
pub(crate) fn split_bundle(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk()?;
        let (entry, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        entries.push(entry);
        bytes = rest;
    }
    Some(entries)
}

/// Adds an entry to a bundle. `None` if it is too long for its two bytes of length.
pub(crate) fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Option<()> {
    let length = u16::try_from(entry.len()).ok()?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Some(())
}

/// A tile: its path and its bytes.
pub(crate) type Tile = (String, Vec<u8>);

/// Grows the tree and cuts the tiles as they fill. Holds at most one unfinished tile a level.
#[derive(Default)]
pub(crate) struct Tiles {
    edge: Frontier,
    open: Vec<Vec<u8>>,
}

impl Tiles {
    /// How many leaves went in.
    pub(crate) fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The root over them.
    pub(crate) fn root(&self) -> Hash {
        self.edge.root()
    }

    /// Appends a leaf; returns the tiles this filled.
    pub(crate) fn push(&mut self, leaf: Hash) -> Vec<Tile> {
        let nodes = self.edge.append(leaf);
        nodes
            .into_iter()
            .filter(|(level, ..)| level % HEIGHT == 0)
            .filter_map(|node| self.keep(node))
            .collect()
    }

    fn keep(&mut self, (level, index, hash): (u8, u64, Hash)) -> Option<Tile> {
        let level = level / HEIGHT;
        if self.open.len() <= level.into() {
            self.open.push(Vec::with_capacity(HASH * 256));
        }
        let tile = self.open.get_mut(usize::from(level))?;
        tile.extend_from_slice(&hash.0);
        (index % FULL == FULL - 1)
            .then(|| (tile_path(level, index / FULL, FULL), std::mem::take(tile)))
    }

    /// The partial tiles at the right edge.
    pub(crate) fn partial(&self) -> Vec<Tile> {
        let unfinished = (0..).zip(&self.open).filter(|(_, bytes)| !bytes.is_empty());
        unfinished.map(|(level, bytes)| (self.partial_path(level), bytes.clone())).collect()
    }

    fn partial_path(&self, level: u8) -> String {
        let count = self.edge.size() >> (level * HEIGHT);
        tile_path(level, count / FULL, count % FULL)
    }
}

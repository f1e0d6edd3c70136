//! Rows of numbers, packed: a compressed sparse row matrix in small leaves, so that one row can be replaced while
//! readers hold the old matrix. Not a map: rows are dense, numbered from 0.

use std::sync::Arc;

/// Rows of one leaf: what is copied when one row changes.
const LEAF: usize = 32;
/// Leaves of one branch: the pointers that are copied beside it.
const BRANCH: usize = 128;

/// A leaf: 33 offsets into itself, then the rows. One allocation, so that a row is two reads away.
type Leaf = Arc<[u32]>;

/// Rows of numbers. Cloning costs one pointer per 4,096 rows.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    branches: Vec<Arc<[Leaf]>>,
    count: usize,
}

impl Rows {
    /// From the offsets of `count + 1` rows into `flat`.
    pub fn new(offsets: &[u32], flat: &[u32]) -> Self {
        let count = offsets.len().saturating_sub(1);
        let leaves: Vec<Leaf> = (0..count)
            .step_by(LEAF)
            .map(|first| {
                let bounds =
                    offsets.get(first..(first + LEAF + 1).min(count + 1)).unwrap_or_default();
                leaf(bounds, flat)
            })
            .collect();
        Self { branches: leaves.chunks(BRANCH).map(Arc::from).collect(), count }
    }

    /// One row; empty for a number beyond the last.
    pub fn row(&self, number: u32) -> &[u32] {
        let number = number as usize;
        let branch = self.branches.get(number / (LEAF * BRANCH));
        let Some(leaf) = branch.and_then(|branch| branch.get(number / LEAF % BRANCH)) else {
            return &[];
        };
        let at = number % LEAF;
        match (leaf.get(at), leaf.get(at + 1)) {
            (Some(&from), Some(&to)) => leaf.get(from as usize..to as usize).unwrap_or_default(),
            (Some(_) | None, Some(_) | None) => &[],
        }
    }

    /// Replaces one row; a number beyond the last changes nothing.
    pub fn replace(&mut self, number: u32, row: &[u32]) {
        let first = number as usize / LEAF * LEAF;
        let mut bounds = vec![0_u32];
        let mut flat = Vec::new();
        for other in first..(first + LEAF).min(self.count) {
            let other = u32::try_from(other).unwrap_or(u32::MAX);
            flat.extend_from_slice(if other == number { row } else { self.row(other) });
            bounds.push(u32::try_from(flat.len()).unwrap_or(u32::MAX));
        }
        let branch = self.branches.get_mut(first / (LEAF * BRANCH));
        if let Some(slot) =
            branch.and_then(|branch| Arc::make_mut(branch).get_mut(first / LEAF % BRANCH))
        {
            *slot = leaf(&bounds, &flat);
        }
    }
}

/// Packs the rows between these bounds of `flat`. A leaf of fewer rows repeats its last bound.
fn leaf(bounds: &[u32], flat: &[u32]) -> Leaf {
    let (from, to) = (bounds.first().copied().unwrap_or(0), bounds.last().copied().unwrap_or(0));
    let head = u32::try_from(LEAF + 1).unwrap_or(u32::MAX);
    let body = flat.get(from as usize..to as usize).unwrap_or_default();
    let offsets = bounds.iter().chain(std::iter::repeat(&to)).take(LEAF + 1);
    offsets.map(|bound| bound - from + head).chain(body.iter().copied()).collect::<Vec<_>>().into()
}

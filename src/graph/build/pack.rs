//! Packing edges into rows of both directions by counting. Linear but for sorting within rows.

use crate::graph::Relation;
use crate::graph::rows::Rows;
use crate::graph::snapshot::MASK;

/// Both directions. Edges are first dealt out by where they start; walking those rows in order then deals them by where
/// they end already sorted.
pub fn pack(count: usize, edges: &[(u32, u32, Relation)]) -> (Rows, Rows) {
    let mut out = Deal::new(count, edges.iter().map(|edge| edge.0));
    for &(from, to, is) in edges {
        out.put(from, is.code() << 28 | to);
    }
    out.sort();
    let mut into = Deal::new(count, edges.iter().map(|edge| edge.1));
    for from in (0..).take(count) {
        for &packed in out.row(from) {
            into.put(packed & MASK, from << 4 | packed >> 28);
        }
    }
    into.sort();
    (into.rows(), out.rows())
}

/// Dealing numbers into rows whose lengths are counted beforehand.
struct Deal {
    offsets: Vec<u32>,
    next: Vec<u32>,
    flat: Vec<u32>,
}

impl Deal {
    fn new(count: usize, rows: impl Iterator<Item = u32>) -> Self {
        let mut offsets = vec![0_u32; count + 1];
        for row in rows {
            if let Some(length) = offsets.get_mut(row as usize + 1) {
                *length += 1;
            }
        }
        let mut total = 0;
        for offset in &mut offsets {
            total += *offset;
            *offset = total;
        }
        let next = offsets.get(..count).unwrap_or_default().to_vec();
        Self { offsets, next, flat: vec![0; total as usize] }
    }

    fn put(&mut self, row: u32, value: u32) {
        let Some(next) = self.next.get_mut(row as usize) else { return };
        if let Some(slot) = self.flat.get_mut(*next as usize) {
            *slot = value;
        }
        *next += 1;
    }

    fn bounds(&self, row: u32) -> std::ops::Range<usize> {
        let at = |number: usize| self.offsets.get(number).map_or(0, |&offset| offset as usize);
        at(row as usize)..at(row as usize + 1)
    }

    fn row(&self, row: u32) -> &[u32] {
        self.flat.get(self.bounds(row)).unwrap_or_default()
    }

    fn sort(&mut self) {
        for row in (0..).take(self.next.len()) {
            let bounds = self.bounds(row);
            if let Some(row) = self.flat.get_mut(bounds)
                && !row.is_sorted()
            {
                row.sort_unstable();
            }
        }
    }

    fn rows(self) -> Rows {
        Rows::new(self.offsets, self.flat)
    }
}

//! Rows of numbers, packed: a compressed sparse row matrix, and beside it the few rows that have changed since it was
//! packed. A change copies its own row and two short lists, so that readers keep the old matrix for nothing. Not a map:
//! rows are dense, numbered from 0.

use std::sync::Arc;

/// Lists of changed rows. A row stands in the list of its number, modulo this.
const LISTS: usize = 64;

/// Changed rows after which the matrix is packed anew. Every copy of a list costs by its length; packing costs some 40 ms
/// for ten million numbers.
const MAX_CHANGED: usize = 1_024;

/// Rows up to this length are counted through instead of searched.
const SHORT: usize = 256;

/// How many numbers of a row are below a value; the row is in order. The parts of a short row come from memory side by
/// side, where a search by halves would wait for each of its steps.
pub fn below(row: &[u32], value: u32) -> usize {
    if row.len() > SHORT {
        return row.partition_point(|&number| number < value);
    }
    row.iter().map(|&number| u32::from(number < value)).sum::<u32>() as usize
}

/// A changed row.
type Row = Arc<Vec<u32>>;

/// Changed rows, in order of number.
type List = Arc<Vec<(u32, Row)>>;

/// Rows of numbers. Cloning costs three counters.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Where each row begins in `flat`, and where the last one ends.
    offsets: Arc<Vec<u32>>,
    flat: Arc<Vec<u32>>,
    /// None: nothing has changed.
    changed: Option<Arc<Vec<Option<List>>>>,
    /// How many rows have.
    count: usize,
}

impl Rows {
    /// From the offsets of one row more than there are into `flat`.
    pub fn new(offsets: Vec<u32>, flat: Vec<u32>) -> Self {
        Self { offsets: offsets.into(), flat: flat.into(), changed: None, count: 0 }
    }

    /// One row; empty for a number beyond the last.
    pub fn row(&self, number: u32) -> &[u32] {
        if let Some(lists) = &self.changed
            && let Some(Some(list)) = lists.get(number as usize % LISTS)
            && let Ok(at) = list.binary_search_by_key(&number, |(number, _)| *number)
        {
            return list.get(at).map_or(&[], |(_, row)| row);
        }
        self.packed(number)
    }

    fn packed(&self, number: u32) -> &[u32] {
        let number = number as usize;
        match (self.offsets.get(number), self.offsets.get(number + 1)) {
            (Some(&from), Some(&to)) => {
                self.flat.get(from as usize..to as usize).unwrap_or_default()
            }
            (Some(_) | None, Some(_) | None) => &[],
        }
    }

    /// Replaces one row; a number beyond the last changes nothing.
    pub fn replace(&mut self, number: u32, row: Vec<u32>) {
        if number as usize + 1 >= self.offsets.len() {
            return;
        }
        let lists = self.changed.get_or_insert_with(|| Arc::new(vec![None; LISTS]));
        let Some(list) = Arc::make_mut(lists).get_mut(number as usize % LISTS) else { return };
        let list = Arc::make_mut(list.get_or_insert_default());
        match list.binary_search_by_key(&number, |(number, _)| *number) {
            Ok(at) => {
                if let Some((_, old)) = list.get_mut(at) {
                    *old = row.into();
                }
            }
            Err(at) => {
                list.insert(at, (number, row.into()));
                self.count += 1;
            }
        }
        if self.count > MAX_CHANGED {
            *self = self.repacked();
        }
    }

    fn repacked(&self) -> Self {
        let mut offsets = Vec::with_capacity(self.offsets.len());
        let mut flat = Vec::with_capacity(self.flat.len() + self.count);
        offsets.push(0);
        for number in (0..).take(self.offsets.len().saturating_sub(1)) {
            flat.extend_from_slice(self.row(number));
            offsets.push(u32::try_from(flat.len()).unwrap_or(u32::MAX));
        }
        Self::new(offsets, flat)
    }
}

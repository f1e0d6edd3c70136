//! Checking an exported record from nothing but its files and a public key.
//!
//! One pass: each entry is hashed and compared with its tile, read, and its sealed parts compared with what it
//! commits to; the tree grows along and its root must be the signed one. It does not judge what was decided, only
//! that this is what was recorded. Only a failure costs a second pass, to say whether entry or tile was changed.

use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::entry::Entry;
use crate::ledger::note::VerifierKey;
use crate::ledger::note::verify_note;
use crate::ledger::report::Failure;
use crate::ledger::report::Problem;
use crate::ledger::report::Report;
use crate::ledger::sealed::Kept;
use crate::ledger::sealed::SealedFile;
use crate::ledger::tile;
use crate::ledger::tile::FULL;
use crate::ledger::tile::Tiles;
use crate::ledger::tree::Frontier;
use crate::ledger::tree::Hash;
use crate::ledger::tree::leaf_hash;

/// What the reader already knows of the record.
#[derive(Debug, Clone, Copy)]
pub enum Since<'a> {
    /// Nothing: a cut tail will not be seen.
    Nothing,
    /// The signed note of an earlier checkpoint; the record must continue it.
    Checkpoint(&'a str),
}

/// Checks the record that `read` gives file by file: `Ok(None)` for a file that is not there, `Err` with the cause
/// for one that is there and cannot be read (so that it never counts as erased). Memory: a bundle and a tile a level.
pub fn verify(
    read: impl Fn(&str) -> Result<Option<Vec<u8>>, String>,
    key: &VerifierKey,
    since: Since<'_>,
) -> Report {
    let mut report = Report::default();
    let files = Files { read };
    report.failure = check(&files, key, since, &mut report).err();
    report
}

/// Of the names in the folder `sealed/`, the first that belongs to no entry of a record of `size` entries.
pub fn strays<'a>(size: u64, names: impl IntoIterator<Item = &'a str>) -> Option<Failure> {
    let known = |name: &str| {
        let index = name.strip_suffix(".json").and_then(|index| index.parse::<u64>().ok());
        index.is_some_and(|index| {
            index < size && SealedFile::path(index) == format!("sealed/{name}")
        })
    };
    let stray = names.into_iter().find(|name| !known(name))?;
    Some(Failure { entry: None, file: format!("sealed/{stray}"), problem: Problem::Stray })
}

struct Files<R> {
    read: R,
}

impl<R: Fn(&str) -> Result<Option<Vec<u8>>, String>> Files<R> {
    fn find(&self, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        (self.read)(path).map_err(|why| in_file(path, Problem::Unreadable(why)))
    }

    fn need(&self, path: &str) -> Result<Vec<u8>, Failure> {
        self.find(path)?.ok_or_else(|| in_file(path, Problem::Missing))
    }

    /// The leaf hashes of one bundle as the lowest tile has them.
    fn leaves(&self, number: u64, size: u64) -> Result<Vec<Hash>, Failure> {
        let width = tile::width(size, number);
        let path = tile::tile_path(0, number, width);
        let bytes = self.need(&path)?;
        let (hashes, odd) = bytes.as_chunks();
        let whole = odd.is_empty() && hashes.len() as u64 == width;
        let hashes = whole.then(|| hashes.iter().copied().map(Hash).collect());
        hashes.ok_or_else(|| in_file(&path, Problem::TileLength(width)))
    }
}

/// The entries of one bundle, as many as it must have.
fn entries<'a>(path: &str, bundle: &'a [u8], width: u64) -> Result<Vec<&'a [u8]>, Failure> {
    let entries = tile::split_bundle(bundle).filter(|entries| entries.len() as u64 == width);
    entries.ok_or_else(|| in_file(path, Problem::Bundle(width)))
}

fn in_file(path: &str, problem: Problem) -> Failure {
    Failure { entry: None, file: path.to_owned(), problem }
}

fn check<R: Fn(&str) -> Result<Option<Vec<u8>>, String>>(
    files: &Files<R>,
    key: &VerifierKey,
    since: Since<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    let note = files.need("checkpoint")?;
    let note = str::from_utf8(&note)
        .map_err(|_| in_file("checkpoint", Problem::Unreadable("not UTF-8".into())))?;
    let checkpoint = open(note, key).map_err(|problem| in_file("checkpoint", problem))?;
    report.checkpoint = Some(checkpoint.clone());
    let earlier = earlier(since, key, checkpoint.size)?;
    let mut walk = Walk { files, checkpoint, earlier, tiles: Tiles::default(), report };
    walk.compare_earlier()?;
    for number in 0..walk.checkpoint.size.div_ceil(FULL) {
        walk.block(number)?;
    }
    walk.finish()
}

fn open(note: &str, key: &VerifierKey) -> Result<Checkpoint, Problem> {
    let checkpoint: Checkpoint = verify_note(note, key)?.parse()?;
    if checkpoint.origin == key.name() {
        Ok(checkpoint)
    } else {
        Err(Problem::Origin { found: checkpoint.origin, wanted: key.name().to_owned() })
    }
}

fn earlier(since: Since<'_>, key: &VerifierKey, now: u64) -> Result<Option<Checkpoint>, Failure> {
    let Since::Checkpoint(note) = since else { return Ok(None) };
    let name = "the earlier checkpoint";
    let earlier = open(note, key).map_err(|problem| in_file(name, problem))?;
    if earlier.size > now {
        return Err(in_file("checkpoint", Problem::Shorter { earlier: earlier.size, now }));
    }
    Ok(Some(earlier))
}

struct Walk<'a, R> {
    files: &'a Files<R>,
    checkpoint: Checkpoint,
    earlier: Option<Checkpoint>,
    tiles: Tiles,
    report: &'a mut Report,
}

impl<R: Fn(&str) -> Result<Option<Vec<u8>>, String>> Walk<'_, R> {
    /// First every hash of the block, then what the entries say: a changed entry is called changed, whatever else
    /// is now wrong with it.
    fn block(&mut self, number: u64) -> Result<(), Failure> {
        let (files, size) = (self.files, self.checkpoint.size);
        let path = tile::bundle_path(number, tile::width(size, number));
        let bundle = files.need(&path)?;
        let entries = entries(&path, &bundle, tile::width(size, number))?;
        for ((index, entry), signed) in
            (number * FULL..).zip(&entries).zip(files.leaves(number, size)?)
        {
            let hash = leaf_hash(entry);
            if hash != signed {
                return Err(blame(files, &self.checkpoint, index));
            }
            self.grow(hash)?;
        }
        (number * FULL..)
            .zip(entries)
            .try_for_each(|(index, bytes)| self.entry(&path, index, bytes))
    }

    fn entry(&mut self, bundle: &str, index: u64, bytes: &[u8]) -> Result<(), Failure> {
        let here = |problem| Failure { entry: Some(index), file: bundle.to_owned(), problem };
        let entry = Entry::from_bytes(bytes).map_err(|error| here(error.into()))?;
        self.time(&entry).map_err(here)?;
        self.sealed(index, &entry)?;
        self.report.entries += 1;
        *self.report.kinds.entry(entry.kind).or_default() += 1;
        Ok(())
    }

    fn grow(&mut self, hash: Hash) -> Result<(), Failure> {
        let filled = self.tiles.push(hash);
        self.compare_earlier()?;
        filled.iter().try_for_each(|(path, bytes)| self.compare_tile(path, bytes))
    }

    /// The lowest tiles were compared hash by hash, which names the entry.
    fn compare_tile(&self, path: &str, computed: &[u8]) -> Result<(), Failure> {
        if path.starts_with("tile/0/") || self.files.need(path)? == computed {
            return Ok(());
        }
        Err(in_file(path, Problem::Tile))
    }

    fn compare_earlier(&mut self) -> Result<(), Failure> {
        let Some(earlier) =
            self.earlier.as_ref().filter(|earlier| earlier.size == self.tiles.size())
        else {
            return Ok(());
        };
        if earlier.root != self.tiles.root() {
            return Err(in_file("checkpoint", Problem::Forked { size: earlier.size }));
        }
        self.report.since = Some(earlier.size);
        Ok(())
    }

    fn time(&mut self, entry: &Entry) -> Result<(), Problem> {
        let before = self.report.last.filter(|before| *before > entry.at && !entry.marks_clock());
        if let Some(before) = before {
            return Err(Problem::Clock { at: entry.at, before });
        }
        self.report.first = self.report.first.or(Some(entry.at));
        self.report.last = Some(entry.at);
        Ok(())
    }

    fn sealed(&mut self, index: u64, entry: &Entry) -> Result<(), Failure> {
        let path = SealedFile::path(index);
        let bytes = self.files.find(&path)?;
        let count = &mut self.report.sealed;
        let present = count.present + count.erased;
        if let Some(bytes) = bytes {
            let mut compare = || -> Result<(), Problem> {
                let file = SealedFile::from_bytes(&bytes)?;
                if file.index != index {
                    return Err(Problem::SealedElsewhere(file.index));
                }
                for kept in &file.parts {
                    *if matches(kept, entry)? { &mut count.present } else { &mut count.erased } +=
                        1;
                }
                Ok(())
            };
            compare().map_err(|problem| Failure { entry: Some(index), file: path, problem })?;
        }
        count.absent +=
            (entry.sealed.len() as u64).saturating_sub(count.present + count.erased - present);
        Ok(())
    }

    fn finish(self) -> Result<(), Failure> {
        let computed = self.tiles.root();
        let Checkpoint { size, root: signed, .. } = self.checkpoint;
        if computed != signed {
            return Err(in_file("checkpoint", Problem::Root { size, computed, signed }));
        }
        self.tiles.partial().iter().try_for_each(|(path, bytes)| self.compare_tile(path, bytes))
    }
}

/// Whether a part is present (true) or erased (false), as the entry commits to it.
fn matches(kept: &Kept, entry: &Entry) -> Result<bool, Problem> {
    let name = kept.name();
    let commitment =
        entry.sealed.get(name).ok_or_else(|| Problem::SealedUnknown(name.to_owned()))?;
    match kept {
        Kept::Erased { .. } => Ok(false),
        Kept::Present(part) if part.matches(commitment) => Ok(true),
        Kept::Present(_) => Err(Problem::SealedChanged(name.to_owned())),
    }
}

/// Entry `index` and its tile differ: which of the two was signed?
fn blame<R: Fn(&str) -> Result<Option<Vec<u8>>, String>>(
    files: &Files<R>,
    checkpoint: &Checkpoint,
    index: u64,
) -> Failure {
    let Checkpoint { size, root, .. } = checkpoint;
    let number = index / FULL;
    let width = tile::width(*size, number);
    let (file, problem) = if root_of_tiles(files, *size).is_ok_and(|tiles| tiles == *root) {
        (tile::bundle_path(number, width), Problem::Changed)
    } else if root_of_entries(files, *size).is_ok_and(|entries| entries == *root) {
        (tile::tile_path(0, number, width), Problem::Tile)
    } else {
        (tile::bundle_path(number, width), Problem::Neither)
    };
    Failure { entry: Some(index), file, problem }
}

fn root_of_tiles<R: Fn(&str) -> Result<Option<Vec<u8>>, String>>(
    files: &Files<R>,
    size: u64,
) -> Result<Hash, Failure> {
    let mut edge = Frontier::new();
    for number in 0..size.div_ceil(FULL) {
        for leaf in files.leaves(number, size)? {
            edge.append(leaf);
        }
    }
    Ok(edge.root())
}

fn root_of_entries<R: Fn(&str) -> Result<Option<Vec<u8>>, String>>(
    files: &Files<R>,
    size: u64,
) -> Result<Hash, Failure> {
    let mut edge = Frontier::new();
    for number in 0..size.div_ceil(FULL) {
        let width = tile::width(size, number);
        let path = tile::bundle_path(number, width);
        for entry in entries(&path, &files.need(&path)?, width)? {
            edge.append(leaf_hash(entry));
        }
    }
    Ok(edge.root())
}

//! Checking an exported record from nothing but its files and a public key.
//!
//! One pass: each entry is hashed and compared with its tile, read, and its sealed parts compared with what it
//! commits to; the tree grows along and its root must be the signed one. It does not judge what was decided, only
//! that this is what was recorded. Only a failure costs a second pass, to say whether entry or tile was changed.
//!
//! What an entry says can be read beside its neighbours, on several threads; the tree, the order of times and the first
//! failure are found by one, in the entries' order, so that a report never depends on the number of threads.

use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::entry::Entry;
use crate::ledger::entry::Kind;
use crate::ledger::note::VerifierKey;
use crate::ledger::note::verify_note;
use crate::ledger::report::Continuity;
use crate::ledger::report::Failure;
use crate::ledger::report::Problem;
use crate::ledger::report::Report;
use crate::ledger::report::SealedCount;
use crate::ledger::sealed::Kept;
use crate::ledger::sealed::SealedFile;
use crate::ledger::tile;
use crate::ledger::tile::FULL;
use crate::ledger::tile::Tiles;
use crate::ledger::time::Moment;
use crate::ledger::tree::Frontier;
use crate::ledger::tree::Hash;
use crate::ledger::tree::leaf_hash;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::panic::resume_unwind;
use std::thread;

/// Blocks that a thread reads before its work is taken: some milliseconds, so that starting it costs little beside.
const BLOCKS_A_THREAD: u32 = 4;

/// What the reader already knows of the record.
#[derive(Debug, Clone, Copy)]
pub enum Since<'a> {
    /// Nothing: a cut tail will not be seen.
    Nothing,
    /// The signed note of an earlier checkpoint; the record must continue it.
    Checkpoint(&'a str),
}

/// Checks the record that `read` gives file by file: `Ok(None)` for a file that is not there, `Err` with the cause
/// for one that is there and cannot be read (so that it never counts as erased). Entries are read on so many threads.
/// Memory: four bundles a thread and a tile a level. Cost: some 5 µs an entry, the larger part of it on every thread.
pub fn verify(
    read: impl Fn(&str) -> Result<Option<Vec<u8>>, String> + Sync,
    key: &VerifierKey,
    since: Since<'_>,
    threads: NonZeroUsize,
) -> Report {
    let asked = match since {
        Since::Nothing => Continuity::NotAsked,
        Since::Checkpoint(_) => Continuity::NotShown,
    };
    let mut report = Report { since: asked, ..Report::default() };
    let files = Files { read };
    report.failure = check(&files, key, since, threads, &mut report).err();
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

    fn said(&self, bundle: &str, index: u64, bytes: &[u8]) -> Result<Said, Failure> {
        let entry = Entry::from_bytes(bytes).map_err(|error| Failure {
            entry: Some(index),
            file: bundle.to_owned(),
            problem: error.into(),
        })?;
        let sealed = self.sealed(index, &entry);
        Ok(Said { kind: entry.kind, at: entry.at, marks_clock: entry.marks_clock(), sealed })
    }

    fn sealed(&self, index: u64, entry: &Entry) -> Result<SealedCount, Failure> {
        let path = SealedFile::path(index);
        let Some(bytes) = self.find(&path)? else {
            return Ok(SealedCount { absent: entry.sealed.len() as u64, ..SealedCount::default() });
        };
        count(&bytes, index, entry).map_err(|problem| Failure {
            entry: Some(index),
            file: path,
            problem,
        })
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

fn check<R: Fn(&str) -> Result<Option<Vec<u8>>, String> + Sync>(
    files: &Files<R>,
    key: &VerifierKey,
    since: Since<'_>,
    threads: NonZeroUsize,
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
    let (size, at_once) = (walk.checkpoint.size, u64::from(BLOCKS_A_THREAD) * threads.get() as u64);
    let blocks = size.div_ceil(FULL);
    for first in (0..blocks).step_by(usize::try_from(at_once).unwrap_or(usize::MAX)) {
        for block in read_blocks(files, size, first..blocks.min(first + at_once)) {
            walk.block(block?)?;
        }
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

/// A bundle of entries beside what its lowest tile has of them.
struct Block {
    path: String,
    /// The index of its first entry.
    first: u64,
    hashes: Vec<Hash>,
    signed: Vec<Hash>,
    /// Up to the first that cannot be read.
    said: Vec<Result<Said, Failure>>,
}

/// What the walk needs to know of an entry.
struct Said {
    kind: Kind,
    at: Moment,
    marks_clock: bool,
    sealed: Result<SealedCount, Failure>,
}

/// Reads these blocks, up to the first that is not there: one thread for every [`BLOCKS_A_THREAD`] of them.
fn read_blocks<R: Fn(&str) -> Result<Option<Vec<u8>>, String> + Sync>(
    files: &Files<R>,
    size: u64,
    blocks: Range<u64>,
) -> Vec<Result<Block, Failure>> {
    let mut firsts = blocks.clone().step_by(BLOCKS_A_THREAD as usize);
    let read = |first: u64| {
        let part = (first..blocks.end).take(BLOCKS_A_THREAD as usize);
        part.map(|number| Block::read(files, number, size)).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let (read, own) = (&read, firsts.next());
        let others: Vec<_> = firsts.map(|first| scope.spawn(move || read(first))).collect();
        let mut all = own.map(read).unwrap_or_default();
        for other in others {
            all.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        all
    })
}

impl Block {
    fn read<R: Fn(&str) -> Result<Option<Vec<u8>>, String>>(
        files: &Files<R>,
        number: u64,
        size: u64,
    ) -> Result<Self, Failure> {
        let (width, first) = (tile::width(size, number), number * FULL);
        let path = tile::bundle_path(number, width);
        let bundle = files.need(&path)?;
        let entries = entries(&path, &bundle, width)?;
        let signed = files.leaves(number, size)?;
        let mut said = Vec::with_capacity(entries.len());
        for (index, bytes) in (first..).zip(&entries) {
            said.push(files.said(&path, index, bytes));
            if said.last().is_some_and(Result::is_err) {
                break;
            }
        }
        let hashes = entries.iter().map(|entry| leaf_hash(entry)).collect();
        Ok(Self { path, first, hashes, signed, said })
    }
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
    fn block(&mut self, block: Block) -> Result<(), Failure> {
        for ((index, hash), signed) in (block.first..).zip(block.hashes).zip(block.signed) {
            if hash != signed {
                return Err(blame(self.files, &self.checkpoint, index));
            }
            self.grow(hash)?;
        }
        (block.first..)
            .zip(block.said)
            .try_for_each(|(index, said)| self.entry(&block.path, index, said?))
    }

    fn entry(&mut self, bundle: &str, index: u64, said: Said) -> Result<(), Failure> {
        self.time(&said).map_err(|problem| Failure {
            entry: Some(index),
            file: bundle.to_owned(),
            problem,
        })?;
        let (found, total) = (said.sealed?, &mut self.report.sealed);
        total.present += found.present;
        total.erased += found.erased;
        total.absent += found.absent;
        self.report.entries += 1;
        *self.report.kinds.entry(said.kind).or_default() += 1;
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
        self.report.since = Continuity::Shown(earlier.size);
        Ok(())
    }

    fn time(&mut self, said: &Said) -> Result<(), Problem> {
        let before = self.report.last.filter(|before| *before > said.at && !said.marks_clock);
        if let Some(before) = before {
            return Err(Problem::Clock { at: said.at, before });
        }
        self.report.first = self.report.first.or(Some(said.at));
        self.report.last = Some(said.at);
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

/// What a file of sealed parts has of what its entry commits to.
fn count(bytes: &[u8], index: u64, entry: &Entry) -> Result<SealedCount, Problem> {
    let file = SealedFile::from_bytes(bytes)?;
    if file.index != index {
        return Err(Problem::SealedElsewhere(file.index));
    }
    let mut found = SealedCount { absent: entry.sealed.len() as u64, ..SealedCount::default() };
    for kept in &file.parts {
        let name = kept.name();
        let commitment =
            entry.sealed.get(name).ok_or_else(|| Problem::SealedUnknown(name.to_owned()))?;
        found.absent -= 1;
        match kept {
            Kept::Erased { .. } => found.erased += 1,
            Kept::Present(part) if part.matches(commitment) => found.present += 1,
            Kept::Present(_) => return Err(Problem::SealedChanged(name.to_owned())),
        }
    }
    Ok(found)
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

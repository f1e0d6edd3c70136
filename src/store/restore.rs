//! Coming back from a backup: a new store in an empty place, or nothing.
//!
//! The copy is checked under another name before it becomes the store: the database's own structure, the tree against
//! every entry, the newest checkpoint, the key if there is one. Whoever restores proves the signatures too, with
//! [`crate::ledger::verify()`], before [`Restoring::finish`].

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::Connection;
use tokio::task::spawn_blocking;

use crate::ledger;
use crate::ledger::Frontier;
use crate::secret::Seal;
use crate::store::CopyError;
use crate::store::Go;
use crate::store::Mark;
use crate::store::OpenError;
use crate::store::Progress;
use crate::store::StoreError;
use crate::store::copy;
use crate::store::copy::Unfinished;
use crate::store::info::beside;
use crate::store::log;
use crate::store::open;
use crate::store::reader;
use crate::store::schema;

/// What must not be there: a log of another store would be taken for the new one's.
const PLACES: [&str; 3] = ["", "-wal", "-shm"];

/// A store that came back and has not got its name yet. Dropped, nothing of it is left.
#[derive(Debug)]
pub struct Restoring {
    copy: Unfinished,
    to: PathBuf,
    mark: Mark,
}

impl Restoring {
    /// Copies a backup to where a store is to be, and checks it. With `seal`, also that this key opens it.
    pub async fn begin(
        from: &Path,
        to: &Path,
        seal: Option<Arc<Seal>>,
        progress: impl FnMut(Progress) -> Go + Send + 'static,
    ) -> Result<Self, CopyError> {
        let (from, to) = (from.to_owned(), to.to_owned());
        spawn_blocking(move || begin(&from, to, seal.as_deref(), progress))
            .await
            .map_err(|_| StoreError::Closed)?
    }

    /// Where it stands until it has its name; to be opened for reading only.
    pub fn path(&self) -> &Path {
        &self.copy.path
    }

    /// What it holds.
    pub const fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Makes it the store.
    pub fn finish(self) -> Result<Mark, CopyError> {
        self.copy.finish(&self.to)?;
        Ok(self.mark)
    }
}

fn begin(
    from: &Path,
    to: PathBuf,
    seal: Option<&Seal>,
    progress: impl FnMut(Progress) -> Go,
) -> Result<Restoring, CopyError> {
    if let Some(there) =
        PLACES.iter().map(|added| beside(&to, added)).find(|path| path.symlink_metadata().is_ok())
    {
        return Err(CopyError::Occupied(there));
    }
    expect_ours(from)?;
    let copy = Unfinished::begin(&to)?;
    copy.fill(from, progress).map_err(|error| damaged(from, error))?;
    let mark = proven(&copy.path, seal).map_err(|error| damaged(from, error))?;
    Ok(Restoring { copy, to, mark })
}

/// Refuses what is not a store before a byte of it is copied.
fn expect_ours(from: &Path) -> Result<(), CopyError> {
    let db = reader::connect(from).map_err(|error| schema::unreadable(from, error))?;
    match schema::version(&db, from).map_err(|error| damaged(from, error.into()))? {
        0 => Err(OpenError::NotAStore(from.to_owned()).into()),
        _ => Ok(()),
    }
}

/// What holds of it, or what does not.
fn proven(path: &Path, seal: Option<&Seal>) -> Result<Mark, CopyError> {
    let db = Connection::open(path)?;
    db.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;")?;
    whole(&db)?;
    schema::migrate(&db, path)?;
    let state = log::state(&db)?;
    if counted(&db)? != state.edge {
        return Err(StoreError::Corrupt("its tree is not that of its entries".to_owned()).into());
    }
    if let Some(seal) = seal {
        open::check_key(&db, seal)?;
    }
    copy::mark(&db, path)
}

/// The database's own check of every page.
fn whole(db: &Connection) -> Result<(), StoreError> {
    let said: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if said == "ok" { Ok(()) } else { Err(StoreError::Corrupt(said)) }
}

/// The tree over every entry there is, grown anew.
fn counted(db: &Connection) -> Result<Frontier, StoreError> {
    let mut query = db.prepare("SELECT bytes FROM entry ORDER BY idx")?;
    let mut rows = query.query([])?;
    let mut edge = Frontier::new();
    while let Some(row) = rows.next()? {
        edge.append(ledger::leaf_hash(row.get_ref(0)?.as_blob().unwrap_or_default()));
    }
    Ok(edge)
}

/// What is wrong with a copy is wrong with what it was copied from.
fn damaged(from: &Path, error: CopyError) -> CopyError {
    let why = match error {
        CopyError::Open(OpenError::Record(why)) => format!("its record was changed: {why}"),
        CopyError::Open(OpenError::Store(
            StoreError::Corrupt(why) | StoreError::Unreadable(why),
        )) => why,
        other @ (CopyError::Occupied(_)
        | CopyError::Unfinished(_)
        | CopyError::Unwritable { .. }
        | CopyError::Damaged { .. }
        | CopyError::Stopped
        | CopyError::Open(_)) => return other,
    };
    CopyError::Damaged { path: from.to_owned(), why }
}

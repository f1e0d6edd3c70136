//! Opening: everything that must hold before the first delivery is acknowledged.

use std::fs::File;
use std::fs::OpenOptions;
use std::fs::TryLockError;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicI64;
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tokio::task::JoinSet;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::secret::Seal;
use crate::secret::SealError;
use crate::store::Inner;
use crate::store::OpenError;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::log;
use crate::store::meta;
use crate::store::queue;
use crate::store::reader;
use crate::store::reader::Readers;
use crate::store::recent::Recent;
use crate::store::recording::News;
use crate::store::schema;
use crate::store::seen::Seen;
use crate::store::trouble::Trouble;
use crate::store::wal;
use crate::store::writer::Writer;

/// How long the first statement waits for a lock that a backup may hold.
const PATIENCE: Duration = Duration::from_secs(5);

/// The writer's pages in memory, in KiB (negative: not pages). Ids that are hashes touch pages all over an index; with the
/// default of 2 MB most of them would be read again for each row.
const CACHE_KIB: i64 = -8_192;

/// Read and write for our user, nothing for anybody else: names stand in the file.
pub(super) const OURS_ALONE: u32 = 0o600;

/// What a store is for. A demo's has a made-up world in it and must never serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A gateway's.
    Serve,
    /// The demo's.
    Demo,
}

impl Role {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Demo => "demo",
        }
    }
}

/// How to open a store.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file; see [`path_of`]. Beside it stand `-wal`, `-shm` and `.lock`.
    pub path: PathBuf,
    /// Seals what holds names, bodies and keys. The one key that is never in the store.
    pub seal: Arc<Seal>,
    /// The ledger's origin, for a store that has none yet: a host and a path without a scheme. An existing store
    /// keeps its own, or every checkpoint before would speak of another record.
    pub origin: String,
    /// What the store is for.
    pub role: Role,
}

/// The file of an address such as `sqlite:portcullis.db`.
pub fn path_of(address: &str) -> Result<PathBuf, OpenError> {
    match address.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() => Ok(PathBuf::from(path)),
        Some(_) | None => Err(OpenError::Address(address.to_owned())),
    }
}

/// What a store says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub instance: Uuid,
    pub origin: String,
}

impl Store {
    /// Opens the store for writing, and makes it if there is none. Only one process can.
    pub async fn open(settings: Settings) -> Result<Self, OpenError> {
        spawn_blocking(move || open(&settings)).await.map_err(|_| StoreError::Closed)?
    }

    /// Opens the store for reading, also beside a running gateway; what is sealed stays shut.
    pub async fn open_read_only(path: &Path) -> Result<Self, OpenError> {
        let path = path.to_owned();
        spawn_blocking(move || look(&path, None)).await.map_err(|_| StoreError::Closed)?
    }

    /// Likewise, with the key that opens what is sealed.
    pub async fn open_read_only_sealed(path: &Path, seal: Arc<Seal>) -> Result<Self, OpenError> {
        let path = path.to_owned();
        spawn_blocking(move || look(&path, Some(seal))).await.map_err(|_| StoreError::Closed)?
    }
}

fn open(settings: &Settings) -> Result<Store, OpenError> {
    let path = &settings.path;
    let lock = lock(path)?;
    let mut db = connect(path)?;
    durable(&db, path)?;
    db.pragma_update(None, "cache_size", CACHE_KIB)?;
    schema::migrate(&db, path)?;
    let identity = introduce(&db, settings)?;
    let state = log::state(&db)?;
    // Whoever held a lease is gone: we hold the lock.
    db.execute_batch(
        "UPDATE delivery SET lease = 0 WHERE state = 0 AND lease <> 0;
         UPDATE action SET lease = 0 WHERE state = 0 AND lease <> 0;",
    )?;
    let clock = Arc::new(AtomicI64::new(meta::number(&db, meta::STAMP)?.max(state.last)));
    let seen = Arc::new(Seen::of(&db)?);
    let recent = Recent::of(&db, Arc::clone(&seen))?;
    let shared = recent.shared();
    let (orders, line) = wal::line();
    wal::watch(&mut db, orders.clone())?;
    let copier = wal::connect(path)?;
    let trouble = Trouble::default();
    let (queue, batches, gatherer) = queue::open();
    let writer = Writer {
        db,
        seal: settings.seal.clone(),
        state,
        recent,
        clock: clock.clone(),
        batches,
        lock,
        trouble: trouble.clone(),
        in_trouble: false,
        broken: None,
    };
    let threads = vec![
        start(path, "store-writer", move || writer.run())?,
        start(path, "store-wal", move || wal::run(&copier, line))?,
    ];
    let inner = Inner {
        queue: Some(queue),
        gatherer,
        orders: Some(orders),
        readers: Readers::new(path),
        seal: Some(settings.seal.clone()),
        path: path.clone(),
        clock,
        seen: Some(seen),
        recent: Some(shared),
        identity,
        news: News::default(),
        trouble,
        // A life before this one may have ended between erasing and emptying.
        owes_emptying: AtomicBool::new(true),
        history: tokio::sync::Mutex::new(()),
        moving: tokio::sync::Mutex::new(()),
        threads: Mutex::new(threads),
    };
    Ok(Store::of(inner))
}

fn look(path: &Path, seal: Option<Arc<Seal>>) -> Result<Store, OpenError> {
    let db = reader::connect(path).map_err(|error| schema::unreadable(path, error))?;
    schema::expect_known(&db, path)?;
    let identity = identity(&db)?;
    if let Some(seal) = &seal {
        check_key(&db, seal)?;
    }
    let clock = Arc::new(AtomicI64::new(meta::number(&db, meta::STAMP)?));
    let inner = Inner {
        queue: None,
        gatherer: JoinSet::new(),
        orders: None,
        readers: Readers::new(path),
        seal,
        path: path.to_owned(),
        clock,
        seen: None,
        recent: None,
        identity,
        news: News::default(),
        trouble: Trouble::default(),
        owes_emptying: AtomicBool::new(false),
        history: tokio::sync::Mutex::new(()),
        moving: tokio::sync::Mutex::new(()),
        threads: Mutex::default(),
    };
    Ok(Store::of(inner))
}

/// A lock beside the file, not on it: locks on the file itself are the database's.
fn lock(path: &Path) -> Result<File, OpenError> {
    let unreachable = |why: String| OpenError::Unreachable { path: path.to_owned(), why };
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(OURS_ALONE)
        .open(PathBuf::from(name))
        .map_err(|error| unreachable(error.to_string()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(unreachable(error.to_string())),
    }
}

/// Makes the file if there is none, for our user alone; the database gives the files beside it the same rights. A file
/// that is there is not touched: closing it again would drop locks the database holds on it in this process.
fn make(path: &Path) -> Result<(), OpenError> {
    match OpenOptions::new().write(true).create_new(true).mode(OURS_ALONE).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(OpenError::Unreachable { path: path.to_owned(), why: error.to_string() }),
    }
}

fn connect(path: &Path) -> Result<Connection, OpenError> {
    make(path)?;
    let open = || {
        let db = Connection::open(path)?;
        db.set_prepared_statement_cache_capacity(reader::STATEMENTS);
        db.busy_timeout(PATIENCE)?;
        db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
        Ok(db)
    };
    open().map_err(|error| schema::unreadable(path, error))
}

/// Sets what durability and erasure rest on, and believes only what the database then says.
fn durable(db: &Connection, path: &Path) -> Result<(), OpenError> {
    let settings = [
        ("journal_mode", "wal", "wal"),
        ("synchronous", "FULL", "2"),
        ("secure_delete", "ON", "1"),
        ("foreign_keys", "ON", "1"),
        ("wal_autocheckpoint", "0", "0"),
        // A copy of a page in a temporary file would survive an erasure.
        ("temp_store", "MEMORY", "2"),
    ];
    for (setting, value, wanted) in settings {
        // A few answer with a row and a few do not; what counts is what is read back.
        db.pragma_update(None, setting, value).or_else(ignore_row)?;
        let found = db.pragma_query_value(None, setting, |row| {
            row.get::<_, i64>(0).map(|number| number.to_string()).or_else(|_| row.get(0))
        })?;
        if found != wanted {
            return Err(OpenError::NotDurable { path: path.to_owned(), setting, found, wanted });
        }
    }
    Ok(())
}

fn ignore_row(error: rusqlite::Error) -> Result<(), rusqlite::Error> {
    if matches!(error, rusqlite::Error::ExecuteReturnedResults) { Ok(()) } else { Err(error) }
}

/// Says who we are to a new store, and asks an old one.
fn introduce(db: &Connection, settings: &Settings) -> Result<Identity, OpenError> {
    if meta::get(db, meta::INSTANCE)?.is_none() {
        let check =
            settings.seal.seal(meta::KEY_CHECK, meta::KEY_TEXT).map_err(StoreError::from)?;
        let all = db.unchecked_transaction()?;
        meta::put(db, meta::KEY_CHECK, &check)?;
        meta::put(db, meta::ORIGIN, settings.origin.as_bytes())?;
        meta::put(db, meta::ROLE, settings.role.as_str().as_bytes())?;
        meta::put(db, meta::INSTANCE, Uuid::now_v7().as_bytes())?;
        all.commit()?;
    }
    check_key(db, &settings.seal)?;
    let found = text(db, meta::ROLE)?;
    if found != settings.role.as_str() {
        return Err(OpenError::Role { found, wanted: settings.role.as_str() });
    }
    identity(db)
}

fn identity(db: &Connection) -> Result<Identity, OpenError> {
    let instance = meta::get(db, meta::INSTANCE)?.unwrap_or_default();
    let instance = Uuid::from_slice(&instance)
        .map_err(|_| StoreError::Corrupt("its id is not an id".to_owned()))?;
    Ok(Identity { instance, origin: text(db, meta::ORIGIN)? })
}

/// Whose store it is.
pub(super) fn role_of(db: &Connection) -> Result<String, StoreError> {
    Ok(String::from_utf8_lossy(&meta::get(db, meta::ROLE)?.unwrap_or_default()).into_owned())
}

/// The folder of a file.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn text(db: &Connection, name: &str) -> Result<String, OpenError> {
    Ok(String::from_utf8_lossy(&meta::get(db, name)?.unwrap_or_default()).into_owned())
}

pub(super) fn check_key(db: &Connection, seal: &Seal) -> Result<(), OpenError> {
    let given = seal.current().to_string();
    let next = meta::get(db, meta::KEY_NEXT)?;
    let sealed = meta::get(db, meta::KEY_CHECK)?.unwrap_or_default();
    match (seal.open(meta::KEY_CHECK, &sealed), next) {
        (Ok(_), None) => Ok(()),
        (Ok(_), Some(next)) => match seal.open(meta::KEY_NEXT, &next) {
            Ok(_) => Ok(()),
            Err(SealError::UnknownKey(id)) => Err(OpenError::KeyBegun { wanted: id.to_string() }),
            Err(error) => Err(StoreError::from(error).into()),
        },
        (Err(SealError::UnknownKey(id)), next) => {
            let wanted = id.to_string();
            let begun = next.is_some_and(|next| seal.open(meta::KEY_NEXT, &next).is_ok());
            if begun {
                Err(OpenError::KeyUnfinished { wanted })
            } else {
                Err(OpenError::WrongKey { given, wanted })
            }
        }
        (Err(error), _) => Err(StoreError::from(error).into()),
    }
}

fn start(
    path: &Path,
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> Result<thread::JoinHandle<()>, OpenError> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|error| OpenError::Unreachable { path: path.to_owned(), why: error.to_string() })
}

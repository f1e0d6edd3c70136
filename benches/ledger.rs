//! Row 20: what the ledger costs. The tree alone, the tree in the store's transactions with signed checkpoints, one
//! proof out of ten million entries, and a whole check of an export.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use std::time::Instant;

use portcullis::graph::Time;
use portcullis::ledger;
use portcullis::ledger::Frontier;
use portcullis::ledger::Hash;
use portcullis::ledger::Kind;
use portcullis::ledger::Since;
use portcullis::ledger::VerifierKey;
use portcullis::secret::Seal;
use portcullis::secret::Secret;
use portcullis::secret::SigningKey;
use portcullis::store::NewEntry;
use portcullis::store::Role;
use portcullis::store::Settings;
use portcullis::store::Store;
use serde_json::json;
use uuid::Uuid;

use crate::kit;
use crate::kit::Row;

/// Entries that are appended to the store and checked.
const ENTRIES: u64 = 60_000;

/// Entries of the record one proof is taken from.
const TEN_MILLION: u64 = 10_000_000;

/// Appends at one time: the writer puts them into shared commits, as it does for a gateway under load.
const TOGETHER: u64 = 128;

/// How often the notary signs.
const SIGN_EVERY: Duration = Duration::from_millis(500);

pub fn rows() -> Vec<Row> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut rows = Vec::new();
    rows.push(tree());
    rows.extend(runtime.block_on(stored()));
    rows.push(proof());
    rows
}

/// The tree alone, without a disk: one entry of 1 KiB is hashed and the edge grows.
fn tree() -> Row {
    let entry = vec![b'x'; 1024];
    let (_, took) = kit::spent(|| {
        let mut edge = Frontier::new();
        for _ in 0..ENTRIES {
            black_box(edge.append(ledger::leaf_hash(black_box(&entry))));
        }
        edge.root()
    });
    let each = took / ENTRIES as f64;
    Row::remark(
        "20",
        "the Merkle tree alone, entries of 1 KiB",
        format!("{each:.2} µs CPU/entry"),
        "",
    )
}

fn entry(number: u64, parts: bool) -> NewEntry {
    let id = Uuid::now_v7().to_string();
    let body = json!({
        "decision": id, "event": "pipeline.step", "action": "deploy", "surface": "check", "verdict": "allow",
        "effect": "proceed", "binds": "advises", "input_sha256": "0".repeat(64), "bundle": "1".repeat(64),
        "graph_revision": number, "remembered": false,
        "rules": [{"rule": "deploy/production-needs-approval", "outcome": "did_not_match", "mode": "enforce"}],
    });
    let sealed = [("input", 900), ("people", 300), ("told", 120)];
    NewEntry {
        connection: "acme-cloud".parse().ok(),
        body: body.as_object().cloned().unwrap(),
        sealed: if parts {
            sealed.map(|(name, size)| (name.to_owned(), vec![b's'; size])).to_vec()
        } else {
            Vec::new()
        },
        ..NewEntry::new(
            Kind::Decision,
            Time::from_millis(1_795_284_300_000 + number.cast_signed()),
            id,
        )
    }
}

async fn stored() -> Vec<Row> {
    let folder = kit::folder("ledger");
    let settings = Settings {
        path: folder.path().join("portcullis.db"),
        seal: Arc::new(Seal::new(&Secret::new([7; 32]), None)),
        origin: "gate.example.com/ledger".to_owned(),
        role: Role::Serve,
    };
    let store = Store::open(settings).await.unwrap();
    let signing = Arc::new(SigningKey::generate().unwrap());
    let key = VerifierKey::new(store.origin(), signing.public_key()).unwrap();
    let bare = appended(&store, &signing, &key, false).await;
    let whole = appended(&store, &signing, &key, true).await;
    let mut rows = vec![
        Row::at_most(
            "20",
            "append with Merkle tree, in SQLite transactions, a checkpoint signed every 0.5 s: CPU per entry",
            format!("{:.1} µs CPU, {:.1} µs wall", bare.0, bare.1),
            (bare.0, " µs"),
            (20.0, "≤ 20 µs"),
            (5.0, "≤ 5 µs"),
        ),
        Row::remark(
            "20",
            "the same with three sealed parts of 1.3 KB beside it",
            format!("{:.1} µs CPU, {:.1} µs wall", whole.0, whole.1),
            "",
        ),
    ];
    let size = store.head().await.unwrap().size;
    let mut proofs = Vec::new();
    for number in 0..500 {
        let begun = Instant::now();
        black_box(store.inclusion(number * 7919 % size, size).await.unwrap());
        proofs.push(kit::micros(begun.elapsed()));
    }
    rows.push(Row::remark(
        "20",
        format!("inclusion proof out of the store, 1 in {size}"),
        format!(
            "p50 {:.0} µs, p99 {:.0} µs",
            kit::percentile(&mut proofs, 50.0),
            kit::percentile(&mut proofs, 99.0)
        ),
        "",
    ));
    rows.extend(checked(&store, &key).await);
    store.close().await;
    rows
}

/// CPU and wall time of one append under load, µs.
async fn appended(
    store: &Store,
    signing: &Arc<SigningKey>,
    key: &VerifierKey,
    parts: bool,
) -> (f64, f64) {
    let made: Vec<NewEntry> = (0..ENTRIES).map(|number| entry(number, parts)).collect();
    let waiting = Arc::new(Mutex::new(made));
    let (cpu, begun) = (kit::own_cpu(), Instant::now());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..TOGETHER {
        let (store, waiting) = (store.clone(), Arc::clone(&waiting));
        tasks.spawn(async move {
            loop {
                let Some(next) = waiting.lock().unwrap().pop() else { return };
                store.append(vec![next]).await.unwrap();
            }
        });
    }
    let notary = async {
        loop {
            let signing = Arc::clone(signing);
            store
                .checkpoint(key, Time::from_millis(1), move |text: &[u8]| signing.sign(text))
                .await
                .unwrap();
            tokio::time::sleep(SIGN_EVERY).await;
        }
    };
    tokio::select! {
        () = notary => {}
        () = async { while tasks.join_next().await.is_some() {} } => {}
    }
    let (took, cpu) = (begun.elapsed(), kit::own_cpu().saturating_sub(cpu));
    let last = Arc::clone(signing);
    store.checkpoint(key, Time::from_millis(2), move |text: &[u8]| last.sign(text)).await.unwrap();
    (kit::micros(cpu) / ENTRIES as f64, kit::micros(took) / ENTRIES as f64)
}

/// A whole check of an export that lies in memory. Without its sealed parts, which an auditor may not have been given;
/// and with those that half of the entries have.
async fn checked(store: &Store, key: &VerifierKey) -> Vec<Row> {
    let files = Arc::new(Mutex::new(BTreeMap::new()));
    let kept = Arc::clone(&files);
    store
        .export(move |path, bytes| {
            kept.lock().unwrap().insert(path.to_owned(), bytes.to_vec());
            Ok(())
        })
        .await
        .unwrap();
    let files = files.lock().unwrap();
    let files = &*files;
    // Entries a second by the clock on the wall, and by CPU time; the best of some rounds, as others use the machine too.
    let rate = |with_parts: bool, threads: NonZeroUsize| {
        let read = |path: &str| {
            Ok(files.get(path).filter(|_| with_parts || !path.starts_with("sealed/")).cloned())
        };
        let mut best = (0.0_f64, 0.0_f64);
        for _ in 0..5 {
            let ((report, wall), spent) =
                kit::spent(|| kit::timed(|| ledger::verify(read, key, Since::Nothing, threads)));
            assert!(report.verified(), "{report:?}");
            let rate = |took: f64| report.entries as f64 / took * 1e6;
            best = (best.0.max(rate(wall)), best.1.max(rate(spent)));
        }
        best
    };
    let two = NonZeroUsize::new(2).unwrap();
    let ((entries, _), (parts, _)) = (rate(false, two), rate(true, two));
    let (_, alone) = rate(false, NonZeroUsize::MIN);
    vec![
        Row::at_least(
            "20",
            format!("verify all {} entries, files in memory, two threads", ENTRIES * 2),
            format!("{entries:.0} entries/s (one thread, by CPU time: {alone:.0})"),
            (entries / 1e3, " k/s"),
            (200.0, "≥ 200 k/s"),
            (1000.0, "≥ 1 M/s"),
        ),
        Row::remark(
            "20",
            "the same with three sealed parts beside every second entry",
            format!("{parts:.0} entries/s"),
            "",
        ),
    ]
}

/// One proof out of ten million entries. Inner nodes stand in memory; leaves are computed, as the store does.
fn proof() -> Row {
    let leaf = |index: u64| ledger::leaf_hash(&index.to_be_bytes());
    let levels: RefCell<Vec<Vec<Hash>>> = RefCell::new(vec![Vec::new(); 25]);
    let mut edge = Frontier::new();
    for index in 0..TEN_MILLION {
        for (level, _, hash) in edge.append(leaf(index)).into_iter().skip(1) {
            levels.borrow_mut()[usize::from(level)].push(hash);
        }
    }
    let levels = levels.into_inner();
    let node = |level: u8, index: u64| match level {
        0 => Some(leaf(index)),
        level => levels.get(usize::from(level))?.get(index as usize).copied(),
    };
    let root = edge.root();
    let mut took = Vec::new();
    for number in 0..2_000_u64 {
        let index = number * 7_919_777 % TEN_MILLION;
        let (proof, one) =
            kit::timed(|| ledger::prove_inclusion(node, index, TEN_MILLION).unwrap());
        assert!(ledger::verify_inclusion(leaf(index), index, TEN_MILLION, &proof, &root));
        took.push(one);
    }
    let (p50, p99) = (kit::percentile(&mut took, 50.0), kit::percentile(&mut took, 99.0));
    Row::at_most(
        "20",
        "inclusion proof of 1 in 10 M, nodes in memory: p99",
        format!("p50 {p50:.1} µs, p99 {p99:.1} µs"),
        (p99 / 1e3, " ms"),
        (1.0, "≤ 1 ms"),
        (0.1, "≤ 0.1 ms"),
    )
}

//! A backup is taken while the gate works, holds everything that was acknowledged up to its mark, and comes back whole.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;

use portcullis::simulator::git::Change;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::rig::BILLING;
use super::rig::Gate;
use super::rig::PATIENCE;
use super::rig::Said;
use super::rig::Shape;
use super::rig::Town;
use super::rig::noise;
use super::rig::run;
use super::rig::until;

/// What the gate has acknowledged, in the order the answers came.
#[derive(Default)]
struct Acknowledged {
    deliveries: Mutex<Vec<Uuid>>,
    count: watch::Sender<usize>,
}

impl Acknowledged {
    fn all(&self) -> Vec<Uuid> {
        self.deliveries.lock().unwrap().clone()
    }

    fn push(&self, id: Uuid) {
        self.deliveries.lock().unwrap().push(id);
        self.count.send_modify(|count| *count += 1);
    }

    /// Waits until this many more were acknowledged than are now.
    async fn further(&self, more: usize) {
        let mut count = self.count.subscribe();
        let wanted = *count.borrow_and_update() + more;
        let enough = count.wait_for(|count| *count >= wanted);
        tokio::time::timeout(PATIENCE, enough).await.expect("no more acknowledged").unwrap();
    }
}

async fn push_on(town: Arc<Town>, told: Arc<Acknowledged>, name: &'static str) {
    for number in 0_u32.. {
        let change = Change::new_branch(&format!("load/{name}-{number}"), "main", 1);
        let done = town.simulator.cloud().push(BILLING, town.cast.ravi, &[change]).await.unwrap();
        for attempt in done.deliveries.iter().filter_map(|delivery| delivery.attempts.last()) {
            let answer: Value = serde_json::from_str(&attempt.answer).unwrap_or_default();
            if let Some(id) = answer["delivery"].as_str() {
                told.push(id.parse().unwrap());
            }
        }
    }
}

/// Something to copy: bodies that nobody can read are kept all the same.
async fn fill(gate: &Gate, bodies: usize) {
    for number in 0..bodies {
        let answer = gate.post(&noise(number, 900_000)).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
    }
}

/// The ids of deliveries in a store's file, in the order they were kept.
fn deliveries(file: &Path) -> Vec<Uuid> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let db = rusqlite::Connection::open_with_flags(file, flags).unwrap();
    let mut query = db.prepare("SELECT id FROM delivery ORDER BY seq").unwrap();
    let ids = query.query_map([], |row| row.get(0)).unwrap();
    ids.map(|id| Uuid::from_bytes(id.unwrap())).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

async fn store(args: &[&str]) -> Value {
    let said = run(&[&["store"], args, &["--format", "json"]].concat()).await;
    assert_eq!(said.code, 0, "{}", said.all());
    said.json()
}

async fn refused(args: &[&str]) -> Said {
    let said = run(&[&["store"], args].concat()).await;
    assert_eq!((said.code, said.out.as_str()), (1, ""), "{}", said.all());
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_comes_back_with_the_same_tree_head_and_every_acknowledged_delivery() {
    let mut gate = Gate::start_as(Shape { silent: true, ..Shape::default() }).await;
    fill(&gate, 30).await;
    let told: Arc<Acknowledged> = Arc::default();
    let mut load = JoinSet::new();
    for name in ["one", "two"] {
        load.spawn(push_on(Arc::clone(&gate.town), Arc::clone(&told), name));
    }
    told.further(5).await;
    let before = told.all();
    let file = gate.path("backup.db");
    let live = gate.store_url();
    let mark = store(&["backup", "--to", text(&file), "--store", &live]).await;
    let after = told.all();
    told.further(5).await;

    // The copy ends at its mark: what was acknowledged before it began is in it, and all the gate had kept by then.
    let last: Uuid = mark["last_delivery"]["id"].as_str().unwrap().parse().unwrap();
    let kept = deliveries(&gate.path("portcullis.db"));
    let upto = kept.iter().position(|id| *id == last).unwrap() + 1;
    assert!(kept.len() > upto, "the gate went on");
    let elsewhere = tempfile::tempdir().unwrap();
    let place = elsewhere.path().join("portcullis.db");
    std::fs::copy(gate.path("store.key"), elsewhere.path().join("store.key")).unwrap();
    let address = format!("sqlite:{}", place.display());
    let restored = store(&["restore", "--from", text(&file), "--store", &address]).await;
    assert_eq!(restored["root"], mark["root"]);
    assert_eq!(restored["entries"], mark["entries"]);
    let back = deliveries(&place);
    assert_eq!(back, kept[..upto]);
    let back: BTreeSet<Uuid> = back.into_iter().collect();
    let missing: Vec<_> = before.iter().filter(|id| !back.contains(id)).collect();
    assert!(missing.is_empty(), "acknowledged before the backup, and not in it: {missing:?}");
    eprintln!(
        "{} acknowledged before, {} while it was copied",
        before.len(),
        after.len() - before.len()
    );

    let info = store(&["info", "--store", &address]).await;
    assert_eq!(
        (&info["root"], &info["entries"], &info["key"]),
        (&mark["root"], &mark["entries"], &Value::from("right"))
    );
    assert_eq!(info["checkpoint"]["entries"], mark["checkpoint"]["entries"]);

    // The living record continues the restored one's last checkpoint.
    load.shutdown().await;
    gate.quiet().await;
    let restored = super::rig::read_store(&place).await;
    let note = restored.latest_checkpoint().await.unwrap().unwrap();
    restored.close().await;
    std::fs::write(gate.path("restored.checkpoint"), note).unwrap();
    let since = gate.path("restored.checkpoint");
    let verified = run(&["ledger", "verify", "--store", &live, "--since", text(&since)]).await;
    assert_eq!(verified.code, 0, "{}", verified.all());

    // A gate starts on it, and decides what waited at the mark.
    gate.kill().await;
    for name in ["portcullis.db", "portcullis.db-wal", "portcullis.db-shm"] {
        let _ = std::fs::remove_file(gate.path(name));
    }
    store(&["restore", "--from", text(&file), "--store", &live]).await;
    gate.restart().await;
    gate.quiet().await;
    let decided: Vec<Uuid> =
        gate.records().await.iter().filter_map(|record| record.public.delivery).collect();
    for id in &before {
        assert_eq!(decided.iter().filter(|of| *of == id).count(), 1, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_is_can_be_asked_beside_the_gate() {
    let gate = Gate::start().await;
    let push = Change::new_branch("feature/info", "main", 1);
    gate.town.simulator.cloud().push(BILLING, gate.town.cast.ravi, &[push]).await.unwrap();
    fill(&gate, 1).await;
    gate.quiet().await;
    let url = gate.store_url();
    let info = until("a checkpoint over everything", async || {
        let info = store(&["info", "--store", &url]).await;
        (info["checkpoint"]["entries"] == info["entries"]).then_some(info)
    })
    .await;
    assert_eq!(info["schema"], portcullis::store::SCHEMA);
    assert_eq!(
        (&info["role"], &info["origin"]),
        (&"serve".into(), &"gate.example.com/ledger".into())
    );
    assert_eq!(
        (&info["key"], &info["waiting"], &info["dead_letters"]),
        (&"right".into(), &0.into(), &1.into())
    );
    assert_eq!(info["oldest_decision"], info["newest_decision"], "there is one");
    assert!(info["oldest_decision"].is_string());
    assert!(info["files"]["store_bytes"].as_u64().unwrap() > 0);
    assert!(info["disk"]["free_bytes"].as_u64() <= info["disk"]["total_bytes"].as_u64());

    let table = run(&["store", "info", "--store", &url]).await;
    assert_eq!(table.code, 0, "{}", table.all());
    for words in ["tree head", info["root"].as_str().unwrap(), "free space", "dead letters   1"] {
        assert!(table.out.contains(words), "{words}: {}", table.out);
    }
    std::fs::write(gate.path("store.key"), "00".repeat(32)).unwrap();
    assert_eq!(store(&["info", "--store", &url]).await["key"], "wrong");
    std::fs::remove_file(gate.path("store.key")).unwrap();
    assert_eq!(store(&["info", "--store", &url]).await["key"], "not given");
    let none = refused(&["info", "--store", "sqlite:/nowhere/at.all"]).await;
    assert!(none.err.contains("`/nowhere/at.all` cannot be opened"), "{}", none.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_and_a_restore_refuse_by_name_and_leave_nothing() {
    let mut gate = Gate::start().await;
    let url = gate.store_url();
    let good = gate.path("good.db");
    store(&["backup", "--to", text(&good), "--store", &url]).await;
    gate.kill().await;
    let bytes = std::fs::read(&good).unwrap();
    let again = refused(&["backup", "--to", text(&good), "--store", &url]).await;
    assert!(again.err.contains("good.db` is there already"), "{}", again.err);
    assert_eq!(std::fs::read(&good).unwrap(), bytes, "and it is as it was");

    let occupied = refused(&["restore", "--from", text(&good), "--store", &url]).await;
    assert!(occupied.err.contains("portcullis.db` is there already"), "{}", occupied.err);
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.db");
    let place = folder.path().join("new.db");
    let address = format!("sqlite:{}", place.display());
    let altered = |sql: &str| {
        std::fs::write(&bad, &bytes).unwrap();
        rusqlite::Connection::open(&bad).unwrap().execute_batch(sql).unwrap();
    };
    let half = bytes.len() / 2;
    let makers: [(&str, &dyn Fn()); 7] = [
        ("damaged", &|| std::fs::write(&bad, &bytes[..half]).unwrap()),
        ("is not a store", &|| {
            std::fs::write(&bad, [&[7; 4_096], &bytes[4_096..]].concat()).unwrap();
        }),
        ("is not a store", &|| std::fs::write(&bad, "a letter to somebody\n".repeat(500)).unwrap()),
        ("is not a store", &|| {
            std::fs::remove_file(&bad).unwrap();
            rusqlite::Connection::open(&bad)
                .unwrap()
                .execute_batch("CREATE TABLE theirs (x)")
                .unwrap();
        }),
        ("damaged", &|| altered("UPDATE entry SET bytes = CAST('{}' AS BLOB) WHERE idx = 0")),
        ("damaged", &|| altered("DELETE FROM entry WHERE idx = (SELECT max(idx) FROM entry)")),
        ("does not verify", &|| {
            altered("UPDATE checkpoint SET note = replace(note, char(8212), '-')");
        }),
    ];
    for (words, make) in makers {
        make();
        let said = refused(&["restore", "--from", text(&bad), "--store", &address]).await;
        assert!(said.err.contains("bad.db`") && said.err.contains(words), "{words}: {}", said.err);
        let left: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|file| file.unwrap().file_name())
            .collect();
        assert_eq!(left, ["bad.db"], "{words}");
    }
    std::fs::write(folder.path().join("store.key"), "00".repeat(32)).unwrap();
    let key = refused(&["restore", "--from", text(&good), "--store", &address]).await;
    assert!(key.err.contains("is sealed with key"), "{}", key.err);
    assert!(!place.exists());
    // And the good one, with its key, comes back.
    std::fs::copy(gate.path("store.key"), folder.path().join("store.key")).unwrap();
    let mark = store(&["restore", "--from", text(&good), "--store", &address]).await;
    let info = store(&["info", "--store", &address]).await;
    assert_eq!((&info["root"], &info["key"]), (&mark["root"], &"right".into()));
}

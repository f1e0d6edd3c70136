//! A store that any landed version wrote opens, ends at today's schema, and has lost nothing.

use std::fmt::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use portcullis::approval::State;
use portcullis::ledger::Since;
use portcullis::ledger::VerifierKey;
use portcullis::ledger::verify;
use portcullis::secret::SigningKey;
use portcullis::store::Filter;
use portcullis::store::KeyCheck;
use portcullis::store::Recording;
use portcullis::store::SCHEMA;
use portcullis::store::TicketFilter;
use rusqlite::Connection;

use super::HOOK;
use super::OTHER_HOOK;
use super::Place;
use super::at;
use super::decision_of;
use super::delivery;
use super::recording::export;
use super::ticket;

/// Under which the fixtures keep the key of their ledger.
const VKEY: &str = "ledger-vkey";

fn fixture(schema: i64) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/stores");
    folder.join(format!("schema-{schema}.sql"))
}

#[tokio::test]
async fn a_store_of_every_landed_schema_opens_and_ends_at_todays() {
    for schema in 1..=SCHEMA {
        let place = Place::new();
        let sql = std::fs::read_to_string(fixture(schema)).unwrap_or_else(|_| {
            panic!("schema {schema} has no fixture: run the ignored test below before it lands")
        });
        let db = Connection::open(place.path()).unwrap();
        db.execute_batch(&sql).unwrap();
        let found: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(found, schema);
        drop(db);

        let store = place.open().await;
        let info = store.info(KeyCheck::Right).await.unwrap();
        assert_eq!(i64::from(info.schema), SCHEMA);
        assert_eq!((info.waiting, info.dead_letters, info.actions), (1, 1, 0), "{schema}");
        let waiting = store.claim(9, at(9), Duration::from_secs(1)).await.unwrap();
        assert_eq!(waiting[0].body, b"{\"waits\":1}");
        assert_eq!(store.dead_letters(None, 9).await.unwrap()[0].why, "nobody can read it");
        let decisions = store.decisions(Filter::default(), None, 9).await.unwrap().items;
        assert_eq!(decisions[0].names.kept().unwrap().actor.as_deref(), Some("Jo"));
        let person = decisions[0].public.actor.clone();
        let found = store.decisions(Filter { person, ..Filter::default() }, None, 9).await.unwrap();
        assert_eq!(found.items.len(), 1, "found by what a later schema finds it by");
        let tickets = store.tickets(TicketFilter::default(), None, 9).await.unwrap();
        assert_eq!(tickets[0].1.decision, decisions[0].public.decision);
        let key = String::from_utf8(store.meta(VKEY).await.unwrap().unwrap()).unwrap();
        let (key, files): (VerifierKey, _) = (key.parse().unwrap(), export(&store).await);
        let read = |path: &str| Ok(files.get(path).cloned());
        let report = verify(read, &key, Since::Nothing, NonZeroUsize::MIN);
        assert!(report.verified() && report.entries > 0, "{report}");
        store.close().await;
        let db = Connection::open(place.path()).unwrap();
        let now: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(now, SCHEMA);
    }
}

/// For whoever lands a new schema: `cargo test --test spec write_the_fixture -- --ignored`, once, and never again.
#[tokio::test]
#[ignore = "writes the fixture of today's schema"]
async fn write_the_fixture_of_todays_schema() {
    let place = Place::new();
    let store = place.open().await;
    store.keep(delivery(HOOK, b"{\"waits\":1}", at(0))).await.unwrap();
    let dead = delivery(OTHER_HOOK, b"not json", at(0));
    let id = dead.id;
    store.keep(dead).await.unwrap();
    store.dead_letter(id, "nobody can read it", at(1)).await.unwrap();
    let mut recording = Recording::of(decision_of("Jo", at(2)));
    recording.open = Some(ticket(recording.record.public.decision, State::Asked));
    recording.mentions = vec!["acme-cloud/user/jo".to_owned()];
    assert!(store.record(vec![recording]).await[0].is_ok());
    let key = Arc::new(SigningKey::generate().unwrap());
    let name = VerifierKey::new(store.origin(), key.public_key()).unwrap();
    store.set_meta(VKEY, name.to_string().as_bytes()).await.unwrap();
    store.checkpoint(&name, at(3), move |text| key.sign(text)).await.unwrap();
    store.close().await;
    let to = fixture(SCHEMA);
    assert!(!to.exists(), "{} is what a landed version wrote: it never changes", to.display());
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::write(to, dump(&Connection::open(place.path()).unwrap())).unwrap();
}

/// A database as text, so that a change of a fixture could be read.
fn dump(db: &Connection) -> String {
    let texts = |sql: &str| -> Vec<String> {
        let mut query = db.prepare(sql).unwrap();
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let number = |pragma: &str| -> i64 {
        db.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0)).unwrap()
    };
    let mut out = String::new();
    for sql in texts("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid") {
        writeln!(out, "{sql};").unwrap();
    }
    for table in texts("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid") {
        let columns =
            texts(&format!("SELECT 'quote(\"' || name || '\")' FROM pragma_table_info('{table}')"));
        let row = columns.join(" || ',' || ");
        for row in texts(&format!("SELECT {row} FROM \"{table}\"")) {
            writeln!(out, "INSERT INTO \"{table}\" VALUES ({row});").unwrap();
        }
    }
    let (application, version) = (number("application_id"), number("user_version"));
    writeln!(out, "PRAGMA application_id = {application};\nPRAGMA user_version = {version};")
        .unwrap();
    out
}

//! Erasing a person: what a real gate recorded of them goes from every file, and everything that was proved stays proved.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use portcullis::decision::Record;
use portcullis::decision::narrative;
use portcullis::decision::record::Part;
use portcullis::secret::Seal;
use portcullis::secret::Secret;
use portcullis::simulator::git::Change;
use portcullis::store::Filter;
use portcullis::store::Role;
use portcullis::store::Settings;
use portcullis::store::Store;
use tokio::process::Command;

use super::rig::BILLING;
use super::rig::Gate;
use super::rig::Said;
use super::rig::run;
use super::rig::said;
use super::rig::until;

/// What stands in the record of Ravi's pushes, and of nobody else's.
const HIS: [&str; 2] = ["Ravi Forgettable", "refs/heads/ravi-s-secret-plan"];
/// Nothing is found.
const NOBODY: [&str; 0] = [];
/// What stands in the record of Mia's.
const HERS: [&str; 2] = ["Mia Unchanged", "refs/heads/mia-s-open-plan"];

/// Which of these texts stand in any file of the store.
fn held<'a>(gate: &Gate, texts: &[&'a str]) -> Vec<&'a str> {
    let ours = ["portcullis.db", "portcullis.db-wal", "portcullis.db-shm", "portcullis.db.lock"];
    let files: Vec<PathBuf> =
        ours.iter().map(|name| gate.path(name)).filter(|path| path.exists()).collect();
    assert!(!files.is_empty());
    standing(&files, texts)
}

fn standing<'a>(files: &[PathBuf], texts: &[&'a str]) -> Vec<&'a str> {
    let bytes: Vec<Vec<u8>> = files.iter().map(|path| std::fs::read(path).unwrap()).collect();
    let stands = |text: &&&str| {
        let text = text.as_bytes();
        bytes.iter().any(|bytes| bytes.windows(text.len()).any(|window| window == text))
    };
    texts.iter().filter(stands).copied().collect()
}

/// Every file below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
}

/// The store, opened to write, as only the gate itself does.
async fn open(gate: &Gate) -> Store {
    let mut key = [0; 32];
    hex::decode_to_slice(std::fs::read_to_string(gate.path("store.key")).unwrap().trim(), &mut key)
        .unwrap();
    let settings = Settings {
        path: gate.path("portcullis.db"),
        seal: Arc::new(Seal::new(&Secret::new(key), None)),
        origin: "unused: the store has its own".to_owned(),
        role: Role::Serve,
    };
    Store::open(settings).await.unwrap()
}

async fn export(gate: &Gate, name: &str) -> Said {
    let to = gate.path(name);
    let done = run(&["ledger", "export", to.to_str().unwrap(), "--store", &gate.store_url()]).await;
    assert_eq!(done.code, 0, "{}", done.all());
    done
}

/// The auditor's own program on an export, against an earlier checkpoint.
async fn audited(gate: &Gate, name: &str, since: &Path) -> Said {
    let folder = gate.path(name);
    let key = std::fs::read_to_string(folder.join("vkey")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis-verify"));
    command.arg(&folder).args(["--key", key.trim(), "--since"]).arg(since);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    said(command).await
}

/// The story of a record, as text, Markdown and JSON.
async fn told(store: &Store, record: &Record) -> [String; 3] {
    let bundle = store.bundle(&record.public.bundle).await.unwrap();
    let tale = narrative::tell(record, bundle.as_ref());
    [narrative::plain(&tale), narrative::markdown(&tale), serde_json::to_string(&tale).unwrap()]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_in_no_file_and_every_proof_and_story_stands() {
    let mut gate = Gate::start().await;
    let (cloud, cast) = (gate.town.simulator.cloud(), &gate.town.cast);
    let (his, hers) =
        (format!("acme-cloud/user/{}", cast.ravi), format!("acme-cloud/user/{}", cast.mia));
    for (who, branch) in [(cast.ravi, "ravi-s-secret-plan"), (cast.mia, "mia-s-open-plan")] {
        cloud.push(BILLING, who, &[Change::new_branch(branch, "main", 1)]).await.unwrap();
        cloud.push(BILLING, who, &[Change::commits(branch, 2)]).await.unwrap();
        cloud.push(BILLING, who, &[Change::rewrite(branch, 1, 1)]).await.unwrap();
    }
    until("six decisions", async || (gate.records().await.len() == 6).then_some(())).await;
    assert_eq!(gate.terminate().await, 0);
    export(&gate, "before").await;
    let earlier = gate.path("before").join("checkpoint");
    assert_eq!(held(&gate, &HIS), HIS, "it stands there before");

    let store = open(&gate).await;
    let now = store.highest_stamp();
    assert_eq!(store.erase_mentions(&his, now, "operator session").await.unwrap(), 3);
    assert_eq!(held(&gate, &HIS), NOBODY, "no file holds it after");
    assert_eq!(held(&gate, &HERS), HERS, "others stay");
    store.close().await;
    assert_eq!(held(&gate, &HIS), NOBODY, "nor after the store is closed");

    let store = gate.store().await;
    let records = gate.records().await;
    for who in [&his, &hers] {
        let filter = Filter { person: Some(who.clone()), ..Filter::default() };
        let found = store.decisions(filter, None, 9).await.unwrap().items;
        assert_eq!(found.len(), 3, "found by the id that the entries keep, as before");
        assert!(found.iter().all(|record| record.public.actor.as_ref() == Some(who)));
    }
    for record in &records {
        let is_his = record.public.actor.as_ref() == Some(&his);
        assert!(is_his || record.public.actor.as_ref() == Some(&hers));
        assert_eq!(is_his, matches!(record.names, Part::Erased(_)));
        let stories = told(&store, record).await;
        assert_eq!(stories, told(&store, record).await, "the same each time");
        for story in stories {
            assert_eq!(story.contains("erased on"), is_his, "{story}");
            assert!(HIS.iter().all(|text| !story.contains(text)), "{story}");
            let rules = record.public.rules.iter().map(|asked| asked.rule.as_str());
            let left =
                rules.chain([record.public.event.as_str()]).find(|word| !story.contains(word));
            assert_eq!(left, None, "what was asked and answered is still told: {story}");
        }
    }
    store.close().await;

    // The gate goes on with that store, and proves what it proved before.
    gate.restart().await;
    for record in &records {
        let shown = gate.get(&format!("decisions/{}", record.public.decision)).await;
        let is_his = record.public.actor.as_ref() == Some(&his);
        assert_eq!(shown["text"].as_str().unwrap().contains("erased on"), is_his);
    }
    assert_eq!(gate.terminate().await, 0);
    let verified = run(&[
        "ledger",
        "verify",
        "--store",
        &gate.store_url(),
        "--since",
        earlier.to_str().unwrap(),
    ])
    .await;
    assert_eq!(verified.code, 0, "{}", verified.all());
    export(&gate, "after").await;
    for (folder, since) in [("before", "before"), ("after", "before"), ("after", "after")] {
        let report = audited(&gate, folder, &gate.path(since).join("checkpoint")).await;
        assert_eq!(report.code, 0, "{folder} since {since}: {}", report.all());
    }
    let backwards = audited(&gate, "before", &gate.path("after").join("checkpoint")).await;
    assert_eq!(
        backwards.code,
        1,
        "a record that lost its tail is not taken for whole: {}",
        backwards.all()
    );
    assert_eq!(held(&gate, &HIS), NOBODY);
    assert_eq!(
        standing(&below(&gate.path("before")), &HIS),
        HIS,
        "an older export is not in our hands"
    );
    assert_eq!(standing(&below(&gate.path("after")), &HIS), NOBODY, "a newer one does not have it");
}

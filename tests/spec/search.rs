//! Searching and following decisions from a terminal: through the gate, from its store, and over a restart.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;

use portcullis::simulator::git::Change;
use tokio::io::AsyncBufReadExt;
use tokio::io::BufReader;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::rig::BILLING;
use super::rig::Gate;
use super::rig::PATIENCE;
use super::rig::run;
use super::rig::until;

/// Pushes a new branch, and waits until that is decided.
async fn pushed(gate: &Gate, number: usize) {
    let (cloud, cast) = (gate.town.simulator.cloud(), &gate.town.cast);
    let branch = format!("feature/{number}");
    let before = gate.records().await.len();
    cloud.push(BILLING, cast.ravi, &[Change::new_branch(&branch, "main", 1)]).await.unwrap();
    until("a decision", async || (gate.records().await.len() > before).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gate_and_its_store_answer_every_search_alike() {
    let mut gate = Gate::start().await;
    for number in 0..3 {
        pushed(&gate, number).await;
    }
    let (cast, store) = (&gate.town.cast, gate.store_url());
    let ravi = format!("acme-cloud/user/{}", cast.ravi);
    let searches: [(&[&str], usize); 12] = [
        (&[], 3),
        (&["--limit", "2"], 2),
        (&["--person", &ravi], 3),
        (&["--person", "user:ravi", "--connection", "acme-cloud"], 3),
        (&["--person", "user:mia", "--connection", "acme-cloud"], 0),
        (&["--repository", "repository:billing"], 3),
        (&["--kind", "branch.created", "--since", "1h"], 3),
        (&["--kind", "push"], 0),
        (&["--until", "1h"], 0),
        (&["--connection", "acme-dc"], 0),
        (&["--verdict", "block", "--effect", "stop"], 0),
        (&["--softened", "shadow"], 0),
    ];
    for (search, expected) in searches {
        let list = [&["decision", "list", "--format", "json"], search].concat();
        let asked = gate.operate(&list).await;
        assert_eq!(asked.code, 0, "{search:?}: {}", asked.all());
        let read = run(&[&list[..], &["--store", &store]].concat()).await;
        assert_eq!(asked.out, read.out, "{search:?}: {}", read.all());
        assert_eq!(asked.json()["decisions"].as_array().unwrap().len(), expected, "{search:?}");
    }
    let first = gate.operate(&["decision", "list", "--limit", "2"]).await;
    let next = first.err.trim().strip_prefix("There are more: add --before ").unwrap();
    let oldest = gate.operate(&["decision", "list", "--before", next]).await;
    assert_eq!((oldest.out.matches("branch.created").count(), oldest.err.as_str()), (1, ""));
    for (search, said) in [
        (["--person", "user:ravi"], "write the id"),
        (["--person", "user:nobody"], "the graph knows no `user:nobody`"),
        (["--kind", "pushed"], "pushed"),
        (["--rule", "Freeze!"], "`Freeze!`"),
        (["--since", "yesterday"], "`2h`"),
    ] {
        let list = [&["decision", "list"], &search[..]].concat();
        for refused in
            [gate.operate(&list).await, run(&[&list[..], &["--store", &store]].concat()).await]
        {
            assert_eq!(refused.code, 1, "{}", refused.all());
            assert!(refused.err.contains(said), "{}", refused.all());
        }
    }
    // Without the key, names cannot be looked up, and it says so.
    assert_eq!(gate.terminate().await, 0);
    std::fs::rename(gate.path("store.key"), gate.path("elsewhere.key")).unwrap();
    let blind = run(&["decision", "list", "--person", "user:ravi", "--store", &store]).await;
    assert!(blind.code == 1 && blind.err.contains("write the id"), "{}", blind.all());
    let seen = run(&["decision", "list", "--person", &ravi, "--store", &store]).await;
    assert_eq!(seen.out.matches("branch.created").count(), 3, "{}", seen.all());
}

/// A door that stays where it is while the gate behind it moves; gone while there is none.
struct Door {
    address: SocketAddr,
    behind: Arc<Mutex<Option<String>>>,
    _tasks: JoinSet<()>,
}

impl Door {
    async fn open() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let behind = Arc::new(Mutex::new(None::<String>));
        let to = Arc::clone(&behind);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut lines = JoinSet::new();
            loop {
                let (mut from, _) = socket.accept().await.unwrap();
                let to = to.lock().unwrap().clone();
                lines.spawn(async move {
                    let Some(to) = to else { return };
                    let Ok(mut to) = TcpStream::connect(to).await else { return };
                    let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                });
            }
        });
        Self { address, behind, _tasks: tasks }
    }

    fn leads_to(&self, to: Option<&str>) {
        *self.behind.lock().unwrap() = to.map(str::to_owned);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_goes_on_over_a_restart_and_a_watch_of_the_store_sees_the_same() {
    let mut gate = Gate::start().await;
    let door = Door::open().await;
    door.leads_to(Some(&gate.operator));
    pushed(&gate, 0).await;
    let flags = ["--since", "1h", "--count", "4", "--format", "json"];
    let watch = [&["decision", "watch"], &flags[..]].concat();
    let mut through = super::rig::portcullis(&watch);
    through.args(["--gateway", &format!("http://{}", door.address), "--data"]);
    through.arg(gate.folder.path());
    let mut child = through.spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = vec![lines.next_line().await.unwrap().unwrap()];
    pushed(&gate, 1).await;
    seen.push(lines.next_line().await.unwrap().unwrap());

    door.leads_to(None);
    gate.kill().await;
    let lost = errors.next_line().await.unwrap().unwrap();
    assert!(lost.contains("it is called again until it answers"), "{lost}");
    gate.restart().await;
    pushed(&gate, 2).await;
    door.leads_to(Some(&gate.operator));
    seen.push(lines.next_line().await.unwrap().unwrap());
    pushed(&gate, 3).await;
    seen.push(lines.next_line().await.unwrap().unwrap());
    assert_eq!(lines.next_line().await.unwrap(), None);
    let ended = tokio::time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
    assert!(ended.success());
    assert_eq!(errors.next_line().await.unwrap(), None, "that was all it complained of");

    let made: Vec<String> =
        gate.records().await.iter().map(|record| record.row().to_string()).collect();
    assert_eq!(seen, made, "each once, in order");
    let store = gate.store_url();
    let watched = run(&[&watch[..], &["--store", &store]].concat()).await;
    assert_eq!(watched.out.lines().collect::<Vec<_>>(), made, "{}", watched.all());
    let wrong = run(&[
        "decision",
        "watch",
        "--gateway",
        "http://127.0.0.1:9",
        "--data",
        gate.folder.path().to_str().unwrap(),
    ])
    .await;
    assert!(wrong.code == 1 && wrong.err.contains("no gateway answers"), "{}", wrong.all());
}

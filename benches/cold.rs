//! Rows 12 and 14: the real program, `portcullis serve`, from nothing, with a new store and a world file.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use portcullis::graph::World;
use portcullis::secret::Seal;
use portcullis::secret::Secret;

use crate::kit;
use crate::kit::Row;
use crate::load;
use crate::town::SECRET;

pub async fn rows(world: &[u8]) -> Vec<Row> {
    let (mut alive, mut ready, mut resident, mut shared) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..7 {
        let folder = kit::folder("cold");
        let [public, operator] = [free(), free()];
        written_config(folder.path(), public, operator, world);
        let program = Path::new(env!("CARGO_BIN_EXE_portcullis"));
        let begun = Instant::now();
        let mut child = Command::new(program)
            .args(["serve", "--config", "portcullis.toml", "--world", "world.json"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        alive.push(answers(operator, "/livez", begun, &mut child).await);
        ready.push(answers(operator, "/readyz", begun, &mut child).await);
        if round == 0 {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let (rss, pss) = kit::memory(&kit::family(child.id()));
            resident.push(rss as f64 / 1024.0);
            shared.push((pss as f64 / 1024.0, kit::family(child.id()).len()));
        }
        let _ = child.kill();
        let _ = child.wait();
    }
    let (alive, ready) = (kit::median(&alive), kit::median(&ready));
    let (pss, processes) = shared[0];
    vec![
        Row::at_most(
            "12",
            "cold start of `serve` (policy only, a new store): to the first 200 on `/livez`",
            format!("{alive:.1} ms; ready {ready:.1} ms"),
            (alive, " ms"),
            (60.0, "≤ 60 ms"),
            (20.0, "≤ 20 ms"),
        ),
        Row::at_most(
            "14",
            format!("memory of `serve`, idle, its {processes} processes"),
            format!("RSS {:.0} MB, shared pages counted once {pss:.0} MB", resident[0]),
            (resident[0], " MB"),
            (96.0, "≤ 96 MB"),
            (48.0, "≤ 48 MB"),
        ),
    ]
}

/// Row 12 with a graph: the world that the last run kept is in the store. It is put there beside the program, sealed as
/// the program seals it, because learning ten million edges would write their history too.
pub fn with_graph(world: &World) -> Vec<Row> {
    let folder = kit::folder("cold-graph");
    let connection = format!(
        "id = \"{}\"\nproduct = \"datacenter\"\nbase_url = \"https://bitbucket.invalid\"",
        world.connection.id
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // The first start makes store and key.
    runtime.block_on(started(folder.path(), &connection));
    let key = std::fs::read_to_string(folder.path().join("store.key")).unwrap();
    let key = <[u8; 32]>::try_from(hex::decode(key.trim()).unwrap()).unwrap();
    let packed = world.pack().unwrap();
    let purpose = format!("world {}", world.connection.id);
    let sealed = Seal::new(&Secret::new(key), None).seal(&purpose, &packed).unwrap();
    let db = rusqlite::Connection::open(folder.path().join("portcullis.db")).unwrap();
    let sql = "INSERT INTO world (connection, revision, at, world_sealed) VALUES (?1, 1, ?2, ?3)";
    db.execute(sql, (world.connection.id.as_str(), world.as_of.millis(), sealed)).unwrap();
    drop(db);
    let (mut alive, mut ready): (Vec<_>, Vec<_>) =
        (0..5).map(|_| runtime.block_on(started(folder.path(), &connection))).unzip();
    let ready = kit::percentile(&mut ready, 50.0);
    let alive = kit::percentile(&mut alive, 50.0);
    vec![Row::at_most(
        "12",
        format!(
            "the same with a kept graph of {} edges ({} MB): to the first 200 on `/livez`",
            world.edges.len(),
            packed.len() >> 20
        ),
        format!("{alive:.0} ms; ready {ready:.0} ms"),
        (alive, " ms"),
        (1_000.0, "≤ 1 s"),
        (250.0, "≤ 250 ms"),
    )]
}

/// Starts the program until it is ready, and ends it; ms to the first 200 on `/livez` and on `/readyz`.
async fn started(folder: &Path, connection: &str) -> (f64, f64) {
    let [public, operator] = [free(), free()];
    written(folder, public, operator, connection);
    let program = Path::new(env!("CARGO_BIN_EXE_portcullis"));
    let begun = Instant::now();
    let mut child = Command::new(program)
        .args(["serve", "--config", "portcullis.toml"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(File::create(folder.join("log")).unwrap())
        .spawn()
        .unwrap();
    let alive = answers(operator, "/livez", begun, &mut child).await;
    let ready = answers(operator, "/readyz", begun, &mut child).await;
    let _ = child.kill();
    let _ = child.wait();
    (alive, ready)
}

/// Asks until it answers 200; ms since the start.
async fn answers(port: u16, path: &str, begun: Instant, child: &mut Child) -> f64 {
    let to = SocketAddr::from(([127, 0, 0, 1], port));
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    loop {
        assert!(child.try_wait().unwrap().is_none(), "`serve` ended");
        assert!(begun.elapsed() < Duration::from_secs(20), "`serve` does not answer {path}");
        let connected = std::net::TcpStream::connect(to);
        if connected.is_ok() && load::once(to, request.as_bytes()).await.0 == 200 {
            return begun.elapsed().as_secs_f64() * 1e3;
        }
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
}

fn free() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn written_config(folder: &Path, public: u16, operator: u16, world: &[u8]) {
    let connection = "id = \"acme-cloud\"\nproduct = \"cloud\"\nworkspace = \"acme\"";
    written(folder, public, operator, connection);
    std::fs::write(folder.join("world.json"), world).unwrap();
}

fn written(folder: &Path, public: u16, operator: u16, connection: &str) {
    let text = format!(
        "[public]\nlisten = \"127.0.0.1:{public}\"\n[operator]\nlisten = \"127.0.0.1:{operator}\"\n\
         [store]\nurl = \"sqlite:portcullis.db\"\n\
         [[connection]]\n{connection}\n\
         [[connection.hook]]\nid = \"0123456789abcdef0123456789abcdef\"\nsecrets = [{{ file = \"secret\" }}]\n"
    );
    std::fs::write(folder.join("portcullis.toml"), text).unwrap();
    File::create(folder.join("secret")).unwrap().write_all(SECRET.as_bytes()).unwrap();
}

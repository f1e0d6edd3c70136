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
    let text = format!(
        "[public]\nlisten = \"127.0.0.1:{public}\"\n[operator]\nlisten = \"127.0.0.1:{operator}\"\n\
         [store]\nurl = \"sqlite:portcullis.db\"\n\
         [[connection]]\nid = \"acme-cloud\"\nproduct = \"cloud\"\nworkspace = \"acme\"\n\
         [[connection.hook]]\nid = \"0123456789abcdef0123456789abcdef\"\nsecrets = [{{ file = \"secret\" }}]\n"
    );
    std::fs::write(folder.join("portcullis.toml"), text).unwrap();
    std::fs::write(folder.join("world.json"), world).unwrap();
    File::create(folder.join("secret")).unwrap().write_all(SECRET.as_bytes()).unwrap();
}

//! Another site: it serves one page under every path, on every name of this machine.

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The site. It ends with the value.
pub struct Attacker {
    port: u16,
    _task: JoinSet<()>,
}

impl Attacker {
    /// Serves this page.
    pub async fn with(html: String) -> Self {
        Self::under("", html).await
    }

    /// Serves this page with these header lines.
    pub async fn under(headers: &str, html: String) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let answer = format!(
            "HTTP/1.1 200 OK\r\n{headers}content-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{html}",
            html.len()
        );
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut visits = JoinSet::new();
            while let Ok((mut stream, _)) = socket.accept().await {
                let answer = answer.clone();
                // A browser opens lines that it may never use: each is waited for by itself.
                visits.spawn(async move {
                    let mut head = [0; 4096];
                    let _ = stream.read(&mut head).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        Self { port, _task: task }
    }

    /// On another site: no cookie of the gateway goes with what it sends.
    pub fn elsewhere(&self) -> String {
        format!("http://localhost:{}/", self.port)
    }

    /// On the same site and another origin: only a port differs, and cookies know no ports.
    pub fn next_door(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }
}

//! A gateway behind its doors: both listeners, everything that happens after the answer, and an orderly end.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use portcullis::gateway::Gateway;
use portcullis::http::doors;
use portcullis::http::listener;
use portcullis::http::listener::Doorway;
use portcullis::http::listener::Limits;
use portcullis::http::listener::Security;
use portcullis::http::listener::Stage;
use portcullis::http::meter::Meters;
use portcullis::http::operator::Cookie;
use portcullis::http::operator::Doorkeeper;
use portcullis::http::operator::TokenHash;
use portcullis::http::route::Surface;
use portcullis::http::session;
use portcullis::http::tls::watch::Watch;
use portcullis::ledger::Kind;
use portcullis::store::NewEntry;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::assembly::AssemblyError;
use crate::assembly::keys::private_file;
use crate::client::TOKEN_FILE;

/// The sockets a gateway stands behind.
pub struct Listeners {
    /// Webhooks, checks, tickets, pages people are sent to.
    pub public: TcpListener,
    /// Whether the public one speaks TLS.
    pub security: Security,
    /// Health, metrics, console, API.
    pub operator: TcpListener,
    /// Host names of the operator surface, beside loopback's.
    pub hosts: Vec<String>,
    /// People with an operator token of their own.
    pub people: Vec<(String, TokenHash)>,
}

/// A running gateway.
pub struct Running {
    /// The gateway.
    pub gateway: Arc<Gateway>,
    /// Where the public listener stands.
    pub public: SocketAddr,
    /// Where the operator listener stands.
    pub operator: SocketAddr,
    doorkeeper: Doorkeeper,
    configuration: String,
    stage: watch::Sender<Stage>,
    tasks: JoinSet<()>,
}

impl Running {
    /// Opens the doors. The operator token is kept in `data`; an existing one stays. `configuration` is the digest of the
    /// configuration, for the record.
    pub async fn start(
        gateway: Arc<Gateway>,
        listeners: Listeners,
        data: &Path,
        configuration: String,
    ) -> Result<Self, AssemblyError> {
        let token = operator_token(data)?;
        let doorkeeper = Doorkeeper::new(portcullis::http::operator::Settings {
            token: TokenHash::of(&token),
            people: listeners.people,
            hosts: hosts(listeners.hosts),
            cookie: Cookie::Loopback,
            sessions: session::Settings::default(),
        });
        let meters = Meters::register(gateway.meters.registry()).map_err(AssemblyError::other)?;
        let (stage, open) = watch::channel(Stage::Open);
        let public = listeners.public.local_addr().map_err(AssemblyError::other)?;
        let operator = listeners.operator.local_addr().map_err(AssemblyError::other)?;
        let public_doors = Doorway {
            limits: Limits::default(),
            service: doors::public(Arc::clone(&gateway), doorkeeper.clone())
                .map_err(AssemblyError::other)?,
            meter: meters.of(Surface::Public),
            security: listeners.security,
        };
        let operator_doors = Doorway {
            limits: Limits::default(),
            service: doors::operator(Arc::clone(&gateway), doorkeeper.clone())
                .map_err(AssemblyError::other)?,
            meter: meters.of(Surface::Operator),
            security: Security::Plain,
        };
        noted(&gateway, "start", &configuration).await?;
        let mut tasks = JoinSet::new();
        if let Security::Tls(tls) = &public_doors.security {
            let watch = Watch::register(Arc::clone(tls), gateway.meters.registry())
                .map_err(AssemblyError::other)?;
            tasks.spawn(watch.run(Arc::clone(&gateway)));
        }
        for (socket, doorway) in
            [(listeners.public, public_doors), (listeners.operator, operator_doors)]
        {
            let open = open.clone();
            tasks.spawn(async move {
                listener::serve(socket, Arc::new(doorway), open).await;
            });
        }
        let running = Arc::clone(&gateway);
        tasks.spawn(async move { running.run().await });
        Ok(Self { gateway, public, operator, doorkeeper, configuration, stage, tasks })
    }

    /// A link that opens the console once.
    pub fn login_link(&self) -> Option<String> {
        let code = self.doorkeeper.link(tokio::time::Instant::now()).ok()?;
        Some(format!("http://{}/login?code={}", self.operator, code.reveal()))
    }

    /// Ends in order: nothing new, what is under way is answered, what is kept stays for the next start.
    pub async fn stop(mut self) {
        self.stage.send_replace(Stage::Draining);
        self.gateway.stop();
        while self.tasks.join_next().await.is_some() {}
        if let Err(error) = self.gateway.tell_calls().await {
            tracing::error!(%error, "the last calls to Bitbucket could not be recorded");
        }
        if let Err(error) = noted(&self.gateway, "stop", &self.configuration).await {
            tracing::error!(%error, "the stop could not be recorded");
        }
        if let Err(error) = self.gateway.sign().await {
            tracing::error!(%error, "no last checkpoint could be signed");
        }
        self.gateway.store.close().await;
    }
}

/// Start and stop are entries: with the version, the configuration's digest, and the bundle that was active.
async fn noted(gateway: &Gateway, what: &str, configuration: &str) -> Result<(), AssemblyError> {
    let mut body = serde_json::Map::new();
    body.insert("what".to_owned(), what.into());
    body.insert("version".to_owned(), env!("CARGO_PKG_VERSION").into());
    body.insert("configuration_sha256".to_owned(), configuration.into());
    body.insert("bundle".to_owned(), gateway.active_bundle().revision.clone().into());
    let subject = gateway.store.instance().to_string();
    let entry = NewEntry { body, ..NewEntry::new(Kind::Admin, gateway.clock.now(), subject) };
    gateway.store.append(vec![entry]).await.map(drop).map_err(AssemblyError::other)
}

fn hosts(configured: Vec<String>) -> Vec<String> {
    let loopback = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
    loopback.into_iter().chain(configured).collect()
}

fn operator_token(data: &Path) -> Result<String, AssemblyError> {
    let path = data.join(TOKEN_FILE);
    if let Ok(token) = std::fs::read_to_string(&path) {
        let token = token.trim().to_owned();
        if token.len() >= 32 {
            return Ok(token);
        }
    }
    let random = portcullis::secret::random::<32>().map_err(AssemblyError::other)?;
    let token = hex::encode(random);
    private_file(&path, &format!("{token}\n")).map_err(|error| {
        AssemblyError::Other(format!("cannot write `{}`: {error}", path.display()))
    })?;
    Ok(token)
}

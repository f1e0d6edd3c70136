//! `portcullis demo`: a made-up company in one minute, no account, no network. The simulator plays Bitbucket, Cloud and
//! Data Center; everything behind the doors is the product itself: signed webhooks, step tokens, store, rules, workers.

mod company;
mod scene;
mod show;
mod tour;
mod worst;

use std::path::PathBuf;
use std::process::ExitCode;

use arc_swap::ArcSwapOption;
use portcullis::bitbucket::Client;
use portcullis::bitbucket::Credential;
use portcullis::bitbucket::Server;
use portcullis::bitbucket::Settings;
use portcullis::bitbucket::TestServer;
use portcullis::decision::Mode;
use portcullis::event::Tier;
use portcullis::event::caller::Issuer;
use portcullis::gateway::Keep;
use portcullis::gateway::brake;
use portcullis::gateway::bundles::Source;
use portcullis::gateway::connections::Connection;
use portcullis::gateway::connections::Hook;
use portcullis::gateway::environments::NamedEnvironment;
use portcullis::gateway::patrol;
use portcullis::graph::Product;
use portcullis::http::listener::Security;
use portcullis::notify;
use portcullis::policy::demand::duration;
use portcullis::posture::choice::Choice;
use portcullis::posture::choice::Choices;
use portcullis::posture::choice::Switch;
use portcullis::secret::Secret;
use portcullis::simulator::Simulator;
use portcullis::store::Role;
use tokio::net::TcpListener;

use crate::assembly;
use crate::assembly::AssemblyError;
use crate::assembly::Listeners;
use crate::assembly::Plan;
use crate::assembly::Running;
use crate::cli::Demo;
use crate::demo::company::Cast;
use crate::demo::tour::Stage;
use crate::serve::stop_signal;

/// Runs the demo: 0 if every decision was the expected one.
pub async fn run(demo: Demo) -> ExitCode {
    match shown(&demo).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("portcullis: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn shown(demo: &Demo) -> Result<bool, AssemblyError> {
    let folder = Folder::of(demo)?;
    let public = free_port(&demo.listen).await?;
    let operator = free_port("127.0.0.1:8081").await?;
    let public_url =
        format!("http://{}", loopback(public.local_addr().map_err(AssemblyError::other)?));
    let (company, cast) = company::make(&public_url);
    let simulator = Simulator::start(company).await.map_err(AssemblyError::other)?;
    let gateway = assembly::assemble(plan(&folder, &simulator, &cast, &public_url)?).await?;
    for connection in gateway.connections.iter() {
        gateway.discover(&connection).await.map_err(AssemblyError::other)?;
    }
    gateway.scan_all_soon();
    if !gateway.patrol().await {
        return Err(AssemblyError::Other("the company could not be looked over".to_owned()));
    }
    let (hosts, people) = (Vec::new(), Vec::new());
    let listeners = Listeners { public, security: Security::Plain, operator, hosts, people };
    let running = Running::start(gateway, listeners, &folder.path, "demo".to_owned()).await?;
    show::opening(&running, &cast);
    worst::show(&running.gateway).await?;
    let stage = Stage { simulator: &simulator, running: &running, cast: &cast, data: &folder.path };
    let good = tour::play(&stage).await?;
    show::closing(&running, good).await;
    if !demo.once {
        show::stays_open(&running, &folder.path);
        stop_signal().await;
    }
    running.stop().await;
    simulator.stop().await;
    if !folder.temporary {
        show::kept(&folder.path);
    }
    Ok(good)
}

/// Where the demo's store lies: a folder of the caller's, or a temporary one that goes with the demo.
struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    fn of(demo: &Demo) -> Result<Self, AssemblyError> {
        let (path, temporary) = match &demo.data {
            Some(path) => (path.clone(), false),
            None => {
                (std::env::temp_dir().join(format!("portcullis-demo-{}", std::process::id())), true)
            }
        };
        std::fs::create_dir_all(&path).map_err(|error| {
            AssemblyError::Other(format!("cannot make `{}`: {error}", path.display()))
        })?;
        Ok(Self { path, temporary })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary {
            // What cannot be removed now is in the system's own temporary folder.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Binds the address, or any free port of the same host when it is taken, and says so.
async fn free_port(address: &str) -> Result<TcpListener, AssemblyError> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let host = address.rsplit_once(':').map_or("127.0.0.1", |(host, _)| host);
            let listener =
                TcpListener::bind(format!("{host}:0")).await.map_err(AssemblyError::other)?;
            let chosen = listener.local_addr().map_err(AssemblyError::other)?;
            eprintln!("portcullis: {address} is taken, so the demo listens on {chosen} instead");
            Ok(listener)
        }
        Err(error) => Err(AssemblyError::Other(format!(
            "cannot listen on `{address}`: {error}; write it like `127.0.0.1:8080`"
        ))),
    }
}

/// The address under which this machine reaches a listener, whatever it is bound to.
fn loopback(address: std::net::SocketAddr) -> std::net::SocketAddr {
    if address.ip().is_unspecified() {
        (std::net::Ipv4Addr::LOCALHOST, address.port()).into()
    } else {
        address
    }
}

fn plan(
    folder: &Folder,
    simulator: &Simulator,
    cast: &Cast,
    public_url: &str,
) -> Result<Plan, AssemblyError> {
    let store = folder.path.join("demo.db");
    let day = duration("1d").unwrap_or_default();
    Ok(Plan {
        seal: assembly::seal_made(&store).map_err(AssemblyError::Store)?,
        store,
        role: Role::Demo,
        connections: vec![cloud(simulator, cast, public_url)?, datacenter(simulator, cast)?],
        rules: Source::Shipped,
        workers: assembly::workers_of(None),
        mode: Mode::Enforce,
        public_url: public_url.to_owned(),
        keep: Keep { bodies: day, sealed: day },
        streams: Vec::new(),
        brake: brake::Settings::default(),
        notify: notify::Settings::default(),
        patrol: patrol::Settings { choices: scanning(), ..patrol::Settings::default() },
        worlds: Vec::new(),
    })
}

/// In Billing, pipelines are what scans for vulnerabilities: the rule that ships disabled is on there.
fn scanning() -> Choices {
    Choices(vec![Choice {
        rule: "Bitbucket Pipelines should be enabled for vulnerability scanning".to_owned(),
        connection: None,
        project: Some("BILL".to_owned()),
        switch: Switch::On,
    }])
}

fn cloud(
    simulator: &Simulator,
    cast: &Cast,
    public_url: &str,
) -> Result<Connection, AssemblyError> {
    let id: portcullis::graph::ConnectionId =
        company::CLOUD.parse().map_err(AssemblyError::other)?;
    let api_url = simulator.cloud_api();
    let (key, secret) = cast.consumer.clone();
    let test =
        TestServer { api_url: api_url.clone(), token_url: Some(simulator.cloud_token_url()) };
    let settings = Settings {
        connection: id.clone(),
        server: Server::Cloud { workspace: company::WORKSPACE.to_owned(), test: Some(test) },
        credential: Credential::OAuth { key: Secret::new(key), secret: Secret::new(secret) },
    };
    Ok(Connection {
        product: Product::Cloud,
        workspace: Some(company::WORKSPACE.to_owned()),
        client: Some(Client::new(settings).map_err(AssemblyError::other)?),
        issuer: Some(Issuer {
            connection: id.clone(),
            issuer: format!(
                "{api_url}/workspaces/{}/pipelines-config/identity/oidc",
                company::WORKSPACE
            ),
            audiences: vec![public_url.to_owned()],
        }),
        protected_refs: vec!["main".to_owned(), "release/*".to_owned()],
        premium: Some(true),
        posts_status: true,
        hooks: vec![hook(&cast.cloud_hook)?],
        environments: Vec::new(),
        ci: Vec::new(),
        own: ArcSwapOption::empty(),
        id,
    })
}

fn datacenter(simulator: &Simulator, cast: &Cast) -> Result<Connection, AssemblyError> {
    let id: portcullis::graph::ConnectionId =
        company::DATACENTER.parse().map_err(AssemblyError::other)?;
    let settings = Settings {
        connection: id.clone(),
        server: Server::DataCenter { base_url: simulator.datacenter_url() },
        credential: Credential::Basic {
            user: company::GATE_USER.to_owned(),
            secret: Secret::new(cast.password.clone()),
        },
    };
    Ok(Connection {
        product: Product::DataCenter,
        workspace: None,
        client: Some(Client::new(settings).map_err(AssemblyError::other)?),
        issuer: None,
        protected_refs: vec!["main".to_owned(), "release/*".to_owned()],
        premium: None,
        posts_status: true,
        hooks: vec![hook(&cast.datacenter_hook)?],
        environments: environments(&id)?,
        ci: Vec::new(),
        own: ArcSwapOption::empty(),
        id,
    })
}

/// What other CI deploys to: Data Center has no environments of its own.
fn environments(
    connection: &portcullis::graph::ConnectionId,
) -> Result<Vec<NamedEnvironment>, AssemblyError> {
    let named = [("staging", Tier::Staging), ("production", Tier::Production)];
    let made = named.map(|(name, tier)| NamedEnvironment::new(connection, name, tier));
    made.into_iter().collect::<Result<_, _>>().map_err(AssemblyError::other)
}

fn hook(registered: &company::Registered) -> Result<Hook, AssemblyError> {
    let id = registered.id.parse().map_err(AssemblyError::other)?;
    Hook::new(id, vec![Secret::new(registered.secret.clone().into_bytes())])
        .map_err(AssemblyError::other)
}

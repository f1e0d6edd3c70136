//! `portcullis serve`: the gateway, from a configuration file. Also what other commands need of that file and its store.

pub mod connections;
mod findings;
mod notices;
mod streams;

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use portcullis::decision::Mode;
use portcullis::decision::pause::Demand;
use portcullis::gateway::Keep;
use portcullis::gateway::brake;
use portcullis::gateway::bundles::Source;
use portcullis::http::listener::Security;
use portcullis::http::operator::TokenHash;
use portcullis::http::tls::Tls;
use portcullis::policy::demand::duration;
use portcullis::store::Role;
use portcullis::store::Store;
use portcullis::store::path_of;
use tokio::net::TcpListener;

use crate::assembly;
use crate::assembly::AssemblyError;
use crate::assembly::KeysError;
use crate::assembly::Listeners;
use crate::assembly::Plan;
use crate::assembly::Running;
use crate::cli::LogFormat;
use crate::cli::Serve;
use crate::config;
use crate::config::Config;
use crate::config::ConfigError;
use crate::logs;
use crate::offline;
use crate::telemetry::Telemetry;

/// Runs the command until it is asked to stop.
pub async fn run(serve: Serve, format: LogFormat) -> ExitCode {
    match started(&serve, format).await {
        Ok((running, telemetry)) => {
            greet(&running).await;
            stop_signal().await;
            tracing::info!("stopping: nothing new is taken, what is under way is finished");
            running.stop().await;
            if let Some(telemetry) = telemetry {
                telemetry.stop().await;
            }
            ExitCode::SUCCESS
        }
        Err(Failed::Configuration(error)) => {
            eprintln!("portcullis: {error}");
            ExitCode::from(2)
        }
        Err(Failed::Assembly(error)) => {
            eprintln!("portcullis: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Why it did not start.
enum Failed {
    /// Exit 2.
    Configuration(ConfigError),
    /// Exit 1.
    Assembly(AssemblyError),
}

impl From<ConfigError> for Failed {
    fn from(error: ConfigError) -> Self {
        Self::Configuration(error)
    }
}

impl From<AssemblyError> for Failed {
    fn from(error: AssemblyError) -> Self {
        Self::Assembly(error)
    }
}

async fn started(serve: &Serve, format: LogFormat) -> Result<(Running, Option<Telemetry>), Failed> {
    let config = config::load(serve.config.as_deref())?;
    let telemetry = telemetry(&config)?;
    logs::start(format, "info", telemetry.as_ref().map(|telemetry| telemetry.tracer.clone()));
    let store = path_of(&config.store.url)
        .map_err(|error| ConfigError::value("store.url", error.to_string()))?;
    let data = serve.data.clone().unwrap_or_else(|| folder_of(&store));
    let listeners = listeners(&config).await?;
    let public_url = public_url(&config, &listeners.public)?;
    let worlds = serve.world.as_deref().map(offline::read_world).transpose();
    let worlds = worlds.map_err(|why| ConfigError::value("--world", why))?.into_iter().collect();
    let keys = (config.store.key.as_ref(), config.store.old_key.as_ref());
    let seal = assembly::seal_of(&store, keys.0, keys.1).map_err(|error| match error {
        KeysError::Config(error) => Failed::Configuration(error),
        KeysError::Beside(why) => Failed::Assembly(AssemblyError::Store(why)),
    })?;
    let plan = Plan {
        store,
        seal,
        role: Role::Serve,
        connections: connections::of(&config, &public_url)?,
        rules: rules(&config),
        workers: workers(&config)?,
        mode: mode(&config)?,
        keep: keep(&config)?,
        streams: streams::of(&config)?,
        brake: brake(&config)?,
        notify: notices::of(&config)?,
        patrol: findings::of(&config)?,
        public_url,
        worlds,
    };
    let gateway = assembly::assemble(plan).await?;
    if let Some(telemetry) = &telemetry {
        telemetry.watch(&gateway).map_err(AssemblyError::other)?;
    }
    Ok((Running::start(gateway, listeners, &data, config.digest).await?, telemetry))
}

/// Reads everything a configuration names, short of opening the store; a summary for people.
pub fn checked(config: &Config) -> Result<String, ConfigError> {
    let store = path_of(&config.store.url)
        .map_err(|error| ConfigError::value("store.url", error.to_string()))?;
    keep(config)?;
    brake(config)?;
    let told = notices::of(config)?;
    findings::of(config)?;
    people(config)?;
    mode(config)?;
    workers(config)?;
    streams::of(config)?;
    config.telemetry.settings()?;
    let url =
        config.public.url.clone().unwrap_or_else(|| format!("http://{}", config.public.listen));
    config.public.url.as_deref().map(judged_url).transpose()?;
    let connections = connections::of(config, &url)?;
    rules(config).read().map_err(|error| ConfigError::value("policies.path", error.to_string()))?;
    let mut lines =
        vec![format!("good: {} connection(s), store {}", connections.len(), store.display())];
    for connection in &connections {
        let scope = connection.scope();
        let reach =
            if scope.is_empty() { String::new() } else { format!(", only {}", scope.join(", ")) };
        lines.push(format!(
            "  {} ({}): {} hook(s){reach}",
            connection.id,
            connection.product,
            connection.hooks.len()
        ));
    }
    if !told.channels.is_empty() {
        lines.push(format!("  {} channel(s) to tell", told.channels.len()));
    }
    let warnings = notices::warnings(config).into_iter();
    let warnings = warnings.chain(connections::database::warnings(config));
    lines.extend(warnings.map(|warning| format!("  warning: {warning}")));
    if connections.is_empty() {
        lines.push("  no connection yet: add a [[connection]]; until then the gate starts but is not ready".to_owned());
    }
    Ok(lines.join("\n"))
}

fn folder_of(store: &Path) -> PathBuf {
    store
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .map_or_else(|| PathBuf::from("."), Path::to_owned)
}

fn rules(config: &Config) -> Source {
    config.policies.path.clone().map_or(Source::Shipped, Source::Folder)
}

fn mode(config: &Config) -> Result<Mode, ConfigError> {
    Mode::from_text(&config.policies.mode).ok_or_else(|| {
        ConfigError::value(
            "policies.mode",
            format!("`{}` is not one of {}", config.policies.mode, Mode::TEXTS.join(", ")),
        )
    })
}

fn length(key: &str, text: &str) -> Result<Duration, ConfigError> {
    duration(text).ok_or_else(|| {
        ConfigError::value(
            key,
            format!("`{text}` is not a duration: write it like `30s`, `15m`, `4h` or `7d`"),
        )
    })
}

fn keep(config: &Config) -> Result<Keep, ConfigError> {
    Ok(Keep {
        bodies: length("store.keep_bodies", &config.store.keep_bodies)?,
        sealed: length("store.keep_sealed", &config.store.keep_sealed)?,
    })
}

fn brake(config: &Config) -> Result<brake::Settings, ConfigError> {
    let longest = length("pause.longest", &config.pause.longest)?;
    if !config.pause.second_person {
        return Ok(brake::Settings { longest, demand: Demand::One });
    }
    if config.operator.person.len() < 2 {
        let why = "a pause takes two people only where two are named: add `[[operator.person]]`";
        return Err(ConfigError::value("pause.second_person", why));
    }
    Ok(brake::Settings { longest, demand: Demand::Two })
}

fn telemetry(config: &Config) -> Result<Option<Telemetry>, Failed> {
    let settings = config.telemetry.settings()?;
    Ok(settings.map(Telemetry::start).transpose().map_err(AssemblyError::other)?)
}

/// Shortest token of a person. A shorter one can be guessed, and it opens everything.
const MIN_TOKEN: usize = 32;

fn people(config: &Config) -> Result<Vec<(String, TokenHash)>, ConfigError> {
    let mut people: Vec<(String, TokenHash)> = Vec::new();
    let mut tokens = BTreeSet::new();
    for person in &config.operator.person {
        let key = format!("operator.person `{}`", person.name);
        let name = person.name.trim().to_owned();
        let token = person.token.read_text(&key)?;
        if token.expose().trim_end().len() < MIN_TOKEN {
            let why = format!("the token is shorter than {MIN_TOKEN} characters");
            return Err(ConfigError::value(key, why));
        }
        if name.is_empty() || people.iter().any(|(known, _)| *known == name) {
            return Err(ConfigError::value(key, "every person needs a name of their own"));
        }
        if !tokens.insert(portcullis::secret::hash_token(token.expose().trim_end())) {
            return Err(ConfigError::value(key, "every person needs a token of their own"));
        }
        people.push((name, TokenHash::of(token.expose())));
    }
    Ok(people)
}

fn workers(config: &Config) -> Result<portcullis::gateway::workers::Settings, ConfigError> {
    let mut settings = assembly::workers_of(config.workers.count);
    if let Some(text) = &config.workers.deadline {
        let millis = text
            .strip_suffix("ms")
            .and_then(|number| number.parse().ok())
            .map(Duration::from_millis);
        settings.deadline = match millis {
            Some(deadline) => deadline,
            None => length("workers.deadline", text)?,
        };
    }
    Ok(settings)
}

async fn listeners(config: &Config) -> Result<Listeners, Failed> {
    let operator = bound("operator.listen", &config.operator.listen).await?;
    let is_loopback = operator.local_addr().is_ok_and(|address| address.ip().is_loopback());
    if !is_loopback && !config.operator.expose {
        let why = "it is not a loopback address: set `[operator] expose = true` if health, metrics and API must be reached from elsewhere";
        return Err(ConfigError::value("operator.listen", why).into());
    }
    Ok(Listeners {
        public: bound("public.listen", &config.public.listen).await?,
        security: security(config)?,
        operator,
        hosts: config.operator.hosts.clone(),
        people: people(config)?,
    })
}

async fn bound(key: &str, address: &str) -> Result<TcpListener, ConfigError> {
    TcpListener::bind(address).await.map_err(|error| {
        let next = if error.kind() == std::io::ErrorKind::AddrInUse {
            "another program listens there: stop it, or choose another port"
        } else {
            "write it like `127.0.0.1:8080`"
        };
        ConfigError::value(key, format!("cannot listen on `{address}`: {error}; {next}"))
    })
}

fn security(config: &Config) -> Result<Security, ConfigError> {
    match (&config.public.certificate, &config.public.key) {
        (Some(certificate), Some(key)) => {
            let settings = portcullis::http::tls::Settings {
                certificate: certificate.clone(),
                key: key.clone(),
            };
            let tls = Tls::load(settings)
                .map_err(|error| ConfigError::value("public.certificate", error.to_string()))?;
            Ok(Security::Tls(Arc::new(tls)))
        }
        (None, None) => Ok(Security::Plain),
        (Some(_), None) => {
            Err(ConfigError::value("public.key", "a certificate needs its private key"))
        }
        (None, Some(_)) => {
            Err(ConfigError::value("public.certificate", "a private key needs its certificate"))
        }
    }
}

fn public_url(config: &Config, listener: &TcpListener) -> Result<String, Failed> {
    let address = listener.local_addr().map_err(AssemblyError::other)?;
    let Some(url) = &config.public.url else {
        if address.ip().is_loopback() {
            return Ok(format!("http://{address}"));
        }
        return Err(ConfigError::value(
            "public.url",
            "say how the world reaches this gate: links are built from it",
        )
        .into());
    };
    judged_url(url)?;
    Ok(url.trim_end_matches('/').to_owned())
}

/// What the world uses must be https: step tokens and approvals travel over it.
fn judged_url(url: &str) -> Result<(), ConfigError> {
    let parsed = url::Url::parse(url).map_err(|error| {
        ConfigError::value("public.url", format!("`{url}` is no address: {error}"))
    })?;
    let local =
        parsed.host_str().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
    if parsed.scheme() != "https" && !local {
        return Err(ConfigError::value(
            "public.url",
            format!("`{url}` must be https: step tokens would travel in the open"),
        ));
    }
    Ok(())
}

async fn greet(running: &Running) {
    eprintln!("public    {}  known to the world as {}", running.public, running.gateway.public_url);
    eprintln!("operator  http://{}", running.operator);
    if let Some(link) = running.login_link() {
        eprintln!("console   {link}  (opens once)");
    }
    eprintln!("ledger    {}", running.gateway.verifier_key());
    for id in running.gateway.unheard() {
        eprintln!(
            "unheard   {id} enforces rules and has no `security_contact`: nobody hears what no route tells"
        );
    }
    for reason in running.gateway.readiness().await.reasons {
        eprintln!("not ready: {reason}");
    }
}

/// Waits for SIGTERM or Ctrl-C.
pub async fn stop_signal() {
    use tokio::signal::unix::SignalKind;
    use tokio::signal::unix::signal;
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// Opens a store for reading, beside a running gateway or without one.
pub async fn read_only(address: &str) -> Result<Store, String> {
    let path = path_of(address).map_err(|error| error.to_string())?;
    let opened = match assembly::seal_beside(&path) {
        Ok(seal) => Store::open_read_only_sealed(&path, seal).await,
        Err(_) => Store::open_read_only(&path).await,
    };
    opened.map_err(|error| error.to_string())
}

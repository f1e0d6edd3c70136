//! Who is told, from configuration: every id known, every secret read, every address judged, before anything starts.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis::graph::ConnectionId;
use portcullis::notify::Channel;
use portcullis::notify::ChannelId;
use portcullis::notify::On;
use portcullis::notify::Routes;
use portcullis::notify::Settings;
use portcullis::notify::Severity;
use portcullis::notify::channel::Allowed;
use portcullis::notify::route::Owned;
use portcullis::notify::route::Owner;
use portcullis::notify::route::Route;
use portcullis::notify::route::SHADOW;
use portcullis::notify::route::To;
use portcullis::notify::route::When;
use portcullis::notify::sign::Key;

use crate::config::ChannelConfig;
use crate::config::Config;
use crate::config::ConfigError;
use crate::config::OwnerConfig;
use crate::config::RouteConfig;
use crate::serve::length;

/// Longest time that a cause stays quiet. What served to know it is forgotten after thirty days.
const MAX_ONCE_PER_DAYS: u64 = 30;

/// What is told where no route says what it answers.
const RULES: [On; 4] = [On::Alert, On::Approve, On::Block, On::Finding];

/// Everything that is said of telling people, or what is wrong with the first bad part.
pub fn of(config: &Config) -> Result<Settings, ConfigError> {
    let mut channels = BTreeMap::new();
    for (at, told) in config.channel.iter().enumerate() {
        let channel = channel(&format!("channel[{at}]"), told)?;
        if channels.insert(channel.id().clone(), Arc::new(channel)).is_some() {
            let why = format!("`{}` is configured twice", told.id);
            return Err(ConfigError::value(format!("channel[{at}].id"), why));
        }
    }
    let known = Known { channels: &channels, config };
    let once_per = length("notify.once_per", &config.notify.once_per)?;
    if once_per.is_zero() || once_per.as_secs() > MAX_ONCE_PER_DAYS * 86_400 {
        let why =
            format!("a cause stays quiet for at least a second and at most {MAX_ONCE_PER_DAYS}d");
        return Err(ConfigError::value("notify.once_per", why));
    }
    let routes = config.route.iter().enumerate().map(|(at, told)| route(at, told, &known));
    let owners = config.owner.iter().enumerate().map(|(at, told)| owner(at, told, &known));
    let routes = Routes {
        routes: routes.collect::<Result<_, _>>()?,
        owners: owners.collect::<Result<_, _>>()?,
        contacts: contacts(config, &known)?,
    };
    Ok(Settings {
        routes,
        once_per,
        digest_at: minute_of_day(&config.notify.digest)?,
        channels,
        ..Settings::default()
    })
}

/// What will work but not well: connections whose rules are enforced and that nobody speaks for. In shadow nobody is
/// stopped; whoever promotes a rule later is told by `serve`.
pub fn warnings(config: &Config) -> Vec<String> {
    let enforcing = config.policies.mode == "enforce";
    let silent = config.connection.iter().filter(|one| enforcing && one.security_contact.is_none());
    silent
        .map(|one| {
            format!(
                "connection `{}` has no `security_contact`: its rules are enforced, nobody hears what no route tells",
                one.id
            )
        })
        .collect()
}

struct Known<'a> {
    channels: &'a BTreeMap<ChannelId, Arc<Channel>>,
    config: &'a Config,
}

impl Known<'_> {
    fn channel(&self, key: &str, id: &str) -> Result<ChannelId, ConfigError> {
        let read: ChannelId = id.parse().map_err(|error| refused(key, &error))?;
        if self.channels.contains_key(&read) {
            return Ok(read);
        }
        let known: Vec<&str> = self.channels.keys().map(ChannelId::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let why = format!("there is no channel `{id}`: the [[channel]] sections name {known}");
        Err(ConfigError::value(key, why))
    }

    fn connection(&self, key: &str, id: &str) -> Result<ConnectionId, ConfigError> {
        if !self.config.connection.iter().any(|one| one.id == id) {
            return Err(ConfigError::value(key, format!("there is no connection `{id}`")));
        }
        id.parse().map_err(|error| refused(key, &error))
    }
}

fn refused(key: &str, error: &dyn std::fmt::Display) -> ConfigError {
    ConfigError::value(key, error.to_string())
}

fn channel(key: &str, told: &ChannelConfig) -> Result<Channel, ConfigError> {
    let id = told.id.parse().map_err(|error| refused(&format!("{key}.id"), &error))?;
    let secrets = format!("{key}.secrets");
    let keys = told.secrets.iter().map(|secret| {
        let text = secret.read_text(&secrets)?;
        Key::read(&text).map_err(|error| refused(&secrets, &error))
    });
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    let allowed =
        Allowed::read(&told.allow).map_err(|error| refused(&format!("{key}.allow"), &error))?;
    Channel::new(id, &told.url, keys, allowed).map_err(|error| refused(key, &error))
}

fn contacts(
    config: &Config,
    known: &Known<'_>,
) -> Result<BTreeMap<ConnectionId, ChannelId>, ConfigError> {
    let mut contacts = BTreeMap::new();
    for (at, connection) in config.connection.iter().enumerate() {
        let Some(contact) = &connection.security_contact else { continue };
        let key = format!("connection[{at}].security_contact");
        let id = connection.id.parse().map_err(|error| refused(&key, &error))?;
        contacts.insert(id, known.channel(&key, contact)?);
    }
    Ok(contacts)
}

fn owner(at: usize, told: &OwnerConfig, known: &Known<'_>) -> Result<Owner, ConfigError> {
    let of = match (&told.project, &told.repository) {
        (Some(project), None) => Owned::Project(project.clone()),
        (None, Some(repository)) => Owned::Repository(repository.clone()),
        (Some(_), Some(_)) | (None, None) => {
            let why = "say what is owned: either `project` or `repository`";
            return Err(ConfigError::value(format!("owner[{at}]"), why));
        }
    };
    let channel = known.channel(&format!("owner[{at}].channel"), &told.channel)?;
    Ok(Owner { of, channel })
}

fn route(at: usize, told: &RouteConfig, known: &Known<'_>) -> Result<Route, ConfigError> {
    let key = |name: &str| format!("route[{at}].{name}");
    let on = told.about.iter().map(|text| word(&key("about"), text, On::from_text, On::TEXTS));
    let mut on = on.collect::<Result<BTreeSet<_>, _>>()?;
    if on.is_empty() {
        on.extend(RULES);
    }
    let severity = told
        .severity
        .as_ref()
        .map(|text| word(&key("severity"), text, Severity::from_text, Severity::TEXTS));
    let narrowed = [&told.severity, &told.rules, &told.connection, &told.project];
    if !on.iter().any(|one| RULES.contains(one)) && narrowed.iter().any(|one| one.is_some()) {
        let why = "alarms and pauses concern the whole gate: leave out severity, rules, connection and project";
        return Err(ConfigError::value(key("about"), why));
    }
    let connection = told.connection.as_ref();
    let to = told.to.iter().map(|text| to(&key("to"), text, known));
    let to = to.collect::<Result<Vec<_>, _>>()?;
    if to.is_empty() {
        let why = "say who hears it: channels, `owner` or `security-contact`";
        return Err(ConfigError::value(key("to"), why));
    }
    let tell = when(&key("tell"), told.tell.as_ref())?.unwrap_or(When::Now);
    if tell == When::Never {
        let why =
            "`never` is for `shadow` alone: what is enforced is told at once or with the digest";
        return Err(ConfigError::value(key("tell"), why));
    }
    Ok(Route {
        on,
        severity: severity.transpose()?,
        rules: told.rules.clone(),
        connection: connection.map(|id| known.connection(&key("connection"), id)).transpose()?,
        project: told.project.clone(),
        to,
        tell,
        shadow: when(&key("shadow"), told.shadow.as_ref())?.unwrap_or(SHADOW),
    })
}

fn to(key: &str, text: &str, known: &Known<'_>) -> Result<To, ConfigError> {
    match text {
        "owner" => Ok(To::Owner),
        "security-contact" => Ok(To::SecurityContact),
        id => known.channel(key, id).map(To::Channel),
    }
}

fn when(key: &str, told: Option<&String>) -> Result<Option<When>, ConfigError> {
    told.map(|text| word(key, text, When::from_text, When::TEXTS)).transpose()
}

fn word<T>(
    key: &str,
    text: &str,
    read: impl Fn(&str) -> Option<T>,
    all: &[&str],
) -> Result<T, ConfigError> {
    let refused = || ConfigError::value(key, format!("`{text}` is not one of {}", all.join(", ")));
    read(text).ok_or_else(refused)
}

/// `08:00` → 480.
fn minute_of_day(text: &str) -> Result<u16, ConfigError> {
    let read = || {
        let (hours, minutes) = text.split_once(':')?;
        let two = |part: &str| (part.len() == 2).then(|| part.parse::<u16>().ok())?;
        let (hours, minutes) = (two(hours)?, two(minutes)?);
        (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
    };
    read().ok_or_else(|| {
        let why = format!("`{text}` is no time of day: write it like `08:00`, in UTC");
        ConfigError::value("notify.digest", why)
    })
}

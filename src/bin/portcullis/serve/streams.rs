//! Streams, from configuration: every secret read and every address judged before anything starts.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use portcullis::decision::line::Named;
use portcullis::decision::line::Shape;
use portcullis::gateway::streams::Settings;
use portcullis::gateway::streams::StreamBegin;
use portcullis::gateway::streams::To;
use portcullis::gateway::streams::feed::Feed;

use crate::config::Config;
use crate::config::ConfigError;
use crate::config::StreamConfig;

/// Streams at most: each reads every decision from the store.
const MAX_STREAMS: usize = 8;

/// Everything that is said of streams, or what is wrong with the first bad one.
pub fn of(config: &Config) -> Result<Vec<Arc<Settings>>, ConfigError> {
    if config.stream.len() > MAX_STREAMS {
        let why = format!("there are more than {MAX_STREAMS}: each reads every decision");
        return Err(ConfigError::value("stream", why));
    }
    let (mut ids, mut files) = (BTreeSet::new(), BTreeSet::new());
    let mut streams = Vec::new();
    for (at, told) in config.stream.iter().enumerate() {
        let stream = stream(&format!("stream[{at}]"), told)?;
        if !ids.insert(stream.id.clone()) {
            let why = format!("`{}` is configured twice", stream.id);
            return Err(ConfigError::value(format!("stream[{at}].id"), why));
        }
        if let To::File(path) = &stream.to
            && !files.insert(path.clone())
        {
            let why = format!("two streams cannot share `{}`", path.display());
            return Err(ConfigError::value(format!("stream[{at}].to"), why));
        }
        streams.push(Arc::new(stream));
    }
    Ok(streams)
}

fn stream(key: &str, told: &StreamConfig) -> Result<Settings, ConfigError> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !(2..=40).contains(&told.id.len()) || !told.id.bytes().all(plain) {
        let cut: String = told.id.chars().take(48).collect();
        let why = format!("`{cut}` is no stream id: use 2 to 40 of a-z, 0-9 and `-`");
        return Err(ConfigError::value(format!("{key}.id"), why));
    }
    let word = |name: &str, text: &str, all: &[&str]| {
        ConfigError::value(
            format!("{key}.{name}"),
            format!("`{text}` is not one of {}", all.join(", ")),
        )
    };
    let format = told.format.as_deref().unwrap_or(Shape::Portcullis.as_str());
    let parts = told
        .parts
        .iter()
        .map(|part| Named::from_text(part).ok_or_else(|| word("parts", part, Named::TEXTS)));
    let begin = match told.begin.as_deref() {
        None | Some("now") => StreamBegin::Now,
        Some("start") => StreamBegin::Start,
        Some(other) => return Err(word("begin", other, &["now", "start"])),
    };
    Ok(Settings {
        id: told.id.clone(),
        to: to(&format!("{key}.to"), told)?,
        shape: Shape::from_text(format).ok_or_else(|| word("format", format, Shape::TEXTS))?,
        parts: parts.collect::<Result<_, _>>()?,
        begin,
    })
}

fn to(key: &str, told: &StreamConfig) -> Result<To, ConfigError> {
    let to = &told.to;
    match (&to.file, &to.url) {
        (Some(file), None) if to.token.is_none() && to.allow.is_empty() => {
            Ok(To::File(PathBuf::from(file)))
        }
        (Some(_), None) => Err(ConfigError::value(key, "a file needs no `token` and no `allow`")),
        (None, Some(url)) => feed(key, url, told).map(To::Feed),
        (Some(_), Some(_)) | (None, None) => {
            Err(ConfigError::value(key, "say where to: one of `file` and `url`"))
        }
    }
}

fn feed(key: &str, url: &str, told: &StreamConfig) -> Result<Feed, ConfigError> {
    let token = told.to.token.as_ref();
    let token = token.map(|token| token.read_text(&format!("{key}.token"))).transpose()?;
    Feed::new(url, token, &told.to.allow)
        .map_err(|error| ConfigError::value(format!("{key}.url"), error.to_string()))
}

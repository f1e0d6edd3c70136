//! `[telemetry]`: whether traces are sent, and how far they reach. The standard variables name a collector too.

use std::collections::BTreeMap;

use portcullis::gateway::spans;
use portcullis::gateway::spans::Outward;
use portcullis::gateway::spans::Parents;
use reqwest::header::HeaderMap;
use reqwest::header::HeaderName;
use reqwest::header::HeaderValue;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use crate::config::ConfigError;
use crate::config::SecretRef;
use crate::config::variable;
use crate::telemetry::Settings;

/// Where a collector takes traces, below its address.
const TRACES: &str = "v1/traces";

/// Traces, sent by OTLP over HTTP.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// The collector's address for traces, whole: `https://collector.example.com/v1/traces`. Absent: none are made,
    /// unless the environment has `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub otlp: Option<String>,
    /// Headers of every request, such as a key; https outside loopback.
    pub headers: BTreeMap<String, SecretRef>,
    /// The part of the traces that is kept, 0 to 1.
    pub sample: f64,
    /// What the gate is called there.
    pub service: String,
    /// A `traceparent` that comes in: `ignore`, or `trust` where only your own proxies and pipelines reach the public
    /// listener.
    pub parents: String,
    /// Calls to Bitbucket carry a `traceparent`. For a Data Center of your own.
    pub tell_bitbucket: bool,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            otlp: None,
            headers: BTreeMap::new(),
            sample: 1.0,
            service: "portcullis".to_owned(),
            parents: "ignore".to_owned(),
            tell_bitbucket: false,
        }
    }
}

impl TelemetryConfig {
    /// Where traces go; none: nowhere.
    pub fn settings(&self) -> Result<Option<Settings>, ConfigError> {
        let reach = spans::Settings { parents: self.parents()?, outward: self.outward() };
        if !(0.0..=1.0).contains(&self.sample) {
            let why =
                format!("`{}` is no part of the traces: write a number from 0 to 1", self.sample);
            return Err(ConfigError::value("telemetry.sample", why));
        }
        let Some((key, address)) = self.address() else { return Ok(None) };
        let to = judged(key, &address)?;
        let headers = self.headers(&to)?;
        let (sample, service) = (self.sample, self.service.clone());
        Ok(Some(Settings { to, headers, sample, service, reach }))
    }

    /// The collector's address, and what named it.
    fn address(&self) -> Option<(&'static str, String)> {
        let of_traces = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
        let of_all = "OTEL_EXPORTER_OTLP_ENDPOINT";
        let below = |base: String| format!("{}/{TRACES}", base.trim_end_matches('/'));
        let configured = self.otlp.clone().map(|address| ("telemetry.otlp", address));
        configured
            .or_else(|| variable(of_traces).map(|address| (of_traces, address)))
            .or_else(|| variable(of_all).map(|base| (of_all, below(base))))
    }

    fn parents(&self) -> Result<Parents, ConfigError> {
        match self.parents.as_str() {
            "ignore" => Ok(Parents::Ignored),
            "trust" => Ok(Parents::Trusted),
            other => {
                let why = format!("`{other}` is not one of ignore, trust");
                Err(ConfigError::value("telemetry.parents", why))
            }
        }
    }

    const fn outward(&self) -> Outward {
        if self.tell_bitbucket { Outward::Told } else { Outward::Silent }
    }

    fn headers(&self, to: &Url) -> Result<HeaderMap, ConfigError> {
        let mut headers = HeaderMap::new();
        for (name, secret) in &self.headers {
            let key = format!("telemetry.headers.{name}");
            if to.scheme() != "https" && !is_local(to) {
                let why =
                    "the collector is asked without encryption: a header would travel in the open";
                return Err(ConfigError::value(key, why));
            }
            let value = secret.read_text(&key)?;
            let value = HeaderValue::from_str(value.expose().trim_end());
            let parsed = HeaderName::try_from(name).ok().zip(value.ok());
            let Some((name, mut value)) = parsed else {
                return Err(ConfigError::value(key, "this is no header"));
            };
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(headers)
    }
}

fn judged(key: &str, address: &str) -> Result<Url, ConfigError> {
    // The address is not repeated: some carry their key in it.
    let wrong = |why: &str| ConfigError::value(key, why);
    let url =
        Url::parse(address).map_err(|error| wrong(&format!("this is no address: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong(
            "traces go by HTTP: write it like `https://collector.example.com/v1/traces`",
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("an address is no place for a password: name it under `headers`"));
    }
    Ok(url)
}

fn is_local(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(toml: &str) -> Result<Option<Settings>, String> {
        let config: TelemetryConfig = toml::from_str(toml).unwrap();
        config.settings().map_err(|error| error.to_string())
    }

    #[test]
    fn without_an_address_nothing_is_sent() {
        assert!(of("").unwrap().is_none());
        let settings = of("otlp = \"http://127.0.0.1:4318/v1/traces\"").unwrap().unwrap();
        assert_eq!(settings.to.path(), "/v1/traces");
        assert_eq!(settings.reach.parents, Parents::Ignored);
        assert_eq!(settings.reach.outward, Outward::Silent);
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_key_and_without_the_address() {
        for (toml, part) in [
            ("sample = 1.5", "telemetry.sample"),
            ("sample = nan", "telemetry.sample"),
            ("parents = \"yes\"", "telemetry.parents"),
            ("otlp = \"collector:4317\"", "go by HTTP"),
            ("otlp = \"/v1/traces\"", "no address"),
            ("otlp = \"https://me:canary@collector.test/\"", "no place for a password"),
            (
                "otlp = \"http://collector.test/\"\nheaders = { x-key = { env = \"CANARY\" } }",
                "in the open",
            ),
            (
                "otlp = \"https://collector.test/\"\nheaders = { x-key = { env = \"CANARY\" } }",
                "`CANARY` is not set",
            ),
        ] {
            let Err(why) = of(toml) else { panic!("`{toml}` was taken") };
            assert!(why.contains(part), "{toml}: {why}");
            assert!(!why.contains("canary"), "{why}");
        }
    }
}

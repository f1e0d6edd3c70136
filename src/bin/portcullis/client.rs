//! The operator's API from the command line: one address, one token, plain sentences when something is wrong.

use crate::json::at;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use crate::cli::Gate;
use crate::config::variable;

/// The file `serve` and `demo` keep the operator token in.
pub const TOKEN_FILE: &str = "operator-token";

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// How long an answer may take for which the gateway itself asks Bitbucket, many times over. A gateway ends each request
/// after a minute.
const LONG: Duration = Duration::from_secs(65);

/// How long a line of events may be open: a gateway ends it after 15 minutes.
const LONGEST_LINE: Duration = Duration::from_mins(20);

/// A gateway's operator API.
pub struct Operator {
    address: String,
    token: String,
    client: reqwest::Client,
}

/// Why there is no answer: one sentence and the next step.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No token.
    #[error(
        "no operator token: set PORTCULLIS_OPERATOR_TOKEN, or give the folder of the gateway's `{TOKEN_FILE}` file with --data ({0})"
    )]
    NoToken(String),
    /// No gateway.
    #[error(
        "no gateway answers at {0}: is it running? `portcullis serve` starts one; --gateway or PORTCULLIS_OPERATOR_URL names another ({1})"
    )]
    Unreachable(String, String),
    /// Secrets would travel in the open.
    #[error(
        "{0} is plain http on another machine: a credential is only sent to a gateway on this machine, or over https"
    )]
    Open(String),
    /// The gateway says no.
    #[error("the gateway answered {0}: {1}")]
    Refused(u16, String),
}

impl Operator {
    /// That gateway.
    pub fn new(gate: &Gate) -> Result<Self, ApiError> {
        let token = match variable("PORTCULLIS_OPERATOR_TOKEN") {
            Some(token) => token,
            None => token_in(&gate.data)?,
        };
        let client = reqwest::Client::builder()
            .timeout(DEADLINE)
            .redirect(reqwest::redirect::Policy::none());
        // A proxy of the environment would read the token, and what `connect` sends, of a call that is not encrypted.
        let client = if is_https(&gate.gateway) { client } else { client.no_proxy() };
        let client = client
            .build()
            .map_err(|error| ApiError::Unreachable(gate.gateway.clone(), error.to_string()))?;
        Ok(Self {
            address: gate.gateway.trim_end_matches('/').to_owned(),
            token: token.trim().to_owned(),
            client,
        })
    }

    /// GET below `/api/v1`.
    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value, ApiError> {
        let query: Vec<_> = query.iter().filter(|(_, value)| !value.is_empty()).collect();
        self.send(self.client.get(self.at(path)).query(&query)).await
    }

    /// POST below `/api/v1`.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, ApiError> {
        self.send(self.client.post(self.at(path)).json(body)).await
    }

    /// POST below `/api/v1`, where the gateway asks Bitbucket before it answers.
    pub async fn post_long(&self, path: &str, body: &Value) -> Result<Value, ApiError> {
        self.send(self.client.post(self.at(path)).timeout(LONG).json(body)).await
    }

    /// The same with GET.
    pub async fn get_long(&self, path: &str, query: &[(&str, String)]) -> Result<Value, ApiError> {
        let query: Vec<_> = query.iter().filter(|(_, value)| !value.is_empty()).collect();
        self.send(self.client.get(self.at(path)).timeout(LONG).query(&query)).await
    }

    /// Whether a secret may be sent there: over https, or to this machine.
    pub fn may_carry_secrets(&self) -> Result<(), ApiError> {
        let url = url::Url::parse(&self.address).ok();
        let safe = url.is_some_and(|url| {
            url.scheme() == "https"
                || matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
        });
        if safe { Ok(()) } else { Err(ApiError::Open(self.address.clone())) }
    }

    /// DELETE below `/api/v1`.
    pub async fn delete(&self, path: &str) -> Result<Value, ApiError> {
        self.send(self.client.delete(self.at(path))).await
    }

    /// DELETE below `/api/v1`, with a body.
    pub async fn delete_with(&self, path: &str, body: &Value) -> Result<Value, ApiError> {
        self.send(self.client.delete(self.at(path)).timeout(LONG).json(body)).await
    }

    /// GET below `/api/v1`, for events that come as they are made; `last` is the id of the last one there was.
    pub async fn events(
        &self,
        path: &str,
        query: &[(&str, String)],
        last: Option<&str>,
    ) -> Result<reqwest::Response, ApiError> {
        let query: Vec<_> = query.iter().filter(|(_, value)| !value.is_empty()).collect();
        let mut request = self.client.get(self.at(path)).query(&query).timeout(LONGEST_LINE);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let answer = timeout(DEADLINE, request.bearer_auth(&self.token).send()).await;
        let late = |_| ApiError::Unreachable(self.address.clone(), "no answer".to_owned());
        let answer = answer.map_err(late)?;
        let answer =
            answer.map_err(|error| ApiError::Unreachable(self.address.clone(), deepest(&error)))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(refused(answer.status().as_u16(), &body_of(answer).await))
    }

    fn at(&self, path: &str) -> String {
        format!("{}/api/v1/{path}", self.address)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Value, ApiError> {
        let answer = request.bearer_auth(&self.token).send().await;
        let answer =
            answer.map_err(|error| ApiError::Unreachable(self.address.clone(), deepest(&error)))?;
        let status = answer.status();
        let body = body_of(answer).await;
        if status.is_success() { Ok(body) } else { Err(refused(status.as_u16(), &body)) }
    }
}

/// Whether what goes to this address is encrypted; what is no address is not.
fn is_https(address: &str) -> bool {
    url::Url::parse(address).is_ok_and(|url| url.scheme() == "https")
}

async fn body_of(answer: reqwest::Response) -> Value {
    let text = answer.text().await.unwrap_or_default();
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

fn refused(status: u16, body: &Value) -> ApiError {
    let said = at(body, "/detail").as_str().or(at(body, "/title").as_str());
    ApiError::Refused(status, said.unwrap_or("no reason given").to_owned())
}

fn deepest(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn token_in(folder: &Path) -> Result<String, ApiError> {
    let path = folder.join(TOKEN_FILE);
    std::fs::read_to_string(&path)
        .map_err(|error| ApiError::NoToken(format!("{}: {error}", path.display())))
}

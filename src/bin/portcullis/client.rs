//! The operator's API from the command line: one address, one token, plain sentences when something is wrong.

use crate::json::at;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::cli::Reach;
use crate::config::variable;

/// The file `serve` and `demo` keep the operator token in.
pub const TOKEN_FILE: &str = "operator-token";

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(30);

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
    /// The gateway says no.
    #[error("the gateway answered {0}: {1}")]
    Refused(u16, String),
}

impl Operator {
    /// The gateway that `reach` names.
    pub fn new(reach: &Reach) -> Result<Self, ApiError> {
        let token = match variable("PORTCULLIS_OPERATOR_TOKEN") {
            Some(token) => token,
            None => token_in(&reach.data)?,
        };
        let client = reqwest::Client::builder()
            .timeout(DEADLINE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| ApiError::Unreachable(reach.gateway.clone(), error.to_string()))?;
        Ok(Self {
            address: reach.gateway.trim_end_matches('/').to_owned(),
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

    /// DELETE below `/api/v1`.
    pub async fn delete(&self, path: &str) -> Result<Value, ApiError> {
        self.send(self.client.delete(self.at(path))).await
    }

    /// DELETE below `/api/v1`, with a body.
    pub async fn delete_with(&self, path: &str, body: &Value) -> Result<Value, ApiError> {
        self.send(self.client.delete(self.at(path)).json(body)).await
    }

    fn at(&self, path: &str) -> String {
        format!("{}/api/v1/{path}", self.address)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Value, ApiError> {
        let answer = request.bearer_auth(&self.token).send().await;
        let answer =
            answer.map_err(|error| ApiError::Unreachable(self.address.clone(), deepest(&error)))?;
        let status = answer.status();
        let text = answer.text().await.unwrap_or_default();
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        if status.is_success() {
            return Ok(body);
        }
        let said = at(&body, "/detail")
            .as_str()
            .or(at(&body, "/title").as_str())
            .unwrap_or("no reason given");
        Err(ApiError::Refused(status.as_u16(), said.to_owned()))
    }
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

//! `portcullis check`: asked from a pipeline step or any CI, before it acts. The exit code is the answer; the last line
//! is one sentence and one link.

use crate::json::at;
use std::process::ExitCode;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;
use serde_json::json;

use crate::cli::Check;
use crate::cli::Format;
use crate::cli::OnError;
use crate::config::variable;

/// Go on.
const PROCEED: u8 = 0;
/// Wrong usage, or the gate refused the caller.
const USAGE: u8 = 2;
/// Do not.
const STOP: u8 = 10;
/// An approval is needed; not waited for, or time ran out.
const WAIT: u8 = 11;
/// The ticket was refused or ran out.
const TICKET_LOST: u8 = 12;
/// No answer, and the caller wants to be blocked then.
const NO_ANSWER: u8 = 20;

/// How long one question may take. The gate answers within 8 s or says that it cannot.
const DEADLINE: Duration = Duration::from_secs(15);

/// How long the gate is asked to hold a ticket question open.
const POLL: Duration = Duration::from_secs(30);

/// Who asks, and where.
struct Asker {
    gate: String,
    token: String,
    is_step: bool,
    client: reqwest::Client,
    /// The trace this question is asked in, if the caller has one.
    trace: Option<String>,
}

/// Why there is no answer.
enum NoAnswer {
    /// The caller's own fault: exit 2 whatever `--on-error` says.
    Refused(String),
    /// The gate's or the network's: `--on-error` decides.
    Unreachable(String),
}

/// Runs the command.
pub async fn run(check: Check) -> ExitCode {
    let asker = match Asker::from_environment() {
        Ok(asker) => asker,
        Err(message) => return refused(&message),
    };
    let until = check.wait.map(|wait| Instant::now() + wait);
    let question = question(&check, asker.is_step);
    match asker.until_answered(&question, until).await {
        Ok(answer) => told(&check, &answer),
        Err(NoAnswer::Refused(message)) => refused(&message),
        Err(NoAnswer::Unreachable(message)) => unreachable(check.on_error, &asker.gate, &message),
    }
}

fn refused(message: &str) -> ExitCode {
    eprintln!("portcullis: {message}");
    ExitCode::from(USAGE)
}

fn unreachable(on_error: OnError, gate: &str, message: &str) -> ExitCode {
    eprintln!("portcullis: no answer from {gate}: {message}");
    match on_error {
        OnError::Block => {
            println!(
                "The gate gave no answer, so this stops here; try again, or ask whoever runs {gate}"
            );
            ExitCode::from(NO_ANSWER)
        }
        OnError::Allow => {
            println!("The gate gave no answer; this goes on because --on-error is `allow`: {gate}");
            ExitCode::from(PROCEED)
        }
    }
}

const NO_TOKEN: &str = "there is no step token. Add these two lines to the step in bitbucket-pipelines.yml:\n    oidc:\n      audiences: [\"";

impl Asker {
    fn from_environment() -> Result<Self, String> {
        let gate = variable("PORTCULLIS_URL").ok_or(
            "PORTCULLIS_URL is not set: give the gate's address as a workspace or repository variable, such as https://gate.example.com",
        )?;
        let (gate, is_encrypted) = address(&gate)?;
        let step = variable("BITBUCKET_STEP_OIDC_TOKEN");
        let is_step = step.is_some();
        let token =
            step.or_else(|| variable("PORTCULLIS_TOKEN")).map(|token| token.trim().to_owned());
        let token = token.filter(|token| !token.is_empty()).ok_or_else(|| {
            format!("{NO_TOKEN}{gate}\"]\nor, in another CI, set PORTCULLIS_TOKEN to a service token (`portcullis token create`)")
        })?;
        if !token.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~+/=-".contains(&b)) {
            return Err("the token holds a character that no token has".to_owned());
        }
        let client = reqwest::Client::builder()
            .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5));
        // A proxy would be told the token of a question that goes unencrypted to this machine, and there is nothing to
        // check a certificate with that will not come.
        let client =
            if is_encrypted { client } else { client.no_proxy().tls_certs_only(Vec::new()) };
        let client = client.build().map_err(|error| no_client(&error))?;
        let trace = variable("TRACEPARENT").filter(|line| is_traceparent(line));
        Ok(Self { gate, token, is_step, client, trace })
    }

    /// Asks; while the answer is `wait` and there is time, waits for the ticket and asks again.
    async fn until_answered(
        &self,
        question: &Value,
        until: Option<Instant>,
    ) -> Result<Value, NoAnswer> {
        loop {
            let answer = self.ask(question).await?;
            let ticket = at(&answer, "/ticket/id").as_str().unwrap_or_default().to_owned();
            let (Some(until), Some("wait"), false) =
                (until, at(&answer, "/effect").as_str(), ticket.is_empty())
            else {
                return Ok(answer);
            };
            eprintln!("portcullis: {}", sentence(&answer));
            if !self.wait_for(&ticket, until).await? {
                return Ok(self.with_ticket_state(answer, &ticket).await);
            }
        }
    }

    async fn ask(&self, question: &Value) -> Result<Value, NoAnswer> {
        let request =
            self.client.post(format!("{}/v1/check", self.gate)).json(question).timeout(DEADLINE);
        self.send(request).await
    }

    async fn send(&self, mut request: reqwest::RequestBuilder) -> Result<Value, NoAnswer> {
        if let Some(trace) = &self.trace {
            request = request.header("traceparent", trace);
        }
        let response = request
            .bearer_auth(&self.token)
            .send()
            .await
            .map_err(|error| NoAnswer::Unreachable(innermost(&error)))?;
        let status = response.status();
        let body: Value = response.json().await.unwrap_or_default();
        if status.is_success() && body.is_object() {
            return Ok(body);
        }
        if status.as_u16() == 404 || status.is_success() {
            let why = format!(
                "{} and no answer of a gate: is PORTCULLIS_URL the gate's public address, without a path?",
                status.as_u16()
            );
            return Err(if status.is_client_error() {
                NoAnswer::Refused(why)
            } else {
                NoAnswer::Unreachable(why)
            });
        }
        let said = at(&body, "/detail").as_str().or(at(&body, "/title").as_str());
        let said = said.map_or_else(|| "no reason given".to_owned(), plain);
        if status.is_client_error() {
            Err(NoAnswer::Refused(format!(
                "the gate refused the question ({}): {said}",
                status.as_u16()
            )))
        } else {
            Err(NoAnswer::Unreachable(format!("{}: {said}", status.as_u16())))
        }
    }

    /// Waits until the ticket leaves its open state; false when time ran out or it is lost.
    async fn wait_for(&self, ticket: &str, until: Instant) -> Result<bool, NoAnswer> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            let wait = left.min(POLL);
            let address =
                format!("{}/v1/tickets/{ticket}?wait={}s", self.gate, wait.as_secs().max(1));
            let ticket = self.send(self.client.get(address).timeout(wait + DEADLINE)).await?;
            match at(&ticket, "/state").as_str() {
                Some("asked") => {}
                Some("granted") => return Ok(true),
                Some(_) | None => return Ok(false),
            }
        }
    }

    async fn with_ticket_state(&self, mut answer: Value, ticket: &str) -> Value {
        let address = format!("{}/v1/tickets/{ticket}", self.gate);
        if let Ok(now) = self.send(self.client.get(address).timeout(DEADLINE)).await
            && let Some(told) = answer.pointer_mut("/ticket").and_then(Value::as_object_mut)
        {
            told.extend(
                ["state", "why"]
                    .map(|name| (name.to_owned(), at(&now, &format!("/{name}")).clone())),
            );
        }
        answer
    }
}

/// What is missing is nearly always the same: small images have no CA certificates.
fn no_client(error: &reqwest::Error) -> String {
    format!(
        "the gate's certificate cannot be checked here ({}): install the system's CA certificates (`ca-certificates`), or name a PEM file of them in SSL_CERT_FILE",
        innermost(error)
    )
}

/// The gate's address without the slash at its end, and whether what goes there is encrypted: over http, whoever listens
/// gets the token, so http is for a gate on this machine.
fn address(text: &str) -> Result<(String, bool), String> {
    let gate = text.trim_end_matches('/');
    let is_usable = |url: &url::Url| match url.scheme() {
        "https" => true,
        "http" => is_loopback(url),
        _ => false,
    };
    let url = url::Url::parse(gate).ok().filter(|url| is_usable(url) && url.username().is_empty());
    let url = url.ok_or(
        "PORTCULLIS_URL must be the gate's address, such as https://gate.example.com; http only for a gate on this machine",
    )?;
    Ok((gate.to_owned(), url.scheme() == "https"))
}

fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Whether it could be one, W3C Trace Context: anything else in that variable is nothing to send to anybody.
fn is_traceparent(line: &str) -> bool {
    line.len() == 55 && line.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

/// The deepest cause: reqwest's outer words name the address only.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// What the gate is asked. The variables of the step are claims, and the gate treats them so.
fn question(check: &Check, is_step: bool) -> Value {
    let told = |flag: Option<String>, name: &str| {
        flag.or_else(|| if is_step { variable(name) } else { None })
    };
    let number = |text: Option<String>| text.and_then(|text| text.parse::<u64>().ok());
    let pull_request = check.pull_request.or_else(|| number(told(None, "BITBUCKET_PR_ID")));
    json!({
        "action": check.action,
        "repository": told(check.repository.clone(), "BITBUCKET_REPO_FULL_NAME"),
        "environment": told(check.environment.clone(), "BITBUCKET_DEPLOYMENT_ENVIRONMENT"),
        "variables": check.variable,
        "step": {
            "commit": told(check.commit.clone(), "BITBUCKET_COMMIT"),
            "branch": told(check.branch.clone(), "BITBUCKET_BRANCH"),
            "tag": told(check.tag.clone(), "BITBUCKET_TAG"),
            "pull_request": pull_request,
            "pipeline": told(None, "BITBUCKET_PIPELINE_UUID"),
            "step": told(None, "BITBUCKET_STEP_UUID"),
            "build": number(told(None, "BITBUCKET_BUILD_NUMBER")),
            "run": check.run,
        },
        "reason": check.reason,
    })
}

/// A text of the answer as it may be printed: in a log, a control character could hide or forge lines.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn sentence(answer: &Value) -> String {
    let reason = at(answer, "/reason").as_str().unwrap_or_default();
    let link = at(answer, "/ticket/url")
        .as_str()
        .or(at(answer, "/narrative").as_str())
        .unwrap_or_default();
    plain(&format!("{reason} {link}"))
}

fn told(check: &Check, answer: &Value) -> ExitCode {
    match check.format {
        Format::Json => println!("{answer}"),
        Format::Text => in_words(answer),
    }
    let code = match (at(answer, "/effect").as_str(), at(answer, "/ticket/state").as_str()) {
        (Some("proceed"), _) => PROCEED,
        (Some("wait"), Some("refused" | "expired" | "revoked" | "spent")) => TICKET_LOST,
        (Some("wait"), _) => WAIT,
        (Some("stop"), _) => STOP,
        (Some(_) | None, _) => NO_ANSWER,
    };
    ExitCode::from(code)
}

fn text_at(value: &Value, pointer: &str) -> String {
    plain(at(value, pointer).as_str().unwrap_or_default())
}

fn in_words(answer: &Value) {
    let word = |name: &str| plain(at(answer, &format!("/{name}")).as_str().unwrap_or("?"));
    println!("{} → {} ({})", word("verdict").to_uppercase(), word("effect"), word("binds"));
    let listed =
        |name: &str| at(answer, &format!("/{name}")).as_array().cloned().unwrap_or_default();
    for rule in listed("rules").iter().filter(|rule| at(rule, "/reason").is_string()) {
        println!("  {}: {}", text_at(rule, "/rule"), text_at(rule, "/reason"));
    }
    for because in listed("because") {
        println!("  {}", text_at(&because, "/text"));
    }
    for remedy in listed("remedies") {
        println!("  → {}", text_at(&remedy, "/text"));
    }
    if let Some(why) = at(answer, "/ticket/why").as_str() {
        println!("  {}", plain(why));
    }
    println!("{}", sentence(answer));
}

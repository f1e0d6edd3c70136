//! `portcullis connect|disconnect`: the tie to a Bitbucket, through the gateway's API. On a terminal what is missing is
//! asked for, and nothing is done before somebody said yes; everywhere else the flags say all of it.

mod awaiting;
mod change;
mod consent;
mod secrets;
mod told;

use std::process::ExitCode;

use serde_json::Value;
use serde_json::json;

use crate::cli::Connect;
use crate::cli::CredentialKind;
use crate::cli::Disconnect;
use crate::cli::Format;
use crate::cli::Product;
use crate::cli::Profile;
use crate::cli::Reach;
use crate::client::Operator;
use crate::connect::secrets::Asked;
use crate::json::at;
use crate::operator::rows;
use crate::operator::second;
use crate::operator::text;
use crate::terminal;

/// Why nothing came of it.
enum Failed {
    /// Exit 2.
    Usage(String),
    /// Exit 1.
    Answer(String),
}

impl From<String> for Failed {
    fn from(why: String) -> Self {
        Self::Usage(why)
    }
}

/// `portcullis connect`
pub async fn run(connect: Connect) -> ExitCode {
    let done = match () {
        () if connect.rotate => rotate(&connect).await,
        () if connect.change => change::run(&connect).await,
        () => tie(&connect).await,
    };
    ended(done)
}

fn ended(done: Result<bool, Failed>) -> ExitCode {
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(Failed::Usage(why)) => {
            eprintln!("portcullis: {why}");
            ExitCode::from(2)
        }
        Err(Failed::Answer(why)) => {
            eprintln!("portcullis: {why}");
            ExitCode::FAILURE
        }
    }
}

fn operator(reach: &Reach) -> Result<Operator, Failed> {
    Operator::new(&reach.gate).map_err(|error| Failed::Answer(error.to_string()))
}

/// Connects; whether every webhook was registered.
async fn tie(connect: &Connect) -> Result<bool, Failed> {
    let operator = operator(&connect.reach)?;
    operator.may_carry_secrets().map_err(|error| Failed::Usage(error.to_string()))?;
    let mut wish = wished(connect)?;
    let preview = |wish: &mut Value, on: bool| {
        if let Some(wish) = wish.as_object_mut() {
            wish.insert("preview".to_owned(), Value::Bool(on));
        }
    };
    // A look would spend the code of a consent.
    let spends = at(&wish, "/credential/kind") == "oauth-code";
    let asks = terminal::is_there() && !connect.yes && !connect.preview && !spends;
    if asks {
        preview(&mut wish, true);
        let found = post(&operator, "connections", &wish).await?;
        eprintln!("{}", told::connected(&found));
        if !terminal::agrees("Connect, and register these webhooks?")? {
            return Err(Failed::Answer("nothing was done".to_owned()));
        }
    }
    preview(&mut wish, connect.preview);
    let done = awaiting::made(&operator, &wish).await?;
    match (connect.reach.format, asks) {
        (Format::Json, _) => println!("{done}"),
        // The rest was shown before the question.
        (Format::Text, true) => println!("{}", told::after(&done)),
        (Format::Text, false) => println!("{}", told::connected(&done)),
    }
    Ok(rows(&done, "hooks").iter().all(|hook| at(hook, "/why").is_null()))
}

async fn post(operator: &Operator, path: &str, body: &Value) -> Result<Value, Failed> {
    operator.post_long(path, body).await.map_err(|error| Failed::Answer(error.to_string()))
}

/// What is asked of the gateway: from flags, and on a terminal from answers.
fn wished(connect: &Connect) -> Result<Value, Failed> {
    let id = given(
        connect.id.clone(),
        "the connection's id",
        "Id of the connection (such as acme-cloud):",
    )?;
    let product = match connect.product {
        Some(product) => product,
        None => {
            match given(None, "--product cloud|datacenter", "Bitbucket `cloud` or `datacenter`?")?
                .as_str()
            {
                "cloud" => Product::Cloud,
                "datacenter" => Product::DataCenter,
                other => {
                    return Err(Failed::Usage(format!(
                        "`{}` is neither `cloud` nor `datacenter`",
                        other.escape_debug()
                    )));
                }
            }
        }
    };
    let mut wish = json!({
        "id": id, "scope": connect.scope, "audiences": connect.audience,
        "classes": connect.class, "own_hosts": connect.own_host,
        "protected_refs": connect.protected_ref, "effects": connect.effect, "reason": connect.reason,
        "profile": match connect.profile.unwrap_or(Profile::Full) {
            Profile::Observe => "observe",
            Profile::Full => "full",
        },
    });
    let mut put = |name: &str, value: Value| {
        if let Some(wish) = wish.as_object_mut() {
            wish.insert(name.to_owned(), value);
        }
    };
    match product {
        Product::Cloud => {
            put("product", json!("cloud"));
            let workspace =
                given(connect.workspace.clone(), "--workspace", "Slug of the workspace:")?;
            put("workspace", json!(workspace));
        }
        Product::DataCenter => {
            put("product", json!("datacenter"));
            let base = given(
                connect.base_url.clone(),
                "--base-url",
                "Address of the server, with its context path:",
            )?;
            put("base_url", json!(base));
        }
    }
    let base = wish.get("base_url").and_then(Value::as_str).map(str::to_owned);
    let mut put = |name: &str, value: Value| {
        if let Some(wish) = wish.as_object_mut() {
            wish.insert(name.to_owned(), value);
        }
    };
    if let Some(audit) = change::audit(&connect.audit)? {
        put("audit", audit);
    }
    if let Some(api_url) = &connect.api_url {
        put("api_url", json!(api_url));
    }
    if let Some(plan) = &connect.plan {
        put("plan", json!(plan));
    }
    if let Some(proxy) = &connect.proxy {
        put("proxy", json!(proxy));
    }
    if let Some(file) = &connect.ca {
        let pem = std::fs::read_to_string(file)
            .map_err(|error| Failed::Usage(format!("`{}`: {error}", file.display())))?;
        put("authorities", json!(pem));
    }
    put("credential", credential(connect, product, base.as_deref())?);
    if let Some(email) = &connect.credential.second_email {
        let flags = &connect.credential;
        let token = Asked {
            what: "the second API token",
            flags: "--second-file or --second-env",
            file: flags.second_file.as_deref(),
            env: flags.second_env.as_deref(),
        };
        put(
            "second",
            json!({"kind": "api-token", "email": email, "token": token.read()?.expose()}),
        );
    }
    Ok(wish)
}

fn credential(connect: &Connect, product: Product, base: Option<&str>) -> Result<Value, Failed> {
    let flags = &connect.credential;
    let kind = if let Some(kind) = flags.credential { kind } else { chosen(product)? };
    let secret = |what| Asked {
        what,
        flags: "--secret-file or --secret-env",
        file: flags.secret_file.as_deref(),
        env: flags.secret_env.as_deref(),
    };
    let consumer_key = Asked {
        what: "the consumer's key",
        flags: "--key-file or --key-env",
        file: flags.key_file.as_deref(),
        env: flags.key_env.as_deref(),
    };
    let user = || given(flags.user.clone(), "--user", "User:");
    Ok(match kind {
        CredentialKind::Token => {
            json!({"kind": "token", "token": secret("the token").read()?.expose()})
        }
        CredentialKind::ApiToken => {
            let email = given(flags.email.clone(), "--email", "E-mail address of the account:")?;
            json!({"kind": "api-token", "email": email, "token": secret("the API token").read()?.expose()})
        }
        CredentialKind::Oauth => {
            let (key, secret) = (consumer_key.read()?, secret("the consumer's secret").read()?);
            json!({"kind": "oauth", "key": key.expose(), "secret": secret.expose()})
        }
        CredentialKind::OauthCode => {
            let consumer = (consumer_key.read()?, secret("the consumer's secret").read()?);
            match product {
                Product::Cloud => consent::cloud(flags, &consumer)?,
                Product::DataCenter => {
                    consent::datacenter(connect, &consumer, base.unwrap_or_default())?
                }
            }
        }
        CredentialKind::Basic => {
            json!({"kind": "basic", "user": user()?, "password": secret("the password").read()?.expose()})
        }
        CredentialKind::AppPassword => {
            json!({"kind": "app-password", "user": user()?, "password": secret("the app password").read()?.expose()})
        }
    })
}

/// The kind that whoever sits at the terminal chooses.
fn chosen(product: Product) -> Result<CredentialKind, Failed> {
    let choice = match product {
        Product::Cloud => {
            "Credential: `token` (access token), `api-token`, `oauth` or `oauth-code` (consumer)?"
        }
        Product::DataCenter => {
            "Credential: `token` (HTTP access token), `oauth-code` (incoming link) or `basic` (user and password)?"
        }
    };
    kind_of(&given(None, "--credential", choice)?)
}

fn kind_of(named: &str) -> Result<CredentialKind, Failed> {
    Ok(match named {
        "token" => CredentialKind::Token,
        "api-token" => CredentialKind::ApiToken,
        "oauth" => CredentialKind::Oauth,
        "oauth-code" => CredentialKind::OauthCode,
        "basic" => CredentialKind::Basic,
        "app-password" => CredentialKind::AppPassword,
        other => {
            return Err(Failed::Usage(format!(
                "`{}` is no kind of credential",
                other.escape_debug()
            )));
        }
    })
}

/// A value from its flag, or from whoever sits at the terminal.
fn given(told: Option<String>, flag: &str, question: &str) -> Result<String, Failed> {
    match told {
        Some(told) => Ok(told),
        None if terminal::is_there() => Ok(terminal::ask(question)?),
        None => Err(Failed::Usage(format!("{flag} is missing"))),
    }
}

/// `--rotate`: whether Bitbucket took every new secret.
async fn rotate(connect: &Connect) -> Result<bool, Failed> {
    let operator = operator(&connect.reach)?;
    let id = named(connect.id.as_deref().unwrap_or_default())?;
    let body =
        json!({"overlap": format!("{}s", connect.overlap.as_secs()), "reason": connect.reason});
    let done = post(&operator, &format!("connections/{id}/hooks"), &body).await?;
    match connect.reach.format {
        Format::Json => println!("{done}"),
        Format::Text => println!("{}", rotated(&done)),
    }
    Ok(rows(&done, "hooks").iter().all(|hook| at(hook, "/why").is_null()))
}

fn rotated(done: &Value) -> String {
    let mut lines = vec![told::hooks(done)];
    let turning = at(done, "/still_turning").as_u64().unwrap_or_default();
    lines.push(match at(done, "/old_ends").as_str() {
        Some(_) => format!(
            "Bitbucket was told the new secrets. The old ones stay good until {}, and end by themselves.",
            second(done, "old_ends")
        ),
        None => "No secret was changed.".to_owned(),
    });
    if turning > 0 {
        lines.push(format!(
            "{turning} of them had two secrets already: they were put right, and got no third. Ask again when the old one has ended."
        ));
    }
    lines.join("\n")
}

/// `portcullis disconnect`
pub async fn disconnect(disconnect: Disconnect) -> ExitCode {
    ended(part(&disconnect).await)
}

async fn part(disconnect: &Disconnect) -> Result<bool, Failed> {
    let operator = operator(&disconnect.reach)?;
    let id = named(&disconnect.id)?;
    if terminal::is_there() && !disconnect.yes {
        let question = format!(
            "End connection `{id}`? Its webhooks are taken away, its secrets are erased, and its id is never free again."
        );
        if !terminal::agrees(&question)? {
            return Err(Failed::Answer("nothing was done".to_owned()));
        }
    }
    let body = json!({"reason": disconnect.reason});
    let done = operator.delete_with(&format!("connections/{id}"), &body).await;
    let done = done.map_err(|error| Failed::Answer(error.to_string()))?;
    match disconnect.reach.format {
        Format::Json => println!("{done}"),
        Format::Text => println!("{}", parted(&done)),
    }
    Ok(rows(&done, "left").is_empty())
}

fn parted(done: &Value) -> String {
    let number = |member: &str| at(done, &format!("/{member}")).as_u64().unwrap_or_default();
    let words = |member: &str| {
        let all = rows(done, member);
        all.iter().map(|one| one.as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let mut lines = vec![
        format!(
            "{} is ended. Its secrets are erased; what was decided stays in the record.",
            text(done, "id")
        ),
        format!(
            "webhooks taken away: {}, not there any more: {}",
            number("removed"),
            number("gone")
        ),
    ];
    if at(done, "/consent_revoked").as_bool() == Some(true) {
        lines
            .push("the consent was given back: Bitbucket takes no token of it any more".to_owned());
    }
    let left = words("left");
    if !left.is_empty() {
        lines.push("webhooks that could not be taken away; take them away by hand:".to_owned());
        lines.extend(left.iter().map(|one| format!("  {one}")));
    }
    lines.push("left to do by hand:".to_owned());
    lines.extend(words("by_hand").iter().map(|one| format!("  {one}")));
    lines.join("\n")
}

/// A connection's id as it may stand in a path.
fn named(id: &str) -> Result<&str, Failed> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if id.bytes().all(plain) && !id.is_empty() {
        return Ok(id);
    }
    Err(Failed::Usage(format!(
        "`{}` is no connection's id: use a-z, 0-9 and `-`",
        id.escape_debug()
    )))
}

//! A person's consent, asked for at a terminal or brought along: the address where they agree, and the code they come back
//! with.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::secret::Secret;
use portcullis::secret::hash_token;
use portcullis::secret::random;
use serde_json::Value;
use serde_json::json;
use url::Url;

use crate::cli::Connect;
use crate::cli::CredentialFlags;
use crate::cli::Profile;
use crate::connect::Failed;
use crate::connect::given;
use crate::connect::secrets::Asked;
use crate::terminal;

/// Where a person consents on Cloud; the consumer's key goes behind it.
const CLOUD: &str = "Open this address, agree, and copy what stands behind `code=` in the address you come back to:\n  https://bitbucket.org/site/oauth2/authorize?response_type=code&client_id=";

/// What a link of Data Center is asked for, by profile. Whether a higher scope brings the lower ones is not documented:
/// each is named.
const OBSERVES: &str = "REPO_READ REPO_ADMIN PROJECT_ADMIN";
const SEES_ALL: &str = "REPO_READ REPO_ADMIN PROJECT_ADMIN ADMIN_WRITE";

/// A consumer's key and secret, or a link's client id and secret.
type Consumer = (Secret<String>, Secret<String>);

/// A consent on Cloud.
pub fn cloud(flags: &CredentialFlags, (key, secret): &Consumer) -> Result<Value, Failed> {
    if asks(flags) {
        eprintln!("{CLOUD}{}", key.expose());
    }
    let code = code(flags).read()?;
    Ok(
        json!({"kind": "oauth-code", "key": key.expose(), "secret": secret.expose(), "code": code.expose()}),
    )
}

/// A consent on Data Center: asked for with a challenge (PKCE), unless the code was brought along.
pub fn datacenter(
    connect: &Connect,
    (key, secret): &Consumer,
    base: &str,
) -> Result<Value, Failed> {
    let flags = &connect.credential;
    let question = "Redirect address, as the incoming link has it:";
    let redirect = given(flags.redirect_url.clone(), "--redirect-url", question)?;
    let (code, verifier) = if asks(flags) {
        agreed(key, (base, &redirect), connect.profile.unwrap_or(Profile::Full))?
    } else {
        (code(flags).read()?, verifier(flags)?)
    };
    let mut credential = json!({
        "kind": "oauth-code", "key": key.expose(), "secret": secret.expose(),
        "code": code.expose(), "redirect": redirect,
    });
    if let (Some(verifier), Some(members)) = (verifier, credential.as_object_mut()) {
        members.insert("verifier".to_owned(), json!(verifier.expose()));
    }
    Ok(credential)
}

/// Whether somebody is there to agree now.
fn asks(flags: &CredentialFlags) -> bool {
    terminal::is_there() && flags.code_file.is_none() && flags.code_env.is_none()
}

fn code(flags: &CredentialFlags) -> Asked<'_> {
    Asked {
        what: "the code",
        flags: "--code-file or --code-env",
        file: flags.code_file.as_deref(),
        env: flags.code_env.as_deref(),
    }
}

fn verifier(flags: &CredentialFlags) -> Result<Option<Secret<String>>, Failed> {
    if flags.verifier_file.is_none() && flags.verifier_env.is_none() {
        return Ok(None);
    }
    let verifier = Asked {
        what: "the verifier",
        flags: "--verifier-file or --verifier-env",
        file: flags.verifier_file.as_deref(),
        env: flags.verifier_env.as_deref(),
    };
    Ok(Some(verifier.read()?))
}

/// Sends whoever sits at the terminal to agree, and takes the address they come back to: code and verifier.
fn agreed(
    key: &Secret<String>,
    (base, redirect): (&str, &str),
    profile: Profile,
) -> Result<(Secret<String>, Option<Secret<String>>), Failed> {
    let (verifier, state) = (drawn()?, drawn()?);
    let address = authorize(key.expose(), (base, redirect), (&verifier, &state), profile)?;
    eprintln!(
        "Open this address, agree, and copy the whole address you come back to, at once: a code may be good for no more than ten seconds.\n  {address}"
    );
    let back = terminal::ask_secret("the address you came back to (not shown):")?;
    Ok((code_of(back.expose(), &state)?, Some(Secret::new(verifier))))
}

fn authorize(
    key: &str,
    (base, redirect): (&str, &str),
    (verifier, state): (&str, &str),
    profile: Profile,
) -> Result<Url, Failed> {
    let text = format!("{}/rest/oauth2/latest/authorize", base.trim_end_matches('/'));
    let mut url = Url::parse(&text)
        .map_err(|_| Failed::Usage(format!("`{}` is no address", base.escape_debug())))?;
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", key)
        .append_pair("redirect_uri", redirect)
        .append_pair(
            "scope",
            match profile {
                Profile::Observe => OBSERVES,
                Profile::Full => SEES_ALL,
            },
        )
        .append_pair("state", state)
        .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(hash_token(verifier)))
        .append_pair("code_challenge_method", "S256");
    Ok(url)
}

/// The code in an address; a bare code is taken too. An address whose state is not ours is somebody else's consent.
fn code_of(back: &str, state: &str) -> Result<Secret<String>, Failed> {
    let back = back.trim();
    let Ok(url) = Url::parse(back) else { return Ok(Secret::new(back.to_owned())) };
    let of = |name: &str| {
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    if of("state").as_deref() != Some(state) {
        return Err(Failed::Usage(
            "this address answers another question than ours: open the address above, and copy the one you come back to"
                .to_owned(),
        ));
    }
    let why = || {
        let said = of("error").unwrap_or_default();
        Failed::Answer(format!("Bitbucket gave no code: {}", said.escape_debug()))
    };
    of("code").map(Secret::new).ok_or_else(why)
}

/// 43 characters that nobody can guess: 32 bytes, as RFC 7636 asks for.
fn drawn() -> Result<String, Failed> {
    let bytes = random::<32>().map_err(|error| Failed::Answer(error.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(back: &str) -> Option<String> {
        code_of(back, "ours").ok().map(|code| code.expose().clone())
    }

    #[test]
    fn a_code_is_taken_from_an_address_that_answers_our_question_only() {
        assert_eq!(code("https://p.example/c?code=abc&state=ours").as_deref(), Some("abc"));
        assert_eq!(code(" abc ").as_deref(), Some("abc"));
        assert_eq!(code("https://p.example/c?code=abc&state=theirs"), None);
        assert_eq!(code("https://p.example/c?code=abc"), None);
        assert_eq!(code("https://p.example/c?error=access_denied&state=ours"), None);
    }

    #[test]
    fn the_challenge_is_the_one_of_rfc_7636() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let pair = ("https://b.example/bitbucket/", "https://p.example/c");
        let url = authorize("id", pair, (verifier, "s"), Profile::Observe).ok().unwrap();
        let url = url.as_str();
        assert!(
            url.starts_with("https://b.example/bitbucket/rest/oauth2/latest/authorize?"),
            "{url}"
        );
        assert!(
            url.contains("code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            "{url}"
        );
        assert!(!url.contains(verifier) && !url.contains("ADMIN_WRITE"), "{url}");
    }
}

//! Data Center as an OAuth 2.0 provider: incoming links, the consent of a person, tokens. Written from RFC 6749, 7636 and
//! 7009 and Atlassian's pages on incoming links ("OAuth 2.0 provider API", "… system properties", "… scopes"). What these
//! leave open is a manner that a test sets either way: whether refresh tokens rotate, and whether tokens can be revoked.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use jiff::Timestamp;
use jiff::ToSpan;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;

use crate::simulator::answer::Answer;
use crate::simulator::answer::Here;
use crate::simulator::answer::Reply;
use crate::simulator::answer::Request;
use crate::simulator::company::fresh_secret;
use crate::simulator::datacenter::DataCenter;
use crate::simulator::datacenter::DcCredential;
use crate::simulator::datacenter::GlobalLevel;
use crate::simulator::datacenter::ProjectPermission;
use crate::simulator::datacenter::RepoPermission;

/// `atlassian.oauth2.provider.max.client.delay.seconds`.
const CODE_LIVES: SignedDuration = SignedDuration::from_secs(10);

/// An incoming link.
#[derive(Debug, Clone)]
pub struct IncomingLink {
    /// Client id.
    pub id: String,
    /// Client secret.
    pub secret: String,
    /// The redirect address: each request has to name exactly this one.
    pub redirect: String,
    /// What may be asked for with it.
    pub scopes: Vec<String>,
}

/// A person's consent to a link.
#[derive(Debug, Clone)]
pub struct LinkConsent {
    /// Client id of the link.
    pub client: String,
    /// Login name of the person.
    pub user: String,
    /// What was agreed to.
    pub scopes: Vec<String>,
    /// The code that was not spent yet, with its end.
    pub code: Option<(String, Timestamp)>,
    /// The challenge it was asked for with: method and value.
    pub challenge: Option<(String, String)>,
    /// The refresh token that is good.
    pub refresh: Option<String>,
    /// Codes and refresh tokens that were good once.
    pub spent: Vec<String>,
}

/// What Atlassian's pages leave open, and links and consents.
#[derive(Debug)]
pub struct Provider {
    /// Links.
    pub links: Vec<IncomingLink>,
    /// Consents.
    pub consents: Vec<LinkConsent>,
    /// Whether a refresh gives another refresh token and ends what was there before.
    pub rotates: bool,
    /// Whether `revoke` is there.
    pub revokes: bool,
    /// How long a code is good.
    pub code_lives: SignedDuration,
}

impl Default for Provider {
    fn default() -> Provider {
        Provider {
            links: Vec::new(),
            consents: Vec::new(),
            rotates: true,
            revokes: true,
            code_lives: CODE_LIVES,
        }
    }
}

/// The most that scopes reach. Each counts for itself: that a high one brings the low ones is nowhere said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    pub(crate) global: GlobalLevel,
    pub(crate) project: ProjectPermission,
    pub(crate) repository: Option<RepoPermission>,
}

pub(crate) fn reach(scopes: &[String]) -> Reach {
    let has = |scope: &str| scopes.iter().any(|held| held == scope);
    let server = has("ADMIN_WRITE") || has("SYSTEM_ADMIN");
    let project = server || has("PROJECT_ADMIN");
    Reach {
        global: match server {
            true if has("SYSTEM_ADMIN") => GlobalLevel::SysAdmin,
            true => GlobalLevel::Admin,
            false => GlobalLevel::LicensedUser,
        },
        project: if project { ProjectPermission::Admin } else { ProjectPermission::Read },
        repository: match () {
            () if project || has("REPO_ADMIN") => Some(RepoPermission::Admin),
            () if has("REPO_WRITE") => Some(RepoPermission::Write),
            () if has("REPO_READ") => Some(RepoPermission::Read),
            () => None,
        },
    }
}

impl DataCenter {
    /// An administrator makes an incoming link; its client id and secret.
    pub fn incoming_link(&mut self, redirect: &str, scopes: &[&str]) -> (String, String) {
        let link = IncomingLink {
            id: fresh_secret().chars().take(32).collect(),
            secret: fresh_secret(),
            redirect: redirect.to_owned(),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        };
        let pair = (link.id.clone(), link.secret.clone());
        self.oauth.links.push(link);
        pair
    }

    /// A person opens an `authorize` address and agrees; the address they are sent back to, or what they are shown.
    pub fn agree(&mut self, user: &str, address: &str, now: Timestamp) -> Result<String, String> {
        let url = url::Url::parse(address).map_err(|error| error.to_string())?;
        if url.path() != "/bitbucket/rest/oauth2/latest/authorize" {
            return Err(format!("404: {}", url.path()));
        }
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let field = |name: &str| field(&pairs, name);
        let link = self.oauth.links.iter().find(|link| link.id == field("client_id"));
        let link = link.ok_or("invalid_client")?;
        if link.redirect != field("redirect_uri") {
            return Err("the redirect address is not the link's".to_owned());
        }
        let scopes: Vec<String> = field("scope").split(' ').map(str::to_owned).collect();
        let refused = match () {
            () if field("response_type") != "code" => Some("unsupported_response_type"),
            () if !scopes.iter().all(|scope| link.scopes.contains(scope)) => Some("invalid_scope"),
            () => None,
        };
        let mut back = url::Url::parse(&link.redirect).map_err(|error| error.to_string())?;
        if let Some(refused) = refused {
            back.query_pairs_mut().append_pair("error", refused);
        } else {
            let code: String = fresh_secret().chars().take(40).collect();
            back.query_pairs_mut().append_pair("code", &code);
            let challenge = field("code_challenge").to_owned();
            let ends = now.checked_add(self.oauth.code_lives).map_err(|error| error.to_string())?;
            let consent = LinkConsent {
                client: link.id.clone(),
                user: user.to_owned(),
                scopes,
                code: Some((code, ends)),
                challenge: (!challenge.is_empty())
                    .then(|| (field("code_challenge_method").to_owned(), challenge)),
                refresh: None,
                spent: Vec::new(),
            };
            self.oauth.consents.push(consent);
        }
        if !field("state").is_empty() {
            back.query_pairs_mut().append_pair("state", field("state"));
        }
        Ok(back.to_string())
    }
}

/// `oauth2/latest/token` and `…/revoke`: the link says who it is in the form.
pub(crate) fn answer(dc: &mut DataCenter, request: &Request, here: &Here, rest: &[&str]) -> Reply {
    let refuse = |status, code: &str| Answer::json(status, &json!({"error": code}));
    if request.method != "POST" {
        return Err(Answer::empty(405));
    }
    let form: Vec<(String, String)> =
        url::form_urlencoded::parse(&request.body).into_owned().collect();
    let is_link = |link: &&IncomingLink| {
        link.id == field(&form, "client_id") && link.secret == field(&form, "client_secret")
    };
    let link = dc.oauth.links.iter().find(is_link).cloned();
    match rest {
        ["token"] => {
            let link = link.ok_or_else(|| refuse(401, "invalid_client"))?;
            if field(&form, "redirect_uri") != link.redirect {
                return Err(refuse(400, "invalid_grant"));
            }
            match field(&form, "grant_type") {
                "authorization_code" => spend(dc, &link, &form, here),
                "refresh_token" => renew(dc, &link, &form, here),
                _ => Err(refuse(400, "unsupported_grant_type")),
            }
        }
        ["revoke"] if dc.oauth.revokes => {
            let link = link.ok_or_else(|| refuse(401, "invalid_client"))?;
            let shown = field(&form, "token");
            let ended = |consent: &LinkConsent| {
                consent.client == link.id && consent.refresh.as_deref() == Some(shown)
            };
            if let Some(at) = dc.oauth.consents.iter().position(ended) {
                let consent = dc.oauth.consents.remove(at);
                end_access(dc, &consent);
            }
            // A token that nobody knows is no error (RFC 7009, 2.2).
            Ok(Answer::empty(200))
        }
        _ => Err(Answer::empty(404)),
    }
}

fn field<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    let found = pairs.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str()).unwrap_or_default()
}

fn no_grant() -> Answer {
    Answer::json(400, &json!({"error": "invalid_grant"}))
}

/// A code for the first tokens.
fn spend(
    dc: &mut DataCenter,
    link: &IncomingLink,
    form: &[(String, String)],
    here: &Here,
) -> Reply {
    let shown = field(form, "code");
    let of_link = |consent: &LinkConsent| consent.client == link.id;
    if let Some(at) =
        dc.oauth.consents.iter().position(|consent| {
            of_link(consent) && consent.spent.iter().any(|spent| spent == shown)
        })
    {
        // Shown twice: somebody else has it. Nobody acts with it any more.
        let consent = dc.oauth.consents.remove(at);
        end_access(dc, &consent);
        return Err(no_grant());
    }
    let is_shown = |consent: &LinkConsent| {
        of_link(consent)
            && consent.code.as_ref().is_some_and(|(code, ends)| code == shown && here.now < *ends)
    };
    let at = dc.oauth.consents.iter().position(is_shown).ok_or_else(no_grant)?;
    let consent = dc.oauth.consents.get_mut(at).ok_or_else(no_grant)?;
    if !proves(consent.challenge.as_ref(), field(form, "code_verifier")) {
        return Err(no_grant());
    }
    consent.code = None;
    consent.spent.push(shown.to_owned());
    give(dc, at, here)
}

/// A refresh token for other tokens.
fn renew(
    dc: &mut DataCenter,
    link: &IncomingLink,
    form: &[(String, String)],
    here: &Here,
) -> Reply {
    let shown = field(form, "refresh_token");
    let is_shown = |consent: &LinkConsent| {
        consent.client == link.id && consent.refresh.as_deref() == Some(shown)
    };
    let at = dc.oauth.consents.iter().position(is_shown).ok_or_else(no_grant)?;
    if dc.oauth.rotates
        && let Some(consent) = dc.oauth.consents.get(at).cloned()
    {
        end_access(dc, &consent);
    }
    give(dc, at, here)
}

/// Whether the verifier is what the challenge was made of; without a challenge there must be none.
fn proves(challenge: Option<&(String, String)>, verifier: &str) -> bool {
    match challenge {
        None => verifier.is_empty(),
        Some((method, value)) if method == "S256" => {
            *value == URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
        }
        Some((method, value)) => method == "plain" && value == verifier,
    }
}

/// An access token of two hours, and a refresh token where there was none or tokens rotate.
fn give(dc: &mut DataCenter, at: usize, here: &Here) -> Reply {
    let rotates = dc.oauth.rotates;
    let consent = dc.oauth.consents.get_mut(at).ok_or_else(no_grant)?;
    let renewed = rotates || consent.refresh.is_none();
    if renewed {
        consent.spent.extend(consent.refresh.replace(fresh_secret()));
    }
    let token = fresh_secret();
    let mut answer = json!({
        "access_token": token, "token_type": "bearer", "expires_in": 7200,
        "scope": consent.scopes.join(" "), "created_at": here.now.as_second(),
    });
    if let (true, Some(members)) = (renewed, answer.as_object_mut()) {
        members.insert("refresh_token".to_owned(), json!(consent.refresh));
    }
    let (user, scopes) = (consent.user.clone(), consent.scopes.clone());
    dc.credentials.push(DcCredential {
        secret: token,
        user,
        token: None,
        link: Some((consent.client.clone(), scopes)),
        expires: here.now.checked_add(2.hours()).ok(),
    });
    Answer::ok(&answer)
}

/// Ends the access tokens of a consent.
fn end_access(dc: &mut DataCenter, consent: &LinkConsent) {
    dc.credentials.retain(|known| {
        let of = known.link.as_ref().is_some_and(|(client, _)| *client == consent.client);
        !(of && known.user == consent.user)
    });
}

//! What a new connection is asked to be, judged before anybody is asked anything.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::bitbucket::SettingsError;
use crate::bitbucket::scopes::Profile;
use crate::bitbucket::switches::Scope;
use crate::gateway::connections::kept::Hidden;
use crate::gateway::connections::kept::Kept;
use crate::gateway::connections::kept::KeptAudit;
use crate::gateway::connections::kept::KeptCredential;
use crate::gateway::modes::MAX_REASON;
use crate::gateway::ties::TieError;
use crate::graph::ConnectionId;
use crate::graph::Product;

/// What to do instead of an app password.
pub const APP_PASSWORD: &str = "Atlassian removed app passwords from Bitbucket Cloud on 2026-07-28, and answers 401 to each: make an API token with scopes at https://id.atlassian.com/manage-profile/security/api-tokens and give it with the account's e-mail address (`--credential api-token`), or use a workspace access token (`--credential token`)";

/// How app passwords begin, and API tokens.
const APP_PASSWORDS_BEGIN: &str = "ATBB";

/// Most refs and audiences of a connection.
const MAX_LIST: usize = 100;

/// Longest text of a list.
const MAX_TEXT: usize = 300;

/// Largest file of authorities, bytes.
const MAX_AUTHORITIES: usize = 48 << 10;

/// The only effect of today.
const COMMIT_STATUS: &str = "commit-status";

/// What a new connection shall be.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(example = json!({"id": "acme-cloud", "product": "cloud", "workspace": "acme", "credential": {"kind": "token", "token": "ATCTT3x…"}, "profile": "full", "reason": "first connection"}))]
#[serde(deny_unknown_fields)]
pub struct ConnectWish {
    /// Its id: part of every id, never reused.
    pub id: ConnectionId,
    /// `cloud` or `datacenter`.
    pub product: Product,
    /// Cloud: the workspace's slug.
    #[serde(default)]
    pub workspace: Option<String>,
    /// Data Center: its address with its context path.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Cloud: another address of the API, for a test server.
    #[serde(default)]
    pub api_url: Option<String>,
    /// What it is asked with.
    pub credential: KeptCredential,
    /// What webhooks are written with, where the first may not: an API token, say.
    #[serde(default)]
    pub second: Option<KeptCredential>,
    /// PEM of further authorities: a private CA's.
    #[serde(default)]
    pub authorities: Option<String>,
    /// A proxy that every call goes through.
    #[serde(default)]
    pub proxy: Option<Hidden>,
    /// How much it is meant to see.
    #[serde(default = "full")]
    pub profile: Profile,
    /// What is asked of and written to, and whose webhooks are wanted: project keys, `PAY/led*`; empty: all.
    #[serde(default)]
    pub scope: Vec<String>,
    /// Classes that are read beyond those that always are: `pipeline-definition`.
    #[serde(default)]
    pub classes: Vec<String>,
    /// Hosts of one's own that webhooks may tell: `ci.example.com`, `*.example.com`.
    #[serde(default)]
    pub own_hosts: Vec<String>,
    /// Where its audit log is read.
    #[serde(default)]
    pub audit: Option<KeptAudit>,
    /// Cloud: `free`, `standard` or `premium`. No API tells it; left out, it counts as unknown.
    #[serde(default)]
    pub plan: Option<String>,
    /// Cloud: audiences of step tokens; empty: the gate's own address.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// Refs that count as protected even if Bitbucket has no rule.
    #[serde(default)]
    pub protected_refs: Vec<String>,
    /// What may be written to Bitbucket: `commit-status`; empty: nothing.
    #[serde(default)]
    pub effects: Vec<String>,
    /// Only look: nothing is kept, and nothing is written to Bitbucket.
    #[serde(default)]
    pub preview: bool,
    /// How long the answer may take, in seconds, at most 40: what takes longer goes on, and is answered 202.
    #[serde(default)]
    pub wait_seconds: Option<u64>,
    /// Why, for the record.
    #[serde(default)]
    #[schemars(length(max = MAX_REASON))]
    pub reason: String,
}

const fn full() -> Profile {
    Profile::Full
}

fn wrong<T>(why: impl Into<String>) -> Result<T, TieError> {
    Err(TieError::Wish(why.into()))
}

impl ConnectWish {
    /// The connection it asks for, without hooks.
    pub(super) fn judged(&self) -> Result<Kept, TieError> {
        match self.product {
            Product::Cloud if self.workspace.is_none() => {
                return wrong(
                    "a connection to Cloud needs its workspace's slug: `--workspace acme`",
                );
            }
            Product::Cloud if self.base_url.is_some() => {
                return wrong("`base_url` is Data Center's: Cloud is found by its workspace");
            }
            Product::DataCenter if self.base_url.is_none() => {
                return wrong(
                    "a connection to Data Center needs its address with the context path: `--base-url https://bitbucket.example.com`",
                );
            }
            Product::DataCenter if self.workspace.is_some() || self.api_url.is_some() => {
                return wrong(
                    "`workspace` and `api_url` are Cloud's: Data Center is found by `base_url`",
                );
            }
            Product::Cloud | Product::DataCenter => {}
        }
        judge_credential(self.product, &self.credential)?;
        if matches!(self.second, Some(KeptCredential::OauthCode { .. })) {
            return wrong("a person's consent can be the first credential, not the second");
        }
        judge_audit(self.audit.as_ref())?;
        self.second.as_ref().map(|second| judge_credential(self.product, second)).transpose()?;
        Scope::read(&self.scope).map_err(SettingsError::Switch)?;
        for list in [&self.audiences, &self.protected_refs] {
            if list.len() > MAX_LIST
                || list.iter().any(|text| text.is_empty() || text.len() > MAX_TEXT)
            {
                return wrong(format!(
                    "a list holds at most {MAX_LIST} texts of 1 to {MAX_TEXT} bytes"
                ));
            }
        }
        if self.authorities.as_ref().is_some_and(|pem| pem.len() > MAX_AUTHORITIES) {
            return wrong(format!("the authorities are larger than {MAX_AUTHORITIES} bytes"));
        }
        if let Some(effect) = self.effects.iter().find(|effect| *effect != COMMIT_STATUS) {
            return wrong(format!(
                "`{}` is no effect yet: only `{COMMIT_STATUS}` is",
                effect.escape_debug()
            ));
        }
        Ok(Kept {
            product: self.product,
            workspace: self.workspace.clone(),
            base_url: self.base_url.clone(),
            api_url: self.api_url.clone(),
            credential: self.credential.clone(),
            second: self.second.clone(),
            authorities: self.authorities.clone(),
            proxy: self.proxy.clone(),
            profile: self.profile,
            scope: self.scope.clone(),
            classes: self.classes.clone(),
            own_hosts: self.own_hosts.clone(),
            audit: self.audit.clone(),
            premium: self.premium()?,
            audiences: self.audiences.clone(),
            protected_refs: self.protected_refs.clone(),
            posts_status: !self.effects.is_empty(),
            version: None,
            hooks: Vec::new(),
        })
    }

    /// How long whoever asks waits.
    pub(super) fn patience(&self) -> Duration {
        self.wait_seconds.map_or(Duration::MAX, Duration::from_secs)
    }

    fn premium(&self) -> Result<Option<bool>, TieError> {
        match self.plan.as_deref() {
            None => Ok(None),
            Some("premium") => Ok(Some(true)),
            Some("free" | "standard") => Ok(Some(false)),
            Some(other) => wrong(format!(
                "`{}` is no plan: use `free`, `standard` or `premium`",
                other.escape_debug()
            )),
        }
    }
}

/// Whether an audit log can be there at all; whether the product has such a one is its client's word.
pub(super) fn judge_audit(audit: Option<&KeptAudit>) -> Result<(), TieError> {
    match audit {
        Some(KeptAudit::Organization { token, .. }) if token.is_empty() => {
            wrong("the organisation's API key is empty")
        }
        Some(KeptAudit::Folder { path }) if !path.is_absolute() => wrong(
            "the folder of the audit log is named by its whole path: `/var/atlassian/…/log/audit`",
        ),
        Some(KeptAudit::Organization { .. } | KeptAudit::Rest | KeptAudit::Folder { .. })
        | None => Ok(()),
    }
}

/// Whether a product takes such a credential at all.
fn judge_credential(product: Product, credential: &KeptCredential) -> Result<(), TieError> {
    let is_old = |token: &Hidden| product == Product::Cloud && token.begins(APP_PASSWORDS_BEGIN);
    let parts: Vec<&Hidden> = match (product, credential) {
        (Product::Cloud, KeptCredential::AppPassword { .. } | KeptCredential::Basic { .. }) => {
            return wrong(APP_PASSWORD);
        }
        (Product::DataCenter, KeptCredential::AppPassword { .. }) => {
            return wrong(
                "Data Center has no app passwords: use an HTTP access token (`--credential token`), or user and password where the server allows it (`--credential basic`)",
            );
        }
        (Product::DataCenter, KeptCredential::ApiToken { .. }) => {
            return wrong(
                "an API token is a credential of Bitbucket Cloud: Data Center takes an HTTP access token (`--credential token`)",
            );
        }
        (Product::DataCenter, KeptCredential::Oauth { .. }) => {
            return Err(SettingsError::Consumer.into());
        }
        (Product::DataCenter, KeptCredential::OauthCode { redirect, .. })
            if redirect.is_empty() =>
        {
            return wrong(
                "an incoming link of Data Center is asked with its redirect address, as the link has it: `--redirect-url https://portcullis.example.com/connected`",
            );
        }
        (Product::Cloud, KeptCredential::OauthCode { verifier, redirect, .. })
            if !(verifier.is_empty() && redirect.is_empty()) =>
        {
            return wrong(
                "`verifier` and `redirect` are Data Center's: a consumer of Cloud has neither",
            );
        }
        (Product::Cloud, KeptCredential::ApiToken { email, .. }) if !email.contains('@') => {
            return wrong(
                "an API token is given with the account's e-mail address: a user name is answered 401",
            );
        }
        (Product::Cloud, KeptCredential::Oauth { key, secret }) => vec![key, secret],
        (_, KeptCredential::OauthCode { key, secret, code, .. }) => vec![key, secret, code],
        (_, KeptCredential::Token { token })
        | (Product::Cloud, KeptCredential::ApiToken { token, .. }) => vec![token],
        (Product::DataCenter, KeptCredential::Basic { password, .. }) => vec![password],
    };
    if parts.iter().any(|part| is_old(part)) {
        return wrong(APP_PASSWORD);
    }
    if parts.iter().any(|part| part.is_empty()) {
        return wrong("the secret is empty");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str) -> KeptCredential {
        KeptCredential::Token { token: Hidden::new(text.to_owned()) }
    }

    fn said(product: Product, credential: &KeptCredential) -> String {
        judge_credential(product, credential)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn a_consumer_is_no_credential_of_data_center() {
        let (key, secret) = (Hidden::new("key".to_owned()), Hidden::new("secret".to_owned()));
        let consumer = KeptCredential::Oauth { key, secret };
        assert!(said(Product::DataCenter, &consumer).contains("Bitbucket Cloud"));
        assert_eq!(said(Product::Cloud, &consumer), "");
    }

    #[test]
    fn an_incoming_link_needs_its_redirect_address_and_a_consumer_of_cloud_has_none() {
        let part = || Hidden::new("part".to_owned());
        let agreed = |redirect: &str| KeptCredential::OauthCode {
            key: part(),
            secret: part(),
            code: part(),
            verifier: Hidden::default(),
            redirect: redirect.to_owned(),
        };
        let back = "https://portcullis.example.com/connected";
        assert!(said(Product::DataCenter, &agreed("")).contains("--redirect-url"));
        assert_eq!(said(Product::DataCenter, &agreed(back)), "");
        assert!(said(Product::Cloud, &agreed(back)).contains("Data Center"));
        assert_eq!(said(Product::Cloud, &agreed("")), "");
    }

    #[test]
    fn an_app_password_is_refused_however_it_is_called() {
        let (user, password) = ("mia".to_owned(), Hidden::new("ATBBx".to_owned()));
        for credential in [
            KeptCredential::AppPassword { user: user.clone(), password: password.clone() },
            KeptCredential::Basic { user, password: password.clone() },
            KeptCredential::ApiToken { email: "mia@example.com".to_owned(), token: password },
            token("ATBBx"),
        ] {
            assert!(said(Product::Cloud, &credential).contains("2026-07-28"), "{credential:?}");
        }
        assert_eq!(said(Product::Cloud, &token("ATCTTx")), "");
        assert_eq!(said(Product::DataCenter, &token("ATBBx")), "", "any text may be a token there");
    }
}

//! A first connection: what the credential can is found out, webhooks are registered, and the gate speaks with it from
//! then on, in shadow. What is drawn is kept before Bitbucket is told of it, so that a crash in between leaves no webhook
//! that nobody here knows.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::bitbucket::Client;
use crate::bitbucket::scopes::Edition;
use crate::decision::Mode;
use crate::decision::pause::By;
use crate::decision::plan::ModeSetting;
use crate::gateway::Gateway;
use crate::gateway::connections::kept::Kept;
use crate::gateway::connections::kept::KeptAudit;
use crate::gateway::connections::kept::KeptCredential;
use crate::gateway::ties::CALL;
use crate::gateway::ties::TieError;
use crate::gateway::ties::probing;
use crate::gateway::ties::probing::Probed;
use crate::gateway::ties::registering;
use crate::gateway::ties::registering::HookMade;
use crate::gateway::ties::sealed;
use crate::gateway::ties::wish::ConnectWish;
use crate::graph::ConnectionId;
use crate::graph::Product;
use crate::store::Governed;

/// What became of a wish to connect.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Connected {
    /// The connection.
    pub id: ConnectionId,
    /// Which Bitbucket.
    pub product: Product,
    /// Whether it was only looked at.
    pub preview: bool,
    /// What was found out.
    pub found: Probed,
    /// Its webhooks; in a preview where they would hang.
    pub hooks: Vec<HookMade>,
    /// Where the customer sees and revokes us.
    pub revoke: Vec<String>,
}

impl Gateway {
    /// Connects a Bitbucket, or only looks what would be.
    pub async fn connect(&self, wish: &ConnectWish, by: &By) -> Result<Connected, TieError> {
        let mut kept = wish.judged()?;
        self.governed((by, &wish.reason), json!({}))?;
        // Before anything is kept: with one that cannot be used nothing could be changed or taken away any more.
        kept.second(&wish.id)?;
        let _alone = self.ties.changing.lock().await;
        let id = &wish.id;
        if self.connections.get(id).is_some() || self.store.knew_connection(id).await? {
            return Err(TieError::Taken(id.clone()));
        }
        if wish.preview && matches!(kept.credential, KeptCredential::OauthCode { .. }) {
            return Err(TieError::Wish(
                "a consent's code is good once, and a look would spend it: connect without a preview".to_owned(),
            ));
        }
        self.spend_code(id, &mut kept).await?;
        let connected = self.connect_with(wish, kept, by).await;
        if connected.is_err() && self.ties.get(id).is_none() {
            self.store.drop_consent(id).await?;
        }
        connected
    }

    /// The same, once what it is asked with is there.
    async fn connect_with(
        &self,
        wish: &ConnectWish,
        mut kept: Kept,
        by: &By,
    ) -> Result<Connected, TieError> {
        let id = &wish.id;
        let client = self.client_of(id, &kept).await?;
        let found = probing::probe(&client, (kept.profile, kept.premium)).await?;
        kept.version = client.version(CALL).await?;
        let server = kept.version.as_deref().map(Edition::of) == Some(Edition::Server);
        if server && kept.posts_status {
            return Err(TieError::Wish(format!(
                "{}: connect it without effects",
                found.version.unwrap_or_default()
            )));
        }
        let spots =
            if server { Vec::new() } else { registering::places(&client, &kept.scope).await? };
        let revoke = revoke(&kept);
        let mut report = Connected {
            id: id.clone(),
            product: kept.product,
            preview: wish.preview,
            found,
            hooks: Vec::new(),
            revoke,
        };
        if wish.preview {
            for spot in spots {
                let events = client.events_for(&spot.place, CALL).await?;
                let (place, left_out) = (spot.name, Vec::new());
                report.hooks.push(HookMade { place, events, left_out, why: None });
            }
            return Ok(report);
        }
        kept.hooks = spots.iter().map(registering::drawn).collect::<Result<_, _>>()?;
        self.begin((id, client), &kept, (by, &wish.reason)).await?;
        report.hooks = self.register(id, kept).await?;
        self.sync_soon(id);
        tracing::warn!(connection = %id, hooks = report.hooks.len(), "a connection was made");
        Ok(report)
    }

    /// Keeps a new connection, puts it into shadow, and listens to it.
    async fn begin(
        &self,
        (id, client): (&ConnectionId, Client),
        kept: &Kept,
        (by, reason): (&By, &str),
    ) -> Result<(), TieError> {
        let shown = json!({
            "product": kept.product, "profile": kept.profile, "hooks": kept.hooks.len(),
            "credential": kind(&kept.credential), "second": kept.second.as_ref().map(kind),
            "effects": kept.posts_status, "scoped": !kept.scope.is_empty(), "classes": kept.classes,
            "own_hosts": kept.own_hosts.len(), "audit": kept.audit.as_ref().map(KeptAudit::kind),
        });
        let added = self.governed((by, reason), shown)?;
        // Whatever holds for the others: whoever connects one more does not stop anybody by that. Both at once, so that no
        // crash leaves a connection without, or an id that was never used taken.
        let setting = ModeSetting {
            connection: id.clone(),
            rules: "*".to_owned(),
            mode: Mode::Shadow,
            class: None,
        };
        let reason = "a new connection starts in shadow".to_owned();
        let governed = Governed {
            at: self.clock.now(),
            by: by.as_str().to_owned(),
            reason,
            ..Governed::default()
        };
        let _governing = self.governing.lock().await;
        let shadow = (&setting, governed);
        if !self.store.add_connection(&sealed(id, kept)?, added, shadow).await? {
            return Err(TieError::Taken(id.clone()));
        }
        let modes = self.modes.load().with(setting);
        self.modes.store(Arc::new(modes));
        self.admit(id, Arc::new(kept.clone()), client)
    }

    /// Tells Bitbucket of its webhooks and keeps what it answered. One that could not be made is kept too: it is tried
    /// again with the next change of secrets.
    async fn register(&self, id: &ConnectionId, kept: Kept) -> Result<Vec<HookMade>, TieError> {
        let hands = self.hands(id, &kept)?;
        self.ties.desk.expect(id, kept.hooks.len());
        let made = registering::register(&hands, &self.public_url, kept.hooks.clone(), || {
            self.ties.desk.tell(id);
        })
        .await;
        let (hooks, told): (Vec<_>, Vec<_>) = made.into_iter().unzip();
        self.keep_tie(id, Kept { hooks, ..kept }, None).await?;
        Ok(told)
    }
}

/// A word for the record.
pub(super) const fn kind(credential: &KeptCredential) -> &'static str {
    match credential {
        KeptCredential::Oauth { .. } => "oauth",
        KeptCredential::OauthCode { .. } => "oauth-code",
        KeptCredential::Token { .. } => "token",
        KeptCredential::ApiToken { .. } => "api-token",
        KeptCredential::Basic { .. } => "basic",
        KeptCredential::AppPassword { .. } => "app-password",
    }
}

/// Where the customer sees us, and takes back what we were given: no API of either product does that for us.
pub(super) fn revoke(kept: &Kept) -> Vec<String> {
    let credentials = std::iter::once(&kept.credential).chain(&kept.second);
    let mut places: Vec<String> = credentials.map(|credential| place(kept, credential)).collect();
    places.push(match kept.product {
        Product::Cloud => {
            "webhooks: Workspace settings → Webhooks, or Repository settings → Webhooks; ours are called Portcullis".to_owned()
        }
        Product::DataCenter => {
            "webhooks: Project settings → Webhooks, or Repository settings → Webhooks; ours are called Portcullis".to_owned()
        }
    });
    places
}

fn place(kept: &Kept, credential: &KeptCredential) -> String {
    match (kept.product, credential) {
        (Product::DataCenter, KeptCredential::OauthCode { .. }) => {
            "the incoming link: Administration → Application links; the person who agreed sees it in Manage account → Authorized applications".to_owned()
        }
        (_, KeptCredential::Oauth { .. } | KeptCredential::OauthCode { .. }) => {
            "the OAuth consumer: Workspace settings → OAuth consumers; people who authorized it see it in Personal settings → App authorizations".to_owned()
        }
        (Product::Cloud, KeptCredential::Token { .. }) => {
            "the access token: Workspace settings → Access tokens, or those of the project or repository it was made for".to_owned()
        }
        (Product::DataCenter, KeptCredential::Token { .. }) => {
            "the HTTP access token: Manage account → HTTP access tokens of its owner, or those of the project or repository it was made for".to_owned()
        }
        (_, KeptCredential::ApiToken { email, .. }) => format!(
            "the API token of {email}: https://id.atlassian.com/manage-profile/security/api-tokens"
        ),
        (_, KeptCredential::Basic { user, .. } | KeptCredential::AppPassword { user, .. }) => {
            format!("the password of {user}: change it, or deactivate the user, in Administration → Users")
        }
    }
}

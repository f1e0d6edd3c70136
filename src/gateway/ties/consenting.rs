//! A person's consent (OAuth, authorization code): its refresh token changes with each use, so it is kept apart from the
//! connection, sealed, and always before it is used.

use std::sync::Arc;

use crate::bitbucket::Agreed;
use crate::bitbucket::Client;
use crate::bitbucket::ConsentError;
use crate::bitbucket::Keeping;
use crate::bitbucket::NotKept;
use crate::gateway::Gateway;
use crate::gateway::connections::kept::Consent;
use crate::gateway::connections::kept::Hidden;
use crate::gateway::connections::kept::Kept;
use crate::gateway::connections::kept::KeptCredential;
use crate::gateway::ties::TieError;
use crate::graph::ConnectionId;
use crate::secret::Secret;

impl Gateway {
    /// What a connection is asked with.
    pub(super) async fn client_of(
        &self,
        id: &ConnectionId,
        kept: &Kept,
    ) -> Result<Client, TieError> {
        let client = kept.client(id, self.consent(id, kept).await?)?;
        self.outgoing.hear(id, &client);
        Ok(client)
    }

    async fn consent(&self, id: &ConnectionId, kept: &Kept) -> Result<Option<Consent>, TieError> {
        if !matches!(kept.credential, KeptCredential::OauthCode { .. }) {
            return Ok(None);
        }
        let Some(refresh) = self.store.consent(id).await? else { return Ok(None) };
        let refresh = String::from_utf8(refresh.expose().clone())
            .map_err(|_| TieError::Kept(id.clone(), "its refresh token is no text".to_owned()))?;
        let (store, id) = (self.store.clone(), id.clone());
        let keeper = Arc::new(move |refresh: Secret<String>| {
            let (store, id) = (store.clone(), id.clone());
            let bytes = Secret::new(refresh.expose().clone().into_bytes());
            let keeping: Keeping = Box::pin(async move {
                match store.keep_consent(&id, &bytes).await {
                    Ok(true) => Ok(()),
                    Ok(false) => {
                        tracing::info!(connection = %id, "a refresh token came after its connection had ended: it was not kept");
                        Err(NotKept)
                    }
                    Err(error) => {
                        tracing::error!(connection = %id, %error, "a refresh token could not be kept");
                        Err(NotKept)
                    }
                }
            });
            keeping
        });
        Ok(Some(Consent { refresh: Secret::new(refresh), keeper }))
    }

    /// Spends the code of a consent, if the credential is one, and keeps the refresh token it gives.
    pub(super) async fn spend_code(
        &self,
        id: &ConnectionId,
        kept: &mut Kept,
    ) -> Result<(), TieError> {
        let (server, trust) = (kept.server(), kept.trust());
        let KeptCredential::OauthCode { key, secret, code, verifier, redirect } =
            &mut kept.credential
        else {
            return Ok(());
        };
        let agreed = Agreed {
            key: key.secret(),
            secret: secret.secret(),
            code: code.secret(),
            verifier: (!verifier.is_empty()).then(|| verifier.secret()),
            redirect: redirect.clone(),
        };
        let refresh = Client::consented(&server, &agreed, &trust).await.map_err(told)?;
        (*code, *verifier) = (Hidden::default(), Hidden::default());
        let bytes = Secret::new(refresh.expose().clone().into_bytes());
        let kept = self.store.keep_consent(id, &bytes).await?;
        if kept { Ok(()) } else { Err(TieError::Taken(id.clone())) }
    }

    /// Gives the consent of a connection back, as far as its Bitbucket lets a program do that.
    pub(super) async fn withdraw_consent(
        &self,
        id: &ConnectionId,
        kept: &Kept,
    ) -> Result<(), TieError> {
        let KeptCredential::OauthCode { key, secret, .. } = &kept.credential else { return Ok(()) };
        let Some(Consent { refresh, .. }) = self.consent(id, kept).await? else { return Ok(()) };
        let consumer = (&key.secret(), &secret.secret());
        Client::withdrawn(&kept.server(), consumer, &refresh, &kept.trust()).await.map_err(told)
    }
}

fn told(error: ConsentError) -> TieError {
    match error {
        ConsentError::Settings(error) => TieError::Settings(error),
        ConsentError::Fetch(error) => TieError::Bitbucket(error),
    }
}

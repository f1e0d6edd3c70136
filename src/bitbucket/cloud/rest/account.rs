//! An account in an answer: a person, an app's or token's own user, or a workspace's.

use crate::event::Actor;
use crate::event::ActorKind;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;

/// A user object. Only its UUID counts: names are anyone's to choose.
#[derive(serde::Deserialize)]
pub(crate) struct Account {
    uuid: Option<String>,
    #[serde(rename = "type")]
    type_: Option<String>,
    kind: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) nickname: Option<String>,
    /// The Atlassian account's.
    #[serde(rename = "account_id")]
    pub(crate) atlassian: Option<String>,
    /// Only where groups are listed.
    pub(crate) is_active: Option<bool>,
}

impl Account {
    /// Its id; none for one without a UUID.
    pub(crate) fn id(&self, connection: &ConnectionId) -> Option<Id> {
        Id::new(connection, self.kinds().0, self.uuid.as_deref()?).ok()
    }

    /// As an actor whose rights are not known yet.
    pub(crate) fn actor(self, connection: &ConnectionId) -> Actor {
        let id = match self.id(connection) {
            Some(id) => Known::Value(id),
            None => Known::unknown("Bitbucket names the account without a UUID"),
        };
        let kind = Known::Value(self.kinds().1);
        Actor { id, kind, name: Known::or_nothing(self.display_name), ..Actor::default() }
    }

    /// `app_user` is an app or an access token's own user; a `team` is a workspace's own account.
    fn kinds(&self) -> (Kind, ActorKind) {
        let is_token = self.kind.as_deref().is_some_and(|kind| kind.contains("access_token"));
        match self.type_.as_deref() {
            Some("app_user") if is_token => (Kind::Token, ActorKind::Token),
            Some("app_user" | "team" | "workspace") => (Kind::App, ActorKind::App),
            Some(_) | None => (Kind::User, ActorKind::User),
        }
    }
}

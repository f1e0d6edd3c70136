//! Who a Cloud body names: a person, an app or token, or (in old bodies) a workspace that acts by itself.

use serde::Deserialize;

use crate::bitbucket::json::Text;
use crate::bitbucket::told;
use crate::event::Actor;
use crate::event::ActorKind;
use crate::graph::ConnectionId;
use crate::graph::Kind;
use crate::graph::Known;

/// A user as webhooks project it. Nicknames and display names can be changed by their owner; only the UUID stays.
#[derive(Deserialize)]
pub struct User<'a> {
    #[serde(borrow)]
    uuid: Option<Text<'a>>,
    #[serde(rename = "type", borrow)]
    type_: Option<Text<'a>>,
    #[serde(borrow)]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    display_name: Option<Text<'a>>,
}

impl User<'_> {
    /// `app_user` is an app or an access token's own user; a `team` is a workspace's own account.
    fn kinds(&self) -> (Kind, ActorKind) {
        let is_token = self.kind.as_deref().is_some_and(|kind| kind.contains("access_token"));
        match self.type_.as_deref() {
            Some("app_user") if is_token => (Kind::Token, ActorKind::Token),
            Some("app_user" | "team" | "workspace") => (Kind::App, ActorKind::App),
            Some(_) | None => (Kind::User, ActorKind::User),
        }
    }

    /// The kind of its id.
    pub fn kind(&self) -> Kind {
        self.kinds().0
    }

    /// The UUID, or nothing.
    pub fn native(&self) -> &str {
        self.uuid.as_deref().unwrap_or_default()
    }
}

/// The actor; one without a UUID (an anonymous or erased user) keeps an unknown id.
pub fn actor(connection: &ConnectionId, user: Option<&User<'_>>) -> Known<Actor> {
    let Some(user) = user else { return Known::unknown("the body does not name who did it") };
    let (id_kind, kind) = user.kinds();
    let id = match &user.uuid {
        Some(uuid) => told::id(connection, id_kind, uuid),
        None => Known::unknown("the body names the actor without a UUID"),
    };
    let name = Known::or_nothing(user.display_name.as_deref().map(str::to_owned));
    Known::Value(Actor { id, kind: Known::Value(kind), name, ..Actor::default() })
}

//! Users, repositories, projects and moments as Data Center's bodies tell them.

use serde::Deserialize;

use crate::bitbucket::json::Text;
use crate::bitbucket::told;
use crate::event::Actor;
use crate::event::ActorKind;
use crate::event::ForkPolicy;
use crate::event::Repository as Told;
use crate::event::Thing;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Time;

/// A point in time: milliseconds since 1970 up to 9.x, ISO 8601 since 10.0; `date` is ISO 8601 with `+0000` always.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Moment {
    /// Milliseconds since 1970.
    Millis(i64),
    /// ISO 8601.
    Iso(String),
}

impl Moment {
    /// The time, if it is one.
    pub fn time(&self) -> Option<Time> {
        match self {
            Self::Millis(millis) => Some(Time::from_millis(*millis)),
            Self::Iso(text) => text.parse().ok(),
        }
    }
}

/// A user. Names and slugs change; the number stays. The body of a detected secret leaves some fields out.
#[derive(Deserialize)]
pub struct User<'a> {
    id: Option<i64>,
    #[serde(rename = "displayName", borrow)]
    display_name: Option<Text<'a>>,
    #[serde(rename = "type", borrow)]
    type_: Option<Text<'a>>,
}

impl User<'_> {
    /// A service user is an access key, a project's or repository's token, or the system. Bodies do not tell which:
    /// all of them are credentials rather than people, and are called tokens.
    fn kind(&self) -> Kind {
        if self.type_.as_deref() == Some("SERVICE") { Kind::Token } else { Kind::User }
    }

    /// Its id.
    pub fn id(&self, connection: &ConnectionId) -> Known<Id> {
        match self.id {
            Some(id) => told::id(connection, self.kind(), &id.to_string()),
            None => Known::unknown("the body names the user without a number"),
        }
    }
}

/// The actor.
pub fn actor(connection: &ConnectionId, user: Option<&User<'_>>) -> Known<Actor> {
    let Some(user) = user else { return Known::unknown("the body does not name who did it") };
    let kind = if user.kind() == Kind::Token { ActorKind::Token } else { ActorKind::User };
    Known::Value(Actor {
        id: user.id(connection),
        kind: Known::Value(kind),
        name: Known::or_nothing(user.display_name.as_deref().map(str::to_owned)),
        ..Actor::default()
    })
}

/// A repository.
#[derive(Deserialize)]
pub struct Repository<'a> {
    id: Option<i64>,
    #[serde(borrow)]
    slug: Option<Text<'a>>,
    public: Option<bool>,
    archived: Option<bool>,
    forkable: Option<bool>,
    #[serde(borrow)]
    project: Option<Project<'a>>,
    #[serde(borrow)]
    origin: Option<Box<Repository<'a>>>,
    /// Only a project has one: the `old` and `new` of both stand in the same place of a body.
    #[serde(borrow)]
    key: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
}

/// A project; a person's own has a key that starts with `~`.
#[derive(Deserialize)]
pub struct Project<'a> {
    id: Option<i64>,
    #[serde(borrow)]
    key: Option<Text<'a>>,
}

impl<'a> Repository<'a> {
    /// Its id.
    pub fn id(&self, connection: &ConnectionId) -> Known<Id> {
        match self.id {
            Some(id) => told::id(connection, Kind::Repository, &id.to_string()),
            None => Known::unknown("the body names the repository without a number"),
        }
    }

    /// Id of its project.
    pub fn project_id(&self, connection: &ConnectionId) -> Option<Id> {
        let id = self.project.as_ref()?.id?;
        told::id(connection, Kind::Project, &id.to_string()).value().cloned()
    }

    /// Whether it is one, and not a project.
    pub fn is_repository(&self) -> bool {
        self.slug.is_some()
    }

    /// What stands here for a project, as a changed thing.
    pub fn project_thing(&self, connection: &ConnectionId) -> Thing {
        let id = match self.id {
            Some(id) => told::id(connection, Kind::Project, &id.to_string()),
            None => Known::unknown("the body names the project without a number"),
        };
        Thing {
            name: Known::or_untold(self.name.as_deref().map(str::to_owned)),
            project: Known::or_untold(self.key.as_deref().map(str::to_owned)),
            visibility: told::visibility(self.public),
            ..Thing::bare(id)
        }
    }

    /// Whether it was forked from another.
    pub fn is_fork(&self) -> bool {
        self.origin.is_some()
    }

    /// What it was forked from; absent when the origin is gone.
    pub fn origin(&self) -> Option<&Repository<'a>> {
        self.origin.as_deref()
    }

    /// The repository as a fact. `archived` is missing before 8.0, when nothing could be.
    pub fn told(&self, connection: &ConnectionId) -> Told {
        let key = self.project.as_ref().and_then(|project| project.key.as_deref());
        let name = key.zip(self.slug.as_deref()).map(|(key, slug)| format!("{key}/{slug}"));
        Told {
            id: self.id(connection),
            name: Known::or_untold(name),
            project: Known::or_untold(key.map(str::to_owned)),
            visibility: told::visibility(self.public),
            default_branch: Known::default(),
            archived: Known::Value(self.archived.unwrap_or(false)),
            class: Known::default(),
        }
    }

    /// The repository as a changed thing. All of a server's repositories lie inside it.
    pub fn thing(&self, connection: &ConnectionId) -> Thing {
        let forks = self.forkable.map(|any| if any { ForkPolicy::Any } else { ForkPolicy::None });
        Thing { forks: Known::or_untold(forks), ..told::thing(&self.told(connection)) }
    }
}

/// A comment. Its text is never looked at.
#[derive(Deserialize)]
pub struct Comment<'a> {
    #[serde(borrow)]
    author: Option<User<'a>>,
}

impl<'a> Comment<'a> {
    /// Who wrote it.
    pub fn author(&self) -> Option<&User<'a>> {
        self.author.as_ref()
    }
}

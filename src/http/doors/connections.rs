//! Connections: listed, made, ended; their webhooks' secrets renewed; what their credentials can.

use std::time::Duration;

use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use serde_json::json;

use crate::gateway::connections::Connection;
use crate::gateway::connections::kept::KeptAudit;
use crate::gateway::connections::kept::Profile;
use crate::gateway::modes::MAX_REASON;
use crate::gateway::ties::TieError;
use crate::gateway::ties::awaiting::Awaited;
use crate::gateway::ties::awaiting::ConnectNow;
use crate::gateway::ties::changing::ChangeWish;
use crate::gateway::ties::changing::Changed;
use crate::gateway::ties::connecting::Connected;
use crate::gateway::ties::parting::Parted;
use crate::gateway::ties::probing::ScopeSeen;
use crate::gateway::ties::renewing::OVERLAP;
use crate::gateway::ties::renewing::Renewed;
use crate::gateway::ties::wish::ConnectWish;
use crate::graph::ConnectionId;
use crate::graph::Product;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::offer;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::LENGTH;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::Takes;
use crate::http::doors::query;
use crate::http::problem::Problem;

/// What goes with a change.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "ConnectionReason", example = json!({"reason": "the workspace was closed"}))]
#[serde(deny_unknown_fields)]
pub(super) struct Why {
    /// What the record should know.
    #[serde(default)]
    #[schemars(length(max = MAX_REASON))]
    pub(super) reason: String,
}

/// What new secrets are asked for with.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "HookRenewal", example = json!({"overlap": "1h", "reason": "every quarter"}))]
#[serde(deny_unknown_fields)]
struct Renewal {
    /// How long the old secrets stay good: `30s 15m 4h 7d`; an hour if left out.
    #[serde(default)]
    #[schemars(regex(pattern = LENGTH))]
    overlap: Option<String>,
    /// What the record should know.
    #[serde(default)]
    #[schemars(length(max = MAX_REASON))]
    reason: String,
}

/// Every connection.
#[derive(Debug, Serialize, JsonSchema)]
struct Connections {
    /// By id.
    connections: Vec<ConnectionTold>,
}

/// Where a connection is from.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Source {
    /// The configuration file: it is changed there.
    Configuration,
    /// `portcullis connect`: it is kept in the store.
    Store,
}

/// A connection, without anything secret.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Connection")]
struct ConnectionTold {
    /// Its id.
    id: ConnectionId,
    /// Which Bitbucket.
    product: Product,
    /// Where it is from.
    source: Source,
    /// Cloud: the workspace's slug.
    workspace: Option<String>,
    /// Whether it has a credential.
    credential: bool,
    /// How much it is meant to see; null: the configuration file does not say.
    profile: Option<Profile>,
    /// What is asked of and written to, and whose webhooks are wanted; empty: all.
    scope: Vec<String>,
    /// Where its audit log is read: `organization`, `rest`, `folder`; null: nowhere, or the configuration file says it.
    audit: Option<&'static str>,
    /// How many webhooks it listens to.
    hooks: usize,
    /// Whether commit statuses are posted.
    posts_status: bool,
}

/// Every scope of a connection.
#[derive(Debug, Serialize, JsonSchema)]
struct Scopes {
    /// In the order of the table.
    scopes: Vec<ScopeSeen>,
}

/// What the list gives.
pub(super) const LIST: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Every connection, without anything secret.",
    forms: &[Form::Json(offer::of::<Connections>())],
}])
.refusing(&[]);

/// What connecting takes and gives.
pub(super) const CREATE: Offer = Offer::giving(&[
    Gives {
        status: 201,
        when: "It is connected: what was found out, and its webhooks.",
        forms: &[Form::Json(offer::of::<Connected>())],
    },
    Gives {
        status: 200,
        when: "A preview: what was found out; nothing is kept, and nothing was written to Bitbucket.",
        forms: &[Form::Json(offer::of::<Connected>())],
    },
    Gives {
        status: 202,
        when: "It takes longer, and goes on: how far it is.",
        forms: &[Form::Json(offer::of::<ConnectNow>())],
    },
])
.taking(Takes::Json(offer::of::<ConnectWish>()))
.refusing(REFUSES);

/// What asking how far connecting is gives.
pub(super) const CONNECTING: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "How far it is, or what came of it since the gate started.",
    forms: &[Form::Json(offer::of::<ConnectNow>())],
}])
.refusing(&[404]);

/// What disconnecting takes and gives.
pub(super) const DELETE: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "It is ended: what was taken away, and what is left to do by hand.",
    forms: &[Form::Json(offer::of::<Parted>())],
}])
.taking(Takes::JsonOrNothing(offer::of::<Why>()))
.refusing(REFUSES);

/// What changing takes and gives.
pub(super) const CHANGE: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "It is changed, and read anew.",
    forms: &[Form::Json(offer::of::<Changed>())],
}])
.taking(Takes::Json(offer::of::<ChangeWish>()))
.refusing(REFUSES);

/// What renewing takes and gives.
pub(super) const RENEW: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Every webhook, with whether Bitbucket took its new secret, and when old ones end.",
    forms: &[Form::Json(offer::of::<Renewed>())],
}])
.taking(Takes::JsonOrNothing(offer::of::<Renewal>()))
.refusing(REFUSES);

/// What trying the scopes gives.
pub(super) const SCOPES: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Every scope, tried now, and what is unknown without it.",
    forms: &[Form::Json(offer::of::<Scopes>())],
}])
.refusing(&[404, 503]);

/// 404 no such connection, 409 taken or configured, 502 Bitbucket says no.
const REFUSES: &[u16] = &[404, 409, 502, 503];

/// Every connection.
pub(super) fn list(house: &House) -> Result<Answer, Problem> {
    let connections = house.gateway.connections.iter().map(|one| told(house, &one)).collect();
    call::json(StatusCode::OK, &Connections { connections })
}

fn told(house: &House, connection: &Connection) -> ConnectionTold {
    let kept = house.gateway.ties.get(&connection.id);
    ConnectionTold {
        id: connection.id.clone(),
        product: connection.product,
        source: if kept.is_some() { Source::Store } else { Source::Configuration },
        workspace: connection.workspace.clone(),
        credential: connection.client.is_some(),
        profile: kept.as_ref().map(|kept| kept.profile),
        scope: connection.scope(),
        audit: kept.as_ref().and_then(|kept| kept.audit.as_ref()).map(KeptAudit::kind),
        hooks: connection.hooks.len(),
        posts_status: connection.posts_status,
    }
}

/// Connects, or only looks.
pub(super) async fn create(house: &House, call: Call) -> Result<Answer, Problem> {
    let by = house.doorkeeper.by(call.asker);
    let body = call.read(house).await?;
    let wish: ConnectWish = call::secretive_object("the request", &body)?;
    match house.gateway.connect_awaited(wish, by).await.map_err(refused)? {
        Awaited::Still(now) => call::json(StatusCode::ACCEPTED, &now),
        Awaited::Ended(done) if done.preview => call::json(StatusCode::OK, &done),
        Awaited::Ended(done) => call::json(StatusCode::CREATED, &done),
    }
}

/// How far connecting is, or what came of it.
pub(super) fn connecting(house: &House, call: &Call) -> Result<Answer, Problem> {
    let now = house.gateway.connecting_now(&named(call)?).map_err(refused)?;
    call::json(StatusCode::OK, &now)
}

/// Ends one.
pub(super) async fn delete(house: &House, call: Call) -> Result<Answer, Problem> {
    let by = house.doorkeeper.by(call.asker);
    let id = named(&call)?;
    let why: Why = call::object_or_nothing("the reason", &call.read(house).await?)?;
    let parted = house.gateway.disconnect(&id, &by, &why.reason).await.map_err(refused)?;
    call::json(StatusCode::OK, &parted)
}

/// Gives its webhooks new secrets.
pub(super) async fn renew(house: &House, call: Call) -> Result<Answer, Problem> {
    let by = house.doorkeeper.by(call.asker);
    let id = named(&call)?;
    let renewal: Renewal = call::object_or_nothing("the request", &call.read(house).await?)?;
    let overlap = renewal.overlap.as_deref().map(length).transpose()?.unwrap_or(OVERLAP);
    let renewed = house.gateway.renew_hooks(&id, overlap, (&by, &renewal.reason)).await;
    call::json(StatusCode::OK, &renewed.map_err(refused)?)
}

/// Changes what is read of it.
pub(super) async fn change(house: &House, call: Call) -> Result<Answer, Problem> {
    let by = house.doorkeeper.by(call.asker);
    let id = named(&call)?;
    let body = call.read(house).await?;
    let wish: ChangeWish = call::secretive_object("the request", &body)?;
    let changed = house.gateway.change_connection(&id, &wish, &by).await.map_err(refused)?;
    call::json(StatusCode::OK, &changed)
}

/// Tries every scope.
pub(super) async fn scopes(house: &House, call: &Call) -> Result<Answer, Problem> {
    let scopes = house.gateway.scopes_seen(&named(call)?).await.map_err(refused)?;
    call::json(StatusCode::OK, &Scopes { scopes })
}

fn length(text: &str) -> Result<Duration, Problem> {
    query::duration(text).ok_or_else(|| {
        query::wrong(
            "`overlap` is no duration: write it like `30s`, `15m`, `4h` or `7d`".to_owned(),
        )
    })
}

/// The connection in the path; whatever cannot be an id is as unknown as one that nobody has.
pub(super) fn named(call: &Call) -> Result<ConnectionId, Problem> {
    call.parameter.parse().map_err(|_| Problem::not_found())
}

/// What a failure of `ties` is outside.
pub(super) fn refused(error: TieError) -> Problem {
    let detail = error.to_string();
    match error {
        TieError::Wish(_) | TieError::Settings(_) | TieError::Connections(_) => {
            query::wrong(detail)
        }
        TieError::None(_) => Problem::new(StatusCode::NOT_FOUND, detail),
        TieError::Configured(_) | TieError::Taken(_) => Problem::new(StatusCode::CONFLICT, detail),
        TieError::Bitbucket(_) => Problem::new(StatusCode::BAD_GATEWAY, detail),
        TieError::BrokeOff(_) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail),
        TieError::Kept(..) | TieError::Random(_) => {
            tracing::error!(%detail, "a connection could not be changed");
            Problem::internal()
        }
        TieError::Store(error) => call::unreachable(&error),
    }
}

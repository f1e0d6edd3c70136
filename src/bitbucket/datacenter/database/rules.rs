//! What a place is set to: branch permissions with everyone they let through, and webhooks (their host and whether they
//! are signed, never an address or a secret).
//!
//! A rule belongs to the place its scope says. The number beside it counts projects or repositories, depending on that
//! scope: read without it, a repository's rule lands on another project's repositories.

use std::collections::BTreeMap;

use crate::bitbucket::datacenter::database::DatabaseError;
use crate::bitbucket::datacenter::database::people;
use crate::bitbucket::datacenter::database::people::Holders;
use crate::bitbucket::datacenter::database::session::Cells;
use crate::bitbucket::datacenter::database::session::Session;
use crate::bitbucket::datacenter::database::survey::Part;
use crate::bitbucket::datacenter::database::survey::Survey;
use crate::bitbucket::datacenter::matcher;
use crate::bitbucket::scribe::Scribe;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Relation;
use crate::graph::attribute::Value;
use crate::graph::world::Node;

const RULES: &str = "SELECT \"REF_ID\"::bigint, \"REF_TYPE\"::text, \"REF_VALUE\"::text, \
    \"RESTRICTION_TYPE\"::text, \"RESOURCE_ID\"::bigint, upper(\"SCOPE_TYPE\")::text \
    FROM \"AO_6978BB_RESTRICTED_REF\" ORDER BY \"REF_ID\"";

const EXEMPT: &str = "SELECT \"FK_RESTRICTED_ID\"::bigint, \"GROUP_ID\"::text, \"USER_ID\"::bigint, \
    \"ACCESS_KEY_ID\"::bigint FROM \"AO_6978BB_PERMITTED_ENTITY\"";

const HOOKS: &str = "SELECT w.\"ID\"::bigint, left(w.\"URL\", 2000)::text, w.\"ACTIVE\", \
    upper(w.\"SCOPE_TYPE\")::text, w.\"SCOPE_ID\"::text, w.\"SSL_VERIFICATION_REQUIRED\", \
    EXISTS (SELECT 1 FROM \"AO_A0B856_WEBHOOK_CONFIG\" c \
    WHERE c.\"WEBHOOKID\" = w.\"ID\" AND c.\"KEY\" = 'secret') \
    FROM \"AO_A0B856_WEBHOOK\" w ORDER BY w.\"ID\"";

const EVENTS: &str = "SELECT \"WEBHOOKID\"::bigint, \"EVENT_ID\"::text \
    FROM \"AO_A0B856_WEBHOOK_EVENT\" ORDER BY \"WEBHOOKID\", \"ID\"";

/// Reads and writes both; a part that cannot be read is unknown of every place.
pub(super) async fn read(
    session: &Session<'_>,
    scribe: &mut Scribe,
    (survey, known): (&Survey, &Holders),
) -> Result<(), DatabaseError> {
    for (part, field) in
        [(Part::Rules, "restrictions"), (Part::Keys, "keys"), (Part::Hooks, "hooks")]
    {
        if let Some(why) = survey.gap(part) {
            for place in scribe.places() {
                scribe.gap(&place, field, why.to_owned());
            }
        }
    }
    if survey.gap(Part::Rules).is_none() {
        rules(session, scribe, known).await?;
    }
    if survey.gap(Part::Hooks).is_none() {
        hooks(session, scribe).await?;
    }
    Ok(())
}

async fn rules(
    session: &Session<'_>,
    scribe: &mut Scribe,
    known: &Holders,
) -> Result<(), DatabaseError> {
    for row in session.rows("the branch permissions", RULES).await? {
        let (number, kind): (i64, String) = (row.get(0)?, row.get(3)?);
        let (matcher, value): (String, String) = (row.get(1)?, row.get(2)?);
        let place: i64 = row.get(4)?;
        let Some(place) = scoped(scribe, &row.get::<String>(5)?, &place.to_string()) else {
            continue;
        };
        let Some(id) = scribe.id(Kind::Restriction, &number.to_string()) else { continue };
        scribe.node(matcher::node(id.clone(), &kind, (&matcher, &value)));
        scribe.join(&id, Relation::Restricts, &place, "AO_6978BB_RESTRICTED_REF");
    }
    for row in session.rows("the exemptions of branch permissions", EXEMPT).await? {
        let number: i64 = row.get(0)?;
        let Some(rule) = scribe.id(Kind::Restriction, &number.to_string()) else { continue };
        // A rule of a place that is gone keeps its exemptions for a while.
        if !scribe.knows(&rule) {
            continue;
        }
        match exempt(scribe, known, &row)? {
            Ok(holders) => {
                for holder in holders {
                    scribe.join(&holder, Relation::Exempt, &rule, "AO_6978BB_PERMITTED_ENTITY");
                }
            }
            Err(why) => scribe.gap(&rule, "exempt", why.to_owned()),
        }
    }
    Ok(())
}

/// Whom a row of exemptions lets through.
fn exempt(
    scribe: &mut Scribe,
    known: &Holders,
    row: &Cells,
) -> Result<Result<Vec<Id>, &'static str>, DatabaseError> {
    let (group, user): (Option<String>, Option<i64>) = (row.get(1)?, row.get(2)?);
    let key: Option<i64> = row.get(3)?;
    let Some(key) = key else {
        let told = people::holders(scribe, known, (group, user));
        return Ok(told.map(|holders| holders.into_iter().map(|(id, _)| id).collect()));
    };
    let id = scribe.id(Kind::Key, &key.to_string()).filter(|id| scribe.knows(id));
    Ok(id.map(|id| vec![id]).ok_or("it lets an access key through that is not told"))
}

/// The place a scope and a number mean; none for one that is gone.
fn scoped(scribe: &Scribe, scope: &str, number: &str) -> Option<Id> {
    let kind = match scope {
        "PROJECT" => Kind::Project,
        "REPOSITORY" => Kind::Repository,
        _ => return None,
    };
    scribe.id(kind, number).filter(|id| scribe.knows(id))
}

async fn hooks(session: &Session<'_>, scribe: &mut Scribe) -> Result<(), DatabaseError> {
    let mut events: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for row in session.rows("the events of webhooks", EVENTS).await? {
        events.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    for row in session.rows("the webhooks", HOOKS).await? {
        let number: i64 = row.get(0)?;
        let (address, active): (String, Option<bool>) = (row.get(1)?, row.get(2)?);
        let (scope, at): (String, Option<String>) = (row.get(3)?, row.get(4)?);
        let (verified, signed): (bool, bool) = (row.get(5)?, row.get(6)?);
        let place = scoped(scribe, &scope, at.as_deref().unwrap_or_default());
        let id = scribe.id(Kind::Hook, &number.to_string());
        let (Some(place), Some(id)) = (place, id) else { continue };
        let url = url::Url::parse(&address).ok();
        let host = url.as_ref().and_then(url::Url::host_str);
        let mut node = Node::new(id.clone(), host.unwrap_or("webhook"))
            .with("events", Value::List(events.remove(&number).unwrap_or_default()))
            .flag("secret_set", signed)
            .flag("tls_verified", verified);
        if let Some(host) = host {
            node = node.text("host", host);
        }
        if let Some(active) = active {
            node = node.flag("active", active);
        }
        scribe.node(node);
        scribe.join(&id, Relation::In, &place, "AO_A0B856_WEBHOOK");
    }
    Ok(())
}

//! SSH access keys and HTTP access tokens: whose they are, and which service user stands for them in grants. No key
//! text and no hash is selected.

use std::collections::BTreeMap;

use crate::bitbucket::datacenter::database::DatabaseError;
use crate::bitbucket::datacenter::database::people::Holders;
use crate::bitbucket::datacenter::database::session::Session;
use crate::bitbucket::datacenter::database::survey::Part;
use crate::bitbucket::datacenter::database::survey::Survey;
use crate::bitbucket::scribe::Scribe;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Relation;
use crate::graph::attribute::Value;
use crate::graph::world::Node;

const KEYS: &str = "SELECT \"ENTITY_ID\"::bigint, \"USER_ID\"::bigint, \"LABEL\"::text \
    FROM \"AO_FB71B4_SSH_PUBLIC_KEY\" ORDER BY \"ENTITY_ID\"";

const TOKENS: &str = "SELECT \"TOKEN_ID\"::text, \"USER_ID\"::bigint, \"NAME\"::text \
    FROM \"AO_E5A814_ACCESS_TOKEN\" ORDER BY \"TOKEN_ID\"";

const SCOPES: &str = "SELECT \"FK_ACCESS_TOKEN_ID\"::text, \"PERMISSION\"::bigint \
    FROM \"AO_E5A814_ACCESS_TOKEN_PERM\" ORDER BY \"FK_ACCESS_TOKEN_ID\", \"PERMISSION\"";

/// Reads and writes both; service users learn what they stand for.
pub(super) async fn read(
    session: &Session<'_>,
    scribe: &mut Scribe,
    (survey, known): (&Survey, &mut Holders),
) -> Result<(), DatabaseError> {
    if survey.gap(Part::Keys).is_none() {
        for row in session.rows("the access keys", KEYS).await? {
            let (number, owner): (i64, i64) = (row.get(0)?, row.get(1)?);
            let label: Option<String> = row.get(2)?;
            let Some(id) = scribe.id(Kind::Key, &number.to_string()) else { continue };
            let label = label.filter(|label| !label.is_empty());
            let node = Node::new(id.clone(), label.as_deref().unwrap_or("access key"));
            give(scribe, known, (node, "access key", "SSH key"), (owner, Relation::Admin));
        }
    }
    if survey.gap(Part::Tokens).is_none() {
        tokens(session, scribe, known).await?;
    }
    // What is in the hands of people, or behind the holders of grants, is in both tables.
    if let Some(why) = survey.gap(Part::Keys).or(survey.gap(Part::Tokens)) {
        for person in known.people.values() {
            scribe.gap(&person.id, "holds", why.to_owned());
        }
    }
    Ok(())
}

async fn tokens(
    session: &Session<'_>,
    scribe: &mut Scribe,
    known: &mut Holders,
) -> Result<(), DatabaseError> {
    let mut scopes: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for row in session.rows("the permissions of tokens", SCOPES).await? {
        scopes.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    for row in session.rows("the HTTP access tokens", TOKENS).await? {
        let (number, owner, name): (String, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let Some(id) = scribe.id(Kind::Token, &number) else { continue };
        let held = scopes.remove(&number).unwrap_or_default();
        let names: Vec<String> = held.iter().map(|number| name_of(*number)).collect();
        let most = held.iter().filter_map(|number| level(*number)).max();
        let node = Node::new(id, &name).with("scopes", Value::List(names));
        let most = most.unwrap_or(Relation::Admin);
        give(scribe, known, (node, "HTTP access token", "HTTP access token"), (owner, most));
    }
    Ok(())
}

/// A credential into the hands of a person, or behind the service user that stands for it. A person's token acts for him.
fn give(
    scribe: &mut Scribe,
    known: &mut Holders,
    (node, shared, personal): (Node, &'static str, &'static str),
    (owner, most): (i64, Relation),
) {
    let id: Id = node.id.clone();
    if let Some(person) = known.people.get(&owner) {
        scribe.node(node.text("kind", personal));
        scribe.join(&person.id, Relation::Holds, &id, "credentials");
        scribe.join(&id, Relation::ActsFor, &person.id, "credentials");
        return;
    }
    scribe.node(node.text("kind", shared));
    if let Some(service) = known.services.get_mut(&owner) {
        service.credentials.push((id, most));
    }
}

/// Bitbucket's name of a permission that a token may have.
fn name_of(number: i64) -> String {
    match number {
        0 => "REPO_READ".to_owned(),
        1 => "REPO_WRITE".to_owned(),
        8 => "REPO_ADMIN".to_owned(),
        2 => "PROJECT_READ".to_owned(),
        3 => "PROJECT_WRITE".to_owned(),
        4 => "PROJECT_ADMIN".to_owned(),
        other => format!("permission {other}"),
    }
}

const fn level(number: i64) -> Option<Relation> {
    match number {
        0 | 2 => Some(Relation::Read),
        1 | 3 => Some(Relation::Write),
        4 | 8 => Some(Relation::Admin),
        _ => None,
    }
}

//! Searches: who may, to what, and what may be done. Candidates come from the graph, and of types that only rules know
//! from what the bundle declares; each is asked as an evaluation of it would be, so that a search never says other than
//! its evaluations do. The graph goes first: whom it denies is not asked about any further. Nothing but the search itself
//! is recorded: who asked, what for, how many answers.

mod walk;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::json;

use crate::event::caller::TokenDoor;
use crate::gateway::Gateway;
use crate::gateway::authzen::about::Subject;
use crate::gateway::authzen::about::kind_of_subject;
use crate::gateway::authzen::body;
use crate::gateway::authzen::body::Deed;
use crate::gateway::authzen::body::Entity;
use crate::gateway::authzen::body::Evaluation;
use crate::gateway::authzen::body::Properties;
use crate::gateway::authzen::body::Sort;
use crate::gateway::authzen::capability;
use crate::gateway::authzen::demand::About;
use crate::gateway::authzen::evaluation::Asking;
use crate::gateway::authzen::evaluation::in_time;
use crate::gateway::authzen::member;
use crate::gateway::authzen::place::Query;
use crate::gateway::authzen::search::walk::Lead;
use crate::gateway::authzen::search::walk::Walked;
use crate::gateway::question::CheckError;
use crate::graph::Kind;
use crate::ledger;
use crate::policy::told;
use crate::store::NewEntry;

/// Most answers a page holds.
pub const MAX_PAGE: u64 = 100;

/// Most searches at a time. Each may ask the rules hundreds of times, and the workers are those of the checks.
pub const MAX_SEARCHES: usize = 4;

/// Which page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(rename = "AuthzenPage")]
pub struct PageWish {
    /// Most answers on it; at most 100, which is also how many there are where nothing is said.
    #[serde(default)]
    pub limit: Option<u64>,
    /// The `next_token` of the page before; left out or empty: the first page.
    #[serde(default)]
    pub token: Option<String>,
}

/// Who may do this to that.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(rename = "AuthzenSubjectSearch")]
pub struct SubjectSearch {
    /// The type of those who are searched for.
    #[serde(deserialize_with = "member::subject")]
    pub subject: Sort,
    /// What is to be done.
    #[serde(deserialize_with = "member::action")]
    pub action: Deed,
    /// To what.
    #[serde(deserialize_with = "member::resource")]
    pub resource: Entity,
    /// What else the caller says, unproven.
    #[serde(default, deserialize_with = "member::context")]
    pub context: Option<Properties>,
    /// Which page.
    #[serde(default, deserialize_with = "member::page")]
    pub page: Option<PageWish>,
}

/// To what this one may do that.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(rename = "AuthzenResourceSearch")]
pub struct ResourceSearch {
    /// Whose rights are asked about.
    #[serde(deserialize_with = "member::subject")]
    pub subject: Entity,
    /// What is to be done.
    #[serde(deserialize_with = "member::action")]
    pub action: Deed,
    /// The type of what is searched for.
    #[serde(deserialize_with = "member::resource")]
    pub resource: Sort,
    /// What else the caller says, unproven.
    #[serde(default, deserialize_with = "member::context")]
    pub context: Option<Properties>,
    /// Which page.
    #[serde(default, deserialize_with = "member::page")]
    pub page: Option<PageWish>,
}

/// What this one may do to that.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(rename = "AuthzenActionSearch")]
pub struct ActionSearch {
    /// Whose rights are asked about.
    #[serde(deserialize_with = "member::subject")]
    pub subject: Entity,
    /// To what.
    #[serde(deserialize_with = "member::resource")]
    pub resource: Entity,
    /// What else the caller says, unproven.
    #[serde(default, deserialize_with = "member::context")]
    pub context: Option<Properties>,
    /// Which page.
    #[serde(default, deserialize_with = "member::page")]
    pub page: Option<PageWish>,
}

/// Subjects or resources.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuthzenEntitiesFound")]
pub struct EntitiesFound {
    /// In order of their ids.
    pub results: Vec<FoundEntity>,
    /// Where it goes on.
    pub page: PageAnswer,
}

/// Actions.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuthzenActionsFound")]
pub struct ActionsFound {
    /// In order of their names.
    pub results: Vec<FoundAction>,
    /// Where it goes on.
    pub page: PageAnswer,
}

/// One subject or resource.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuthzenFoundEntity")]
pub struct FoundEntity {
    /// Its type, as it was asked for.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id: the product's own, which names it in an evaluation too.
    pub id: String,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub properties: Option<FoundProperties>,
}

/// What is told of one that was found.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuthzenFoundProperties")]
pub struct FoundProperties {
    /// Its name, as Bitbucket keeps it; people change it at will.
    pub name: String,
}

/// One action.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuthzenFoundAction")]
pub struct FoundAction {
    /// Its name.
    pub name: String,
}

/// Where a search goes on.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuthzenPageAnswer")]
pub struct PageAnswer {
    /// Asks for the next page of the same query within an hour; empty: there is none.
    pub next_token: String,
    /// How many answers this page holds.
    pub count: usize,
    /// What else is to be known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub properties: Option<PageProperties>,
}

/// A page that ended before it was full.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuthzenPageProperties")]
pub struct PageProperties {
    /// How many candidates the rules were asked about.
    pub looked: usize,
    /// Why it ended: the next page goes on from there.
    pub cut: String,
}

/// A search that was read, and its query.
struct Told<T> {
    search: T,
    query: Query,
    /// The body without its page, as it stands in the record under a seal.
    asked: Value,
}

impl Gateway {
    /// Who may do this to that.
    pub async fn search_subject(
        &self,
        token: &str,
        bytes: &[u8],
    ) -> Result<EntitiesFound, CheckError> {
        let asking = self.asking(token, TokenDoor::AuthzenSearch).await?;
        let _permit = self.may_search()?;
        let told: Told<SubjectSearch> = read("subject", &asking, bytes)?;
        let SubjectSearch { subject, action, resource, context, page } = told.search.clone();
        check(&[("resource", &resource)], &[("subject", &subject)], &action, context.as_ref())?;
        asking.allows(&action.name)?;
        let thing = asking.thing(&resource)?;
        let candidate = |lead: &Lead| {
            let Lead::Node(node) = *lead else { return None };
            let id = asking.graph.node(node)?.id.clone();
            let question = Evaluation {
                subject: subject.one(id.native()),
                action: action.clone(),
                resource: resource.clone(),
                context: context.clone(),
            };
            Some((question, About { subject: Ok(Subject { node, id }), thing: thing.clone() }))
        };
        let kind = kind_of_subject(&subject.kind).filter(|_| thing.is_ok());
        let leads = kind.map(|kind| nodes(&asking, kind)).unwrap_or_default();
        let walked = self.walked(&asking, &told, page, &leads, candidate).await?;
        let page = self.finished("subject", &asking, &told, &walked).await?;
        let results = walked.found.iter().map(|lead| found(&asking, lead, &subject.kind));
        Ok(EntitiesFound { results: results.collect(), page })
    }

    /// To what this one may do that.
    pub async fn search_resource(
        &self,
        token: &str,
        bytes: &[u8],
    ) -> Result<EntitiesFound, CheckError> {
        let asking = self.asking(token, TokenDoor::AuthzenSearch).await?;
        let _permit = self.may_search()?;
        let told: Told<ResourceSearch> = read("resource", &asking, bytes)?;
        let ResourceSearch { subject, action, resource, context, page } = told.search.clone();
        check(&[("subject", &subject)], &[("resource", &resource)], &action, context.as_ref())?;
        asking.allows(&action.name)?;
        let who = asking.subject(&subject)?;
        let candidate = |lead: &Lead| {
            let question = Evaluation {
                subject: subject.clone(),
                action: action.clone(),
                resource: resource.one(lead.key(&asking.graph)),
                context: context.clone(),
            };
            // What lies outside the token's scope is passed over.
            let thing = asking.thing(&question.resource).ok()?;
            Some((question, About { subject: who.clone(), thing }))
        };
        let leads = match (&who, resource.kind.parse::<Kind>()) {
            (Err(_), _) => Vec::new(),
            (Ok(_), Ok(kind)) => nodes(&asking, kind),
            (Ok(_), Err(_)) => declared(&asking, &resource.kind),
        };
        let walked = self.walked(&asking, &told, page, &leads, candidate).await?;
        let page = self.finished("resource", &asking, &told, &walked).await?;
        let results = walked.found.iter().map(|lead| found(&asking, lead, &resource.kind));
        Ok(EntitiesFound { results: results.collect(), page })
    }

    /// What this one may do to that.
    pub async fn search_action(
        &self,
        token: &str,
        bytes: &[u8],
    ) -> Result<ActionsFound, CheckError> {
        let asking = self.asking(token, TokenDoor::AuthzenSearch).await?;
        let _permit = self.may_search()?;
        let told: Told<ActionSearch> = read("action", &asking, bytes)?;
        let ActionSearch { subject, resource, context, page } = told.search.clone();
        let any = Deed { name: "any".to_owned(), properties: None };
        check(&[("subject", &subject), ("resource", &resource)], &[], &any, context.as_ref())?;
        let about = About { subject: asking.subject(&subject)?, thing: asking.thing(&resource)? };
        let candidate = |lead: &Lead| {
            let question = Evaluation {
                subject: subject.clone(),
                action: Deed { name: lead.key(&asking.graph).to_owned(), properties: None },
                resource: resource.clone(),
                context: context.clone(),
            };
            Some((question, about.clone()))
        };
        let leads = words(&asking, &resource.kind);
        let walked = self.walked(&asking, &told, page, &leads, candidate).await?;
        let page = self.finished("action", &asking, &told, &walked).await?;
        let name = |lead: &Lead| FoundAction { name: lead.key(&asking.graph).to_owned() };
        Ok(ActionsFound { results: walked.found.iter().map(name).collect(), page })
    }

    fn may_search(&self) -> Result<tokio::sync::SemaphorePermit<'_>, CheckError> {
        self.searching.try_acquire().map_err(|_| {
            CheckError::Unavailable(format!(
                "{MAX_SEARCHES} searches are under way, which is as many as there may be at a time"
            ))
        })
    }

    async fn walked<T>(
        &self,
        asking: &Asking,
        told: &Told<T>,
        page: Option<PageWish>,
        leads: &[Lead],
        candidate: impl Fn(&Lead) -> Option<(Evaluation, About)>,
    ) -> Result<Walked, CheckError> {
        let page = page.unwrap_or_default();
        let after = match page.token.filter(|token| !token.is_empty()) {
            None => None,
            Some(token) => {
                let opened = told.query.opened(&self.store, &token, self.clock.now())?;
                let wrong = || {
                    CheckError::Malformed(
                        "`page.token` is none that was given for this query within the last hour: ask for the first page again"
                            .to_owned(),
                    )
                };
                Some(opened.ok_or_else(wrong)?)
            }
        };
        let limit = page.limit.unwrap_or(MAX_PAGE).min(MAX_PAGE);
        let limit = usize::try_from(limit).unwrap_or(0);
        in_time(async { Ok(self.walk(asking, leads, after, limit, candidate).await) }).await
    }

    /// Records the search, and says where it goes on.
    async fn finished<T>(
        &self,
        what: &'static str,
        asking: &Asking,
        told: &Told<T>,
        walked: &Walked,
    ) -> Result<PageAnswer, CheckError> {
        let now = self.clock.now();
        let mut body = serde_json::Map::new();
        body.insert("what".to_owned(), "access search".into());
        body.insert("search".to_owned(), what.into());
        body.insert("answers".to_owned(), walked.found.len().into());
        body.insert("looked".to_owned(), walked.looked.into());
        let entry = NewEntry {
            connection: Some(asking.connection.id.clone()),
            body,
            sealed: vec![("asked".to_owned(), told.asked.to_string().into_bytes())],
            mentions: mentioned(asking, &told.asked),
            ..NewEntry::new(ledger::Kind::Admin, now, asking.token.id.to_string())
        };
        self.store.append(vec![entry]).await?;
        let next_token = match &walked.next {
            Some(after) => told.query.after(&self.store, after.clone(), now)?,
            None => String::new(),
        };
        let properties = walked
            .cut
            .as_ref()
            .map(|cut| PageProperties { looked: walked.looked, cut: (*cut).to_owned() });
        Ok(PageAnswer { next_token, count: walked.found.len(), properties })
    }
}

impl Sort {
    /// One of this type, by its id.
    fn one(&self, id: &str) -> Entity {
        Entity { kind: self.kind.clone(), id: id.to_owned(), properties: self.properties.clone() }
    }
}

fn read<T: DeserializeOwned>(
    what: &str,
    asking: &Asking,
    bytes: &[u8],
) -> Result<Told<T>, CheckError> {
    let search = body::read(bytes).map_err(CheckError::Malformed)?;
    let mut asked = told::strict(bytes)
        .map_err(|_| CheckError::Malformed("the question cannot be read".to_owned()))?;
    if let Some(members) = asked.as_object_mut() {
        members.remove("page");
    }
    let query = Query::of(asking.token.id, &json!([what, &asked]));
    Ok(Told { search, query, asked })
}

/// Refuses what is empty, too long or no word, as an evaluation does.
fn check(
    entities: &[(&str, &Entity)],
    sorts: &[(&str, &Sort)],
    action: &Deed,
    context: Option<&Properties>,
) -> Result<(), CheckError> {
    let sound = || {
        entities.iter().try_for_each(|(what, one)| body::entity(what, one))?;
        sorts.iter().try_for_each(|(what, one)| body::text(what, "type", &one.kind))?;
        body::deed(action)?;
        let said = entities.iter().map(|(_, one)| one.properties.as_ref());
        let said = said.chain(sorts.iter().map(|(_, one)| one.properties.as_ref()));
        body::claimed_by(said.chain([action.properties.as_ref(), context]))
    };
    sound().map_err(CheckError::Malformed)
}

/// Every node of a kind on the caller's connection, by id.
fn nodes(asking: &Asking, kind: Kind) -> Vec<Lead> {
    let here = |node: &crate::graph::NodeNo| {
        let node = asking.graph.node(*node);
        node.is_some_and(|node| node.id.connection() == asking.connection.id)
    };
    asking.graph.all(kind).filter(here).map(Lead::Node).collect()
}

/// What the rules declare of a type.
fn declared(asking: &Asking, noun: &str) -> Vec<Lead> {
    let ids = asking.bundle.vocabulary.noun(noun).map(|noun| noun.ids.clone());
    ids.unwrap_or_default().into_iter().map(Lead::Word).collect()
}

/// Every action that could be done to a resource of a type, in order: what the graph knows of its kind, and what rules
/// declare.
fn words(asking: &Asking, kind: &str) -> Vec<Lead> {
    let of_kind = kind.parse::<Kind>().map(capability::words).unwrap_or_default();
    let declared = asking.bundle.vocabulary.noun(kind);
    let declared = declared.into_iter().flat_map(|noun| noun.actions.iter().map(String::as_str));
    let mut all: Vec<&str> = of_kind.iter().copied().chain(declared).collect();
    all.sort_unstable();
    all.dedup();
    all.retain(|word| asking.scope.has_action(word));
    all.into_iter().map(|word| Lead::Word(word.to_owned())).collect()
}

fn found(asking: &Asking, lead: &Lead, kind: &str) -> FoundEntity {
    let name = match lead {
        Lead::Node(node) => asking.graph.node(*node).and_then(|node| node.name.as_deref()),
        Lead::Word(_) => None,
    };
    FoundEntity {
        kind: kind.to_owned(),
        id: lead.key(&asking.graph).to_owned(),
        properties: name.map(|name| FoundProperties { name: name.to_owned() }),
    }
}

/// The ids of those whom the query names, on either side, so that they can be erased.
fn mentioned(asking: &Asking, asked: &Value) -> Vec<String> {
    let named = ["subject", "resource"].into_iter().filter_map(|side| {
        let said = asked.get(side).cloned().unwrap_or_default();
        asking.identity(&serde_json::from_value::<Entity>(said).ok()?)
    });
    named.collect()
}

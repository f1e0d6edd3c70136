//! The bodies of evaluations: one question, or many with what they have in common. Members that are not known here are
//! left alone, as the specification asks; a member of another kind, or one that stands twice, is refused.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Map;
use serde_json::Value;

use crate::gateway::authzen::member;
use crate::graph::Known;
use crate::policy::input::Claimed;
use crate::policy::input::ClaimedAction;
use crate::policy::input::ClaimedEntity;
use crate::policy::told;

/// Most evaluations of one request. Each is decided and recorded, while the caller waits.
pub const MAX_EVALUATIONS: usize = 100;

/// Longest type or id, characters: the longest id of Bitbucket's, a ref's, fits.
const MAX_TEXT: usize = 1_100;

/// Longest name of an action.
const MAX_ACTION: usize = 40;

/// Most bytes that one question claims, properties and context together, as JSON. They are recorded with each decision,
/// and a request repeats them for every evaluation.
const MAX_CLAIMS: usize = 16 * 1024;

/// What a foreign text may be quoted of in an error.
const MAX_QUOTED: usize = 200;

/// What a caller says of somebody or something, whatever it is.
pub type Properties = Map<String, Value>;

/// A subject or a resource.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(rename = "AuthzenEntity")]
pub struct Entity {
    /// A kind of Bitbucket's things, such as `user` or `repository`; of resources also one that the rules declare.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = MAX_TEXT))]
    pub kind: String,
    /// Its id, the product's own id, or its name.
    #[schemars(length(min = 1, max = MAX_TEXT))]
    pub id: String,
    /// What the caller says of it, unproven.
    #[serde(default)]
    pub properties: Option<Properties>,
}

/// A subject or a resource of which only the type counts.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(rename = "AuthzenType")]
pub struct Sort {
    /// The type of those that are searched for.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = MAX_TEXT))]
    pub kind: String,
    /// What the caller says of each of them, unproven.
    #[serde(default)]
    pub properties: Option<Properties>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(rename = "AuthzenAction")]
pub struct Deed {
    /// A word: a level such as `read`, an action such as `deploy`, or one that the rules know.
    #[schemars(regex(pattern = "^[a-z][a-z0-9_-]{0,39}$"))]
    pub name: String,
    /// What the caller says of it, unproven.
    #[serde(default)]
    pub properties: Option<Properties>,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(rename = "AuthzenEvaluation")]
pub struct Evaluation {
    /// Whose rights are asked about.
    #[serde(deserialize_with = "member::subject")]
    pub subject: Entity,
    /// What is to be done.
    #[serde(deserialize_with = "member::action")]
    pub action: Deed,
    /// To what.
    #[serde(deserialize_with = "member::resource")]
    pub resource: Entity,
    /// What else the caller says, unproven.
    #[serde(default, deserialize_with = "member::context")]
    pub context: Option<Properties>,
}

/// A subject or resource that may leave out what the others have in common.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[schemars(rename = "AuthzenPartialEntity")]
pub struct PartialEntity {
    /// As in a single evaluation.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// As in a single evaluation.
    #[serde(default)]
    pub id: Option<String>,
    /// As in a single evaluation.
    #[serde(default)]
    pub properties: Option<Properties>,
}

/// An action that may leave out its name.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[schemars(rename = "AuthzenPartialAction")]
pub struct PartialDeed {
    /// As in a single evaluation.
    #[serde(default)]
    pub name: Option<String>,
    /// As in a single evaluation.
    #[serde(default)]
    pub properties: Option<Properties>,
}

/// One question of several: what it leaves out stands at the top.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[schemars(rename = "AuthzenPartialEvaluation")]
pub struct Part {
    /// Whose rights are asked about.
    #[serde(default, deserialize_with = "member::subject")]
    pub subject: Option<PartialEntity>,
    /// What is to be done.
    #[serde(default, deserialize_with = "member::action")]
    pub action: Option<PartialDeed>,
    /// To what.
    #[serde(default, deserialize_with = "member::resource")]
    pub resource: Option<PartialEntity>,
    /// What else the caller says, unproven.
    #[serde(default, deserialize_with = "member::context")]
    pub context: Option<Properties>,
}

/// How far several questions are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Semantic {
    /// All of them.
    #[default]
    ExecuteAll,
    /// Up to the first that is denied.
    DenyOnFirstDeny,
    /// Up to the first that is permitted.
    PermitOnFirstPermit,
}

/// How the request is to be carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(rename = "AuthzenOptions")]
pub struct Options {
    /// Which of the evaluations are answered; left out: all.
    #[serde(default)]
    pub evaluations_semantic: Option<Semantic>,
}

/// Several questions. Without `evaluations`, or with none in it, the members at the top are one question.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(rename = "AuthzenEvaluations")]
pub struct Evaluations {
    /// Of every question that names no other.
    #[serde(default, deserialize_with = "member::subject")]
    pub subject: Option<PartialEntity>,
    /// Of every question that names no other.
    #[serde(default, deserialize_with = "member::action")]
    pub action: Option<PartialDeed>,
    /// Of every question that names no other.
    #[serde(default, deserialize_with = "member::resource")]
    pub resource: Option<PartialEntity>,
    /// Of every question that says no other.
    #[serde(default, deserialize_with = "member::context")]
    pub context: Option<Properties>,
    /// The questions, in the order of the answers.
    #[schemars(length(max = MAX_EVALUATIONS))]
    #[serde(default, deserialize_with = "member::evaluations")]
    pub evaluations: Option<Vec<Part>>,
    /// How the request is to be carried out.
    #[serde(default, deserialize_with = "member::options")]
    pub options: Option<Options>,
}

/// Reads a body. The error says what is wrong, and what is refused is never only ignored.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let cut = |error: serde_json::Error| {
        let said = error.to_string();
        let said: String = said.chars().take(MAX_QUOTED).flat_map(char::escape_debug).collect();
        format!("the question cannot be read: {said}")
    };
    let told = told::strict(body).map_err(cut)?;
    objects(&told)?;
    serde_json::from_value(told).map_err(cut)
}

/// Refuses a list where an object belongs: what is read by name could be read by place as well, and nobody means that.
fn objects(told: &Value) -> Result<(), String> {
    let Value::Object(members) = told else {
        return Err("the question cannot be read: it must be an object".to_owned());
    };
    for name in ["subject", "action", "resource", "context", "options", "page"] {
        if !members.get(name).is_none_or(|member| member.is_object() || member.is_null()) {
            return Err(format!("the question cannot be read: `{name}` must be an object"));
        }
    }
    match members.get("evaluations") {
        Some(Value::Array(parts)) => parts.iter().try_for_each(objects),
        Some(_) | None => Ok(()),
    }
}

impl Evaluation {
    /// Refuses what is empty, too long or no word.
    pub fn check(&self) -> Result<(), String> {
        entity("subject", &self.subject)?;
        entity("resource", &self.resource)?;
        deed(&self.action)?;
        let claims = [&self.subject.properties, &self.action.properties, &self.resource.properties];
        let claims = claims.into_iter().chain([&self.context]);
        claimed_by(claims.map(Option::as_ref))
    }

    /// The claims as they stand in the input.
    pub fn claimed(&self) -> Claimed {
        let said = |one: &Entity| ClaimedEntity {
            kind: Known::Value(one.kind.clone()),
            id: Known::Value(one.id.clone()),
            properties: Known::or_nothing(one.properties.clone()),
        };
        Claimed {
            repository: Known::Nothing,
            commit: Known::Nothing,
            branch: Known::Nothing,
            tag: Known::Nothing,
            pull_request: Known::Nothing,
            environment: Known::Nothing,
            variables: Known::Nothing,
            run: Known::Nothing,
            build: Known::Nothing,
            reason: Known::Nothing,
            subject: Known::Value(said(&self.subject)),
            resource: Known::Value(said(&self.resource)),
            action: Known::Value(ClaimedAction {
                name: Known::Value(self.action.name.clone()),
                properties: Known::or_nothing(self.action.properties.clone()),
            }),
            context: Known::or_nothing(self.context.clone()),
        }
    }
}

impl Evaluations {
    /// What all questions have in common, how far they are answered, and the questions: none of them means that the rest
    /// is one.
    pub fn taken_apart(self) -> Result<(Part, Semantic, Vec<Part>), String> {
        let asked = self.evaluations.unwrap_or_default();
        if asked.len() > MAX_EVALUATIONS {
            return Err(format!(
                "`evaluations` holds {} questions; at most {MAX_EVALUATIONS} are answered",
                asked.len()
            ));
        }
        let common = Part {
            subject: self.subject,
            action: self.action,
            resource: self.resource,
            context: self.context,
        };
        let semantic = self.options.unwrap_or_default().evaluations_semantic.unwrap_or_default();
        Ok((common, semantic, asked))
    }
}

impl Part {
    /// One whole question. What the part names replaces what is common, member by member; only `type`, `id` and `name`,
    /// which nothing can do without, are taken from there where the part's own member lacks them.
    pub fn over(self, common: &Self) -> Result<Evaluation, String> {
        let question = Evaluation {
            subject: whole("subject", self.subject, common.subject.as_ref())?,
            action: named(self.action, common.action.as_ref())?,
            resource: whole("resource", self.resource, common.resource.as_ref())?,
            context: self.context.or_else(|| common.context.clone()),
        };
        question.check()?;
        Ok(question)
    }
}

fn whole(
    what: &str,
    own: Option<PartialEntity>,
    common: Option<&PartialEntity>,
) -> Result<Entity, String> {
    let missing = || format!("the question has no `{what}`");
    let own = own.or_else(|| common.cloned()).ok_or_else(missing)?;
    let lacks = |member: &str| format!("`{what}` has no `{member}`");
    let kind = own.kind.or_else(|| common?.kind.clone()).ok_or_else(|| lacks("type"))?;
    let id = own.id.or_else(|| common?.id.clone()).ok_or_else(|| lacks("id"))?;
    Ok(Entity { kind, id, properties: own.properties })
}

fn named(own: Option<PartialDeed>, common: Option<&PartialDeed>) -> Result<Deed, String> {
    let missing = || "the question has no `action`".to_owned();
    let own = own.or_else(|| common.cloned()).ok_or_else(missing)?;
    let name = own.name.or_else(|| common?.name.clone());
    let name = name.ok_or_else(|| "`action` has no `name`".to_owned())?;
    Ok(Deed { name, properties: own.properties })
}

/// Refuses a subject or resource whose type or id is empty or too long.
pub fn entity(what: &str, one: &Entity) -> Result<(), String> {
    text(what, "type", &one.kind)?;
    text(what, "id", &one.id)
}

/// Refuses a type that is empty or too long.
pub fn text(what: &str, member: &str, said: &str) -> Result<(), String> {
    let length = said.chars().count();
    if (1..=MAX_TEXT).contains(&length) {
        return Ok(());
    }
    Err(format!("`{what}.{member}` has {length} characters; it takes 1 to {MAX_TEXT}"))
}

/// Refuses a name that is no word. It stands in the ledger, which holds no free text.
pub fn deed(action: &Deed) -> Result<(), String> {
    let name = &action.name;
    let mut bytes = name.bytes();
    let is_word = bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
        && name.len() <= MAX_ACTION;
    if is_word {
        return Ok(());
    }
    Err(format!(
        "`action.name` must be a lower-case word such as `deploy`, at most {MAX_ACTION} letters, digits, `-` and `_`"
    ))
}

/// Refuses more claims than are kept.
pub fn claimed_by<'a>(claims: impl Iterator<Item = Option<&'a Properties>>) -> Result<(), String> {
    let size = |one: &Properties| serde_json::to_vec(one).map_or(usize::MAX, |bytes| bytes.len());
    let bytes = claims.flatten().map(size).fold(0_usize, usize::saturating_add);
    if bytes <= MAX_CLAIMS {
        return Ok(());
    }
    Err(format!(
        "properties and context of a question have {bytes} bytes together; at most {MAX_CLAIMS} are kept"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(json: &str) -> Part {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_a_question_leaves_out_is_taken_from_the_top_and_what_it_names_replaces_it_whole() {
        let common = part(
            r#"{"subject":{"type":"user","id":"mia","properties":{"a":1}},"action":{"name":"read"},
                "resource":{"type":"record","properties":{"b":2}},"context":{"c":3}}"#,
        );
        let own = part(r#"{"resource":{"id":"one"}}"#).over(&common).unwrap();
        assert_eq!((own.resource.kind.as_str(), own.resource.id.as_str()), ("record", "one"));
        assert_eq!(own.resource.properties, None, "a resource that is named replaces the other");
        assert_eq!(own.subject.properties.unwrap()["a"], 1);
        assert_eq!(own.context.unwrap()["c"], 3);
        let own = part(r#"{"resource":{"id":"one"},"context":{},"action":{"name":"write"}}"#);
        let own = own.over(&common).unwrap();
        assert_eq!((own.action.name.as_str(), own.context), ("write", Some(Map::new())));
        let lacking = part(r"{}").over(&Part::default()).unwrap_err();
        assert_eq!(lacking, "the question has no `subject`");
        let lacking = part(r"{}").over(&common).unwrap_err();
        assert_eq!(lacking, "`resource` has no `id`");
    }

    #[test]
    fn a_key_that_stands_twice_is_refused_at_any_depth() {
        let twice = br#"{"subject":{"type":"user","id":"a","properties":{"x":1,"x":2}},"action":{"name":"read"},"resource":{"type":"r","id":"1"}}"#;
        let error = read::<Evaluation>(twice).unwrap_err();
        assert!(error.contains("stands twice"), "{error}");
    }

    #[test]
    fn a_list_is_no_object_wherever_it_stands() {
        let listed = |body: &str| read::<Evaluations>(body.as_bytes()).unwrap_err();
        for body in [
            r#"[{"type":"user","id":"a"},{"name":"read"},{"type":"r","id":"1"}]"#,
            r#"{"subject":["user","a"]}"#,
            r#"{"action":["read"]}"#,
            r#"{"options":["execute_all"]}"#,
            r#"{"evaluations":[[null,null]]}"#,
            r#"{"evaluations":[{"resource":["r","1"]}]}"#,
        ] {
            assert!(listed(body).ends_with("must be an object"), "{body}: {}", listed(body));
        }
        assert!(read::<Evaluations>(br#"{"subject":null,"evaluations":[{}]}"#).is_ok());
    }

    #[test]
    fn claims_have_an_end() {
        let long = "x".repeat(MAX_CLAIMS);
        let said = Some(std::iter::once(("a".to_owned(), long.into())).collect::<Properties>());
        assert!(claimed_by([said.as_ref()].into_iter()).unwrap_err().contains("at most 16384"));
        assert!(claimed_by([None, Some(&Map::new())].into_iter()).is_ok());
    }
}

//! What a door takes and gives, said beside its code and read by the description and by the judge of queries. Shapes
//! come from the types that are really read and written, so that description and answer cannot disagree.
//!
//! It is deliberately no reader and no writer: it says what there is.

use schemars::JsonSchema;
use schemars::Schema;
use schemars::SchemaGenerator;
use serde_json::Value;
use serde_json::json;

/// The schema of a type, once a generator is there.
pub(super) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// The shape of a type that doors read or write.
pub(super) const fn of<T: JsonSchema>() -> Shape {
    SchemaGenerator::subschema_for::<T>
}

/// All that a door takes and gives, beside what its line of the table says.
pub(super) struct Offer {
    /// What may stand behind the `?`.
    pub query: &'static [Parameter],
    /// What the body is.
    pub takes: Takes,
    /// The answers that are no failures.
    pub gives: &'static [Gives],
    /// Statuses of failures that the table's line does not imply.
    pub refuses: &'static [u16],
}

impl Offer {
    /// A door that only gives.
    pub const fn giving(gives: &'static [Gives]) -> Self {
        Self { query: &[], takes: Takes::Nothing, gives, refuses: &[503] }
    }

    /// The same, asked with a query.
    pub const fn asked(self, query: &'static [Parameter]) -> Self {
        Self { query, ..self }
    }

    /// The same, with a body.
    pub const fn taking(self, takes: Takes) -> Self {
        Self { takes, ..self }
    }

    /// The same, refusing with these statuses and no others of its own.
    pub const fn refusing(self, refuses: &'static [u16]) -> Self {
        Self { refuses, ..self }
    }
}

/// What a body is.
#[derive(Clone, Copy)]
pub(super) enum Takes {
    /// Nothing is read.
    Nothing,
    /// JSON.
    Json(Shape),
    /// JSON, or nothing.
    JsonOrNothing(Shape),
    /// JSON from a program, the same members as a form from a page.
    JsonOrForm(Shape),
    /// The same, or nothing.
    JsonFormOrNothing(Shape),
    /// Whatever the signature is over; JSON, as Bitbucket sends it.
    Signed,
}

/// An answer that is no failure.
pub(super) struct Gives {
    /// Its status.
    pub status: u16,
    /// When it is given.
    pub when: &'static str,
    /// In which forms.
    pub forms: &'static [Form],
}

/// A form of an answer.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// JSON of this shape.
    Json(Shape),
    /// JSON that another standard describes.
    AnyJson,
    /// Any other media type.
    Media(&'static str),
}

/// A page for people.
pub(super) const PAGE: Form = Form::Media("text/html");
/// Plain text.
pub(super) const TEXT: Form = Form::Media("text/plain");

/// `30s 15m 4h 7d`, as a pattern.
pub(super) const LENGTH: &str = "^[0-9]{1,9}[smhd]$";

/// One name of a query.
pub(super) struct Parameter {
    /// The name.
    pub name: &'static str,
    /// Whether it has to be there.
    pub need: Need,
    /// What it is, for people.
    pub said: &'static str,
    /// What it may say.
    pub value: Text,
}

/// Whether something has to be there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It has to.
    Must,
    /// It may.
    May,
}

/// What a text may say.
#[derive(Clone, Copy)]
pub(super) enum Text {
    /// Anything.
    Free,
    /// Anything but nothing.
    Any,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number in this range.
    Number(u64, u64),
    /// `true` or `false`.
    Flag,
    /// RFC 3339.
    Time,
    /// RFC 3339, or how long ago: `2h`.
    Past,
    /// `30s 15m 4h 7d`.
    Length,
    /// The id of a rule, or an area.
    Rule,
    /// The id of a connection.
    Connection,
    /// One of our own ids.
    Id,
    /// The id of a rule, with dots for slashes.
    Dotted,
    /// A hook's id.
    Hook,
    /// A class of repositories.
    Class,
    /// A finding's id.
    Finding,
}

impl Parameter {
    /// One that may be left out.
    pub const fn may(name: &'static str, value: Text, said: &'static str) -> Self {
        Self { name, need: Need::May, said, value }
    }

    /// One that has to be there.
    pub const fn must(name: &'static str, value: Text, said: &'static str) -> Self {
        Self { name, need: Need::Must, said, value }
    }
}

impl Text {
    /// As JSON Schema says it.
    pub fn schema(self) -> Value {
        match self {
            Self::Free => json!({"type": "string"}),
            Self::Any => json!({"type": "string", "minLength": 1}),
            Self::Word(words) => json!({"type": "string", "enum": words}),
            Self::Number(least, most) => {
                json!({"type": "integer", "minimum": least, "maximum": most})
            }
            Self::Flag => json!({"type": "boolean"}),
            Self::Time => json!({"type": "string", "format": "date-time"}),
            Self::Past => json!({"anyOf": [Self::Time.schema(), Self::Length.schema()]}),
            Self::Rule => {
                json!({"type": "string", "pattern": "^[a-z0-9-]+(/[a-z0-9-]+)*$", "maxLength": 256})
            }
            Self::Length => json!({"type": "string", "pattern": LENGTH}),
            Self::Connection => json!({"type": "string", "pattern": "^[a-z0-9-]{2,40}$"}),
            Self::Id => json!({"type": "string", "format": "uuid"}),
            Self::Dotted => {
                json!({"type": "string", "pattern": "^[a-z0-9-]+(\\.[a-z0-9-]+)*$", "maxLength": 256})
            }
            Self::Class => {
                json!({"type": "string", "pattern": "^[a-z0-9-]{1,40}$", "maxLength": 40})
            }
            Self::Finding => json!({"type": "string", "pattern": "^f-[0-9a-f]{16}$"}),
            Self::Hook => json!({"type": "string", "pattern": "^[0-9a-f]{32}$"}),
        }
    }
}

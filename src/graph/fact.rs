//! How facts are declared, described and written down.
//!
//! [`record!`](crate::record) declares a group of three-valued fields once; from that one place come the struct, its
//! [`Shape`] (the schema that policies are checked against) and its writing into an input document. A [`Page`] writes
//! only what was asked for and lists what is unknown instead of leaving it silently out.

use crate::graph::Id;
use crate::graph::Known;
use crate::graph::Time;
use crate::graph::Why;

/// What a value looks like, for the schema and for checking policy paths.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Any text.
    Text,
    /// One of these words. Foreign enumerations carry `other`.
    Word(&'static [&'static str]),
    /// A whole number.
    Whole,
    /// True or false.
    Flag,
    /// RFC 3339 UTC with milliseconds.
    Instant,
    /// A list of one shape.
    List(Box<Shape>),
    /// Named fields.
    Record(Vec<Field>),
    /// An object whose members are the sender's own: nothing is known of them, so nothing of it is ever missing.
    Free,
}

/// One field of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name in the input document.
    pub name: &'static str,
    /// What it means, one sentence.
    pub doc: &'static str,
    /// What it looks like.
    pub shape: Shape,
}

/// A value that can stand in an input document.
pub trait Fact {
    /// What it looks like.
    fn shape() -> Shape;
    /// Writes it as JSON.
    fn write(&self, page: &mut Page<'_>);
}

/// Which parts of a document are wanted: a tree of field names, where a leaf wants all below it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    all: bool,
    below: std::collections::BTreeMap<String, Wanted>,
}

impl Wanted {
    /// Everything.
    pub fn all() -> Self {
        Self { all: true, below: std::collections::BTreeMap::new() }
    }

    /// Adds a dotted path.
    pub fn add(&mut self, path: &str) {
        let mut here = self;
        for part in path.split('.') {
            here = here.below.entry(part.to_owned()).or_default();
        }
        here.all = true;
    }

    /// Whether anything at or below `field` is wanted.
    pub fn field(&self, field: &str) -> Option<&Self> {
        if self.all { Some(self) } else { self.below.get(field) }
    }
}

/// An unknown fact of a document: its path and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Gap {
    /// Dotted path in the input; list positions are numbers.
    pub path: String,
    /// Why it could not be learned.
    pub why: String,
}

/// The page a document is written on: JSON bytes, and the gaps met on the way.
#[derive(Debug)]
pub struct Page<'w> {
    out: Vec<u8>,
    path: String,
    wanted: &'w Wanted,
    gaps: Vec<Gap>,
    first: bool,
}

impl<'w> Page<'w> {
    /// An empty page that will hold what is wanted.
    pub fn new(wanted: &'w Wanted) -> Self {
        Self {
            out: Vec::with_capacity(2048),
            path: String::new(),
            wanted,
            gaps: Vec::new(),
            first: true,
        }
    }

    /// The written bytes and the gaps.
    pub fn finish(self) -> (Vec<u8>, Vec<Gap>) {
        (self.out, self.gaps)
    }

    /// Writes `{…}` around what `fields` writes.
    pub fn record(&mut self, fields: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.first, true);
        self.out.push(b'{');
        fields(self);
        self.out.push(b'}');
        self.first = outer;
    }

    /// Writes one three-valued field, if it is wanted.
    pub fn field<T: Fact>(&mut self, name: &'static str, fact: &Known<T>) {
        let Some(inner) = self.wanted.field(name) else { return };
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        match fact {
            Known::Value(value) => {
                self.key(name);
                let outer = std::mem::replace(&mut self.wanted, inner);
                value.write(self);
                self.wanted = outer;
            }
            Known::Nothing => {
                self.key(name);
                self.out.extend_from_slice(b"null");
            }
            Known::Unknown(why) => self.gap(why),
        }
        self.path.truncate(length);
    }

    /// Writes a part of the document that is always there, if anything of it is wanted.
    pub fn part<T: Fact>(&mut self, name: &'static str, part: &T) {
        let Some(inner) = self.wanted.field(name) else { return };
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        self.key(name);
        let outer = std::mem::replace(&mut self.wanted, inner);
        part.write(self);
        self.wanted = outer;
        self.path.truncate(length);
    }

    /// Writes `"name":` with the comma it needs.
    pub fn key(&mut self, name: &str) {
        if !std::mem::replace(&mut self.first, false) {
            self.out.push(b',');
        }
        self.text(name);
        self.out.push(b':');
    }

    /// Writes a JSON text.
    pub fn text(&mut self, text: &str) {
        // A `Vec` takes every write: the result cannot be an error.
        let _ = serde_json::to_writer(&mut self.out, text);
    }

    /// Writes bytes that are JSON already.
    pub fn raw(&mut self, json: &[u8]) {
        self.out.extend_from_slice(json);
    }

    fn gap(&mut self, why: &Why) {
        self.gaps.push(Gap { path: self.path.clone(), why: why.as_str().to_owned() });
    }

    /// What was met as unknown so far.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }
}

impl Fact for String {
    fn shape() -> Shape {
        Shape::Text
    }
    fn write(&self, page: &mut Page<'_>) {
        page.text(self);
    }
}

impl Fact for bool {
    fn shape() -> Shape {
        Shape::Flag
    }
    fn write(&self, page: &mut Page<'_>) {
        page.raw(if *self { b"true" } else { b"false" });
    }
}

impl Fact for u64 {
    fn shape() -> Shape {
        Shape::Whole
    }
    fn write(&self, page: &mut Page<'_>) {
        page.raw(self.to_string().as_bytes());
    }
}

impl Fact for Id {
    fn shape() -> Shape {
        Shape::Text
    }
    fn write(&self, page: &mut Page<'_>) {
        page.text(self.as_str());
    }
}

impl Fact for Time {
    fn shape() -> Shape {
        Shape::Instant
    }
    fn write(&self, page: &mut Page<'_>) {
        page.text(&self.to_string());
    }
}

/// What somebody else put together: written as it is, whatever of it is wanted.
impl Fact for serde_json::Map<String, serde_json::Value> {
    fn shape() -> Shape {
        Shape::Free
    }
    fn write(&self, page: &mut Page<'_>) {
        // A `Vec` takes every write, and the keys are texts: the result cannot be an error.
        let _ = serde_json::to_writer(&mut page.out, self);
    }
}

impl<T: Fact> Fact for Vec<T> {
    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }

    fn write(&self, page: &mut Page<'_>) {
        page.out.push(b'[');
        let length = page.path.len();
        for (position, item) in self.iter().enumerate() {
            if position > 0 {
                page.out.push(b',');
            }
            page.path.push('.');
            page.path.push_str(&position.to_string());
            item.write(page);
            page.path.truncate(length);
        }
        page.out.push(b']');
    }
}

/// Declares a group of facts: a struct whose fields are all [`Known`], its shape, and how it is written.
///
/// A field may carry another name in documents: `reference as "ref": Reference`.
#[macro_export]
macro_rules! record {
    ($(#[$meta:meta])* pub struct $Name:ident {
        $( #[doc = $doc:literal] $field:ident $(as $key:literal)? : $Type:ty ),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $Name {
            $( #[doc = $doc] pub $field: $crate::graph::Known<$Type>, )*
        }

        impl $crate::graph::fact::Fact for $Name {
            fn shape() -> $crate::graph::fact::Shape {
                $crate::graph::fact::Shape::Record(vec![ $( $crate::graph::fact::Field {
                    name: $crate::record!(@name $field $($key)?),
                    doc: $doc.trim_ascii(),
                    shape: <$Type as $crate::graph::fact::Fact>::shape(),
                }, )* ])
            }

            fn write(&self, page: &mut $crate::graph::fact::Page<'_>) {
                page.record(|page| { $( page.field($crate::record!(@name $field $($key)?), &self.$field); )* });
            }
        }
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $key:literal) => { $key };
}

/// Declares a closed list of words, each with its text; reading a foreign text is the list's own matter.
///
/// Where two lists have one name, one of them carries another in descriptions: `pub enum State as "FindingState" { … }`.
#[macro_export]
macro_rules! words {
    ($(#[$meta:meta])* pub enum $Name:ident $(as $schema:literal)? { $( $(#[$vmeta:meta])* $variant:ident = $text:literal ),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $Name { $( $(#[$vmeta])* $variant ),+ }

        impl $Name {
            /// Every word, in order.
            pub const ALL: &'static [Self] = &[ $( Self::$variant ),+ ];
            /// Every text, in order.
            pub const TEXTS: &'static [&'static str] = &[ $( $text ),+ ];

            /// The word as written.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text ),+ }
            }

            /// The word that is written so.
            pub fn from_text(text: &str) -> Option<Self> {
                match text { $( $text => Some(Self::$variant), )+ _ => None }
            }
        }

        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::graph::fact::Fact for $Name {
            fn shape() -> $crate::graph::fact::Shape {
                $crate::graph::fact::Shape::Word(Self::TEXTS)
            }
            fn write(&self, page: &mut $crate::graph::fact::Page<'_>) {
                page.text(self.as_str());
            }
        }

        impl serde::Serialize for $Name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl schemars::JsonSchema for $Name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $crate::words!(@schema $Name $($schema)?).into()
            }
            fn schema_id() -> std::borrow::Cow<'static, str> {
                concat!(module_path!(), "::", stringify!($Name)).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "enum": Self::TEXTS})
            }
        }

        impl<'de> serde::Deserialize<'de> for $Name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::from_text(&text).ok_or_else(|| {
                    serde::de::Error::custom(format!("`{text}` is not one of {}", Self::TEXTS.join(", ")))
                })
            }
        }
    };
    (@schema $Name:ident) => { stringify!($Name) };
    (@schema $Name:ident $schema:literal) => { $schema };
}

//! A decision as one line of JSON for somebody else's tools: in our own words, or in the shape of Open Policy Agent's
//! decision log.
//!
//! A line that has gone out cannot be erased any more. So what holds names and free text goes out only where it was asked
//! for, and the line says what was left out, and why. It is deliberately no page: nothing is worded here.

use serde::Serialize;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use serde_json::value::RawValue;

use crate::decision::Record;
use crate::decision::record::Part;
use crate::words;

words! {
    /// In which shape.
    pub enum Shape {
        /// Ours.
        Portcullis = "portcullis",
        /// Open Policy Agent's decision log (its management API, "decision logs"), one event a line.
        Opa = "opa",
    }
}

words! {
    /// A part that holds names or free text.
    pub enum Named {
        /// The input document.
        Input = "input",
        /// Names of people, repositories, refs.
        Names = "names",
        /// What the rules said.
        Told = "told",
    }
}

/// Where a line stands in the record.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Index of its entry.
    pub index: u64,
    /// Id of the store it stands in.
    pub instance: &'a str,
}

/// The line, without its end. Errors: none but what serde itself refuses.
pub fn line(
    shape: Shape,
    record: &Record,
    place: Place<'_>,
    wanted: &[Named],
) -> Result<String, serde_json::Error> {
    match shape {
        Shape::Portcullis => serde_json::to_string(&Ours::of(record, place, wanted)?),
        Shape::Opa => serde_json::to_string(&Opa::of(record, place, wanted)),
    }
}

/// Why a part is not there; none: it is.
fn absent<T>(part: &Part<T>, named: Named, wanted: &[Named]) -> Option<String> {
    match part {
        Part::Erased(at) => Some(format!("erased on {at}")),
        Part::Kept(_) if wanted.contains(&named) => None,
        Part::Kept(_) => Some("not asked for".to_owned()),
    }
}

/// What is kept of a part and was asked for.
fn present<'a, T>(part: &'a Part<T>, named: Named, wanted: &[Named]) -> Option<&'a T> {
    part.kept().filter(|_| wanted.contains(&named))
}

fn left_out(record: &Record, wanted: &[Named]) -> Map<String, Value> {
    let all = [
        (Named::Input, absent(&record.input, Named::Input, wanted)),
        (Named::Names, absent(&record.names, Named::Names, wanted)),
        (Named::Told, absent(&record.told, Named::Told, wanted)),
    ];
    let gone =
        all.into_iter().filter_map(|(named, why)| Some((named.as_str().to_owned(), why?.into())));
    gone.collect()
}

#[derive(Serialize)]
struct Ours<'a> {
    v: u8,
    index: u64,
    instance: &'a str,
    decision: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    names: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    told: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a RawValue>,
    left_out: Map<String, Value>,
}

impl<'a> Ours<'a> {
    fn of(
        record: &'a Record,
        place: Place<'a>,
        wanted: &[Named],
    ) -> Result<Self, serde_json::Error> {
        let names = present(&record.names, Named::Names, wanted);
        let told = present(&record.told, Named::Told, wanted);
        Ok(Self {
            v: 1,
            index: place.index,
            instance: place.instance,
            decision: serde_json::to_value(&record.public)?,
            names: names.map(serde_json::to_value).transpose()?,
            told: told.map(serde_json::to_value).transpose()?,
            input: present(&record.input, Named::Input, wanted).map(AsRef::as_ref),
            left_out: left_out(record, wanted),
        })
    }
}

/// An event of OPA's decision log. `path` is where our rules live; `req_id` is the index of the entry.
#[derive(Serialize)]
struct Opa<'a> {
    labels: Value,
    decision_id: String,
    bundles: Value,
    path: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a RawValue>,
    result: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    erased: Vec<&'static str>,
    requested_by: &'static str,
    timestamp: String,
    req_id: u64,
}

impl<'a> Opa<'a> {
    fn of(record: &'a Record, place: Place<'a>, wanted: &[Named]) -> Self {
        let public = &record.public;
        let told = present(&record.told, Named::Told, wanted);
        let input = present(&record.input, Named::Input, wanted).map(AsRef::as_ref);
        let names = present(&record.names, Named::Names, wanted);
        let mut result = json!({
            "verdict": public.verdict, "effect": public.effect, "binds": public.binds,
            "because": public.because, "uncovered": public.uncovered, "rules": public.rules,
            "repository": public.repository, "actor": public.actor, "commit": public.commit,
            "ticket": public.ticket,
        });
        let mut erased = Vec::new();
        if let Some(members) = result.as_object_mut() {
            let mut put = |name: &str, pointer, value: Option<Value>| match value {
                Some(value) => drop(members.insert(name.to_owned(), value)),
                None => erased.push(pointer),
            };
            put("reason", "/result/reason", told.map(|_| record.reason().into()));
            put("findings", "/result/findings", told.map(|told| json!(told.findings)));
            put("names", "/result/names", names.map(|names| json!(names)));
        }
        if input.is_none() {
            erased.insert(0, "/input");
        }
        Self {
            labels: json!({
                "app": "portcullis", "id": place.instance, "version": env!("CARGO_PKG_VERSION"),
                "connection": public.connection, "product": public.product, "event": public.event,
                "action": public.action, "surface": public.surface,
            }),
            decision_id: public.decision.to_string(),
            bundles: json!({"portcullis": {"revision": public.bundle}}),
            path: "portcullis/rules",
            input,
            result,
            erased,
            requested_by: public.caller.as_str(),
            timestamp: public.at.to_string(),
            req_id: place.index,
        }
    }
}

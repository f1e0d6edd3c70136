//! The data of a bundle: every `data.json`, mounted at its folder and merged as OPA does.

use std::collections::BTreeMap;

use regorus::Value;
use serde::Deserialize;

use crate::policy::bundle::SourceFile;
use crate::policy::diagnostic::Diagnostic;

/// Most aliases in `data.portcullis.people`, and most ids of one of them.
pub const MAX_PEOPLE: usize = 1_000;

/// Whether a file is data.
pub fn is_data(path: &str) -> bool {
    path.rsplit('/').next() == Some("data.json")
}

/// All data of a bundle in one object.
pub fn gather(files: &[SourceFile], found: &mut Vec<Diagnostic>) -> Value {
    let mut engine = regorus::Engine::new();
    for file in files {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        if matches!(name, "data.yaml" | "data.yml") {
            found.push(
                Diagnostic::about(&file.path, "data is read from `data.json` only")
                    .help("write it as JSON"),
            );
        }
        if is_data(&file.path) {
            found.extend(add(&mut engine, file).err());
        }
    }
    engine.get_data()
}

fn add(engine: &mut regorus::Engine, file: &SourceFile) -> Result<(), Diagnostic> {
    let value: Value = serde_json::from_str(&file.text).map_err(|error| {
        let line = u32::try_from(error.line()).unwrap_or(0);
        let column = u32::try_from(error.column()).unwrap_or(0);
        Diagnostic::at_column(
            &file.path,
            &file.text,
            line,
            column,
            1,
            format!("this is not JSON: {error}"),
        )
    })?;
    if !matches!(value, Value::Object(_)) {
        return Err(Diagnostic::about(&file.path, "the data is not an object")
            .help("wrap it: `{\"name\": …}`"));
    }
    let folder = file.path.strip_suffix("data.json").unwrap_or_default();
    let mounted = folder.split('/').rev().filter(|part| !part.is_empty()).fold(value, mount);
    engine.add_data(mounted).map_err(|error| {
        let said = error.to_string();
        Diagnostic::about(
            &file.path,
            format!("this data cannot be merged with the other: {}", said.trim()),
        )
    })
}

/// `{part: below}`
fn mount(below: Value, part: &str) -> Value {
    let mut object = Value::new_object();
    if let Ok(fields) = object.as_object_mut() {
        fields.insert(Value::from(part), below);
    }
    object
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Alias {
    Group(String),
    People(Vec<String>),
}

/// What the data say under `portcullis` for the gate itself.
pub fn below_portcullis(data: &Value, name: &str) -> Option<Value> {
    let at = |value: &Value, key: &str| {
        value.as_object().ok().and_then(|object| object.get(&Value::from(key))).cloned()
    };
    at(data, "portcullis").and_then(|below| at(&below, name))
}

/// `data.portcullis.people`: alias → group name or ids.
pub fn people(
    files: &[SourceFile],
    data: &Value,
) -> Result<BTreeMap<String, Vec<String>>, Diagnostic> {
    let Some(people) = below_portcullis(data, "people") else { return Ok(BTreeMap::new()) };
    let file = files.iter().find(|file| is_data(&file.path) && file.text.contains("\"people\""));
    let refused = |message: &str| {
        Diagnostic::about(file.map_or("", |file| &file.path), message)
            .help("write `{\"portcullis\": {\"people\": {\"alias\": \"group name\", \"other\": [\"id\"]}}}`")
    };
    let wrong =
        || refused("`portcullis.people` must map each alias to a group's name or a list of ids");
    let json = serde_json::to_value(&people).map_err(|_| wrong())?;
    let aliases: BTreeMap<String, Alias> = serde_json::from_value(json).map_err(|_| wrong())?;
    let told: BTreeMap<String, Vec<String>> = aliases
        .into_iter()
        .map(|(name, alias)| match alias {
            Alias::Group(group) => (name, vec![group]),
            Alias::People(ids) => (name, ids),
        })
        .collect();
    if told.len() > MAX_PEOPLE || told.values().any(|ids| ids.len() > MAX_PEOPLE) {
        return Err(refused("`portcullis.people` holds more aliases or ids than 1,000"));
    }
    Ok(told)
}

//! Atlassian's OpenAPI documents: which operations there are, what they take, and whether a value is as a schema says.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::sync::OnceLock;

use portcullis::bitbucket::route::Route;
use portcullis::graph::Product;
use serde_json::Value;

use crate::spec::conformance::kind;

/// How deep a value is followed: schemas refer to themselves.
const DEPTH: usize = 12;

/// A folder of what is shared beside the project, looked for upwards; none on a machine that has only the project.
pub fn shared(folder: &str) -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found =
        here.ancestors().map(|above| above.join("shared").join(folder)).find(|path| path.is_dir());
    if found.is_none() {
        eprintln!("skipped: no folder `shared/{folder}` beside the project");
    }
    found
}

/// One product's document.
pub struct Document {
    product: Product,
    root: &'static Value,
}

/// One operation, with the parameters of its path.
pub struct Operation {
    operation: Value,
    shared: Value,
}

static CLOUD: OnceLock<Value> = OnceLock::new();
static SERVER: OnceLock<Value> = OnceLock::new();

impl Document {
    pub fn of(folder: &Path, product: Product) -> Self {
        let read = |name: &str| {
            serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
        };
        let root = match product {
            Product::Cloud => CLOUD.get_or_init(|| read("cloud.swagger.v3.json")),
            Product::DataCenter => SERVER.get_or_init(|| read("datacenter-10.4.swagger.v3.json")),
        };
        Self { product, root }
    }

    /// The operation of a route. Names of path parameters are the documents' own business.
    pub fn operation(&self, route: &Route) -> Option<Operation> {
        let below = match self.product {
            Product::Cloud => route.path.strip_prefix("2.0")?,
            Product::DataCenter => route.path.strip_prefix("rest")?,
        };
        let paths = self.root["paths"].as_object().unwrap();
        let same = |path: &&String| unnamed(path) == unnamed(below);
        let item = paths.keys().find(same).map(|path| &paths[path])?;
        let operation = item.get(route.method.to_lowercase())?.clone();
        Some(Operation { operation, shared: item["parameters"].clone() })
    }

    /// Names of the query parameters.
    pub fn parameters(&self, operation: &Operation) -> BTreeSet<String> {
        let own = operation.operation["parameters"].as_array().into_iter().flatten();
        let all = own.chain(operation.shared.as_array().into_iter().flatten());
        let all = all.map(|parameter| self.resolved(parameter));
        let query = all.filter(|parameter| parameter["in"] == "query");
        query.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned)).collect()
    }

    /// The schema of the body that is sent.
    pub fn body(&self, operation: &Operation) -> Option<Value> {
        content(self.resolved(&operation.operation["requestBody"]))
    }

    /// The schema of a good answer.
    pub fn answer(&self, operation: &Operation) -> Option<Value> {
        content(self.resolved(&operation.operation["responses"]["200"]))
    }

    fn resolved<'v>(&'v self, value: &'v Value) -> &'v Value {
        match value["$ref"].as_str() {
            Some(reference) => self.root.pointer(reference.trim_start_matches('#')).unwrap(),
            None => value,
        }
    }

    /// Where and how a value is not as its schema says: `/values/0/type: …`.
    pub fn faults(&self, schema: &Value, value: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        self.judge(schema, value, "", 0, &mut faults);
        faults
    }

    /// Fields of a value that its schema does not have, as `/values/*/name`.
    pub fn beyond(&self, schema: &Value, value: &Value) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        self.look_beyond(schema, value, "", 0, &mut found);
        found
    }

    fn look_beyond(
        &self,
        schema: &Value,
        value: &Value,
        at: &str,
        depth: usize,
        found: &mut BTreeSet<String>,
    ) {
        if depth > DEPTH {
            return;
        }
        let (mut fields, mut items) = (BTreeMap::new(), None);
        self.fields(schema, 0, &mut fields, &mut items);
        for (name, inner) in value.as_object().into_iter().flatten() {
            let at = format!("{at}/{name}");
            match fields.get(name) {
                Some(schema) => self.look_beyond(schema, inner, &at, depth + 1, found),
                // A schema without fields says nothing of them.
                None if fields.is_empty() => {}
                None => drop(found.insert(at)),
            }
        }
        for inner in value.as_array().into_iter().flatten() {
            if let Some(items) = &items {
                self.look_beyond(items, inner, &format!("{at}/*"), depth + 1, found);
            }
        }
    }

    /// The fields and items of a schema and of all that it is made of.
    fn fields(
        &self,
        schema: &Value,
        depth: usize,
        fields: &mut BTreeMap<String, Value>,
        items: &mut Option<Value>,
    ) {
        if depth > DEPTH {
            return;
        }
        let schema = self.resolved(schema);
        for part in ["allOf", "oneOf", "anyOf"] {
            for part in schema[part].as_array().into_iter().flatten() {
                self.fields(part, depth + 1, fields, items);
            }
        }
        for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
            fields.insert(name.clone(), inner.clone());
        }
        if let Some(inner) = schema.get("items") {
            *items = Some(inner.clone());
        }
    }

    fn judge(
        &self,
        schema: &Value,
        value: &Value,
        at: &str,
        depth: usize,
        faults: &mut Vec<String>,
    ) {
        if depth > DEPTH {
            return;
        }
        let schema = self.resolved(schema);
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.judge(part, value, at, depth + 1, faults);
        }
        for choice in ["oneOf", "anyOf"] {
            if let Some(parts) = schema[choice].as_array()
                && !parts.iter().any(|part| {
                    let mut found = Vec::new();
                    self.judge(part, value, at, depth + 1, &mut found);
                    found.is_empty()
                })
            {
                faults.push(format!("{at}: it is none of the {} forms", parts.len()));
            }
        }
        // Neither document marks what may be null, and both products send it for what is not there.
        if value.is_null() {
            return;
        }
        if let Some(wanted) = schema["type"].as_str() {
            let found = kind(value);
            let fits = wanted == found || (wanted == "number" && found == "integer");
            if !fits {
                faults.push(format!("{at}: it is {found} and not {wanted}"));
                return;
            }
        }
        if let Some(words) = schema["enum"].as_array()
            && !words.contains(value)
        {
            faults.push(format!("{at}: {value} is none of {words:?}"));
        }
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if value.is_object() && value.get(name).is_none() {
                faults.push(format!("{at}: `{name}` is missing"));
            }
        }
        for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(value) = value.get(name) {
                self.judge(inner, value, &format!("{at}/{name}"), depth + 1, faults);
            }
        }
        if let (Some(items), true) = (schema.get("items"), value.is_array()) {
            for value in value.as_array().into_iter().flatten() {
                self.judge(items, value, &format!("{at}/*"), depth + 1, faults);
            }
        }
    }
}

fn content(holder: &Value) -> Option<Value> {
    let kinds = holder["content"].as_object()?;
    kinds.values().next().map(|kind| kind["schema"].clone())
}

/// A path without the names of its parameters.
fn unnamed(path: &str) -> Vec<&str> {
    let parts = path.trim_matches('/').split('/');
    parts.map(|part| if part.starts_with('{') { "{}" } else { part }).collect()
}

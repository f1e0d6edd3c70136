//! Who and what a row names, by id: a column's, an earlier world's, or one made of the name.

use std::collections::HashMap;

use crate::bitbucket::datacenter::csv::quoted;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Product;
use crate::graph::World;
use crate::graph::attribute::Value;

/// Ids by what people call things, in small letters.
pub(super) struct Names {
    connection: ConnectionId,
    product: Product,
    /// Nothing where two things are called so: which one is meant would be a guess.
    known: HashMap<(Kind, String), Option<Id>>,
    /// Ids that had to be made of names.
    pub(super) made: usize,
}

impl Names {
    pub(super) fn new(connection: &ConnectionId, product: Product, world: Option<&World>) -> Self {
        let mut known = HashMap::new();
        for node in world.into_iter().flat_map(|world| &world.nodes) {
            let told = |attribute| match node.attributes.get(attribute) {
                Some(Value::Text(text)) => Some(text.to_lowercase()),
                Some(Value::Nothing | Value::Flag(_) | Value::Whole(_) | Value::List(_)) | None => {
                    None
                }
            };
            let name = match node.id.kind() {
                Kind::User => told("nickname"),
                Kind::Project => told("key"),
                Kind::Repository | Kind::Group | Kind::Workspace => {
                    node.name.as_ref().map(|name| name.to_lowercase())
                }
                Kind::App
                | Kind::Token
                | Kind::Key
                | Kind::Runner
                | Kind::Agent
                | Kind::Ref
                | Kind::Environment
                | Kind::Variable
                | Kind::Restriction
                | Kind::Hook
                | Kind::Credential => None,
            };
            if let Some(name) = name {
                let mine = Some(node.id.clone());
                let told = known.entry((node.id.kind(), name)).or_insert_with(|| mine.clone());
                *told = told.take().filter(|first| Some(first) == mine.as_ref());
            }
        }
        Self { connection: connection.clone(), product, known, made: 0 }
    }

    /// The id of what a row calls so; `native` is the file's own column of ids, if it has one.
    pub(super) fn id(&mut self, kind: Kind, name: &str, native: &str) -> Result<Id, String> {
        let key = (kind, name.to_lowercase());
        if native.is_empty()
            && let Some(Some(known)) = self.known.get(&key)
        {
            return Ok(known.clone());
        }
        // Data Center names groups, and nothing else, by their names.
        let native = match (native, kind, self.product) {
            ("", Kind::Group, Product::DataCenter) => key.1.clone(),
            ("", _, _) => {
                self.made += 1;
                format!("name:{}", key.1)
            }
            (native, _, _) => native.to_owned(),
        };
        let id = Id::new(&self.connection, kind, &native);
        let id = id.map_err(|_| format!("{} cannot be a name", quoted(name)))?;
        self.known.insert(key, Some(id.clone()));
        Ok(id)
    }
}

//! What a bundle can be asked about beside Bitbucket's own things: types of resources that only its rules know, and words
//! for what is done to them. Declared in `data.portcullis.authzen`, so that a question about anything else is answered
//! no, and so that a search knows what there is to look through.

use std::collections::BTreeMap;

use regorus::Value;
use serde::Deserialize;
use serde::Serialize;

use crate::policy::bundle::SourceFile;
use crate::policy::data;
use crate::policy::diagnostic::Diagnostic;

/// Most types that one bundle declares, and most actions of one type: a search of actions tries each.
pub const MAX_WORDS: usize = 100;

/// Most ids of one type: a search of resources goes through all of them.
pub const MAX_IDS: usize = 10_000;

/// Longest type, action or id, bytes: they stand in questions, records and answers.
pub const MAX_TEXT: usize = 1_100;

/// The types a bundle declares, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Vocabulary(BTreeMap<String, Noun>);

/// One type of resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Noun {
    /// What can be done to one.
    #[serde(default)]
    pub actions: Vec<String>,
    /// Those that a search looks through. Questions about others are answered too.
    #[serde(default)]
    pub ids: Vec<String>,
}

impl Vocabulary {
    /// What is declared of a type.
    pub fn noun(&self, name: &str) -> Option<&Noun> {
        self.0.get(name)
    }

    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn fits(&self) -> bool {
        let short = |text: &String| !text.is_empty() && text.len() <= MAX_TEXT;
        self.0.len() <= MAX_WORDS
            && self.0.iter().all(|(name, noun)| {
                short(name)
                    && noun.actions.len() <= MAX_WORDS
                    && noun.ids.len() <= MAX_IDS
                    && noun.actions.iter().chain(&noun.ids).all(short)
            })
    }
}

/// `data.portcullis.authzen`: type → its actions and ids, each once and in order.
pub(in crate::policy) fn read(
    files: &[SourceFile],
    data: &Value,
) -> Result<Vocabulary, Diagnostic> {
    let Some(declared) = data::below_portcullis(data, "authzen") else {
        return Ok(Vocabulary::default());
    };
    let file =
        files.iter().find(|file| data::is_data(&file.path) && file.text.contains("\"authzen\""));
    let refused = |message: String| {
        Diagnostic::about(file.map_or("", |file| &file.path), message).help(
            "write `{\"portcullis\": {\"authzen\": {\"record\": {\"actions\": [\"read\"], \"ids\": [\"record-1\"]}}}}`",
        )
    };
    let wrong =
        || refused("`portcullis.authzen` must map each type to its `actions` and `ids`".to_owned());
    let json = serde_json::to_value(&declared).map_err(|_| wrong())?;
    let mut told: Vocabulary = serde_json::from_value(json).map_err(|_| wrong())?;
    if !told.fits() {
        return Err(refused(format!(
            "`portcullis.authzen` takes {MAX_WORDS} types with {MAX_WORDS} actions and {MAX_IDS} ids each, of 1 to {MAX_TEXT} bytes"
        )));
    }
    for noun in told.0.values_mut() {
        for list in [&mut noun.actions, &mut noun.ids] {
            list.sort();
            list.dedup();
        }
    }
    Ok(told)
}

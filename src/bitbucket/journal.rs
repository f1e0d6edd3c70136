//! What a reading has read so far, so that one that is cut short goes on and asks nothing twice.
//!
//! Of each answer its gist is kept, by a hash of its address: see `gist`. Only whole answers
//! are: a list that broke half way, or was refused, is asked for again. Addresses of webhooks are cut to their hosts.

use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::Digest as _;
use sha2::Sha256;
use url::Url;

use crate::bitbucket::gist::gist;

/// What an answer is found by.
pub type Key = [u8; 32];

/// Answers of a reading.
#[derive(Default)]
pub struct Journal {
    kept: HashMap<Key, Vec<u8>>,
    fresh: Mutex<Vec<(Key, Vec<u8>)>>,
}

impl Journal {
    /// With what was read before it was cut short.
    pub fn of(kept: Vec<(Key, Vec<u8>)>) -> Self {
        Self { kept: kept.into_iter().collect(), fresh: Mutex::default() }
    }

    /// How many answers there were.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// What was answered since this was asked last.
    pub fn take(&self) -> Vec<(Key, Vec<u8>)> {
        std::mem::take(&mut self.fresh())
    }

    /// The answer to this question, if it was kept.
    pub(crate) fn recall<T: DeserializeOwned>(&self, url: &Url) -> Option<T> {
        serde_json::from_slice(self.kept.get(&key(url))?).ok()
    }

    /// Keeps what `T` reads of an answer.
    pub(crate) fn note<T: DeserializeOwned>(&self, url: &Url, answer: &Value) {
        let Ok((_, mut kept)) = gist::<T>(answer) else { return };
        cut(&mut kept);
        if let Ok(bytes) = serde_json::to_vec(&kept) {
            self.fresh().push((key(url), bytes));
        }
    }

    fn fresh(&self) -> MutexGuard<'_, Vec<(Key, Vec<u8>)>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(url: &Url) -> Key {
    Sha256::digest(url.as_str()).into()
}

/// What stands in an address beside the host may open a door.
fn cut(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(cut),
        Value::Object(members) => {
            for (name, member) in members {
                if let Value::String(text) = member {
                    if name == "url" {
                        *text = host(text);
                    }
                } else {
                    cut(member);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn host(text: &str) -> String {
    let url = Url::parse(text).ok();
    let host = url.as_ref().and_then(|url| Some((url.scheme(), url.host_str()?)));
    host.map(|(scheme, host)| format!("{scheme}://{host}/")).unwrap_or_default()
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Journal({} answers)", self.kept.len())
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Deserialize, Debug, PartialEq)]
    struct Hook {
        url: String,
    }

    #[test]
    fn an_answer_is_found_by_its_address_and_holds_no_more_of_a_webhooks_than_the_host() {
        let journal = Journal::default();
        let url: Url = "https://api.bitbucket.org/2.0/hooks?pagelen=100".parse().unwrap();
        let answer = json!([{"url": "https://ci.example.com/in?token=hush", "secret": "hush"}]);
        journal.note::<Vec<Hook>>(&url, &answer);
        let taken = journal.take();
        assert!(journal.take().is_empty());
        assert!(!String::from_utf8(taken[0].1.clone()).unwrap().contains("hush"));
        let again = Journal::of(taken);
        let hooks: Vec<Hook> = again.recall(&url).unwrap();
        assert_eq!(hooks, [Hook { url: "https://ci.example.com/".to_owned() }]);
        let other: Url = "https://api.bitbucket.org/2.0/hooks".parse().unwrap();
        assert_eq!(again.recall::<Vec<Hook>>(&other), None);
    }
}

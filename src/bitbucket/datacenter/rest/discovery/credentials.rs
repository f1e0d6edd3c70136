//! HTTP access tokens of people, projects and repositories, and people's SSH keys. No text of either is read.
//!
//! One may ask for one's own; for those of others one must administer the server, and Data Center may refuse even then:
//! after the first refusal nobody else's are asked for, and the server says that they are not known.

use futures_util::future::join_all;
use serde::Deserialize;

use crate::bitbucket::datacenter::rest::DataCenter;
use crate::bitbucket::datacenter::rest::discovery::AT_ONCE;
use crate::bitbucket::datacenter::rest::discovery::List;
use crate::bitbucket::datacenter::rest::discovery::PATIENCE;
use crate::bitbucket::datacenter::rest::discovery::grant;
use crate::bitbucket::datacenter::rest::discovery::settings::Moment;
use crate::bitbucket::datacenter::rest::discovery::settings::SshKey;
use crate::bitbucket::datacenter::rest::discovery::settings::instant;
use crate::bitbucket::datacenter::rest::discovery::settings::key_of;
use crate::bitbucket::datacenter::rest::discovery::unless_over;
use crate::bitbucket::scribe::Scribe;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Level;
use crate::graph::Relation;
use crate::graph::attribute::Value;
use crate::graph::world::Node;

/// A token, as its lists tell it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Token {
    id: String,
    name: Option<String>,
    created_date: Option<Moment>,
    /// Left out for one that was never used.
    last_authenticated: Option<Moment>,
    /// Left out for one without an end.
    expiry_date: Option<Moment>,
    #[serde(default)]
    permissions: Vec<String>,
}

/// Which lists of people were refused.
#[derive(Default)]
struct Refused {
    keys: bool,
    tokens: bool,
}

/// What is in one person's hands: read, or why not. None: it was not asked for.
type Hands = (Option<List<SshKey>>, Option<List<Token>>);

impl DataCenter {
    /// The keys and tokens of everybody.
    pub(super) async fn credentials(
        &self,
        scribe: &mut Scribe,
        top: &Id,
        people: &[(Id, String)],
    ) -> Result<(), FetchError> {
        let mut refused = Refused::default();
        for some in people.chunks(AT_ONCE) {
            let asked = some.iter().map(|(_, slug)| self.hands(slug, &refused));
            let told = join_all(asked).await;
            for ((person, _), told) in some.iter().zip(told) {
                let (keys, tokens) = told?;
                refused.keys |= refuses(keys.as_ref());
                refused.tokens |= refuses(tokens.as_ref());
                let keys = keys.map(|keys| listed(scribe, (top, person), keys));
                for key in keys.unwrap_or_default() {
                    if let Some(id) = key_of(scribe, &key, "SSH key") {
                        scribe.join(person, Relation::Holds, &id, "ssh/keys");
                    }
                }
                let tokens = tokens.map(|tokens| listed(scribe, (top, person), tokens));
                for token in tokens.unwrap_or_default() {
                    if let Some(id) = write_token(scribe, &token) {
                        scribe.join(person, Relation::Holds, &id, "access-tokens");
                        scribe.join(&id, Relation::ActsFor, person, "access-tokens");
                    }
                }
            }
        }
        Ok(())
    }

    async fn hands(&self, slug: &str, refused: &Refused) -> Result<Hands, FetchError> {
        let keys = if refused.keys {
            None
        } else {
            let what = "people's SSH keys";
            let mut call = self.crawl_call(&["rest", "ssh", "latest", "keys"], what)?;
            call.url.query_pairs_mut().append_pair("user", slug);
            Some(unless_over(self.list(call, Deadline::within(PATIENCE)).await)?)
        };
        let tokens = if refused.tokens {
            None
        } else {
            let what = "people's HTTP access tokens";
            let list = self.crawl_plugin("access-tokens", &["users", slug], what).await;
            Some(unless_over(list)?)
        };
        Ok((keys, tokens))
    }
}

/// A list of one person, or a gap: of all of them where Data Center refuses, of this one else.
fn listed<T>(scribe: &mut Scribe, (top, person): (&Id, &Id), list: List<T>) -> Vec<T> {
    if refuses(Some(&list)) {
        scribe.rows(top, "credentials", list)
    } else {
        scribe.rows(person, "holds", list)
    }
}

const fn refuses<T>(list: Option<&List<T>>) -> bool {
    matches!(list, Some(Err(FetchError::Refused { .. } | FetchError::Forbidden { .. })))
}

/// The tokens of a project or repository, and what they may do there.
pub(super) fn write_tokens(scribe: &mut Scribe, place: &Id, list: List<Token>) {
    for token in scribe.rows(place, "tokens", list) {
        let most =
            token.permissions.iter().filter_map(|word| grant(word)).max_by_key(|is| is.level());
        let Some(id) = write_token(scribe, &token) else { continue };
        if let Some(is) = most.filter(|is| is.level() > Level::None) {
            scribe.join(&id, is, place, "access-tokens");
        } else {
            let why = "Data Center names a token's permission that we cannot read".to_owned();
            scribe.gap(place, "tokens", why);
        }
    }
}

fn write_token(scribe: &mut Scribe, token: &Token) -> Option<Id> {
    let id = scribe.id(Kind::Token, &token.id)?;
    let name = token.name.as_deref().filter(|name| !name.is_empty());
    let mut node = Node::new(id.clone(), name.unwrap_or("HTTP access token"))
        .text("kind", "HTTP access token")
        .with("scopes", Value::List(token.permissions.clone()))
        .with("last_used_at", instant(token.last_authenticated.as_ref()))
        .with("expires_at", instant(token.expiry_date.as_ref()));
    if let Some(created) = token.created_date.as_ref().and_then(Moment::time) {
        node = node.text("created_at", &created.to_string());
    }
    scribe.node(node);
    Some(id)
}

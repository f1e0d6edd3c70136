//! Cloud's audit log: the events of the Atlassian organisation that a workspace belongs to, read with a key of the
//! organisation. It needs Atlassian Guard, and answers ten requests a minute.
//!
//! Source: "Organizations REST API", group Events. Its page documents the form of an event; the words of Bitbucket's deeds
//! and the ids of its things are only listed in words, so both are read leniently, and what is not recognised explains
//! nothing.

use std::fmt;

use serde::Deserialize;
use url::Url;

use crate::bitbucket::audit::AuditPage;
use crate::bitbucket::audit::AuditWindow;
use crate::bitbucket::audit::MAX_PARTIES;
use crate::bitbucket::audit::Read;
use crate::bitbucket::audit::deed;
use crate::bitbucket::audit::place;
use crate::bitbucket::audit::word;
use crate::bitbucket::budget::Share;
use crate::bitbucket::client::SettingsError;
use crate::bitbucket::client::Trust;
use crate::bitbucket::client::address;
use crate::bitbucket::client::below;
use crate::bitbucket::transport::Call;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::bitbucket::transport::Held;
use crate::bitbucket::transport::Transport;
use crate::graph::Kind;
use crate::graph::Time;
use crate::graph::audit::AuditLine;
use crate::graph::audit::Doer;
use crate::graph::audit::Party;
use crate::secret::Secret;

const WHAT: &str = "the organisation's audit log";

/// Where the API of organisations is.
const ADMIN_API: &str = "https://api.atlassian.com";

/// Events a page.
const PAGE_LENGTH: &str = "100";

/// The longest id of an event that is kept, bytes.
const MAX_ID_BYTES: usize = 120;

/// An organisation's log.
pub(crate) struct Organization {
    id: String,
    base: Url,
    transport: Transport,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    data: Vec<serde_json::Value>,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    next: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    id: String,
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    time: String,
    action: String,
    actor: Option<Actor>,
    #[serde(default)]
    context: Vec<Thing>,
    #[serde(default)]
    container: Vec<Thing>,
}

#[derive(Deserialize)]
struct Actor {
    id: Option<String>,
}

#[derive(Deserialize)]
struct Thing {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    attributes: Slug,
}

/// What groups are known by; nothing else of the attributes is read.
#[derive(Default, Deserialize)]
struct Slug {
    slug: Option<String>,
}

impl Organization {
    /// An organisation by its id and key; `test` is the base of a test server's API in place of Atlassian's.
    pub(crate) fn new(
        id: &str,
        token: &Secret<String>,
        test: Option<&Url>,
        trust: &Trust,
    ) -> Result<Self, SettingsError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if id.is_empty() || id.len() > 64 || !id.bytes().all(plain) {
            let shown = id.chars().take(80).flat_map(char::escape_debug).collect();
            return Err(SettingsError::Organization(shown));
        }
        let base = match test {
            Some(api) => {
                let mut base = api.clone();
                base.set_path("");
                base
            }
            None => address(ADMIN_API)?,
        };
        let way = (base.scheme() == "https", trust);
        // Its pace is kept by whoever asks: at most some pages, then a minute of rest.
        let transport = Transport::new(Held::bearer(token)?, way, None)?;
        Ok(Self { id: id.to_owned(), base, transport })
    }

    pub(crate) const fn transport(&self) -> &Transport {
        &self.transport
    }

    /// A page of a window. The window is said each time: the next page does not remember it.
    pub(crate) async fn page(
        &self,
        window: AuditWindow,
        page: Option<&str>,
        deadline: Deadline,
    ) -> Result<AuditPage, FetchError> {
        let path = ["admin", "v1", "orgs", &self.id, "events"];
        let (url, class) = (below(&self.base, &path)?, CallClass::Metadata);
        let mut call = Call { url, what: WHAT, class, share: Share::Live };
        let (from, to) = (window.from.millis().to_string(), window.to.millis().to_string());
        let asked =
            [("product", "bitbucket"), ("from", &from), ("to", &to), ("limit", PAGE_LENGTH)];
        let cursor = page.map(|page| ("cursor", page));
        call.url.query_pairs_mut().extend_pairs(asked.into_iter().chain(cursor));
        let told: Page = self.transport.get(&call, deadline).await?;
        let mut read = AuditPage::default();
        // A cursor after an empty page is for asking again later: this window is read.
        let any = !told.data.is_empty();
        for event in told.data {
            read.add(serde_json::from_value(event).map_or(Read::Unreadable, line_of));
        }
        let next = told.meta.and_then(|meta| meta.next);
        read.next = next.filter(|next| any && !next.is_empty() && Some(next.as_str()) != page);
        Ok(read)
    }
}

/// An event that stands on a line of a file.
pub(crate) fn line(text: &[u8]) -> Read {
    serde_json::from_slice(text).map_or(Read::Unreadable, line_of)
}

fn line_of(event: Event) -> Read {
    let Event { id, attributes } = event;
    let Ok(at) = attributes.time.parse::<Time>() else { return Read::Unreadable };
    if id.is_empty() || id.len() > MAX_ID_BYTES {
        return Read::Unreadable;
    }
    let action = &attributes.action;
    let Some(deed) = deed(action) else { return Read::Passed };
    let actor = attributes.actor.as_ref().and_then(|actor| actor.id.as_deref());
    let who = match actor.filter(|id| !id.is_empty()) {
        Some(id) => Doer::Party(Party::new(Kind::User, native(id))),
        None => Doer::Nobody,
    };
    Read::Line(Box::new(AuditLine {
        id,
        at,
        deed,
        action: word(action),
        who,
        about: about(&attributes),
        place: place(action).map(|kind| kind.as_str().to_owned()),
    }))
}

/// What is named, and where it is: the workspace only if nothing smaller is.
fn about(attributes: &Attributes) -> Vec<Party> {
    let all = attributes.context.iter().chain(&attributes.container);
    let mut about: Vec<Party> = all.filter_map(party).take(MAX_PARTIES).collect();
    let workspace = Kind::Workspace.as_str();
    let smaller = [Kind::Repository, Kind::Project, Kind::Group].map(Kind::as_str);
    if about.iter().any(|party| smaller.contains(&party.kind.as_str())) {
        about.retain(|party| party.kind != workspace);
    }
    about
}

fn party(thing: &Thing) -> Option<Party> {
    let kind = thing.kind.as_deref()?.to_ascii_lowercase();
    let of = |part: &str| kind.contains(part);
    let kind = match () {
        () if of("repositor") => Kind::Repository,
        () if of("project") => Kind::Project,
        () if of("workspace") => Kind::Workspace,
        () if of("group") => Kind::Group,
        () if of("user") || of("account") => Kind::User,
        () if of("hook") => Kind::Hook,
        () if of("variable") => Kind::Variable,
        () if of("runner") => Kind::Runner,
        () if of("restriction") => Kind::Restriction,
        () if of("key") => Kind::Key,
        () if of("token") => Kind::Token,
        () => return None,
    };
    // Cloud's groups are known by their slugs everywhere else.
    let slug = thing.attributes.slug.as_deref().filter(|_| kind == Kind::Group);
    let key = slug.or(thing.id.as_deref()).map(native).filter(|key| !key.is_empty())?;
    Some(Party::new(kind, key))
}

/// The native part of an id: what follows the last slash of an Atlassian resource identifier, without braces.
fn native(id: &str) -> &str {
    let own = id.rsplit('/').next().unwrap_or(id);
    own.trim_start_matches('{').trim_end_matches('}')
}

impl fmt::Debug for Organization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Organization({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_event_ids_and_the_deed_are_kept_and_nothing_else() {
        let event = r#"{"id":"ev-1","type":"events","attributes":{"time":"2026-11-21T18:05:00.123Z","action":"repository_member_added","actor":{"id":"557058:1","name":"Ada","email":"ada@acme.example","links":{"self":"x"}},"context":[{"id":"ari:cloud:bitbucket::repository/{AAAAAAAA-0000-4000-8000-000000000001}","type":"repository","attributes":{"name":"billing"}},{"id":"557058:2","type":"users"}],"container":[{"id":"{w}","type":"workspace"}],"location":{"ip":"10.1.2.3","city":"Bremen"}},"message":{"content":"Ada added Ben"}}"#;
        let Read::Line(line) = line(event.as_bytes()) else { panic!("{event}") };
        assert_eq!(line.who, Doer::Party(Party::new(Kind::User, "557058:1")));
        let kinds: Vec<&str> = line.about.iter().map(|party| party.kind.as_str()).collect();
        assert_eq!(kinds, ["repository", "user"]);
        let kept = serde_json::to_string(&line).unwrap();
        for left in ["Ada", "acme.example", "10.1.2.3", "Bremen", "billing"] {
            assert!(!kept.contains(left), "{kept}");
        }
    }

    #[test]
    fn an_organisation_has_a_plain_id() {
        let token = Secret::new("t".to_owned());
        for bad in ["", "../x", "a b"] {
            assert!(Organization::new(bad, &token, None, &Trust::default()).is_err(), "{bad}");
        }
    }
}

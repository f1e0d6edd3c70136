//! Data Center's audit log: the REST resource of the audit plugin, and the files of `<home>/log/audit`, which say the same
//! in another form.
//!
//! Source: "Audit log improvements for developers" (parameters and pages), "View and configure the audit log" (files).
//! Lines have no id of their own: it is made of what they say, so that a line read by REST and from a file is one line.

use serde::Deserialize;
use sha2::Digest as _;
use sha2::Sha256;

use crate::bitbucket::audit::AuditPage;
use crate::bitbucket::audit::AuditWindow;
use crate::bitbucket::audit::MAX_PARTIES;
use crate::bitbucket::audit::Read;
use crate::bitbucket::audit::deed;
use crate::bitbucket::audit::place;
use crate::bitbucket::audit::word;
use crate::bitbucket::datacenter::rest::DataCenter;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::graph::Kind;
use crate::graph::Time;
use crate::graph::audit::AuditLine;
use crate::graph::audit::Doer;
use crate::graph::audit::Party;

const WHAT: &str = "the audit log";

/// Lines a page: some 200 KiB of the 1 MiB that an answer may have.
const PAGE_LENGTH: &str = "200";

/// A page of the REST resource.
#[derive(Deserialize)]
struct Page {
    entities: Vec<serde_json::Value>,
    #[serde(rename = "pagingInfo")]
    paging: Paging,
}

#[derive(Deserialize)]
struct Paging {
    #[serde(rename = "lastPage")]
    last: bool,
    #[serde(rename = "nextPageCursor")]
    next: Option<String>,
}

/// One line: REST says `type` and a text, a file `auditType` and seconds.
#[derive(Deserialize)]
struct Entity {
    timestamp: Stamp,
    author: Option<Author>,
    #[serde(rename = "type", alias = "auditType")]
    kind: Type,
    #[serde(default, rename = "affectedObjects")]
    objects: Vec<Object>,
    #[serde(default, rename = "changedValues")]
    changed: Vec<Changed>,
    #[serde(default, rename = "extraAttributes")]
    extra: Vec<Extra>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Stamp {
    Text(String),
    Parts {
        #[serde(rename = "epochSecond")]
        seconds: i64,
        #[serde(default)]
        nano: i64,
    },
}

#[derive(Deserialize)]
struct Author {
    id: Option<String>,
}

#[derive(Deserialize)]
struct Type {
    /// The plugin's own word; `action` is the same in the server's language.
    #[serde(rename = "actionI18nKey")]
    key: Option<String>,
    action: Option<String>,
}

#[derive(Deserialize)]
struct Object {
    id: Option<String>,
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// Only to tell two lines apart.
#[derive(Deserialize)]
struct Changed {
    key: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

/// The same.
#[derive(Deserialize)]
struct Extra {
    name: Option<String>,
    value: Option<String>,
}

impl DataCenter {
    /// A page of a window, newest lines first; `page` as the page before named it.
    pub(crate) async fn audit_page(
        &self,
        window: AuditWindow,
        page: Option<&str>,
        deadline: Deadline,
    ) -> Result<AuditPage, FetchError> {
        let path = ["rest", "auditing", "1.0", "events"];
        let mut call = self.ask(&path, WHAT, CallClass::Metadata)?;
        let (from, to) = (window.from.to_string(), window.to.to_string());
        let asked = [("from", from.as_str()), ("to", &to), ("limit", PAGE_LENGTH)];
        let cursor = page.map(|page| ("pageCursor", page));
        call.url.query_pairs_mut().extend_pairs(asked.into_iter().chain(cursor));
        let told: Page = self.transport().get(&call, deadline).await?;
        let mut read = AuditPage::default();
        for entity in told.entities {
            read.add(
                serde_json::from_value(entity).map_or(Read::Unreadable, |entity| line_of(&entity)),
            );
        }
        read.next =
            told.paging.next.filter(|next| !told.paging.last && Some(next.as_str()) != page);
        if !told.paging.last && read.next.is_none() {
            let why = "it is not the last page and names no other one".to_owned();
            return Err(FetchError::Form { what: WHAT, why });
        }
        Ok(read)
    }
}

/// A line of a file.
pub(crate) fn line(text: &[u8]) -> Read {
    serde_json::from_slice(text).map_or(Read::Unreadable, |entity| line_of(&entity))
}

fn line_of(entity: &Entity) -> Read {
    let Some(at) = entity.timestamp.time() else { return Read::Unreadable };
    let Some(action) = entity.kind.key.as_ref().or(entity.kind.action.as_ref()) else {
        return Read::Unreadable;
    };
    let Some(deed) = deed(action) else { return Read::Passed };
    let who = entity.author.as_ref().and_then(|author| author.id.as_deref());
    Read::Line(Box::new(AuditLine {
        id: id(at, action, who, entity),
        at,
        deed,
        action: word(action),
        who: doer(who),
        about: entity.objects.iter().filter_map(party).take(MAX_PARTIES).collect(),
        place: place(action).map(|kind| kind.as_str().to_owned()),
    }))
}

impl Stamp {
    fn time(&self) -> Option<Time> {
        match self {
            Self::Text(text) => text.parse().ok(),
            Self::Parts { seconds, nano } => {
                let millis = seconds.checked_mul(1_000)?.checked_add(nano / 1_000_000)?;
                Some(Time::from_millis(millis))
            }
        }
    }
}

/// Ids below zero are the server's own: -1 the system, -2 somebody who is not signed in.
fn doer(id: Option<&str>) -> Doer {
    match id {
        Some("-1") => Doer::System,
        None | Some("-2" | "") => Doer::Nobody,
        Some(id) => Doer::Party(Party::new(Kind::User, id)),
    }
}

fn party(object: &Object) -> Option<Party> {
    let key = object.id.as_deref().filter(|id| !id.is_empty())?;
    let kind = match object.kind.as_deref()? {
        "USER" => Kind::User,
        "GROUP" => return Some(Party::new(Kind::Group, &key.to_lowercase())),
        "PROJECT" => Kind::Project,
        "REPOSITORY" => Kind::Repository,
        other if other.contains("HOOK") => Kind::Hook,
        other if other.contains("TOKEN") => Kind::Token,
        other if other.contains("KEY") => Kind::Key,
        other if other.contains("RESTRICTION") => Kind::Restriction,
        _ => return None,
    };
    Some(Party::new(kind, key))
}

/// What makes it this line: a hash of all it says that both forms have. Two deeds of one person to the same things within
/// a millisecond are one only if they set the same.
fn id(at: Time, action: &str, who: Option<&str>, entity: &Entity) -> String {
    let object = |object: &Object| {
        let Object { id, name, kind } = object;
        (kind.clone(), id.clone().or_else(|| name.clone()))
    };
    let mut objects: Vec<_> = entity.objects.iter().map(object).collect();
    let mut changed: Vec<_> = entity
        .changed
        .iter()
        .map(|one| (one.key.clone(), one.from.clone(), one.to.clone()))
        .collect();
    let mut extra: Vec<_> =
        entity.extra.iter().map(|one| (one.name.clone(), one.value.clone())).collect();
    objects.sort();
    changed.sort();
    extra.sort();
    let all = serde_json::json!([at.millis(), action, who, objects, changed, extra]);
    hex::encode(Sha256::digest(all.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY_REST: &str = r#"{"timestamp":"2021-11-27T17:38:16.687Z","author":{"name":"admin","type":"NORMAL","id":"2","uri":"http://bitbucket.internal:7990/users/admin","avatarUri":""},"type":{"categoryI18nKey":"bitbucket.service.audit.category.usersandgroups","category":"Users and groups","actionI18nKey":"bitbucket.service.user.audit.action.groupmembershipscreated.user","action":"User added to user group"},"affectedObjects":[{"name":"asdf","type":"GROUP","uri":"http://bitbucket.internal:7990/admin/groups/view?name=asdf","id":"asdf"},{"name":"test","type":"USER","id":"3"}],"changedValues":[],"source":"10.50.73.5","system":"http://bitbucket.internal:7990","node":"8767044c-1b98-4d64-82db-ef29af8c3792","method":"Browser","extraAttributes":[{"nameI18nKey":"bitbucket.audit.attribute.legacy.target","name":"target","value":"asdf"},{"nameI18nKey":"bitbucket.audit.attribute.legacy.details","name":"details","value":"{}"}]}"#;

    const IN_A_FILE: &str = r#"{"affectedObjects":[{"id":"asdf","name":"asdf","type":"GROUP"},{"id":"3","name":"test","type":"USER"}],"auditType":{"action":"User added to user group","actionI18nKey":"bitbucket.service.user.audit.action.groupmembershipscreated.user","area":"USER_MANAGEMENT","category":"Users and groups","categoryI18nKey":"bitbucket.service.audit.category.usersandgroups","level":"BASE"},"author":{"id":"2","name":"admin","type":"NORMAL"},"changedValues":[],"extraAttributes":[{"name":"details","nameI18nKey":"bitbucket.audit.attribute.legacy.details","value":"{}"},{"name":"target","nameI18nKey":"bitbucket.audit.attribute.legacy.target","value":"asdf"}],"method":"Browser","node":"8767044c-1b98-4d64-82db-ef29af8c3792","source":"10.100.100.2","system":"http://bitbucket.internal:7990","timestamp":{"epochSecond":1638034696,"nano":687000000},"version":"1.0"}"#;

    fn read(text: &str) -> AuditLine {
        match line(text.as_bytes()) {
            Read::Line(line) => *line,
            Read::Passed | Read::Unreadable => panic!("{text}"),
        }
    }

    #[test]
    fn both_forms_of_a_line_are_the_same_line() {
        let (rest, file) = (read(BY_REST), read(IN_A_FILE));
        assert_eq!(rest, file);
        assert_eq!(rest.who, Doer::Party(Party::new(Kind::User, "2")));
        assert_eq!(rest.about, [Party::new(Kind::Group, "asdf"), Party::new(Kind::User, "3")]);
        let kept = serde_json::to_string(&rest).unwrap();
        for left in ["10.50.73.5", "admin", "Browser", "internal"] {
            assert!(!kept.contains(left), "{kept}");
        }
    }

    #[test]
    fn another_second_another_doer_or_another_value_is_another_line() {
        let same = read(IN_A_FILE).id;
        for (from, to) in [
            ("1638034696", "1638034697"),
            ("\"id\":\"2\"", "\"id\":\"4\""),
            ("\"value\":\"asdf\"", "\"value\":\"asdg\""),
        ] {
            assert_ne!(read(&IN_A_FILE.replace(from, to)).id, same, "{to}");
        }
    }

    #[test]
    fn what_is_no_line_is_unreadable_and_what_concerns_nobody_is_passed() {
        assert!(matches!(line(b"{}"), Read::Unreadable));
        assert!(matches!(line(b"[1"), Read::Unreadable));
        let search = IN_A_FILE.replace("groupmembershipscreated.user", "authenticationsuccess");
        assert!(matches!(line(search.as_bytes()), Read::Passed));
    }
}

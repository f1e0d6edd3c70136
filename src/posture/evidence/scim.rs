//! Joiners and leavers as users of SCIM (RFC 7643): a list response, or the users alone. Whoever is `active: false` has
//! left. SCIM has no day for it; identity systems keep one in extensions of their own, which are read by usual names.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::graph::Time;
use crate::posture::evidence::directory::person;
use crate::posture::evidence::moment;
use crate::posture::evidence::once::Once;
use crate::posture::evidence::people::Dates;
use crate::posture::evidence::piece::Comer;
use crate::posture::evidence::piece::Content;
use crate::posture::evidence::read::MAX_ROWS;
use crate::posture::evidence::read::Reading;
use crate::posture::evidence::refused::Refused;
use crate::posture::evidence::refused::quoted;

/// Names of the last day, in the user or in an extension of him.
const LAST_DAY: [&str; 5] = ["endDate", "terminationDate", "leaveDate", "leftAt", "left"];

/// Names of the first day.
const FIRST_DAY: [&str; 4] = ["startDate", "hireDate", "joinedAt", "joined"];

/// What SCIM's extensions begin with.
const EXTENSION: &str = "urn:";

/// A page of users.
#[derive(Deserialize)]
struct ListResponse<'j> {
    #[serde(rename = "totalResults")]
    total: Option<u64>,
    #[serde(rename = "Resources", borrow)]
    resources: Vec<&'j RawValue>,
}

/// A user, as far as he is read.
#[derive(Deserialize)]
struct User {
    #[serde(default)]
    id: Option<String>,
    #[serde(default, rename = "userName")]
    user_name: Option<String>,
    #[serde(default, rename = "displayName")]
    display_name: Option<String>,
    #[serde(default)]
    name: Option<Name>,
    #[serde(default)]
    emails: Vec<Email>,
    #[serde(default)]
    active: Option<bool>,
    #[serde(flatten)]
    others: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Name {
    #[serde(default)]
    formatted: Option<String>,
    #[serde(default, rename = "givenName")]
    given: Option<String>,
    #[serde(default, rename = "familyName")]
    family: Option<String>,
}

#[derive(Deserialize)]
struct Email {
    value: String,
    #[serde(default)]
    primary: bool,
}

/// Reads them.
pub(super) fn read(bytes: &[u8], as_of: Time) -> Result<Reading, Refused> {
    let text = std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    let text = text.map_err(|_| Refused::File("the file is not UTF-8 text".to_owned()))?;
    let users = users(text)?;
    if users.is_empty() {
        return Err(Refused::File("no user: a list that names nobody says nothing".to_owned()));
    }
    let (mut comers, mut once) = (Vec::new(), Once::default());
    for (row, user) in (1..).zip(users) {
        let refuse = |why: String| Refused::Row { row, why };
        let user: User = serde_json::from_str(user.get())
            .map_err(|error| refuse(format!("it is no user: {}", without_place(&error))))?;
        let (comer, says) = comer(row, user, as_of).map_err(refuse)?;
        if once.is_new(&comer.who, says).map_err(refuse)? {
            comers.push(comer);
        }
    }
    Ok(Reading { content: Content::People(comers), ignored: Vec::new() })
}

fn users(text: &str) -> Result<Vec<&RawValue>, Refused> {
    let broken = |error: serde_json::Error| Refused::Line {
        line: error.line() as u64,
        why: format!("the JSON breaks there: {}", without_place(&error)),
    };
    let users = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map_err(broken)?
    } else {
        let list: ListResponse<'_> = serde_json::from_str(text).map_err(broken)?;
        let (here, total) = (list.resources.len() as u64, list.total);
        if let Some(total) = total.filter(|total| *total != here) {
            let why = format!(
                "`totalResults` says {total} users and {here} are here: bring all pages as one list"
            );
            return Err(Refused::Row { row: here, why });
        }
        list.resources
    };
    if users.len() > MAX_ROWS {
        let why = format!("the file has more than {MAX_ROWS} users: bring it in parts");
        return Err(Refused::Row { row: MAX_ROWS as u64 + 1, why });
    }
    Ok(users)
}

/// What the parser says, without a place that counts from the beginning of one user.
fn without_place(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let end = said.find(" at line ").unwrap_or(said.len());
    said.get(..end).unwrap_or(&said).chars().take(200).collect()
}

fn comer(row: u64, user: User, as_of: Time) -> Result<(Comer, String), String> {
    let dates =
        Dates { joined: date(&user.others, &FIRST_DAY)?, left: date(&user.others, &LAST_DAY)? };
    if user.active.is_none() && dates.left.is_none() && dates.joined.is_none() {
        return Err("it says neither `active` nor a day".to_owned());
    }
    let left = dates.judged(user.active, as_of)?;
    let primary = user.emails.iter().find(|email| email.primary).or(user.emails.first());
    // Many systems have the address as the user's name.
    let login = user.user_name.filter(|name| name.contains('@'));
    let email = primary.map(|email| email.value.clone()).or(login);
    let name = user.display_name.or_else(|| user.name.and_then(Name::whole));
    let who = person(row, (user.id, email, name))?;
    let says = format!("{:?} {left:?}", dates.joined);
    Ok((Comer { who, joined: dates.joined, left }, says))
}

impl Name {
    fn whole(self) -> Option<String> {
        self.formatted.or_else(|| Some(format!("{} {}", self.given?, self.family?)))
    }
}

/// A day of this name, in the user or in one of his extensions.
fn date(
    members: &BTreeMap<String, serde_json::Value>,
    names: &[&str],
) -> Result<Option<Time>, String> {
    let own = names.iter().filter_map(|name| members.get(*name));
    let extensions = members.iter().filter(|(name, _)| name.starts_with(EXTENSION));
    let extended = extensions.flat_map(|(_, more)| names.iter().filter_map(|name| more.get(*name)));
    let mut told = own.chain(extended).filter(|value| !value.is_null());
    let Some(value) = told.next() else { return Ok(None) };
    let text = value.as_str().unwrap_or_default();
    let wrong = || format!("{} is no date: {}", quoted(&value.to_string()), moment::WANTED);
    moment::time(text).map(Some).ok_or_else(wrong)
}

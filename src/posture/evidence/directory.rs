//! A user directory: who has a second factor, and when he was last signed in.
//!
//! Bitbucket Cloud exports it (workspace settings, User directory, Export) with the columns `Public Name`, `Email
//! Address`, `Last Login (UTC)`, `Has 2SV` and `On Plan`; whoever is inactive has `(INACTIVE)` after his name. Source:
//! Atlassian's "Exporting user list from your workspace". The exports of an organisation's accounts (`Name`, `Email`,
//! `Atlassian ID`, `Last active`, `Two-step verification`) and users (`User id`, `User name`, `email`, `Last seen in
//! Bitbucket - …`) are read by the same names.

use crate::graph::Time;
use crate::posture::evidence::moment;
use crate::posture::evidence::once::Once;
use crate::posture::evidence::piece::Content;
use crate::posture::evidence::piece::Login;
use crate::posture::evidence::piece::Member;
use crate::posture::evidence::piece::Named;
use crate::posture::evidence::read::Asked;
use crate::posture::evidence::read::Reading;
use crate::posture::evidence::refused::Refused;
use crate::posture::evidence::refused::quoted;
use crate::posture::evidence::sheet::Column;
use crate::posture::evidence::sheet::Row;
use crate::posture::evidence::sheet::Sheet;
use crate::posture::evidence::sheet::Word;
use crate::posture::evidence::sheet::plain;

/// Who somebody is, in every list of people.
pub(super) const ID: Column = Column {
    means: "id",
    names: &["atlassian id", "account id", "atlassian account id", "user id", "id"],
};
pub(super) const EMAIL: Column = Column {
    means: "email",
    names: &["email address", "e mail address", "email", "e mail", "mail", "user email"],
};
pub(super) const NAME: Column = Column {
    means: "name",
    names: &["public name", "display name", "full name", "user name", "name"],
};

const COLUMNS: &[Column] = &[
    ID,
    EMAIL,
    NAME,
    Column {
        means: "second factor",
        names: &[
            "has 2sv",
            "two step verification",
            "two step verification enabled",
            "2sv",
            "2fa",
            "mfa",
            "has second factor",
            "second factor",
        ],
    },
    Column {
        means: "last login",
        names: &[
            "last login utc",
            "last login",
            "last active date utc",
            "last active",
            "last seen in bitbucket…",
            "last authenticated",
        ],
    },
];

const WORDS: &[Word] = &[
    Word { means: "yes", names: &["yes", "true", "1", "enabled", "on"] },
    Word { means: "no", names: &["no", "false", "0", "disabled", "off"] },
    Word { means: "never", names: &["never", "never accessed", "never logged in"] },
];

/// What stands after the name of somebody inactive.
const INACTIVE: &str = "(INACTIVE)";

/// The longest name, address or id of a person that is kept, bytes.
const MAX_NAMED: usize = 320;

/// Reads one.
pub(super) fn read(bytes: &[u8], asked: Asked<'_>) -> Result<Reading, Refused> {
    let mut sheet = Sheet::open(bytes, asked.map, (COLUMNS, WORDS))?;
    sheet.needs(&["name", "email", "id"], "who it is")?;
    sheet.needs(&["second factor", "last login"], "second factors or last logins")?;
    let (mut members, mut once) = (Vec::new(), Once::default());
    sheet.each(|row| {
        let who = named(row)?;
        let second_factor = match row.word("second factor")? {
            Some("yes") => Some(true),
            Some("no") => Some(false),
            Some(other) => return Err(format!("`{other}` in `second factor` is no yes or no")),
            None => None,
        };
        let last_login = login(row, asked.as_of)?;
        let says = format!("{second_factor:?} {last_login:?}");
        if once.is_new(&who, says)? {
            members.push(Member { who, second_factor, last_login });
        }
        Ok(())
    })?;
    Ok(Reading { content: Content::Directory(members), ignored: sheet.ignored })
}

/// Who a row is about.
pub(super) fn named(row: &Row<'_>) -> Result<Named, String> {
    let name = row.text("name").map(|name| {
        let name = name.strip_suffix(INACTIVE).unwrap_or(&name);
        name.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    person(row.number, (row.text("id"), row.text("email"), name))
}

/// Somebody of whom a row tells id, e-mail address and name.
pub(super) fn person(
    row: u64,
    (id, email, name): (Option<String>, Option<String>, Option<String>),
) -> Result<Named, String> {
    let tidy = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let (id, email, name) = (tidy(id), tidy(email), tidy(name));
    for text in [&id, &email, &name].into_iter().flatten() {
        if text.len() > MAX_NAMED || text.chars().any(char::is_control) {
            let why = format!("{} is longer than {MAX_NAMED} bytes or holds", quoted(text));
            return Err(format!("{why} a control character: it names nobody"));
        }
    }
    if let Some(odd) = email.as_ref().filter(|email| !is_address(email)) {
        return Err(format!("{} is no e-mail address", quoted(odd)));
    }
    if id.is_none() && email.is_none() && name.is_none() {
        return Err("it names nobody: no id, e-mail address or name".to_owned());
    }
    Ok(Named { row, id, email: email.map(|email| email.to_lowercase()), name })
}

fn is_address(text: &str) -> bool {
    let sides = text.split_once('@');
    sides.is_some_and(|(who, at)| {
        !who.is_empty()
            && !at.is_empty()
            && !at.contains('@')
            && !text.contains(char::is_whitespace)
    })
}

fn login(row: &Row<'_>, as_of: Time) -> Result<Login, String> {
    let cell = row.cell("last login");
    if cell.is_empty() {
        return Ok(Login::Untold);
    }
    let Some(time) = moment::time(cell) else {
        // A word that is mapped, or known.
        let why = || format!("{} in `last login` is no time: {}", quoted(cell), moment::WANTED);
        let is_time_like = plain(cell).chars().any(|letter| letter.is_ascii_digit());
        let word = if is_time_like { None } else { row.word("last login").ok().flatten() };
        return if word == Some("never") { Ok(Login::Never) } else { Err(why()) };
    };
    if time > as_of {
        return Err(format!(
            "the last login {} is after {as_of}, when the list was true",
            quoted(cell)
        ));
    }
    Ok(Login::At(time))
}

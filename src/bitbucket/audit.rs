//! Audit logs of both products: a page at a time, each line in our words.
//!
//! Both logs are read backwards, from a window's end to its beginning, by the page that the answer names. Sign-ins,
//! searches, pull requests and whatever else the gate has nothing to do with are counted and let go while they are read;
//! addresses of networks, browsers and values that were set are not even decoded.

use std::path::PathBuf;

use crate::bitbucket::cloud::audit as cloud;
use crate::bitbucket::datacenter::audit as datacenter;
use crate::graph::Kind;
use crate::graph::Product;
use crate::graph::Time;
use crate::graph::audit::AuditLine;
use crate::graph::audit::Deed;
use crate::secret::Secret;

/// The longest word for a deed that is kept, bytes.
const MAX_ACTION_BYTES: usize = 200;

/// The longest line of a file, bytes: a line of Data Center has some 1,000.
pub const MAX_LINE_BYTES: usize = 64 << 10;

/// The largest file that is taken at once, bytes: some 8,000 lines.
pub const MAX_FILE_BYTES: usize = 8 << 20;

/// Things that one line names at most: the rest of it is not looked at.
pub(crate) const MAX_PARTIES: usize = 50;

/// Where a connection's audit log is read.
#[derive(Debug)]
pub enum AuditSource {
    /// Cloud: the events of the Atlassian organisation that the workspace belongs to, by a key of their own.
    Organization {
        /// Id of the organisation.
        organization: String,
        /// An API key of the organisation with `read:events:admin`.
        token: Secret<String>,
    },
    /// Data Center: REST, by the connection's own credential.
    Rest,
    /// Data Center: a folder with the files of every node, `<home>/log/audit`.
    Folder(PathBuf),
}

/// Where it is read, without anything secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditKind {
    /// By pages of an API; the word for it.
    Pages(&'static str),
    /// From the files of a folder.
    Folder(PathBuf),
}

/// A stretch of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditWindow {
    /// Lines from then on.
    pub from: Time,
    /// And up to then.
    pub to: Time,
}

/// What was read of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// Lines the gate has to do with.
    pub lines: Vec<AuditLine>,
    /// How many others there were.
    pub passed: u64,
    /// How many were not what the product documents.
    pub unreadable: u64,
    /// The page that comes next; none: the window is read.
    pub next: Option<String>,
}

impl AuditPage {
    /// Takes one line in.
    pub(crate) fn add(&mut self, read: Read) {
        match read {
            Read::Line(line) => self.lines.push(*line),
            Read::Passed => self.passed += 1,
            Read::Unreadable => self.unreadable += 1,
        }
    }

    /// How many lines there were.
    pub const fn total(&self) -> u64 {
        self.lines.len() as u64 + self.passed + self.unreadable
    }
}

/// What a line is to the gate.
pub(crate) enum Read {
    Line(Box<AuditLine>),
    Passed,
    Unreadable,
}

/// Reads JSON lines: a file of Data Center's log, or events of an organisation, one a line as its API gives them. Empty
/// lines are nothing.
pub fn lines_of(product: Product, text: &[u8]) -> AuditPage {
    let mut page = AuditPage::default();
    for line in text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
        if line.is_empty() {
            continue;
        }
        if line.len() > MAX_LINE_BYTES {
            page.add(Read::Unreadable);
            continue;
        }
        page.add(match product {
            Product::Cloud => cloud::line(line),
            Product::DataCenter => datacenter::line(line),
        });
    }
    page
}

/// Beginnings of words, and what they say a deed is about; the first that stands in it decides. Neither product documents
/// all its words, so they are told by what they are made of.
const DEEDS: &[(&str, Option<Deed>)] = &[
    ("webhook", Some(Deed::Hook)),
    ("variable", Some(Deed::Variable)),
    ("runner", Some(Deed::Runner)),
    ("accesstoken", Some(Deed::Credential)),
    ("apitoken", Some(Deed::Credential)),
    ("apikey", Some(Deed::Credential)),
    ("apppassword", Some(Deed::Credential)),
    ("sshkey", Some(Deed::Credential)),
    ("accesskey", Some(Deed::Credential)),
    ("deploykey", Some(Deed::Credential)),
    ("gpg", Some(Deed::Credential)),
    ("consumer", Some(Deed::Credential)),
    ("credential", Some(Deed::Credential)),
    ("restriction", Some(Deed::Restriction)),
    ("branchpermission", Some(Deed::Restriction)),
    ("mergecheck", Some(Deed::Restriction)),
    ("mergestrateg", Some(Deed::Restriction)),
    ("branchingmodel", Some(Deed::Restriction)),
    ("branchmodel", Some(Deed::Restriction)),
    ("requiredbuild", Some(Deed::Restriction)),
    ("pullrequestsetting", Some(Deed::Restriction)),
    ("defaultreviewer", Some(Deed::Restriction)),
    ("repositoryhook", Some(Deed::Restriction)),
    ("plugin", Some(Deed::App)),
    ("addon", Some(Deed::App)),
    ("integration", Some(Deed::App)),
    ("applink", Some(Deed::App)),
    ("applicationlink", Some(Deed::App)),
    ("appinstalled", Some(Deed::App)),
    ("appuninstalled", Some(Deed::App)),
    ("appenabled", Some(Deed::App)),
    ("appdisabled", Some(Deed::App)),
    ("2sv", Some(Deed::Setting)),
    ("twostep", Some(Deed::Setting)),
    ("allowlist", Some(Deed::Setting)),
    ("privacy", Some(Deed::Setting)),
    ("saml", Some(Deed::Setting)),
    ("singlesignon", Some(Deed::Setting)),
    ("auditconfig", Some(Deed::Setting)),
    ("publicaccess", Some(Deed::Setting)),
    ("ratelimit", Some(Deed::Setting)),
    ("permission", Some(Deed::Permission)),
    ("member", Some(Deed::Permission)),
    ("group", Some(Deed::Permission)),
    ("invit", Some(Deed::Permission)),
    ("user", Some(Deed::Permission)),
    ("pullrequest", None),
    ("project", Some(Deed::Project)),
    ("repository", Some(Deed::Repository)),
    ("workspace", Some(Deed::Setting)),
];

/// Words of deeds that were only asked for, or changed nothing.
const NO_DEED: &[&str] = &[
    "requested",
    "accessed",
    "viewed",
    "search",
    "authentication",
    "login",
    "logout",
    "loggedin",
    "loggedout",
    "exported",
];

/// What kind of deed a product's word tells; none: nothing the gate has to do with.
pub(crate) fn deed(action: &str) -> Option<Deed> {
    let word = plain(action);
    if NO_DEED.iter().any(|part| word.contains(part)) {
        return None;
    }
    DEEDS.iter().find(|(part, _)| word.contains(part)).and_then(|(_, deed)| *deed)
}

/// On what kind of place a grant is, where the word tells.
pub(crate) fn place(action: &str) -> Option<Kind> {
    let word = plain(action);
    let of = |part: &str| word.contains(part);
    match () {
        () if of("global") => Some(Kind::Workspace),
        () if of("groupmember") || of("togroup") || of("fromgroup") => Some(Kind::Group),
        () if of("repository") => Some(Kind::Repository),
        () if of("project") => Some(Kind::Project),
        () => None,
    }
}

/// A product's word without what it begins with and without its marks: `…audit.action.groupcreated` is `groupcreated`.
fn plain(action: &str) -> String {
    let own = action.rsplit_once(".action.").map_or(action, |(_, own)| own);
    own.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// A product's word as it is kept: cut, and nothing but what words of programs are made of.
pub(crate) fn word(action: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-:".contains(c) { c } else { '_' };
    action.chars().take(MAX_ACTION_BYTES).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeds_are_told_by_the_products_own_words() {
        let told =
            |action: &str, wanted: Option<Deed>| assert_eq!(deed(action), wanted, "{action}");
        let dc = |own: &str| format!("bitbucket.service.user.audit.action.{own}");
        told(&dc("repositorypermissiongranted"), Some(Deed::Permission));
        told(&dc("repositorypermissiongrantrequested"), None);
        told(&dc("projectpermissionrevoked"), Some(Deed::Permission));
        told(&dc("groupmembershipscreated.user"), Some(Deed::Permission));
        told(&dc("authenticationsuccess"), None);
        told(
            "bitbucket.access.tokens.audit.action.accesstokencreated.personal",
            Some(Deed::Credential),
        );
        told("bitbucket.ssh.audit.action.sshaccesskeygranted.repository", Some(Deed::Credential));
        told("bitbucket.plugins.gpg.audit.action.gpgevent.created", Some(Deed::Credential));
        told("atlassian.audit.event.action.audit.config.updated", Some(Deed::Setting));
        told("atlassian.audit.event.action.audit.search", None);
        told("bitbucket.service.repository.audit.action.repositoryaccessed", None);
        told("bitbucket.service.repository.audit.action.repositorydeleted", Some(Deed::Repository));
        told("bitbucket.service.project.audit.action.projectmodified", Some(Deed::Project));
        told("repository_group_permission_added", Some(Deed::Permission));
        told("repository_webhook_created", Some(Deed::Hook));
        told("workspace_2sv_requirement_disabled", Some(Deed::Setting));
        told("repository_pullrequest_opened", None);
        told("app_installed", Some(Deed::App));
        told("something_new", None);
        assert_eq!(place(&dc("globalpermissiongranted")), Some(Kind::Workspace));
        assert_eq!(place(&dc("groupmembershipdeleted")), Some(Kind::Group));
    }
}

//! Who is calling Data Center, and what they reach. It says 401 both to bad credentials and to people who are known
//! but not allowed, and 404 for what is hidden.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use crate::simulator::answer::Answer;
use crate::simulator::answer::Request;
use crate::simulator::answer::dc_error;
use crate::simulator::datacenter::DataCenter;
use crate::simulator::datacenter::DcCredential;
use crate::simulator::datacenter::DcLevel;
use crate::simulator::datacenter::DcProject;
use crate::simulator::datacenter::DcRepository;
use crate::simulator::datacenter::GlobalLevel;
use crate::simulator::datacenter::ProjectPermission;
use crate::simulator::datacenter::RepoPermission;
use crate::simulator::datacenter_oauth::Reach;
use crate::simulator::datacenter_oauth::reach;
use crate::simulator::oracle;

/// A caller; without a name an anonymous one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    pub(crate) name: Option<String>,
    /// The most an HTTP token reaches.
    token: Option<(ProjectPermission, RepoPermission)>,
    /// The most an incoming link's token reaches.
    link: Option<Reach>,
}

/// The caller of a request. A credential that is not good is 401, never anonymous.
pub(crate) fn caller(dc: &DataCenter, request: &Request, now: Timestamp) -> Result<Caller, Answer> {
    let Some(header) = request.authorization.as_deref() else { return Ok(Caller::default()) };
    let bad = || {
        let message = "Authentication failed. Please check your credentials and try again.";
        dc_error(401, None, message, "auth.IncorrectPasswordAuthenticationException")
    };
    let (scheme, secret) = header.split_once(' ').ok_or_else(bad)?;
    let found = if scheme.eq_ignore_ascii_case("bearer") {
        let is_token = |known: &DcCredential| known.token.is_some() || known.link.is_some();
        dc.credentials.iter().find(|known| is_token(known) && known.secret == secret)
    } else if scheme.eq_ignore_ascii_case("basic") {
        let pair =
            STANDARD.decode(secret.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        pair.as_deref().and_then(|pair| pair.split_once(':')).and_then(|(name, secret)| {
            let mut known = dc.credentials.iter();
            known.find(|known| known.link.is_none() && known.user == name && known.secret == secret)
        })
    } else {
        None
    };
    // A token loses its power the moment its owner does.
    let usable = |user: &str| oracle::dc_global(dc, user).is_some();
    let good = |known: &&DcCredential| known.expires.is_none_or(|end| now < end);
    let found = found.filter(|known| usable(&known.user)).filter(good).ok_or_else(bad)?;
    let link = found.link.as_ref().map(|(_, scopes)| reach(scopes));
    Ok(Caller { name: Some(found.user.clone()), token: found.token, link })
}

fn not_allowed() -> Answer {
    let message = "You are not permitted to access this resource";
    dc_error(401, None, message, "AuthorisationException")
}

fn hidden(what: &str) -> Answer {
    dc_error(404, None, &format!("{what} does not exist."), "NoSuchResourceException")
}

impl Caller {
    /// Any caller who logged in.
    pub(crate) fn known(&self) -> Result<&str, Answer> {
        self.name.as_deref().ok_or_else(not_allowed)
    }

    /// A caller with a global permission. HTTP tokens never reach the administrators' endpoints.
    pub(crate) fn global(&self, dc: &DataCenter, needed: GlobalLevel) -> Result<(), Answer> {
        let name = self.known()?;
        let held = oracle::dc_global(dc, name).filter(|&held| held >= needed);
        let token_stops = self.token.is_some() && needed >= GlobalLevel::Admin;
        let link_stops = self.link.is_some_and(|most| most.global < needed);
        held.filter(|_| !token_stops && !link_stops).map(|_| ()).ok_or_else(not_allowed)
    }

    /// Level on a repository, as far as the token reaches.
    pub(crate) fn level(&self, dc: &DataCenter, repository: &DcRepository) -> DcLevel {
        let Some(name) = self.name.as_deref() else {
            let public = repository.public
                || dc.project(&repository.project).is_some_and(|home| home.public);
            return if dc.public_access && public { DcLevel::Read } else { DcLevel::None };
        };
        let cap = self.token.map_or(DcLevel::Admin, |(_, most)| match most {
            RepoPermission::Read => DcLevel::Read,
            RepoPermission::Write => DcLevel::Write,
            RepoPermission::Admin => DcLevel::Admin,
        });
        let most = self.link.map_or(DcLevel::Admin, |most| match most.repository {
            None => DcLevel::None,
            Some(RepoPermission::Read) => DcLevel::Read,
            Some(RepoPermission::Write) => DcLevel::Write,
            Some(RepoPermission::Admin) => DcLevel::Admin,
        });
        oracle::dc_effective(dc, repository, name).min(cap).min(most)
    }

    /// Whether the caller sees a project at all.
    pub(crate) fn sees(&self, dc: &DataCenter, key: &str) -> bool {
        match self.name.as_deref() {
            Some(name) => oracle::dc_sees_project(dc, key, name),
            None => dc.public_access && dc.project(key).is_some_and(|project| project.public),
        }
    }

    /// A repository the caller reaches at this level: hidden 404, too low 401.
    pub(crate) fn repository<'a>(
        &self,
        dc: &'a DataCenter,
        (key, slug): (&str, &str),
        needed: DcLevel,
    ) -> Result<&'a DcRepository, Answer> {
        let missing = || hidden(&format!("Repository {key}/{slug}"));
        let found = dc.repository(&format!("{key}/{slug}")).ok_or_else(missing)?;
        match self.level(dc, found) {
            DcLevel::None => Err(if self.name.is_some() { missing() } else { not_allowed() }),
            level if level < needed => Err(not_allowed()),
            DcLevel::Read | DcLevel::Write | DcLevel::Admin => Ok(found),
        }
    }

    /// A project the caller sees or administers: hidden 404, too low 401.
    pub(crate) fn project<'a>(
        &self,
        dc: &'a DataCenter,
        key: &str,
        admin: bool,
    ) -> Result<&'a DcProject, Answer> {
        let found = dc.project_in_url(key).filter(|found| self.sees(dc, &found.key));
        let found = found.ok_or_else(|| hidden(&format!("Project {key}")))?;
        let level =
            self.name.as_deref().and_then(|name| oracle::dc_on_project(dc, &found.key, name));
        let capped = level.map(|level| self.token.map_or(level, |(most, _)| level.min(most)));
        let capped = capped.map(|level| self.link.map_or(level, |most| level.min(most.project)));
        if admin && capped != Some(ProjectPermission::Admin) {
            return Err(not_allowed());
        }
        Ok(found)
    }
}

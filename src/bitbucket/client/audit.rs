//! A connection's audit log: where it is, and a page of it.

use std::time::Duration;

use crate::bitbucket::audit::AuditKind;
use crate::bitbucket::audit::AuditPage;
use crate::bitbucket::audit::AuditSource;
use crate::bitbucket::audit::AuditWindow;
use crate::bitbucket::client::Client;
use crate::bitbucket::client::SettingsError;
use crate::bitbucket::client::Trust;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;

impl Client {
    /// Reads its audit log there from now on.
    pub fn audit_from(&self, source: AuditSource, trust: &Trust) -> Result<(), SettingsError> {
        match (self, source) {
            (Self::Cloud(cloud), AuditSource::Organization { organization, token }) => {
                cloud.audit_from(&organization, &token, trust)
            }
            (Self::DataCenter(server), AuditSource::Rest) => {
                server.audit_from(Some(AuditKind::Pages("rest")));
                Ok(())
            }
            (Self::DataCenter(server), AuditSource::Folder(folder)) => {
                server.audit_from(Some(AuditKind::Folder(folder)));
                Ok(())
            }
            (Self::Cloud(_), AuditSource::Rest | AuditSource::Folder(_))
            | (Self::DataCenter(_), AuditSource::Organization { .. }) => {
                Err(SettingsError::AuditSource)
            }
        }
    }

    /// Reads no audit log from now on.
    pub fn audit_nowhere(&self) {
        match self {
            Self::Cloud(cloud) => cloud.audit_nowhere(),
            Self::DataCenter(server) => server.audit_from(None),
        }
    }

    /// Where its audit log is read; none: nowhere.
    pub fn audit(&self) -> Option<AuditKind> {
        match self {
            Self::Cloud(cloud) => cloud.organization().map(|_| AuditKind::Pages("organization")),
            Self::DataCenter(server) => server.audit().map(|kind| AuditKind::clone(&kind)),
        }
    }

    /// A page of a window of its audit log; `page` as the page before named it.
    pub async fn audit_page(
        &self,
        window: AuditWindow,
        page: Option<&str>,
        within: Duration,
    ) -> Result<AuditPage, FetchError> {
        let deadline = Deadline::within(within);
        match self {
            Self::Cloud(cloud) => match cloud.organization() {
                Some(organization) => organization.page(window, page, deadline).await,
                None => Err(FetchError::Unsupported("no organisation is configured")),
            },
            Self::DataCenter(server) => server.audit_page(window, page, deadline).await,
        }
    }
}

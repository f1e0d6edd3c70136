//! Reading a connection's log: pages of an API, within what it allows a minute, or the files of a folder.

use std::collections::VecDeque;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use tokio::task::spawn_blocking;

use crate::bitbucket::Client;
use crate::bitbucket::FetchError;
use crate::bitbucket::audit::AuditKind;
use crate::bitbucket::audit::AuditWindow;
use crate::bitbucket::audit::lines_of;
use crate::bitbucket::datacenter::audit_files;
use crate::gateway::Gateway;
use crate::gateway::audit::EVERY;
use crate::gateway::connections::Connection;
use crate::graph::Product;
use crate::graph::Time;
use crate::store::AuditPlace;
use crate::store::StoreError;

/// How far back the first look goes: what was done before the first discovery explains none of its changes.
const FIRST_LOOK: Duration = Duration::from_hours(24);

/// How far a window reaches into the one before: nodes and products write their lines late.
const OVERLAP: Duration = Duration::from_mins(5);

/// Pages an organisation is asked for within a minute: it answers ten, and somebody else may ask too.
const PAGES_A_MINUTE: usize = 8;

/// Pages that one look at a Data Center reads; the rest follows at once.
const PAGES_A_LOOK: usize = 50;

/// How long one page may take.
const CALL: Duration = Duration::from_secs(20);

/// When pages were asked for within the last minute.
#[derive(Debug, Default)]
pub struct Pace(VecDeque<Time>);

impl Pace {
    /// How long to wait before the next page.
    fn wait(&mut self, now: Time) -> Duration {
        while self.0.front().is_some_and(|at| at.plus(EVERY) <= now) {
            self.0.pop_front();
        }
        match self.0.front() {
            Some(first) if self.0.len() >= PAGES_A_MINUTE => {
                Duration::from_millis(first.plus(EVERY).since(now).max(1))
            }
            Some(_) | None => Duration::ZERO,
        }
    }
}

/// Why a log could not be read.
enum Stopped {
    /// Nothing more now.
    Until(Duration),
    /// The place could not be kept.
    Store(StoreError),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Gateway {
    /// Reads what is new in a connection's log; how soon to look again.
    pub(in crate::gateway) async fn read_audit(&self, connection: &Connection) -> Duration {
        let Some(client) = &connection.client else { return EVERY };
        let Some(kind) = client.audit() else { return EVERY };
        let pace = self.audits.pace(&connection.id);
        let mut pace = pace.lock().await;
        let stopped = match kind {
            AuditKind::Pages(source) => {
                self.read_pages(connection, client, (source, &mut pace)).await
            }
            AuditKind::Folder(folder) => self.read_folder(connection, &folder).await,
        };
        match stopped {
            Ok(()) => EVERY,
            Err(Stopped::Until(wait)) => wait,
            Err(Stopped::Store(error)) => {
                tracing::error!(connection = %connection.id, %error, "an audit log could not be kept; it is read again");
                EVERY
            }
        }
    }

    async fn read_pages(
        &self,
        connection: &Connection,
        client: &Client,
        (source, asked): (&str, &mut Pace),
    ) -> Result<(), Stopped> {
        let kept = self.store.audit_place(&connection.id, source).await?;
        let mut place = kept.unwrap_or_else(|| unread(source));
        if asked.0.is_empty() && place.visited > Time::default() {
            // What was asked before a restart counts as asked at its end.
            asked.0.extend(std::iter::repeat_n(place.visited, PAGES_A_MINUTE / 2));
        }
        for _ in 0..PAGES_A_LOOK {
            let now = self.clock.now();
            if connection.product == Product::Cloud {
                let wait = asked.wait(now);
                if wait > Duration::ZERO {
                    return Err(Stopped::Until(wait));
                }
                asked.0.push_back(now);
            }
            if place.page.is_none() {
                let from = place.read.map_or(now.minus(FIRST_LOOK), |read| read.minus(OVERLAP));
                (place.since, place.until) = (from.millis(), now);
            }
            place.visited = now;
            let window = AuditWindow { from: Time::from_millis(place.since), to: place.until };
            let read = client.audit_page(window, place.page.as_deref(), CALL).await;
            let page = match read {
                Ok(page) => page,
                Err(error) => return self.not_read(connection, place, error).await,
            };
            place.passed += page.passed;
            place.unreadable += page.unreadable;
            (place.page, place.why) = (page.next, None);
            if place.page.is_none() {
                place.read = Some(place.until);
            }
            let new = self.store.take_audit(&connection.id, place.clone(), &page.lines).await?;
            place.kept += new;
            if new > 0 {
                tracing::info!(connection = %connection.id, source, new, "audit lines read");
            }
            if place.page.is_none() {
                return Ok(());
            }
        }
        Err(Stopped::Until(Duration::ZERO))
    }

    /// A page could not be had: why stands beside the source, and the place stays.
    async fn not_read(
        &self,
        connection: &Connection,
        mut place: AuditPlace,
        error: FetchError,
    ) -> Result<(), Stopped> {
        let wait = if let FetchError::Limited { again } = &error {
            *again
        } else if matches!(error, FetchError::Unexpected { .. }) && place.page.take().is_some() {
            // A cursor that is not known any more: the window is read anew, and what is there is not kept twice.
            Duration::ZERO
        } else {
            EVERY
        };
        let why = match (&error, connection.product) {
            (FetchError::Forbidden { .. } | FetchError::Missing { .. }, Product::Cloud) => format!(
                "{error}: the organisation needs Atlassian Guard, and the key `read:events:admin`"
            ),
            _ => error.to_string(),
        };
        if place.why.as_deref() != Some(&why) {
            tracing::warn!(connection = %connection.id, source = place.source, why, "an audit log cannot be read");
        }
        place.why = Some(why);
        self.store.take_audit(&connection.id, place, &[]).await?;
        if wait == EVERY { Ok(()) } else { Err(Stopped::Until(wait)) }
    }

    async fn read_folder(&self, connection: &Connection, folder: &Path) -> Result<(), Stopped> {
        let listed = {
            let folder = folder.to_owned();
            spawn_blocking(move || audit_files::files(&folder)).await
        };
        let why = match listed {
            Ok(Ok(files)) => {
                for (name, length) in files {
                    self.read_file(connection, folder.join(&name), (&name, length)).await?;
                }
                None
            }
            Ok(Err(error)) => Some(format!("`{}` cannot be read: {error}", folder.display())),
            Err(_) => return Ok(()),
        };
        let kept = self.store.audit_place(&connection.id, FOLDER).await?;
        let mut place = kept.unwrap_or_else(|| unread(FOLDER));
        place.visited = self.clock.now();
        if why.is_none() {
            place.read = Some(place.visited);
        }
        place.why = why;
        Ok(self.store.take_audit(&connection.id, place, &[]).await.map(drop)?)
    }

    async fn read_file(
        &self,
        connection: &Connection,
        path: PathBuf,
        (name, length): (&str, u64),
    ) -> Result<(), Stopped> {
        let source = format!("file:{name}");
        let kept = self.store.audit_place(&connection.id, &source).await?;
        let mut place = kept.unwrap_or_else(|| unread(&source));
        let mut from = u64::try_from(place.since).unwrap_or_default();
        if length < from {
            // Another file of the same name.
            from = 0;
        }
        while from < length {
            let at = path.clone();
            let Ok(Ok(bytes)) = spawn_blocking(move || audit_files::lines(&at, from)).await else {
                return Ok(());
            };
            if bytes.is_empty() {
                return Ok(());
            }
            from += bytes.len() as u64;
            let page = lines_of(connection.product, &bytes);
            place.passed += page.passed;
            place.unreadable += page.unreadable;
            place.visited = self.clock.now();
            (place.since, place.read) = (from.cast_signed(), Some(place.visited));
            place.kept += self.store.take_audit(&connection.id, place.clone(), &page.lines).await?;
        }
        Ok(())
    }
}

/// The name of the folder among the sources; each of its files is one of its own.
const FOLDER: &str = "folder";

/// A source that nothing was read of.
pub(super) fn unread(source: &str) -> AuditPlace {
    AuditPlace {
        source: source.to_owned(),
        since: 0,
        until: Time::default(),
        page: None,
        visited: Time::default(),
        read: None,
        kept: 0,
        passed: 0,
        unreadable: 0,
        why: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_pages_a_minute_and_no_more() {
        let mut pace = Pace::default();
        let now = Time::from_millis(1_000_000);
        for _ in 0..PAGES_A_MINUTE {
            assert_eq!(pace.wait(now), Duration::ZERO);
            pace.0.push_back(now);
        }
        assert_eq!(pace.wait(now.plus(Duration::from_secs(20))), Duration::from_secs(40));
        assert_eq!(pace.wait(now.plus(EVERY)), Duration::ZERO);
    }
}

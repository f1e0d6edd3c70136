//! What one person may do in one repository, as it is now: for questions that the kept graph is too old for.

use crate::bitbucket::datacenter::rest::DataCenter;
use crate::bitbucket::datacenter::rest::User;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::graph::Id;
use crate::graph::Level;

const WHAT: &str = "one person's permission in a repository";

/// The levels that can be asked for, strongest first.
const LEVELS: [(&str, Level); 3] =
    [("REPO_ADMIN", Level::Admin), ("REPO_WRITE", Level::Write), ("REPO_READ", Level::Read)];

impl DataCenter {
    /// GET `users` with `permission.1`, level by level: it tells effective holders, by whatever way they hold it. `name`
    /// only narrows the lists: who is meant is told by the number, and a name that finds nobody of this number is no
    /// answer.
    pub(crate) async fn level(
        &self,
        repository: &Id,
        (who, name): (&Id, Option<&str>),
        deadline: Deadline,
    ) -> Result<Level, FetchError> {
        let (key, slug) = self.home((repository, WHAT), deadline).await?;
        let name = name.unwrap_or_default();
        if self.named(who, name, &[], deadline).await?.is_none() {
            let why = "nobody of this number is found by the name that is known".to_owned();
            return Err(FetchError::Form { what: WHAT, why });
        }
        for (word, level) in LEVELS {
            let narrowed = [
                ("permission.1", word),
                ("permission.1.projectKey", &key),
                ("permission.1.repositorySlug", &slug),
            ];
            if self.named(who, name, &narrowed, deadline).await?.is_some() {
                return Ok(level);
            }
        }
        Ok(Level::None)
    }

    /// The user of this number among those whom a name finds.
    async fn named(
        &self,
        who: &Id,
        name: &str,
        narrowed: &[(&str, &str)],
        deadline: Deadline,
    ) -> Result<Option<User>, FetchError> {
        let mut call = self.ask(&["rest", "api", "latest", "users"], WHAT, CallClass::Metadata)?;
        call.url.query_pairs_mut().append_pair("filter", name).extend_pairs(narrowed);
        let users: Vec<User> = self.list(call, deadline).await?;
        let is_meant = |user: &User| user.id.is_some_and(|id| self.user(id).as_ref() == Some(who));
        Ok(users.into_iter().find(is_meant))
    }
}

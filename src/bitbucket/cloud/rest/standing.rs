//! What one person may do in one repository, and what one environment is, as it is now: for questions that the kept graph
//! is too old for.

use serde::Deserialize;

use crate::bitbucket::client::EnvironmentFacts;
use crate::bitbucket::cloud::rest::Cloud;
use crate::bitbucket::cloud::rest::account::Account;
use crate::bitbucket::cloud::rest::braced;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::event::Tier;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Level;

const LEVEL: &str = "one person's permission in a repository";
const ENVIRONMENT: &str = "the environment";

#[derive(Deserialize)]
struct Row {
    permission: String,
    user: Option<Account>,
}

#[derive(Deserialize)]
struct Environment {
    name: String,
    #[serde(rename = "environment_type")]
    tier: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: Option<String>,
}

impl Cloud {
    /// GET `workspaces/{workspace}/permissions/repositories/{repository}` for one account: the most that any grant,
    /// group, project or ownership gives it. None: nothing is granted; what everybody may read is not listed there.
    pub(crate) async fn level(
        &self,
        repository: &Id,
        who: &Id,
        deadline: Deadline,
    ) -> Result<Level, FetchError> {
        if who.kind() != Kind::User {
            return Err(FetchError::Unsupported(
                "only a person's permission can be asked for alone",
            ));
        }
        let (repository, user) = (self.within(repository, LEVEL)?, braced(who.native())?);
        let path = ["workspaces", self.slug(), "permissions", "repositories", &repository];
        let mut call = self.ask(&path, LEVEL, CallClass::Metadata)?;
        call.url.query_pairs_mut().append_pair("q", &format!("user.uuid=\"{user}\""));
        // The filter only shortens the list: whose row it is, is told by the row.
        let rows: Vec<Row> = self.list(call, deadline).await?;
        let is_meant = |row: &&Row| self.id_of(row.user.as_ref()).as_ref() == Some(who);
        match rows.iter().find(is_meant) {
            None => Ok(Level::None),
            Some(row) => Level::from_text(&row.permission).ok_or_else(|| FetchError::Form {
                what: LEVEL,
                why: "`permission` is a word this version does not know".to_owned(),
            }),
        }
    }

    /// GET `environments/{environment}` of a repository.
    pub(crate) async fn environment(
        &self,
        repository: &Id,
        environment: &Id,
        deadline: Deadline,
    ) -> Result<EnvironmentFacts, FetchError> {
        let uuid = braced(environment.native())?;
        let call =
            self.ask_in(repository, &["environments", &uuid], ENVIRONMENT, CallClass::Metadata)?;
        let wire: Environment = self.transport().get(&call, deadline).await?;
        let tier = match wire.tier.and_then(|tier| tier.name).as_deref() {
            Some("Test") => Known::Value(Tier::Test),
            Some("Staging") => Known::Value(Tier::Staging),
            Some("Production") => Known::Value(Tier::Production),
            Some(_) => Known::Value(Tier::Other),
            None => Known::default(),
        };
        Ok(EnvironmentFacts { name: wire.name, tier })
    }
}

//! Whether a repository's pipelines are on and, where a switch says so, what their definition says: the file of one name
//! on the main branch, of which facts are kept and no line.

use serde::Deserialize;

use crate::bitbucket::budget::Share;
use crate::bitbucket::client::is_full;
use crate::bitbucket::cloud::pipelines_file;
use crate::bitbucket::cloud::pipelines_file::Definition;
use crate::bitbucket::cloud::pipelines_file::Image;
use crate::bitbucket::cloud::rest::Cloud;
use crate::bitbucket::cloud::rest::discovery::PATIENCE;
use crate::bitbucket::scribe::Scribe;
use crate::bitbucket::scribe::unless_over;
use crate::bitbucket::transport::Call;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::graph::attribute::Value;
use crate::graph::world::Node;

/// The only file that is ever read.
const FILE: &str = "bitbucket-pipelines.yml";

const WHAT: &str = "a repository's pipeline definition";

/// What a definition tells.
const FIELDS: [&str; 3] = ["images", "echoes", "deployments"];

#[derive(Deserialize)]
pub(super) struct Enabled {
    enabled: Option<bool>,
}

#[derive(Deserialize)]
struct Reference {
    target: Target,
}

#[derive(Deserialize)]
struct Target {
    hash: String,
}

/// A repository's pipelines: whether they are on, and their definition.
pub(super) struct Pipelines {
    enabled: Result<Enabled, FetchError>,
    definition: Read,
}

/// What became of the definition.
enum Read {
    /// The switch is off, or pipelines are.
    Unread,
    /// There is no such file.
    Missing,
    /// There is.
    Found(Definition),
    /// It could not be read.
    Failed(FetchError),
}

impl Cloud {
    pub(super) async fn pipelines(
        &self,
        repository: &str,
        branch: Option<&str>,
    ) -> Result<Pipelines, FetchError> {
        let what = "whether a repository's pipelines are on";
        let enabled = self.crawl_one_in(repository, &["pipelines_config"], what).await;
        let enabled: Result<Enabled, FetchError> = match unless_over(enabled)? {
            // A repository whose pipelines were never switched on has no such thing.
            Err(FetchError::Missing { .. }) => Ok(Enabled { enabled: Some(false) }),
            told => told,
        };
        let off = matches!(&enabled, Ok(Enabled { enabled: Some(false) }));
        let definition = match branch {
            _ if off || !self.switches().reads(CallClass::PipelineDefinition) => Read::Unread,
            None => Read::Missing,
            Some(branch) => match unless_over(self.definition(repository, branch).await)? {
                Ok(definition) => Read::Found(definition),
                Err(FetchError::Missing { .. }) => Read::Missing,
                Err(error) => Read::Failed(error),
            },
        };
        Ok(Pipelines { enabled, definition })
    }

    /// GET `refs/branches/{name}`, then `src/{commit}/bitbucket-pipelines.yml`: a name with a slash cannot stand there.
    async fn definition(&self, repository: &str, branch: &str) -> Result<Definition, FetchError> {
        let head = ["repositories", self.slug(), repository];
        let class = CallClass::CommitIdentity;
        let call = self.ask(&[&head[..], &["refs", "branches", branch]].concat(), WHAT, class)?;
        let call = Call { share: Share::Crawl, ..call };
        let tip: Reference = self.transport().get(&call, Deadline::within(PATIENCE)).await?;
        if !is_full(&tip.target.hash) {
            let why = "its branch's tip is no commit".to_owned();
            return Err(FetchError::Form { what: WHAT, why });
        }
        let class = CallClass::PipelineDefinition;
        let call =
            self.ask(&[&head[..], &["src", &tip.target.hash, FILE]].concat(), WHAT, class)?;
        let call = Call { share: Share::Crawl, ..call };
        let answer = self.transport().read(&call, Deadline::within(PATIENCE)).await?;
        pipelines_file::read(answer.text(WHAT)?)
            .map_err(|error| FetchError::Form { what: WHAT, why: error.to_string() })
    }
}

/// Writes what is known of a repository's pipelines. What the switch forbids is left out: the workspace says why.
pub(super) fn write(scribe: &mut Scribe, node: Node, pipelines: Pipelines) -> Node {
    let node = match pipelines.enabled {
        Ok(Enabled { enabled: Some(enabled) }) => node.flag("pipelines", enabled),
        Ok(Enabled { enabled: None }) => node,
        Err(error) => {
            scribe.gap(&node.id, "pipelines", error.to_string());
            node
        }
    };
    match pipelines.definition {
        Read::Unread => node,
        Read::Missing => FIELDS.iter().fold(node, |node, field| node.with(field, Value::Nothing)),
        Read::Found(told) => node
            .with("images", Value::List(told.images.iter().map(|it| line(scribe, it)).collect()))
            .with("echoes", Value::List(told.echoes))
            .with("deployments", Value::List(told.deployments)),
        Read::Failed(error) => {
            for field in FIELDS {
                scribe.gap(&node.id, field, error.to_string());
            }
            node
        }
    }
}

/// An image as one line; whether its registry is one of ours stands there where own hosts were named and no variable
/// names it.
fn line(scribe: &Scribe, image: &Image) -> String {
    let host = Some(&image.host).filter(|host| *host != "$");
    match host.and_then(|host| scribe.is_external(host)) {
        Some(true) => format!("{image} outside"),
        Some(false) => format!("{image} own"),
        None => image.to_string(),
    }
}

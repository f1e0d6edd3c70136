//! The pages of Bitbucket where a grant or rule is changed. Atlassian documents the way there by menu, not the address:
//! these are the addresses of Cloud today and of Data Center 8 and 9. A wrong one costs a click, never a decision.

use std::collections::BTreeMap;

use crate::graph::ConnectionId;
use crate::graph::Kind;
use crate::graph::NodeNo;
use crate::graph::Product;
use crate::graph::Snapshot;

/// Cloud is in one place.
const CLOUD: &str = "https://bitbucket.org";

/// Where each connection's pages are. Cloud's are known; a Data Center's base address has to be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links(BTreeMap<ConnectionId, String>);

impl Links {
    /// With these base addresses, context path included.
    pub fn new(bases: impl IntoIterator<Item = (ConnectionId, String)>) -> Self {
        let bare = |(id, base): (ConnectionId, String)| (id, base.trim_end_matches('/').to_owned());
        Self(bases.into_iter().map(bare).collect())
    }

    /// Where grants on a place are changed.
    pub fn grants(&self, graph: &Snapshot, place: NodeNo) -> Option<String> {
        let base = self.base(graph, place)?;
        let cloud = graph.product(place.0)? == Product::Cloud;
        let path = match (graph.card(place.0).kind, cloud) {
            (Kind::Workspace, true) => format!("/{}/workspace/settings", workspace(graph, place)?),
            (Kind::Workspace, false) => "/admin/permissions".to_owned(),
            (Kind::Project, true) => {
                format!(
                    "/{}/workspace/projects/{}/settings/permissions",
                    workspace(graph, place)?,
                    key(graph, place)?
                )
            }
            (Kind::Project, false) => format!("/projects/{}/permissions", key(graph, place)?),
            (Kind::Repository, true) => {
                format!("/{}/{}/admin/permissions", workspace(graph, place)?, slug(graph, place)?)
            }
            (Kind::Repository, false) => {
                let project = graph.project_of(place)?;
                format!(
                    "/projects/{}/repos/{}/permissions",
                    key(graph, project)?,
                    slug(graph, place)?
                )
            }
            (
                Kind::User
                | Kind::Group
                | Kind::App
                | Kind::Token
                | Kind::Key
                | Kind::Runner
                | Kind::Agent
                | Kind::Ref
                | Kind::Environment
                | Kind::Variable
                | Kind::Restriction
                | Kind::Hook
                | Kind::Credential,
                _,
            ) => return None,
        };
        Some(base + &path)
    }

    /// Where branch rules of a repository or project are changed.
    pub fn rules(&self, graph: &Snapshot, place: NodeNo) -> Option<String> {
        let base = self.base(graph, place)?;
        let cloud = graph.product(place.0)? == Product::Cloud;
        let project = graph.card(place.0).kind == Kind::Project;
        let path = match (project, cloud) {
            (true, true) => {
                format!(
                    "/{}/workspace/projects/{}/settings/branch-restrictions",
                    workspace(graph, place)?,
                    key(graph, place)?
                )
            }
            (true, false) => format!("/plugins/servlet/branch-permissions/{}", key(graph, place)?),
            (false, true) => {
                format!(
                    "/{}/{}/admin/branch-restrictions",
                    workspace(graph, place)?,
                    slug(graph, place)?
                )
            }
            (false, false) => {
                let project = graph.project_of(place)?;
                format!(
                    "/plugins/servlet/branch-permissions/{}/{}",
                    key(graph, project)?,
                    slug(graph, place)?
                )
            }
        };
        Some(base + &path)
    }

    fn base(&self, graph: &Snapshot, node: NodeNo) -> Option<String> {
        let told = self.0.get(&graph.node(node)?.id.connection()).cloned();
        let cloud = graph.product(node.0)? == Product::Cloud;
        told.or_else(|| cloud.then(|| CLOUD.to_owned()))
    }
}

fn workspace(graph: &Snapshot, node: NodeNo) -> Option<String> {
    let number = graph.home(graph.card(node.0))?.workspace?;
    slug(graph, NodeNo(number))
}

fn slug(graph: &Snapshot, node: NodeNo) -> Option<String> {
    graph.text(node, "slug").value().map(|slug| segment(slug))
}

fn key(graph: &Snapshot, node: NodeNo) -> Option<String> {
    graph.text(node, "key").value().map(|key| segment(key))
}

/// One segment of an address: whatever is no plain letter, digit or sign is percent-encoded.
fn segment(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

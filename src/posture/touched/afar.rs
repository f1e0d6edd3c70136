//! What a change alters far from where it is: a fork and its parent, what is set on the whole project or workspace of a
//! repository, who looks after a webhook.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;

use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Level;
use crate::graph::NodeNo;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::statement::NAME;
use crate::graph::statement::Sort;
use crate::graph::statement::Statement;
use crate::posture::touched::credentials_on;
use crate::posture::touched::granted;

/// What is said of a repository and read of others: by its forks and its parent, by what is set on its project and
/// workspace. The rest (when it was changed last, how it is merged) concerns itself.
const OF_REPOSITORY: &[&str] = &[
    NAME,
    "slug",
    "visibility",
    "pipelines",
    "parent",
    "model_production",
    "grants",
    "keys",
    "tokens",
    "environments",
    "project",
];

/// Whether what is said can alter what rules say of something far from it.
pub(super) fn is_felt_afar(statement: &Statement) -> bool {
    let Ok(about) = statement.about.parse::<Id>() else { return true };
    let kind = about.kind();
    match statement.sort {
        Sort::Node => {
            matches!(kind, Kind::Repository | Kind::Project | Kind::Environment | Kind::Hook)
        }
        Sort::Attribute | Sort::Unknown => match kind {
            Kind::Repository => OF_REPOSITORY.contains(&statement.says.as_str()),
            Kind::Project | Kind::Environment | Kind::Hook => true,
            Kind::User
            | Kind::Group
            | Kind::App
            | Kind::Token
            | Kind::Key
            | Kind::Runner
            | Kind::Agent
            | Kind::Workspace
            | Kind::Ref
            | Kind::Variable
            | Kind::Restriction
            | Kind::Credential => false,
        },
        Sort::Edge => match Relation::from_text(&statement.says) {
            Some(Relation::Member | Relation::DeploysTo) | None => true,
            Some(Relation::In) => matches!(kind, Kind::Repository | Kind::Hook),
            Some(is) => is.level() > Level::None,
        },
    }
}

/// A graph, and what was worked out in it once for all statements.
pub(super) struct Afar<'g> {
    graph: &'g Snapshot,
    /// Parent → its forks.
    forks: OnceCell<HashMap<&'g str, Vec<Id>>>,
    /// Places whose administrators were added already.
    looked_after: HashSet<NodeNo>,
}

impl<'g> Afar<'g> {
    pub(super) fn new(graph: &'g Snapshot) -> Self {
        Self { graph, forks: OnceCell::new(), looked_after: HashSet::new() }
    }

    /// Adds what a change of this node alters elsewhere.
    pub(super) fn reach(&mut self, id: &Id, found: &mut BTreeSet<Id>) {
        let Some(node) = self.graph.find(id) else { return };
        match id.kind() {
            Kind::Repository | Kind::Project => {
                self.kin(node, found);
                self.around(node, found);
                self.lookers(node, found);
            }
            Kind::Environment | Kind::Hook => {
                let Some(home) = self.graph.home_of(node) else { return };
                self.around(home, found);
                self.lookers(home, found);
            }
            Kind::User
            | Kind::Group
            | Kind::App
            | Kind::Token
            | Kind::Key
            | Kind::Runner
            | Kind::Agent
            | Kind::Credential => {
                for place in granted(self.graph, node) {
                    self.around(place, found);
                    self.lookers(place, found);
                }
            }
            Kind::Workspace | Kind::Ref | Kind::Variable | Kind::Restriction => {}
        }
    }

    /// Parents and forks of what is in a place: each tells how the other can be seen.
    fn kin(&self, place: NodeNo, found: &mut BTreeSet<Id>) {
        let forks = self.forks.get_or_init(|| forks(self.graph));
        for repository in self.graph.repositories_at(place) {
            let Some(me) = self.graph.node(repository) else { continue };
            found.extend(forks.get(me.id.as_str()).into_iter().flatten().cloned());
            let parent = self.graph.text(repository, "parent");
            found.extend(parent.value().and_then(|parent| parent.parse::<Id>().ok()));
        }
    }

    /// What is set on the project and the workspace of a place, and is told by the repositories there: whose steps a
    /// runner runs, who learns a variable, how far a key reaches.
    fn around(&self, place: NodeNo, found: &mut BTreeSet<Id>) {
        let project = match self.kind(place) {
            Some(Kind::Repository) => self.graph.project_of(place),
            Some(_) | None => None,
        };
        for wide in [Some(place), project, self.graph.workspace_of(place)].into_iter().flatten() {
            found.extend(self.graph.led_from(wide, Relation::RunsOn));
            let set = self.graph.led_to(wide, Relation::In).into_iter();
            found.extend(set.filter(|thing| thing.kind() == Kind::Variable));
            found.extend(credentials_on(self.graph, wide));
        }
    }

    /// The people who administer a place that has webhooks: what one of them alone looks after is told of him.
    fn lookers(&mut self, place: NodeNo, found: &mut BTreeSet<Id>) {
        for place in std::iter::once(place).chain(self.graph.repositories_at(place)) {
            let things = self.graph.led_to(place, Relation::In);
            let has_hooks = things.iter().any(|thing| thing.kind() == Kind::Hook);
            if !has_hooks || !self.looked_after.insert(place) {
                continue;
            }
            let people = self.graph.who_can(Level::Admin, place).listed.nodes.into_iter();
            found.extend(people.filter_map(|one| self.graph.node(one)).map(|one| one.id.clone()));
        }
    }

    fn kind(&self, node: NodeNo) -> Option<Kind> {
        self.graph.node(node).map(|node| node.id.kind())
    }
}

fn forks(graph: &Snapshot) -> HashMap<&str, Vec<Id>> {
    let mut forks: HashMap<&str, Vec<Id>> = HashMap::new();
    for repository in graph.all(Kind::Repository) {
        let parent = graph.text(repository, "parent");
        if let (Some(parent), Some(fork)) = (parent.value(), graph.node(repository)) {
            forks.entry(parent).or_default().push(fork.id.clone());
        }
    }
    forks
}

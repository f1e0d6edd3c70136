//! From a question to its demand: which doors lead to the deed.

use crate::graph::Capability;
use crate::graph::Demand;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::NodeNo;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::Step;
use crate::graph::Target;
use crate::graph::Why;
use crate::graph::capability::Door;
use crate::graph::capability::Gate;
use crate::graph::capability::rules;

/// Nobody runs pipelines there.
const NO_PIPELINES: Why =
    Why::fixed("Bitbucket Data Center has no pipelines: ask it of the CI that runs the builds");

/// What no API tells of an environment.
const NO_BRANCH_RULE: Why = Why::fixed(
    "which branches may deploy there is not told by Bitbucket's API, and Premium can limit them",
);

impl Demand {
    fn never(why: Why) -> Self {
        Self { doors: Vec::new(), beyond: None, never: Some(why) }
    }

    fn untold(why: Why) -> Self {
        Self { doors: Vec::new(), beyond: Some(why), never: None }
    }

    fn of(doors: Vec<Door>, beyond: Option<Why>) -> Self {
        Self { doors, beyond, never: None }
    }

    /// The same, each door with these edges at its end.
    fn reached_by(mut self, steps: &[Step]) -> Self {
        for door in &mut self.doors {
            door.reach.extend_from_slice(steps);
        }
        self
    }
}

impl Snapshot {
    /// What a deed asks of whoever does it. Cost: the rules of one repository; for what a whole workspace shares, those of
    /// all its repositories.
    pub fn demand(&self, capability: Capability, target: &Target) -> Demand {
        let node = target.node;
        match (capability, &target.reference) {
            (Capability::Push | Capability::Merge | Capability::MergeUnreviewed, Some(name)) => {
                self.of_ref(capability, node, name)
            }
            (Capability::Push | Capability::Merge | Capability::MergeUnreviewed, None) => {
                Demand::untold(Why::fixed("no ref was named"))
            }
            (Capability::EditPipeline, _) => self.of_pipeline(node),
            (Capability::Deploy, _) => self.of_environment(node),
            (Capability::ReadSecret, _) => self.of_variable(node),
            (Capability::RunOn, _) => self.of_runner(node),
            (Capability::ChangeControls, _) => {
                let door =
                    Door { place: node, level: Level::Admin, gates: Vec::new(), reach: Vec::new() };
                Demand::of(vec![door], None)
            }
        }
    }

    fn of_ref(&self, capability: Capability, repository: NodeNo, name: &str) -> Demand {
        let is_branch = name.starts_with("refs/heads/");
        let merges = capability != Capability::Push;
        if merges && !is_branch {
            return Demand::never(Why::fixed("pull requests are merged into branches"));
        }
        let covering = self.covering(repository, name);
        let mut gates = vec![self.unarchived(repository)];
        gates.extend(rules::gates(self, repository, name, capability, &covering));
        if merges {
            gates.push(Gate::Hands);
        }
        if capability == Capability::MergeUnreviewed {
            let mut enforced = self.approval_enforced(repository, &covering.own);
            enforced.learn_why(&Why::fixed(
                "nothing we have read tells how many approvals a merge needs",
            ));
            gates.push(Gate::Fact {
                open: not(enforced),
                opened: "no approval is enforced".to_owned(),
                shut: "an approval is enforced before a merge".to_owned(),
            });
        }
        Demand::of(
            vec![Door { place: repository, level: Level::Write, gates, reach: Vec::new() }],
            None,
        )
    }

    fn unarchived(&self, repository: NodeNo) -> Gate {
        Gate::Fact {
            open: not(flag(
                self,
                repository,
                "archived",
                "nothing we have read tells whether the repository is archived",
            )),
            opened: String::new(),
            shut: "the repository is archived: nobody changes it".to_owned(),
        }
    }

    /// Who administers a repository can switch its pipelines on; who writes to it needs them to be on.
    fn of_pipeline(&self, repository: NodeNo) -> Demand {
        if self.product(repository.0) == Some(Product::DataCenter) {
            return Demand::never(NO_PIPELINES);
        }
        let on = flag(
            self,
            repository,
            "pipelines",
            "nothing we have read tells whether the repository's pipelines are on",
        );
        let admin = Door {
            place: repository,
            level: Level::Admin,
            gates: vec![self.unarchived(repository)],
            reach: Vec::new(),
        };
        let switch = Gate::Fact {
            open: on,
            opened: "pipelines are on".to_owned(),
            shut: "pipelines are off, and only an administrator switches them on".to_owned(),
        };
        let gates = vec![self.unarchived(repository), switch];
        let write = Door { place: repository, level: Level::Write, gates, reach: Vec::new() };
        Demand::of(vec![write, admin], None)
    }

    /// An administrator decides who deploys. Anyone else who writes deploys where no permission of the environment can
    /// stop him: Premium can keep it to administrators, which is told, or to branches, which is not.
    fn of_environment(&self, environment: NodeNo) -> Demand {
        if self.product(environment.0) == Some(Product::DataCenter) {
            return Demand::untold(Why::fixed(
                "Bitbucket Data Center deploys nothing: ask it of the CI that does",
            ));
        }
        let mut doors = Vec::new();
        for repository in self.incoming_by(environment.0, Relation::DeploysTo).map(NodeNo) {
            let reach = self.step(repository.0, Relation::DeploysTo, environment.0);
            let reach: Vec<Step> = reach.into_iter().collect();
            for mut door in self.of_pipeline(repository).doors {
                if door.level < Level::Admin {
                    door.gates.extend(self.deployment_permission(environment, repository));
                }
                door.reach.clone_from(&reach);
                doors.push(door);
            }
        }
        let unread = doors
            .is_empty()
            .then(|| Why::fixed("nothing we have read tells which repository deploys there"));
        Demand::of(doors, unread)
    }

    fn deployment_permission(&self, environment: NodeNo, repository: NodeNo) -> [Gate; 2] {
        let workspace = self.home(self.card(repository.0)).and_then(|home| home.workspace);
        let premium = workspace
            .map_or(Known::unknown("nothing we have read tells the plan"), |number| {
                self.flag(NodeNo(number), "premium")
            });
        let unlimited = match premium {
            Known::Value(false) | Known::Nothing => Known::Value(true),
            Known::Value(true) | Known::Unknown(_) => Known::Unknown(NO_BRANCH_RULE),
        };
        [
            Gate::Fact {
                open: not(flag(
                    self,
                    environment,
                    "admin_only",
                    "nothing we have read tells whether only administrators deploy there",
                )),
                opened: "it is open to whoever writes".to_owned(),
                shut: "only administrators deploy there".to_owned(),
            },
            Gate::Fact {
                open: unlimited,
                opened: "without Premium no branch is kept out".to_owned(),
                shut: String::new(),
            },
        ]
    }

    /// A variable is read by a step that holds it: whoever decides what such a step does can have its value.
    fn of_variable(&self, variable: NodeNo) -> Demand {
        let scopes: Vec<u32> = self.outgoing(variable.0, Relation::In).collect();
        let Some(&scope) = scopes.first() else {
            return Demand::untold(Why::fixed("nothing we have read tells where it is set"));
        };
        let reach: Vec<Step> = self.step(variable.0, Relation::In, scope).into_iter().collect();
        let demand = if self.card(scope).kind == Kind::Environment {
            self.of_environment(NodeNo(scope))
        } else {
            self.of_pipelines_in(scope)
        };
        demand.reached_by(&reach)
    }

    /// Code runs on a runner by a pipeline of a place that it serves.
    fn of_runner(&self, runner: NodeNo) -> Demand {
        let mut doors = Vec::new();
        let mut beyond = self.unread_runners(self.card(runner.0).connection);
        for place in self.incoming_by(runner.0, Relation::RunsOn) {
            let reach: Vec<Step> =
                self.step(place, Relation::RunsOn, runner.0).into_iter().collect();
            let demand = self.of_pipelines_in(place).reached_by(&reach);
            if let Some(why) = demand.never {
                return Demand::never(why);
            }
            doors.extend(demand.doors);
            beyond = beyond.or(demand.beyond);
        }
        if doors.is_empty() && beyond.is_none() {
            return Demand::untold(Why::fixed("nothing we have read tells whose builds it runs"));
        }
        // Left out counts as switched on.
        let switched = match (self.flag(runner, "active"), self.doubt(runner.0, "active")) {
            (Known::Unknown(_), None) | (Known::Nothing, _) => Known::Value(true),
            (told, _) => told,
        };
        for door in &mut doors {
            door.gates.push(Gate::Fact {
                open: switched.clone(),
                opened: String::new(),
                shut: "the runner is switched off".to_owned(),
            });
        }
        Demand::of(doors, beyond)
    }

    /// To edit a pipeline of any repository in a place.
    fn of_pipelines_in(&self, place: u32) -> Demand {
        if self.product(place) == Some(Product::DataCenter) {
            return Demand::never(NO_PIPELINES);
        }
        let mut doors = Vec::new();
        let mut beyond = None;
        for (repository, reach) in self.repositories_in(place) {
            let demand = self.of_pipeline(NodeNo(repository)).reached_by(&reach);
            doors.extend(demand.doors);
            beyond = beyond.or(demand.beyond);
        }
        Demand::of(doors, beyond.or_else(|| self.unread_below(place)))
    }

    /// Every repository of a place, and the edge that leads up from it. What is in a workspace is all there is of its
    /// connection, whatever leads there.
    fn repositories_in(&self, place: u32) -> Vec<(u32, Vec<Step>)> {
        let card = self.card(place);
        match card.kind {
            Kind::Repository => vec![(place, Vec::new())],
            Kind::Workspace => {
                let all = self.all(Kind::Repository).map(|number| number.0);
                all.filter(|&number| self.card(number).connection == card.connection)
                    .map(|number| (number, Vec::new()))
                    .collect()
            }
            Kind::Project => self
                .incoming_by(place, Relation::In)
                .filter(|&inner| self.card(inner).kind == Kind::Repository)
                .map(|inner| (inner, self.step(inner, Relation::In, place).into_iter().collect()))
                .collect(),
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
            | Kind::Credential => Vec::new(),
        }
    }

    /// Why there may be more repositories in a place than are known.
    fn unread_below(&self, place: u32) -> Option<Why> {
        let card = self.card(place);
        let near = |number: &NodeNo| self.card(number.0).connection == card.connection;
        match card.kind {
            Kind::Workspace => self.doubt(place, "projects").cloned().or_else(|| {
                let mut projects = self.all(Kind::Project).filter(near);
                projects.find_map(|project| self.doubt(project.0, "repositories").cloned())
            }),
            Kind::Project => self.doubt(place, "repositories").cloned().or_else(|| {
                let mut homeless = self.all(Kind::Repository).filter(near);
                homeless.find_map(|repository| self.doubt(repository.0, "project").cloned())
            }),
            Kind::Repository
            | Kind::User
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
            | Kind::Credential => None,
        }
    }

    /// Why a runner may serve more places than are known.
    fn unread_runners(&self, connection: u8) -> Option<Why> {
        let places = [Kind::Workspace, Kind::Project, Kind::Repository];
        let mut places = places.into_iter().flat_map(|kind| self.all(kind));
        places
            .find_map(|place| {
                let near = self.card(place.0).connection == connection;
                near.then(|| self.doubt(place.0, "runners")).flatten()
            })
            .cloned()
    }
}

/// A flag; where nobody has told it, the why names it.
fn flag(graph: &Snapshot, node: NodeNo, name: &str, what: &'static str) -> Known<bool> {
    let mut told = graph.flag(node, name);
    told.learn_why(&Why::fixed(what));
    told
}

/// Shut where it is open.
fn not(fact: Known<bool>) -> Known<bool> {
    match fact {
        Known::Value(is) => Known::Value(!is),
        Known::Nothing => Known::Value(true),
        Known::Unknown(why) => Known::Unknown(why),
    }
}

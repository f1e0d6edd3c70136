//! Running pipelines: starting them, moving their steps on, and the step tokens.

use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::simulator::answer::Here;
use crate::simulator::cloud::Level;
use crate::simulator::cloud::Repository;
use crate::simulator::cloud::Workspace;
use crate::simulator::cloud_acts::CloudFace;
use crate::simulator::cloud_acts::find;
use crate::simulator::cloud_acts::find_mut;
use crate::simulator::cloud_runs::issuer_of;
use crate::simulator::company::Company;
use crate::simulator::company::braced;
use crate::simulator::issuer::NoKey;
use crate::simulator::oracle::cloud_effective;
use crate::simulator::pipelines::Pipeline;
use crate::simulator::pipelines::PlannedStep;
use crate::simulator::pipelines::StartPipeline;
use crate::simulator::pipelines::Started;
use crate::simulator::pipelines::Step;
use crate::simulator::pipelines::StepState;
use crate::simulator::pipelines::Target;
use crate::simulator::refusal::Refusal;
use crate::simulator::state::hold;

/// How long a step token lives, in seconds.
const TOKEN_LIFETIME: i64 = 3600;

/// One step of one pipeline of one repository.
#[derive(Debug, Clone, Copy)]
pub struct StepOf<'a> {
    /// `workspace/slug`.
    pub repository: &'a str,
    /// The pipeline.
    pub pipeline: Uuid,
    /// The step.
    pub step: Uuid,
}

impl CloudFace<'_> {
    /// Starts a pipeline with its first step in progress. Starting by hand needs write.
    pub fn start_pipeline(
        &self,
        repository: &str,
        order: &StartPipeline,
    ) -> Result<Started, Refusal> {
        let state = &self.simulator.state;
        let now = state.now();
        start(&mut hold(&state.company), repository, order, now)
    }

    /// Starts a pipeline on an open pull request's source.
    pub fn start_on_pull(
        &self,
        repository: &str,
        id: u64,
        order: &StartPipeline,
    ) -> Result<Started, Refusal> {
        let state = &self.simulator.state;
        let now = state.now();
        let company = &mut hold(&state.company);
        let (_, found) = find(company, repository)?;
        let pull = found.pull_requests.iter().find(|pull| pull.id == id);
        let pull = pull.ok_or(Refusal::NoSuchPullRequest(id))?;
        let target = Target::PullRequest {
            id,
            source: pull.source.branch.clone(),
            destination: pull.destination.branch.clone(),
            commit: pull.source.commit.clone(),
            destination_commit: pull.destination.commit.clone(),
        };
        begin(company, repository, order, target, now)
    }

    /// Moves a step on.
    pub fn set_step(&self, of: StepOf<'_>, to: StepState) -> Result<(), Refusal> {
        let state = &self.simulator.state;
        let now = state.now();
        let mut company = hold(&state.company);
        let run = find_run(find_mut(&mut company, of.repository)?, of.pipeline)?;
        let step = run.steps.iter_mut().find(|step| step.uuid == of.step);
        let step = step.ok_or_else(|| Refusal::NoSuchRun(braced(of.step)))?;
        if step.state.is_over() {
            return Err(Refusal::WrongState("completed".to_owned()));
        }
        step.state = to;
        if to == StepState::InProgress {
            step.started_on = Some(now);
        }
        step.completed_on = to.is_over().then_some(now);
        if run.is_over() {
            run.completed_on = Some(now);
        }
        Ok(())
    }

    /// The claims a step's token carries now; what [`CloudFace::mint`] signs.
    pub fn claims(&self, of: StepOf<'_>) -> Result<Value, Refusal> {
        let state = &self.simulator.state;
        let here = state.here();
        let company = hold(&state.company);
        let (home, found) = find(&company, of.repository)?;
        let missing = || Refusal::NoSuchRun(braced(of.step));
        let run = found.pipelines.iter().find(|run| run.uuid == of.pipeline).ok_or_else(missing)?;
        let step = run.step(of.step).ok_or_else(missing)?;
        claims(&here, (home, found), run, step)
    }

    /// `BITBUCKET_STEP_OIDC_TOKEN` of a step that runs and asked for one.
    pub fn step_token(&self, of: StepOf<'_>) -> Result<String, Refusal> {
        let claims = self.claims(of)?;
        let workspace = of.repository.split('/').next().unwrap_or_default();
        self.mint(workspace, &claims)
    }

    /// Signs any claims at all with a workspace's newest key: how a test makes a token that is wrong.
    pub fn mint(&self, workspace: &str, claims: &Value) -> Result<String, Refusal> {
        self.with_issuer(workspace, |home| home.issuer.mint(claims))
    }

    /// Puts a new signing key in front; tokens of the one before still verify.
    pub fn rotate_keys(&self, workspace: &str) -> Result<(), Refusal> {
        self.with_issuer(workspace, |home| home.issuer.rotate())
    }

    /// Takes every key but the newest out of the set.
    pub fn retire_old_keys(&self, workspace: &str) -> Result<(), Refusal> {
        self.with_issuer(workspace, |home| {
            home.issuer.retire_old_keys();
            Ok(())
        })
    }

    fn with_issuer<T>(
        self,
        workspace: &str,
        act: impl FnOnce(&mut Workspace) -> Result<T, NoKey>,
    ) -> Result<T, Refusal> {
        let mut company = hold(&self.simulator.state.company);
        let missing = || Refusal::NoSuchRepository(workspace.to_owned());
        let home = company.find_workspace_mut(workspace).ok_or_else(missing)?;
        act(home).map_err(|error| Refusal::WrongState(error.to_string()))
    }
}

fn find_run(found: &mut Repository, uuid: Uuid) -> Result<&mut Pipeline, Refusal> {
    let run = found.pipelines.iter_mut().find(|run| run.uuid == uuid);
    run.ok_or_else(|| Refusal::NoSuchRun(braced(uuid)))
}

fn start(
    company: &mut Company,
    name: &str,
    order: &StartPipeline,
    now: Timestamp,
) -> Result<Started, Refusal> {
    let (_, found) = find(company, name)?;
    let tag = order.reference.strip_prefix("refs/tags/");
    let branch = order.reference.strip_prefix("refs/heads/").unwrap_or(&order.reference);
    let tip = found.git.resolve(tag.unwrap_or(branch)).map(|commit| commit.hash.clone());
    let commit = match &order.commit {
        Some(hash) => found.git.commit(hash).map(|commit| commit.hash.clone()),
        None => tip,
    };
    let commit = commit.ok_or_else(|| Refusal::NoSuchRef(order.reference.clone()))?;
    let target = match tag {
        Some(tag) => Target::Tag { name: tag.to_owned(), commit },
        None => Target::Branch { name: branch.to_owned(), commit },
    };
    begin(company, name, order, target, now)
}

fn begin(
    company: &mut Company,
    name: &str,
    order: &StartPipeline,
    target: Target,
    now: Timestamp,
) -> Result<Started, Refusal> {
    let (home, found) = find(company, name)?;
    if let Some(by) = order.by.filter(|&by| cloud_effective(home, found, by) < Level::Write) {
        let what = "start a pipeline".to_owned();
        return Err(Refusal::NotAllowed { who: braced(by), what });
    }
    let steps: Vec<Step> =
        order.steps.iter().enumerate().map(|(at, plan)| planned(plan, at, now)).collect();
    let found = find_mut(company, name)?;
    let build_number = u64::try_from(found.pipelines.len()).unwrap_or(u64::MAX) + 1;
    let run = Pipeline {
        uuid: Uuid::new_v4(),
        build_number,
        creator: order.by,
        trigger: order.trigger,
        target,
        source: order.source,
        variables: order.variables.clone(),
        steps,
        created_on: now,
        completed_on: None,
        stopped: false,
    };
    let started = Started {
        pipeline: run.uuid,
        build_number,
        commit: run.target.commit().to_owned(),
        steps: run.steps.iter().map(|step| step.uuid).collect(),
    };
    found.pipelines.push(run);
    Ok(started)
}

/// The first step runs at once, the others wait.
fn planned(plan: &PlannedStep, at: usize, now: Timestamp) -> Step {
    let first = at == 0;
    Step {
        uuid: Uuid::new_v4(),
        name: plan.name.clone(),
        state: if first { StepState::InProgress } else { StepState::Pending },
        image: plan.image.clone(),
        setup: vec!["umask 000".to_owned()],
        script: plan.script.clone(),
        environment: plan.environment,
        audiences: plan.audiences.clone(),
        run_number: 1,
        started_on: first.then_some(now),
        completed_on: None,
    }
}

fn claims(
    here: &Here,
    (home, found): (&Workspace, &Repository),
    run: &Pipeline,
    step: &Step,
) -> Result<Value, Refusal> {
    let audiences = step.audiences.as_ref();
    let audiences =
        audiences.ok_or_else(|| Refusal::WrongState("a step without `oidc`".to_owned()))?;
    if step.state != StepState::InProgress {
        return Err(Refusal::WrongState("not in progress".to_owned()));
    }
    let audience = match audiences.as_slice() {
        [] => json!(format!("ari:cloud:bitbucket::workspace/{}", home.uuid)),
        [one] => json!(one),
        several => json!(several),
    };
    let (repository, uuid) = (braced(found.uuid), braced(step.uuid));
    let environment = step.environment.map(braced);
    let subject = match &environment {
        Some(environment) => format!("{repository}:{environment}:{uuid}"),
        None => format!("{repository}:{uuid}"),
    };
    let issued = here.now.as_second();
    let mut claims = json!({
        "iss": issuer_of(here, home), "aud": audience, "sub": subject,
        "iat": issued, "exp": issued + TOKEN_LIFETIME,
        "workspaceUuid": braced(home.uuid), "repositoryUuid": repository,
        "pipelineUuid": braced(run.uuid), "stepUuid": uuid,
    });
    let optional = [
        ("deploymentEnvironmentUuid", environment),
        ("branchName", run.target.branch().map(str::to_owned)),
    ];
    if let Some(object) = claims.as_object_mut() {
        for (name, value) in optional {
            object.extend(value.map(|value| (name.to_owned(), json!(value))));
        }
    }
    Ok(claims)
}

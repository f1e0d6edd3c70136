//! A step and its pipeline. Commands and variable values are dropped while the answer is decoded: there is no type
//! here that could hold one.

use serde::Deserialize;

use crate::bitbucket::client::StepFacts;
use crate::bitbucket::client::StepState;
use crate::bitbucket::client::is_full;
use crate::bitbucket::cloud::rest::Cloud;
use crate::bitbucket::cloud::rest::account::Account;
use crate::bitbucket::cloud::rest::braced;
use crate::bitbucket::cloud::rest::gate::Script;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::event::Gate;
use crate::event::Pipeline;
use crate::event::PipelineSource;
use crate::event::Trigger;
use crate::graph::Id;
use crate::graph::Known;

const PIPELINE: &str = "the pipeline";
const STEP: &str = "the step";

#[derive(Deserialize)]
struct WirePipeline {
    uuid: String,
    /// Null for a schedule; absent is not told.
    #[serde(default, deserialize_with = "told")]
    creator: Known<Account>,
    target: WireTarget,
    trigger: Option<Word>,
    #[serde(default)]
    variables: Vec<WireVariable>,
    configuration_sources: Option<Vec<WireSource>>,
    repository: Option<Home>,
}

#[derive(Deserialize)]
struct WireTarget {
    ref_type: Option<String>,
    ref_name: Option<String>,
    /// Source branch of a pull request's pipeline.
    source: Option<String>,
    commit: Option<Commit>,
    pullrequest: Option<Number>,
}

#[derive(Deserialize)]
struct Commit {
    hash: String,
}

#[derive(Deserialize)]
struct Number {
    id: u64,
}

#[derive(Deserialize)]
struct Home {
    uuid: Option<String>,
}

#[derive(Deserialize)]
struct Word {
    #[serde(rename = "type")]
    type_: Option<String>,
    name: Option<String>,
}

/// No field for the value.
#[derive(Deserialize)]
struct WireVariable {
    key: String,
    #[serde(default)]
    secured: bool,
}

#[derive(Deserialize)]
struct WireSource {
    source: String,
    uri: Option<String>,
}

#[derive(Deserialize)]
struct WireStep {
    uuid: String,
    state: Option<Word>,
    image: Option<Image>,
    pipeline: Option<Home>,
    script_commands: Option<Script>,
}

#[derive(Deserialize)]
struct Image {
    name: Option<String>,
}

impl Cloud {
    /// GET `pipelines/{uuid}` and `pipelines/{uuid}/steps/{uuid}`, at the same time.
    pub(crate) async fn step(
        &self,
        repository: &Id,
        pipeline: &str,
        step: &str,
        deadline: Deadline,
    ) -> Result<StepFacts, FetchError> {
        let (pipeline, step) = (braced(pipeline)?, braced(step)?);
        let class = CallClass::ExecutedScript;
        let run = self.ask_in(repository, &["pipelines", &pipeline], PIPELINE, class)?;
        let path = ["pipelines", &pipeline, "steps", &step];
        let one = self.ask_in(repository, &path, STEP, class)?;
        let (run, one) = tokio::try_join!(
            self.transport().get::<WirePipeline>(&run, deadline),
            self.transport().get::<WireStep>(&one, deadline),
        )?;
        same(&run.uuid, &pipeline, PIPELINE)?;
        same(&one.uuid, &step, STEP)?;
        if let Some(uuid) = run.repository.as_ref().and_then(|home| home.uuid.as_deref()) {
            same(uuid, repository.native(), PIPELINE)?;
        }
        if let Some(uuid) = one.pipeline.as_ref().and_then(|home| home.uuid.as_deref()) {
            same(uuid, &pipeline, STEP)?;
        }
        Ok(self.facts(run, one))
    }

    fn facts(&self, run: WirePipeline, one: WireStep) -> StepFacts {
        let mut actor = run.creator.map(|account| account.actor(self.connection()));
        if actor.is_unknown() {
            actor = Known::unknown("Bitbucket does not tell who started the pipeline");
        }
        let commit = commit(run.target.commit.as_ref());
        let (script_sha256, gate) = script(one.script_commands);
        let pipeline = Pipeline {
            id: Known::Value(bare(&run.uuid)),
            step: Known::Value(bare(&one.uuid)),
            source: source(run.configuration_sources.as_deref(), commit.value()),
            commit,
            trigger: trigger(run.trigger.as_ref()),
            creator: match &actor {
                Known::Value(actor) => actor.id.clone(),
                Known::Nothing => Known::Nothing,
                Known::Unknown(why) => Known::Unknown(why.clone()),
            },
            gate,
            script_sha256,
        };
        StepFacts {
            state: state(one.state.as_ref()),
            pipeline,
            actor,
            reference: reference(&run.target),
            pull_request: run.target.pullrequest.map(|pull_request| pull_request.id),
            image: one.image.and_then(|image| image.name),
            variables: run.variables.into_iter().map(|one| (one.key, one.secured)).collect(),
        }
    }
}

/// A field that is there, null or not. One that is absent stays unknown.
fn told<'de, D, T>(deserializer: D) -> Result<Known<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Known::or_nothing)
}

/// Slugs and caches can lead to another thing: the answer must be about the one that was asked for.
fn same(told: &str, asked: &str, what: &'static str) -> Result<(), FetchError> {
    if bare(told) == bare(asked) {
        return Ok(());
    }
    Err(FetchError::Form { what, why: "it is about another one than was asked for".to_owned() })
}

fn bare(uuid: &str) -> String {
    uuid.trim_start_matches('{').trim_end_matches('}').to_ascii_lowercase()
}

fn commit(told: Option<&Commit>) -> Known<String> {
    match told {
        Some(commit) if is_full(&commit.hash) => Known::Value(commit.hash.clone()),
        Some(_) | None => Known::unknown("Bitbucket does not tell the pipeline's commit in full"),
    }
}

fn script(script: Option<Script>) -> (Known<String>, Known<Gate>) {
    let Some(script) = script else {
        let why = "Bitbucket does not tell the step's commands";
        return (Known::unknown(why), Known::unknown(why));
    };
    let (present, first) = (Known::Value(script.present), Known::Value(script.first));
    (Known::Value(script.sha256), Known::Value(Gate { present, first }))
}

fn state(word: Option<&Word>) -> StepState {
    match word.and_then(|word| word.name.as_deref()) {
        Some("PENDING" | "READY") => StepState::Pending,
        Some("IN_PROGRESS") => StepState::InProgress,
        Some("COMPLETED") => StepState::Completed,
        Some(_) | None => StepState::Other,
    }
}

fn trigger(word: Option<&Word>) -> Known<Trigger> {
    let Some(told) = word.and_then(|word| word.type_.as_deref().or(word.name.as_deref())) else {
        return Known::unknown("Bitbucket does not tell what started the pipeline");
    };
    Known::Value(match told.trim_start_matches("pipeline_trigger_").to_ascii_lowercase().as_str() {
        "push" => Trigger::Push,
        "manual" => Trigger::Manual,
        "schedule" | "scheduled" => Trigger::Schedule,
        "parent_step" => Trigger::ParentStep,
        _ => Trigger::Other,
    })
}

fn reference(target: &WireTarget) -> Option<String> {
    if let Some(branch) = &target.source {
        return Some(format!("refs/heads/{branch}"));
    }
    let name = target.ref_name.as_deref()?;
    match target.ref_type.as_deref()? {
        "branch" | "named_branch" | "BRANCH" => Some(format!("refs/heads/{name}")),
        "tag" | "annotated_tag" | "TAG" | "ANNOTATED_TAG" => Some(format!("refs/tags/{name}")),
        _ => None,
    }
}

/// The committed file, or the strangest source that has a part in it. A file of another commit is not the one that was
/// reviewed.
fn source(told: Option<&[WireSource]>, commit: Option<&String>) -> Known<PipelineSource> {
    let one = |source: &WireSource| match source
        .source
        .to_ascii_lowercase()
        .replace(['-', '_'], "")
        .as_str()
    {
        "repository" if !elsewhere(source.uri.as_deref(), commit) => PipelineSource::Repository,
        "ondemand" => PipelineSource::OnDemand,
        "provider" | "dynamic" | "dynamicpipelinesprovider" | "dynamicpipelines" => {
            PipelineSource::Provider
        }
        _ => PipelineSource::Other,
    };
    let strangeness = |source: &PipelineSource| match source {
        PipelineSource::Repository => 0,
        PipelineSource::Other => 1,
        PipelineSource::Provider => 2,
        PipelineSource::OnDemand => 3,
    };
    match told.and_then(|told| told.iter().map(one).max_by_key(strangeness)) {
        Some(source) => Known::Value(source),
        None => Known::unknown("Bitbucket does not tell where the pipeline's definition came from"),
    }
}

/// Whether an address of a file names another commit than this one.
fn elsewhere(uri: Option<&str>, commit: Option<&String>) -> bool {
    let named = uri.and_then(|uri| uri.split('/').find(|part| is_full(part)));
    named.is_some_and(|named| Some(named) != commit.map(String::as_str))
}

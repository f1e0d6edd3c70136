//! The body of a check: what is asked, and what the caller says of itself. All of it is a claim.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::graph::Known;
use crate::policy::input::Claimed;

/// Longest action word.
const MAX_ACTION: usize = 40;
/// Most variables in one question.
const MAX_VARIABLES: usize = 100;
/// Longest of the other texts, characters; they are shown to approvers.
const MAX_TEXT: usize = 2_000;

/// What is asked.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = example())]
pub struct Question {
    /// What is about to be done: `deploy`, `run`, `read-secret`, `publish`, `merge`, or any word that rules know.
    #[schemars(regex(pattern = "^[a-z][a-z0-9-]{0,39}$"))]
    pub action: String,
    /// The repository, as the caller names it.
    #[schemars(length(max = MAX_TEXT))]
    #[serde(default)]
    pub repository: Option<String>,
    /// The environment, as the caller names it.
    #[schemars(length(max = MAX_TEXT))]
    #[serde(default)]
    pub environment: Option<String>,
    /// Variables it says it will read.
    #[schemars(length(max = MAX_VARIABLES))]
    #[serde(default)]
    pub variables: Vec<String>,
    /// The run, as the caller describes it.
    #[serde(default)]
    pub step: StepClaim,
    /// What the approver should know.
    #[schemars(length(max = MAX_TEXT))]
    #[serde(default)]
    pub reason: Option<String>,
}

/// The run, as the caller describes it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StepClaim {
    /// Commit, 40 hex digits.
    #[schemars(regex(pattern = "^[0-9a-fA-F]{40}$"))]
    pub commit: Option<String>,
    /// Branch, short name.
    #[schemars(length(max = MAX_TEXT))]
    pub branch: Option<String>,
    /// Tag, short name.
    #[schemars(length(max = MAX_TEXT))]
    pub tag: Option<String>,
    /// Pull request number.
    pub pull_request: Option<u64>,
    /// UUID of the pipeline.
    pub pipeline: Option<String>,
    /// UUID of the step.
    pub step: Option<String>,
    /// The build's number.
    pub build: Option<u64>,
    /// Address of the run, for people.
    #[schemars(length(max = MAX_TEXT))]
    pub run: Option<String>,
}

/// The contract's own.
fn example() -> serde_json::Value {
    serde_json::json!({
        "action": "deploy", "repository": "acme/billing", "environment": "production", "variables": ["AWS_PROD_KEY"],
        "step": {"commit": "5a7c3de01f6b4a8e9d2c7b60f1e4a3958d7c6b21", "branch": "main"},
        "reason": "Release 4.2",
    })
}

/// Whether a text is a word for something that can be done.
pub fn is_action(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && text.len() <= MAX_ACTION
}

impl Question {
    /// Reads a body. The error names the member and what it should be.
    pub fn read(body: &[u8]) -> Result<Self, String> {
        // serde alone would take a list too, member by member.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err("the question cannot be read: it must be one JSON object".to_owned());
        }
        let question: Self = serde_json::from_slice(body)
            .map_err(|error| format!("the question cannot be read: {error}"))?;
        question.check()?;
        Ok(question)
    }

    fn check(&self) -> Result<(), String> {
        if !is_action(&self.action) {
            return Err("`action` must be a lower-case word such as `deploy`, at most 40 letters, digits and `-`".to_owned());
        }
        if self.variables.len() > MAX_VARIABLES {
            return Err(format!(
                "`variables` holds {} names; at most {MAX_VARIABLES} are answered",
                self.variables.len()
            ));
        }
        if let Some(commit) = &self.step.commit
            && (commit.len() != 40 || !commit.bytes().all(|b| b.is_ascii_hexdigit()))
        {
            return Err("`step.commit` must be a full commit hash of 40 hex digits".to_owned());
        }
        let texts = [
            ("repository", &self.repository),
            ("environment", &self.environment),
            ("reason", &self.reason),
            ("step.branch", &self.step.branch),
            ("step.tag", &self.step.tag),
            ("step.run", &self.step.run),
        ];
        let too_long = texts
            .iter()
            .find(|(_, text)| text.as_ref().is_some_and(|text| text.chars().count() > MAX_TEXT));
        too_long.map_or(Ok(()), |(name, _)| {
            Err(format!("`{name}` is longer than {MAX_TEXT} characters"))
        })
    }

    /// The names, sorted, each once.
    pub fn sorted_variables(&self) -> Vec<String> {
        let mut names = self.variables.clone();
        names.sort();
        names.dedup();
        names
    }

    /// The ref the caller says it builds, by its full name.
    pub fn reference(&self) -> Option<String> {
        let branch = self.step.branch.as_ref().map(|name| format!("refs/heads/{name}"));
        branch.or_else(|| self.step.tag.as_ref().map(|name| format!("refs/tags/{name}")))
    }

    /// The claims as they stand in the input.
    pub fn claimed(&self) -> Claimed {
        let step = &self.step;
        Claimed {
            repository: Known::or_nothing(self.repository.clone()),
            commit: Known::or_nothing(step.commit.clone()),
            branch: Known::or_nothing(step.branch.clone()),
            tag: Known::or_nothing(step.tag.clone()),
            pull_request: Known::or_nothing(step.pull_request),
            environment: Known::or_nothing(self.environment.clone()),
            variables: Known::Value(self.sorted_variables()),
            run: Known::or_nothing(step.run.clone()),
            build: Known::or_nothing(step.build),
            reason: Known::or_nothing(self.reason.clone()),
            subject: Known::Nothing,
            resource: Known::Nothing,
            action: Known::Nothing,
            context: Known::Nothing,
        }
    }
}

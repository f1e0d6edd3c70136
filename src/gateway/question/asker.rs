//! Who asks: a pipeline step by its own token, another CI by its own or by a service token. Nothing else is believed.

use std::sync::Arc;

use sha2::Digest;
use sha2::Sha256;

use crate::bitbucket::FetchError;
use crate::bitbucket::issuer::KeyError;
use crate::event::caller;
use crate::event::caller::CiIdentity;
use crate::event::caller::Peek;
use crate::event::caller::Scope;
use crate::event::caller::StepIdentity;
use crate::event::caller::TokenDoor;
use crate::gateway::Gateway;
use crate::gateway::connections::Connection;
use crate::gateway::question::CheckError;
use crate::gateway::question::Question;
use crate::gateway::question::told;
use crate::graph::Snapshot;
use crate::policy::input::CallerKind;
use crate::store::ServiceToken;

/// Who asks, proven.
#[derive(Debug)]
pub enum Asker {
    /// A pipeline step.
    Step {
        /// Where.
        connection: Arc<Connection>,
        /// What its token proves.
        step: StepIdentity,
    },
    /// Whoever holds a service token.
    Service {
        /// Where.
        connection: Arc<Connection>,
        /// The token.
        token: ServiceToken,
        /// What it may ask about.
        scope: Scope,
    },
    /// A job of another CI.
    Ci {
        /// Where.
        connection: Arc<Connection>,
        /// What its token says.
        ci: CiIdentity,
        /// What jobs of its kind may ask about.
        scope: Scope,
    },
}

/// Step tokens remembered at one time, about 1 KB each. A forgotten one is only verified again.
const MAX_PROVEN: u64 = 20_000;

/// Step tokens whose signature held, by their SHA-256: a step asks several times with one token, and its signature costs
/// more than the rest of a decision. A token is good from here until it ends, and only while its key is in the issuer's
/// set: a key that is withdrawn takes its tokens with it. Service tokens are not here, they can be revoked at any time.
#[derive(Debug)]
pub struct Proven(moka::sync::Cache<[u8; 32], Arc<ProvenStep>>);

#[derive(Debug)]
struct ProvenStep {
    step: StepIdentity,
    issuer: String,
    key: String,
}

impl Proven {
    /// None yet.
    pub fn new() -> Self {
        Self(moka::sync::Cache::new(MAX_PROVEN))
    }
}

impl Default for Proven {
    fn default() -> Self {
        Self::new()
    }
}

impl Gateway {
    /// Judges a token: whose it is, and for which connection.
    pub async fn asker(&self, token: &str) -> Result<Asker, CheckError> {
        if caller::ServiceToken::is_meant(token) {
            return self.service(token).await;
        }
        // A step asks several times: what its token proved before costs one look, and the token is not read again.
        let hash = crate::secret::hash_token(token);
        if let Some(step) = self.proven_before(&hash).await {
            return self.step_asker(step);
        }
        // Which keys to try: nothing else is taken from what is not proven yet.
        let claimed = caller::peek(token);
        let claimed = claimed.map_err(|error| CheckError::Unknown(error.to_string()))?;
        if self.connections.now().ci(&claimed.issuer).next().is_some() {
            return self.ci_asker(token, &claimed).await;
        }
        self.step_asker(self.proven(token, claimed, hash).await?)
    }

    /// The first of the CI of this issuer that the token is for; else what was wrong where most can be said of it.
    async fn ci_asker(&self, token: &str, claimed: &Peek) -> Result<Asker, CheckError> {
        let (mut told, mut refused) = (0, "the token's CI is gone".to_owned());
        let known = self.connections.now();
        for (connection, trusted) in known.ci(&claimed.issuer) {
            let (tells, why) = match self.keys.keys_of(&trusted.keys, &claimed.key).await {
                Ok(keys) => match caller::ci(token, &trusted.ci, &keys, self.clock.now()) {
                    Ok(ci) => {
                        let scope = trusted.ci.scope.clone();
                        return Ok(Asker::Ci { connection: Arc::clone(connection), ci, scope });
                    }
                    Err(error) => (error.tells(), error.to_string()),
                },
                Err(error) => (1, error.to_string()),
            };
            if tells >= told {
                (told, refused) = (tells, why);
            }
        }
        Err(CheckError::Unknown(refused))
    }

    fn step_asker(&self, step: StepIdentity) -> Result<Asker, CheckError> {
        let connection = self.connections.get(&step.connection);
        let connection = connection
            .ok_or_else(|| CheckError::Unknown("the token's connection is gone".to_owned()))?;
        Ok(Asker::Step { connection, step })
    }

    /// What a token proved before, if it has not ended and its key still stands.
    async fn proven_before(&self, hash: &[u8; 32]) -> Option<StepIdentity> {
        let proven = self.proven.0.get(hash)?;
        let keys = self.keys.keys(&proven.issuer, &proven.key).await.ok()?;
        let stands = self.clock.now() < proven.step.ends && keys.key(&proven.key).is_some();
        if !stands {
            self.proven.0.invalidate(hash);
        }
        stands.then(|| proven.step.clone())
    }

    /// What a token proves, by its signature.
    async fn proven(
        &self,
        token: &str,
        claimed: Peek,
        hash: [u8; 32],
    ) -> Result<StepIdentity, CheckError> {
        let unknown = |error: caller::TokenError| CheckError::Unknown(error.to_string());
        let known = self.connections.now();
        let issuer = caller::choose(&claimed, known.issuers()).map_err(unknown)?;
        let keys = self.keys.keys(&issuer.issuer, &claimed.key).await;
        let keys = keys.map_err(|error| without_keys(&error))?;
        let step = caller::step(token, issuer, &keys, self.clock.now()).map_err(unknown)?;
        let proven =
            ProvenStep { step: step.clone(), issuer: issuer.issuer.clone(), key: claimed.key };
        self.proven.0.insert(hash, Arc::new(proven));
        Ok(step)
    }

    async fn service(&self, token: &str) -> Result<Asker, CheckError> {
        let unknown = || {
            CheckError::Unknown("the service token is not known here, or was revoked".to_owned())
        };
        let row = self
            .store
            .token_by_hash(crate::secret::hash_token(token))
            .await?
            .ok_or_else(unknown)?;
        if row.revoked.is_some() {
            return Err(unknown());
        }
        if self.clock.now() >= row.expires {
            return Err(CheckError::Unknown(format!(
                "the service token `{}` ended at {}",
                row.name, row.expires
            )));
        }
        let connection = self.connections.get(&row.connection).ok_or_else(unknown)?;
        let scope = Scope::kept(&row.repositories, &row.actions, &row.environments);
        Ok(Asker::Service { connection, token: row, scope })
    }
}

impl Asker {
    /// Where.
    pub const fn connection(&self) -> &Arc<Connection> {
        match self {
            Self::Step { connection, .. }
            | Self::Service { connection, .. }
            | Self::Ci { connection, .. } => connection,
        }
    }

    /// How it was known.
    pub const fn kind(&self) -> CallerKind {
        match self {
            Self::Step { .. } => CallerKind::Step,
            Self::Service { .. } => CallerKind::Service,
            Self::Ci { .. } => CallerKind::Ci,
        }
    }

    /// Whether it is a step of Bitbucket's own: a run that can be read there, so that an answer to it can stand.
    pub const fn is_step(&self) -> bool {
        matches!(self, Self::Step { .. })
    }

    /// What the record calls it: the step, the token's id, or the CI and its job.
    pub fn id(&self) -> String {
        match self {
            Self::Step { step, .. } => step.step.clone(),
            Self::Service { token, .. } => token.id.to_string(),
            Self::Ci { ci, .. } => format!("{}:{}", ci.ci, ci.subject),
        }
    }

    /// SHA-256 of what makes it this asker, hex: the step and its token's issue time, or the token.
    pub fn hash(&self) -> String {
        let text = match self {
            Self::Step { connection, step } => {
                format!(
                    "{}\nstep\n{}\n{}\n{}",
                    connection.id,
                    step.pipeline,
                    step.step,
                    step.issued.millis()
                )
            }
            Self::Service { connection, token, .. } => {
                format!("{}\nservice\n{}", connection.id, token.id)
            }
            Self::Ci { connection, ci, .. } => format!("{}\nci\n{}", connection.id, run_of(ci)),
        };
        hex::encode(Sha256::digest(text))
    }

    /// Refuses a service token that does not open this door. Steps and jobs of another CI have the check alone.
    pub fn opens(&self, door: TokenDoor) -> Result<(), CheckError> {
        let named = door.as_str();
        match self {
            Self::Service { token, .. } if token.doors.iter().any(|door| door == named) => Ok(()),
            Self::Service { token, .. } => Err(CheckError::Forbidden(format!(
                "the service token `{}` does not open `{named}`, only `{}`: make one with `portcullis token create --door {named}`",
                token.name,
                token.doors.join("`, `")
            ))),
            Self::Step { .. } | Self::Ci { .. } if door == TokenDoor::Check => Ok(()),
            Self::Step { .. } | Self::Ci { .. } => Err(CheckError::Forbidden(format!(
                "this takes a service token with the door `{named}`, not the token of a step or job"
            ))),
        }
    }

    /// Refuses a question that contradicts what the token proves.
    pub fn agrees_with(&self, question: &Question, graph: &Snapshot) -> Result<(), CheckError> {
        match self {
            Self::Step { step, .. } => step_agrees(step, question, graph),
            Self::Service { connection, token, scope } => {
                let holder = format!("the service token `{}`", token.name);
                told::within_scope(&holder, scope, question)?;
                let Some(name) = &question.repository else {
                    return Err(CheckError::Malformed(
                        "a service token carries no repository: name it with `repository`, PROJECT/SLUG"
                            .to_owned(),
                    ));
                };
                let repository = told::repository(connection, name, graph)?;
                told::repository_within(&holder, scope, &repository, graph)
            }
            Self::Ci { connection, ci, scope } => {
                told::ci_agrees(connection, ci, scope, question, graph)
            }
        }
    }
}

/// One run of a job, as its token tells it: another run, or another token of the same second for something else, differs.
fn run_of(ci: &CiIdentity) -> String {
    let claims = [&ci.run, &ci.repository, &ci.reference, &ci.commit, &ci.environment];
    let claims = claims.map(|claim| claim.value().map(String::as_str).unwrap_or_default());
    let issued = ci.issued.millis().to_string();
    let parts = [ci.ci.as_str(), &ci.subject, &issued].into_iter().chain(claims);
    let parts: Vec<String> = parts.map(|part| format!("{}:{part}", part.len())).collect();
    parts.join("\n")
}

fn forbidden(why: String) -> Result<(), CheckError> {
    Err(CheckError::Forbidden(why))
}

fn step_agrees(
    step: &StepIdentity,
    question: &Question,
    graph: &Snapshot,
) -> Result<(), CheckError> {
    let claims = [
        ("pipeline", &question.step.pipeline, &step.pipeline),
        ("step", &question.step.step, &step.step),
    ];
    for (what, claimed, proven) in claims {
        if let Some(claimed) = claimed
            && bare(claimed) != bare(proven)
        {
            return forbidden(format!(
                "the question names {what} `{claimed}`, but the token is for `{proven}`"
            ));
        }
    }
    if let Some(claimed) = &question.repository
        && let Some(name) = graph.find(&step.repository).and_then(|node| graph.full_name(node))
        && !claimed.eq_ignore_ascii_case(&name)
    {
        return forbidden(format!(
            "the question names repository `{claimed}`, but the token is for `{name}`"
        ));
    }
    environment_agrees(step, question, graph)
}

fn environment_agrees(
    step: &StepIdentity,
    question: &Question,
    graph: &Snapshot,
) -> Result<(), CheckError> {
    let Some(claimed) = &question.environment else { return Ok(()) };
    let Some(proven) = &step.environment else {
        return forbidden(format!(
            "the question names environment `{claimed}`, but the step's token has none: add `deployment: {claimed}` to the step"
        ));
    };
    if bare(claimed) == proven.native() {
        return Ok(());
    }
    let Some(node) = graph.find(proven) else { return Ok(()) };
    let called = |name: Option<&str>| name.is_some_and(|name| name.eq_ignore_ascii_case(claimed));
    let name = graph.node(node).and_then(|node| node.name.as_deref());
    if called(name) || called(graph.text(node, "slug").value().copied()) {
        return Ok(());
    }
    forbidden(format!(
        "the question names environment `{claimed}`, but the step deploys to `{}`",
        name.unwrap_or(proven.native())
    ))
}

/// UUIDs are compared without braces and case.
fn bare(text: &str) -> String {
    text.trim_matches(['{', '}']).to_ascii_lowercase()
}

/// Nobody was refused whose token could not be judged. Only where there is no key at all was it signed by somebody else.
fn without_keys(error: &KeyError) -> CheckError {
    match error {
        KeyError::Unread(_, FetchError::Missing { .. }) | KeyError::Address(_) => {
            CheckError::Unknown(error.to_string())
        }
        KeyError::Unread(..)
        | KeyError::Unusable(..)
        | KeyError::Described(..)
        | KeyError::File(..)
        | KeyError::Client => CheckError::Unavailable(error.to_string()),
    }
}

//! The part of the tour in which pipeline steps ask before they act, with real step tokens; and the life of an approval.

use std::time::Duration;

use portcullis::simulator::cloud_pipelines::StepOf;
use portcullis::simulator::git::Change;
use portcullis::simulator::pipelines::PlannedStep;
use portcullis::simulator::pipelines::StartPipeline;
use portcullis::simulator::pipelines::StepState;
use serde_json::Value;
use serde_json::json;
use tokio::process::Command;
use uuid::Uuid;

use crate::assembly::AssemblyError;
use crate::demo::company::BILLING;
use crate::demo::scene::ALLOW;
use crate::demo::scene::APPROVE;
use crate::demo::scene::BLOCK;
use crate::demo::scene::Watcher;
use crate::demo::show;
use crate::demo::tour::Stage;
use crate::demo::tour::refused;
use crate::json::at;

/// The first command of every honest step.
const GATE: &str = "portcullis check --action deploy";

/// How long the tour lets pass at once: past every window that the shipped rules give an approval.
const FIVE_HOURS: Duration = Duration::from_hours(5);

/// A step that runs and holds its token.
struct Step {
    token: String,
    pipeline: Uuid,
    uuid: Uuid,
}

/// A step is started in the simulated Bitbucket.
fn started(stage: &Stage<'_>, order: &StartPipeline) -> Result<Step, AssemblyError> {
    let cloud = stage.simulator.cloud();
    let run = cloud.start_pipeline(BILLING, order).map_err(refused)?;
    let step = *run
        .steps
        .first()
        .ok_or_else(|| AssemblyError::Other("the pipeline has no step".to_owned()))?;
    let of = StepOf { repository: BILLING, pipeline: run.pipeline, step };
    let token = cloud.step_token(of).map_err(refused)?;
    Ok(Step { token, pipeline: run.pipeline, uuid: step })
}

fn deploy(stage: &Stage<'_>, branch: &str, environment: Uuid) -> StartPipeline {
    let audience = stage.running.gateway.public_url.clone();
    let step =
        PlannedStep::new("deploy", &[GATE, "./deploy.sh"], &[&audience]).deploying_to(environment);
    StartPipeline::on_push(stage.cast.mia, branch, vec![step])
}

/// Asks the gate as the step would: over the wire, with its token.
async fn asks(
    stage: &Stage<'_>,
    step: &Step,
    question: &Value,
) -> Result<(u16, Value), AssemblyError> {
    let address = format!("http://{}/v1/check", stage.running.public);
    let answer =
        reqwest::Client::new().post(address).bearer_auth(&step.token).json(question).send().await;
    let answer = answer.map_err(AssemblyError::other)?;
    let status = answer.status().as_u16();
    Ok((status, answer.json().await.map_err(AssemblyError::other)?))
}

fn deploying(environment: &str) -> Value {
    json!({"action": "deploy", "environment": environment, "reason": "24.9 is ready"})
}

/// Steps that need nobody: let pass or stopped.
pub async fn pipelines(stage: &Stage<'_>, watcher: &mut Watcher<'_>) -> Result<(), AssemblyError> {
    let cast = stage.cast;
    watcher.scene("Pipeline: a step deploys main to staging, and asks first");
    let step = started(stage, &deploy(stage, "main", cast.staging))?;
    let (_, answer) = asks(stage, &step, &deploying("staging")).await?;
    watcher.answered(&answer, ALLOW).await?;

    watcher.scene("Pipeline: somebody uses a step's token after the step has ended");
    let step = started(stage, &deploy(stage, "main", cast.staging))?;
    let of = StepOf { repository: BILLING, pipeline: step.pipeline, step: step.uuid };
    stage.simulator.cloud().set_step(of, StepState::Successful).map_err(refused)?;
    let (status, answer) = asks(stage, &step, &deploying("staging")).await?;
    watcher.claim(
        status == 403,
        &format!("{status}: {}", at(&answer, "/detail").as_str().unwrap_or_default()),
    );

    watcher.scene("Pipeline: a step deploys a feature branch to production");
    let step = started(stage, &deploy(stage, "feature/invoice", cast.production))?;
    let (_, answer) = asks(stage, &step, &deploying("production")).await?;
    watcher.answered(&answer, BLOCK).await?;

    watcher.scene("Pipeline: Ravi starts YAML of his own, which nobody committed");
    let step = started(stage, &deploy(stage, "main", cast.staging).on_demand())?;
    let (_, answer) = asks(stage, &step, &deploying("staging")).await?;
    watcher.answered(&answer, BLOCK).await?;
    Ok(())
}

/// Time passes in the company: its own clock and the gate's.
fn pass_time(stage: &Stage<'_>, by: Duration) {
    stage.running.gateway.clock.advance(by);
    stage.simulator.turn_clock(jiff::SignedDuration::try_from(by).unwrap_or_default());
}

/// An approval's life: asked, approved by the operator from a terminal, used once, and refused for everything else.
pub async fn approval(stage: &Stage<'_>, watcher: &mut Watcher<'_>) -> Result<(), AssemblyError> {
    let order = || deploy(stage, "main", stage.cast.production);
    let question = deploying("production");

    watcher.scene("Pipeline: Mia's step deploys main to production, Friday 17:55");
    let step = started(stage, &order())?;
    let (_, asked) = asks(stage, &step, &question).await?;
    watcher.answered(&asked, APPROVE).await?;
    let ticket = approved_by_command(stage, watcher, &asked).await?;

    watcher.scene("Pipeline: the same question again, now that it is approved");
    let (_, answer) = asks(stage, &step, &question).await?;
    watcher.answered(&answer, ALLOW).await?;
    watcher.claim(
        *at(&answer, "/satisfied_by") == json!([ticket]),
        "satisfied by that ticket, whose grant is spent now",
    );

    watcher.scene("Pipeline: a second run wants to use the same approval");
    refused_grant(stage, watcher, &started(stage, &order())?, "spent").await?;

    watcher.scene("Pipeline: an approval is given, but then main moves on");
    let (_, asked) = asks(stage, &started(stage, &order())?, &question).await?;
    approved_by_command(stage, watcher, &asked).await?;
    merge_something(stage).await?;
    refused_grant(stage, watcher, &started(stage, &order())?, "commit").await?;

    watcher.scene("Pipeline: an approval is given, and not used for five hours");
    let (_, asked) = asks(stage, &started(stage, &order())?, &question).await?;
    approved_by_command(stage, watcher, &asked).await?;
    pass_time(stage, FIVE_HOURS);
    refused_grant(stage, watcher, &started(stage, &order())?, "expired").await
}

/// Approves the answer's ticket with the real command, as an operator would.
async fn approved_by_command(
    stage: &Stage<'_>,
    watcher: &mut Watcher<'_>,
    asked: &Value,
) -> Result<String, AssemblyError> {
    let ticket = at(asked, "/ticket/id").as_str().unwrap_or_default().to_owned();
    show::command(&format!("portcullis ticket approve {ticket}"));
    let program = std::env::current_exe().map_err(AssemblyError::other)?;
    let done = Command::new(program)
        .args(["ticket", "approve", &ticket, "--reason", "24.9 was tested"])
        .args(["--gateway", &format!("http://{}", stage.running.operator), "--data"])
        .arg(stage.data)
        .env_remove("PORTCULLIS_OPERATOR_TOKEN")
        .output()
        .await
        .map_err(AssemblyError::other)?;
    let said = String::from_utf8_lossy(&done.stdout);
    watcher.claim(done.status.success(), said.lines().next().unwrap_or("the command said nothing"));
    Ok(ticket)
}

/// The question of another run: it waits again, and the record says why the old grant was not used.
async fn refused_grant(
    stage: &Stage<'_>,
    watcher: &mut Watcher<'_>,
    step: &Step,
    why: &str,
) -> Result<(), AssemblyError> {
    let (_, answer) = asks(stage, step, &deploying("production")).await?;
    let told = watcher.answered(&answer, APPROVE).await?;
    let refused = told.record.public.refused_grants.iter().find(|grant| grant.why.contains(why));
    let text = refused.map_or_else(
        || format!("no grant was refused as `{why}`"),
        |grant| format!("refused: {}", grant.why),
    );
    watcher.claim(refused.is_some(), &text);
    Ok(())
}

/// A reviewed change comes to main.
async fn merge_something(stage: &Stage<'_>) -> Result<(), AssemblyError> {
    use portcullis::simulator::cloud_acts::OpenPull;
    use portcullis::simulator::cloud_acts::PullAct;
    let (cloud, cast) = (stage.simulator.cloud(), stage.cast);
    cloud
        .push(BILLING, cast.ravi, &[Change::new_branch("feature/typo", "main", 1)])
        .await
        .map_err(refused)?;
    let open = OpenPull::new("A typo", "feature/typo", "main");
    let pull = cloud.open_pull(BILLING, cast.ravi, open).await.map_err(refused)?.value;
    cloud.pull(BILLING, pull, cast.omar, PullAct::Approve).await.map_err(refused)?;
    cloud.pull(BILLING, pull, cast.mia, PullAct::Merge).await.map_err(refused)?;
    Ok(())
}

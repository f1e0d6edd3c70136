//! The tour: what happens in the company, and what the gate must say to each of it.

mod check;

use std::path::Path;

use portcullis::gateway::telling::Told;
use portcullis::simulator::Simulator;
use portcullis::simulator::cloud_acts::OpenPull;
use portcullis::simulator::cloud_acts::PullAct;
use portcullis::simulator::datacenter_acts::DcOpenPull;
use portcullis::simulator::datacenter_acts::DcPullAct;
use portcullis::simulator::git::Change;
use portcullis::simulator::refusal::Refusal;

use crate::assembly::AssemblyError;
use crate::assembly::Running;
use crate::demo::company::BILLING;
use crate::demo::company::Cast;
use crate::demo::company::LEDGER;
use crate::demo::scene::ALERT;
use crate::demo::scene::ALLOW;
use crate::demo::scene::BLOCK;
use crate::demo::scene::Expected;
use crate::demo::scene::Watcher;

/// Where the tour plays.
pub struct Stage<'a> {
    /// The simulated Bitbucket.
    pub simulator: &'a Simulator,
    /// The gate.
    pub running: &'a Running,
    /// The company's people.
    pub cast: &'a Cast,
    /// The folder of the gate's operator token.
    pub data: &'a Path,
}

/// Plays every scene; whether all was as expected.
pub async fn play(stage: &Stage<'_>) -> Result<bool, AssemblyError> {
    let mut watcher = Watcher::new(stage.running);
    cloud_pushes(stage, &mut watcher).await?;
    cloud_pull_requests(stage, &mut watcher).await?;
    cloud_repository(stage, &mut watcher).await?;
    check::pipelines(stage, &mut watcher).await?;
    check::approval(stage, &mut watcher).await?;
    datacenter(stage, &mut watcher).await?;
    println!("\n{} decisions were made and recorded.", watcher.shown);
    Ok(watcher.wrong == 0 && watcher.shown >= 12)
}

fn refused(error: Refusal) -> AssemblyError {
    AssemblyError::Other(format!("the simulated Bitbucket refused: {error}"))
}

async fn pushed(
    stage: &Stage<'_>,
    watcher: &mut Watcher<'_>,
    title: &str,
    change: Change,
    expected: Expected,
) -> Result<Told, AssemblyError> {
    watcher.scene(title);
    stage.simulator.cloud().push(BILLING, stage.cast.ravi, &[change]).await.map_err(refused)?;
    watcher.next(expected).await
}

async fn cloud_pushes(stage: &Stage<'_>, watcher: &mut Watcher<'_>) -> Result<(), AssemblyError> {
    let title = "Cloud: Ravi makes a branch of his own";
    pushed(stage, watcher, title, Change::new_branch("feature/invoice", "main", 2), ALLOW).await?;
    let title = "Cloud: Ravi pushes two commits to it";
    pushed(stage, watcher, title, Change::commits("feature/invoice", 2), ALLOW).await?;
    let title = "Cloud: Mia opens the release branch";
    pushed(stage, watcher, title, Change::new_branch("release/24.9", "main", 3), ALLOW).await?;
    let title = "Cloud: Ravi pushes straight to release/24.9, which is protected";
    pushed(stage, watcher, title, Change::commits("release/24.9", 1), BLOCK).await?;
    let title = "Cloud: Ravi rewrites release/24.9";
    pushed(stage, watcher, title, Change::rewrite("release/24.9", 1, 1), BLOCK).await?;
    let title = "Cloud: Ravi tags a commit";
    pushed(stage, watcher, title, Change::new_tag("v24.9", "main"), ALLOW).await?;
    let title = "Cloud: Ravi deletes the tag again";
    pushed(stage, watcher, title, Change::delete_tag("v24.9"), ALERT).await?;
    Ok(())
}

async fn cloud_pull_requests(stage: &Stage<'_>, watcher: &mut Watcher<'_>) -> Result<(), AssemblyError> {
    let (cloud, cast) = (stage.simulator.cloud(), stage.cast);
    watcher.scene("Cloud: Ravi opens a pull request; no rule answers that, and the gate says so");
    let open = OpenPull::new("Invoices", "feature/invoice", "release/24.9");
    let pull = cloud.open_pull(BILLING, cast.ravi, open).await.map_err(refused)?.value;
    let told = watcher.next(ALLOW).await?;
    watcher.claim(told.record.public.uncovered, "it is called uncovered, and counted");
    watcher.scene("Cloud: Ravi merges it himself; nobody else looked at it");
    cloud.pull(BILLING, pull, cast.ravi, PullAct::Merge).await.map_err(refused)?;
    merged(watcher, BLOCK).await
}

/// A merge brings two webhooks in no order: the pull request's, and the push to its target.
async fn merged(watcher: &mut Watcher<'_>, expected: Expected) -> Result<(), AssemblyError> {
    use portcullis::event::EventKind;
    let first = watcher.next_of(EventKind::PullRequestMerged, expected).await?;
    watcher.claim(first.record.public.repository.is_some(), "the repository is named by an id that never changes");
    Ok(())
}

async fn cloud_repository(stage: &Stage<'_>, watcher: &mut Watcher<'_>) -> Result<(), AssemblyError> {
    let (cloud, cast) = (stage.simulator.cloud(), stage.cast);
    watcher.scene("Cloud: Nadia forks billing into a workspace that is not the company's");
    cloud.fork(BILLING, cast.nadia, ("elsewhere", "billing-copy")).await.map_err(refused)?;
    watcher.next(BLOCK).await.map(drop)
}

async fn datacenter(stage: &Stage<'_>, watcher: &mut Watcher<'_>) -> Result<(), AssemblyError> {
    let dc = stage.simulator.datacenter();
    watcher.scene("Data Center: Ravi makes a branch");
    dc.push(LEDGER, "ravi", &[Change::new_branch("feature/totals", "main", 2)]).await.map_err(refused)?;
    watcher.next(ALLOW).await?;
    watcher.scene("Data Center: Ravi rewrites main; the body does not say so, the gate asks Bitbucket");
    dc.push(LEDGER, "ravi", &[Change::rewrite("main", 0, 1)]).await.map_err(refused)?;
    watcher.next(BLOCK).await?;
    watcher.scene("Data Center: Ravi opens a pull request, Omar approves it, Ravi merges it");
    let open = DcOpenPull { title: "Totals", fork: None, source: "feature/totals", destination: "main", reviewers: Vec::new() };
    let pull = dc.open_pull(LEDGER, "ravi", open).await.map_err(refused)?.value;
    watcher.next(ALLOW).await?;
    dc.pull(LEDGER, pull, "omar", DcPullAct::Approve).await.map_err(refused)?;
    watcher.next(ALLOW).await?;
    dc.pull(LEDGER, pull, "ravi", DcPullAct::Merge).await.map_err(refused)?;
    merged(watcher, ALLOW).await?;
    watcher.scene("Data Center: Mia makes the repository public");
    dc.modify(LEDGER, "mia", "ledger", true).await.map_err(refused)?;
    watcher.next_of(portcullis::event::EventKind::RepositoryUpdated, BLOCK).await.map(drop)
}

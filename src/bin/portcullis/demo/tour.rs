//! The tour: what happens in the company, and what the gate must say to each of it.

mod check;

use std::path::Path;

use portcullis::event::EventKind;
use portcullis::graph::Product;
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
use crate::demo::show;

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
    show::summary(&watcher.rows);
    Ok(watcher.wrong == 0 && watcher.rows.len() >= 12)
}

#[expect(clippy::needless_pass_by_value, reason = "handed to `map_err`, which gives it away")]
fn refused(error: Refusal) -> AssemblyError {
    AssemblyError::Other(format!("the simulated Bitbucket refused: {error}"))
}

/// A push of Ravi's, and what is expected of it.
struct Push {
    title: &'static str,
    change: Change,
    kind: EventKind,
    expected: Expected,
}

async fn pushed(
    stage: &Stage<'_>,
    watcher: &mut Watcher<'_>,
    push: Push,
) -> Result<(), AssemblyError> {
    watcher.scene(push.title);
    stage
        .simulator
        .cloud()
        .push(BILLING, stage.cast.ravi, &[push.change])
        .await
        .map_err(refused)?;
    watcher.next(push.kind, push.expected).await.map(drop)
}

async fn cloud_pushes(stage: &Stage<'_>, watcher: &mut Watcher<'_>) -> Result<(), AssemblyError> {
    let scenes = [
        (
            "Cloud: Ravi makes a branch of his own",
            Change::new_branch("feature/invoice", "main", 2),
            EventKind::BranchCreated,
            ALLOW,
        ),
        (
            "Cloud: Ravi pushes two commits to it",
            Change::commits("feature/invoice", 2),
            EventKind::Push,
            ALLOW,
        ),
        (
            "Cloud: Ravi opens the release branch",
            Change::new_branch("release/24.9", "main", 3),
            EventKind::BranchCreated,
            ALLOW,
        ),
        (
            "Cloud: Ravi pushes straight to release/24.9 (protected)",
            Change::commits("release/24.9", 1),
            EventKind::Push,
            BLOCK,
        ),
        (
            "Cloud: Ravi rewrites release/24.9",
            Change::rewrite("release/24.9", 1, 1),
            EventKind::Push,
            BLOCK,
        ),
        (
            "Cloud: Ravi tags a commit",
            Change::new_tag("v24.9", "main"),
            EventKind::TagCreated,
            ALLOW,
        ),
        (
            "Cloud: Ravi deletes the tag again",
            Change::delete_tag("v24.9"),
            EventKind::TagDeleted,
            ALERT,
        ),
    ];
    for (title, change, kind, expected) in scenes {
        pushed(stage, watcher, Push { title, change, kind, expected }).await?;
    }
    Ok(())
}

async fn cloud_pull_requests(
    stage: &Stage<'_>,
    watcher: &mut Watcher<'_>,
) -> Result<(), AssemblyError> {
    let (cloud, cast) = (stage.simulator.cloud(), stage.cast);
    watcher.scene("Cloud: Ravi opens a pull request; no rule answers that");
    let open = OpenPull::new("Invoices", "feature/invoice", "release/24.9");
    let pull = cloud.open_pull(BILLING, cast.ravi, open).await.map_err(refused)?.value;
    let told = watcher.next(EventKind::PullRequestOpened, ALLOW).await?;
    watcher.claim(told.record.public.uncovered, "it is called uncovered, and counted");
    watcher.scene("Cloud: Ravi merges it himself; nobody else looked at it");
    cloud.pull(BILLING, pull, cast.ravi, PullAct::Merge).await.map_err(refused)?;
    watcher.next(EventKind::PullRequestMerged, BLOCK).await?;
    watcher.scene("Cloud: the push that this merge made came by a pull request");
    watcher.next(EventKind::Push, ALLOW).await.map(drop)
}

async fn cloud_repository(
    stage: &Stage<'_>,
    watcher: &mut Watcher<'_>,
) -> Result<(), AssemblyError> {
    let (cloud, cast) = (stage.simulator.cloud(), stage.cast);
    watcher.scene("Cloud: Nadia forks billing out of the company");
    cloud.fork(BILLING, cast.nadia, ("elsewhere", "billing-copy")).await.map_err(refused)?;
    watcher.next(EventKind::RepositoryForked, BLOCK).await.map(drop)
}

async fn datacenter(stage: &Stage<'_>, watcher: &mut Watcher<'_>) -> Result<(), AssemblyError> {
    let dc = stage.simulator.datacenter();
    watcher.turn_to(Product::DataCenter);
    watcher.scene("Data Center: Ravi makes a branch");
    dc.push(LEDGER, "ravi", &[Change::new_branch("feature/totals", "main", 2)])
        .await
        .map_err(refused)?;
    watcher.next(EventKind::BranchCreated, ALLOW).await?;
    watcher.scene("Data Center: Ravi pushes straight to main");
    dc.push(LEDGER, "ravi", &[Change::commits("main", 2)]).await.map_err(refused)?;
    watcher.next(EventKind::Push, BLOCK).await?;
    watcher.scene("Data Center: Ravi rewrites main (the gate has to ask Bitbucket)");
    dc.push(LEDGER, "ravi", &[Change::rewrite("main", 1, 1)]).await.map_err(refused)?;
    watcher.next(EventKind::Push, BLOCK).await?;
    watcher.scene("Data Center: Ravi opens a pull request");
    let open = DcOpenPull {
        title: "Totals",
        fork: None,
        source: "feature/totals",
        destination: "main",
        reviewers: Vec::new(),
    };
    let pull = dc.open_pull(LEDGER, "ravi", open).await.map_err(refused)?.value;
    watcher.next(EventKind::PullRequestOpened, ALLOW).await?;
    watcher.scene("Data Center: Omar approves it");
    dc.pull(LEDGER, pull, "omar", DcPullAct::Approve).await.map_err(refused)?;
    watcher.next(EventKind::PullRequestApproved, ALLOW).await?;
    watcher.scene("Data Center: Ravi merges it, and somebody else had agreed");
    dc.pull(LEDGER, pull, "ravi", DcPullAct::Merge).await.map_err(refused)?;
    watcher.next(EventKind::PullRequestMerged, ALLOW).await?;
    watcher.scene("Data Center: the push that this merge made came by a pull request");
    watcher.next(EventKind::Push, ALLOW).await?;
    watcher.scene("Data Center: Mia makes the repository public");
    dc.modify(LEDGER, "mia", "ledger", true).await.map_err(refused)?;
    watcher.next(EventKind::RepositoryUpdated, BLOCK).await.map(drop)
}

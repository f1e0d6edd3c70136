//! What the metrics page promises: every name with its labels, nothing of anybody's, and a fault that moves its own gauge
//! and no other. What needs the whole program is in `served`, the list itself in `list`.

mod list;
pub mod page;
pub mod served;
mod stand;

use std::time::Duration;

use portcullis::decision::pause::By;
use portcullis::gateway::Accepted;
use portcullis::gateway::readiness::Unready;
use portcullis::policy::Answer;

use page::moved;
use stand::SECOND;
use stand::Stand;

use crate::spec::rig::until;

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn every_name_is_there_with_its_labels_before_anything_happens() {
    let stand = Stand::new().await;
    let page = stand.look().await;
    for (name, labels) in list::METRICS {
        let found = page.labels_of(name).unwrap_or_else(|| panic!("no `{name}`"));
        assert_eq!(found, labels.iter().map(|label| (*label).to_owned()).collect(), "{name}");
    }
}

#[tokio::test]
async fn in_quiet_nothing_has_moved() {
    let stand = Stand::new().await;
    assert_eq!(moved(&stand.look().await), [""; 0]);
    stand.let_pass(Duration::from_mins(59));
    assert_eq!(moved(&stand.look().await), [""; 0]);
}

#[tokio::test]
async fn a_delivery_that_nobody_takes_waits_visibly() {
    let stand = Stand::new().await;
    assert!(matches!(stand.deliver("{}").await, Accepted::Kept(_)));
    stand.let_pass(SECOND * 90);
    let page = stand.look().await;
    assert_eq!(
        moved(&page),
        ["portcullis_deliveries_waiting 1", "portcullis_delivery_wait_seconds 90"]
    );
}

#[tokio::test]
async fn a_dead_letter_is_counted_and_stays_until_it_is_replayed() {
    let stand = Stand::new().await;
    stand.deliver("{\"a\":1,\"a\":2}").await;
    stand.run_until(async |stand| !stand.gateway.dead_letters(1).await.unwrap().is_empty()).await;
    let page = stand.look().await;
    assert_eq!(moved(&page), ["portcullis_dead_letters 1", "portcullis_dead_letters_total 1"]);
    let [letter] = &stand.gateway.dead_letters(10).await.unwrap()[..] else { panic!("one") };
    stand.let_pass(MINUTE);
    stand.gateway.replay(letter.id, &By::Operator).await.unwrap();
    stand.let_pass(SECOND * 5);
    stand.gateway.sign().await.unwrap();
    assert_eq!(
        moved(&stand.look().await),
        [
            "portcullis_dead_letters_total 1",
            "portcullis_deliveries_waiting 1",
            "portcullis_delivery_wait_seconds 5",
        ],
        "it waits since it was replayed, not since it came"
    );
}

#[tokio::test]
async fn refused_rules_are_told_and_do_not_make_it_unready() {
    let stand = Stand::new().await;
    let good = std::fs::read_to_string(stand.rule()).unwrap();
    let looks = std::cell::Cell::new(0);
    stand
        .run_until(async |stand| {
            looks.set(looks.get() + 1);
            // When it runs: what a gateway finds at its start is no change.
            if looks.get() == 5 {
                std::fs::write(stand.rule(), "package portcullis.rules.test.calm\n\nno rule")
                    .unwrap();
            }
            stand.page().value("portcullis_alarms_total{reason=\"bundle_refused\"}") > 0.5
        })
        .await;
    assert_eq!(
        moved(&stand.look().await),
        ["portcullis_alarms_total{reason=\"bundle_refused\"} 1", "portcullis_bundle_refused 1"]
    );
    let readiness = stand.gateway.readiness().await;
    assert!(readiness.ready && readiness.notes[0].contains("refused"), "{readiness:?}");
    std::fs::write(stand.rule(), good).unwrap();
    stand.gateway.policies.reload().await.unwrap();
    assert_eq!(
        moved(&stand.look().await),
        ["portcullis_alarms_total{reason=\"bundle_refused\"} 1"]
    );
}

#[tokio::test]
async fn a_hook_is_missed_after_its_time_and_once() {
    let stand = Stand::new().await;
    stand.gateway.hear_again().await;
    stand.let_pass(MINUTE * 61);
    for _ in 0..3 {
        assert_eq!(
            moved(&stand.look().await),
            ["portcullis_alarms_total{reason=\"hook_silent\"} 1", "portcullis_hooks_silent 1"],
            "the hook that may be silent is not missed"
        );
    }
    stand.deliver("{}").await;
    assert!(stand.look().await.value("portcullis_hooks_silent") < 0.5);
}

#[tokio::test]
async fn a_hook_that_spoke_before_the_start_is_missed_from_then_on() {
    let stand = Stand::new().await;
    stand.deliver("{}").await;
    let stand = stand.again().await;
    stand.let_pass(MINUTE * 61);
    stand.gateway.hear_again().await;
    assert!(stand.look().await.value("portcullis_hooks_silent") > 0.5);
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_it_unready_and_deliveries_are_kept_all_the_same() {
    let stand = Stand::new().await;
    stand.set_back(MINUTE * 2);
    for _ in 0..2 {
        assert_eq!(
            moved(&stand.look().await),
            [
                "portcullis_alarms_total{reason=\"clock_stepped\"} 1",
                "portcullis_clock_offset_seconds 120",
                "portcullis_ready 0",
                "portcullis_unready{reason=\"clock\"} 1",
            ]
        );
    }
    let readiness = stand.gateway.readiness().await;
    assert!(readiness.reasons.concat().contains("120 s"), "{readiness:?}");
    assert!(matches!(stand.deliver("{}").await, Accepted::Kept(_)));
    stand.let_pass(MINUTE * 2);
    assert!(!stand.gateway.readiness().await.ready, "it is two minutes behind as before");
    stand.set_right();
    let page = stand.look().await;
    assert!(page.value("portcullis_ready") > 0.5, "{:?}", moved(&page));
}

#[tokio::test]
async fn a_checkpoint_ages_and_is_new_when_the_ledger_has_grown_and_was_signed() {
    let stand = Stand::new().await;
    stand.gateway.sign().await.unwrap();
    let entries = stand.look().await.value("portcullis_ledger_entries");
    stand.let_pass(MINUTE * 10);
    stand.grow_ledger().await;
    let page = stand.look().await;
    assert_eq!(moved(&page), ["portcullis_checkpoint_age_seconds 600"]);
    assert!((page.value("portcullis_ledger_entries") - entries - 1.0).abs() < 0.1);
    stand.gateway.sign().await.unwrap();
    assert_eq!(moved(&stand.look().await), [""; 0]);
}

#[tokio::test]
async fn a_pause_is_shown_while_it_holds() {
    let stand = Stand::new().await;
    let by = By::Operator;
    stand.gateway.pause(Duration::from_mins(10), "a trial", by.clone()).await.unwrap();
    let page = stand.look().await;
    assert!((page.value("portcullis_paused") - 1.0).abs() < 0.1, "{:?}", moved(&page));
    stand.gateway.resume("it is over", &by).await.unwrap();
    assert!(stand.look().await.value("portcullis_paused").abs() < 0.1);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_killed_worker_is_told_from_one_that_was_late() {
    use crate::spec::workers;
    let program = workers::own_program("metrics");
    let stand = Stand::with_workers(&program).await;
    let page = stand.look().await;
    assert!((page.value("portcullis_workers") - 1.0).abs() < 0.1);
    for id in workers::processes_of(&program) {
        let id = rustix::process::Pid::from_raw(id).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
    }
    let answers = stand.ask().await;
    assert!(matches!(answers[..], [Answer::Findings(_)]), "{answers:?}");
    let page = stand.look().await;
    assert_eq!(moved(&page), ["portcullis_worker_restarts_total{reason=\"killed\"} 1"]);
    assert!((page.value("portcullis_workers") - 1.0).abs() < 0.1, "another serves");
    std::fs::remove_file(program).unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn without_a_worker_it_is_not_ready_until_one_can_be_started() {
    use crate::spec::workers;
    let program = workers::own_program("stranded");
    let stand = Stand::with_workers(&program).await;
    assert!(stand.gateway.readiness().await.ready);
    std::fs::rename(&program, program.with_extension("gone")).unwrap();
    for id in workers::processes_of(&program.with_extension("gone")) {
        let id = rustix::process::Pid::from_raw(id).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
    }
    let stranded = async {
        until("unreadiness", async || {
            let readiness = stand.gateway.readiness().await;
            readiness.is_for(Unready::Workers).then_some(())
        })
        .await;
        assert_eq!(
            moved(&stand.look().await),
            [
                "portcullis_alarms_total{reason=\"no_worker\"} 1",
                "portcullis_ready 0",
                "portcullis_unready{reason=\"workers\"} 1",
                "portcullis_worker_restarts_total{reason=\"killed\"} 1",
            ]
        );
        assert!(stand.page().value("portcullis_workers") < 0.5);
        std::fs::rename(program.with_extension("gone"), &program).unwrap();
    };
    let (answers, ()) = tokio::join!(stand.ask(), stranded);
    assert!(matches!(answers[..], [Answer::Findings(_)]), "the question waited: {answers:?}");
    assert!(stand.gateway.readiness().await.ready);
    std::fs::remove_file(program).unwrap();
}

//! The patrol: what is found, kept, looked at again, told; and that a bad rule or subject costs nobody else anything.

use std::sync::Arc;
use std::time::Duration;

use portcullis::gateway::bundles::Source;
use portcullis::gateway::findings::FindingError;
use portcullis::gateway::patrol::Settings;
use portcullis::notify;
use portcullis::policy::bundle::Severity;
use portcullis::posture::Acceptance;
use portcullis::posture::Outcome;
use portcullis::posture::State;
use portcullis::posture::Wish;
use portcullis::posture::choice::Choice;
use portcullis::posture::choice::Choices;
use portcullis::posture::choice::Switch;
use portcullis::posture::kept::Deed;
use portcullis::posture::lifecycle::Refused;
use serde_json::Value;
use serde_json::json;

use super::stand::NOW;
use super::stand::Stand;
use super::stand::acme;
use super::stand::but;
use super::stand::not_knowing;
use super::stand::without;
use super::stand::world_of;

const PUBLIC: &str = "repository-public";
const SITE: &str = "repository/2";
const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn what_is_wrong_is_found_with_reason_proof_owner_and_rule() {
    let stand = Stand::new().await;
    stand.read(&acme()).await;
    let found = stand.one(PUBLIC, SITE).await.unwrap();
    assert_eq!(
        (found.outcome, found.state, found.severity),
        (Outcome::Fail, State::New, Severity::Critical)
    );
    assert_eq!(
        (found.subject.name.as_str(), found.subject.kind.as_str()),
        ("acme/site", "repository")
    );
    assert!(found.aliases.iter().any(|one| one.id == "be273f0a-678e-49af-b9f8-8f3913acef97"));
    assert_eq!((found.owner.name.as_str(), found.owner.sure.as_str()), ("Mia", "inferred"));
    assert!(!found.reasons.is_empty());
    assert!(stand.one(PUBLIC, "repository/1").await.is_none(), "what passes is not kept");
    let story = stand.gateway.finding(&found.id).await.unwrap();
    let facts: Vec<&str> = story.facts.iter().map(|fact| fact.path.as_str()).collect();
    assert!(found.reasons[0].proof.iter().all(|path| facts.contains(&path.as_str())), "{facts:?}");
    assert_eq!(story.rule.unwrap().rule.as_str(), "posture/repository-public");
    assert_eq!(story.age_ms, 5 * 60 * 1_000, "as old as the graph");
    assert_eq!(story.steps.iter().map(|step| step.deed).collect::<Vec<_>>(), [Deed::Found]);
}

#[tokio::test]
async fn a_scan_counts_every_subject_and_unknown_is_never_a_pass() {
    let stand = Stand::new().await;
    stand.read(&not_knowing(acme(), "repository/1", "visibility")).await;
    let scans = stand.gateway.scans(None, None, 10).await.unwrap();
    assert_eq!((scans.scans.len(), scans.running.len()), (1, 0));
    let tally = |name: &str| {
        let rule = format!("posture/{name}");
        scans.scans[0].tallies.iter().find(|one| one.rule.as_str() == rule).unwrap().clone()
    };
    let public = tally(PUBLIC);
    assert_eq!((public.pass, public.fail, public.unknown), (0, 1, 1));
    let metrics = prometheus::TextEncoder::new()
        .encode_to_string(&stand.gateway.meters.registry().gather())
        .unwrap();
    let failing = stand.found(Wish { outcome: Some(Outcome::Fail), ..Wish::default() }).await;
    let critical = failing.iter().filter(|one| one.severity == Severity::Critical).count();
    let line = format!("portcullis_findings{{outcome=\"fail\",severity=\"critical\"}} {critical}");
    assert!(metrics.contains(&line), "{line} in {metrics}");
    assert!(metrics.contains("portcullis_scans_total{outcome=\"done\"} 1"));
    assert!(metrics.contains("portcullis_posture_faults_total 0"));
}

#[tokio::test]
async fn it_is_fixed_when_bitbucket_says_so_and_regresses_when_it_is_undone() {
    let stand = Stand::new().await;
    stand.read(&acme()).await;
    stand.let_pass(DAY);
    stand.read(&but(acme(), SITE, "visibility", json!("private"))).await;
    let fixed = stand.one(PUBLIC, SITE).await.unwrap();
    assert_eq!(
        (fixed.state, fixed.outcome, fixed.since),
        (State::Fixed, Outcome::Pass, NOW.plus(DAY))
    );
    stand.let_pass(DAY);
    stand.read(&acme()).await;
    let again = stand.one(PUBLIC, SITE).await.unwrap();
    assert_eq!((again.state, again.first_seen), (State::Regressed, NOW));
    let deeds = stand.deeds().await;
    let mine: Vec<&String> = deeds.iter().filter(|deed| deed.contains(PUBLIC)).collect();
    assert_eq!(
        mine,
        [
            "posture/repository-public found",
            "posture/repository-public fixed",
            "posture/repository-public regressed"
        ]
    );
}

#[tokio::test]
async fn unknown_never_fixes_it() {
    let stand = Stand::new().await;
    stand.read(&acme()).await;
    stand.read(&not_knowing(acme(), SITE, "visibility")).await;
    let found = stand.one(PUBLIC, SITE).await.unwrap();
    assert_eq!((found.state, found.outcome), (State::New, Outcome::Unknown));
    assert!(found.unknown.iter().any(|gap| gap.why.contains("no scope")), "{:?}", found.unknown);
    assert!(!found.reasons.is_empty(), "what was said last stays");
}

#[tokio::test]
async fn what_is_gone_is_fixed_but_not_what_only_could_not_be_listed() {
    let stand = Stand::new().await;
    stand.read(&acme()).await;
    let gone = without(acme(), SITE);
    stand.read(&not_knowing(gone.clone(), "project/web", "repositories")).await;
    let missing = stand.one(PUBLIC, SITE).await.unwrap();
    assert_eq!((missing.state, missing.outcome), (State::New, Outcome::Unknown));
    stand.read(&gone).await;
    let fixed = stand.one(PUBLIC, SITE).await.unwrap();
    assert_eq!((fixed.state, fixed.outcome), (State::Fixed, Outcome::Pass));
    let steps = stand.gateway.finding(&fixed.id).await.unwrap().steps;
    assert_eq!(steps.last().unwrap().deed, Deed::Gone);
}

#[tokio::test]
async fn only_what_a_change_can_alter_is_looked_at_again() {
    let stand = Stand::new().await;
    stand.read(&acme()).await;
    stand.read(&but(acme(), SITE, "archived", json!(true))).await;
    let scans = stand.gateway.scans(None, None, 10).await.unwrap().scans;
    assert!(
        scans[0].subjects < scans[1].subjects,
        "{} of {}",
        scans[0].subjects,
        scans[1].subjects
    );
    let rules =
        |at: usize| scans[at].tallies.iter().map(|one| one.rule.clone()).collect::<Vec<_>>();
    assert_eq!(rules(0), rules(1), "and all is counted all the same");
    let same = but(acme(), SITE, "archived", json!(true));
    stand.read(&same).await;
    assert_eq!(
        stand.gateway.scans(None, None, 10).await.unwrap().scans.len(),
        2,
        "nothing changed"
    );
}

#[tokio::test]
async fn the_first_look_of_a_life_is_at_everything() {
    let stand = Stand::new().await;
    // As it is taken up from the last life, in which nothing may have been judged.
    stand.gateway.publish(world_of(&acme())).unwrap();
    stand.read(&but(acme(), "repository/1", "archived", json!(true))).await;
    assert!(stand.one(PUBLIC, SITE).await.is_some(), "it did not change, and is judged");
}

#[tokio::test]
async fn soon_after_the_start_everything_is_looked_at_also_without_a_reading() {
    let settings = Settings { first: Duration::from_millis(50), ..Settings::default() };
    let stand = Stand::with(Source::Shipped, settings, notify::Settings::default()).await;
    stand.gateway.publish(world_of(&acme())).unwrap();
    let patrol = tokio::spawn(portcullis::gateway::patrol::run(Arc::clone(&stand.gateway)));
    let found = async {
        while stand.one(PUBLIC, SITE).await.is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), found).await.unwrap();
    patrol.abort();
}

#[tokio::test]
async fn accepted_it_is_told_so_and_ends_by_itself() {
    let stand = Stand::new().await;
    stand.read(&acme()).await;
    let found = stand.one(PUBLIC, SITE).await.unwrap();
    let said =
        |until| Acceptance { by: "Mia".to_owned(), because: "our public site".to_owned(), until };
    let story = stand.gateway.accept_finding(&found.id, said(NOW.plus(DAY * 3))).await.unwrap();
    assert_eq!(story.finding.state, State::Accepted);
    stand.round().await;
    let wish = Wish { state: Some(State::Accepted), ..Wish::default() };
    assert_eq!(stand.found(wish.clone()).await.len(), 1, "a look changes nothing of it");
    let tallies = &stand.gateway.scans(None, None, 1).await.unwrap().scans[0].tallies;
    assert_eq!(tallies.iter().map(|one| one.accepted).sum::<u64>(), 1);
    stand.let_pass(DAY * 3);
    assert!(stand.found(wish.clone()).await.is_empty(), "it is over at its very end");
    assert!(stand.gateway.patrol().await);
    let steps = stand.gateway.finding(&found.id).await.unwrap().steps;
    let deeds: Vec<Deed> = steps.iter().map(|step| step.deed).collect();
    assert_eq!(deeds, [Deed::Found, Deed::Accepted, Deed::Lapsed]);
    let past = stand.gateway.accept_finding(&found.id, said(NOW)).await;
    assert!(matches!(past, Err(FindingError::Refused(Refused::Past(_)))));
    let nobody = stand.gateway.acknowledge_finding("f-0000000000000000", "Mia", "").await;
    assert!(matches!(nobody, Err(FindingError::Unknown)));
    let seen = stand.gateway.acknowledge_finding(&found.id, "Mia", "on it").await.unwrap();
    assert_eq!(seen.finding.state, State::Acknowledged);
}

#[tokio::test]
async fn it_is_listed_by_what_is_asked() {
    let stand = Stand::new().await;
    stand.read(&acme()).await;
    let count = async |wish: Wish| stand.found(wish).await.len();
    let all = count(Wish::default()).await;
    assert!(all > 2);
    for alias in ["be273f0a-678e-49af-b9f8-8f3913acef97", "Repository is publicly accessible"] {
        let wish = Wish { rule: Some(alias.to_owned()), ..Wish::default() };
        assert_eq!(count(wish).await, 1, "by {alias}");
    }
    let about =
        |id: &str| Wish { subject: Some(format!("acme/{id}").parse().unwrap()), ..Wish::default() };
    let (site, web, everything) = (
        count(about(SITE)).await,
        count(about("project/web")).await,
        count(about("workspace/w")).await,
    );
    assert!(site > 0 && site <= web && web < all, "{site} {web} {all}");
    assert_eq!(everything, all);
    let owner = Wish { owner: Some("Mia".to_owned()), ..Wish::default() };
    assert!(count(owner).await >= site);
    let wrong = Wish { category: Some("nonsense".to_owned()), ..Wish::default() };
    assert!(matches!(stand.gateway.findings(&wrong).await, Err(FindingError::Wrong(_))));
    let first = stand.gateway.findings(&Wish { limit: Some(1), ..Wish::default() }).await.unwrap();
    let (mut seen, mut next) = (1, first.next);
    while let Some(after) = next {
        let wish = Wish { after: Some(after), limit: Some(1), ..Wish::default() };
        let page = stand.gateway.findings(&wish).await.unwrap();
        (seen, next) = (seen + page.findings.len(), page.next);
    }
    assert_eq!(seen, all, "page by page");
}

/// Rules that fail, that never answer, and that find something.
fn rules(folder: &std::path::Path) {
    let rule = |name: &str, body: &str| {
        let text = format!(
            "# METADATA\n# title: {name}\n# description: For a test.\n# custom:\n#   subject: repository\n#   category: Test\n#   reads: [repository.visibility]\n#   severity: high\n#   remedies: [{{\"steps\": \"Change it.\"}}]\npackage portcullis.rules.posture.{name}\n\n{body}\n"
        );
        let path = folder.join(format!("posture/{name}.rego"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let finding = r#"finding contains {"reason": "It is public.", "proof": ["repository.visibility"]} if input.repository.visibility == "public""#;
    rule("works", finding);
    rule("mumbles", r#"finding contains "nonsense" if input.repository.visibility == "public""#);
}

#[tokio::test]
async fn a_bad_rule_is_unknown_for_itself_and_costs_no_other() {
    let folder = tempfile::tempdir().unwrap();
    rules(folder.path());
    let source = Source::Folder(folder.path().to_owned());
    let stand = Stand::with(source, Settings::default(), notify::Settings::default()).await;
    stand.read(&acme()).await;
    assert_eq!(stand.one("works", SITE).await.unwrap().outcome, Outcome::Fail);
    let bad = stand.one("mumbles", SITE).await.unwrap();
    assert_eq!(bad.outcome, Outcome::Unknown);
    assert!(bad.unknown[0].why.contains("could not be evaluated"), "{:?}", bad.unknown);
    assert!(stand.one("mumbles", "repository/1").await.is_none(), "there it answered");
}

#[tokio::test]
async fn a_rule_runs_where_somebody_chose_it_and_is_unknown_once_it_does_not() {
    let chosen = |switch, project: &str| {
        Choices(vec![Choice {
            rule: "Repository is publicly accessible".to_owned(),
            connection: None,
            project: Some(project.to_owned()),
            switch,
        }])
    };
    let off = Settings { choices: chosen(Switch::Off, "WEB"), ..Settings::default() };
    let stand = Stand::with(Source::Shipped, off, notify::Settings::default()).await;
    stand.read(&acme()).await;
    assert!(stand.one(PUBLIC, SITE).await.is_none(), "not in this project");
    let elsewhere = Settings { choices: chosen(Switch::Off, "BILL"), ..Settings::default() };
    let stand = Stand::with(Source::Shipped, elsewhere, notify::Settings::default()).await;
    stand.read(&acme()).await;
    assert!(stand.one(PUBLIC, SITE).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_nobody_can_have_set_is_unknown_and_no_age() {
    let stand = Stand::new().await;
    let mut world = acme();
    world["nodes"][3]["updated_at"] = "1970-01-01T00:00:00.000Z".into();
    world["nodes"][4]["updated_at"] = "2024-01-10T00:00:00.000Z".into();
    stand.read(&world).await;
    let unset = stand.one("repository-stale", "repository/1").await.unwrap();
    assert_eq!(unset.outcome, Outcome::Unknown);
    assert!(unset.unknown.iter().any(|gap| gap.why.contains("before 1990")), "{unset:?}");
    let old = stand.one("repository-stale", "repository/2").await.unwrap();
    assert_eq!(old.reasons[0].text, "Nothing was changed for 1046 days.");
}

/// What the newest scan counted of a rule: pass, fail, unknown.
async fn counted(stand: &Stand, rule: &str) -> (u64, u64, u64) {
    let rule = format!("posture/{rule}");
    let scan = stand.gateway.scans(None, None, 1).await.unwrap().scans.remove(0);
    let tally = scan.tallies.into_iter().find(|one| one.rule.as_str() == rule).unwrap();
    (tally.pass, tally.fail, tally.unknown)
}

#[tokio::test]
async fn what_passes_is_counted_beside_a_place_where_the_rule_was_switched_off() {
    let choices = Choices(vec![Choice {
        rule: format!("posture/{PUBLIC}"),
        connection: None,
        project: Some("OFF".to_owned()),
        switch: Switch::Off,
    }]);
    let off = Settings { choices, ..Settings::default() };
    let stand = Stand::with(Source::Shipped, off, notify::Settings::default()).await;
    stand.read(&acme()).await;
    assert_eq!(counted(&stand, PUBLIC).await, (1, 1, 0));
    stand.read(&but(acme(), "project/web", "key", json!("OFF"))).await;
    assert_eq!(counted(&stand, PUBLIC).await, (1, 0, 1), "it is asked no more of what failed");
    stand.round().await;
    assert_eq!(counted(&stand, PUBLIC).await, (1, 0, 1), "looked at whole");
    stand.read(&acme()).await;
    assert_eq!(counted(&stand, PUBLIC).await, (1, 1, 0), "and it is asked again");
}

#[tokio::test]
async fn what_passes_is_counted_beside_what_could_not_be_listed() {
    let stand = Stand::new().await;
    stand.read(&acme()).await;
    let unlisted = not_knowing(without(acme(), SITE), "project/web", "repositories");
    stand.read(&unlisted).await;
    let (site, those_unseen) = (1, 1);
    assert_eq!(counted(&stand, PUBLIC).await, (1, 0, site + those_unseen));
    stand.read(&without(acme(), SITE)).await;
    assert_eq!(counted(&stand, PUBLIC).await, (1, 0, 0), "it is gone");
}

#[tokio::test]
async fn a_connection_that_waits_for_a_whole_scan_is_not_hidden_by_one_that_had_it_nor_by_a_part() {
    let (source, patrol, notify) =
        (Source::Shipped, Settings::default(), notify::Settings::default());
    let stand = Stand::of(&["acme", "other"], source, patrol, notify).await;
    let age = async || stand.metric("portcullis_scan_age_seconds").await;
    let elsewhere = |world: Value| -> Value {
        let text = world.to_string().replace("acme/", "other/");
        serde_json::from_str(&text.replace(r#""id":"acme""#, r#""id":"other""#)).unwrap()
    };
    assert!(age().await.abs() < 0.001, "known since now");
    stand.read(&acme()).await;
    stand.let_pass(DAY);
    assert!((age().await - DAY.as_secs_f64()).abs() < 0.001, "one never was looked at");
    stand.read(&elsewhere(acme())).await;
    stand.round().await;
    assert!(age().await.abs() < 0.001, "both were looked at");
    stand.let_pass(DAY);
    let archived = || but(acme(), SITE, "archived", json!(true));
    stand.read(&archived()).await;
    stand.read(&elsewhere(archived())).await;
    assert!((age().await - DAY.as_secs_f64()).abs() < 0.001, "a part is not all of it");
    stand.gateway.scan_soon(&"acme".parse().unwrap());
    assert!(stand.gateway.patrol().await);
    assert!((age().await - DAY.as_secs_f64()).abs() < 0.001, "the other one still waits");
    stand.round().await;
    assert!(age().await.abs() < 0.001, "now both had a whole one");
}

//! Findings stand with the entries and notices of what happened to them, no file holds what they say, and they are
//! forgotten with the names.

use portcullis::graph::Id;
use portcullis::graph::Time;
use portcullis::ledger::Entry;
use portcullis::ledger::Kind;
use portcullis::policy::RuleId;
use portcullis::policy::bundle::Severity;
use portcullis::posture::Acceptance;
use portcullis::posture::Kept;
use portcullis::posture::Outcome;
use portcullis::posture::Owner;
use portcullis::posture::Reason;
use portcullis::posture::Scan;
use portcullis::posture::Seen;
use portcullis::posture::State;
use portcullis::posture::Subject;
use portcullis::posture::Tally;
use portcullis::posture::finding;
use portcullis::posture::kept::Fact;
use portcullis::posture::lifecycle;
use portcullis::posture::lifecycle::Hold;
use portcullis::posture::lifecycle::Next;
use portcullis::posture::lifecycle::Presence;
use portcullis::store::FindingFilter;
use portcullis::store::FindingMove;
use portcullis::store::NewNotice;
use portcullis::store::ScanFilter;
use portcullis::store::ScanMark;
use portcullis::store::Stays;
use portcullis::store::Store;
use portcullis::store::Tell;
use portcullis::store::Until;
use uuid::Uuid;

use super::Place;
use super::at;

const JANE: &str = "acme-cloud/user/jane";

fn seen(rule: &str, about: &str, severity: Severity, outcome: Outcome) -> Seen {
    let id: Id = format!("acme-cloud/{about}").parse().unwrap();
    let fails = outcome == Outcome::Fail;
    let reason = Reason {
        text: format!("Jane-In-Words can do it on {about}."),
        proof: vec!["repository.admins".to_owned()],
    };
    let fact = Fact { path: "repository.admins".to_owned(), value: JANE.into() };
    Seen {
        rule: RuleId::told(rule),
        subject: Subject {
            kind: "repository".to_owned(),
            place: Some("acme-cloud/repository/home".parse().unwrap()),
            name: format!("Name-Of-{about}"),
            id,
            class: None,
        },
        presence: Presence::There,
        severity,
        outcome,
        reasons: if fails { vec![reason] } else { Vec::new() },
        unknown: Vec::new(),
        facts: if fails { vec![fact] } else { Vec::new() },
        as_of: at(0),
        owner: Owner {
            id: Some(JANE.parse().unwrap()),
            name: "Jane-Owner".to_owned(),
            sure: "inferred".to_owned(),
            why: "she made it".to_owned(),
        },
    }
}

fn moved(next: Next, before: Option<Kept>) -> FindingMove {
    let (kept, stays) = match next.hold {
        Hold::Keep(kept) => (*kept, Stays::Kept),
        Hold::Forget => (before.unwrap(), Stays::Forgotten),
        Hold::Same | Hold::Nothing => panic!("nothing moves"),
    };
    FindingMove { kept, stays, steps: next.steps, notices: Vec::new() }
}

/// Looks at it, and keeps what follows.
async fn looked(store: &Store, seen: Seen, now: Time) -> Kept {
    let id = portcullis::posture::finding::id(&seen.rule, &seen.subject.id);
    let before = store.finding(&id).await.unwrap();
    let next = lifecycle::next(before.as_ref(), seen, now);
    let one = moved(next, before);
    let kept = one.kept.clone();
    store.keep_findings(vec![one], now).await.unwrap();
    kept
}

async fn entry(store: &Store, index: u64) -> Entry {
    Entry::from_bytes(&store.entry(index).await.unwrap().unwrap().entry).unwrap()
}

fn fails(rule: &str, about: &str, severity: Severity) -> Seen {
    seen(rule, about, severity, Outcome::Fail)
}

async fn listed(store: &Store, filter: FindingFilter) -> Vec<String> {
    let filter = FindingFilter { limit: 100, now: at(10), ..filter };
    let page = store.findings(filter).await.unwrap().unwrap();
    assert_eq!(page.next, None);
    let name = |kept: &Kept| format!("{} {}", kept.rule, kept.subject.id.native());
    page.findings.iter().map(name).collect()
}

async fn some(store: &Store) {
    for (rule, about, severity) in [
        ("posture/low", "repository/1", Severity::Low),
        ("posture/bad", "repository/2", Severity::Critical),
        ("posture/bad", "repository/1", Severity::Critical),
        ("posture/able", "repository/1", Severity::Critical),
    ] {
        looked(store, fails(rule, about, severity), at(1)).await;
    }
    let unknown = seen("posture/high", "repository/3", Severity::High, Outcome::Unknown);
    looked(store, unknown, at(1)).await;
}

#[tokio::test]
async fn each_change_is_an_entry_and_no_file_holds_what_is_said() {
    let place = Place::new();
    let store = place.open().await;
    let kept = looked(&store, fails("posture/bad", "repository/1", Severity::High), at(1)).await;
    let until = at(1_000);
    let said = Acceptance { by: "Mia-Who".to_owned(), because: "Because-Text".to_owned(), until };
    let accepted = moved(lifecycle::accept(&kept, said, at(2)).unwrap(), None);
    store.keep_findings(vec![accepted.clone()], at(2)).await.unwrap();
    assert_eq!(store.finding(&kept.id()).await.unwrap(), Some(accepted.kept));
    let pass = seen("posture/bad", "repository/1", Severity::High, Outcome::Pass);
    assert_eq!(looked(&store, pass, at(3)).await.state, State::Fixed);
    assert_eq!(store.head().await.unwrap().size, 3);
    for (index, kind, deed) in
        [(0, Kind::Admin, "found"), (1, Kind::Waiver, "accepted"), (2, Kind::Admin, "fixed")]
    {
        let entry = entry(&store, index).await;
        assert_eq!((entry.kind, entry.body["deed"].as_str()), (kind, Some(deed)));
        assert_eq!(
            (entry.subject.as_str(), entry.body["rule"].as_str()),
            (kept.id().as_str(), Some("posture/bad"))
        );
        assert!(!serde_json::to_string(&entry.body).unwrap().contains("Because-Text"));
    }
    store.close().await;
    for text in ["Jane-In-Words", "Jane-Owner"] {
        assert!(!place.holds(text), "{text} is sealed");
    }
    let store = place.open().await;
    assert_eq!(store.finding(&kept.id()).await.unwrap().unwrap().steps.len(), 3);
}

#[tokio::test]
async fn a_finding_and_its_notice_are_there_together() {
    let place = Place::new();
    let store = place.open().await;
    let next = lifecycle::next(None, fails("posture/bad", "repository/1", Severity::High), at(1));
    let notice = NewNotice {
        channel: "security".to_owned(),
        about: Uuid::now_v7(),
        causes: vec!["finding".to_owned()],
        tell: Tell::Now,
        held_since: at(0),
        item: b"told".to_vec(),
    };
    let one = FindingMove { notices: vec![notice], ..moved(next, None) };
    store.keep_findings(vec![one.clone()], at(1)).await.unwrap();
    assert_eq!(store.untold_of("security").await.unwrap().len(), 1);
    store.keep_findings(vec![one], at(2)).await.unwrap();
    assert_eq!(store.untold_of("security").await.unwrap().len(), 1, "the same is told once");
}

#[tokio::test]
async fn the_list_goes_worst_first_page_by_page_and_is_sieved() {
    let place = Place::new();
    let store = place.open().await;
    some(&store).await;
    let all =
        ["posture/able 1", "posture/bad 1", "posture/bad 2", "posture/low 1", "posture/high 3"];
    let mut sorted = listed(&store, FindingFilter::default()).await;
    sorted[1..3].sort();
    assert_eq!(sorted, all, "findings of one rule stand in order of their ids");
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let filter = FindingFilter { limit: 2, after, now: at(10), ..FindingFilter::default() };
        let page = store.findings(filter).await.unwrap().unwrap();
        assert!(page.findings.len() <= 2);
        paged.extend(page.findings.iter().map(Kept::id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    paged.dedup();
    assert_eq!(paged.len(), 5, "every one once");
    let nowhere = FindingFilter { after: Some("f-0".to_owned()), ..FindingFilter::default() };
    assert_eq!(store.findings(nowhere).await.unwrap(), None);

    let filter = |outcomes: &[Outcome]| FindingFilter {
        outcomes: outcomes.to_vec(),
        ..FindingFilter::default()
    };
    assert_eq!(listed(&store, filter(&[Outcome::Unknown])).await, ["posture/high 3"]);
    assert_eq!(listed(&store, filter(&[Outcome::Fail])).await.len(), 4);
    let high = FindingFilter { severity: Some(Severity::High), ..FindingFilter::default() };
    assert_eq!(listed(&store, high).await.len(), 4);
    let rules = Some([RuleId::told("posture/low")].into());
    assert_eq!(listed(&store, FindingFilter { rules, ..FindingFilter::default() }).await.len(), 1);
    let about = |id: &str| Some([id.parse::<Id>().unwrap()].into());
    let subjects = about("acme-cloud/repository/2");
    assert_eq!(
        listed(&store, FindingFilter { subjects, ..FindingFilter::default() }).await.len(),
        1
    );
    let subjects = about("acme-cloud/repository/home");
    assert_eq!(
        listed(&store, FindingFilter { subjects, ..FindingFilter::default() }).await.len(),
        5,
        "by the place"
    );
    for (owner, count) in [("Jane-Owner", 5), (JANE, 5), ("Omar", 0)] {
        let owner = Some(owner.to_owned());
        let filter = FindingFilter { owner, ..FindingFilter::default() };
        assert_eq!(listed(&store, filter).await.len(), count);
    }
    let connection = Some("other".parse().unwrap());
    assert!(
        listed(&store, FindingFilter { connection, ..FindingFilter::default() }).await.is_empty()
    );
}

#[tokio::test]
async fn what_fails_stands_first_and_in_it_what_nobody_has_said_anything_of() {
    let place = Place::new();
    let store = place.open().await;
    looked(
        &store,
        seen("posture/gap", "repository/1", Severity::Critical, Outcome::Unknown),
        at(1),
    )
    .await;
    for rule in ["posture/lived", "posture/seen", "posture/new", "posture/over"] {
        looked(&store, fails(rule, "repository/1", Severity::High), at(1)).await;
    }
    looked(&store, fails("posture/little", "repository/1", Severity::Low), at(1)).await;
    let accepted = async |rule: &str, until| {
        let id = finding::id(&RuleId::told(rule), &"acme-cloud/repository/1".parse().unwrap());
        let kept = store.finding(&id).await.unwrap().unwrap();
        let said = Acceptance { by: "Mia".to_owned(), because: "so".to_owned(), until };
        let next = lifecycle::accept(&kept, said, at(2)).unwrap();
        store.keep_findings(vec![moved(next, None)], at(2)).await.unwrap();
    };
    accepted("posture/lived", at(100)).await;
    accepted("posture/over", at(5)).await;
    let id = "acme-cloud/repository/1".parse().unwrap();
    let kept = store.finding(&finding::id(&RuleId::told("posture/seen"), &id)).await.unwrap();
    let next = lifecycle::acknowledge(&kept.unwrap(), "Mia", "", at(2)).unwrap();
    store.keep_findings(vec![moved(next, None)], at(2)).await.unwrap();
    let order = listed(&store, FindingFilter::default()).await;
    let rules: Vec<&str> = order.iter().map(|name| &name[8..name.len() - 2]).collect();
    assert_eq!(rules, ["new", "little", "over", "seen", "lived", "gap"]);

    // The list goes on from the same place when the one it ended with is fixed meanwhile.
    let page = async |after| {
        let filter = FindingFilter { limit: 1, after, now: at(10), ..FindingFilter::default() };
        store.findings(filter).await.unwrap().unwrap()
    };
    let first = page(None).await;
    looked(&store, seen("posture/new", "repository/1", Severity::High, Outcome::Pass), at(6)).await;
    let second = page(first.next).await;
    assert_eq!(second.findings[0].rule.as_str(), "posture/little");
}

#[tokio::test]
async fn what_belongs_to_one_place_stands_together() {
    let place = Place::new();
    let store = place.open().await;
    for number in 0..30 {
        let mut one = fails("posture/bad", &format!("repository/{number}"), Severity::High);
        let home = format!("acme-cloud/repository/home-{}", number % 3);
        one.subject.place = Some(home.parse().unwrap());
        looked(&store, one, at(1)).await;
    }
    let filter = FindingFilter { limit: 100, now: at(10), ..FindingFilter::default() };
    let found = store.findings(filter).await.unwrap().unwrap().findings;
    let mut homes: Vec<_> = found.into_iter().map(|kept| kept.subject.place).collect();
    homes.dedup();
    assert_eq!(homes.len(), 3);
}

#[tokio::test]
async fn what_is_over_is_listed_as_it_was_before() {
    let place = Place::new();
    let store = place.open().await;
    let kept = looked(&store, fails("posture/bad", "repository/1", Severity::High), at(1)).await;
    let said = Acceptance { by: "Mia".to_owned(), because: "so".to_owned(), until: at(5) };
    let accepted = moved(lifecycle::accept(&kept, said, at(2)).unwrap(), None);
    store.keep_findings(vec![accepted], at(2)).await.unwrap();
    let of = async |state, now| {
        let filter =
            FindingFilter { state: Some(state), limit: 9, now, ..FindingFilter::default() };
        store.findings(filter).await.unwrap().unwrap().findings.len()
    };
    assert_eq!((of(State::Accepted, at(4)).await, of(State::New, at(4)).await), (1, 0));
    assert_eq!((of(State::Accepted, at(5)).await, of(State::New, at(5)).await), (0, 1));
    let counted = async |now| store.count_findings(now).await.unwrap()[0].accepted;
    assert_eq!((counted(at(4)).await, counted(at(5)).await), (1, 0));
    assert!(store.lapsed_findings(at(4)).await.unwrap().is_empty());
    assert_eq!(store.lapsed_findings(at(5)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_only_unknown_goes_when_it_passes() {
    let place = Place::new();
    let store = place.open().await;
    some(&store).await;
    let pass = seen("posture/high", "repository/3", Severity::High, Outcome::Pass);
    looked(&store, pass, at(2)).await;
    assert_eq!(listed(&store, FindingFilter::default()).await.len(), 4);
}

fn scan(connection: &str, now: Time) -> Scan {
    Scan {
        connection: connection.to_owned(),
        at: now,
        graph_revision: 7,
        bundle: "ab".to_owned(),
        subjects: 12,
        tallies: vec![Tally {
            rule: RuleId::told("posture/bad"),
            severity: Severity::Critical,
            pass: 9,
            fail: 2,
            unknown: 1,
            accepted: 1,
        }],
    }
}

#[tokio::test]
async fn scans_are_kept_newest_first_and_told_to_the_ledger() {
    let place = Place::new();
    let store = place.open().await;
    for (number, mark) in [(1, ScanMark::Whole), (2, ScanMark::Part), (3, ScanMark::Part)] {
        store.keep_scan(&scan("acme-cloud", at(number)), mark).await.unwrap();
    }
    store.keep_scan(&scan("acme-dc", at(4)), ScanMark::Whole).await.unwrap();
    let connection = Some("acme-cloud".parse().unwrap());
    let page = ScanFilter { connection, before: None, limit: 2 };
    let found = store.scans(page.clone()).await.unwrap();
    assert_eq!(found.iter().map(|(_, scan)| scan.at).collect::<Vec<_>>(), [at(3), at(2)]);
    let rest = store.scans(ScanFilter { before: Some(found[1].0), ..page }).await.unwrap();
    assert_eq!(rest[0].1, scan("acme-cloud", at(1)), "all of it comes back");
    let whole = store.last_whole_scan(&"acme-cloud".parse().unwrap()).await.unwrap();
    assert_eq!(whole, Some(at(1)));
    let entry = entry(&store, 0).await;
    assert_eq!((entry.body["what"].as_str(), entry.body["fail"].as_u64()), (Some("scan"), Some(2)));
}

#[tokio::test]
async fn an_erased_person_is_in_no_finding() {
    let place = Place::new();
    let store = place.open().await;
    some(&store).await;
    store.erase_mentions(JANE, at(2), "operator session").await.unwrap();
    let filter = FindingFilter { limit: 9, now: at(3), ..FindingFilter::default() };
    let found = store.findings(filter).await.unwrap().unwrap().findings;
    assert_eq!(found.len(), 5, "what is wrong stays");
    let all = serde_json::to_string(&found).unwrap();
    assert!(!all.contains("Jane-Owner") && !all.contains("Jane-In-Words"), "{all}");
    // The next look says again what the graph still tells.
    let again =
        looked(&store, fails("posture/bad", "repository/1", Severity::Critical), at(3)).await;
    assert_eq!(again.first_seen, at(1), "it is the same finding");
}

#[tokio::test]
async fn what_was_fixed_long_ago_is_forgotten_and_what_fails_is_not() {
    let place = Place::new();
    let store = place.open().await;
    some(&store).await;
    looked(&store, seen("posture/bad", "repository/2", Severity::Critical, Outcome::Pass), at(2))
        .await;
    store.keep_scan(&scan("acme-cloud", at(2)), ScanMark::Whole).await.unwrap();
    let until = |now| Until { bodies: at(0), sealed: now };
    assert_eq!(store.sweep(until(at(2)), at(3)).await.unwrap().findings, 0);
    let swept = store.sweep(until(at(3)), at(3)).await.unwrap();
    assert_eq!(swept.findings, 2, "a finding and a scan");
    assert_eq!(listed(&store, FindingFilter::default()).await.len(), 4);
}

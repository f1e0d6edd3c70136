//! Audit lines and where their source stands are kept together; each line once; what is old is forgotten.

use portcullis::graph::Time;
use portcullis::graph::audit::AuditLine;
use portcullis::graph::audit::Deed;
use portcullis::graph::audit::Doer;
use portcullis::graph::audit::FoundChange;
use portcullis::graph::audit::Party;
use portcullis::graph::reconcile::Changed;
use portcullis::store::AUDIT_PAGE;
use portcullis::store::AuditFilter;
use portcullis::store::AuditPlace;
use portcullis::store::AuditState;
use portcullis::store::AuditWhich;
use portcullis::store::NewChange;
use portcullis::store::Store;
use portcullis::store::Until;

use super::Place;
use super::at;

fn line(id: &str, at: Time) -> AuditLine {
    AuditLine {
        id: id.to_owned(),
        at,
        deed: Deed::Permission,
        action: "repositorypermissiongranted".to_owned(),
        who: Doer::Party(Party { kind: "user".to_owned(), key: "7".to_owned() }),
        about: vec![Party { kind: "user".to_owned(), key: "mia".to_owned() }],
        place: None,
    }
}

fn change(key: u8, until: Time) -> NewChange {
    NewChange {
        key: [key; 32],
        moment: 1,
        change: FoundChange {
            what: Changed::Permission,
            event: "permission.changed".to_owned(),
            thing: "acme-cloud/user/mia".parse().unwrap(),
            on: Some("acme-cloud/repository/1".parse().unwrap()),
            place: None,
            after: at(0),
            until,
        },
    }
}

fn place(page: Option<&str>) -> AuditPlace {
    AuditPlace {
        source: "rest".to_owned(),
        since: 5,
        until: at(9),
        page: page.map(str::to_owned),
        visited: at(9),
        read: None,
        kept: 0,
        passed: 2,
        unreadable: 0,
        why: None,
    }
}

/// A line and a change, for whoever seals everything again.
pub async fn filled(store: &Store) {
    let id = "acme-cloud".parse().unwrap();
    store.take_audit(&id, place(None), &[line("one", at(1))]).await.unwrap();
    store.keep_changes(&id, vec![change(1, at(2))]).await.unwrap();
}

/// Both open.
pub async fn is_read(store: &Store) {
    let id = "acme-cloud".parse().unwrap();
    assert_eq!(store.open_lines(&id, None).await.unwrap()[0].line, line("one", at(1)));
    assert_eq!(
        store.changes_since(&id, (at(0), None)).await.unwrap()[0].change,
        change(1, at(2)).change
    );
}

#[tokio::test]
async fn a_page_and_the_place_after_it_are_kept_together_and_each_line_once() {
    let home = Place::new();
    let store = home.open().await;
    let id = "acme-cloud".parse().unwrap();
    let first = [line("a", at(3)), line("b", at(2))];
    assert_eq!(store.take_audit(&id, place(Some("2,b")), &first).await.unwrap(), 2);
    store.close().await;
    let store = home.open().await;
    let stands = store.audit_place(&id, "rest").await.unwrap().unwrap();
    assert_eq!((stands.page.as_deref(), stands.kept, stands.passed), (Some("2,b"), 2, 2));
    // The page after begins with the last line of the one before.
    let second = [line("b", at(2)), line("c", at(1))];
    assert_eq!(
        store.take_audit(&id, AuditPlace { page: None, ..stands }, &second).await.unwrap(),
        1
    );
    assert_eq!(store.audit_place(&id, "rest").await.unwrap().unwrap().kept, 3);
    let order: Vec<String> =
        store.open_lines(&id, None).await.unwrap().into_iter().map(|kept| kept.line.id).collect();
    assert_eq!(order, ["c", "b", "a"]);
    let other = "acme-dc".parse().unwrap();
    assert!(
        store.open_lines(&other, None).await.unwrap().is_empty(),
        "a line is of one connection"
    );
}

#[tokio::test]
async fn a_pair_is_written_down_once_and_told_from_both_ends() {
    let home = Place::new();
    let store = home.open().await;
    let id = "acme-cloud".parse().unwrap();
    store.take_audit(&id, place(None), &[line("a", at(1)), line("b", at(1))]).await.unwrap();
    store
        .keep_changes(&id, vec![change(1, at(2)), change(2, at(2)), change(1, at(2))])
        .await
        .unwrap();
    let lines = store.open_lines(&id, None).await.unwrap();
    let changes = store.changes_since(&id, (at(0), None)).await.unwrap();
    assert_eq!(changes.len(), 2, "the same change twice is one");
    let pair = vec![(lines[0].no, changes[0].no)];
    assert_eq!(store.settle_audit(pair.clone(), vec![lines[1].no]).await.unwrap(), 2);
    assert_eq!(
        store.settle_audit(pair, Vec::new()).await.unwrap(),
        0,
        "only what differs is written"
    );
    let told = store.audit_changes(AuditFilter::default()).await.unwrap();
    let by: Vec<usize> = told.iter().map(|(.., lines)| lines.len()).collect();
    assert_eq!(by.iter().sum::<usize>(), 1);
    let only = AuditFilter { which: AuditWhich::Unmatched, ..AuditFilter::default() };
    let alone = store.audit_lines(only.clone()).await.unwrap();
    assert_eq!((alone.len(), alone[0].1.state), (1, AuditState::Alone));
    assert_eq!(store.audit_changes(only).await.unwrap().len(), 1);
    assert_eq!(store.explained(&id, vec![1]).await.unwrap().len(), 1);
    assert!(store.open_lines(&id, None).await.unwrap().is_empty());
}

#[tokio::test]
async fn however_many_there_are_every_line_and_every_change_is_walked_and_the_newest_too() {
    let home = Place::new();
    let store = home.open().await;
    let id = "acme-cloud".parse().unwrap();
    let many = i64::try_from(AUDIT_PAGE).unwrap() + 2;
    let lines: Vec<_> = (0..many).map(|no| line(&format!("line-{no}"), at(no / 2))).collect();
    store.take_audit(&id, place(None), &lines).await.unwrap();
    let changes = (0..many).map(|no| {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&no.to_be_bytes());
        NewChange { key, ..change(0, at(no)) }
    });
    store.keep_changes(&id, changes.collect()).await.unwrap();
    let (mut walked, mut after) = (Vec::new(), None);
    loop {
        let page = store.open_lines(&id, after).await.unwrap();
        assert!(page.len() <= AUDIT_PAGE);
        let Some(last) = page.last() else { break };
        after = Some((last.line.at, last.no));
        walked.extend(page);
    }
    assert_eq!(
        walked.iter().map(|kept| &kept.line).collect::<Vec<_>>(),
        lines.iter().collect::<Vec<_>>()
    );
    let first = store.changes_since(&id, (at(1), None)).await.unwrap();
    assert_eq!(first.len(), AUDIT_PAGE);
    let rest = store.changes_since(&id, (at(1), Some(first.last().unwrap().no))).await.unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].change.until, at(many - 1), "the newest");
    let pairs: Vec<_> = walked
        .iter()
        .zip(first.iter().chain(&rest))
        .map(|(line, change)| (line.no, change.no))
        .collect();
    let count = u64::try_from(pairs.len()).unwrap();
    assert_eq!(store.settle_audit(pairs.clone(), Vec::new()).await.unwrap(), count);
    assert_eq!(store.settle_audit(pairs, Vec::new()).await.unwrap(), 0);
    assert_eq!(store.open_lines(&id, None).await.unwrap().len(), 1);
    let mut settled = store.settled_lines(&id, (at(0), None)).await.unwrap();
    let last = settled.last().map(|kept| (kept.line.at, kept.no));
    settled.extend(store.settled_lines(&id, (at(0), last)).await.unwrap());
    assert_eq!(settled.len() + 1, walked.len());
}

#[tokio::test]
async fn what_is_too_old_is_forgotten_with_its_pairs() {
    let home = Place::new();
    let store = home.open().await;
    let id = "acme-cloud".parse().unwrap();
    store.take_audit(&id, place(None), &[line("old", at(1)), line("new", at(500))]).await.unwrap();
    store.keep_changes(&id, vec![change(1, at(1)), change(2, at(500))]).await.unwrap();
    let lines = store.open_lines(&id, None).await.unwrap();
    let changes = store.changes_since(&id, (at(0), None)).await.unwrap();
    let pairs = lines.iter().zip(&changes).map(|(line, change)| (line.no, change.no)).collect();
    store.settle_audit(pairs, Vec::new()).await.unwrap();
    let swept = store.sweep(Until { bodies: at(0), sealed: at(100) }, at(600)).await.unwrap();
    assert_eq!(swept.history, 3, "a line, a change and their pair");
    let left = store.audit_lines(AuditFilter::default()).await.unwrap();
    assert_eq!(left.iter().map(|(_, kept, _)| kept.line.id.as_str()).collect::<Vec<_>>(), ["new"]);
    assert_eq!(store.audit_changes(AuditFilter::default()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_reading_that_was_cut_short_goes_on_while_it_is_young_and_is_forgotten_then() {
    let home = Place::new();
    let store = home.open().await;
    let id = "acme-cloud".parse().unwrap();
    let answers = |from: u8| (from..from + 3).map(|key| ([key; 32], vec![key])).collect();
    store.keep_crawl(&id, (at(10), at(20)), answers(0)).await.unwrap();
    store.keep_crawl(&id, (at(10), at(30)), answers(2)).await.unwrap();
    store.close().await;
    let store = home.open().await;
    let cut = store.cut_short(&id, (at(5), at(25))).await.unwrap().unwrap();
    assert_eq!((cut.began, cut.answers.len()), (at(10), 5), "each answer once");
    let other = "acme-dc".parse().unwrap();
    assert!(store.cut_short(&other, (at(0), at(0))).await.unwrap().is_none());
    // Its last answer is too old: it begins anew, and nothing of it is left.
    assert!(store.cut_short(&id, (at(5), at(31))).await.unwrap().is_none());
    assert!(store.cut_short(&id, (at(0), at(0))).await.unwrap().is_none());
    store.keep_crawl(&id, (at(10), at(30)), answers(0)).await.unwrap();
    assert!(
        store.cut_short(&id, (at(11), at(0))).await.unwrap().is_none(),
        "it began too long ago"
    );
}

//! A search finds exactly what is like that, newest first, however much there is; and looks at no more than it may.

use portcullis::decision::Because;
use portcullis::decision::Effect;
use portcullis::decision::Outcome;
use portcullis::decision::impact::Rules;
use portcullis::decision::plan::Softener;
use portcullis::decision::record::Asked;
use portcullis::decision::record::Public;
use portcullis::event::EventKind;
use portcullis::graph::Time;
use portcullis::policy::RuleId;
use portcullis::policy::Verdict;
use portcullis::store::Filter;
use portcullis::store::LOOK;
use portcullis::store::Recording;
use portcullis::store::Store;
use uuid::Uuid;

use super::Place;
use super::allowed;
use super::at;
use super::decision_of;
use super::seal;
use super::sql;

const REPOSITORIES: [&str; 3] =
    ["acme-cloud/repository/1", "acme-cloud/repository/2", "acme-dc/repository/7"];
const PEOPLE: [&str; 3] = ["acme-cloud/user/2", "acme-cloud/user/3", "acme-dc/user/4"];
const RULES: [&str; 4] = ["deploy/freeze", "deploy/four-eyes", "deployment/other", "ref/deletion"];
const KINDS: [EventKind; 3] = [EventKind::Push, EventKind::TagMoved, EventKind::PipelineStep];

/// One of many: a mixture in which every pair of properties comes together now and then.
fn mixed(number: usize) -> Public {
    // Numbers that have no common divisor, so that no property goes with another.
    let of = |step: usize, many: usize| number / step % many;
    let mut public = decision_of("Jo", at(i64::try_from(number).unwrap() * 1_000)).public;
    public.connection = ["acme-cloud", "acme-dc"][of(7, 2)].parse().unwrap();
    public.repository = (of(1, 5) != 0).then(|| REPOSITORIES[of(1, 3)].to_owned());
    public.actor = (of(1, 7) != 0).then(|| PEOPLE[of(2, 3)].to_owned());
    public.event = KINDS[of(3, 3)];
    public.verdict =
        [Verdict::Allow, Verdict::Block, Verdict::Allow, Verdict::Approve, Verdict::Alert]
            [of(1, 5)];
    public.effect = Effect::from(public.verdict);
    public.uncovered = public.verdict == Verdict::Allow && of(1, 11) == 0;
    public.rules = RULES
        .iter()
        .enumerate()
        .filter(|(place, _)| of(1, place + 2) == 0)
        .map(|(place, rule)| Asked {
            rule: RuleId::told(rule),
            outcome: if place % 2 == 0 { Outcome::Matched } else { Outcome::CouldNotTell },
            verdict: None,
            mode: portcullis::decision::Mode::Enforce,
        })
        .collect();
    public.rules.push(Asked { outcome: Outcome::DidNotMatch, ..asked("quiet/never") });
    if public.effect != Effect::Proceed && of(1, 2) == 0 {
        let kind = [Softener::Shadow, Softener::Pause][of(5, 2)];
        public.because = vec![Because { kind, id: "x".to_owned(), text: "y".to_owned() }];
        public.effect = Effect::Proceed;
    }
    public
}

fn asked(rule: &str) -> Asked {
    Asked {
        rule: RuleId::told(rule),
        outcome: Outcome::Matched,
        verdict: None,
        mode: portcullis::decision::Mode::Enforce,
    }
}

/// The plain meaning of a filter.
fn fits(filter: &Filter, public: &Public) -> bool {
    let spoke = |asked: &&Asked| matches!(asked.outcome, Outcome::Matched | Outcome::CouldNotTell);
    let ruled =
        |rules: &Rules| public.rules.iter().filter(spoke).any(|asked| rules.hold(&asked.rule));
    filter.connection.as_ref().is_none_or(|wanted| *wanted == public.connection)
        && filter.verdict.is_none_or(|wanted| wanted == public.verdict)
        && filter.effect.is_none_or(|wanted| wanted == public.effect)
        && filter.repository.is_none_or_as(public.repository.as_ref())
        && filter.person.is_none_or_as(public.actor.as_ref())
        && filter.rules.as_ref().is_none_or(ruled)
        && filter.kind.is_none_or(|wanted| wanted == public.event)
        && filter.softened.is_none_or(|by| public.because.iter().any(|because| because.kind == by))
        && filter.uncovered.is_none_or(|wanted| wanted == public.uncovered)
        && filter.since.is_none_or(|since| public.at >= since)
        && filter.until.is_none_or(|until| public.at < until)
}

trait NoneOrAs {
    fn is_none_or_as(&self, other: Option<&String>) -> bool;
}

impl NoneOrAs for Option<String> {
    fn is_none_or_as(&self, other: Option<&String>) -> bool {
        self.is_none() || self.as_ref() == other
    }
}

/// Everything a filter finds, page by page.
async fn found(store: &Store, filter: &Filter, limit: usize) -> Vec<Uuid> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = store.decisions(filter.clone(), before, limit).await.unwrap();
        assert!(page.items.len() <= limit);
        all.extend(page.items.into_iter().map(|record| record.public.decision));
        before = page.next;
        if before.is_none() {
            return all;
        }
    }
}

/// One filter for each property, and none.
fn single() -> Vec<Filter> {
    let rules = ["deploy", "deploy/freeze", "deployment", "ref", "quiet", "quiet/never", "dep"];
    let mut all = vec![Filter::default()];
    all.extend(
        ["acme-cloud", "acme-dc", "other"]
            .map(|id| Filter { connection: Some(id.parse().unwrap()), ..Filter::default() }),
    );
    all.extend(
        Verdict::ALL.iter().map(|verdict| Filter { verdict: Some(*verdict), ..Filter::default() }),
    );
    all.extend(
        Effect::ALL.iter().map(|effect| Filter { effect: Some(*effect), ..Filter::default() }),
    );
    all.extend(
        REPOSITORIES.map(|id| Filter { repository: Some(id.to_owned()), ..Filter::default() }),
    );
    all.extend(PEOPLE.map(|id| Filter { person: Some(id.to_owned()), ..Filter::default() }));
    all.extend(rules.map(|rule| Filter { rules: Some(Rules::new(rule)), ..Filter::default() }));
    all.extend(KINDS.map(|kind| Filter { kind: Some(kind), ..Filter::default() }));
    all.extend(Softener::ALL.iter().map(|by| Filter { softened: Some(*by), ..Filter::default() }));
    all.extend(
        [true, false].map(|uncovered| Filter { uncovered: Some(uncovered), ..Filter::default() }),
    );
    all.push(Filter { since: Some(at(100_000)), until: Some(at(200_000)), ..Filter::default() });
    all
}

/// What either asks for; the first where both do.
fn both(one: &Filter, other: &Filter) -> Filter {
    let (one, other) = (one.clone(), other.clone());
    Filter {
        connection: one.connection.or(other.connection),
        verdict: one.verdict.or(other.verdict),
        effect: one.effect.or(other.effect),
        repository: one.repository.or(other.repository),
        person: one.person.or(other.person),
        rules: one.rules.or(other.rules),
        kind: one.kind.or(other.kind),
        softened: one.softened.or(other.softened),
        uncovered: one.uncovered.or(other.uncovered),
        since: one.since.or(other.since),
        until: one.until.or(other.until),
    }
}

#[tokio::test]
async fn every_pair_of_wishes_finds_exactly_what_is_like_that_newest_first() {
    let place = Place::new();
    let store = place.open().await;
    let all: Vec<Public> = (0..330).map(mixed).collect();
    let recordings = all.iter().map(|public| {
        let mut record = decision_of("Jo", public.at);
        record.public = public.clone();
        Recording::of(record)
    });
    assert!(store.record(recordings.collect()).await.iter().all(Result::is_ok));
    let single = single();
    let mut busy = 0;
    for one in &single {
        for other in &single {
            let filter = both(one, other);
            let like_that = all.iter().rev().filter(|public| fits(&filter, public));
            let expected: Vec<Uuid> = like_that.map(|public| public.decision).collect();
            assert_eq!(found(&store, &filter, 200).await, expected, "{filter:?}");
            busy += usize::from(!expected.is_empty());
        }
        let like_that = all.iter().rev().filter(|public| fits(one, public));
        let expected: Vec<Uuid> = like_that.map(|public| public.decision).collect();
        assert_eq!(found(&store, one, 7).await, expected, "in small pages: {one:?}");
    }
    assert!(busy * 2 > single.len() * single.len(), "most of it finds something: {busy}");
}

#[tokio::test]
async fn whoever_follows_is_told_the_same_from_any_place_on_oldest_first() {
    let place = Place::new();
    let store = place.open().await;
    for number in 0..60 {
        let mut record = decision_of("Jo", at(0));
        record.public = mixed(number);
        assert!(store.record(vec![Recording::of(record)]).await[0].is_ok());
    }
    for filter in single() {
        let mut expected = found(&store, &filter, 200).await;
        expected.reverse();
        let (mut told, mut from) = (Vec::new(), 0);
        loop {
            let onward = store.decisions_from(filter.clone(), from, 3).await.unwrap();
            assert!(onward.items.iter().all(|(index, _)| (from..onward.from).contains(index)));
            told.extend(onward.items.into_iter().map(|(_, record)| record.public.decision));
            from = onward.from;
            if !onward.more {
                break;
            }
        }
        assert_eq!((told, from), (expected, 60), "{filter:?}");
    }
    let news = store.news();
    let mut record = decision_of("Jo", at(0));
    record.public = mixed(60);
    assert!(store.record(vec![Recording::of(record)]).await[0].is_ok());
    assert!(news.has_changed().unwrap(), "and woken when there is more");
    assert_eq!(*news.borrow(), 61);
}

/// One decision that is unlike all others, and then as many common ones as ten looks are long.
async fn one_in_many(place: &Place) -> (Store, Uuid) {
    let store = place.open().await;
    let mut rare = decision_of("Rare", at(0));
    rare.public.repository = Some("acme-cloud/repository/rare".to_owned());
    rare.public.actor = Some("acme-cloud/user/rare".to_owned());
    rare.public.event = EventKind::TagMoved;
    rare.public.uncovered = true;
    rare.public.effect = Effect::Proceed;
    rare.public.because =
        vec![Because { kind: Softener::Shadow, id: "x".to_owned(), text: "y".to_owned() }];
    let mut common = allowed(at(1), "acme-cloud/repository/1");
    common.public.uncovered = false;
    let two = [&rare, &common].map(|record| Recording::of(record.clone()));
    assert!(store.record(two.into()).await.iter().all(Result::is_ok));
    store.close().await;
    sql(&place.path(), &format!(
        "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {many})
         INSERT INTO entry SELECT i, at + i * 10, bytes FROM n, entry WHERE idx = 1;
         INSERT INTO decision SELECT idx, randomblob(16), entry.at, connection, event, verdict, effect, repository, 0, actor, softened
           FROM entry, decision WHERE idx > 1 AND decision.entry = 1;
         INSERT INTO decision_rule SELECT 'ref/deletion', idx FROM entry WHERE idx > 1;
         INSERT INTO mention SELECT 'acme-cloud/user/2', idx FROM entry WHERE idx > 1;",
        many = 10 * LOOK,
    ));
    let store = Store::open_read_only_sealed(&place.path(), seal(7)).await.unwrap();
    (store, rare.public.decision)
}

#[tokio::test]
async fn one_in_two_hundred_thousand_is_found_by_an_index_or_in_bounded_steps() {
    let place = Place::new();
    let (store, rare) = one_in_many(&place).await;
    let none = Filter::default;
    let indexed = [
        Filter { verdict: Some(Verdict::Block), ..none() },
        Filter { softened: Some(Softener::Shadow), ..none() },
        Filter { repository: Some("acme-cloud/repository/rare".to_owned()), ..none() },
        Filter { person: Some("acme-cloud/user/rare".to_owned()), ..none() },
        Filter { rules: Some(Rules::new("ref/force-push")), ..none() },
        Filter { uncovered: Some(true), ..none() },
    ];
    for filter in indexed {
        // Were the others looked at one by one, the first look would not reach it.
        let page = store.decisions(filter.clone(), None, 9).await.unwrap();
        let ids: Vec<Uuid> = page.items.iter().map(|record| record.public.decision).collect();
        assert_eq!((ids, page.next), (vec![rare], None), "{filter:?}");
    }
    // No index tells kinds apart: each step is bounded, and says where to go on.
    let filter = Filter { kind: Some(EventKind::TagMoved), ..none() };
    let first = store.decisions(filter.clone(), None, 9).await.unwrap();
    assert_eq!((first.items.len(), first.next), (0, Some(9 * LOOK + 1)));
    assert_eq!(found(&store, &filter, 9).await, [rare]);
    let early = Filter { until: Some(at(1)), ..none() };
    let page = store.decisions(early, None, 9).await.unwrap();
    assert!(page.next.is_some_and(|next| next < 2 * LOOK), "the young ones are not looked at");
    let after: Time = at(2 + 100 * i64::try_from(LOOK).unwrap());
    let since = Filter { since: Some(after), ..none() };
    let page = store.decisions(since, None, 200).await.unwrap();
    assert_eq!((page.items.len(), page.next), (0, None), "and a time is found among all of them");
}

//! What a search is asked for: as the API's query, and as the filter of a store.

use portcullis::decision::Effect;
use portcullis::decision::impact::Rules;
use portcullis::decision::plan::Softener;
use portcullis::event::EventKind;
use portcullis::gateway::clock::Clock;
use portcullis::gateway::telling::id_of;
use portcullis::graph::Builder;
use portcullis::graph::ConnectionId;
use portcullis::graph::Snapshot;
use portcullis::graph::Time;
use portcullis::policy::Verdict;
use portcullis::policy::demand::duration;
use portcullis::store::Filter;
use portcullis::store::Store;
use portcullis::store::StoreError;

use crate::cli::DecisionFilter;

/// Which part of what fits.
#[derive(Debug, Default)]
pub struct Paging {
    /// Made before.
    pub until: Option<String>,
    /// The `next` of the page before.
    pub before: Option<u64>,
    /// At most so many; 0: no page at all.
    pub limit: u32,
}

/// As the API's query; what is empty is left out there.
pub fn query(filter: &DecisionFilter, paging: &Paging) -> Vec<(&'static str, String)> {
    let or_empty = |value: &Option<String>| value.clone().unwrap_or_default();
    let number = |value: Option<u64>| value.map(|number| number.to_string()).unwrap_or_default();
    let limit = (paging.limit > 0).then_some(u64::from(paging.limit));
    vec![
        ("since", or_empty(&filter.since)),
        ("until", or_empty(&paging.until)),
        ("verdict", or_empty(&filter.verdict)),
        ("effect", or_empty(&filter.effect)),
        ("rule", or_empty(&filter.rule)),
        ("repository", or_empty(&filter.repository)),
        ("person", or_empty(&filter.person)),
        ("kind", or_empty(&filter.kind)),
        ("connection", or_empty(&filter.connection)),
        ("uncovered", if filter.uncovered { "true".to_owned() } else { String::new() }),
        ("softened", or_empty(&filter.softened)),
        ("before", number(paging.before)),
        ("limit", number(limit)),
    ]
}

/// The same for a store.
pub async fn filter_for(
    store: &Store,
    filter: &DecisionFilter,
    until: Option<&str>,
) -> Result<Filter, String> {
    let now = Clock::machine(store.highest_stamp()).now();
    let time = |told: Option<&str>| told.map(|text| time(text, now)).transpose();
    let connection = read("connection", filter.connection.as_deref(), |text| text.parse().ok())?;
    Ok(Filter {
        verdict: word("verdict", filter.verdict.as_deref(), Verdict::from_text, Verdict::TEXTS)?,
        effect: word("effect", filter.effect.as_deref(), Effect::from_text, Effect::TEXTS)?,
        repository: id(store, filter.repository.as_deref(), connection.as_ref()).await?,
        person: id(store, filter.person.as_deref(), connection.as_ref()).await?,
        rules: read("rule or area", filter.rule.as_deref(), Rules::named)?,
        kind: word(
            "kind of event",
            filter.kind.as_deref(),
            EventKind::from_text,
            EventKind::TEXTS,
        )?,
        softened: word(
            "softening",
            filter.softened.as_deref(),
            Softener::from_text,
            Softener::TEXTS,
        )?,
        uncovered: filter.uncovered.then_some(true),
        since: time(filter.since.as_deref())?,
        until: time(until)?,
        connection,
    })
}

fn time(text: &str, now: Time) -> Result<Time, String> {
    duration(text).map(|ago| now.minus(ago)).or_else(|| text.parse().ok()).ok_or_else(|| {
        format!(
            "`{text}` is no time: write it like `2026-11-21T18:05:00Z`, or how long ago, like `2h`"
        )
    })
}

fn read<T>(
    what: &str,
    told: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, String> {
    let refused = |text: &str| format!("`{text}` is no {what}");
    told.map(|text| parse(text).ok_or_else(|| refused(text))).transpose()
}

fn word<T>(
    what: &str,
    told: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
    all: &[&str],
) -> Result<Option<T>, String> {
    read(what, told, parse).map_err(|why| format!("{why}: use one of {}", all.join(", ")))
}

/// The id that is meant; names are looked up in the worlds the store keeps.
async fn id(
    store: &Store,
    told: Option<&str>,
    among: Option<&ConnectionId>,
) -> Result<Option<String>, String> {
    let Some(told) = told else { return Ok(None) };
    if let Ok(id) = id_of(&Snapshot::empty(), told, None) {
        return Ok(Some(id));
    }
    let graph = graph(store).await?;
    id_of(&graph, told, among).map(Some).map_err(|error| error.to_string())
}

async fn graph(store: &Store) -> Result<Snapshot, String> {
    let kept = store.worlds().await.map_err(|error| {
        if error == StoreError::NoKey {
            return "names cannot be looked up without the store's key: write the id".to_owned();
        }
        error.to_string()
    })?;
    let mut builder = Builder::default();
    for world in kept {
        let packed = world.packed().map_err(|error| error.to_string())?;
        builder.packed(packed).map_err(|error| error.to_string())?;
    }
    builder.build(0).map_err(|error| error.to_string())
}

//! Findings of a world file, without a gateway: one round of the rules in this process. They are the caller's own.
//!
//! Nobody has kept anything, so everything is new; what people brought and who is named are not known here.

use std::path::Path;
use std::sync::Arc;

use portcullis::gateway::findings::FindingStory;
use portcullis::gateway::findings::Findings;
use portcullis::graph::Admins;
use portcullis::graph::ConnectionId;
use portcullis::graph::Id;
use portcullis::http::console::findings::report;
use portcullis::http::console::findings::report::Extent;
use portcullis::policy::Answer;
use portcullis::policy::Bundle;
use portcullis::policy::Limits;
use portcullis::policy::Machine;
use portcullis::policy::Prepared;
use portcullis::policy::diagnostic;
use portcullis::policy::load;
use portcullis::posture::Catalogue;
use portcullis::posture::Held;
use portcullis::posture::Kept;
use portcullis::posture::Outcome;
use portcullis::posture::Scan;
use portcullis::posture::Seen;
use portcullis::posture::Tally;
use portcullis::posture::choice::Choices;
use portcullis::posture::controls;
use portcullis::posture::finding;
use portcullis::posture::lifecycle;
use portcullis::posture::lifecycle::Hold;
use portcullis::posture::round::Question;
use portcullis::posture::round::Round;

use crate::cli::FindingWish;
use crate::findings::source::Ground;
use crate::offline;

/// What was found: what fails, then what cannot be told; in each the worst first.
struct Found {
    kept: Vec<Kept>,
    catalogue: Catalogue,
    round: Round,
    /// What was counted, those that comply included.
    scan: Scan,
}

/// The findings of a world that are wished for.
pub fn list(
    world: &Path,
    policies: Option<&Path>,
    wish: &FindingWish,
    limit: u32,
) -> Result<Findings, String> {
    let found = look(world, policies)?;
    let Found { kept, catalogue, round, .. } = &found;
    let subject = wish.subject.as_ref().map(|text| round.graph.resolve(text)).transpose();
    let subject = subject.map_err(|error| error.to_string())?;
    let subject = subject.and_then(|node| round.graph.node(node)).map(|node| node.id.clone());
    let shown = kept.iter().map(|kept| kept.shown(catalogue.rule(&kept.rule), round.now));
    let wished = shown.filter(|finding| {
        let called = |name: &String| {
            finding.rule.as_str() == name
                || finding.aliases.iter().any(|one| one.id == *name || one.title == *name)
        };
        let about =
            |id: &Id| finding.subject.id == *id || finding.subject.place.as_ref() == Some(id);
        let owned = |who: &String| {
            finding.owner.name == *who
                || finding.owner.id.as_ref().is_some_and(|id| id.as_str() == who)
        };
        wish.outcome.is_none_or(|asked| asked == finding.outcome)
            && wish.state.is_none_or(|asked| asked == finding.state)
            && wish.severity.is_none_or(|asked| finding.severity <= asked)
            && wish.category.as_ref().is_none_or(|asked| *asked == finding.category)
            && wish.rule.as_ref().is_none_or(called)
            && wish.owner.as_ref().is_none_or(owned)
            && wish
                .connection
                .as_ref()
                .is_none_or(|asked| finding.subject.id.connection().as_str() == asked)
            && subject.as_ref().is_none_or(about)
    });
    let mut findings: Vec<_> = wished.collect();
    let more = findings.len() > limit as usize;
    findings.truncate(limit as usize);
    let next = findings.last().filter(|_| more).map(|finding| finding.id.clone());
    Ok(Findings { findings, next })
}

/// One finding of a world.
pub fn one(world: &Path, policies: Option<&Path>, id: &str) -> Result<FindingStory, String> {
    let Found { kept, catalogue, round, .. } = look(world, policies)?;
    let found = kept.into_iter().find(|kept| kept.id() == id);
    let kept = found.ok_or_else(|| {
        format!("this world has no finding `{id}`: `portcullis findings list --world` shows them")
    })?;
    let node = round.graph.find(&kept.subject.id);
    let product = node.and_then(|node| round.graph.product_of(node));
    Ok(FindingStory::of(kept, &catalogue, product, round.now))
}

/// The rules, and what looking at this world counted.
pub fn ground(world: &Path, policies: Option<&Path>) -> Result<Ground, String> {
    let Found { catalogue, scan, .. } = look(world, policies)?;
    Ok(Ground { catalogue, scans: vec![scan] })
}

/// The report about a world. It has no history.
pub fn report(world: &Path, policies: Option<&Path>) -> Result<String, String> {
    let Found { kept, catalogue, round, scan } = look(world, policies)?;
    let named = offline::read_world(world)?.connection;
    let sides = offline::rules(policies)?.or_shipped();
    let runtime = load(&sides.gate).map_err(|found| diagnostic::render_all(&found))?;
    let controls = controls::map(&catalogue, &runtime.bundle().rules, &scan.tallies)
        .map_err(|error| error.to_string())?;
    let findings: Vec<_> =
        kept.iter().map(|kept| kept.shown(catalogue.rule(&kept.rule), round.now)).collect();
    Ok(report::report(&report::Shown {
        about: named.name.unwrap_or_else(|| named.id.to_string()),
        connections: vec![(named.id, named.product)],
        findings: &findings,
        scans: &[scan],
        catalogue: &catalogue,
        controls: &controls,
        extent: Extent::All,
        at: round.now,
    }))
}

fn look(world: &Path, policies: Option<&Path>) -> Result<Found, String> {
    let (graph, connection) = offline::world(world)?;
    let files = offline::rules(policies)?.or_shipped().posture;
    let loaded = load(&files).map_err(|found| diagnostic::render_all(&found))?;
    let mut machine =
        Machine::new(&loaded, Limits::default()).map_err(|error| error.to_string())?;
    let bundle: Arc<Bundle> = Arc::new(loaded.bundle().clone());
    let now = graph.as_of_connection(&connection).unwrap_or_default();
    let catalogue = Catalogue::of(&bundle);
    let round = Round::new(
        Arc::new(graph),
        Arc::new(Held::default()),
        bundle,
        Arc::new(Choices::default()),
        now,
    );
    let (mut kept, scan) = walked(&round, &connection, &mut machine);
    kept.sort_by_cached_key(place);
    Ok(Found { kept, catalogue, round, scan })
}

/// As the list of a gateway is sorted.
fn place(kept: &Kept) -> impl Ord + use<> {
    let home = kept.subject.place.as_ref().map(Id::to_string);
    let rank = finding::rank(kept.outcome, kept.state);
    (rank, kept.severity, kept.rule.as_str().to_owned(), home, kept.id())
}

fn walked(round: &Round, connection: &ConnectionId, machine: &mut Machine) -> (Vec<Kept>, Scan) {
    let mut admins = Admins::new();
    let ground = round.ground();
    let mut kept = Vec::new();
    let mut scan = Scan {
        connection: connection.to_string(),
        at: round.now,
        graph_revision: round.graph.revision(),
        bundle: round.bundle.revision.clone(),
        subjects: 0,
        tallies: Vec::new(),
    };
    for id in round.subjects(connection) {
        let Some(question) = round.question(&ground, &id) else { continue };
        scan.subjects += 1;
        let answers = asked(&question, machine);
        for seen in round.seen(&question, answers, &mut admins) {
            count(&mut scan.tallies, round, &seen);
            if seen.outcome == Outcome::Pass {
                continue;
            }
            if let Hold::Keep(one) = lifecycle::next(None, seen, round.now).hold {
                kept.push(*one);
            }
        }
    }
    (kept, scan)
}

/// One check more of its rule.
fn count(tallies: &mut Vec<Tally>, round: &Round, seen: &Seen) {
    if !tallies.iter().any(|tally| tally.rule == seen.rule) {
        let severity = round.bundle.rule(&seen.rule).map_or(seen.severity, |rule| rule.severity);
        let rule = seen.rule.clone();
        tallies.push(Tally { rule, severity, pass: 0, fail: 0, unknown: 0, accepted: 0 });
    }
    let Some(tally) = tallies.iter_mut().find(|tally| tally.rule == seen.rule) else { return };
    match seen.outcome {
        Outcome::Pass => tally.pass += 1,
        Outcome::Fail => tally.fail += 1,
        Outcome::Unknown => tally.unknown += 1,
    }
}

fn asked(question: &Question, machine: &mut Machine) -> Vec<Answer> {
    match Prepared::new(question.input.json()) {
        Ok(prepared) => {
            question.rules.iter().map(|rule| machine.ask(*rule as usize, &prepared)).collect()
        }
        Err(why) => vec![Answer::Fault(why.to_string()); question.rules.len()],
    }
}

//! The console's questions about access.

use std::sync::Arc;

use crate::gateway::access as questions;
use crate::gateway::access::Unanswered;
use crate::graph::Snapshot;
use crate::graph::Subject;
use crate::http::answer::Answer;
use crate::http::console::access as pages;
use crate::http::console::access::ask::Question;
use crate::http::console::access::ask::Told;
use crate::http::doors::House;
use crate::http::doors::access;
use crate::http::doors::call::Call;
use crate::http::doors::console;
use crate::http::doors::console::PLAIN;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::Parameter;
use crate::http::doors::offer::Text;
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;

/// What the page to ask takes. A page shows why a question has no answer; it refuses none but a wrong graph.
pub(in crate::http::doors) const ASK: Offer = PLAIN.asked(&[
    Parameter::may("action", Text::Any, "A level or a deed."),
    Parameter::may("resource", Text::Any, "What it is asked of."),
    Parameter::may("identity", Text::Any, "Only whether this one can."),
    access::WITHOUT,
]);

/// What the page of one thing takes.
pub(in crate::http::doors) const OF: Offer = PLAIN
    .asked(&[Parameter::must("of", Text::Any, "A repository or an identity."), access::WITHOUT])
    .refusing(&[404, 409, 503]);

/// What the list of identities takes.
pub(in crate::http::doors) const IDENTITIES: Offer = PLAIN.asked(access::WISHES);

/// What the reports take.
pub(in crate::http::doors) const REPORT: Offer = PLAIN.asked(&[Parameter::may(
    "report",
    Text::Word(Subject::TEXTS),
    "What it is about; global.",
)]);

/// The page to ask, and the answer.
pub(in crate::http::doors) async fn ask(house: &House, call: &Call) -> Answer {
    let pairs = console::pairs(call);
    let question = question(&pairs);
    let now = house.gateway.graph.load_full();
    let (graph, told) = match access::asked(house, &pairs).await {
        Ok(graph) => {
            let (asked, of) = (question.clone(), Arc::clone(&graph));
            let told = match access::worked(house, move || answer(&of, &asked)).await {
                Ok(Ok(told)) => told,
                Ok(Err(error)) => Told::Refused(error.to_string()),
                Err(problem) => Told::Refused(problem.detail.into_owned()),
            };
            (graph, told)
        }
        Err(problem) => (now, Told::Refused(problem.detail.into_owned())),
    };
    console::page(house, call, |desk| pages::ask::page(desk, &graph, &question, &told))
}

fn question(pairs: &Pairs) -> Question {
    let text = |name| pairs.get(name).unwrap_or_default().to_owned();
    Question {
        action: text("action"),
        identity: text("identity"),
        resource: text("resource"),
        without: text("without"),
    }
}

fn answer(graph: &Snapshot, question: &Question) -> Result<Told, Unanswered> {
    let Question { action, identity, resource, .. } = question;
    if resource.is_empty() {
        return Ok(Told::Nothing);
    }
    if identity.is_empty() {
        return Ok(Told::Who(Box::new(questions::who_can(graph, action, resource)?)));
    }
    let can = questions::can(graph, identity, action, resource)?;
    let ways = questions::paths(graph, identity, resource)?;
    Ok(Told::One(Box::new(can), Box::new(ways)))
}

/// A repository or an identity.
pub(in crate::http::doors) async fn of(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = console::pairs(call);
    let graph = access::asked(house, &pairs).await?;
    let (of, links) = (pairs.need("of")?.to_owned(), access::links(house));
    let sheet = access::worked(house, move || pages::told(&graph, &of, &links)).await?;
    let sheet = sheet.map_err(Problem::from)?;
    Ok(console::page(house, call, |desk| pages::page(desk, &sheet)))
}

/// Identities that are no people.
pub(in crate::http::doors) async fn identities(
    house: &House,
    call: &Call,
) -> Result<Answer, Problem> {
    let pairs = console::pairs(call);
    let wish = access::wish(&pairs)?;
    let graph = access::asked(house, &pairs).await?;
    let (now, asked) = (house.gateway.clock.now(), wish.clone());
    let found = access::worked(house, move || questions::identities(&graph, &asked, now)).await?;
    Ok(console::page(house, call, |desk| pages::lists::identities(desk, &wish, &found)))
}

/// A report.
pub(in crate::http::doors) async fn report(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = console::pairs(call);
    let wanted = format!("one of {}", Subject::TEXTS.join(", "));
    let subject = pairs.parsed("report", &wanted, Subject::from_text)?.unwrap_or(Subject::Global);
    let graph = access::asked(house, &pairs).await?;
    let links = access::links(house);
    let report = access::worked(house, move || questions::report(&graph, subject, &links)).await?;
    Ok(console::page(house, call, |desk| pages::lists::report(desk, &report)))
}

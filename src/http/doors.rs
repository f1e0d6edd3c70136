//! The doors: what stands behind each route. A request is matched, its caller judged, its rate counted, its door
//! opened; whatever goes wrong on the way becomes one problem, and every answer is counted by its route.
//!
//! A door reads its request, asks the gateway, and words the answer. It decides nothing: verdicts come from records.

mod access;
mod asset;
mod audit;
mod authzen;
mod brake;
mod call;
mod channels;
mod check;
mod connections;
mod console;
mod decisions;
mod dead_letters;
mod describe;
mod entrance;
mod evidence;
mod events;
mod findings;
mod health;
mod history;
mod hook;
mod modes;
mod notice;
mod posture;
mod offer;
mod policies;
mod probe;
mod query;
mod ticket;
mod tickets;
mod tokens;

use std::borrow::Cow;
use std::sync::Arc;

use http::Method;
use http::Request;
use hyper::body::Incoming;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::decision::Brake;
use crate::gateway::Gateway;
use crate::http::answer::Answer;
use crate::http::doors::call::Body;
use crate::http::doors::call::Call;
use crate::http::doors::call::Form;
use crate::http::listener;
use crate::http::listener::Limits;
use crate::http::listener::Service;
use crate::http::listener::Visit;
use crate::http::meter::Requests;
use crate::http::operator::Asker;
use crate::http::operator::Doorkeeper;
use crate::http::operator::bearer;
use crate::http::problem::Problem;
use crate::http::rate;
use crate::http::rate::Key;
use crate::http::rate::Limiter;
use crate::http::route::Caller;
use crate::http::route::Door;
use crate::http::route::RateClass;
use crate::http::route::Router;
use crate::http::route::Surface;
use crate::http::traced;

pub use describe::description;

/// Where a request that matches no route is counted.
const NO_ROUTE: &str = "none";

/// Why doors cannot be opened: both are mistakes of this program.
#[derive(Debug, thiserror::Error)]
pub enum DoorsError {
    /// Two routes of the table contradict each other.
    #[error("the table of routes contradicts itself: {0}")]
    Routes(#[from] matchit::InsertError),
    /// The metrics are registered already, as when one gateway opens a surface twice.
    #[error("the metrics of these doors cannot be registered: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// One surface of a gateway, with everything its doors need.
pub(in crate::http::doors) struct House {
    gateway: Arc<Gateway>,
    doorkeeper: Doorkeeper,
    surface: Surface,
    router: Router,
    limiter: Limiter,
    limits: Limits,
    requests: Requests,
    followers: Arc<Semaphore>,
}

/// Answers the public surface: webhooks, checks, tickets, and the pages people are sent to.
pub fn public(gateway: Arc<Gateway>, doorkeeper: Doorkeeper) -> Result<Service, DoorsError> {
    open(Surface::Public, gateway, doorkeeper, rate::Settings::default())
}

/// Answers the operator surface: probes, console and API.
pub fn operator(gateway: Arc<Gateway>, doorkeeper: Doorkeeper) -> Result<Service, DoorsError> {
    open(Surface::Operator, gateway, doorkeeper, rate::Settings::default())
}

/// Answers one surface at these rates.
pub fn open(
    surface: Surface,
    gateway: Arc<Gateway>,
    doorkeeper: Doorkeeper,
    rates: rate::Settings,
) -> Result<Service, DoorsError> {
    let house = Arc::new(House {
        requests: Requests::register(gateway.meters.registry(), surface)?,
        router: Router::new(surface)?,
        limiter: Limiter::new(rates, Instant::now()),
        limits: Limits::default(),
        followers: Arc::new(Semaphore::new(events::MAX_FOLLOWERS)),
        gateway,
        doorkeeper,
        surface,
    });
    Ok(listener::service(move |request, visit| {
        let house = Arc::clone(&house);
        async move { house.answer(request, visit).await }
    }))
}

impl House {
    /// Whether the gate is paused now: every page says so.
    fn brake(&self) -> Brake {
        self.gateway.brake(self.gateway.clock.now())
    }

    async fn answer(&self, request: Request<Incoming>, visit: Visit) -> Answer {
        let started = Instant::now();
        let (head, body) = request.into_parts();
        let found = self.router.find(&head.method, head.uri.path());
        let found = found.map(|found| (found.route, found.first().unwrap_or_default().to_owned()));
        let route = found.as_ref().ok().map(|(route, _)| *route);
        let (method, form) = (method(&head.method), Form::of(route, &head.headers));
        let span = traced::request(&self.gateway.traces, route, method, &head.headers, visit.id);
        let echo = authzen::echo(route, &head.headers);
        let (echo, unfit) = match echo {
            Ok(echo) => (echo, None),
            Err(problem) => (None, Some(problem)),
        };
        let answered = match (found, unfit) {
            (Ok(_), Some(problem)) => Err(problem),
            (Ok((route, parameter)), None) => {
                let body = Body::Coming(body);
                let call = Call { route, parameter, head, body, visit, asker: Asker::Anyone };
                self.enter(call).instrument(span.clone()).await
            }
            (Err(missed), _) => Err(Problem::from(missed)),
        };
        let mut answer =
            answered.unwrap_or_else(|problem| form.tell(problem, visit.id, self.brake()));
        if let Some(named) = echo {
            answer.headers_mut().insert(authzen::REQUEST_ID, named);
        }
        traced::answered(&span, &answer);
        let pattern = route.map_or(NO_ROUTE, |route| route.pattern);
        self.requests.answered(pattern, method, answer.status(), started.elapsed());
        answer
    }

    /// Who asks, how often, and then the door.
    async fn enter(&self, mut call: Call) -> Result<Answer, Problem> {
        let now = Instant::now();
        if self.surface == Surface::Operator {
            call.asker = self.doorkeeper.admit(call.route, &call.head, call.visit.from, now)?;
        }
        if call.route.rate == RateClass::Counted {
            self.count(&call, now)?;
        }
        if call.route.is_for_programs() {
            query::judge(call.head.uri.query(), describe::offer(call.route.door).query)?;
        }
        self.door(call.proven(self).await?).await
    }

    /// Each caller by what names it best before anything is proven: a hook from one address, a token, an address.
    fn count(&self, call: &Call, now: Instant) -> Result<(), Problem> {
        let from = call.visit.from.ip();
        let caller = match call.route.caller {
            Caller::Signature => Cow::Owned(format!("{} {from}", call.parameter)),
            Caller::Asker | Caller::Person => match bearer(&call.head.headers) {
                // Only its hash is kept.
                Ok(Some(token)) => Cow::Borrowed(token),
                Ok(None) | Err(_) => Cow::Owned(from.to_string()),
            },
            Caller::Probe | Caller::Anyone | Caller::Operator => Cow::Owned(from.to_string()),
        };
        Ok(self.limiter.admit(Key::Caller(&caller), now)?)
    }

    /// Boxed one by one: the doors' futures differ in size, and a probe should not cost what a check does.
    async fn door(&self, call: Call) -> Result<Answer, Problem> {
        match call.route.door {
            Door::Hook => Box::pin(hook::answer(self, call)).await,
            Door::Check => Box::pin(check::answer(self, call)).await,
            Door::Evaluation => Box::pin(authzen::evaluation(self, call)).await,
            Door::Evaluations => Box::pin(authzen::evaluations(self, call)).await,
            Door::SearchSubject => Box::pin(authzen::subjects(self, call)).await,
            Door::SearchResource => Box::pin(authzen::resources(self, call)).await,
            Door::SearchAction => Box::pin(authzen::actions(self, call)).await,
            Door::AuthzenConfiguration => authzen::configuration(self),
            Door::Ticket => Box::pin(ticket::answer(self, call)).await,
            Door::DecisionNotice => Box::pin(notice::decision(self, &call)).await,
            Door::TicketNotice => Box::pin(notice::ticket(self, &call)).await,
            Door::Asset => asset::answer(&call),
            Door::Livez => Ok(probe::livez()),
            Door::Readyz => Box::pin(probe::readyz(self)).await,
            Door::Metrics => probe::metrics(self),
            Door::Login => Box::pin(entrance::login(self, &call)).await,
            Door::Logout => Box::pin(entrance::logout(self, &call)).await,
            Door::ConsoleOverview => Box::pin(console::overview::show(self, &call)).await,
            Door::ConsoleDecisions => Box::pin(console::decisions::list(self, &call)).await,
            Door::ConsoleDecision => Box::pin(console::decisions::show(self, &call)).await,
            Door::ConsoleTickets => Box::pin(console::tickets::list(self, &call)).await,
            Door::ConsoleTicket => Box::pin(console::tickets::show(self, &call)).await,
            Door::ConsoleDeadLetters => Box::pin(console::letters::list(self, &call)).await,
            Door::ConsoleRules => Box::pin(console::rules::list(self, &call)).await,
            Door::ConsoleRule => Box::pin(console::rules::show(self, &call)).await,
            Door::ConsoleConnections => Box::pin(console::connections::list(self, &call)).await,
            Door::ConsoleLedger => Box::pin(console::ledger::show(self, &call)).await,
            Door::Decisions => Box::pin(decisions::list(self, &call)).await,
            Door::DecisionEvents => Box::pin(events::answer(self, &call)).await,
            Door::Decision => Box::pin(decisions::show(self, &call)).await,
            Door::Tickets => Box::pin(tickets::list(self, &call)).await,
            Door::OperatorTicket => Box::pin(tickets::show(self, &call)).await,
            Door::Vote => Box::pin(tickets::vote(self, call)).await,
            Door::DeadLetters => Box::pin(dead_letters::list(self, &call)).await,
            Door::ReplayDeadLetter => Box::pin(dead_letters::replay(self, &call)).await,
            Door::NewToken => Box::pin(tokens::create(self, call)).await,
            Door::Tokens => Box::pin(tokens::list(self)).await,
            Door::RevokeToken => Box::pin(tokens::revoke(self, &call)).await,
            Door::Checkpoint => Box::pin(policies::checkpoint(self)).await,
            Door::Pause => brake::show(self),
            Door::NewPause => Box::pin(brake::pause(self, call)).await,
            Door::ConfirmPause => Box::pin(brake::confirm(self, &call)).await,
            Door::Resume => Box::pin(brake::resume(self, call)).await,
            Door::Modes => modes::list(self),
            Door::SetMode => Box::pin(modes::set(self, call)).await,
            Door::Impact => Box::pin(modes::impact(self, &call)).await,
            Door::Channels => Box::pin(channels::list(self)).await,
            Door::TestChannel => Box::pin(channels::test(self, &call)).await,
            Door::Connections => connections::list(self),
            Door::Connect => Box::pin(connections::create(self, call)).await,
            Door::Disconnect => Box::pin(connections::delete(self, call)).await,
            Door::ConnectProgress => connections::connecting(self, &call),
            Door::ChangeConnection => Box::pin(connections::change(self, call)).await,
            Door::RenewHooks => Box::pin(connections::renew(self, call)).await,
            Door::Scopes => Box::pin(connections::scopes(self, &call)).await,
            Door::Sync => Box::pin(health::sync(self, call)).await,
            Door::SyncProgress => health::progress(self, &call),
            Door::Doctor => Box::pin(health::examine(self, &call)).await,
            Door::WhoCan => Box::pin(access::who_can(self, &call)).await,
            Door::Can => Box::pin(access::can(self, &call)).await,
            Door::Paths => Box::pin(access::paths(self, &call)).await,
            Door::AccessDiff => Box::pin(history::diff(self, &call)).await,
            Door::AccessSince => Box::pin(history::since(self, &call)).await,
            Door::Audit => Box::pin(audit::list(self, &call)).await,
            Door::ImportAudit => Box::pin(audit::import(self, call)).await,
            Door::Identities => Box::pin(access::identities(self, &call)).await,
            Door::AccessReport => Box::pin(access::report(self, &call)).await,
            Door::AccessPage => Box::pin(access::page(self, &call)).await,
            Door::AccessWorld => Box::pin(access::world(self, &call)).await,
            Door::ConsoleAccess => Ok(Box::pin(console::access::ask(self, &call)).await),
            Door::ConsoleAccessOf => Box::pin(console::access::of(self, &call)).await,
            Door::ConsoleIdentities => Box::pin(console::access::identities(self, &call)).await,
            Door::ConsoleReports => Box::pin(console::access::report(self, &call)).await,
            Door::ConsoleFindings => Box::pin(console::findings::list(self, &call)).await,
            Door::ConsoleFinding => Box::pin(console::findings::show(self, &call)).await,
            Door::ConsoleControls => Box::pin(console::findings::map(self, &call)).await,
            Door::PostureReport => Box::pin(posture::report(self, &call)).await,
            Door::PostureCatalogue => posture::catalogue(self),
            Door::PostureControls => Box::pin(posture::controls(self)).await,
            Door::BringEvidence => Box::pin(evidence::bring(self, call)).await,
            Door::Evidence => evidence::list(self, &call),
            Door::EvidencePiece => evidence::show(self, &call),
            Door::WithdrawEvidence => Box::pin(evidence::withdraw(self, call)).await,
            Door::Findings => Box::pin(findings::list(self, &call)).await,
            Door::Finding => Box::pin(findings::show(self, &call)).await,
            Door::AcknowledgeFinding => Box::pin(findings::acknowledge(self, call)).await,
            Door::AcceptFinding => Box::pin(findings::accept(self, call)).await,
            Door::PostureScans => Box::pin(findings::scans(self, &call)).await,
            Door::Policies => policies::active(self),
            Door::OpenApi => describe::answer(self),
        }
    }
}

/// A method as a label.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

//! A Bitbucket with state, on loopback: Cloud and Data Center faces, webhooks, step tokens. For the demo, the tests and
//! the benches.
//!
//! It is as strict as Bitbucket is: what Bitbucket refuses it refuses, in Bitbucket's own error shapes. It is written
//! from Atlassian's pages and names no other room, so that it cannot share a mistake with the code it checks.
//! Deliberately not a Bitbucket: it has the paths the gate uses and no others, it keeps nothing on disk, and its git
//! is commits and refs without content.
//!
//! In reading order: [`company`] and what is in it ([`cloud`], [`datacenter`], [`git`], [`pulls`], [`pipelines`]);
//! [`oracle`], who reaches what; the acts ([`cloud_acts`], [`cloud_pipelines`], [`datacenter_acts`]), which change the
//! company and tell the hooks; [`delivery`], how hooks are told; the REST files, what may be asked.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

mod answer;
pub mod cloud;
mod cloud_access;
pub mod cloud_acts;
pub mod cloud_audit;
pub mod cloud_build;
mod cloud_history;
mod cloud_hooks;
mod cloud_json;
pub mod cloud_pipelines;
mod cloud_pulls;
mod cloud_query;
mod cloud_repository;
mod cloud_rest;
mod cloud_rules;
mod cloud_runs;
mod cloud_settings;
pub mod company;
pub mod datacenter;
mod datacenter_access;
mod datacenter_checks;
pub mod datacenter_acts;
pub mod datacenter_audit;
pub mod datacenter_build;
mod datacenter_credentials;
pub mod datacenter_export;
mod datacenter_history;
mod datacenter_hooks;
mod datacenter_json;
pub mod datacenter_oauth;
mod datacenter_pulls;
mod datacenter_repository;
mod datacenter_rest;
mod datacenter_rules;
pub mod delivery;
pub mod faults;
pub mod git;
pub mod issuer;
mod limit;
pub mod oracle;
pub mod pipelines;
pub mod pulls;
pub mod random;
pub mod refusal;
mod server;
mod state;

use crate::simulator::cloud_acts::CloudFace;
use crate::simulator::company::Company;
use crate::simulator::datacenter_acts::DataCenterFace;
use crate::simulator::delivery::Delivery;
use crate::simulator::delivery::Outgoing;
use crate::simulator::delivery::Post;
use crate::simulator::faults::Call;
use crate::simulator::faults::Fault;
use crate::simulator::faults::LaidFault;
use crate::simulator::faults::Posted;
use crate::simulator::state::State;
use crate::simulator::state::hold;

/// A running simulated Bitbucket. Dropping it ends it.
pub struct Simulator {
    state: Arc<State>,
    port: u16,
    tasks: JoinSet<()>,
}

impl Simulator {
    /// Serves this company on a free port of 127.0.0.1.
    pub async fn start(company: Company) -> io::Result<Simulator> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let sender = Post::new().map_err(io::Error::other)?;
        let state = Arc::new(State::new(company, format!("http://127.0.0.1:{port}"), sender));
        let mut tasks = JoinSet::new();
        tasks.spawn(server::accept(listener, Arc::clone(&state)));
        Ok(Simulator { state, port, tasks })
    }

    /// Cloud's REST base: `http://127.0.0.1:PORT/2.0`.
    pub fn cloud_api(&self) -> String {
        format!("http://127.0.0.1:{}/2.0", self.port)
    }

    /// Where a consumer gets its OAuth token.
    pub fn cloud_token_url(&self) -> String {
        format!("http://127.0.0.1:{}/site/oauth2/access_token", self.port)
    }

    /// Data Center's base URL, context path and all: `http://127.0.0.1:PORT/bitbucket`.
    pub fn datacenter_url(&self) -> String {
        format!("http://127.0.0.1:{}/bitbucket", self.port)
    }

    /// To act in Cloud workspaces.
    pub fn cloud(&self) -> CloudFace<'_> {
        CloudFace { simulator: self }
    }

    /// To act in Data Center.
    pub fn datacenter(&self) -> DataCenterFace<'_> {
        DataCenterFace { simulator: self }
    }

    /// Looks at the company, or changes it behind Bitbucket's back: no hook is told, as for most settings of the real
    /// one. Must not be called from within itself.
    pub fn company<T>(&self, look: impl FnOnce(&mut Company) -> T) -> T {
        look(&mut hold(&self.state.company))
    }

    /// Lays a fault on every path beginning with `prefix`, for the next `times` requests or, with none, until cleared.
    pub fn lay_fault(&self, prefix: &str, fault: Fault, times: Option<u64>) {
        let prefix = prefix.to_owned();
        hold(&self.state.faults).push(LaidFault { prefix, fault, left: times });
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        hold(&self.state.faults).clear();
    }

    /// From now on Cloud answers so many calls within an hour that rolls, and 429 to all others; an hour lasts as long as
    /// is said, so that a test can live through several.
    pub fn limit_calls(&self, calls: u32, hour: Duration) {
        hold(&self.state.limit).set(calls, hour);
    }

    /// Every request answered so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        hold(&self.state.calls).clone()
    }

    /// Requests so far of this method whose path begins with `prefix`.
    pub fn count_calls(&self, method: &str, prefix: &str) -> usize {
        let calls = hold(&self.state.calls);
        calls.iter().filter(|call| call.method == method && call.path.starts_with(prefix)).count()
    }

    /// Every status posted so far, overwritten ones too, in order.
    pub fn posted(&self) -> Vec<Posted> {
        hold(&self.state.posted).clone()
    }

    /// Every webhook so far, with what became of it, in the order they ended.
    pub fn deliveries(&self) -> Vec<Delivery> {
        hold(&self.state.deliveries).clone()
    }

    /// Sends one webhook's exact bytes again, as "Resend" in its request log does.
    pub async fn resend(&self, delivery: &Delivery) -> Option<Delivery> {
        self.state.deliver(vec![delivery.sent.clone()]).await.pop()
    }

    /// Sends any bytes at all through a hook (Cloud: braced UUID, Data Center: number), signed as that hook signs: for
    /// events nobody has thought of yet, and for bodies that are not even JSON. None if there is no such hook.
    pub async fn send_through(&self, hook: &str, event: &str, body: &[u8]) -> Option<Delivery> {
        let sent = self.company(|company| {
            let cloud = company.workspaces.iter().find_map(|home| cloud_hooks::through(home, hook));
            cloud.or_else(|| datacenter_hooks::through(&company.datacenter, hook))
        })?;
        let sent = Outgoing { event: event.to_owned(), body: body.to_vec(), ..sent };
        self.state.deliver(vec![sent]).await.pop()
    }

    /// Forgets calls, deliveries and posted statuses, so that long runs do not grow.
    pub fn forget_history(&self) {
        hold(&self.state.calls).clear();
        hold(&self.state.deliveries).clear();
        hold(&self.state.posted).clear();
    }

    /// Waits until the webhooks that answers set in motion have ended.
    pub async fn settled(&self) {
        self.state.settled().await;
    }

    /// How long a webhook's receiver may take; 10 s at first.
    pub fn set_patience(&self, patience: Duration) {
        *hold(&self.state.patience) = patience;
    }

    /// The simulated Bitbucket's time.
    pub fn now(&self) -> Timestamp {
        self.state.now()
    }

    /// Turns the simulated Bitbucket's clock.
    pub fn turn_clock(&self, by: SignedDuration) {
        self.state.turn_clock(by);
    }

    /// Ends it: the port is free and nothing is sent when this returns.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
        self.state.abandon();
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.state.abandon();
    }
}

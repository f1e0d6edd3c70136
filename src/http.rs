//! The doors: how bytes from outside become a request that a door may look at, and how an answer goes back.
//!
//! One table of routes ([`route::ROUTES`]) drives matching, authentication, limits and the description of the
//! surface; [`listener::serve`] is the accept loop under both listeners. Plain hyper, HTTP/1.1 only.
//!
//! It is deliberately no framework: no layers, no extractors, no state that everything takes. What a door does with
//! a request is the business of the door and of `gateway`; this room never speaks to the store or to Bitbucket.
//!
//! Reading order: [`route`] (what can be asked) · [`doors`] (what answers, one door a file) · [`console`] (what people
//! see) · [`listener`] (who may connect, for how long) · `connection` (one
//! conversation) · `framing` and `wire` (where a message ends, and how long that may take) · [`body`] · [`rate`] ·
//! [`operator`] and [`session`] · [`problem`], [`answer`] and [`live`] (the way back) · [`tls`] · [`meter`].

pub mod answer;
pub mod body;
mod connection;
pub mod console;
pub mod doors;
mod framing;
pub mod listener;
pub mod live;
pub mod meter;
pub mod operator;
pub mod problem;
pub mod rate;
pub mod route;
pub mod session;
pub mod tls;
mod traced;
mod wire;

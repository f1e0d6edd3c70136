//! The `portcullis` program: one binary, one file a command.

mod about;
mod assembly;
mod audit;
mod check;
mod cli;
mod client;
mod config;
mod config_command;
mod connect;
mod decision;
mod demo;
mod doctor;
mod eval;
mod event;
mod evidence;
mod findings;
mod govern;
mod graph;
mod json;
mod layout;
mod ledger;
mod logs;
mod notify;
mod offline;
mod operator;
mod policy;
mod access;
mod serve;
mod store;
mod unread;
mod sync;
mod telemetry;
mod terminal;

use std::process::ExitCode;

use clap::Parser;
use portcullis::gateway::workers::child;

use crate::cli::Cli;
use crate::cli::Command;
use crate::cli::LogFormat;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    unread::ends_quietly();
    // Started by the gateway, not by people: others wait until it serves, and the whole command line is not built first.
    if std::env::args_os().skip(1).eq(["worker"]) {
        return child::serve();
    }
    let cli = Cli::parse();
    match cli.command {
        Command::Event(event) => event::run(&event),
        Command::Eval(eval) => eval::run(&eval),
        Command::Policy(policy) => in_runtime(policy::run(policy)),
        Command::Evidence(evidence) => in_runtime(evidence::run(evidence)),
        Command::Pause(pause) => in_runtime(govern::pause(pause)),
        Command::Resume(resume) => in_runtime(govern::resume(resume)),
        Command::Notify(notify) => in_runtime(notify::run(notify)),
        Command::Config(config) => config_command::run(&config),
        Command::Completions { shell } => about::completions(shell),
        Command::Man { dir } => about::man(&dir),
        Command::Openapi { public } => about::openapi(&public),
        Command::Version { format } => about::version(format),
        Command::Connect(connect) => in_runtime(connect::run(*connect)),
        Command::Disconnect(disconnect) => in_runtime(connect::disconnect(disconnect)),
        Command::Doctor(doctor) => in_runtime(doctor::run(doctor)),
        Command::Sync(sync) => in_runtime(sync::run(sync)),
        Command::Check(check) => in_runtime(check::run(check)),
        Command::Serve(serve) => in_runtime(serve::run(serve, cli.log_format)),
        Command::Demo(demo) => {
            logs::start(LogFormat::Text, "error", None);
            in_runtime(demo::run(demo))
        }
        Command::Decision(decision) => in_runtime(decision::run(decision)),
        Command::Ticket(ticket) => in_runtime(operator::ticket(ticket)),
        Command::DeadLetter(letter) => in_runtime(operator::dead_letter(letter)),
        Command::Token(token) => in_runtime(operator::token(token)),
        Command::Store(store) => in_runtime(store::run(store)),
        Command::Ledger(ledger) => in_runtime(ledger::run(ledger)),
        Command::WhoCan(question) => in_runtime(graph::who_can(question)),
        Command::Can(question) => in_runtime(graph::can(question)),
        Command::Paths(question) => in_runtime(graph::paths(question)),
        Command::Identities(question) => in_runtime(access::identities(question)),
        Command::Findings(command) => in_runtime(findings::run(command)),
        Command::Access(command) => in_runtime(access::run(command)),
        Command::Audit(command) => in_runtime(audit::run(command)),
    }
}

fn in_runtime(work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => {
            eprintln!("portcullis: the runtime cannot start: {error}");
            ExitCode::FAILURE
        }
    }
}

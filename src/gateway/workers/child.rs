//! The worker's own side: it cages itself, loads a bundle, and answers questions until its socket closes.
//!
//! This is the whole of the hidden `portcullis worker` command. It is given one socket as standard input and nothing
//! else; whatever happens to it, the gateway sees a late or broken answer and gives the guilty rule its weight.

mod held;

use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

use bytes::BytesMut;
use serde::Deserialize;
use serde::Serialize;

use crate::gateway::workers::cage;
use crate::gateway::workers::cage::Sandbox;
use crate::gateway::workers::child::held::Held;
use crate::gateway::workers::frame;
use crate::gateway::workers::frame::Frame;
use crate::gateway::workers::frame::FrameError;
use crate::gateway::workers::frame::Word;
use crate::policy::Answer;
use crate::policy::Bundle;
use crate::policy::Diagnostic;
use crate::policy::Limits;
use crate::policy::Loaded;
use crate::policy::Machine;
use crate::policy::Prepared;
use crate::policy::SourceFile;
use crate::policy::load::Checks;
use crate::policy::load::load_with;

/// Bytes read at once: a batch of usual questions.
const READ_BYTES: usize = 64 << 10;

/// What a worker is to load: the payload of the first frame, as JSON.
#[derive(Debug, Serialize, Deserialize)]
pub struct Orders {
    /// How long one rule may take before the engine itself ends it, milliseconds.
    pub time_ms: u64,
    /// What the files must pass. A worker that takes the place of another need not check again what that one passed.
    pub checks: Checks,
    /// The bundle's files.
    pub files: Vec<SourceFile>,
}

/// What a worker says of the bundle it loaded.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    /// How well its cage closes.
    pub sandbox: Sandbox,
    /// The bundle.
    pub bundle: Bundle,
}

/// How a worker turns files into a bundle.
pub type Loader = fn(&[SourceFile], Checks) -> Result<Loaded, Vec<Diagnostic>>;

/// Goes into the cage and serves the socket on standard input until it closes.
pub fn serve() -> ExitCode {
    serve_with(load_with)
}

/// [`serve`], with another way to load. The shipped program has none: this is for trying out, in the same cage, what a
/// rule does that no check let through.
pub fn serve_with(load: Loader) -> ExitCode {
    tell_no_values();
    match Worker::new(load).and_then(|mut worker| worker.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("portcullis worker: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A panic's own words may quote the input, and standard error is a log: only the place is told.
fn tell_no_values() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        eprintln!("portcullis worker: the engine gave up at {place}");
    }));
}

struct Worker {
    socket: UnixStream,
    held: Held,
    machine: Option<Machine>,
    sandbox: Sandbox,
    load: Loader,
}

impl Worker {
    /// Closes the cage; from here on this process opens nothing.
    fn new(load: Loader) -> std::io::Result<Self> {
        cage::limit()?;
        let socket = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
        let out = socket.try_clone()?;
        let sandbox = cage::close();
        Ok(Self { socket, held: Held::new(out)?, machine: None, sandbox, load })
    }

    fn run(&mut self) -> std::io::Result<()> {
        let mut read = BytesMut::new();
        let mut buffer = vec![0; READ_BYTES];
        let mut out = Vec::new();
        loop {
            let mut next = frame::take(&mut read)?;
            while let Some(frame) = next {
                out.clear();
                self.answer(&frame, &mut out)?;
                next = frame::take(&mut read)?;
                match next {
                    Some(_) => self.held.hold(&out),
                    None => self.held.flush(&out)?,
                }
            }
            let count = self.socket.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            read.extend_from_slice(buffer.get(..count).unwrap_or_default());
        }
    }

    fn answer(&mut self, frame: &Frame, out: &mut Vec<u8>) -> std::io::Result<()> {
        match frame.word {
            Word::Load => self.load(frame, out),
            Word::Ask => self.ask(frame, out),
            Word::Loaded | Word::Refused | Word::Answers => Err(FrameError::Unasked.into()),
        }
    }

    fn load(&mut self, frame: &Frame, out: &mut Vec<u8>) -> std::io::Result<()> {
        let orders: Orders = serde_json::from_slice(&frame.payload)?;
        let (word, said) = match (self.load)(&orders.files, orders.checks) {
            Ok(loaded) => {
                let time = Duration::from_millis(orders.time_ms);
                let limits = Limits { time, ..Limits::default() };
                let machine = Machine::new(&loaded, limits).map_err(std::io::Error::other)?;
                self.machine = Some(machine);
                let report = Report { sandbox: self.sandbox, bundle: loaded.bundle().clone() };
                (Word::Loaded, serde_json::to_vec(&report)?)
            }
            Err(diagnostics) => (Word::Refused, serde_json::to_vec(&diagnostics)?),
        };
        Ok(frame::put(out, frame.number, word, |out| out.extend_from_slice(&said))?)
    }

    fn ask(&mut self, frame: &Frame, out: &mut Vec<u8>) -> std::io::Result<()> {
        let (rules, input) = frame::asked(&frame.payload)?;
        let machine = self.machine.as_mut().ok_or(FrameError::Unasked)?;
        let prepared = Prepared::new(input);
        let mut answer = |rule: u32| match &prepared {
            Ok(input) => machine.ask(rule as usize, input),
            Err(why) => Answer::Fault(why.to_string()),
        };
        let answers = |out: &mut Vec<u8>| {
            for rule in rules {
                frame::put_answer(out, &answer(rule));
            }
        };
        Ok(frame::put(out, frame.number, Word::Answers, answers)?)
    }
}

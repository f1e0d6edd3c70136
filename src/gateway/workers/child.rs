//! The worker's own side: it cages itself, loads a bundle, and answers questions until its socket closes.
//!
//! This is the whole of the hidden `portcullis worker` command. It is given one socket as standard input and nothing
//! else; whatever happens to it, the gateway sees a late or broken answer and gives the guilty rule its weight.

use std::io::Read;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use std::time::Instant;

use crate::gateway::workers::cage;
use crate::gateway::workers::frame;
use crate::gateway::workers::frame::Head;
use crate::gateway::workers::frame::Word;
use crate::policy::Answer;
use crate::policy::Limits;
use crate::policy::Machine;
use crate::policy::Prepared;
use crate::policy::SourceFile;
use crate::policy::load;

/// The argument of a worker that sits in its cage already.
pub const CAGED: &str = "--caged";

/// Answers are written together, but never held back longer than this: the gateway measures a question's deadline from
/// the last answer it saw.
const HOLD_BACK: Duration = Duration::from_millis(1);

/// Sets the limits and starts again. Comes back only if that failed.
pub fn enter_cage(program: &Path) -> ExitCode {
    let error = cage::limit_and_start_again(program, &["worker", CAGED]);
    // Standard error is the gateway's own: one line there is all a worker ever prints.
    eprintln!("portcullis worker: cannot set its limits: {error}");
    ExitCode::FAILURE
}

/// Serves the socket on standard input until it closes.
pub fn serve() -> ExitCode {
    let Ok(socket) = std::io::stdin().as_fd().try_clone_to_owned() else {
        return ExitCode::FAILURE;
    };
    let sandbox = cage::close();
    let mut worker =
        Worker { socket: UnixStream::from(socket), inbox: Vec::new(), machine: None, sandbox };
    match worker.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("portcullis worker: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Worker {
    socket: UnixStream,
    inbox: Vec<u8>,
    machine: Option<Machine>,
    sandbox: cage::Sandbox,
}

impl Worker {
    fn run(&mut self) -> std::io::Result<()> {
        let mut out = Vec::new();
        let mut buffer = vec![0; 64 << 10];
        loop {
            let mut held_since = Instant::now();
            while let Some((head, payload)) = self.next_frame()? {
                self.answer(head, &payload, &mut out)?;
                if held_since.elapsed() >= HOLD_BACK {
                    self.socket.write_all(&out)?;
                    out.clear();
                    held_since = Instant::now();
                }
            }
            if !out.is_empty() {
                self.socket.write_all(&out)?;
                out.clear();
            }
            let read = self.socket.read(&mut buffer)?;
            if read == 0 {
                return Ok(());
            }
            self.inbox.extend(buffer.iter().take(read));
        }
    }

    fn next_frame(&mut self) -> std::io::Result<Option<(Head, Vec<u8>)>> {
        let Some(head) = self.inbox.first_chunk::<{ frame::HEAD }>() else { return Ok(None) };
        let head = frame::head(head).map_err(std::io::Error::other)?;
        let end = frame::HEAD + head.length;
        if self.inbox.len() < end {
            return Ok(None);
        }
        let payload = self.inbox.drain(..end).skip(frame::HEAD).collect();
        Ok(Some((head, payload)))
    }

    fn answer(&mut self, head: Head, payload: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
        let (word, answer) = match head.word {
            Word::Load => self.load(payload)?,
            Word::Ask => (Word::Answers, self.ask(payload)?),
            Word::Loaded | Word::Refused | Word::Answers => {
                return Err(std::io::Error::other("the gateway said a worker's word"));
            }
        };
        frame::put(out, head.number, word, &answer).map_err(std::io::Error::other)
    }

    fn load(&mut self, payload: &[u8]) -> std::io::Result<(Word, Vec<u8>)> {
        let files: Vec<SourceFile> = serde_json::from_slice(payload)?;
        match load(&files) {
            Ok(loaded) => {
                let report = serde_json::to_vec(&Report {
                    sandbox: self.sandbox.as_str().to_owned(),
                    bundle: loaded.bundle().clone(),
                })?;
                self.machine =
                    Some(Machine::new(&loaded, Limits::default()).map_err(std::io::Error::other)?);
                Ok((Word::Loaded, report))
            }
            Err(diagnostics) => Ok((Word::Refused, serde_json::to_vec(&diagnostics)?)),
        }
    }

    fn ask(&mut self, payload: &[u8]) -> std::io::Result<Vec<u8>> {
        let (rules, input) = frame::asked(payload).map_err(std::io::Error::other)?;
        let machine = self
            .machine
            .as_mut()
            .ok_or_else(|| std::io::Error::other("asked before a bundle was loaded"))?;
        let mut out = Vec::new();
        match Prepared::new(input) {
            Ok(prepared) => {
                for rule in rules {
                    frame::put_answer(&mut out, &machine.ask(rule as usize, &prepared));
                }
            }
            Err(why) => rules
                .iter()
                .for_each(|_| frame::put_answer(&mut out, &Answer::Fault(why.to_string()))),
        }
        Ok(out)
    }
}

/// What a worker says of the bundle it loaded.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct Report {
    /// How well its cage closes: `full` or `partial`.
    pub sandbox: String,
    /// The bundle.
    pub bundle: crate::policy::Bundle,
}

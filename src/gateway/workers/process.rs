//! One worker process, seen from the gateway: started with an empty environment and one socket, killed when it is late.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::process::Command;
use tokio::time::Instant;

use crate::gateway::workers::PoolError;
use crate::gateway::workers::Settings;
use crate::gateway::workers::child::Report;
use crate::gateway::workers::frame;
use crate::gateway::workers::frame::Head;
use crate::gateway::workers::frame::Word;
use crate::policy::Answer;
use crate::policy::RuleId;

/// A worker and the gateway's end of its socket. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    #[expect(dead_code, reason = "held: dropping it kills the process")]
    child: Child,
    socket: UnixStream,
    read: Vec<u8>,
    numbered: u64,
}

/// One question of a batch.
pub struct Batch<'a> {
    /// Rules by position in the bundle.
    pub rules: &'a [u32],
    /// The input as JSON.
    pub input: &'a [u8],
}

/// A worker that failed.
#[derive(Debug)]
pub struct Failed {
    /// How, in words for a finding.
    pub why: String,
}

impl Failed {
    /// It is gone.
    pub fn gone(why: &str) -> Self {
        Self { why: why.to_owned() }
    }

    fn late(deadline: Duration) -> Self {
        Self {
            why: format!(
                "it took longer than {} ms and its worker was killed",
                deadline.as_millis()
            ),
        }
    }
}

impl Process {
    /// Starts a worker and has it load the files (JSON of the source files).
    pub async fn start(settings: &Settings, files: &[u8]) -> Result<(Self, Report), PoolError> {
        let mut process =
            Self::spawn(settings).map_err(|error| PoolError::Worker(error.to_string()))?;
        let loading = process.load(files);
        match tokio::time::timeout(settings.load_deadline, loading).await {
            Ok(Ok(report)) => Ok((process, report)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(PoolError::Worker(format!(
                "loading took longer than {} s",
                settings.load_deadline.as_secs()
            ))),
        }
    }

    fn spawn(settings: &Settings) -> std::io::Result<Self> {
        let (ours, theirs) = StdStream::pair()?;
        ours.set_nonblocking(true)?;
        let child = Command::new(&settings.program)
            .arg("worker")
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self { child, socket: UnixStream::from_std(ours)?, read: Vec::new(), numbered: 0 })
    }

    async fn load(&mut self, files: &[u8]) -> Result<Report, PoolError> {
        let broken = |error: String| PoolError::Worker(error);
        let mut out = Vec::with_capacity(files.len() + frame::HEAD);
        frame::put(&mut out, 0, Word::Load, files).map_err(|e| broken(e.to_string()))?;
        self.socket.write_all(&out).await.map_err(|e| broken(e.to_string()))?;
        let (head, payload) = self.frame().await.map_err(|failed| broken(failed.why))?;
        match head.word {
            Word::Loaded => serde_json::from_slice(&payload).map_err(|e| broken(e.to_string())),
            Word::Refused => {
                let diagnostics =
                    serde_json::from_slice(&payload).map_err(|e| broken(e.to_string()))?;
                Err(PoolError::Refused(diagnostics))
            }
            Word::Load | Word::Ask | Word::Answers => {
                Err(broken("it answered with the wrong word".to_owned()))
            }
        }
    }

    /// Asks a batch in one write. Answers are added to `answered` as they come, in the batch's order; on failure the
    /// questions without an answer are those the worker did not get to, the first of them the likely culprit.
    pub async fn ask(
        &mut self,
        batch: &[Batch<'_>],
        rules: &[RuleId],
        deadline: Duration,
        answered: &mut Vec<Vec<Answer>>,
    ) -> Result<(), Failed> {
        let first = self.numbered + 1;
        let mut out = Vec::new();
        for question in batch {
            self.numbered += 1;
            frame::put(
                &mut out,
                self.numbered,
                Word::Ask,
                &frame::ask(question.rules, question.input),
            )
            .map_err(|error| Failed { why: error.to_string() })?;
        }
        let mut turn_came = Instant::now();
        in_time(turn_came + deadline, deadline, self.write(&out)).await?;
        for (number, question) in (first..).zip(batch) {
            let (head, payload) = in_time(turn_came + deadline, deadline, self.frame()).await?;
            if head.word != Word::Answers || head.number != number {
                return Err(Failed::gone("it answered another question"));
            }
            let ids: Vec<RuleId> =
                question.rules.iter().filter_map(|at| rules.get(*at as usize).cloned()).collect();
            let answers = frame::answers(&payload, &ids)
                .map_err(|error| Failed { why: error.to_string() })?;
            answered.push(answers);
            turn_came = Instant::now();
        }
        Ok(())
    }

    async fn write(&mut self, out: &[u8]) -> Result<(), Failed> {
        self.socket
            .write_all(out)
            .await
            .map_err(|error| Failed { why: format!("its worker is gone: {error}") })
    }

    async fn frame(&mut self) -> Result<(Head, Vec<u8>), Failed> {
        let broken = |error: frame::FrameError| Failed { why: error.to_string() };
        loop {
            if let Some(head) = self.read.first_chunk::<{ frame::HEAD }>() {
                let head = frame::head(head).map_err(broken)?;
                let end = frame::HEAD + head.length;
                if self.read.len() >= end {
                    let payload = self.read.drain(..end).skip(frame::HEAD).collect();
                    return Ok((head, payload));
                }
            }
            let read = self.socket.read_buf(&mut self.read).await;
            match read {
                Ok(0) => return Err(Failed::gone("its worker died")),
                Ok(_) => {}
                Err(error) => return Err(Failed { why: format!("its worker is gone: {error}") }),
            }
        }
    }
}

async fn in_time<T>(
    until: Instant,
    deadline: Duration,
    work: impl Future<Output = Result<T, Failed>>,
) -> Result<T, Failed> {
    tokio::time::timeout_at(until, work).await.unwrap_or_else(|_| Err(Failed::late(deadline)))
}

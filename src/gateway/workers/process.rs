//! One worker process, seen from the gateway: started with no environment of ours and one socket, killed when it is late.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::process::Stdio;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::ReadHalf;
use tokio::process::Child;
use tokio::process::Command;
use tokio::time::Instant;
use tokio::time::timeout;
use tokio::time::timeout_at;

use crate::gateway::workers::PoolError;
use crate::gateway::workers::Settings;
use crate::gateway::workers::cage::SMALL_HEAPS;
use crate::gateway::workers::child::Report;
use crate::gateway::workers::frame;
use crate::gateway::workers::frame::Frame;
use crate::gateway::workers::frame::FrameError;
use crate::gateway::workers::frame::Word;
use crate::policy::Answer;
use crate::policy::RuleId;

/// Room made before each read: the answers of a batch usually fit.
const READ_BYTES: usize = 16 << 10;

/// How long a worker whose socket closed may take to end, before it is killed without learning how it ended.
const END_WITHIN: Duration = Duration::from_secs(1);

/// The signal that the system's own memory watch, or a person, sends; a rule cannot make its worker die of it.
const SIGKILL: i32 = 9;

/// A worker and the gateway's end of its socket. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    socket: UnixStream,
    read: BytesMut,
    numbered: u64,
}

/// One question of a batch.
pub struct Batch<'a> {
    /// Rules by position in the bundle.
    pub rules: &'a [u32],
    /// The input as JSON.
    pub input: &'a [u8],
}

/// Why a worker could not be started with a bundle.
#[derive(Debug, thiserror::Error)]
pub enum NoWorker {
    /// The program does not start.
    #[error("its program cannot be started: {0}")]
    Program(std::io::Error),
    /// Loading did not come to an end.
    #[error("loading took longer than {} s and was ended", .0.as_secs_f32())]
    Slow(Duration),
    /// It failed while loading.
    #[error(transparent)]
    Failed(#[from] Failed),
    /// It reports another bundle than the worker before it, from the same files.
    #[error("it loaded another bundle from the same files")]
    Another,
}

/// How a worker failed, in words for a finding.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Its time was up.
    #[error("it took longer than {} ms and its worker was killed", .0.as_millis())]
    Late(Duration),
    /// It ended.
    #[error("its worker died ({0})")]
    Died(ExitStatus),
    /// Its socket cannot be used.
    #[error("its worker cannot be reached: {0}")]
    Socket(#[from] std::io::Error),
    /// It said something that cannot be believed.
    #[error("its worker was not understood: {0}")]
    Frame(#[from] FrameError),
    /// Its report cannot be read.
    #[error("its worker was not understood: {0}")]
    Report(#[from] serde_json::Error),
}

impl Failed {
    /// Whether somebody outside ended it, so that no rule is to blame.
    pub fn died_from_outside(&self) -> bool {
        match self {
            Self::Died(status) => status.signal() == Some(SIGKILL),
            Self::Late(_) | Self::Socket(_) | Self::Frame(_) | Self::Report(_) => false,
        }
    }
}

impl Process {
    /// Starts a worker and has it load a bundle (its orders as JSON).
    pub async fn start(settings: &Settings, orders: &[u8]) -> Result<(Self, Report), PoolError> {
        let mut process = Self::spawn(settings).map_err(NoWorker::Program)?;
        match timeout(settings.load_deadline, process.load(orders)).await {
            Ok(Ok(report)) => Ok((process, report)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(NoWorker::Slow(settings.load_deadline).into()),
        }
    }

    fn spawn(settings: &Settings) -> std::io::Result<Self> {
        let (ours, theirs) = StdStream::pair()?;
        ours.set_nonblocking(true)?;
        let child = Command::new(&settings.program)
            .arg("worker")
            .env_clear()
            .envs(SMALL_HEAPS)
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let socket = UnixStream::from_std(ours)?;
        Ok(Self { child, socket, read: BytesMut::new(), numbered: 0 })
    }

    async fn load(&mut self, orders: &[u8]) -> Result<Report, PoolError> {
        let mut out = Vec::new();
        frame::put(&mut out, self.numbered, Word::Load, |out| out.extend_from_slice(orders))
            .map_err(failed)?;
        let frame = match self.load_round(&out).await {
            Ok(frame) => frame,
            Err(error) => return Err(failed(self.post_mortem(error).await)),
        };
        match frame.word {
            Word::Loaded => serde_json::from_slice(&frame.payload).map_err(failed),
            Word::Refused => {
                Err(PoolError::Refused(serde_json::from_slice(&frame.payload).map_err(failed)?))
            }
            Word::Load | Word::Ask | Word::Answers => Err(failed(FrameError::Unasked)),
        }
    }

    async fn load_round(&mut self, out: &[u8]) -> Result<Frame, Failed> {
        let (from, mut to) = self.socket.split();
        to.write_all(out).await?;
        Incoming { from, read: &mut self.read }.frame().await
    }

    /// Asks a batch in one write. Answers are added to `answered` as they come, in the batch's order. On failure the
    /// questions without an answer are those the worker did not get to; when it was late, the first of them is the
    /// one it was at. A worker that failed is of no more use.
    pub async fn ask(
        &mut self,
        batch: &[Batch<'_>],
        rules: &[RuleId],
        deadline: Duration,
        answered: &mut Vec<Vec<Answer>>,
    ) -> Result<(), Failed> {
        match self.round(batch, rules, deadline, answered).await {
            Ok(()) => Ok(()),
            Err(failed) => Err(self.post_mortem(failed).await),
        }
    }

    async fn round(
        &mut self,
        batch: &[Batch<'_>],
        rules: &[RuleId],
        deadline: Duration,
        answered: &mut Vec<Vec<Answer>>,
    ) -> Result<(), Failed> {
        let mut out = Vec::with_capacity(batch.iter().map(Batch::size).sum());
        let first = self.numbered + 1;
        for question in batch {
            self.numbered += 1;
            question.put(self.numbered, &mut out)?;
        }
        let (from, mut to) = self.socket.split();
        let mut incoming = Incoming { from, read: &mut self.read };
        // At the same time: a worker that cannot get rid of its answers takes no more questions. That it is gone is
        // learned from reading, where its last answers may still wait.
        let asking = async {
            let _ = to.write_all(&out).await;
            Ok(())
        };
        let reading = async {
            for (number, question) in (first..).zip(batch) {
                let turn_ends = Instant::now() + deadline;
                let frame = timeout_at(turn_ends, incoming.frame()).await;
                let frame = frame.unwrap_or(Err(Failed::Late(deadline)))?;
                answered.push(question.answers(number, &frame, rules)?);
            }
            Ok(())
        };
        tokio::try_join!(asking, reading).map(drop)
    }

    /// A closed socket is the first sign of a death; its cause comes with the child's end.
    async fn post_mortem(&mut self, failed: Failed) -> Failed {
        if !matches!(failed, Failed::Socket(_)) {
            return failed;
        }
        match timeout(END_WITHIN, self.child.wait()).await {
            Ok(Ok(status)) => Failed::Died(status),
            Ok(Err(_)) | Err(_) => failed,
        }
    }
}

fn failed(error: impl Into<Failed>) -> PoolError {
    NoWorker::Failed(error.into()).into()
}

impl Batch<'_> {
    /// About how many bytes it takes in a frame.
    fn size(&self) -> usize {
        self.input.len() + size_of_val(self.rules) + 32
    }

    fn put(&self, number: u64, out: &mut Vec<u8>) -> Result<(), FrameError> {
        frame::put(out, number, Word::Ask, |out| frame::put_ask(out, self.rules, self.input))
    }

    fn answers(
        &self,
        number: u64,
        frame: &Frame,
        ids: &[RuleId],
    ) -> Result<Vec<Answer>, FrameError> {
        if frame.word != Word::Answers || frame.number != number {
            return Err(FrameError::Unasked);
        }
        let nobody = RuleId::told("");
        let asked = self.rules.iter().map(|at| ids.get(*at as usize).unwrap_or(&nobody));
        frame::answers(&frame.payload, asked)
    }
}

/// What comes from a worker.
struct Incoming<'a> {
    from: ReadHalf<'a>,
    read: &'a mut BytesMut,
}

impl Incoming<'_> {
    async fn frame(&mut self) -> Result<Frame, Failed> {
        loop {
            if let Some(frame) = frame::take(self.read)? {
                return Ok(frame);
            }
            self.read.reserve(READ_BYTES);
            if self.from.read_buf(self.read).await? == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
        }
    }
}

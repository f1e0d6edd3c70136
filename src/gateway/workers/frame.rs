//! The frames between the gateway and a worker: numbered, length-prefixed, at most 16 MiB. What a worker says is
//! untrusted: every length is checked before it is believed, and a finding that no rule could have made is refused.

use bytes::Buf;
use bytes::BytesMut;

use crate::policy::Answer;
use crate::policy::Finding;
use crate::policy::Observation;
use crate::policy::RuleId;
use crate::policy::Verdict;
use crate::policy::answer::MAX_FINDINGS;
use crate::policy::answer::MAX_PATH;
use crate::policy::answer::MAX_PROOF;
use crate::policy::answer::MAX_REASON;
use crate::policy::finding::Origin;

/// Longest payload. A worker that announces more is broken or hostile; without the limit it could make us allocate it.
pub const MAX_PAYLOAD: usize = 16 << 20;

/// Longest word about a fault, in characters: it becomes part of a finding's reason.
const MAX_WHY: usize = 1_000;

/// Bytes before a payload: length, number, word.
const HEAD: usize = 4 + 8 + 1;

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// To the worker: load these files.
    Load,
    /// From the worker: loaded; the bundle as JSON.
    Loaded,
    /// From the worker: refused; the diagnostics as JSON.
    Refused,
    /// To the worker: ask these rules.
    Ask,
    /// From the worker: the answers.
    Answers,
}

impl Word {
    const ALL: [Self; 5] = [Self::Load, Self::Loaded, Self::Refused, Self::Ask, Self::Answers];

    const fn byte(self) -> u8 {
        match self {
            Self::Load => 1,
            Self::Loaded => 2,
            Self::Refused => 3,
            Self::Ask => 4,
            Self::Answers => 5,
        }
    }
}

/// A frame that cannot be believed.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Too long.
    #[error("a frame announces {0} bytes; {MAX_PAYLOAD} are allowed")]
    TooLong(usize),
    /// A word nobody says.
    #[error("a frame carries the unknown word {0}")]
    Word(u8),
    /// The payload is not what its word promises.
    #[error("a frame's payload is cut short or malformed")]
    Payload,
    /// A finding no rule can make, or one of another rule.
    #[error("a frame carries a finding that `{0}` cannot have made")]
    Finding(RuleId),
    /// A frame that was not asked for.
    #[error("a frame answers what was not asked")]
    Unasked,
}

impl From<FrameError> for std::io::Error {
    fn from(error: FrameError) -> Self {
        Self::other(error)
    }
}

/// A frame that has come.
#[derive(Debug)]
pub struct Frame {
    /// Which question it belongs to.
    pub number: u64,
    /// What it says.
    pub word: Word,
    /// The rest.
    pub payload: BytesMut,
}

/// Adds a frame to `out`; `body` writes its payload there. On an error `out` is as it was.
pub fn put(
    out: &mut Vec<u8>,
    number: u64,
    word: Word,
    body: impl FnOnce(&mut Vec<u8>),
) -> Result<(), FrameError> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&number.to_le_bytes());
    out.push(word.byte());
    body(out);
    let payload = out.len().saturating_sub(start + HEAD);
    let length = u32::try_from(payload).ok().filter(|_| payload <= MAX_PAYLOAD);
    let place = out.get_mut(start..).and_then(<[u8]>::first_chunk_mut);
    if let (Some(length), Some(place)) = (length, place) {
        *place = length.to_le_bytes();
        return Ok(());
    }
    out.truncate(start);
    Err(FrameError::TooLong(payload))
}

/// Takes the next frame out of what was read; none if it has not come whole.
pub fn take(read: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
    let Some(head) = read.first_chunk::<HEAD>() else { return Ok(None) };
    let [a, b, c, d, number @ .., word] = *head;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    if length > MAX_PAYLOAD {
        return Err(FrameError::TooLong(length));
    }
    let known = Word::ALL.into_iter().find(|known| known.byte() == word);
    let word = known.ok_or(FrameError::Word(word))?;
    if read.len() < HEAD + length {
        return Ok(None);
    }
    let mut payload = read.split_to(HEAD + length);
    payload.advance(HEAD);
    Ok(Some(Frame { number: u64::from_le_bytes(number), word, payload }))
}

/// Writes the payload of [`Word::Ask`]: which rules, and the input they see.
pub fn put_ask(out: &mut Vec<u8>, rules: &[u32], input: &[u8]) {
    put_length(out, rules.len());
    for rule in rules {
        out.extend_from_slice(&rule.to_le_bytes());
    }
    out.extend_from_slice(input);
}

/// Reads the payload of [`Word::Ask`].
pub fn asked(payload: &[u8]) -> Result<(Vec<u32>, &[u8]), FrameError> {
    let (count, mut rest) = number(payload)?;
    let mut rules = Vec::new();
    for _ in 0..count {
        let (rule, after) = number(rest)?;
        rules.push(rule);
        rest = after;
    }
    Ok((rules, rest))
}

const EMPTY: u8 = 0;
const FINDINGS: u8 = 1;
const FAULT: u8 = 2;
const OBSERVATIONS: u8 = 3;

/// Adds one rule's answer to the payload of [`Word::Answers`].
pub fn put_answer(out: &mut Vec<u8>, answer: &Answer) {
    match answer {
        Answer::Findings(findings) if findings.is_empty() => out.push(EMPTY),
        Answer::Observations(said) if said.is_empty() => out.push(EMPTY),
        Answer::Findings(findings) => put_json(out, FINDINGS, findings),
        Answer::Observations(said) => put_json(out, OBSERVATIONS, said),
        Answer::Fault(why) => put_body(out, FAULT, why.as_bytes()),
    }
}

fn put_json<T: serde::Serialize>(out: &mut Vec<u8>, tag: u8, said: &T) {
    match serde_json::to_vec(said) {
        Ok(json) => put_body(out, tag, &json),
        Err(error) => put_body(out, FAULT, error.to_string().as_bytes()),
    }
}

fn put_body(out: &mut Vec<u8>, tag: u8, body: &[u8]) {
    out.push(tag);
    put_length(out, body.len());
    out.extend_from_slice(body);
}

/// What is too long for its length is too long for its frame, and refused there.
fn put_length(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

/// Reads one answer for each of these rules, and nothing more.
pub fn answers<'r>(
    mut payload: &[u8],
    rules: impl Iterator<Item = &'r RuleId>,
) -> Result<Vec<Answer>, FrameError> {
    let mut all = Vec::new();
    for rule in rules {
        let (tag, rest) = payload.split_first().ok_or(FrameError::Payload)?;
        if *tag == EMPTY {
            all.push(silence(rule));
            payload = rest;
            continue;
        }
        let (length, rest) = number(rest)?;
        let (body, rest) = rest.split_at_checked(length as usize).ok_or(FrameError::Payload)?;
        all.push(answer(*tag, body, rule)?);
        payload = rest;
    }
    if payload.is_empty() { Ok(all) } else { Err(FrameError::Payload) }
}

/// Nothing to say.
fn silence(rule: &RuleId) -> Answer {
    if rule.is_posture() { Answer::Observations(Vec::new()) } else { Answer::Findings(Vec::new()) }
}

fn answer(tag: u8, body: &[u8], rule: &RuleId) -> Result<Answer, FrameError> {
    match tag {
        FINDINGS => {
            let findings: Vec<Finding> =
                serde_json::from_slice(body).map_err(|_| FrameError::Payload)?;
            let many = findings.len() > MAX_FINDINGS;
            if many || rule.is_posture() || !findings.iter().all(|said| can_say(rule, said)) {
                return Err(FrameError::Finding(rule.clone()));
            }
            Ok(Answer::Findings(findings))
        }
        OBSERVATIONS => {
            let said: Vec<Observation> =
                serde_json::from_slice(body).map_err(|_| FrameError::Payload)?;
            let good = rule.is_posture() && said.len() <= MAX_FINDINGS;
            if !good || !said.iter().all(can_observe) {
                return Err(FrameError::Finding(rule.clone()));
            }
            Ok(Answer::Observations(said))
        }
        FAULT => {
            let why = String::from_utf8_lossy(body);
            Ok(Answer::Fault(why.chars().filter(|c| !c.is_control()).take(MAX_WHY).collect()))
        }
        other => Err(FrameError::Word(other)),
    }
}

/// Whether an honest worker could have sent this for that rule: it speaks for no other rule, says nothing that is the
/// gateway's to say, and keeps the limits of the engine's own reading.
fn can_say(rule: &RuleId, said: &Finding) -> bool {
    let by_a_rule = match said.origin {
        Origin::Rule => !said.reason.trim().is_empty(),
        Origin::Broken => said.verdict == Verdict::Block,
        Origin::Unknown | Origin::Fault => false,
    };
    let short = is_short(&said.reason, &said.proof);
    let demand = said.approval.is_some() == (said.verdict == Verdict::Approve)
        && said.approval.as_ref().is_none_or(|demand| demand.count > 0);
    said.rule == *rule && by_a_rule && short && demand
}

/// The same for a posture rule.
fn can_observe(said: &Observation) -> bool {
    !said.reason.trim().is_empty() && !said.proof.is_empty() && is_short(&said.reason, &said.proof)
}

fn is_short(reason: &str, proof: &[String]) -> bool {
    reason.chars().count() <= MAX_REASON
        && proof.len() <= MAX_PROOF
        && proof.iter().all(|path| path.len() <= MAX_PATH)
}

fn number(bytes: &[u8]) -> Result<(u32, &[u8]), FrameError> {
    let (four, rest) = bytes.split_first_chunk::<4>().ok_or(FrameError::Payload)?;
    Ok((u32::from_le_bytes(*four), rest))
}

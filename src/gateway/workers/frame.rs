//! The frames between the gateway and a worker: numbered, length-prefixed, at most 16 MiB. What a worker says is
//! untrusted: every length is checked before it is believed.

use crate::policy::Answer;
use crate::policy::Finding;
use crate::policy::RuleId;

/// Longest payload. A worker that announces more is broken or hostile; without the limit it could make us allocate it.
pub const MAX_PAYLOAD: usize = 16 << 20;

/// Bytes before a payload: length, number, word.
pub const HEAD: usize = 4 + 8 + 1;

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
}

/// The head of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// Bytes of payload that follow.
    pub length: usize,
    /// Which question it belongs to.
    pub number: u64,
    /// What it says.
    pub word: Word,
}

/// Adds a frame to `out`.
pub fn put(out: &mut Vec<u8>, number: u64, word: Word, payload: &[u8]) -> Result<(), FrameError> {
    if payload.len() > MAX_PAYLOAD {
        return Err(FrameError::TooLong(payload.len()));
    }
    let length = u32::try_from(payload.len()).map_err(|_| FrameError::TooLong(payload.len()))?;
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&number.to_le_bytes());
    out.push(word.byte());
    out.extend_from_slice(payload);
    Ok(())
}

/// Reads a head.
pub fn head(bytes: &[u8; HEAD]) -> Result<Head, FrameError> {
    let [a, b, c, d, number @ .., word] = *bytes;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    if length > MAX_PAYLOAD {
        return Err(FrameError::TooLong(length));
    }
    let word =
        Word::ALL.into_iter().find(|known| known.byte() == word).ok_or(FrameError::Word(word))?;
    Ok(Head { length, number: u64::from_le_bytes(number), word })
}

/// The payload of [`Word::Ask`]: which rules, and the input they see.
pub fn ask(rules: &[u32], input: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 + rules.len() * 4 + input.len());
    out.extend_from_slice(&u32::try_from(rules.len()).unwrap_or(u32::MAX).to_le_bytes());
    for rule in rules {
        out.extend_from_slice(&rule.to_le_bytes());
    }
    out.extend_from_slice(input);
    out
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

/// Adds one rule's answer to the payload of [`Word::Answers`].
pub fn put_answer(out: &mut Vec<u8>, answer: &Answer) {
    let (tag, body) = match answer {
        Answer::Findings(findings) if findings.is_empty() => (EMPTY, Vec::new()),
        Answer::Findings(findings) => match serde_json::to_vec(findings) {
            Ok(json) => (FINDINGS, json),
            Err(error) => (FAULT, error.to_string().into_bytes()),
        },
        Answer::Fault(why) => (FAULT, why.clone().into_bytes()),
    };
    out.push(tag);
    if tag != EMPTY {
        out.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(&body);
    }
}

/// Reads as many answers as were asked for, and nothing more. Each finding is given the id of the rule it was asked of:
/// a worker cannot speak for another rule.
pub fn answers(mut payload: &[u8], rules: &[RuleId]) -> Result<Vec<Answer>, FrameError> {
    let mut all = Vec::with_capacity(rules.len());
    for rule in rules {
        let (tag, rest) = payload.split_first().ok_or(FrameError::Payload)?;
        if *tag == EMPTY {
            all.push(Answer::Findings(Vec::new()));
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

fn answer(tag: u8, body: &[u8], rule: &RuleId) -> Result<Answer, FrameError> {
    match tag {
        FINDINGS => {
            let mut findings: Vec<Finding> =
                serde_json::from_slice(body).map_err(|_| FrameError::Payload)?;
            for finding in &mut findings {
                finding.rule = rule.clone();
            }
            Ok(Answer::Findings(findings))
        }
        FAULT => Ok(Answer::Fault(String::from_utf8_lossy(body).chars().take(1_000).collect())),
        other => Err(FrameError::Word(other)),
    }
}

fn number(bytes: &[u8]) -> Result<(u32, &[u8]), FrameError> {
    let (four, rest) = bytes.split_first_chunk::<4>().ok_or(FrameError::Payload)?;
    Ok((u32::from_le_bytes(*four), rest))
}

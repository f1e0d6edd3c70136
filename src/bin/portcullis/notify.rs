//! `portcullis notify list|test`: who is told, and whether they can be reached.

use std::process::ExitCode;

use serde_json::Value;
use serde_json::json;

use crate::cli::NotifyCommand;
use crate::client::Operator;
use crate::json::at;
use crate::operator::Failed;
use crate::operator::rows;
use crate::operator::second;
use crate::operator::show;
use crate::operator::table::table;
use crate::operator::text;

/// Runs the command.
pub async fn run(command: NotifyCommand) -> ExitCode {
    match command {
        NotifyCommand::List { reach } => {
            let answer = async {
                let operator = Operator::new(&reach.gate).map_err(|error| error.to_string())?;
                operator.get("channels", &[]).await.map_err(|error| error.to_string())
            };
            show(reach.format, answer.await, in_words)
        }
        NotifyCommand::Test { channel, reach } => {
            let answer = async {
                let operator = Operator::new(&reach.gate).map_err(|error| error.to_string())?;
                let path = format!("channels/{}/test", named(&channel)?);
                operator.post(&path, &json!({})).await.map_err(|error| error.to_string())
            };
            show(reach.format, answer.await, |answer| {
                format!("{} took the test message.", text(answer, "id"))
            })
        }
    }
}

/// A channel's id as it may stand in a path.
fn named(channel: &str) -> Result<&str, Failed> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if channel.bytes().all(plain) && !channel.is_empty() {
        Ok(channel)
    } else {
        Err(format!("`{}` is no channel id: use a-z, 0-9 and `-`", channel.escape_debug()))
    }
}

fn in_words(answer: &Value) -> String {
    let row = |channel: &Value| {
        let waiting = at(channel, "/waiting").as_u64().unwrap_or_default().to_string();
        let told = second(channel, "told");
        let told = if told.is_empty() { "never".to_owned() } else { told };
        [text(channel, "id"), text(channel, "host"), told, waiting, text(channel, "why")]
    };
    let all = rows(answer, "channels");
    let none = "no channel is configured: nobody is told (see docs/notifications.md)";
    table(&["channel", "host", "last told", "waiting", "last failure"], all.iter().map(row), none)
}

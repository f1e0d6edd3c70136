//! `portcullis ticket|dead-letter|token`: the operator's questions and acts, through the gateway's API.

pub mod from_store;
pub mod table;

use crate::json::at;
use std::process::ExitCode;

use serde_json::Value;
use serde_json::json;

use crate::cli::DeadLetter;
use crate::cli::Format;
use crate::cli::Reach;
use crate::cli::ReadReach;
use crate::cli::Ticket;
use crate::cli::TicketVote;
use crate::cli::Token;
use crate::client::Operator;
use crate::operator::from_store::Reading;
use crate::operator::table::listing;
use crate::operator::table::table;

/// One sentence for people; it holds its next step already.
pub type Failed = String;

/// Answers from a gateway, or from a store opened beside it.
pub async fn read(reach: &ReadReach, what: Reading<'_>) -> Result<Value, Failed> {
    if let Some(store) = &reach.store {
        from_store::read(store, what).await
    } else {
        let operator = Operator::new(&reach.reach.gate).map_err(|error| error.to_string())?;
        let (path, query) = what.request();
        operator.get(&path, &query).await.map_err(|error| error.to_string())
    }
}

/// Shows an answer, or says why there is none.
pub fn show(
    format: Format,
    answer: Result<Value, Failed>,
    in_words: impl FnOnce(&Value) -> String,
) -> ExitCode {
    match answer {
        Ok(answer) => {
            match format {
                Format::Json => println!("{answer}"),
                Format::Text => println!("{}", in_words(&answer).trim_end()),
            }
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("portcullis: {why}");
            ExitCode::FAILURE
        }
    }
}

/// A member that is text.
pub fn text(answer: &Value, member: &str) -> String {
    at(answer, &format!("/{member}")).as_str().unwrap_or_default().to_owned()
}

/// A member that is a list.
pub fn rows(answer: &Value, member: &str) -> Vec<Value> {
    at(answer, &format!("/{member}")).as_array().cloned().unwrap_or_default()
}

/// A time of the record, to the second.
pub fn second(row: &Value, member: &str) -> String {
    let at = text(row, member);
    at.split_once('.').map_or(at.clone(), |(to_the_second, _)| format!("{to_the_second}Z"))
}

/// `portcullis ticket …`
pub async fn ticket(command: Ticket) -> ExitCode {
    match command {
        Ticket::List { state, reach } => {
            let answer = read(&reach, Reading::Tickets(state.as_deref())).await;
            show(reach.reach.format, answer, tickets_in_words)
        }
        Ticket::Show { id, reach } => {
            let answer = read(&reach, Reading::Ticket(&id)).await;
            show(reach.reach.format, answer, ticket_in_words)
        }
        Ticket::Approve(vote) => cast(&vote, "approve").await,
        Ticket::Deny(vote) => cast(&vote, "deny").await,
    }
}

async fn cast(vote: &TicketVote, word: &str) -> ExitCode {
    let path = format!("tickets/{}/votes", vote.id);
    let answer = act(&vote.reach, async |operator| {
        operator.post(&path, &json!({"vote": word, "reason": vote.reason})).await
    });
    show(vote.reach.format, answer.await, ticket_in_words)
}

async fn act(
    reach: &Reach,
    deed: impl AsyncFnOnce(&Operator) -> Result<Value, crate::client::ApiError>,
) -> Result<Value, Failed> {
    let operator = Operator::new(&reach.gate).map_err(|error| error.to_string())?;
    deed(&operator).await.map_err(|error| error.to_string())
}

fn tickets_in_words(answer: &Value) -> String {
    let entry = |row: &Value| {
        let state = text(row, "state").to_uppercase();
        let (asked, ends) = (second(row, "asked_at"), second(row, "expires_at"));
        let head = format!("{asked}  {state:<8} until {ends}  {}", text(row, "id"));
        [head, text(row, "reason"), text(row, "why")]
    };
    listing(rows(answer, "tickets").iter().map(entry), "no ticket yet")
}

fn ticket_in_words(ticket: &Value) -> String {
    let of = |member: &str| text(ticket, member);
    let mut lines =
        vec![format!("{}  {}", of("id"), of("state").to_uppercase()), of("reason"), of("why")];
    for vote in rows(ticket, "votes") {
        let (word, by, reason) = (text(&vote, "vote"), text(&vote, "by"), text(&vote, "reason"));
        let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        lines.push(format!("{word} by {by} at {}{reason}", second(&vote, "at")));
    }
    lines.push(format!(
        "asked by decision {}, open until {}",
        of("decision"),
        second(ticket, "expires_at")
    ));
    listing(std::iter::once(lines), "")
}

/// `portcullis dead-letter …`
pub async fn dead_letter(command: DeadLetter) -> ExitCode {
    match command {
        DeadLetter::List { reach } => {
            let answer = read(&reach, Reading::DeadLetters).await;
            show(reach.reach.format, answer, |answer| {
                table(
                    &["received", "connection", "key", "why", "delivery"],
                    rows(answer, "dead_letters").iter().map(|row| {
                        ["received", "connection", "key", "why", "id"]
                            .map(|column| text(row, column))
                    }),
                    "no dead letter",
                )
            })
        }
        DeadLetter::Replay { id, reach } => {
            let path = format!("dead-letters/{id}/replay");
            let answer = act(&reach, async |operator| operator.post(&path, &json!({})).await).await;
            show(reach.format, answer, |_| format!("{id} goes down the road again"))
        }
    }
}

/// `portcullis token …`
pub async fn token(command: Token) -> ExitCode {
    match command {
        Token::Create {
            name,
            connection,
            repository,
            action,
            environment,
            doors,
            expires_in,
            reach,
        } => {
            let wish = json!({
                "name": name, "connection": connection, "repositories": repository, "actions": action,
                "environments": environment, "doors": doors, "expires_in": expires_in.as_secs(),
            });
            let answer = act(&reach, async |operator| operator.post("tokens", &wish).await).await;
            show(reach.format, answer, |answer| {
                eprintln!(
                    "This is the only time it is shown. It ends at {}.",
                    text(answer, "expires")
                );
                text(answer, "token")
            })
        }
        Token::List { reach } => {
            let answer = read(&reach, Reading::Tokens).await;
            show(reach.reach.format, answer, |answer| {
                table(
                    &["name", "connection", "may ask about", "expires", "token id"],
                    rows(answer, "tokens").iter().map(|row| {
                        let of = |column: &str| text(row, column);
                        [of("name"), of("connection"), scope(row), of("expires"), of("id")]
                    }),
                    "no service token",
                )
            })
        }
        Token::Revoke { id, reach } => {
            let path = format!("tokens/{id}");
            let answer = act(&reach, async |operator| operator.delete(&path).await).await;
            show(reach.format, answer, |_| format!("{id} is revoked"))
        }
    }
}

/// `check · deploy, publish · PAY/* · staging`: its doors, and what it may ask about there; an empty list of repositories or actions is all of them.
fn scope(row: &Value) -> String {
    let names = |member: &str, none: &str| {
        let listed = rows(row, member);
        let names: Vec<&str> = listed.iter().filter_map(Value::as_str).collect();
        if names.is_empty() { none.to_owned() } else { names.join(", ") }
    };
    let parts = [
        names("doors", ""),
        names("actions", "every action"),
        names("repositories", "every repository"),
        names("environments", ""),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

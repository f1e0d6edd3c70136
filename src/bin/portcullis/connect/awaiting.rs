//! A connection that takes long to make: the command waits for it, shows how far it is, and prints its report, also where
//! another command began it.

use std::time::Duration;

use serde_json::Value;

use crate::client::ApiError;
use crate::client::Operator;
use crate::connect::Failed;
use crate::json::at;
use crate::operator::text;

/// How often it is looked how far it is.
const LOOK: Duration = Duration::from_secs(1);

/// The gateway's answer to a wish whose id is taken.
const TAKEN: u16 = 409;

/// Makes the connection, and gives its report.
pub async fn made(operator: &Operator, wish: &Value) -> Result<Value, Failed> {
    let id = text(wish, "id");
    match operator.post_long("connections", wish).await {
        Ok(now) if at(&now, "/state").is_string() => ended(operator, &id).await,
        Ok(done) => Ok(done),
        Err(error @ ApiError::Refused(TAKEN, _)) => match now(operator, &id).await {
            Ok(now) if at(&now, "/report").is_object() => {
                eprintln!(
                    "portcullis: `{id}` is connected already, and nothing was changed; what came of it then:"
                );
                Ok(at(&now, "/report").clone())
            }
            Ok(_) | Err(_) => Err(Failed::Answer(error.to_string())),
        },
        Err(error) => Err(Failed::Answer(error.to_string())),
    }
}

async fn now(operator: &Operator, id: &str) -> Result<Value, ApiError> {
    operator.get(&format!("connections/{id}/connecting"), &[]).await
}

/// Waits for the end of it.
async fn ended(operator: &Operator, id: &str) -> Result<Value, Failed> {
    let mut shown = String::new();
    loop {
        let now = now(operator, id).await.map_err(|error| Failed::Answer(error.to_string()))?;
        match at(&now, "/state").as_str() {
            Some("done") => return Ok(at(&now, "/report").clone()),
            Some("failed") => return Err(Failed::Answer(text(&now, "why"))),
            Some(_) | None => {}
        }
        let number = |name: &str| at(&now, name).as_u64().unwrap_or_default();
        let line = format!("{} of {} webhooks registered", number("/told"), number("/hooks"));
        if line != shown {
            eprintln!("portcullis: `{id}` is being connected: {line}");
            shown = line;
        }
        tokio::time::sleep(LOOK).await;
    }
}

//! Into the console by a one-time link, and out of it.

use http::HeaderValue;
use http::Method;
use http::StatusCode;
use http::header;
use tokio::time::Instant;

use crate::http::answer;
use crate::http::answer::Answer;
use crate::http::console::problem;
use crate::http::doors::House;
use crate::http::doors::call::Call;
use crate::http::doors::query::Pairs;
use crate::http::operator::Asker;
use crate::http::problem::Problem;

/// Spends the link's code for a session. A HEAD spends nothing: link previews must not.
pub(super) async fn login(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = Pairs::read(call.head.uri.query().unwrap_or_default().as_bytes());
    let code = pairs.need("code")?;
    if call.head.method == Method::HEAD {
        return Ok(answer::text(StatusCode::OK, ""));
    }
    let cookie = house.doorkeeper.enter(code, call.visit.from, Instant::now())?;
    house.gateway.note_session("session opened").await?;
    Ok(with_cookie(answer::see_other("/"), cookie))
}

/// Ends the session.
pub(super) async fn logout(house: &House, call: &Call) -> Result<Answer, Problem> {
    let cookie = house.doorkeeper.leave(&call.head.headers).ok_or_else(Problem::internal)?;
    if call.asker == Asker::Session {
        house.gateway.note_session("session ended").await?;
    }
    Ok(with_cookie(answer::page(StatusCode::OK, problem::signed_out(house.brake())), cookie))
}

fn with_cookie(mut answer: Answer, cookie: HeaderValue) -> Answer {
    answer.headers_mut().append(header::SET_COOKIE, cookie);
    answer
}

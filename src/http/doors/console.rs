//! The console's doors: each asks the gateway what its page shows, and words nothing itself.

pub(in crate::http::doors) mod connections;
pub(in crate::http::doors) mod decisions;
pub(in crate::http::doors) mod ledger;
pub(in crate::http::doors) mod letters;
pub(in crate::http::doors) mod overview;
pub(in crate::http::doors) mod rules;
pub(in crate::http::doors) mod tickets;

use http::StatusCode;

use crate::http::answer;
use crate::http::answer::Answer;
use crate::http::console::frame::Desk;
use crate::http::doors::House;
use crate::http::doors::call::Call;
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;
use crate::http::session::FormToken;

/// Rows on a page of the console.
const ROWS: usize = 50;

fn pairs(call: &Call) -> Pairs {
    Pairs::read(call.head.uri.query().unwrap_or_default().as_bytes())
}

/// The place where the page before ended.
fn before(pairs: &Pairs) -> Result<Option<u64>, Problem> {
    pairs.parsed("before", "a number from `next`", |text| text.parse().ok())
}

/// A page, written with the forms' token of the call's session.
fn page(house: &House, call: &Call, write: impl FnOnce(&Desk<'_>) -> String) -> Answer {
    let token: FormToken = house.doorkeeper.form_token(&call.head.headers);
    let desk = Desk { token: &token, brake: house.brake(), now: house.gateway.clock.now() };
    answer::console(StatusCode::OK, write(&desk))
}

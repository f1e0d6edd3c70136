//! The console's doors: each asks the gateway what its page shows, and words nothing itself.

pub(in crate::http::doors) mod access;
pub(in crate::http::doors) mod connections;
pub(in crate::http::doors) mod decisions;
pub(in crate::http::doors) mod findings;
pub(in crate::http::doors) mod ledger;
pub(in crate::http::doors) mod letters;
pub(in crate::http::doors) mod overview;
pub(in crate::http::doors) mod rules;
pub(in crate::http::doors) mod tickets;

use http::StatusCode;

use crate::approval::State;
use crate::http::answer;
use crate::http::answer::Answer;
use crate::http::console::frame::Desk;
use crate::http::console::record::Sort;
use crate::http::doors::House;
use crate::http::doors::call::Call;
use crate::http::doors::decisions as api;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::PAGE;
use crate::http::doors::offer::Parameter;
use crate::http::doors::offer::Text;
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;
use crate::http::session::FormToken;

/// Rows on a page of the console.
const ROWS: usize = 50;

/// A page that is asked for nothing.
pub(super) const PLAIN: Offer =
    Offer::giving(&[Gives { status: 200, when: "The page.", forms: &[PAGE] }]);

/// What the list of decisions can be asked for, as people write it.
pub(super) const DECISIONS: Offer = PLAIN
    .asked(&[
        api::VERDICT,
        api::EFFECT,
        api::RULE,
        api::REPOSITORY,
        api::PERSON,
        api::KIND,
        api::CONNECTION,
        api::UNCOVERED,
        api::SOFTENED,
        Parameter::may(
            "since",
            Text::Any,
            "Made at or after: a time, UTC where it has no zone, or how long ago.",
        ),
        Parameter::may(
            "until",
            Text::Any,
            "Made before: a time, UTC where it has no zone, or how long ago.",
        ),
        api::BEFORE,
    ])
    .refusing(&[404, 503]);

/// What the list of tickets can be asked for.
pub(super) const TICKETS: Offer = PLAIN
    .asked(&[Parameter::may("state", Text::Word(State::TEXTS), "Where they stand."), api::BEFORE]);

/// What the list of dead letters can be asked for.
pub(super) const LETTERS: Offer = PLAIN.asked(&[
    api::BEFORE,
    Parameter::may("replayed", Text::Id, "The delivery that was just sent down the road again."),
]);

/// What the ledger's page can be asked for.
pub(super) const LEDGER: Offer =
    PLAIN.asked(&[Parameter::may("show", Text::Word(Sort::TEXTS), "Which entries."), api::BEFORE]);

fn pairs(call: &Call) -> Pairs {
    Pairs::read(call.head.uri.query().unwrap_or_default().as_bytes())
}

/// The place where the page before ended.
fn before(pairs: &Pairs) -> Result<Option<u64>, Problem> {
    api::before(pairs)
}

/// A page, written with the forms' token of the call's session.
fn page(house: &House, call: &Call, write: impl FnOnce(&Desk<'_>) -> String) -> Answer {
    let token: FormToken = house.doorkeeper.form_token(&call.head.headers);
    let desk = Desk { token: &token, brake: house.brake(), now: house.gateway.clock.now() };
    answer::console(StatusCode::OK, write(&desk))
}

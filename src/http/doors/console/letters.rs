//! Dead letters.

use crate::http::answer::Answer;
use crate::http::console::letters;
use crate::http::console::letters::Listing;
use crate::http::doors::House;
use crate::http::doors::call::Call;
use crate::http::doors::console;
use crate::http::problem::Problem;

/// Dead letters, newest first.
pub(in crate::http::doors) async fn list(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = console::pairs(call);
    let before = console::before(&pairs)?;
    let replayed = pairs.parsed("replayed", "the id of a delivery", |text| text.parse().ok())?;
    let letters = house.gateway.dead_letters_before(before, console::ROWS).await?;
    let next = letters.last().filter(|_| letters.len() == console::ROWS).map(|last| last.place);
    let listing = Listing { letters, before, next, replayed };
    Ok(console::page(house, call, |desk| letters::page(desk, &listing)))
}

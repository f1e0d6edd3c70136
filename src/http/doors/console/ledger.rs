//! The ledger.

use crate::http::answer::Answer;
use crate::http::console::record;
use crate::http::console::record::Shown;
use crate::http::console::record::Sort;
use crate::http::doors::House;
use crate::http::doors::call::Call;
use crate::http::doors::console;
use crate::http::problem::Problem;

/// Where it stands, and its newest entries.
pub(in crate::http::doors) async fn show(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = console::pairs(call);
    let sort = pairs.parsed("show", &Sort::TEXTS.join(", "), Sort::from_text)?;
    let (sort, before) = (sort.unwrap_or(Sort::Changes), console::before(&pairs)?);
    let gateway = &house.gateway;
    let (entries, next) = gateway.entries_seen(sort.kinds(), before, console::ROWS).await?;
    let shown = Shown { ledger: gateway.ledger_seen().await?, sort, entries, before, next };
    Ok(console::page(house, call, |desk| record::page(desk, &shown)))
}

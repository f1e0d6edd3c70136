//! `portcullis decision …`: searches, shows and follows decisions, of a gateway or of its store.

mod wanted;
mod watch;

use std::process::ExitCode;

use serde_json::Value;
use serde_json::json;

use crate::cli::Decision;
use crate::cli::DecisionFilter;
use crate::cli::DecisionPage;
use crate::cli::Format;
use crate::cli::ReadReach;
use crate::json::at;
use crate::operator::Failed;
use crate::operator::from_store::Reading;
use crate::operator::read;
use crate::operator::rows;
use crate::operator::second;
use crate::operator::show;
use crate::operator::table::listing;
use crate::operator::text;

pub use wanted::Paging;
pub use wanted::filter_for;
pub use wanted::graph;
pub use wanted::query;

/// Most rows a gateway gives at a time.
const PAGE: u32 = 200;

/// `portcullis decision …`
pub async fn run(command: Decision) -> ExitCode {
    match command {
        Decision::List { filter, page, reach } => {
            let answer = list(&filter, &page, &reach).await;
            let next = answer.as_ref().ok().and_then(|answer| at(answer, "/next").as_u64());
            // A list that was narrowed says nothing of whether there are any.
            let is_all = filter == DecisionFilter::default() && page.until.is_none();
            let none = if is_all { "no decision yet" } else { "no decision is like that" };
            let in_words =
                |answer: &Value| listing(rows(answer, "decisions").iter().map(entry), none);
            let code = show(reach.reach.format, answer, in_words);
            if let (Format::Text, Some(next)) = (reach.reach.format, next) {
                eprintln!("There are more: add --before {next}");
            }
            code
        }
        Decision::Show { id, markdown, reach } => {
            let answer = read(&reach, Reading::Decision(&id)).await;
            let form = if markdown { "markdown" } else { "text" };
            show(reach.reach.format, answer, |answer| text(answer, form))
        }
        Decision::Watch { filter, count, reach } => watch::run(&filter, count, &reach).await,
    }
}

/// Pages until enough is there.
async fn list(
    filter: &DecisionFilter,
    page: &DecisionPage,
    reach: &ReadReach,
) -> Result<Value, Failed> {
    let (mut found, mut before) = (Vec::new(), page.before);
    loop {
        let left = page.limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        let paging = Paging { until: page.until.clone(), before, limit: left.min(PAGE) };
        let answer = read(reach, Reading::Decisions(filter, &paging)).await?;
        found.extend(rows(&answer, "decisions"));
        before = at(&answer, "/next").as_u64();
        if before.is_none() || found.len() >= page.limit as usize {
            return Ok(json!({"decisions": found, "next": before}));
        }
    }
}

/// One decision in a list: when and what, where, why.
fn entry(row: &Value) -> [String; 3] {
    let of = |member: &str| text(row, member);
    let answered = format!("{} → {}", of("verdict").to_uppercase(), of("effect"));
    let head =
        format!("{}  {answered:<17} {:<8}  {}", second(row, "at"), of("binds"), of("decision"));
    let place = [of("event"), of("repository"), short_ref(&of("ref"))];
    let place: Vec<String> = place.into_iter().filter(|word| !word.is_empty()).collect();
    [head, place.join("  "), of("reason")]
}

/// A ref as people say it.
fn short_ref(name: &str) -> String {
    name.trim_start_matches("refs/heads/").trim_start_matches("refs/").to_owned()
}

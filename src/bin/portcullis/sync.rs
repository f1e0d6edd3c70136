//! `portcullis sync`: reads a Bitbucket now. First the plan and its price, then how far it is.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use crate::cli::Format;
use crate::cli::Sync;
use crate::client::ApiError;
use crate::client::Operator;
use crate::json::at;
use crate::layout::wrapped;
use crate::operator::Failed;
use crate::operator::rows;
use crate::operator::second;
use crate::operator::table::table;
use crate::operator::text;
use crate::terminal;

/// How often the gateway is asked how far it is.
const LOOK: Duration = Duration::from_millis(300);

/// Width of the bar.
const BAR: u64 = 30;

/// Runs the command.
pub async fn run(sync: Sync) -> ExitCode {
    match synced(&sync).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("portcullis: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Whether it was read to its end.
async fn synced(sync: &Sync) -> Result<bool, Failed> {
    let said = |error: ApiError| error.to_string();
    let operator = Operator::new(&sync.reach.gate).map_err(said)?;
    let id = connection(&operator, sync.id.as_deref()).await?;
    let path = format!("connections/{id}/sync");
    let mut now = operator.post_long(&path, &json!({"reason": sync.reason})).await.map_err(said)?;
    if sync.reach.format == Format::Text {
        println!("{}", plan(&now));
    }
    while !sync.no_wait && ["waiting", "running"].contains(&text(&now, "state").as_str()) {
        draw(&now);
        tokio::time::sleep(LOOK).await;
        now = operator.get(&path, &[]).await.map_err(said)?;
    }
    if !sync.no_wait && terminal::can_draw() {
        eprint!("\r\x1b[2K");
    }
    match sync.reach.format {
        Format::Json => println!("{now}"),
        Format::Text if !sync.no_wait => println!("{}", end(&now)),
        Format::Text => {}
    }
    Ok(text(&now, "state") != "failed")
}

/// The connection that is meant: the one named, or the only one.
async fn connection(operator: &Operator, told: Option<&str>) -> Result<String, Failed> {
    let all = operator.get("connections", &[]).await.map_err(|error| error.to_string())?;
    let known: Vec<String> = rows(&all, "connections").iter().map(|one| text(one, "id")).collect();
    match (told, known.as_slice()) {
        (Some(told), known) if known.iter().any(|id| id == told) => Ok(told.to_owned()),
        (Some(told), _) => Err(format!("there is no connection `{}`", told.escape_debug())),
        (None, [only]) => Ok(only.clone()),
        (None, known) => Err(format!("say which connection: {}", known.join(", "))),
    }
}

fn plan(now: &Value) -> String {
    let plan = at(now, "/plan");
    let number = |member: &str| at(plan, &format!("/{member}")).as_u64();
    let row = |line: &Value| {
        let calls = at(line, "/calls").as_u64().unwrap_or_default().to_string();
        [text(line, "what"), text(line, "class"), calls]
    };
    let reads = rows(plan, "reads");
    let mut lines = vec![table(&["what is read", "class", "calls"], reads.iter().map(row), "")];
    let calls = number("calls").unwrap_or_default();
    let seconds = number("seconds").unwrap_or_default();
    let mut say = |said: String| lines.extend(wrapped(&said, 0));
    say(format!(
        "about {calls} calls, counted by {}: {} at the present budget",
        text(plan, "counted_by"),
        length(seconds)
    ));
    if let Some(assumed) = at(plan, "/assumed").as_str() {
        say(format!("assumed: {assumed}"));
    }
    if let (Some(all), Some(kept), Some(checks)) =
        (number("calls_an_hour"), number("kept_for_checks"), number("checks_an_hour"))
    {
        say(format!(
            "of {all} calls an hour, {kept} are kept for live checks: that is {checks} checks an hour while a reading uses up the rest"
        ));
    }
    say(format!("what would raise it: {}", text(plan, "raise")));
    lines.join("\n")
}

fn length(seconds: u64) -> String {
    match seconds {
        0..=89 => format!("{seconds} s"),
        90..=5_399 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{:.1} h", Duration::from_secs(seconds).as_secs_f64() / 3_600.0),
    }
}

/// One line that is drawn over, on a terminal only.
fn draw(now: &Value) {
    if !terminal::can_draw() {
        return;
    }
    let done = at(now, "/calls").as_u64().unwrap_or_default();
    let all = at(now, "/plan/calls").as_u64().unwrap_or_default().max(1);
    let full = (done.min(all) * BAR) / all;
    let bar: String = (0..BAR).map(|at| if at < full { '#' } else { '.' }).collect();
    eprint!("\r\x1b[2K[{bar}] {done} of about {all} calls, {}", text(now, "state"));
    // What cannot be drawn is not missed.
    let _ = std::io::stderr().flush();
}

fn end(now: &Value) -> String {
    let calls = at(now, "/calls").as_u64().unwrap_or_default();
    let unknown = at(now, "/unknown").as_u64().unwrap_or_default();
    match text(now, "state").as_str() {
        "failed" => format!("it failed after {calls} calls: {}", text(now, "why")),
        _ => format!(
            "read with {calls} calls, as of {}; {unknown} facts stay unknown: `portcullis doctor` says what would make them known",
            second(now, "as_of")
        ),
    }
}

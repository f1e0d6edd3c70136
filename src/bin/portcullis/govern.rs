//! `portcullis pause|resume` and `policy promote|demote|modes`: how a gate behaves, changed through its API so that every
//! change is in the record.

use std::process::ExitCode;

use serde_json::Value;
use serde_json::json;

use crate::cli::Demote;
use crate::cli::Format;
use crate::cli::Pause;
use crate::cli::Promote;
use crate::cli::Reach;
use crate::cli::Resume;
use crate::client::Operator;
use crate::json::at;
use crate::operator::Failed;
use crate::operator::rows;
use crate::operator::second;
use crate::operator::show;
use crate::operator::table::listing;
use crate::operator::table::table;
use crate::operator::text;

fn operator(reach: &Reach) -> Result<Operator, Failed> {
    Operator::new(&reach.gate).map_err(|error| error.to_string())
}

/// `portcullis pause`
pub async fn pause(pause: Pause) -> ExitCode {
    show(pause.reach.format, paused(&pause).await, pause_in_words)
}

async fn paused(pause: &Pause) -> Result<Value, Failed> {
    let operator = operator(&pause.reach)?;
    let answer = match (&pause.confirm, pause.status) {
        (Some(id), _) => operator.post(&format!("pause/{id}/confirm"), &json!({})).await,
        (None, true) => operator.get("pause", &[]).await,
        (None, false) => {
            let seconds = pause.length.unwrap_or_default().as_secs();
            let reason = pause.reason.as_deref().unwrap_or_default();
            let wish = json!({"for": format!("{seconds}s"), "reason": reason});
            operator.post("pause", &wish).await
        }
    };
    answer.map_err(|error| error.to_string())
}

/// `portcullis resume`
pub async fn resume(resume: Resume) -> ExitCode {
    let ended = async {
        let body = json!({"reason": resume.reason});
        let answer = operator(&resume.reach)?.delete_with("pause", &body).await;
        answer.map_err(|error| error.to_string())
    };
    show(resume.reach.format, ended.await, |_| {
        "The gate is not paused any more: rules bite again as their modes say.".to_owned()
    })
}

fn pause_in_words(answer: &Value) -> String {
    let pause = at(answer, "/pause");
    if pause.is_null() {
        return "The gate is not paused.".to_owned();
    }
    let by = match at(pause, "/second").as_str() {
        Some(second) => format!("by {} and {second}", text(pause, "by")),
        None => format!("by {}", text(pause, "by")),
    };
    let reason = text(pause, "reason");
    let id = text(pause, "id");
    let lines = if at(answer, "/paused") == true {
        vec![
            format!("The gate is paused until {}, {by}: {reason}", second(pause, "until")),
            "Everything is decided and recorded; nothing is held back. It ends by itself, or with `portcullis resume`.".to_owned(),
        ]
    } else {
        vec![
            format!("A pause is asked for {by}, and is not in force: {reason}"),
            format!("A second person agrees with `portcullis pause --confirm {id}`."),
        ]
    };
    listing(std::iter::once(lines), "")
}

/// `portcullis policy modes`
pub async fn modes(reach: &Reach) -> ExitCode {
    let answer =
        async { operator(reach)?.get("modes", &[]).await.map_err(|error| error.to_string()) };
    show(reach.format, answer.await, modes_in_words)
}

fn modes_in_words(answer: &Value) -> String {
    let of = |connection: &Value| {
        let id = text(connection, "connection");
        let row = |place: String| {
            move |rule: &Value| [place.clone(), text(rule, "rule"), text(rule, "mode")]
        };
        let whole: Vec<_> = rows(connection, "rules").iter().map(row(id.clone())).collect();
        let classes = rows(connection, "classes").into_iter().flat_map(move |class| {
            let place = format!("{id} class:{}", text(&class, "class"));
            rows(&class, "rules").iter().map(row(place)).collect::<Vec<_>>()
        });
        whole.into_iter().chain(classes).collect::<Vec<_>>()
    };
    let all = rows(answer, "connections");
    let none = "no connection is configured";
    table(&["connection", "rule", "mode"], all.iter().flat_map(of), none)
}

/// `portcullis policy promote`: shows whom the rules would have held up, and enforces them only with `--yes`.
pub async fn promote(promote: &Promote) -> ExitCode {
    match promoted(promote).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("portcullis: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn promoted(promote: &Promote) -> Result<(), Failed> {
    let operator = operator(&promote.reach)?;
    let Scope { connection, class } = scope(&operator, &promote.scope).await?;
    let query = [
        ("rules", promote.rules.clone()),
        ("scope", connection.clone()),
        ("class", class.clone().unwrap_or_default()),
        ("window", format!("{}s", promote.window.as_secs())),
        ("limit", promote.limit.to_string()),
        ("skip", promote.skip.to_string()),
    ];
    let impact = operator.get("modes/impact", &query).await.map_err(|error| error.to_string())?;
    let place = format!("`{}` on {connection}{}", promote.rules, of_class(class.as_deref()));
    if promote.reach.format == Format::Text {
        println!("{}", impact_in_words(&impact, &place));
    }
    let changed = if promote.yes {
        let wish = json!({
            "rules": promote.rules, "scope": connection, "class": class, "mode": "enforce",
            "reason": promote.reason,
            "since": at(&impact, "/since"), "until": at(&impact, "/until"),
        });
        Some(operator.post("modes", &wish).await.map_err(|error| error.to_string())?)
    } else {
        None
    };
    match (promote.reach.format, &changed) {
        (Format::Json, _) => {
            let setting = changed.as_ref().map(|changed| at(changed, "/setting"));
            println!("{}", json!({"impact": impact, "setting": setting}));
        }
        (Format::Text, Some(_)) => println!("{place} is enforced from now on."),
        (Format::Text, None) => {
            println!("Nothing is changed yet: --yes enforces {place}.");
        }
    }
    Ok(())
}

/// Where rules are taken otherwise.
struct Scope {
    connection: String,
    class: Option<String>,
}

/// What a scope that is a class begins with.
const CLASS: &str = "class:";

fn of_class(class: Option<&str>) -> String {
    class.map(|class| format!(", repositories of class {class}")).unwrap_or_default()
}

/// The scope that is meant: the connection that is named, or the only one; and a class, if one is.
async fn scope(operator: &Operator, told: &[String]) -> Result<Scope, Failed> {
    let (classes, connections): (Vec<&String>, Vec<&String>) =
        told.iter().partition(|one| one.starts_with(CLASS));
    let class = match classes.as_slice() {
        [] => None,
        [one] => one.strip_prefix(CLASS).map(str::to_owned),
        [..] => return Err("one class at a time: --scope class:… stands there twice".to_owned()),
    };
    let connection = match connections.as_slice() {
        [] => only_connection(operator).await?,
        [one] => (*one).clone(),
        [..] => return Err("one connection at a time: --scope names two".to_owned()),
    };
    Ok(Scope { connection, class })
}

async fn only_connection(operator: &Operator) -> Result<String, Failed> {
    let modes = operator.get("modes", &[]).await.map_err(|error| error.to_string())?;
    let known: Vec<String> =
        rows(&modes, "connections").iter().map(|one| text(one, "connection")).collect();
    match known.as_slice() {
        [only] => Ok(only.clone()),
        _ => Err(format!("say on which connection with --scope: {}", known.join(", "))),
    }
}

fn impact_in_words(impact: &Value, place: &str) -> String {
    let decisions = rows(impact, "decisions");
    let entries = decisions.iter().map(held_in_words);
    let next = at(impact, "/next").as_u64();
    let more = next.map(|next| vec![format!("and more: --skip {next}")]);
    listing(std::iter::once(counts_in_words(impact, place)).chain(entries).chain(more), "")
}

fn counts_in_words(impact: &Value, place: &str) -> Vec<String> {
    let number = |member: &str| at(impact, &format!("/{member}")).as_u64().unwrap_or_default();
    let (since, until) = (second(impact, "since"), second(impact, "until"));
    let mut lines = vec![
        format!("{place}, decisions from {since} to {until}"),
        format!(
            "would have been stopped: {}, would have waited for an approval: {}",
            number("would_stop"),
            number("would_wait")
        ),
    ];
    let late = number("too_late");
    if late > 0 {
        lines.push(format!(
            "{late} of them had happened when the gate heard of it: the verdict would have come too late"
        ));
    }
    if at(impact, "/more") == true {
        let looked = number("looked");
        lines.push(format!("only {looked} decisions were looked at: choose a shorter --window"));
    }
    let off: Vec<String> = rows(impact, "not_asked").iter().map(one_word).collect();
    if !off.is_empty() {
        lines.push(format!("off, so what they would have said is not known: {}", off.join(", ")));
    }
    lines
}

fn one_word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn held_in_words(held: &Value) -> Vec<String> {
    let of = |member: &str| text(held, member);
    let first = format!(
        "{}  {:<4}  {:<8}  {}",
        second(held, "at"),
        of("effect"),
        of("binds"),
        of("decision")
    );
    let actor = match at(held, "/actor").as_str() {
        Some(actor) => actor.to_owned(),
        None => "(nobody named, or erased)".to_owned(),
    };
    let place = [of("event"), of("repository"), actor];
    let place: Vec<String> = place.into_iter().filter(|word| !word.is_empty()).collect();
    let rules = rows(held, "rules").into_iter().map(|rule| {
        let reason = match at(&rule, "/reason").as_str() {
            Some(reason) => reason.to_owned(),
            None => "(erased)".to_owned(),
        };
        format!("{} ({}): {reason}", text(&rule, "rule"), text(&rule, "verdict"))
    });
    [first, place.join(" · ")].into_iter().chain(rules).collect()
}

/// `portcullis policy demote`
pub async fn demote(demote: &Demote) -> ExitCode {
    let answer = async {
        let operator = operator(&demote.reach)?;
        let Scope { connection, class } = scope(&operator, &demote.scope).await?;
        let wish = json!({
            "rules": demote.rules, "scope": connection, "class": class, "mode": "shadow",
            "reason": demote.reason,
        });
        operator.post("modes", &wish).await.map_err(|error| error.to_string())
    };
    show(demote.reach.format, answer.await, |answer| {
        let setting = at(answer, "/setting");
        let (rules, class) = (text(setting, "rules"), at(setting, "/class").as_str());
        let scope = format!("{}{}", text(setting, "scope"), of_class(class));
        format!(
            "`{rules}` on {scope} is in shadow from now on: asked and recorded, stopping nobody."
        )
    })
}

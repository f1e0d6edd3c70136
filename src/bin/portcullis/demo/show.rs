//! What the demo prints: each decision as rule → reason → proof → controls, and a table of all at the end. Data on
//! standard output, the rest beside it.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;

use portcullis::decision::Binds;
use portcullis::decision::narrative::Narrative;
use portcullis::decision::narrative::RuleStory;
use portcullis::gateway::telling::Told;
use portcullis::policy::Verdict;

use crate::assembly::Running;
use crate::config::variable;
use crate::demo::company::Cast;
use crate::layout::cut;
use crate::layout::labelled;
use crate::layout::wrapped;

/// Remedies that are printed of one decision; the record holds all.
const REMEDIES: usize = 2;

/// A decision in the closing table.
pub struct Row {
    /// Its place, from 1.
    pub number: usize,
    /// `Cloud` or `Data Center`.
    pub product: &'static str,
    /// What happened, in the tour's words.
    pub what: String,
    /// What the rules say.
    pub verdict: Verdict,
    /// What follows.
    pub effect: String,
    /// How far it reaches.
    pub binds: Binds,
    /// Whether it was the expected one.
    pub good: bool,
}

fn colours() -> bool {
    std::io::stdout().is_terminal() && variable("NO_COLOR").is_none()
}

pub fn painted(text: &str, code: &str) -> String {
    if colours() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

fn faint(text: &str) -> String {
    painted(text, "2")
}

const fn colour(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "1;32",
        Verdict::Alert => "1;33",
        Verdict::Approve => "1;34",
        Verdict::Block => "1;31",
    }
}

fn word(verdict: Verdict) -> String {
    painted(&verdict.to_string().to_uppercase(), colour(verdict))
}

/// Before the tour.
pub fn opening(running: &Running, cast: &Cast) {
    let graph = running.gateway.graph.load();
    let greeting = format!(
        "Acme is a made-up company on a simulated Bitbucket, Cloud and Data Center, on this machine only. The gate guards \
         both: it has read who may do what ({} things known), and every webhook and step token is a real, signed one. \
         Nadia owns the workspace, Ravi develops, Mia and Omar are release managers.",
        graph.count()
    );
    for line in wrapped(&greeting, 0) {
        println!("{line}");
    }
    println!("\nBeside each verdict stands how far it reaches:");
    for binds in [Binds::Prevents, Binds::Gates, Binds::Signals, Binds::After] {
        print!("{}", labelled(&binds.to_string(), binds.in_words()));
    }
    // Ids differ each run: nothing in the demo is looked up by a fixed one.
    tracing::debug!(nadia = %cast.nadia, "cast");
}

/// A scene begins.
pub fn scene(title: &str) {
    println!("\n{}", painted(title, "1"));
}

/// A decision. What an earlier one told word for word is not told again: `as_in` is that one's number.
pub fn decision(number: usize, told: &Told, as_in: Option<usize>) {
    let (public, story) = (&told.record.public, &told.story);
    println!("{number:>3} {} → {}   {}", word(public.verdict), public.effect, faint(story.binds));
    for line in wrapped(&story.reason, 4) {
        println!("{line}");
    }
    match as_in {
        Some(earlier) => {
            println!("    {}", faint(&format!("rules, proof and controls as in {earlier}")));
        }
        None => rules_and_controls(story),
    }
    story.because.iter().for_each(|because| labelled_if("softened", because));
    labelled_if("kept as", &public.decision.to_string());
}

fn rules_and_controls(story: &Narrative) {
    let spoke = story.rules.iter().filter(|rule| rule.verdict.is_some());
    spoke.for_each(|rule| rule_lines(rule, &story.reason));
    silent(&story.rules);
    let controls =
        story.controls.iter().map(|(framework, ids)| format!("{framework} {}", ids.join(", ")));
    labelled_if("supports", &controls.collect::<Vec<_>>().join(" · "));
    let mut remedies = story.remedies.iter();
    remedies.by_ref().take(REMEDIES).for_each(|remedy| labelled_if("what now", remedy));
    let more = remedies.count();
    if more > 0 {
        labelled_if("", &format!("… and {more} more in the record"));
    }
}

fn rule_lines(rule: &RuleStory, reason: &str) {
    let not_sure = if rule.outcome == "could-not-tell" { "  (could not tell)" } else { "" };
    labelled_if("rule", &format!("{}: {}{not_sure}", rule.rule, rule.title));
    // The sentence above is one of the reasons: it is not said twice.
    let others = rule.reasons.iter().filter(|told| !reason.ends_with(told.as_str()));
    others.for_each(|told| labelled_if("reason", told));
    let mut label = "proof";
    for (path, value) in &rule.facts {
        labelled_if(std::mem::take(&mut label), &format!("{path} = {value}"));
    }
}

/// The rules that were asked and found nothing, by what became of them.
fn silent(rules: &[RuleStory]) {
    let mut by_outcome: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for rule in rules.iter().filter(|rule| rule.verdict.is_none()) {
        by_outcome.entry(rule.outcome).or_default().push(&rule.rule);
    }
    for (outcome, rules) in by_outcome {
        let outcome = outcome.replace('-', " ");
        labelled_if("asked too", &format!("{} ({outcome})", rules.join(", ")));
    }
}

pub fn labelled_if(label: &str, text: &str) {
    if !text.is_empty() {
        print!("{}", labelled(label, text));
    }
}

/// Something the tour claims beside the decisions.
pub fn claim(holds: bool, text: &str) {
    let (mark, code) = if holds { ("✓", "32") } else { ("✗", "31") };
    for (at, line) in wrapped(text, 6).iter().enumerate() {
        let mark = if at == 0 { painted(mark, code) } else { " ".to_owned() };
        println!("    {mark} {}", line.trim_start());
    }
}

/// A command that the tour runs.
pub fn command(line: &str) {
    println!("    {}", painted(&format!("$ {line}"), "36"));
}

/// Every decision in one table.
pub fn summary(rows: &[Row]) {
    println!(
        "\n{}",
        painted(&line("#", "product", "what happened", "verdict → effect", "reach"), "1")
    );
    for row in rows {
        let answer = format!("{} → {}", word(row.verdict), row.effect);
        // Colour codes take no room on the screen, so the padding is counted without them.
        let width = row.verdict.to_string().len() + 3 + row.effect.len();
        let answer = format!("{answer}{}", " ".repeat(17_usize.saturating_sub(width)));
        let mark = if row.good { "" } else { "  ✗" };
        println!(
            "{}{mark}",
            line(&row.number.to_string(), row.product, &row.what, &answer, row.binds.as_str())
        );
    }
    let of = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    let (allow, alert, approve, block) =
        (of(Verdict::Allow), of(Verdict::Alert), of(Verdict::Approve), of(Verdict::Block));
    println!(
        "\n{} decisions: {allow} allow, {alert} alert, {approve} approve, {block} block.",
        rows.len()
    );
}

fn line(number: &str, product: &str, what: &str, answer: &str, reach: &str) -> String {
    format!("{number:>3} {product:<12} {:<54} {answer:<17} {reach}", cut(what, 54))
}

/// After the tour.
pub async fn closing(running: &Running, good: bool) {
    if let Err(error) = running.gateway.sign().await {
        println!("   the ledger's last checkpoint could not be signed: {error}");
    }
    if let Ok(Some(checkpoint)) = running.gateway.checkpoint().await {
        let lines: Vec<&str> = checkpoint.lines().take(3).collect();
        println!(
            "The ledger holds {} entries, root {}.",
            lines.get(1).unwrap_or(&"?"),
            lines.get(2).unwrap_or(&"?")
        );
        println!("Its key is {}", running.gateway.verifier_key());
    }
    println!(
        "{}",
        if good {
            "Every decision was the expected one."
        } else {
            "Something was not as expected: see the ✗ above."
        }
    );
}

/// A folder that stays can be looked at after the demo.
pub fn kept(data: &Path) {
    let store = data.join("demo.db").display().to_string();
    println!("\nThe store stays in {}. Look at it:", data.display());
    println!("  portcullis decision list --store sqlite:{store}");
    println!("  portcullis ledger export ledger --store sqlite:{store}");
}

/// The demo stays open for looking around.
pub fn stays_open(running: &Running, data: &Path) {
    println!("\nThe company stays open until Ctrl-C.");
    if let Some(link) = running.login_link() {
        println!("  console   {link}  (opens once)");
    }
    let reach = format!("--gateway http://{} --data {}", running.operator, data.display());
    println!("  From another terminal:");
    println!("  portcullis decision list {reach}");
    println!("  portcullis findings list {reach}");
    println!("  portcullis who-can write repository:acme/billing {reach}");
}

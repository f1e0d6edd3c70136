//! What the demo prints: each decision as rule → reason → proof → controls. Data on standard output, the rest beside it.

use std::io::IsTerminal;
use std::path::Path;

use portcullis::decision::narrative::shown;
use portcullis::gateway::telling::Told;
use portcullis::policy::Verdict;

use crate::assembly::Running;
use crate::config::variable;
use crate::demo::company::Cast;

fn colours() -> bool {
    std::io::stdout().is_terminal() && variable("NO_COLOR").is_none()
}

fn painted(text: &str, code: &str) -> String {
    if colours() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

fn word(verdict: Verdict) -> String {
    let (text, code) = match verdict {
        Verdict::Allow => (" ALLOW   ", "30;42"),
        Verdict::Alert => (" ALERT   ", "30;43"),
        Verdict::Approve => (" APPROVE ", "37;44"),
        Verdict::Block => (" BLOCK   ", "37;41"),
    };
    painted(text, code)
}

/// Before the tour.
pub fn opening(running: &Running, cast: &Cast) {
    let graph = running.gateway.graph.load();
    println!(
        "Acme is a made-up company on a simulated Bitbucket: Cloud and Data Center, on this machine only."
    );
    println!(
        "The gate guards both. It has read who may do what ({} things known); webhooks and step tokens are real.",
        graph.count()
    );
    println!("Nadia owns the workspace, Ravi develops, Mia and Omar are release managers.");
    // Ids differ each run: nothing in the demo is looked up by a fixed one.
    tracing::debug!(nadia = %cast.nadia, "cast");
}

/// A scene begins.
pub fn scene(title: &str) {
    println!("\n{}", painted(title, "1"));
}

/// A decision.
pub fn decision(told: &Told) {
    let public = &told.record.public;
    println!("{} {}  {}", word(public.verdict), public.effect, shown(&told.story.reason));
    for rule in told.story.rules.iter().filter(|rule| rule.verdict.is_some()) {
        println!("   rule      {} ({}): {}", rule.rule, rule.outcome, rule.title);
        rule.reasons.iter().for_each(|reason| println!("   reason    {}", shown(reason)));
        for (path, value) in &rule.facts {
            println!("   proof     {path} = {}", shown(value));
        }
        let controls: Vec<String> = rule
            .controls
            .iter()
            .map(|(framework, ids)| format!("{framework} {}", ids.join(", ")))
            .collect();
        println!("   supports  {}", controls.join(" · "));
    }
    let silent: Vec<&str> = told
        .story
        .rules
        .iter()
        .filter(|rule| rule.verdict.is_none())
        .map(|rule| rule.rule.as_str())
        .collect();
    if !silent.is_empty() {
        println!("   asked too {}", silent.join(", "));
    }
    for because in &told.story.because {
        println!("   softened  {because}");
    }
    for remedy in &told.story.remedies {
        println!("   what now  {remedy}");
    }
    println!("   reach     {}: {}", told.story.binds, told.story.reach);
    println!("   kept as   {}", public.decision);
}

/// Something the tour claims beside the decisions.
pub fn claim(holds: bool, text: &str) {
    let mark = if holds { painted("   ✓", "32") } else { painted("   ✗", "31") };
    println!("{mark} {text}");
}

/// After the tour.
pub async fn closing(running: &Running, good: bool) {
    if let Err(error) = running.gateway.sign().await {
        println!("   the ledger's last checkpoint could not be signed: {error}");
    }
    if let Ok(Some(checkpoint)) = running.gateway.checkpoint().await {
        let lines: Vec<&str> = checkpoint.lines().take(3).collect();
        println!(
            "\nThe ledger stands at {} entries, root {}.",
            lines.get(1).unwrap_or(&"?"),
            lines.get(2).unwrap_or(&"?")
        );
        println!("Its key: {}", running.gateway.verifier_key());
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

/// The demo stays open for looking around.
pub fn stays_open(running: &Running, data: &Path) {
    println!("\nThe company stays open until Ctrl-C.");
    if let Some(link) = running.login_link() {
        println!("  console   {link}  (opens once)");
    }
    println!("  from another terminal:");
    println!(
        "  portcullis decision list --gateway http://{} --data {}",
        running.operator,
        data.display()
    );
}

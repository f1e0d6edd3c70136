//! `check.sh`, the question in POSIX sh and curl: in every shell it asks what the compiled client asks, ends with its exit
//! code and its last line, and shows the token to nobody. And the pipe around it.

mod clients;
mod ear;

use std::process::Stdio;

use portcullis::simulator::git::Change;
use serde_json::Value;
use serde_json::json;
use tokio::process::Command;
use tokio::task::JoinSet;

use super::rig::BILLING;
use super::rig::DATACENTER;
use super::rig::Gate;
use super::rig::LEDGER;
use super::rig::OTHER_DATACENTER;
use super::rig::Step;
use super::rig::portcullis;
use super::rig::said;
use super::rig::until;

use clients::Client;
use clients::alike;
use clients::clients;
use clients::find;
use clients::pipe;
use clients::shells;
use ear::Ear;
use ear::http;

const PRODUCTION: &[&str] = &["--action", "deploy", "--environment", "production"];
const STAGING: &[&str] = &["--action", "deploy", "--environment", "staging"];
const DEPLOY: &[&str] = &["--action", "deploy"];

fn as_step<'a>(gate: &'a Gate, step: &'a Step) -> impl Fn(&mut Command) + 'a {
    move |command| {
        command
            .env("PORTCULLIS_URL", format!("http://{}/", gate.public))
            .env("BITBUCKET_STEP_OIDC_TOKEN", &step.token)
            .env("BITBUCKET_REPO_FULL_NAME", BILLING)
            .env("BITBUCKET_COMMIT", &step.commit)
            .env("BITBUCKET_PIPELINE_UUID", format!("{{{}}}", step.pipeline))
            .env("BITBUCKET_STEP_UUID", format!("{{{}}}", step.id))
            .env("BITBUCKET_BUILD_NUMBER", "412");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shell_ends_as_the_compiled_client_does() {
    let (gate, clients) = (Gate::start().await, clients());
    let (production, staging) = (gate.town.cast.production, gate.town.cast.staging);
    gate.town
        .simulator
        .cloud()
        .push(BILLING, gate.town.cast.ravi, &[Change::new_branch("x", "main", 1)])
        .await
        .unwrap();
    let main = |environment| gate.town.step("main", Some(environment));
    let (to_staging, to_production) = (main(staging), main(production));
    let proceed = alike(&clients, STAGING, as_step(&gate, &to_staging)).await;
    assert_eq!(proceed.code, 0, "{}", proceed.all());
    assert!(proceed.last().contains("/d/"), "{}", proceed.all());
    let wait = alike(&clients, PRODUCTION, as_step(&gate, &to_production)).await;
    assert!(wait.code == 11 && wait.last().contains("/t/"), "{}", wait.all());
    let feature = gate.town.step("x", Some(production));
    let stop = alike(&clients, PRODUCTION, as_step(&gate, &feature)).await;
    assert!(stop.code == 10 && stop.last().contains("/d/"), "{}", stop.all());

    let elsewhere = gate.town.step_for("https://other.example.com", "main", Some(staging));
    let stranger = Step { token: "x.y.z".to_owned(), ..to_staging.clone() };
    for (step, args, why) in [
        (&elsewhere, STAGING, "wrong audience"),
        (&stranger, STAGING, "no token at all"),
        (&to_staging, PRODUCTION, "another environment than the token's"),
        (&to_staging, &["--action", "Deploy!"], "no such action"),
        (&to_staging, &["--action=deploy", "--repository=acme/other"], "another repository"),
    ] {
        let args = [args, &["--on-error", "allow"]].concat();
        let refused = alike(&clients, &args, as_step(&gate, step)).await;
        assert_eq!(refused.code, 2, "{why}: {}", refused.all());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shell_waits_for_the_vote() {
    let gate = Gate::start().await;
    for shell in shells() {
        let client = Client::Shell(shell);
        for (vote, code) in [("approve", 0), ("deny", 12)] {
            let step = gate.town.step("main", Some(gate.town.cast.production));
            let mut command = client.command(&[PRODUCTION, &["--wait", "50s"]].concat());
            as_step(&gate, &step)(&mut command);
            let mut waiting = JoinSet::from_iter([said(command)]);
            let ticket = until("a ticket", async || {
                let tickets = gate.get("tickets?state=asked").await;
                tickets["tickets"][0]["id"].as_str().map(str::to_owned)
            })
            .await;
            let voted = gate.operate(&["ticket", vote, &ticket, "--reason", "because"]).await;
            assert_eq!(voted.code, 0, "{}", voted.all());
            let ended = waiting.join_next().await.unwrap().unwrap();
            assert_eq!(ended.code, code, "{} {vote}: {}", client.name(), ended.all());
            assert!(ended.err.contains(&ticket), "whoever waits is told for what: {}", ended.err);
            if vote == "deny" {
                assert!(ended.last().contains(&ticket), "{}", ended.all());
                assert!(ended.out.contains("refused"), "{}", ended.all());
                let mut again = Client::Compiled.command(PRODUCTION);
                as_step(&gate, &step)(&mut again);
                let later = said(again).await;
                assert_eq!(later.code, 12, "{}", later.all());
                assert_eq!(later.last(), ended.last(), "the same question stays refused");
            }
        }
        let step = gate.town.step("main", Some(gate.town.cast.production));
        let mut command = client.command(&[PRODUCTION, &["--wait", "1s"]].concat());
        as_step(&gate, &step)(&mut command);
        let out_of_time = said(command).await;
        assert_eq!(out_of_time.code, 11, "{}", out_of_time.all());
        let asked = gate.get("tickets?state=asked").await;
        let ticket = asked["tickets"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(gate.operate(&["ticket", "deny", &ticket]).await.code, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_another_ci_asks_on_data_center() {
    let (gate, clients) = (Gate::start().await, clients());
    let change = Change::new_branch("feature", "main", 1);
    gate.town.simulator.datacenter().push(LEDGER, "ravi", &[change]).await.unwrap();
    let (main, feature) = gate.town.simulator.company(|company| {
        let ledger = company.datacenter.repository(LEDGER).unwrap();
        let tip = |branch| ledger.git.resolve(branch).unwrap().hash.clone();
        (tip("main"), tip("feature"))
    });
    let token = async |repository: &str| {
        let made = ["token", "create", "--name", "jenkins", "--connection", DATACENTER];
        let made = [&made[..], &["--action", "publish", "--repository", repository]].concat();
        let made = gate.operate(&made).await;
        assert_eq!(made.code, 0, "{}", made.all());
        made.out.trim().to_owned()
    };
    let (ours, another) = (token(LEDGER).await, token(OTHER_DATACENTER).await);
    let run = "--run=https://ci.example.com/1?a=b&c=d";
    for (why, token, action, repository, commit, code) in [
        ("a release", &ours, "publish", LEDGER, &main, 0),
        ("a commit that main does not hold", &ours, "publish", LEDGER, &feature, 10),
        ("a commit nobody has", &ours, "publish", LEDGER, &"1".repeat(40), 10),
        ("an action outside the scope", &ours, "deploy", LEDGER, &main, 2),
        ("a repository outside the scope", &another, "publish", LEDGER, &main, 2),
        ("a repository nobody knows", &ours, "publish", "PAY/nothing", &main, 2),
    ] {
        let args = ["--action", action, "--repository", repository, "--commit", commit];
        let args = [&args[..], &["--branch", "main", run, "--on-error", "allow"]].concat();
        let told = alike(&clients, &args, |command| {
            // What a step has in its environment is not this caller's.
            command.env("PORTCULLIS_URL", format!("http://{}", gate.public));
            command.env("PORTCULLIS_TOKEN", format!(" {token}\n"));
            command.env("BITBUCKET_REPO_FULL_NAME", "PAY/other");
        })
        .await;
        assert_eq!(told.code, code, "{why}: {}", told.all());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_gate_on_error_decides() {
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    for (on_error, code) in [("block", 20), ("allow", 0)] {
        let args = [STAGING, &["--on-error", on_error]].concat();
        let told = alike(&clients(), &args, |command| {
            command.env("PORTCULLIS_URL", &nobody).env("BITBUCKET_STEP_OIDC_TOKEN", "x.y.z");
        })
        .await;
        assert_eq!(told.code, code, "{}", told.all());
        assert!(told.last().contains(&nobody), "{}", told.all());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_is_told_before_anything_is_sent() {
    let (ear, clients) = (Ear::answering(http(200, PROCEED)).await, clients());
    let good = ear.address.clone();
    let wrong: &[&[&str]] = &[
        &[],
        &["--action"],
        &["--action", "--wait", "5m"],
        &["--action", "a", "--action=b"],
        &["--action", "a", "b"],
        &["--action", "a", "--branch", "b", "--tag", "c"],
        &["--tag=b", "--action", "a", "--branch=c"],
        &["--action", "a", "--wait", "soon"],
        &["--action", "a", "--wait", "0m"],
        &["--action", "a", "--wait", "1.5h"],
        &["--action", "a", "--wait=m"],
        &["--action", "a", "--on-error", "maybe"],
        &["--action", "a", "--pull-request", "7a"],
        &["--action", "a", "--shell", "sh"],
    ];
    for args in wrong {
        let told = alike(&clients, args, |command| {
            command.env("PORTCULLIS_URL", &good).env("PORTCULLIS_TOKEN", "x");
        })
        .await;
        assert_eq!((told.code, told.out.as_str()), (2, ""), "{args:?}: {}", told.all());
    }
    let port = good.rsplit(':').next().unwrap();
    for (url, token) in [
        ("", "x"),
        ("ftp://127.0.0.1", "x"),
        ("http://gate.example.com", "x"),
        (&format!("http://127.0.0.1.example.com:{port}"), "x"),
        (&format!("http://user@127.0.0.1:{port}"), "x"),
        (&format!("http://127.0.0.1:{port}@example.com"), "x"),
        (&good, ""),
        (&good, " "),
        (&good, "x\"y"),
        (&good, "x\\y"),
    ] {
        let args = [DEPLOY, &["--on-error", "allow"]].concat();
        let told = alike(&clients, &args, |command| {
            command.env("PORTCULLIS_URL", url).env("PORTCULLIS_TOKEN", token);
        })
        .await;
        assert_eq!(told.code, 2, "{url} {token}: {}", told.all());
    }
    assert_eq!(ear.questions().len(), 0);
    let told = alike(&clients, DEPLOY, |command| {
        command.env("PORTCULLIS_URL", &good).env("PORTCULLIS_TOKEN", "x");
    })
    .await;
    assert_eq!(told.code, 0, "what is right is asked: {}", told.all());
    assert_eq!(ear.questions().len(), clients.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_text_arrives_as_it_is() {
    let (ear, clients) = (Ear::answering(http(200, PROCEED)).await, clients());
    let hostile = [
        "release/24.9",
        "fix/it's-\"quoted\"-\\and\\\\more",
        "a$(touch /tmp/x)`id`;${HOME}&&|<>*?[a-z]{b,c}~!#",
        "%s%n\\n\\t\\x41\\u0041",
        "Straße/日本語/🦀",
        " two  spaces, and one behind ",
        "a\nb\r\n\tc\u{1}\u{8}\u{b}\u{c}\u{1b}[31m\u{1f}\u{7f}\n\n",
        "\",\"environment\":\"staging",
        ".",
        "",
    ];
    let asked = async |args: &[&str], dress: &dyn Fn(&mut Command)| {
        ear.forget();
        let told = alike(&clients, args, |command| {
            command.env("PORTCULLIS_URL", &ear.address);
            dress(command);
        })
        .await;
        assert_eq!(told.code, 0, "{args:?}: {}", told.all());
        let questions = ear.questions();
        assert_eq!(questions.len(), clients.len());
        assert!(questions.windows(2).all(|two| two[0] == two[1]), "{args:?}: {questions:#?}");
        questions[0].clone()
    };
    for text in hostile {
        let (branch, reason) = (format!("--branch={text}"), format!("--reason={text}"));
        let args = ["--action", "deploy", &branch, &reason, "--variable", "A", "--variable", "B"];
        let question = asked(&args, &|command| {
            command.env("PORTCULLIS_TOKEN", "x").env("BITBUCKET_TAG", "not a step's");
        })
        .await;
        assert_eq!(
            (&question["step"]["branch"], &question["reason"]),
            (&json!(text), &json!(text))
        );
        assert_eq!(
            (&question["step"]["tag"], &question["variables"]),
            (&Value::Null, &json!(["A", "B"]))
        );
        let question = asked(DEPLOY, &|command| {
            command.env("BITBUCKET_STEP_OIDC_TOKEN", "x.y.z").env("BITBUCKET_BRANCH", text);
            command.env("BITBUCKET_PR_ID", "007").env("BITBUCKET_BUILD_NUMBER", "soon");
        })
        .await;
        let branch = if text.is_empty() { Value::Null } else { json!(text) };
        assert_eq!(question["step"]["branch"], branch);
        assert_eq!(
            (&question["step"]["pull_request"], &question["step"]["build"]),
            (&json!(7), &Value::Null)
        );
    }
    let flags = [
        "--environment=e",
        "--repository=r/s",
        "--commit=c",
        "--tag=t",
        "--pull-request=12",
        "--run=u",
    ];
    let question = asked(&[DEPLOY, &flags].concat(), &|command| {
        command.env("BITBUCKET_STEP_OIDC_TOKEN", "x.y.z").env("BITBUCKET_COMMIT", "another");
        command.env("BITBUCKET_PR_ID", "13").env("BITBUCKET_DEPLOYMENT_ENVIRONMENT", "another");
    })
    .await;
    assert_eq!(question["step"]["commit"], "c", "a flag beats the environment: {question}");
    assert_eq!(question["step"]["pull_request"], 12);
}

/// What a gate says that lets somebody go on.
const PROCEED: &str = r#"{"verdict":"allow","effect":"proceed","binds":"prevents","reason":"Good.","narrative":"https://g/d/1"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_no_gate_says_is_no_answer() {
    let clients = clients();
    let cut = &PROCEED[..PROCEED.len() - 1];
    let nested = r#"{"ticket":{"effect":"proceed"},"rules":[{"effect":"proceed"}],"effect":"stop","reason":"r","narrative":"n"}"#;
    let quoted =
        r#"{"effect":"stop","reason":"\",\"effect\":\"proceed\",\"x\":\"}{][","narrative":"n"}"#;
    let escapes = concat!(
        r#"{"effect":"stop","reason":"a\\b \"c\" \/ {d} [e] \u001b[31m\n\t\r\b\f\u009b\u007f \\n \\u001b Straße 日本語"#,
        "\u{9b}\u{7f}\u{85} 🦀\",\"narrative\":\"https://g/d/2\"}"
    );
    let pretty = "{\r\n \"effect\" : \"stop\" ,\n\t\"reason\": \"two  spaces\",\"rules\":[ [ ], { } ],\n\"narrative\":\"n\"\n}\n";
    let waits = r#"{"effect":"wait","reason":"r","narrative":"n","ticket":{"id":"0","url":"t","state":"STATE","why":"w"}}"#;
    let waiting = |state: &str| http(200, &waits.replace("STATE", state));
    let promised = format!("HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{PROCEED}").into_bytes();
    for (answer, code, last) in [
        (http(200, PROCEED), 0, "Good. https://g/d/1"),
        (http(200, nested), 10, "r n"),
        (http(200, quoted), 10, "\",\"effect\":\"proceed\",\"x\":\"}{][ n"),
        (http(200, escapes), 10, "Straße"),
        (http(200, pretty), 10, "two  spaces n"),
        (http(200, r#"{"effect":"proceed","effect":"stop"}"#), 10, ""),
        (http(200, r#"{"effect":"dance","reason":"r","narrative":"n"}"#), 20, "r n"),
        (http(200, r#"{"rules":[{"effect":"proceed"}]}"#), 20, ""),
        (http(200, "{}"), 20, ""),
        (waiting("asked"), 11, "r t"),
        (waiting("spent"), 12, "r t"),
        (http(200, "[]"), 0, "--on-error"),
        (http(200, "\"proceed\""), 0, "--on-error"),
        (http(200, cut), 0, "--on-error"),
        (http(200, &format!("{PROCEED},{PROCEED}")), 0, "--on-error"),
        (http(200, &PROCEED.replace('}', ",}")), 0, "--on-error"),
        (http(200, "<html>\"effect\":\"proceed\"</html>"), 0, "--on-error"),
        (http(200, ""), 0, "--on-error"),
        (http(204, ""), 0, "--on-error"),
        (http(302, PROCEED), 0, "--on-error"),
        (http(500, PROCEED), 0, "--on-error"),
        (http(503, r#"{"detail":"later"}"#), 0, "--on-error"),
        (promised, 0, "--on-error"),
        (b"nonsense\r\n".to_vec(), 0, "--on-error"),
        (Vec::new(), 0, "--on-error"),
        (http(400, PROCEED), 2, ""),
        (http(401, ""), 2, ""),
        (http(403, r#"{"detail":"no"}"#), 2, ""),
        (http(404, "<html>"), 2, ""),
        (http(429, ""), 2, ""),
    ] {
        let shown = String::from_utf8_lossy(&answer).into_owned();
        let ear = Ear::answering(answer).await;
        let args = [DEPLOY, &["--on-error", "allow"]].concat();
        let told = alike(&clients, &args, |command| {
            command.env("PORTCULLIS_URL", &ear.address).env("PORTCULLIS_TOKEN", "x");
        })
        .await;
        assert_eq!(told.code, code, "{shown}: {}", told.all());
        assert!(told.last().contains(last), "{shown}: {}", told.all());
        let bare = told.out.chars().filter(|c| c.is_control() && *c != '\n').count();
        assert_eq!(bare, 0, "{shown}: {:?}", told.out);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_seen_by_nobody() {
    for shell in shells() {
        let token = format!("pcs_{}", uuid::Uuid::new_v4().simple());
        let ear = Ear::looking(http(403, r#"{"detail":"no"}"#)).await;
        let mut command = Command::new(&shell.program);
        command.arg("-xv").arg(pipe("check.sh")).args(DEPLOY).env_clear().env("PATH", &shell.path);
        command.env("PORTCULLIS_URL", &ear.address).env("PORTCULLIS_TOKEN", &token);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let told = said(command).await;
        assert_eq!(told.code, 2, "{}: {}", shell.name, told.all());
        assert!(!told.all().contains(&token), "{}: {}", shell.name, told.all());
        let heard = ear.heard.lock().unwrap();
        assert!(heard[0].contains(&format!("Bearer {token}")), "it was sent: {}", heard[0]);
        let seen = ear.seen.lock().unwrap();
        assert!(seen.iter().any(|line| line.contains("portcullis-check.sh")), "curl was looked at");
        assert!(!seen.iter().any(|line| line.contains(&token)), "{}: {seen:?}", shell.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_not_told_what_stays_on_this_machine() {
    let ear = Ear::answering(http(200, PROCEED)).await;
    let proxy = Ear::answering(http(200, PROCEED)).await;
    let told = alike(&clients(), DEPLOY, |command| {
        command.env("PORTCULLIS_URL", &ear.address).env("PORTCULLIS_TOKEN", "x");
        command.env("http_proxy", &proxy.address).env("ALL_PROXY", &proxy.address);
    })
    .await;
    assert_eq!(told.code, 0, "{}", told.all());
    assert!(proxy.questions().is_empty() && !ear.questions().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pipe_asks_what_its_variables_say() {
    let ear = Ear::answering(http(200, PROCEED)).await;
    let step = |command: &mut Command| {
        command.env("PORTCULLIS_URL", &ear.address).env("BITBUCKET_STEP_OIDC_TOKEN", "x.y.z");
        command.env("BITBUCKET_BRANCH", "main");
    };
    let mut compiled =
        portcullis(&["check", "--action", "deploy", "--environment=-e", "--reason", "it's $(id)"]);
    compiled.args(["--variable", "A B", "--variable", "C"]);
    step(&mut compiled);
    assert_eq!(said(compiled).await.code, 0);
    for shell in shells() {
        let mut command = shell.runs("pipe.sh");
        step(&mut command);
        command.env("ACTION", "deploy").env("ENVIRONMENT", "-e").env("REASON", "it's $(id)");
        command.env("VARIABLES_COUNT", "2").env("VARIABLES_0", "A B").env("VARIABLES_1", "C");
        command.env("WAIT", "10m").env("ON_ERROR", "allow");
        let told = said(command).await;
        assert_eq!((told.code, told.last()), (0, "Good. https://g/d/1"), "{}", told.all());
        let questions = ear.questions();
        assert_eq!(questions.last(), questions.first(), "{}", shell.name);
        for (name, value) in [("ACTION", ""), ("WAIT", "soon"), ("VARIABLES_COUNT", "$(id)")] {
            let mut command = shell.runs("pipe.sh");
            step(&mut command);
            command.env("ACTION", "deploy").env(name, value);
            let told = said(command).await;
            assert_eq!(told.code, 2, "{name}: {}", told.all());
        }
    }
}

#[test]
fn the_scripts_are_short_plain_and_documented() {
    let read = |file| std::fs::read_to_string(pipe(file)).unwrap();
    let (check, wrapper, readme) = (read("check.sh"), read("pipe.sh"), read("README.md"));
    assert!(check.lines().count() < 100, "check.sh has {} lines", check.lines().count());
    for name in ["ACTION", "ENVIRONMENT", "VARIABLES", "REASON", "WAIT", "ON_ERROR"] {
        assert!(wrapper.contains(&format!("${{{name}-}}")), "pipe.sh reads {name}");
        assert!(readme.contains(&format!("\n| {name} ")), "the README says what {name} is");
    }
    if let Some(shellcheck) = find("shellcheck") {
        let done = std::process::Command::new(shellcheck)
            .args(["-s", "sh"])
            .args([pipe("check.sh"), pipe("pipe.sh")])
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    }
}

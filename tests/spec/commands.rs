//! The command line beside the road: configuration, rules, bodies and the demo. What cannot work is said in one sentence
//! with its next step, and the exit code tells which kind of no it is.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use portcullis::secret::Seal;
use portcullis::secret::Secret;
use portcullis::simulator::git::Change;
use portcullis::store::Role;
use portcullis::store::Settings;
use portcullis::store::Store;
use serde_json::Value;
use serde_json::json;

use super::receiver::hmac_hex;
use super::rig::BILLING;
use super::rig::Said;
use super::rig::Town;
use super::rig::portcullis;
use super::rig::run;
use super::rig::said;

/// A configuration that would serve, with its folder.
const GOOD: &str = r#"
[public]
listen = "127.0.0.1:0"
[operator]
listen = "127.0.0.1:0"
[store]
url = "sqlite:FOLDER/portcullis.db"
[[connection]]
id = "acme-cloud"
product = "cloud"
workspace = "acme"
[[connection.hook]]
id = "0123456789abcdef0123456789abcdef"
secrets = [{ file = "FOLDER/hook.secret" }]
"#;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write("hook.secret", b"a good long secret\n");
        place
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.0.path().join(name), bytes).unwrap();
    }

    /// `serve` with this configuration, to its end: only what is refused ends.
    async fn serve(&self, toml: &str) -> Said {
        self.configure(toml);
        run(&["serve", "--config", &self.path("p.toml")]).await
    }

    fn configure(&self, toml: &str) {
        let folder = self.0.path().to_str().unwrap();
        self.write("p.toml", toml.replace("FOLDER", folder).as_bytes());
    }

    async fn check(&self, toml: &str) -> Said {
        self.configure(toml);
        run(&["config", "check", &self.path("p.toml")]).await
    }

    /// A store of that role, made and closed.
    async fn store(&self, name: &str, role: Role) {
        let key = [7; 32];
        self.write("store.key", hex::encode(key).as_bytes());
        let seal = Arc::new(Seal::new(&Secret::new(key), None));
        let origin = "gate.example.com/ledger".to_owned();
        let settings = Settings { path: self.0.path().join(name), seal, origin, role };
        Store::open(settings).await.unwrap().close().await;
    }
}

#[tokio::test]
async fn a_written_configuration_is_good_and_never_overwritten() {
    let place = Place::new();
    let file = place.path("new.toml");
    let written = run(&["config", "init", &file]).await;
    assert!(written.code == 0 && written.out.contains("config check"), "{}", written.all());
    let text = std::fs::read_to_string(&file).unwrap();
    let checked = run(&["config", "check", &file]).await;
    assert_eq!(checked.code, 0, "{}", checked.all());
    let again = run(&["config", "init", &file]).await;
    assert!(again.code == 1 && again.err.contains("never overwritten"), "{}", again.all());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    let schema = run(&["config", "schema"]).await.json();
    for section in ["public", "operator", "store", "policies", "connection"] {
        assert!(schema["properties"][section].is_object(), "{section}: {schema}");
    }
    let good = place.check(GOOD).await;
    assert!(good.code == 0 && good.out.contains("1 connection(s)"), "{}", good.all());
    let narrow = "workspace = \"acme\"\nscope = [\"BILL\", \"acme/pay-*\"]\ncredential = { kind = \"token\", token = { file = \"FOLDER/hook.secret\" } }";
    let good = place.check(&GOOD.replace("workspace = \"acme\"", narrow)).await;
    assert!(good.code == 0 && good.out.contains("only BILL, acme/pay-*"), "{}", good.all());
    let wrong = place.check(&GOOD.replace("product = \"cloud\"", "product = \"clod\"")).await;
    let lines: Vec<&str> = wrong.err.lines().collect();
    assert_eq!(wrong.code, 2, "{}", wrong.all());
    assert!(lines[1].ends_with("p.toml:10:1"), "the file and line are named: {}", wrong.err);
    assert_eq!(lines[3..], ["10 | product = \"clod\"", "   | ^^^^^^^"], "{}", wrong.err);
    let nothing = run(&["config", "check", &place.path("missing.toml")]).await;
    assert!(nothing.code == 2 && nothing.err.contains("missing.toml"), "{}", nothing.all());
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_refused_with_the_key_and_the_reason() {
    let place = Place::new();
    place.write("empty.secret", b"\n");
    let secret = r#"{ file = "FOLDER/hook.secret" }"#;
    let hook = format!("secrets = [{secret}]");
    let swap = |from: &str, to: &str| {
        assert!(GOOD.contains(from), "{from}");
        GOOD.replacen(from, to, 1)
    };
    let public = "[public]\nlisten";
    let in_database = "product = \"datacenter\"\nbase_url = \"https://bitbucket.example.com\"\nscope = [\"PAY\"]\ndatabase = { url = { file = \"FOLDER/hook.secret\" } }";
    let again = &GOOD[GOOD.find("[[connection]]").unwrap()..];
    let cases = [
        (swap(public, "[public]\nlistn"), &["listn", "did you mean `listen`?"][..]),
        (swap("[store]", "[stroe]"), &["stroe", "did you mean `store`?"]),
        (swap("hook.secret", "empty.secret"), &["empty"]),
        (swap("hook.secret", "no.secret"), &["no.secret"]),
        (swap(&hook, "secrets = []"), &["hook[0].secrets"]),
        (
            swap(&hook, &format!("secrets = [{secret}, {secret}, {secret}]")),
            &["hook[0].secrets", "two"],
        ),
        (swap(&hook, "secrets = [\"inline\"]"), &["secrets"]),
        (swap("0123456789abcdef0123456789abcdef", "short"), &["short", "32"]),
        (swap("acme-cloud", "Acme Cloud"), &["Acme Cloud"]),
        (swap("\"cloud\"", "\"gitlab\""), &["gitlab"]),
        (swap("workspace = \"acme\"", ""), &["workspace"]),
        (
            swap("workspace = \"acme\"", "workspace = \"acme\"\neffects = [\"decline\"]"),
            &["decline", "commit-status"],
        ),
        (
            swap("workspace = \"acme\"", "workspace = \"acme\"\nscope = [\"PAY\", \"PA Y\"]"),
            &["connection[0].scope", "`PA Y`", "`PAY/led*`"],
        ),
        (
            swap("workspace = \"acme\"", "workspace = \"acme\"\nscope = \"PAY\""),
            &["scope", "sequence"],
        ),
        (
            swap("product = \"cloud\"\nworkspace = \"acme\"", in_database),
            &["connection[0].scope", "leave out `database`"],
        ),
        (swap("[store]", "[policies]\nmode = \"loud\"\n[store]"), &["loud", "shadow"]),
        (swap("url = ", "keep_bodies = \"a while\"\nurl = "), &["a while", "15m"]),
        (swap("sqlite:", "postgres:"), &["postgres:", "sqlite:"]),
        (format!("{GOOD}{again}"), &["0123456789abcdef0123456789abcdef", "twice"]),
        (format!("{GOOD}{}", again.replace("0123", "4567")), &["acme-cloud"]),
    ];
    for (toml, needles) in &cases {
        for told in [place.serve(toml).await, place.check(toml).await] {
            assert_eq!(told.code, 2, "{toml}\n{}", told.all());
            let missing = needles.iter().find(|needle| !told.err.contains(**needle));
            assert_eq!(missing, None, "{toml}\n{}", told.err);
            assert!(!told.err.contains("a good long secret"), "a secret in a message");
        }
    }
    assert!(!Path::new(&place.path("portcullis.db")).exists(), "nothing was begun");
}

#[tokio::test]
async fn a_listener_that_would_expose_something_is_refused() {
    let place = Place::new();
    let open =
        GOOD.replace("[operator]\nlisten = \"127.0.0.1:0\"", "[operator]\nlisten = \"0.0.0.0:0\"");
    let told = place.serve(&open).await;
    assert!(told.code == 2 && told.err.contains("expose = true"), "{}", told.all());
    let plain = GOOD.replace("[public]", "[public]\nurl = \"http://gate.example.com\"");
    let told = place.serve(&plain).await;
    assert!(told.code == 2 && told.err.contains("https"), "{}", told.all());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let told = place.serve(&GOOD.replacen("127.0.0.1:0", &address, 1)).await;
    assert!(
        told.code == 2 && told.err.contains(&address) && told.err.contains("another program"),
        "{}",
        told.all()
    );
    assert!(told.err.contains("public.listen"), "{}", told.all());
    assert!(!Path::new(&place.path("portcullis.db")).exists(), "nothing was begun");
}

#[tokio::test]
async fn a_store_that_is_not_ours_to_serve_is_refused_and_left_alone() {
    let demo = Place::new();
    demo.store("portcullis.db", Role::Demo).await;
    let told = demo.serve(GOOD).await;
    assert!(told.code == 1 && told.err.contains("demo"), "{}", told.all());

    let served = Place::new();
    served.store("demo.db", Role::Serve).await;
    let told = run(&[
        "demo",
        "--once",
        "--listen",
        "127.0.0.1:0",
        "--data",
        served.0.path().to_str().unwrap(),
    ])
    .await;
    assert!(told.code == 1 && told.err.contains("serve"), "{}", told.all());

    let newer = Place::new();
    newer.store("portcullis.db", Role::Serve).await;
    let file = newer.path("portcullis.db");
    rusqlite::Connection::open(&file).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let told = newer.serve(GOOD).await;
    assert!(
        told.code == 1 && told.err.contains("newer") && told.err.contains("99"),
        "{}",
        told.all()
    );

    let junk = Place::new();
    junk.store("portcullis.db", Role::Serve).await;
    junk.write("portcullis.db", &[b'x'; 8192]);
    let told = junk.serve(GOOD).await;
    assert!(told.code == 1 && told.err.contains("not a store of portcullis"), "{}", told.all());
    assert_eq!(std::fs::read(junk.path("portcullis.db")).unwrap(), [b'x'; 8192]);

    let keyless = Place::new();
    keyless.store("portcullis.db", Role::Serve).await;
    std::fs::remove_file(keyless.path("store.key")).unwrap();
    let told = keyless.serve(GOOD).await;
    assert!(
        told.code == 1 && told.err.contains("store.key") && told.err.contains("backup"),
        "{}",
        told.all()
    );
}

#[tokio::test]
async fn without_a_gateway_the_next_step_is_said() {
    let place = Place::new();
    let folder = place.0.path().to_str().unwrap();
    let tokenless = run(&["decision", "list", "--data", folder]).await;
    assert!(
        tokenless.code == 1 && tokenless.err.contains("PORTCULLIS_OPERATOR_TOKEN"),
        "{}",
        tokenless.all()
    );
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let mut command = portcullis(&["decision", "list", "--gateway", &nobody]);
    command.env("PORTCULLIS_OPERATOR_TOKEN", "x");
    let told = said(command).await;
    assert!(
        told.code == 1 && told.err.contains("portcullis serve") && told.err.contains(&nobody),
        "{}",
        told.all()
    );
    let missing =
        run(&["decision", "list", "--store", &format!("sqlite:{}", place.path("none.db"))]).await;
    assert!(missing.code == 1 && missing.err.contains("none.db"), "{}", missing.all());
    assert!(!Path::new(&place.path("none.db")).exists(), "reading makes nothing");
}

/// A body as Bitbucket sends it, in a file.
async fn body(place: &Place) -> Vec<u8> {
    let town = Town::new().await;
    let change = [Change::new_branch("feature/a", "main", 1)];
    let done = town.simulator.cloud().push(BILLING, town.cast.ravi, &change).await.unwrap();
    let body = done.deliveries[0].sent.body.clone();
    place.write("push.json", &body);
    body
}

#[tokio::test]
async fn a_body_is_read_offline_and_a_wrong_one_is_refused_with_the_reason() {
    let place = Place::new();
    let bytes = body(&place).await;
    let (file, secret) = (place.path("push.json"), place.path("hook.secret"));
    let event = async |args: &[&str]| {
        run(&[&["event", "--product", "cloud", "--key", "repo:push"], args].concat()).await
    };
    let read = event(&[&file]).await;
    assert_eq!(read.code, 0, "{}", read.all());
    let line = read.json();
    assert_eq!((&line["kind"], &line["key"]), (&json!("branch.created"), &json!("repo:push")));
    assert_eq!(line["events"][0]["resource"]["ref"]["name"], "refs/heads/feature/a");
    let input = event(&["--input", &file]).await.json();
    assert_eq!(input["events"][0]["version"], 1, "{input}");
    assert!(input["events"][0]["unknown"].is_array());

    let good = hmac_hex("a good long secret", &bytes);
    let signed = event(&["--signature", &good, "--secret-file", &secret, &file]).await;
    assert_eq!(signed.code, 0, "{}", signed.all());
    let bad = hmac_hex("another secret", &bytes);
    let wrong = event(&["--signature", &bad, "--secret-file", &secret, &file]).await;
    assert!(wrong.code == 1 && wrong.err.contains("another secret"), "{}", wrong.all());
    place.write("twice.json", br#"{"actor":{},"actor":{}}"#);
    place.write("junk.json", b"nothing");
    for name in ["twice.json", "junk.json"] {
        let told = event(&[&place.path(name), &file]).await;
        assert!(told.code == 1 && told.err.contains(name), "{}", told.all());
        let lines: Vec<Value> =
            told.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(
            lines[0]["error"].is_string() && lines[1]["kind"] == "branch.created",
            "the other is read: {lines:?}"
        );
    }
}

#[tokio::test]
async fn an_input_is_evaluated_offline() {
    let place = Place::new();
    let example = run(&["policy", "check", "--example", "push"]).await;
    assert_eq!(example.code, 0, "{}", example.all());
    place.write("input.json", example.out.as_bytes());
    let told = run(&["eval", "--input", &place.path("input.json"), "--format", "json"]).await;
    assert_eq!(told.code, 0, "{}", told.all());
    let told = told.json();
    assert!(
        ["allow", "alert", "approve", "block"].iter().any(|word| told["verdict"] == *word),
        "{told}"
    );
    let rules = told["rules"].as_array().unwrap();
    assert!(rules.iter().any(|rule| rule["rule"] == "ref/push-skips-review"), "{told}");
    place.write("input.json", b"{}");
    let told = run(&["eval", "--input", &place.path("input.json")]).await;
    assert_eq!(told.code, 2, "{}", told.all());
}

#[tokio::test]
async fn the_shipped_rules_are_good_and_a_broken_one_is_pointed_at() {
    let shipped = run(&["policy", "check"]).await;
    assert_eq!(shipped.code, 0, "{}", shipped.all());
    let tested = run(&["policy", "test"]).await;
    assert_eq!(tested.code, 0, "{}", tested.all());
    let place = Place::new();
    std::fs::create_dir_all(place.path("rules/ref")).unwrap();
    let rule = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/ref/push_skips_review");
    let source = std::fs::read_to_string(format!("{rule}.rego")).unwrap();
    let test = std::fs::read_to_string(format!("{rule}_test.rego")).unwrap();
    let broken = source.replacen("input.resource.ref.kind", "input.resource.ref.kindd", 1);
    assert_ne!(source, broken);
    place.write("rules/ref/push_skips_review.rego", broken.as_bytes());
    let told = run(&["policy", "check", &place.path("rules")]).await;
    let all = told.all();
    assert_eq!(told.code, 1, "{all}");
    assert!(
        all.contains("ref/push_skips_review.rego:") && all.contains('^') && all.contains("kindd"),
        "{all}"
    );
    // The rule as it was passes; with a test that expects something else it does not.
    place.write("rules/ref/push_skips_review.rego", source.as_bytes());
    place.write("rules/ref/push_skips_review_test.rego", test.as_bytes());
    let told = run(&["policy", "test", &place.path("rules")]).await;
    assert_eq!(told.code, 0, "{}", told.all());
    let wrong =
        format!("{test}\n\ntest_of_something_untrue if {{\n\trule.finding == {{\"never\"}}\n}}\n");
    place.write("rules/ref/push_skips_review_test.rego", wrong.as_bytes());
    let told = run(&["policy", "test", &place.path("rules")]).await;
    assert!(told.code == 1 && told.all().contains("test_of_something_untrue"), "{}", told.all());
}

/// The whole demo: the longest test of this file, as it plays every scene with real processes.
#[tokio::test]
async fn the_demo_ends_well_on_any_port_and_shows_every_verdict_on_both_products() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = place.0.path().to_str().unwrap();
    let demo = run(&["demo", "--once", "--listen", &address, "--data", folder]).await;
    assert_eq!(demo.code, 0, "{}", demo.all());
    assert!(
        demo.err.contains(&address) && demo.err.contains("taken"),
        "it says that it moved: {}",
        demo.err
    );
    let store = format!("sqlite:{}", place.path("demo.db"));
    let list = run(&["decision", "list", "--limit", "200", "--format", "json", "--store", &store])
        .await
        .json();
    let rows = list["decisions"].as_array().unwrap();
    assert!(rows.len() >= 12, "{} decisions", rows.len());
    for verdict in ["allow", "alert", "approve", "block"] {
        assert!(rows.iter().any(|row| row["verdict"] == verdict), "no {verdict}");
    }
    for connection in ["acme-cloud", "acme-dc"] {
        assert!(rows.iter().any(|row| row["connection"] == connection), "nothing of {connection}");
    }
    let verified = run(&["ledger", "verify", "--store", &store]).await;
    assert_eq!(verified.code, 0, "{}", verified.all());
    place.configure(&GOOD.replace("portcullis.db", "demo.db"));
    let refused = run(&["serve", "--config", &place.path("p.toml")]).await;
    assert!(refused.code == 1 && refused.err.contains("demo"), "{}", refused.all());
}

#[tokio::test]
async fn the_demos_operator_listener_is_loopback_wherever_the_demo_listens() {
    let place = Place::new();
    let mut command =
        portcullis(&["demo", "--listen", "0.0.0.0:0", "--data", place.0.path().to_str().unwrap()]);
    let mut child = command.spawn().unwrap();
    let mut lines =
        tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(child.stdout.take().unwrap()));
    let console = tokio::time::timeout(super::rig::PATIENCE, async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some((_, after)) =
                line.split_once("/login?code=").map(|_| line.split_once("http://").unwrap())
            {
                return after.split('/').next().unwrap().to_owned();
            }
        }
        panic!("the demo ended without its console's link");
    });
    let console = console.await.unwrap();
    assert!(console.starts_with("127.0.0.1:"), "{console}");
    let answer = reqwest::get(format!("http://{console}/livez")).await.unwrap();
    assert_eq!(answer.status(), 200);
    child.kill().await.unwrap();
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["policy", "check", "--example", "pipeline.step"])
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(141));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}

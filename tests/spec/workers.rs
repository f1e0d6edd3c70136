//! Workers: whatever a rule or its worker does, every question is answered, and only the guilty rule pays.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use futures_util::future::join_all;
use portcullis::event::EventKind;
use portcullis::gateway::workers::Pool;
use portcullis::gateway::workers::PoolError;
use portcullis::gateway::workers::Settings;
use portcullis::graph::fact::Wanted;
use portcullis::policy::Answer;
use portcullis::policy::Input;
use portcullis::policy::SourceFile;
use portcullis::policy::example::example;
use portcullis::policy::finding::Origin;
use portcullis::policy::shipped;

use crate::spec::policies::file;
use crate::spec::policies::folder;

const SHIPPED: &str = env!("CARGO_BIN_EXE_portcullis");

/// The worker of `tests/fixtures/trial_worker.rs`: the shipped one's code and cage, without load checks. `cargo test`
/// builds it with the other examples; asked for one test target alone it does not, so cargo is asked again here.
fn trial_worker() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let program = Path::new(SHIPPED).with_file_name("examples").join("trial_worker");
        let profile = match program.ancestors().nth(2).unwrap().file_name().unwrap().to_str() {
            Some("debug") => "dev",
            other => other.unwrap(),
        };
        let target = program.ancestors().nth(3).unwrap();
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--example", "trial_worker", "--profile", profile])
            .arg("--manifest-path")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
            .arg("--target-dir")
            .arg(target)
            .status();
        assert!(status.unwrap().success(), "the trial worker cannot be built");
        program
    })
}

/// Patient: these tests run beside others on few cores, and a late answer must not be the machine's fault.
fn settings(program: &Path) -> Settings {
    Settings {
        count: 2,
        deadline: Duration::from_secs(2),
        load_deadline: Duration::from_mins(2),
        ..Settings::of(program.to_owned())
    }
}

async fn pool(files: Vec<SourceFile>) -> Pool {
    Pool::start(settings(trial_worker()), files).await.unwrap()
}

const HEADER: &str = "# METADATA
# title: A rule on trial
# description: It says little.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: approve
#   controls: {\"SOC 2\": [\"CC8.1\"]}
";

/// A rule of the area `trial`, with this condition.
fn rule(name: &str, condition: &str) -> SourceFile {
    let text = format!(
        "{HEADER}package portcullis.rules.trial.{name}\n\nfinding contains {{\"verdict\": \"alert\", \
         \"reason\": \"It is {name}.\"}} if {{\n\t{condition}\n}}\n"
    );
    file(&format!("trial/{name}.rego"), &text)
}

fn calm() -> SourceFile {
    rule("calm", "input.event.kind == \"push\"")
}

/// Takes 24 GB in one allocation, and only of one input: `aim` is an action.
fn bomb(aim: &str) -> SourceFile {
    let condition =
        format!("input.action.name == \"{aim}\"\n\tcount(numbers.range(1, 1000000000)) > 0");
    rule("bomb", &condition)
}

fn question(action: &str) -> Arc<Input> {
    let mut document = example(EventKind::Push).unwrap();
    action.clone_into(&mut document.action);
    let mut wanted = Wanted::default();
    wanted.add("resource.ref.name");
    Arc::new(document.page(&wanted))
}

fn all_rules(pool: &Pool) -> Vec<u32> {
    (0..u32::try_from(pool.bundle().rules.len()).unwrap()).collect()
}

fn position(pool: &Pool, id: &str) -> u32 {
    let found = pool.bundle().rules.iter().position(|rule| rule.id.as_str() == id);
    u32::try_from(found.unwrap()).unwrap()
}

/// The answers, each with the id of the rule it was asked of.
async fn ask_all(pool: &Pool, input: &Arc<Input>) -> Vec<(String, Answer)> {
    let answers = pool.ask(Arc::clone(input), all_rules(pool)).await;
    let ids = pool.bundle().rules.iter().map(|rule| rule.id.as_str().to_owned());
    assert_eq!(answers.len(), pool.bundle().rules.len());
    ids.zip(answers).collect()
}

fn says(answer: &Answer, words: &str) -> bool {
    match answer {
        Answer::Findings(findings) => {
            findings.iter().any(|f| f.origin == Origin::Rule && f.reason == words)
        }
        Answer::Fault(_) | Answer::Observations(_) => false,
    }
}

fn fault(answer: &Answer) -> &str {
    match answer {
        Answer::Fault(why) => why,
        answer => panic!("no fault, but {answer:?}"),
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), waiting).await.expect(what);
}

/// The trial worker under a name of its own, so that its processes can be told from those of other tests.
#[cfg(target_os = "linux")]
pub(super) fn own_program(name: &str) -> PathBuf {
    let link =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = std::fs::remove_file(&link);
    std::fs::hard_link(trial_worker(), &link).unwrap();
    link
}

#[cfg(target_os = "linux")]
pub(super) fn processes_of(program: &Path) -> Vec<i32> {
    let ids = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    ids.filter(|id| {
        std::fs::read_link(format!("/proc/{id}/exe")).is_ok_and(|exe| exe == program)
            && std::fs::read(format!("/proc/{id}/cmdline"))
                .is_ok_and(|line| line.ends_with(b"worker\0"))
    })
    .collect()
}

#[tokio::test]
async fn hostile_rules_cost_nobody_else_a_decision() {
    let hostile = folder("tests/policies/hostile");
    let mut files: Vec<SourceFile> =
        hostile.iter().map(|one| file(&format!("hostile/{}", one.path), &one.text)).collect();
    files.push(calm());
    let pool = pool(files).await;
    let input = question("push");
    let others = (0..40).map(|n| question(&format!("push {n}"))).collect::<Vec<_>>();
    let calm = position(&pool, "trial/calm");
    let others = join_all(others.into_iter().map(|input| pool.ask(input, vec![calm])));
    let (answers, others) = tokio::join!(ask_all(&pool, &input), others);

    assert!(others.iter().all(|answers| says(&answers[0], "It is calm.")), "{others:?}");
    for (id, answer) in &answers {
        let Some(name) = id.strip_prefix("hostile/") else {
            assert!(says(answer, "It is calm."), "{id}: {answer:?}");
            continue;
        };
        let expected = hostile
            .iter()
            .find(|one| one.path == format!("{}.rego", name.replace('-', "_")))
            .unwrap();
        let expected = expected.text.lines().next().unwrap().trim_start_matches("# expect: ");
        let as_expected = match (expected, answer) {
            ("worker died", Answer::Fault(why)) => why.contains("its worker"),
            // Thousands of findings take their time, too, on a slow machine; and what fills memory may reach the cap
            // before the deadline.
            ("deadline" | "findings", Answer::Fault(why)) => {
                ["longer", "steps", "its worker"].iter().any(|word| why.contains(word))
            }
            // A reason may hold any character: pages and terminals have to show it harmlessly.
            ("reason", Answer::Findings(findings)) if name == "controls-in-the-reason" => {
                findings.iter().all(|f| f.origin == Origin::Rule)
            }
            (_, Answer::Findings(findings)) => findings.iter().all(|f| f.origin == Origin::Broken),
            (_, Answer::Fault(_) | Answer::Observations(_)) => false,
        };
        assert!(as_expected, "{id} should end with `{expected}`: {answer:?}");
    }

    // Who is guilty is remembered: the same questions cost no worker.
    let killers: Vec<&(String, Answer)> = answers
        .iter()
        .filter(|(_, answer)| matches!(answer, Answer::Fault(why) if why.contains("its worker")))
        .collect();
    assert!(killers.len() >= 5, "{killers:?}");
    let before = pool.restarts();
    for (id, answer) in killers {
        let again = pool.ask(Arc::clone(&input), vec![position(&pool, id)]).await;
        assert_eq!(again, std::slice::from_ref(answer));
    }
    assert_eq!(pool.restarts(), before);
}

#[tokio::test]
async fn exactly_the_guilty_rule_is_blamed_and_for_the_guilty_input_only() {
    let pool = pool(vec![rule("after", "true"), calm(), bomb("boom")]).await;
    let answers = ask_all(&pool, &question("boom")).await;
    assert!(says(&answers[0].1, "It is after."), "{answers:?}");
    assert!(fault(&answers[1].1).contains("SIGABRT"), "{answers:?}");
    assert!(says(&answers[2].1, "It is calm."), "{answers:?}");
    let killed = pool.restarts();
    assert!(killed > 0);
    let answers = ask_all(&pool, &question("peace")).await;
    assert_eq!(answers[1].1, Answer::Findings(Vec::new()));
    assert_eq!(pool.restarts(), killed);
}

#[tokio::test]
async fn a_question_stands_its_ground_among_bombs() {
    let pool = pool(vec![calm(), bomb("boom")]).await;
    let asked: Vec<Arc<Input>> =
        (0..24).map(|n| question(if n % 6 == 3 { "boom" } else { "peace" })).collect();
    let answers = join_all(asked.iter().map(|input| ask_all(&pool, input))).await;
    for (n, answer) in answers.iter().enumerate() {
        assert!(says(&answer[1].1, "It is calm."), "{answer:?}");
        assert_eq!(matches!(answer[0].1, Answer::Fault(_)), n % 6 == 3, "{answer:?}");
    }
}

#[tokio::test]
async fn a_loop_is_ended_by_the_engine_and_costs_no_worker() {
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies/hostile/endless_loops.rego"),
    );
    let pool = pool(vec![calm(), file("hostile/endless_loops.rego", &text.unwrap())]).await;
    let answers = ask_all(&pool, &question("push")).await;
    assert!(!fault(&answers[0].1).contains("killed"), "{answers:?}");
    assert!(says(&answers[1].1, "It is calm."), "{answers:?}");
    assert_eq!(pool.restarts(), 0);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn workers_killed_from_outside_lose_no_answer() {
    let program = own_program("killed");
    let pool = Pool::start(settings(&program), vec![calm()]).await.unwrap();
    let mut killed = 0;
    for round in 0..50 {
        until("a worker runs", || !processes_of(&program).is_empty()).await;
        let asked = (0..20).map(|n| pool.ask(question(&format!("{round} {n}")), vec![0]));
        let kill = async {
            tokio::task::yield_now().await;
            for id in processes_of(&program).into_iter().take(1) {
                let id = rustix::process::Pid::from_raw(id).unwrap();
                rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
                killed += 1;
            }
        };
        let (answers, ()) = tokio::join!(join_all(asked), kill);
        assert!(answers.iter().all(|answers| says(&answers[0], "It is calm.")), "{answers:?}");
    }
    assert!(killed >= 40, "only {killed} workers were killed");
    std::fs::remove_file(program).unwrap();
}

#[tokio::test]
async fn a_lying_worker_is_not_believed() {
    let lies = [
        ("length", "announces"),
        ("number", "not asked"),
        ("word", "unknown word"),
        ("wrong word", "not asked"),
        ("garbage", "announces"),
        ("cut short", "malformed"),
        ("too many answers", "malformed"),
        ("other rule", "cannot have made"),
        ("gateway's word", "cannot have made"),
        ("silence", "was killed"),
    ];
    for (lie, why) in lies {
        let pool = pool(vec![calm(), file("lie", lie)]).await;
        let answers = pool.ask(question("push"), vec![0]).await;
        assert!(fault(&answers[0]).contains(why), "{lie}: {answers:?}");
    }
    let honest = pool(vec![calm(), file("lie", "honest")]).await;
    let answers = honest.ask(question("push"), vec![0]).await;
    assert!(says(&answers[0], "Believe me."), "{answers:?}");
}

#[tokio::test]
async fn a_frame_too_many_never_answers_the_next_question() {
    let pool = pool(vec![calm(), file("lie", "two frames")]).await;
    for n in 0..4 {
        let answers = pool.ask(question(&n.to_string()), vec![0]).await;
        assert_eq!(answers, [Answer::Findings(Vec::new())]);
    }
}

#[tokio::test]
async fn a_full_queue_says_so_at_once() {
    let pool = pool(vec![calm()]).await;
    let input = question("push");
    let asked = (0..1_100).map(|_| pool.ask(Arc::clone(&input), vec![0]));
    let answers: Vec<Answer> = join_all(asked).await.into_iter().flatten().collect();
    let (said, refused): (Vec<&Answer>, Vec<&Answer>) =
        answers.iter().partition(|answer| says(answer, "It is calm."));
    assert!(said.len() >= 1_024 && !refused.is_empty(), "{} answered", said.len());
    assert!(refused.iter().all(|answer| fault(answer).contains("too many")), "{refused:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_dropped_pool_leaves_no_process_behind() {
    let program = own_program("dropped");
    let pool = Pool::start(settings(&program), vec![calm()]).await.unwrap();
    until("both workers run", || processes_of(&program).len() == 2).await;
    let ids = processes_of(&program);
    drop(pool);
    // Not even a dead one that nobody asked about.
    until("all are gone", || ids.iter().all(|id| !Path::new(&format!("/proc/{id}")).exists()))
        .await;
    std::fs::remove_file(program).unwrap();
}

#[tokio::test]
async fn a_candidate_that_dies_or_hangs_is_refused_in_a_sentence() {
    let active = pool(vec![calm()]).await;
    let minus = "tests/policies/refused/fifteen_thousand_minus.rego";
    let minus = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(minus)).unwrap();
    let hasty = Settings { load_deadline: Duration::from_secs(1), ..settings(trial_worker()) };
    let patient = settings(trial_worker());
    let candidates = [
        (patient.clone(), file("abort", ""), "its worker died (signal: 6 (SIGABRT)"),
        (patient.clone(), file("a/minus.rego", &minus), "its worker died (signal: "),
        (hasty, file("hang", ""), "loading took longer than 1 s and was ended"),
        (Settings::of("/nowhere".into()), calm(), "its program cannot be started: No such file"),
    ];
    for (settings, bad, why) in candidates {
        let error = Pool::start(settings, vec![calm(), bad]).await.unwrap_err();
        assert!(matches!(error, PoolError::Worker(_)), "{error:?}");
        let expected = format!("no worker could load the bundle: {why}");
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
    assert!(says(&active.ask(question("push"), vec![0]).await[0], "It is calm."));
    assert_eq!(active.restarts(), 0);
}

#[tokio::test]
async fn the_shipped_worker_serves_what_is_shipped_and_refuses_what_is_hostile() {
    let settings = settings(Path::new(SHIPPED));
    let pool = Pool::start(settings.clone(), shipped::files()).await.unwrap();
    for (id, answer) in ask_all(&pool, &question("push")).await {
        assert!(matches!(answer, Answer::Findings(_)), "{id}: {answer:?}");
    }
    assert_eq!(pool.restarts(), 0);
    match Pool::start(settings, vec![calm(), bomb("boom")]).await {
        Err(PoolError::Refused(found)) => assert_eq!(found[0].file, "trial/bomb.rego"),
        other => panic!("{other:?}"),
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_cage_holds() {
    let files = vec![file("attempts", "")];
    let Err(PoolError::Refused(found)) = Pool::start(settings(trial_worker()), files).await else {
        panic!("the trial worker tells its attempts as diagnostics");
    };
    let caged: Vec<&str> = found.iter().map(|one| one.message.as_str()).collect();
    let free = Command::new(trial_worker()).arg("attempts").output().unwrap().stdout;
    let free = String::from_utf8(free).unwrap();
    assert_eq!(free.lines().count(), caged.len());
    for (free, caged) in free.lines().zip(caged) {
        let (name, how) = caged.split_once(": ").unwrap();
        assert_eq!(free, format!("{name}: ok"));
        let expected = match name {
            "start a thread" => "ok",
            "take 300 MiB" => "OutOfMemory",
            _ => "PermissionDenied",
        };
        assert_eq!(how, expected, "{name}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_worker_inherits_nothing_and_has_no_room_to_grow() {
    let program = own_program("bare");
    // One, that has loaded: another may still be on its way into its cage.
    let settings = Settings { count: 1, ..settings(&program) };
    let pool = Pool::start(settings, vec![calm()]).await.unwrap();
    let id = processes_of(&program)[0];
    let of = |what: &str| std::fs::read_to_string(format!("/proc/{id}/{what}")).unwrap();
    assert_eq!(of("environ"), "MALLOC_ARENA_MAX=1\0MIMALLOC_ARENA_RESERVE=32768\0");
    assert_eq!(std::fs::read_link(format!("/proc/{id}/cwd")).unwrap(), Path::new("/"));
    let limit = |name: &str| {
        let limits = of("limits");
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        line[name.len()..].split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(limit("Max address space"), ["268435456", "268435456"]);
    assert_eq!(limit("Max core file size"), ["0", "0"]);
    assert_eq!(limit("Max file size"), ["0", "0"]);
    assert_eq!(limit("Max open files"), ["16", "16"]);
    let status = of("status");
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(&format!("{name}:")));
        line.unwrap().split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!((field("Seccomp"), field("NoNewPrivs")), ("2".to_owned(), "1".to_owned()));
    assert!(field("VmPeak").parse::<u64>().unwrap() <= 256 << 10);
    let opened = |number: &str| std::fs::read_link(format!("/proc/{id}/fd/{number}")).unwrap();
    let own = opened("0");
    for open in std::fs::read_dir(format!("/proc/{id}/fd")).unwrap() {
        let number = open.unwrap().file_name().into_string().unwrap();
        let path = opened(&number);
        // Pipes are cargo's: it hands its own to whatever it runs.
        let known = path == own || number == "2" || path.to_str().unwrap().starts_with("pipe:");
        assert!(known || path == Path::new("/dev/null"), "{number} is {}", path.display());
    }
    assert_eq!(pool.sandbox(), if has_landlock() { "full" } else { "partial" });
    std::fs::remove_file(program).unwrap();
}

#[cfg(target_os = "linux")]
fn has_landlock() -> bool {
    use landlock::Compatible;
    use landlock::RulesetAttr;
    let ruleset = landlock::Ruleset::default()
        .set_compatibility(landlock::CompatLevel::HardRequirement)
        .handle_access(landlock::AccessFs::Execute)
        .and_then(landlock::Ruleset::create);
    ruleset.is_ok()
}

//! The same jobs with their CI's own tokens: what these say has to agree with the question and with Bitbucket.

use reqwest::Method;
use serde_json::Value;
use serde_json::json;

use crate::spec::other_ci::FEATURE;
use crate::spec::other_ci::RELEASE;
use crate::spec::other_ci::jobs::Job;
use crate::spec::other_ci::jobs::Place;
use crate::spec::other_ci::jobs::gate_with;
use crate::spec::rig::BILLING;
use crate::spec::rig::CLOUD;
use crate::spec::rig::DATACENTER;
use crate::spec::rig::GATE;
use crate::spec::rig::Gate;
use crate::spec::rig::LEDGER;
use crate::spec::rig::foreign_ci::ForeignCi;
use crate::spec::rig::foreign_ci::rsa;
use crate::spec::rig::foreign_ci::signed;
use crate::spec::rig::run;

/// One issuer, two connections: an audience for each. Only Data Center takes ES256.
async fn guarded() -> (Gate, ForeignCi) {
    let ci = ForeignCi::start().await;
    let trusted = |repository: &str, audience: &str, more: &str| {
        format!(
            "[[connection.ci]]\nid = \"jenkins\"\nissuer = \"{}\"\naudiences = [\"{audience}\"]\n\
             subjects = [\"https://jenkins.example.com/job/PAY/*\"]\nrepositories = [\"{repository}\"]\n\
             actions = [\"deploy\", \"publish\", \"run\"]\n{more}\
             claims = {{ repository = \"repo\", commit = \"commit\", ref = \"branch\", environment = \"to\", run = \"build_number\" }}\n",
            ci.issuer
        )
    };
    let cloud = trusted(BILLING, &audience(CLOUD), "");
    let datacenter =
        trusted(LEDGER, &audience(DATACENTER), "algorithms = [\"RS256\", \"ES256\"]\n");
    (gate_with(&cloud, &datacenter).await, ci)
}

fn audience(connection: &str) -> String {
    format!("{GATE}/{connection}")
}

/// The claims of a job that deploys a release to staging; what is null is left out.
fn job(place: &Place, commit: &str, more: &Value) -> Value {
    let mut claims =
        json!({"repo": place.repository, "commit": commit, "branch": RELEASE, "to": "staging"});
    let members = claims.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    members.retain(|_, value| !value.is_null());
    claims
}

/// A question that says nothing itself.
fn mute(token: &str) -> Job<'_> {
    Job { token, action: "deploy", repository: "", commit: "", branch: "", environment: "" }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_with_its_own_token_is_held_to_what_bitbucket_says() {
    let (gate, ci) = guarded().await;
    for place in Place::both(&gate).await {
        let (release, feature) = (place.tip(&gate, RELEASE), place.tip(&gate, FEATURE));
        for (why, claims, code, words) in [
            ("a release branch", json!({}), 0, "/d/"),
            ("by its full name", json!({"branch": "refs/heads/release/24.9"}), 0, "/d/"),
            (
                "to production",
                json!({"to": "production"}),
                11,
                "Deploying to production needs one approval",
            ),
            (
                "a commit the ref does not hold",
                json!({"commit": feature}),
                10,
                "does not hold the commit",
            ),
            (
                "a commit nobody has",
                json!({"commit": "1".repeat(40)}),
                10,
                "could not be read back",
            ),
            (
                "a branch that is not protected",
                json!({"commit": feature, "branch": FEATURE}),
                10,
                "feature is not protected",
            ),
            (
                "a branch nobody has",
                json!({"branch": "release/nowhere"}),
                10,
                "could not be read back",
            ),
            (
                "neither branch nor tag",
                json!({"branch": "refs/pull-requests/1/from"}),
                10,
                "neither a branch nor a tag",
            ),
            ("no commit", json!({"commit": null}), 10, "claim `commit` is missing"),
            (
                "a macro that was never filled in",
                json!({"commit": "${GIT_COMMIT}"}),
                10,
                "not a full commit hash",
            ),
            ("no branch", json!({"branch": null}), 10, "claim `branch` is missing"),
            ("no repository", json!({"repo": null}), 10, "claim `repo` is missing"),
            ("no environment", json!({"to": null}), 10, "claim `to` is missing"),
            (
                "an environment nobody knows",
                json!({"to": "moon"}),
                10,
                "no environment `moon` is known",
            ),
            (
                "a repository outside the scope",
                json!({"repo": place.other}),
                2,
                "may not ask about this repository",
            ),
            (
                "a repository nobody knows",
                json!({"repo": "PAY/nothing"}),
                2,
                "`PAY/nothing` is not known",
            ),
            (
                "another job",
                json!({"sub": "https://jenkins.example.com/job/OPS/"}),
                2,
                "(401): the token is for the subject",
            ),
            (
                "another audience",
                json!({"aud": GATE}),
                2,
                "(401): the token is for `https://gate.example.com`",
            ),
            (
                "another issuer",
                json!({"iss": "https://evil.example.com"}),
                2,
                "(401): the token is from",
            ),
            ("a token that ended", json!({"exp": 1_000_000_000}), 2, "(401): the token ended at"),
        ] {
            let claims = job(&place, &release, &claims);
            let token = ci.token(&audience(place.connection), &claims);
            let said = mute(&token).ask(&gate).await;
            assert_eq!(said.code, code, "{} {why}: {}", place.connection, said.all());
            assert!(said.all().contains(words), "{} {why}: {}", place.connection, said.all());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_contradicts_its_token_is_refused_with_both_values() {
    let (gate, ci) = guarded().await;
    for place in Place::both(&gate).await {
        let (release, feature) = (place.tip(&gate, RELEASE), place.tip(&gate, FEATURE));
        let token = ci.token(&audience(place.connection), &job(&place, &release, &json!({})));
        let agrees = Job {
            token: &token,
            action: "deploy",
            repository: place.repository,
            commit: &release,
            branch: RELEASE,
            environment: "Staging",
        };
        let said = agrees.ask(&gate).await;
        assert_eq!(said.code, 0, "{}", said.all());
        for (job, values) in [
            (Job { repository: place.other, ..agrees }, [place.other, place.repository]),
            (Job { commit: &feature, ..agrees }, [&feature, &release]),
            (Job { branch: "main", ..agrees }, ["main", RELEASE]),
            (Job { environment: "production", ..agrees }, ["production", "staging"]),
        ] {
            let said = job.ask(&gate).await;
            assert!(said.code == 2 && said.err.contains("(403)"), "{}", said.all());
            assert!(
                values.iter().all(|value| said.err.contains(*value)),
                "{values:?}: {}",
                said.all()
            );
        }
        for step in [json!({"build": 413}), json!({"tag": "v1"})] {
            let answer = gate.check(&token, &json!({"action": "deploy", "step": step})).await;
            assert_eq!(answer.status, 403, "{step}: {}", answer.body);
        }
        let answer = gate.check(&token, &json!({"action": "deploy", "step": {"build": 412}})).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let merge = gate.check(&token, &json!({"action": "merge"})).await;
        assert_eq!(merge.status, 403, "outside its actions: {}", merge.body);
        let homeless = job(&place, &release, &json!({"repo": null}));
        let homeless = ci.token(&audience(place.connection), &homeless);
        for (token, status) in [(&token, 200), (&homeless, 403)] {
            let ran = gate.check(token, &json!({"action": "run"})).await;
            assert_eq!(ran.status, status, "a mere run stays in its scope: {}", ran.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_says_which_ci_and_which_job_asked() {
    let (gate, ci) = guarded().await;
    let [place, _] = Place::both(&gate).await;
    let release = place.tip(&gate, RELEASE);
    let token =
        ci.token(&audience(DATACENTER), &job(&place, &release, &json!({"to": "production"})));
    let answer = gate.check(&token, &json!({"action": "deploy"})).await.body;
    let shown = gate.operate(&["decision", "show", answer["decision"].as_str().unwrap()]).await;
    assert!(shown.out.contains("another CI, by its own token"), "{}", shown.all());
    let job_name = "jenkins:https://jenkins.example.com/job/PAY/job/ledger/";
    assert!(shown.out.contains(job_name), "{}", shown.all());
    let page = gate.http.get(
        answer["narrative"].as_str().unwrap().replace(GATE, &format!("http://{}", gate.public)),
    );
    let page = page.send().await.unwrap().text().await.unwrap();
    assert!(page.contains("production") && !page.contains("jenkins"), "not for everybody: {page}");
    // Whoever asked may look at the ticket; another run may not.
    let ticket =
        format!("http://{}/v1/tickets/{}", gate.public, answer["ticket"]["id"].as_str().unwrap());
    let look = async |token: &str| {
        gate.http.request(Method::GET, &ticket).bearer_auth(token).send().await.unwrap().status()
    };
    assert_eq!(look(&token).await, 200);
    let other = job(&place, &release, &json!({"to": "production", "build_number": "413"}));
    assert_eq!(look(&ci.token(&audience(DATACENTER), &other)).await, 404);
    // The same run asks the same question: the same decision. Another run is decided anew.
    let again = gate.check(&token, &json!({"action": "deploy"})).await.body;
    assert_eq!(again["decision"], answer["decision"]);
    let anew = gate
        .check(&ci.token(&audience(DATACENTER), &other), &json!({"action": "deploy"}))
        .await
        .body;
    assert_ne!(anew["decision"], answer["decision"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_pinned_to_their_algorithm_and_refreshed_with_care() {
    let (gate, ci) = guarded().await;
    let [datacenter, cloud] = Place::both(&gate).await;
    let ask = async |header: &Value, place: &Place| {
        let release = place.tip(&gate, RELEASE);
        let claims = ci.claims(&audience(place.connection), &job(place, &release, &json!({})));
        let token = signed(header, &claims.to_string());
        gate.check(&token, &json!({"action": "deploy"})).await
    };
    let es = json!({"alg": "ES256", "kid": "ec"});
    let answer = ask(&es, &datacenter).await;
    assert_eq!(
        (answer.status, &answer.body["effect"]),
        (200, &json!("proceed")),
        "{}",
        answer.body
    );
    let refused = ask(&es, &cloud).await;
    assert_eq!(refused.status, 401, "not listed there: {}", refused.body);
    assert!(refused.body["detail"].as_str().unwrap().contains("`ES256`"), "{}", refused.body);
    // Both connections read them, at start or at the first question; made-up names cause no more than one refresh each.
    let before = ci.fetches();
    for made_up in 0..50 {
        let header = json!({"alg": "RS256", "kid": format!("made-up-{made_up}")});
        assert_eq!(ask(&header, &datacenter).await.status, 401);
    }
    assert!(ci.fetches() <= before + 1, "{} fetches", ci.fetches() - before);
    // The issuer goes away: what was read stays good.
    ci.publish(None);
    assert_eq!(ask(&json!({"alg": "RS256", "kid": "rsa"}), &datacenter).await.status, 200);
    ci.publish(Some(json!({"keys": [rsa("rsa")]})));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_from_a_file_where_the_gate_cannot_reach_the_ci() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    std::fs::write(&file, json!({"keys": [rsa("rsa")]}).to_string()).unwrap();
    let issuer = "https://jenkins.internal/oidc";
    let trusted = format!(
        "[[connection.ci]]\nid = \"jenkins\"\nissuer = \"{issuer}\"\njwks = \"{}\"\nrepositories = [\"*/*\"]\nenvironments = [\"lab\"]\n",
        file.display()
    );
    let gate = gate_with("", &trusted).await;
    let [place, _] = Place::both(&gate).await;
    let ci = ForeignCi::start().await;
    let claims = ci.claims(GATE, &json!({"iss": issuer}));
    let token = signed(&json!({"alg": "RS256", "kid": "rsa"}), &claims.to_string());
    // No claim is mapped: all that is said is read back, and the environment is proven by the configured list.
    let feature = place.tip(&gate, FEATURE);
    let job = Job {
        token: &token,
        action: "deploy",
        repository: place.repository,
        commit: &feature,
        branch: FEATURE,
        environment: "lab",
    };
    let said = job.ask(&gate).await;
    assert_eq!(said.code, 0, "{}", said.all());
    let said = Job { environment: "staging", ..job }.ask(&gate).await;
    assert!(said.code == 2 && said.err.contains("only about `lab`"), "{}", said.all());
    let said = Job { repository: "", environment: "", ..job }.ask(&gate).await;
    assert!(said.code == 2 && said.err.contains("carries no repository"), "{}", said.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ci_that_cannot_be_trusted_is_refused_by_its_key() {
    let gate = Gate::start().await;
    let file = gate.path("portcullis.toml");
    let whole = std::fs::read_to_string(&file).unwrap();
    let api = gate.town.simulator.cloud_api();
    let steps = format!("{api}/workspaces/acme/pipelines-config/identity/oidc");
    let nothing = gate.path("nothing.json").display().to_string();
    let good = "id = \"jenkins\"\nissuer = \"https://jenkins.example.com/oidc\"\n";
    for (table, key, words) in [
        (
            format!("{good}repositories = [\"PAY\"]"),
            "ci[0].repositories",
            "`PAY` names no repository",
        ),
        (
            good.to_owned(),
            "ci[0].repositories",
            "any job of this CI could ask about any repository",
        ),
        (
            format!("{good}repositories = [\"*/*\"]\nalgorithms = [\"HS256\"]"),
            "ci[0].algorithms",
            "use `RS256` or `ES256`",
        ),
        (
            format!("{good}repositories = [\"*/*\"]\nactions = [\"Deploy\"]"),
            "ci[0].actions",
            "is no action",
        ),
        (
            format!("{good}repositories = [\"*/*\"]\njwks = \"http://jenkins.example.com/jwks\""),
            "ci[0].jwks",
            "must be https",
        ),
        (
            format!("{good}repositories = [\"*/*\"]\njwks = \"{nothing}\""),
            "ci[0].jwks",
            "No such file",
        ),
        (
            format!("{good}repositories = [\"*/*\"]\nclaims = {{ comit = \"sha\" }}"),
            "comit",
            "did you mean `commit`",
        ),
        (
            "id = \"a b\"\nissuer = \"https://j.example.com\"\nrepositories = [\"*/*\"]".to_owned(),
            "ci[0].id",
            "is no id",
        ),
        (
            "id = \"jj\"\nissuer = \"http://j.example.com\"\nrepositories = [\"*/*\"]".to_owned(),
            "ci[0].issuer",
            "must be https",
        ),
        (
            format!("id = \"jj\"\nissuer = \"{steps}\"\nrepositories = [\"*/*\"]"),
            "ci[0].issuer",
            "Bitbucket's own steps",
        ),
        (
            format!(
                "{good}repositories = [\"*/*\"]\n[[connection.ci]]\n{good}repositories = [\"*/*\"]"
            ),
            "ci[1].id",
            "configured twice",
        ),
    ] {
        std::fs::write(&file, format!("{whole}\n[[connection.ci]]\n{table}\n")).unwrap();
        let said = run(&["config", "check", &file.display().to_string()]).await;
        assert_eq!(said.code, 2, "{table}: {}", said.all());
        assert!(said.err.contains(key) && said.err.contains(words), "{table}: {}", said.all());
    }
    std::fs::write(&file, format!("{whole}\n[[connection.ci]]\n{good}repositories = [\"*/*\"]\n"))
        .unwrap();
    let said = run(&["config", "check", &file.display().to_string()]).await;
    assert_eq!(said.code, 0, "{}", said.all());
}

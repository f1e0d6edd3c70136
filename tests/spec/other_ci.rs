//! A job of another CI asks, on Data Center and on Cloud alike: what its token proves is a fact once Bitbucket agrees,
//! what only its body says stays a claim, and what lies outside its scope is refused.

mod jobs;
mod own_tokens;

use portcullis::decision::record::Surface;
use serde_json::json;

use super::rig::CLOUD;
use super::rig::DATACENTER;
use super::rig::Gate;

use jobs::Job;
use jobs::Place;
use jobs::gate;
use jobs::service;

/// A release branch and a feature branch off main, on both products.
const RELEASE: &str = "release/24.9";
const FEATURE: &str = "feature";

#[tokio::test(flavor = "multi_thread")]
async fn a_job_with_a_service_token_is_held_to_what_bitbucket_says() {
    let gate = gate().await;
    for place in Place::both(&gate).await {
        let token =
            service(&gate, &place, &["--repository", place.repository, "--environment=staging"])
                .await;
        let elsewhere = service(&gate, &place, &["--repository", place.other]).await;
        let (release, feature) = (place.tip(&gate, RELEASE), place.tip(&gate, FEATURE));
        let job = Job {
            token: &token,
            action: "deploy",
            repository: place.repository,
            commit: &release,
            branch: RELEASE,
            environment: "staging",
        };
        for (why, job, code, words) in [
            ("a release branch", job, 0, "/d/"),
            ("published from it", Job { action: "publish", environment: "", ..job }, 0, "/d/"),
            (
                "a commit the ref does not hold",
                Job { commit: &feature, ..job },
                10,
                "`refs/heads/release/24.9` does not hold the commit",
            ),
            (
                "a commit nobody has",
                Job { commit: &"1".repeat(40), ..job },
                10,
                "could not be read back from Bitbucket",
            ),
            (
                "a branch that is not protected",
                Job { commit: &feature, branch: FEATURE, ..job },
                10,
                "feature is not protected",
            ),
            (
                "a ref nobody has",
                Job { branch: "release/nowhere", ..job },
                10,
                "could not be read back from Bitbucket",
            ),
            (
                "a repository outside the scope",
                Job { token: &elsewhere, environment: "", ..job },
                2,
                "(403): the service token `job` may not ask about this repository",
            ),
            (
                "an environment outside the scope",
                Job { environment: "production", ..job },
                2,
                "may not ask about environment `production`, only about `staging`",
            ),
            (
                "an action outside the scope",
                Job { action: "merge", ..job },
                2,
                "may not ask about `merge`",
            ),
            (
                "a repository nobody knows",
                Job { repository: "PAY/nothing", ..job },
                2,
                "`PAY/nothing` is not known on connection",
            ),
        ] {
            let said = job.ask(&gate).await;
            assert_eq!(said.code, code, "{} {why}: {}", place.connection, said.all());
            assert!(said.all().contains(words), "{} {why}: {}", place.connection, said.all());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_is_a_fact_if_the_token_proves_it_and_a_claim_otherwise() {
    let gate = gate().await;
    for place in Place::both(&gate).await {
        let scope = [
            "--repository",
            place.repository,
            "--environment=staging",
            "--environment=production",
            "--environment=LAB",
        ];
        let (proves, mute) =
            (service(&gate, &place, &scope).await, service(&gate, &place, &scope[..2]).await);
        let (release, feature) = (place.tip(&gate, RELEASE), place.tip(&gate, FEATURE));
        let job = Job {
            token: &proves,
            action: "deploy",
            repository: place.repository,
            commit: &release,
            branch: RELEASE,
            environment: "",
        };
        for (why, job, code, words) in [
            ("staging from a release", Job { environment: "Staging", ..job }, 0, "/d/"),
            (
                "production from a release",
                Job { environment: "production", ..job },
                11,
                "Deploying to production needs one approval",
            ),
            (
                "production from a feature",
                Job { environment: "production", commit: &feature, branch: FEATURE, ..job },
                10,
                "must not be deployed to production",
            ),
            (
                "a test environment from anywhere",
                Job { environment: "lab", commit: &feature, branch: FEATURE, ..job },
                0,
                "/d/",
            ),
            ("none named", job, 11, "names no environment, so it is treated as production"),
            (
                "one that nothing proves",
                Job { token: &mute, environment: "staging", ..job },
                10,
                "names environment `staging`, and nothing proves it",
            ),
            (
                "none named, and none proven",
                Job { token: &mute, ..job },
                11,
                "names no environment",
            ),
        ] {
            let said = job.ask(&gate).await;
            assert_eq!(said.code, code, "{} {why}: {}", place.connection, said.all());
            let told = said.all().to_lowercase();
            assert!(
                told.contains(&words.to_lowercase()),
                "{} {why}: {}",
                place.connection,
                said.all()
            );
        }
    }
    let records = gate.records().await;
    let of = |connection: &str, claimed: &str| {
        let all = records.iter().filter(|one| one.public.connection.as_str() == connection);
        let inputs = all.map(|one| {
            serde_json::from_str::<serde_json::Value>(one.input.kept().unwrap().get()).unwrap()
        });
        inputs
            .map(|input| (input["resource"]["environment"].clone(), input["unknown"].clone()))
            .zip(records.iter().filter(|one| one.public.connection.as_str() == connection))
            .filter(|(_, one)| {
                one.names
                    .kept()
                    .unwrap()
                    .environment
                    .as_deref()
                    .unwrap_or_default()
                    .eq_ignore_ascii_case(claimed)
            })
            .map(|(input, _)| input)
            .collect::<Vec<_>>()
    };
    for connection in [CLOUD, DATACENTER] {
        for (name, tier) in [("staging", "staging"), ("production", "production"), ("lab", "test")]
        {
            let (environment, _) = of(connection, name)[0].clone();
            assert_eq!(environment["tier"], tier, "{connection} {environment}");
        }
        // Unproven: no value and no null, but a gap. Not named: known to be none.
        let rest = of(connection, "");
        let gap = |unknown: &serde_json::Value| {
            unknown.as_array().unwrap().iter().any(|gap| gap["path"] == "resource.environment")
        };
        assert!(rest.iter().any(|(_, unknown)| gap(unknown)), "{rest:?}");
        assert!(
            rest.iter().any(|(environment, unknown)| environment.is_null() && !gap(unknown)),
            "{rest:?}"
        );
    }
    let environment = of(DATACENTER, "staging")[0].0.clone();
    assert_eq!(
        environment,
        json!({"id": "acme-dc/environment/staging", "name": "Staging", "tier": "staging"})
    );
    let checks = records.iter().filter(|record| record.public.surface == Surface::Check);
    assert!(checks.count() >= 14);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_means_nothing_makes_no_token() {
    let gate = gate().await;
    let made = async |args: &[&str]| {
        let named = ["token", "create", "--name", "x", "--connection", DATACENTER];
        gate.operate(&[&named[..], args].concat()).await
    };
    for (args, words) in [
        (["--repository", "ledger"], "`ledger` names no repository: write PROJECT/SLUG"),
        (["--repository", "PAY/legder"], "called `PAY/legder`: compare the spelling"),
        (["--repository", "PAX/*"], "called `PAX/*`"),
        (["--repository", "acme-dc/repository/999"], "called `acme-dc/repository/999`"),
        (
            ["--repository", "acme-cloud/repository/1"],
            "is on connection `acme-cloud`, the token is for `acme-dc`",
        ),
        (["--repository", ""], "names no repository"),
        (["--action", "Deploy!"], "`Deploy!` is no action"),
        (["--environment", "nowhere"], "no environment `nowhere` is known on connection `acme-dc`"),
    ] {
        let said = made(&args).await;
        assert_eq!(said.code, 1, "{args:?}: {}", said.all());
        assert!(said.err.contains(words), "{args:?}: {}", said.all());
    }
    assert_eq!(gate.get("tokens").await["tokens"], json!([]), "none was made");
    let id = gate
        .town
        .simulator
        .company(|company| company.datacenter.repository("PAY/ledger").unwrap().id);
    let id = format!("acme-dc/repository/{id}");
    for args in [
        ["--repository", "pay/ledger"],
        ["--repository", "P*/*"],
        ["--repository", &id],
        ["--environment", "STAGING"],
    ] {
        let said = made(&args).await;
        assert_eq!(said.code, 0, "{args:?}: {}", said.all());
    }
    let listed = gate.operate(&["token", "list"]).await;
    assert!(listed.out.contains("every action · P*/*"), "{}", listed.all());
    assert!(listed.out.contains("every action · every repository · STAGING"), "{}", listed.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_that_cannot_be_is_refused_by_its_key() {
    let gate = Gate::start().await;
    let file = gate.path("portcullis.toml");
    let whole = std::fs::read_to_string(&file).unwrap();
    for (table, key, words) in [
        (
            "name = \"staging\"\ntier = \"stagging\"",
            "connection[1].environment[0].tier",
            "`stagging` is no tier",
        ),
        (
            "name = \"other\"\ntier = \"other\"",
            "connection[1].environment[0].tier",
            "`other` is no tier",
        ),
        (
            "name = \" \"\ntier = \"test\"",
            "connection[1].environment[0].name",
            "no name of an environment",
        ),
        (
            "name = \"a\"\ntier = \"test\"\n[[connection.environment]]\nname = \"A\"\ntier = \"test\"",
            "connection[1].environment[1].name",
            "configured twice",
        ),
        (
            "name = \"a\"\ntier = \"test\"\nrepositories = [\"PAY\"]",
            "connection[1].environment[0].repositories",
            "`PAY` names no repository",
        ),
        ("name = \"a\"\nteir = \"test\"", "did you mean `tier`", "teir"),
    ] {
        std::fs::write(&file, format!("{whole}\n[[connection.environment]]\n{table}\n")).unwrap();
        let said = super::rig::run(&["config", "check", &file.display().to_string()]).await;
        assert_eq!(said.code, 2, "{table}: {}", said.all());
        assert!(said.err.contains(key) && said.err.contains(words), "{table}: {}", said.all());
    }
}

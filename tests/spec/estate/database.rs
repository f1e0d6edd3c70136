//! The database is asked carefully: what it is not, what the role may not, what is locked or missing is said in one
//! sentence each, nothing is written, and no sentence shows a password.

use portcullis::bitbucket::datacenter::database::Database;
use portcullis::bitbucket::datacenter::database::DatabaseError;
use portcullis::bitbucket::datacenter::database::SCHEMA;
use portcullis::bitbucket::datacenter::database::Settings;
use portcullis::graph::Kind;
use portcullis::simulator::company::Company;
use portcullis::simulator::datacenter::DcHolder;
use portcullis::simulator::datacenter::GlobalLevel;
use tokio_postgres::Client;

use crate::spec::estate::fill;
use crate::spec::estate::kept;
use crate::spec::estate::postgres;
use crate::spec::estate::postgres::PASSWORD;
use crate::spec::estate::secret;
use crate::spec::estate::told;
use crate::spec::estate::told_with;

/// What the documentation says to give the role, and nothing else.
const GRANTS: &str = include_str!("../../../docs/bitbucket-reader.sql");

fn small() -> Company {
    let mut company = Company::new();
    let dc = &mut company.datacenter;
    dc.add_user("ada", "Ada");
    dc.grant_global(DcHolder::User("ada".to_owned()), GlobalLevel::Admin);
    dc.add_project("ONE", "One", None);
    dc.add_repository("ONE", "api");
    dc.hook("ONE/api", "https://ci.example.com/x", Some("canary"), &["pr:opened"]);
    company
}

fn address(url: &str) -> Result<(), DatabaseError> {
    let settings = Settings { url: secret(url), schema: SCHEMA.to_owned(), authority: None };
    Database::new(&settings).map(drop)
}

/// The role of the documentation, with the password of the tests. Roles are the server's: it may be there already.
async fn reader(client: &Client) {
    let exists = "SELECT 1 FROM pg_roles WHERE rolname = 'portcullis_ro'";
    let made = GRANTS.replace("CHOOSE-A-PASSWORD", PASSWORD);
    let (role, grants) = made.split_once("-- What it may read").unwrap();
    // Tests run beside each other: whoever comes first makes it.
    client.batch_execute("SELECT pg_advisory_lock(7)").await.unwrap();
    if client.query(exists, &[]).await.unwrap().is_empty() {
        client.batch_execute(role).await.unwrap();
    }
    client.batch_execute("SELECT pg_advisory_unlock(7)").await.unwrap();
    client.batch_execute(&format!("-- {grants}")).await.unwrap();
}

#[test]
fn other_databases_and_bad_addresses_are_refused_with_the_way_to_go() {
    for (url, name) in [
        ("jdbc:oracle:thin:@//db:1521/BITBUCKET", "Oracle"),
        ("jdbc:sqlserver://db:1433;databaseName=bitbucket", "SQL Server"),
        ("jdbc:jtds:sqlserver://db/bitbucket", "SQL Server"),
        ("jdbc:mysql://db:3306/bitbucket", "MySQL"),
        ("mysql://u:p@db/bitbucket", "MySQL"),
        ("jdbc:h2:bitbucket", "H2"),
    ] {
        let error = address(url).unwrap_err();
        assert_eq!(error, DatabaseError::Foreign(name), "{url}");
        let sentence = error.to_string();
        assert!(sentence.contains("REST") && sentence.contains("--csv"), "{sentence}");
    }
    for url in [
        "",
        "bitbucket",
        "jdbc:postgresql://db:5432/bitbucket",
        "host=db user=u",
        "postgresql://db/bitbucket",
        "postgresql://u:p@/bitbucket",
        "postgresql://u:p@db:port/bitbucket",
        "postgresql://u:p@db/bitbucket?sslrootcert=x",
    ] {
        assert_eq!(address(url), Err(DatabaseError::Address), "{url}");
    }
    let plain = "postgresql://u:p@db.example.com/bitbucket?sslmode=disable";
    assert_eq!(address(plain), Err(DatabaseError::Plain));
    // The name stays here, and the address behind it does not.
    for beside in ["localhost", "127.0.0.1"] {
        let away = format!("postgresql://u:p@{beside}/bitbucket?hostaddr=10.0.0.5");
        assert_eq!(address(&away), Ok(()), "by TLS");
        let plain = format!("{away}&sslmode=disable");
        assert_eq!(address(&plain), Err(DatabaseError::Plain));
    }
    for mode in ["verify-full", "verify-ca"] {
        let asked = format!("postgresql://u:p@db.example.com/bitbucket?sslmode={mode}");
        let error = address(&asked).unwrap_err();
        assert_eq!(error, DatabaseError::Verify);
        assert!(error.to_string().contains("always verified"), "{error}");
    }
    for good in [
        "postgresql://u:p@db.example.com/bitbucket",
        "postgres://u:p@127.0.0.1:5432/bitbucket",
        "postgresql://u@%2Fvar%2Frun%2Fpostgresql/bitbucket",
    ] {
        assert_eq!(address(good), Ok(()), "{good}");
    }
    let bad = Settings {
        url: secret("postgresql://u:p@127.0.0.1/bitbucket"),
        schema: SCHEMA.to_owned(),
        authority: Some(b"no certificate".to_vec()),
    };
    assert_eq!(Database::new(&bad).map(drop), Err(DatabaseError::Authority));
}

#[tokio::test]
async fn the_documented_role_reads_everything_and_no_secret() {
    let Some(server) = postgres::server().await else { return };
    let (name, client) = server.database(&fill::rows(&small().datacenter)).await;
    reader(&client).await;
    let told = told(&server.reader(&name)).await.unwrap();
    assert_eq!(told.survey.absent, Vec::<String>::new());
    assert_eq!(told.survey.excess, Vec::<String>::new());
    assert!(told.survey.server.starts_with(char::is_numeric) && !told.survey.replica);
    assert!(told.survey.lines()[0].contains("24 of the 24 tables"), "{:?}", told.survey.lines());
    let whole = super::told(&server.url(&name)).await.unwrap();
    assert_eq!(whole.world.write(), told.world.write());
    assert_eq!(whole.survey.excess.len(), 5, "a superuser: {:?}", whole.survey.excess);
    let wrong = server.reader(&name).replace("%2F", "%2D");
    assert_eq!(super::told(&wrong).await.unwrap_err(), DatabaseError::Refused);
    let absent = server.url("nowhere");
    assert_eq!(super::told(&absent).await.unwrap_err(), DatabaseError::Absent);
}

#[tokio::test]
async fn tls_is_verified_against_the_given_authority_and_a_socket_needs_none() {
    let Some(server) = postgres::server().await else { return };
    let (name, _) = server.database(&fill::rows(&small().datacenter)).await;
    let strict = format!("{}?sslmode=require", server.url(&name));
    let good = told_with(&strict, SCHEMA, Some(server.authority.clone())).await.unwrap();
    let unknown = told_with(&strict, SCHEMA, None).await.unwrap_err();
    assert_eq!(unknown, DatabaseError::Unreachable, "nobody knows who signed it");
    let by_socket = told(&server.by_socket(&name)).await.unwrap();
    assert_eq!(by_socket.world.write(), good.world.write());
}

#[tokio::test]
async fn a_part_that_is_not_there_or_not_readable_is_unknown_of_every_place() {
    let Some(server) = postgres::server().await else { return };
    let (name, client) = server.database(&fill::rows(&small().datacenter)).await;
    reader(&client).await;
    let change = "DROP TABLE \"AO_6978BB_PERMITTED_ENTITY\", \"AO_6978BB_RESTRICTED_REF\";
        REVOKE ALL ON \"AO_A0B856_WEBHOOK\", \"AO_E5A814_ACCESS_TOKEN\" FROM portcullis_ro;
        ALTER TABLE repository DROP COLUMN is_archived;";
    client.batch_execute(change).await.unwrap();
    let told = told(&server.reader(&name)).await.unwrap();
    kept(&told.world);
    let whys = |field: &str| {
        let gaps = told.world.unknown.iter().filter(|gap| gap.field == field);
        gaps.map(|gap| gap.why.clone()).collect::<Vec<_>>()
    };
    assert!(whys("restrictions").len() == 2 && whys("restrictions")[0].contains("never used"));
    assert!(whys("hooks").len() == 2 && whys("hooks")[0].contains("may not read"));
    let users = told.world.nodes.iter().filter(|node| node.id.kind() == Kind::User);
    assert!(users.count() >= whys("holds").len(), "of people, not of service users");
    assert!(!whys("holds").is_empty() && whys("holds")[0].contains("may not read"));
    assert_eq!(whys("archived").len(), 1);
    assert_eq!(told.survey.absent.len(), 4, "{:?}", told.survey.absent);
}

#[tokio::test]
async fn keys_that_may_not_be_read_may_be_in_anybodys_hands() {
    let Some(server) = postgres::server().await else { return };
    let (name, client) = server.database(&fill::rows(&small().datacenter)).await;
    reader(&client).await;
    let holds = async || {
        let world = told(&server.reader(&name)).await.unwrap().world;
        let whys = world.unknown.into_iter().filter(|gap| gap.field == "holds");
        whys.map(|gap| gap.why).collect::<Vec<_>>()
    };
    assert!(holds().await.is_empty());
    let change = "REVOKE ALL ON \"AO_FB71B4_SSH_PUBLIC_KEY\" FROM portcullis_ro";
    client.batch_execute(change).await.unwrap();
    let whys = holds().await;
    assert!(!whys.is_empty() && whys.iter().all(|why| why.contains("may not read")), "{whys:?}");
}

#[tokio::test]
async fn what_every_picture_needs_is_named_when_it_is_missing_or_forbidden() {
    let Some(server) = postgres::server().await else { return };
    let (name, client) = server.database(&fill::rows(&small().datacenter)).await;
    let elsewhere = told_with(&server.url(&name), "bitbucket", None).await.unwrap_err();
    assert!(elsewhere.to_string().contains("schema `bitbucket`"), "{elsewhere}");
    reader(&client).await;
    client.batch_execute("REVOKE ALL ON cwd_membership FROM portcullis_ro").await.unwrap();
    let forbidden = told(&server.reader(&name)).await.unwrap_err().to_string();
    assert!(forbidden.contains("`cwd_membership.directory_id`"), "{forbidden}");
    client
        .batch_execute("ALTER TABLE sta_repo_permission RENAME COLUMN repo_id TO r")
        .await
        .unwrap();
    let changed = told(&server.url(&name)).await.unwrap_err().to_string();
    assert!(
        changed.contains("`sta_repo_permission.repo_id`") && changed.contains("REST"),
        "{changed}"
    );
}

#[tokio::test]
async fn a_table_that_somebody_holds_is_not_waited_for() {
    let Some(server) = postgres::server().await else { return };
    let (name, client) = server.database(&fill::rows(&small().datacenter)).await;
    let hold = "BEGIN; LOCK TABLE sta_repo_permission IN ACCESS EXCLUSIVE MODE";
    client.batch_execute(hold).await.unwrap();
    let late = told(&server.url(&name)).await.unwrap_err();
    assert_eq!(late, DatabaseError::TimedOut("the permissions on repositories"));
    client.batch_execute("ROLLBACK").await.unwrap();
    told(&server.url(&name)).await.unwrap();
}

#[tokio::test]
async fn permissions_that_nobody_knows_yet_are_unknown_where_they_are_held() {
    let Some(server) = postgres::server().await else { return };
    let (name, client) = server.database(&fill::rows(&small().datacenter)).await;
    let newer = "INSERT INTO sta_permission_type VALUES (12, 9500);
        INSERT INTO sta_repo_permission (perm_id, repo_id, user_id)
        SELECT 12, r.id, u.user_id FROM repository r, sta_normal_user u;
        INSERT INTO sta_project_permission (perm_id, project_id, user_id)
        SELECT 12, p.id, NULL FROM project p;";
    client.batch_execute(newer).await.unwrap();
    let world = told(&server.url(&name)).await.unwrap().world;
    let gaps: Vec<String> = world
        .unknown
        .iter()
        .filter(|gap| gap.why.contains("permission 12"))
        .map(|gap| format!("{}.{}", gap.about.kind().as_str(), gap.field))
        .collect();
    assert_eq!(gaps, ["project.default", "repository.grants"]);
}

#[tokio::test]
async fn no_sentence_shows_an_address_or_a_password() {
    let unreachable = "postgresql://canary-user:canary-password@127.0.0.1:1/canary-database";
    let error = told(unreachable).await.unwrap_err();
    assert_eq!(error, DatabaseError::Unreachable);
    let settings =
        Settings { url: secret(unreachable), schema: SCHEMA.to_owned(), authority: None };
    let database = Database::new(&settings).unwrap();
    let shown = format!("{error} {error:?} {database:?} {settings:?}");
    assert!(!shown.contains("canary"), "{shown}");
}

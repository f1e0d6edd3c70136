//! The program makes a world of a CSV or a database, says on standard error what it read and what not, and refuses what
//! cannot be with the next step.

use portcullis::graph::World;
use portcullis::simulator::company::Company;
use portcullis::simulator::datacenter_export::export_permissions;

use crate::spec::estate::fill;
use crate::spec::estate::postgres;
use crate::spec::rig::Said;
use crate::spec::rig::run;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

async fn import(args: &[&str]) -> Said {
    run(&[&["access", "import", "--connection", "acme-dc"], args].concat()).await
}

#[tokio::test]
async fn a_csv_becomes_a_world_that_answers() {
    let (place, company) = (Place::new(), Company::random_datacenter(3));
    let exported = place.file("users.csv", &export_permissions(&company.datacenter));
    let said = import(&["--csv", &exported, "--as-of", "2026-11-21T18:05:00Z"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    let world = World::read(said.out.as_bytes()).unwrap();
    assert_eq!(world.as_of.to_string(), "2026-11-21T18:05:00.000Z");
    assert!(
        said.err.contains("ids are made of names") && said.err.contains("facts unknown"),
        "{}",
        said.err
    );
    let file = place.file("world.json", &said.out);
    let asked = run(&["who-can", "admin", "repository:~BEN/repo-0", "--world", &file]).await;
    assert!(asked.code == 0 && asked.out.contains("BEN"), "{}", asked.all());
    // With an earlier world, names have numbers; one of another connection does not fit.
    let again = import(&["--csv", &exported, "--ids-from", &file]).await;
    assert!(again.code == 0 && !again.err.contains("made of names"), "{}", again.all());
    let other = place.file("other.json", &said.out.replace("acme-dc", "acme-xy"));
    let foreign = import(&["--csv", &exported, "--ids-from", &other]).await;
    assert!(foreign.code == 2 && foreign.err.contains("`acme-xy`"), "{}", foreign.all());
}

#[tokio::test]
async fn what_cannot_be_imported_leaves_nothing_and_says_why() {
    let place = Place::new();
    let cut = place.file("cut.csv", "user_name,permission\nmia,LICENSED_USER\nravi\n");
    let said = import(&["--csv", &cut]).await;
    assert!(said.code == 1 && said.out.is_empty() && said.err.contains("row 3"), "{}", said.all());
    let oracle = place.file("oracle.url", "jdbc:oracle:thin:@//db:1521/BITBUCKET\n");
    let said = import(&["--database", &oracle]).await;
    assert!(
        said.code == 2 && said.err.contains("Oracle") && said.err.contains("REST"),
        "{}",
        said.all()
    );
    let nobody = place.file("nobody.url", "postgresql://canary:canary@127.0.0.1:1/bitbucket\n");
    let said = import(&["--database", &nobody]).await;
    assert!(said.code == 1 && !said.all().contains("canary"), "{}", said.all());
    for args in [&["--csv", &cut, "--database", &oracle][..], &[], &["--csv", "missing.csv"]] {
        assert_eq!(import(args).await.code, 2, "{args:?}");
    }
}

#[tokio::test]
async fn a_database_becomes_a_world_with_the_warning_said() {
    let Some(server) = postgres::server().await else { return };
    let place = Place::new();
    let (name, _) = server.database(&fill::rows(&Company::random_datacenter(5).datacenter)).await;
    let url = place.file("database.url", &format!("{}\n", server.url(&name)));
    let said = import(&["--database", &url]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    World::read(said.out.as_bytes()).unwrap();
    for told in
        ["does not officially support direct queries", "of the 24 tables", "more than needed"]
    {
        assert!(said.err.contains(told), "{told}: {}", said.err);
    }
    let schema = import(&["--database", &url, "--schema", "elsewhere"]).await;
    assert!(schema.code == 1 && schema.err.contains("`elsewhere`"), "{}", schema.all());
}

#[tokio::test]
async fn a_database_is_a_setting_of_data_center_connections_with_a_credential() {
    let place = Place::new();
    let url = place.file("database.url", "postgresql://u:p@db.example.com/bitbucket");
    let token = place.file("token", "t0ken");
    let hook = place.file("hook", "a good long secret");
    let config = |database: &str, credential: &str| {
        format!(
            "[store]\nurl = \"sqlite:{}/p.db\"\n[[connection]]\nid = \"acme-dc\"\nproduct = \"datacenter\"\n\
             base_url = \"https://bitbucket.example.com\"\n{credential}\n{database}\n[[connection.hook]]\n\
             id = \"0123456789abcdef0123456789abcdef\"\nsecrets = [{{ file = \"{hook}\" }}]\n",
            place.0.path().display()
        )
    };
    let credential =
        format!("credential = {{ kind = \"token\", token = {{ file = \"{token}\" }} }}");
    let database = format!("database = {{ url = {{ file = \"{url}\" }} }}");
    let plain = place.file("plain.url", "postgresql://u:canary@db.example.com/b?sslmode=disable");
    for (text, code, told) in [
        (config(&database, &credential), 0, "does not officially support direct queries"),
        (config(&database, ""), 2, "needs a `credential` too"),
        (config(&database.replace(&url, &plain), &credential), 2, "sslmode=disable"),
        (
            config(&database.replace("} }", "}, ca = \"missing.pem\" }"), &credential),
            2,
            "missing.pem",
        ),
        (config(&database.replace("url =", "uri ="), &credential), 2, "uri"),
    ] {
        let file = place.file("p.toml", &text);
        let said = run(&["config", "check", &file]).await;
        assert_eq!(said.code, code, "{told}: {}", said.all());
        assert!(
            said.all().contains(told) && !said.all().contains("canary"),
            "{told}: {}",
            said.all()
        );
    }
}

//! An export is read whole or not at all, wherever its columns stand, and what it does not tell is unknown.

use portcullis::bitbucket::datacenter::csv;
use portcullis::bitbucket::datacenter::csv::CsvError;
use portcullis::bitbucket::datacenter::csv::Reading;
use portcullis::graph::Kind;
use portcullis::graph::Level;
use portcullis::graph::Product;
use portcullis::graph::World;

use crate::spec::estate::CONNECTION;
use crate::spec::estate::kept;
use crate::spec::estate::levels;
use crate::spec::estate::now;

/// An export as an administrator would get it.
const EXPORT: &str = "\
Scope,Project,Repository,Username,Full name,Email address,Active,Granted via,Permission\r\n\
GLOBAL,,,Mia,Mia Unchanged,mia@example.com,true,bitbucket-users,LICENSED_USER\r\n\
GLOBAL,,,ravi,Ravi,,true,,ADMIN\r\n\
GLOBAL,,,omar,Omar,,false,bitbucket-users,LICENSED_USER\r\n\
PROJECT,PAY,,,,,,,No access\r\n\
PROJECT,PAY,,mia,Mia Unchanged,,true,Developers,PROJECT_READ\r\n\
REPOSITORY,PAY,ledger,mia,Mia Unchanged,,true,Developers,REPO_WRITE\r\n\
REPOSITORY,PAY,ledger,omar,Omar,,false,,REPO_ADMIN\r\n";

fn read_as(bytes: &[u8], product: Product, names: Option<&World>) -> Result<Reading, CsvError> {
    let connection = CONNECTION.parse().unwrap();
    let reading = csv::read(bytes, &csv::Settings { connection, product, as_of: now(), names })?;
    kept(&reading.world);
    Ok(reading)
}

fn read(text: &str) -> Result<Reading, CsvError> {
    read_as(text.as_bytes(), Product::DataCenter, None)
}

fn edges(world: &World) -> Vec<String> {
    let short = |id: &portcullis::graph::Id| id.as_str().replace("acme-dc/", "");
    world
        .edges
        .iter()
        .map(|edge| format!("{} {} {}", short(&edge.from), edge.is, short(&edge.to)))
        .collect()
}

#[test]
fn an_export_tells_grants_groups_and_who_is_active() {
    let reading = read(EXPORT).unwrap();
    assert_eq!((reading.rows, reading.unnumbered), (7, 5), "three people, a project, a repository");
    let wanted = [
        "group/bitbucket-users licensed workspace/server",
        "group/developers read project/name:pay",
        "group/developers write repository/name:pay/ledger",
        "project/name:pay in workspace/server",
        "repository/name:pay/ledger in project/name:pay",
        "user/name:mia member group/bitbucket-users",
        "user/name:mia member group/developers",
        "user/name:omar member group/bitbucket-users",
        "user/name:omar admin repository/name:pay/ledger",
        "user/name:ravi licensed workspace/server",
        "user/name:ravi admin workspace/server",
    ];
    let mut found = edges(&reading.world);
    let mut wanted = wanted.map(str::to_owned).to_vec();
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
    let levels = levels(&reading.world);
    let of = |who: &str| {
        let found = &levels[&("name:pay/ledger".to_owned(), format!("name:{who}"))];
        (found.level, found.unknown.is_some())
    };
    assert_eq!(
        (of("mia"), of("omar"), of("ravi")),
        ((Level::Write, false), (Level::None, false), (Level::Admin, false))
    );
}

#[test]
fn what_the_file_does_not_tell_is_unknown_and_not_none() {
    let gap = |world: &World, kind: Kind, field: &str| {
        world.unknown.iter().any(|gap| gap.about.kind() == kind && gap.field == field)
    };
    let whole = read(EXPORT).unwrap().world;
    for (kind, field) in [
        (Kind::Repository, "visibility"),
        (Kind::Repository, "restrictions"),
        (Kind::Project, "keys"),
        (Kind::Workspace, "projects"),
    ] {
        assert!(gap(&whole, kind, field), "{field}");
    }
    assert!(!gap(&whole, Kind::Workspace, "grants") && !gap(&whole, Kind::Project, "grants"));
    assert!(!gap(&whole, Kind::Project, "default") && !gap(&whole, Kind::Group, "members"));
    // Without the rows of a level, that level is not known; without a user, the members of the group are not.
    let only = "Repository,Group,Permission\nPAY/ledger,Developers,Write\n";
    let world = read(only).unwrap().world;
    assert!(gap(&world, Kind::Workspace, "grants") && gap(&world, Kind::Project, "grants"));
    assert!(gap(&world, Kind::Project, "default") && gap(&world, Kind::Group, "members"));
    let without = "user_name,permission\nmia,Bitbucket User\n";
    assert!(gap(&read(without).unwrap().world, Kind::User, "active"));
    let nobody = "user_name,active,permission\nmia,true,\n";
    assert_eq!(edges(&read(nobody).unwrap().world), Vec::<String>::new(), "somebody without any");
    let foreign = "user_name,project,permission\nmia,PAY,Frobnicate\n";
    let world = read(foreign).unwrap().world;
    let why = &world
        .unknown
        .iter()
        .find(|gap| gap.field == "grants" && gap.about.kind() == Kind::Project);
    assert!(why.unwrap().why.contains("row 2") && why.unwrap().why.contains("`Frobnicate`"));
    let personal = "user_name,project,permission\nmia,~MIA,Read\nmia,~GONE,Read\n";
    let world = read(personal).unwrap().world;
    assert!(edges(&world).contains(&"user/name:mia owner project/name:~mia".to_owned()));
    let lone = world.unknown.iter().find(|gap| gap.why.contains("whose personal project"));
    assert_eq!(lone.unwrap().about.native(), "name:~gone");
}

#[test]
fn columns_may_stand_anywhere_and_be_parted_and_marked_as_spreadsheets_do() {
    let wanted = read(EXPORT).unwrap().world.write();
    let rows: Vec<Vec<&str>> =
        EXPORT.lines().map(|line| line.split(',').collect::<Vec<_>>()).collect();
    let turned = |separator: &str, end: &str| {
        let row = |row: &Vec<&str>| row.iter().rev().copied().collect::<Vec<_>>().join(separator);
        rows.iter().map(row).collect::<Vec<_>>().join(end)
    };
    for text in [
        turned(",", "\n"),
        turned(";", "\r\n"),
        turned("\t", "\n"),
        turned(",", "\r"),
        format!("\u{feff}{EXPORT}"),
        EXPORT.replace("\r\n", "\r\n\r\n"),
        EXPORT.replace("Mia Unchanged", "\"Mia Unchanged\""),
        EXPORT.replace("Granted via", " GRANTED-VIA "),
    ] {
        assert_eq!(read(&text).unwrap().world.write(), wanted, "{text}");
    }
    let more = EXPORT.replace("\r\n", ",x\r\n").replacen(",x", ",Last login", 1);
    let reading = read(&more).unwrap();
    assert_eq!((reading.world.write(), reading.ignored), (wanted, vec!["Last login".to_owned()]));
    let quoted = "user_name,display_name,permission\r\nmia,\"Mia \"\"the, one\"\"\r\nUnchanged\",LICENSED_USER\r\n";
    let world = read(quoted).unwrap().world;
    let mia = world.nodes.iter().find(|node| node.id.kind() == Kind::User).unwrap();
    assert_eq!(mia.name.as_deref(), Some("Mia \"the, one\"\r\nUnchanged"));
}

#[test]
fn a_file_that_cannot_be_read_to_the_end_is_refused_by_row_and_nothing_is_kept() {
    let head = "user_name,project,repository,permission\n";
    for (rows, row, why) in [
        ("mia,PAY,ledger,Read\nmia,PAY\n", 3, "it has 2 cells and the header 4"),
        ("mia,PAY,ledger,Read,more\n", 2, "it has 5 cells and the header 4"),
        ("mia,PAY,ledger,Read\nmia,PAY,\"led", 3, "the file ends within a quoted cell"),
        ("mia,PAY,\"ledger\"x,Read\n", 2, "text follows a closing quote"),
        ("mia,PAY,led\"ger,Read\n", 2, "a quote stands within a cell"),
        ("mia,PAY,led\0ger,Read\n", 2, "it holds a zero byte"),
        ("mia,,ledger,Read\n", 2, "it names a repository and no project"),
        ("mia,PAY,ledger,\n", 2, "it names somebody and no permission"),
        (",PAY,ledger,Read\n", 2, "it names neither a user nor a group"),
        ("mia,PAY,,REPO_WRITE\n", 2, "the permission is not one of such a place"),
    ] {
        match read(&format!("{head}{rows}")) {
            Err(CsvError::Row { row: at, why: told }) => {
                assert_eq!(at, row, "{rows}");
                assert!(told.starts_with(why), "{rows}: {told}");
            }
            other => panic!("{rows}: {other:?}"),
        }
    }
    let scope = "scope,user_name,project,permission\nGLOBAL,mia,PAY,Read\n";
    assert!(read(scope).unwrap_err().to_string().contains("`GLOBAL`"));
    let active = "user_name,active,permission\nmia,perhaps,Read\n";
    assert!(read(active).unwrap_err().to_string().contains("`perhaps`"));
    assert_eq!(read("").unwrap_err(), CsvError::Empty);
    assert_eq!(read("user_name,user_name,permission\n").unwrap_err(), CsvError::Twice("user_name"));
    let columns = read("Commit,Author\nabc,mia\n").unwrap_err().to_string();
    assert!(columns.contains("`Commit`, `Author`"), "{columns}");
    let bytes = |bytes: &[u8]| read_as(bytes, Product::DataCenter, None).unwrap_err();
    assert_eq!(bytes(b"\xff\xfeu\0s\0"), CsvError::Utf16);
    assert_eq!(bytes(b"user_name,permission\nm\xe9,Read\n"), CsvError::NotUtf8(22));
    let long = format!("user_name,permission\n{},Read\n", "x".repeat(3_000));
    assert!(read(&long).unwrap_err().to_string().contains("longer than"));
    let wide = format!("user_name,permission{}\n", ",x".repeat(200));
    assert!(read(&wide).unwrap_err().to_string().contains("more than 100 cells"));
}

#[test]
fn an_earlier_world_tells_the_numbers_of_names() {
    let earlier = r#"{"version":1,"connection":{"id":"acme-dc","product":"datacenter"},
        "as_of":"2026-11-01T00:00:00.000Z","nodes":[{"id":"acme-dc/workspace/server"},
        {"id":"acme-dc/user/3","nickname":"mia"},{"id":"acme-dc/project/7","key":"PAY"},
        {"id":"acme-dc/user/4","nickname":"omar"},{"id":"acme-dc/user/5","nickname":"Omar"},
        {"id":"acme-dc/repository/9","name":"PAY/ledger"}],"edges":[],"unknown":[]}"#;
    let earlier = World::read(earlier.as_bytes()).unwrap();
    let reading = read_as(EXPORT.as_bytes(), Product::DataCenter, Some(&earlier)).unwrap();
    assert_eq!(reading.unnumbered, 2, "ravi was not known, and two are called omar");
    let edges = edges(&reading.world);
    assert!(edges.contains(&"group/developers write repository/9".to_owned()), "{edges:?}");
    assert!(edges.contains(&"user/3 member group/developers".to_owned()), "{edges:?}");
    assert!(edges.contains(&"repository/9 in project/7".to_owned()), "{edges:?}");
}

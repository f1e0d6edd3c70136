//! Answers that real Bitbuckets gave, as other people's tests recorded them, are read without a complaint of their form;
//! what their lists say beyond Atlassian's documents is
//! counted.

use std::path::Path;
use std::time::Duration;

use portcullis::bitbucket::Client;
use portcullis::bitbucket::Credential;
use portcullis::bitbucket::FetchError;
use portcullis::bitbucket::Server;
use portcullis::bitbucket::Settings;
use portcullis::bitbucket::TestServer;
use portcullis::bitbucket::route;
use portcullis::graph::Id;
use portcullis::graph::Product;
use portcullis::graph::Relation;
use portcullis::graph::World;
use portcullis::graph::attribute::Value as Attribute;
use portcullis::secret::Secret;
use serde_json::Value;
use serde_json::json;

use crate::spec::conformance::document::Document;
use crate::spec::conformance::document::shared;
use crate::spec::rest::raw::Raw;

const WITHIN: Duration = Duration::from_secs(30);

/// What a gap says of an answer that could not be read.
const COMPLAINT: &str = "is not what it documents";

/// Lists of a Data Center: how the file begins, and how the path that it answers ends.
const SERVER_LISTS: &[(&str, &str)] = &[
    ("get.rest.api.1.0.projects__", "/rest/api/latest/projects"),
    ("get.rest.api.1.0.projects.PRJ.repos__", "/rest/api/latest/repos"),
    ("repository-page-full__", "/rest/api/latest/repos"),
    ("repos_filter__", "/rest/api/latest/repos"),
    ("admin-list-users__", "/admin/users"),
    ("project-permission-group__", "/projects/ONE/permissions/groups"),
    ("repository-permission-users__", "/repos/api/permissions/users"),
    ("repository-permission-group__", "/repos/api/permissions/groups"),
    ("accesskeys-list-by-project__", "/projects/ONE/ssh"),
    ("accesskeys-list-by-repository__", "/repos/api/ssh"),
    ("branch-permission-list__", "/repos/api/restrictions"),
    ("repository-webhook-page__", "/repos/api/webhooks"),
    ("branch-default__", "/repos/api/default-branch"),
];

/// Lists of Cloud.
const CLOUD_LISTS: &[(&str, &str)] = &[
    ("2.0-repositories-amuniz-test-repos-hooks_", "/hooks"),
    ("BranchRestriction_list__", "/branch-restrictions"),
    (
        "openapi-example.get.repositories.workspace.repo_slug.permissions-config.users__",
        "%7D/permissions-config/users",
    ),
    (
        "openapi-example.get.repositories.workspace.repo_slug.permissions-config.groups__",
        "%7D/permissions-config/groups",
    ),
    ("openapi-example.get.repositories.workspace.repo_slug.deploy-keys__", "%7D/deploy-keys"),
    (
        "openapi-example.get.workspaces.workspace.projects.project_key.permissions-config.users__",
        "/projects/ONE/permissions-config/users",
    ),
    (
        "openapi-example.get.workspaces.workspace.projects.project_key.permissions-config.groups__",
        "/projects/ONE/permissions-config/groups",
    ),
];

/// Single answers: product, how the file begins, what it is.
const SINGLES: &[(Product, &str, &str)] = &[
    (Product::Cloud, "2.0-repositories-amuniz-test-repos-commit-", "commit"),
    (Product::Cloud, "commit__drone", "commit"),
    (Product::Cloud, "2.0-repositories-amuniz-test-repos-pullrequests-1__", "pull request"),
    (Product::Cloud, "2.0-repositories-amuniz-test-repos-pullrequests-2__", "pull request"),
    (Product::Cloud, "APIPull__", "pull request"),
    (Product::DataCenter, "1.0-projects-amuniz-repos-test-repos-commits-", "commit"),
    (Product::DataCenter, "1.0-projects-amuniz-repos-test-repos-pull-requests-2__", "pull request"),
    (Product::DataCenter, "get-pull__", "pull request"),
    (Product::DataCenter, "pr__drone", "pull request"),
];

/// The recorded answers of a folder whose names begin so.
fn recorded(folder: &Path, begins: &str) -> Vec<Value> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let named = |path: &&std::path::PathBuf| {
        path.file_name().unwrap().to_str().unwrap().starts_with(begins)
    };
    let read =
        |path: &std::path::PathBuf| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let found: Vec<Value> = files.iter().filter(named).map(read).collect();
    assert!(!found.is_empty(), "nothing begins with {begins}");
    found
}

fn answer(body: &Value) -> String {
    let body = body.to_string();
    format!(
        "HTTP/1.1 200 X\r\ncontent-type: application/json\r\nx-ausername: root\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// A page that ends where it begins, whatever the recorded one said of others.
fn last(mut body: Value) -> Value {
    if let Some(page) = body.as_object_mut().filter(|page| page.contains_key("values")) {
        page.insert("isLastPage".to_owned(), json!(true));
        page.remove("next");
        page.remove("nextPageStart");
    }
    body
}

/// The path of a request's first line, without the query.
fn path(line: &str) -> &str {
    line.split(' ').nth(1).unwrap().split('?').next().unwrap().trim_end_matches('/')
}

fn client(product: Product, url: &str) -> Client {
    let server = match product {
        Product::Cloud => Server::Cloud {
            workspace: "acme".to_owned(),
            test: Some(TestServer { api_url: format!("{url}/2.0"), token_url: None }),
        },
        Product::DataCenter => Server::DataCenter { base_url: url.to_owned() },
    };
    let credential = Credential::Bearer(Secret::new("token".to_owned()));
    let connection = "acme".parse().unwrap();
    Client::new(Settings { connection, server, credential }).unwrap()
}

const UUID: &str = "{4c5ea1ce-0000-4000-8000-000000000001}";

/// A Bitbucket that has one project and one repository, and this one list as it was recorded; and the path it was asked by.
async fn discovered(
    product: Product,
    ends: &'static str,
    body: Value,
) -> Result<(World, String), FetchError> {
    let raw = Raw::routing(move |line| {
        let path = path(line);
        let project = json!({"id": 1, "key": "ONE", "name": "One", "uuid": UUID, "is_private": true});
        let repository = json!({"id": 2, "slug": "api", "name": "api", "uuid": UUID, "project": project,
            "full_name": "acme/api", "is_private": true, "workspace": {"uuid": UUID, "slug": "acme"}});
        let page = |rows: Value| json!({"values": rows, "isLastPage": true, "pagelen": 100});
        answer(&match path {
            path if path.ends_with(ends) => body.clone(),
            path if path.ends_with("/application-properties") => json!({"version": "9.4.1"}),
            path if path.ends_with("/workspaces/acme") => json!({"uuid": UUID, "slug": "acme", "name": "Acme"}),
            path if path.ends_with("/projects") => page(json!([project])),
            path if path.ends_with("/repos") || path.ends_with("/repositories/acme") => page(json!([repository])),
            path if path.ends_with("/all") => json!({"permitted": false}),
            path if path.contains("/1.0/groups/") => json!([]),
            _ => page(json!([])),
        })
    })
    .await;
    let client = client(product, &raw.url);
    let world = client.discover("2026-11-21T18:05:00Z".parse().unwrap(), |_| {}).await?;
    let heads = raw.heads();
    let mut asked = heads.iter().map(|head| path(head.lines().next().unwrap()).to_owned());
    Ok((world, asked.find(|path| path.ends_with(ends)).unwrap()))
}

#[tokio::test]
async fn recorded_lists_are_read_without_a_complaint() {
    let Some(folder) = shared("corpora") else { return };
    let (mut read, mut beyond) = (0, 0);
    for (product, name, lists) in [
        (Product::DataCenter, "rest-dc", SERVER_LISTS),
        (Product::Cloud, "rest-cloud", CLOUD_LISTS),
    ] {
        for (begins, ends) in lists {
            for body in recorded(&folder.join(name), begins) {
                // Some recorded what became of a page before it was kept.
                let body = if body.is_array() { json!({"values": body}) } else { body };
                let world = discovered(product, ends, last(body.clone())).await;
                let (world, path) = world.unwrap_or_else(|error| panic!("{begins}: {error}"));
                beyond += unknown(product, &path, &body);
                let what = ends.rsplit('/').next().unwrap();
                let field = match what {
                    "users" | "groups" => "grants",
                    "ssh" | "deploy-keys" => "keys",
                    "restrictions" | "branch-restrictions" => "restrictions",
                    "webhooks" | "hooks" => "hooks",
                    "default-branch" => "default_branch",
                    other => other,
                };
                let gaps = world
                    .unknown
                    .iter()
                    .filter(|gap| gap.field == field && gap.why.contains(COMPLAINT));
                assert_eq!(
                    gaps.map(|gap| &gap.why).collect::<Vec<_>>(),
                    Vec::<&String>::new(),
                    "{begins}"
                );
                read += 1;
            }
        }
    }
    assert!(read >= 20, "{read}");
    eprintln!("{read} lists read; {beyond} of their fields are beyond Atlassian's documents");
}

/// How many fields of an answer Atlassian's documents do not have.
fn unknown(product: Product, path: &str, body: &Value) -> usize {
    let Some(folder) = shared("reference/openapi") else { return 0 };
    let document = Document::of(&folder, product);
    let route = route::of(product, "GET", path.trim_start_matches('/')).unwrap();
    let schema = document.operation(route).and_then(|operation| document.answer(&operation));
    schema.map_or(0, |schema| document.beyond(&schema, body).len())
}

#[tokio::test]
async fn recorded_commits_and_pull_requests_are_read_without_a_complaint() {
    let Some(folder) = shared("corpora") else { return };
    let mut read = 0;
    for (product, begins, what) in SINGLES {
        let name = if *product == Product::Cloud { "rest-cloud" } else { "rest-dc" };
        for body in recorded(&folder.join(name), begins) {
            let hash = body["hash"].as_str().or(body["id"].as_str()).unwrap_or_default().to_owned();
            let number = body["id"].as_u64().unwrap_or_default();
            if (*what == "commit" && hash.is_empty()) || body.get("values").is_some() {
                continue;
            }
            let asked = hash.clone();
            let raw = Raw::routing(move |line| {
                let path = path(line);
                let single = path.ends_with(&format!("/{asked}")) && !path.contains("build-status");
                answer(&match path {
                    _ if single || path.ends_with(&format!("s/{number}")) => body.clone(),
                    path if path.ends_with("/repos/api") => json!({"id": 2}),
                    _ => json!({"values": [], "isLastPage": true, "pagelen": 100}),
                })
            })
            .await;
            let client = client(*product, &raw.url);
            let native =
                if *product == Product::Cloud { UUID.trim_matches(['{', '}']) } else { "2" };
            let repository: Id = format!("acme/repository/{native}").parse().unwrap();
            client.remember(&repository, ("ONE", "ONE/api"));
            let told = match *what {
                "commit" => client.commit(&repository, &hash, WITHIN).await.map(drop),
                _ => client.pull_request(&repository, number, WITHIN).await.map(drop),
            };
            assert_eq!(told, Ok(()), "{begins}");
            read += 1;
        }
    }
    assert!(read >= 10, "{read}");
}

#[tokio::test]
async fn the_date_of_a_key_is_read_in_every_documented_form_and_no_form_costs_the_key() {
    let wanted = "2021-08-27T05:19:06.434Z";
    for (date, told) in [
        (json!(1_630_041_546_434_i64), Some(wanted)),
        (json!("1630041546434"), Some(wanted)),
        (json!(wanted), Some(wanted)),
        (json!({"of": "another kind"}), None),
    ] {
        let key =
            json!({"permission": "REPO_READ", "key": {"id": 7, "label": "k", "createdDate": date}});
        let list = json!({"values": [key], "isLastPage": true});
        let (world, _) = discovered(Product::DataCenter, "/repos/api/ssh", list).await.unwrap();
        let key = world.nodes.iter().find(|node| node.id.as_str() == "acme/key/7").unwrap();
        let wanted = told.map(|told| Attribute::Text(told.to_owned()));
        assert_eq!(key.attributes.get("created_at"), wanted.as_ref(), "{date}");
        assert!(world.edges.iter().any(|edge| edge.from == key.id && edge.is == Relation::Read));
    }
}

//! Pages about access that are kept or sent: whole without anything else, whatever names stand in them.

use portcullis::graph::Links;
use portcullis::graph::Product;
use portcullis::graph::Snapshot;
use portcullis::graph::World;
use portcullis::graph::world::Connection;
use portcullis::graph::world::Edge;
use portcullis::graph::world::Node;
use portcullis::http::console::access as pages;

fn example(bytes: &[u8]) -> Snapshot {
    Snapshot::build(1, &[World::read(bytes).unwrap()]).unwrap()
}

fn cloud() -> Snapshot {
    example(include_bytes!("../../docs/examples/acme-cloud.json"))
}

fn server() -> Snapshot {
    example(include_bytes!("../../docs/examples/acme-datacenter.json"))
}

/// Everything by which a page could fetch, run or frame something; a pattern of its own may fill a picture.
pub(crate) fn is_whole(html: &str) {
    let html = &html.replace("fill=\"url(#untold", "");
    for loads in [
        " src=",
        "<link",
        "<script",
        "<iframe",
        "<object",
        "<embed",
        "url(",
        "@import",
        "http-equiv=\"refresh\"",
    ] {
        assert!(!html.contains(loads), "it has {loads}");
    }
    assert_eq!(html.matches("<style>").count(), 1);
    assert!(html.contains("default-src 'none'; style-src 'unsafe-inline'"));
    for address in html.split(" href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        let outside = address.starts_with("https://bitbucket.");
        assert!(
            outside
                || address.rsplit_once('.').is_some_and(|(_, end)| end == "html")
                || address.starts_with('#'),
            "it leads to {address}"
        );
    }
    for help in [
        "prefers-color-scheme: dark",
        "@media print",
        "max-width: 40rem",
        "name=\"viewport\"",
        "lang=\"en\"",
    ] {
        assert!(html.contains(help), "it lacks {help}");
    }
    for tag in ["svg", "table", "section", "figure", "details"] {
        let count = |text: String| html.matches(&text).count();
        assert_eq!(
            count(format!("<{tag}")),
            count(format!("</{tag}>")),
            "every {tag} that is begun is ended"
        );
    }
}

#[test]
fn every_page_of_every_thing_stands_alone() {
    let base =
        Links::new([("acme-dc".parse().unwrap(), "https://bitbucket.acme.example".to_owned())]);
    for graph in [cloud(), server()] {
        let subjects = pages::subjects(&graph);
        assert!(subjects.len() > 8);
        for node in subjects {
            let id = graph.node(node).unwrap().id.to_string();
            is_whole(&pages::keepsake(&graph, &id, &base).unwrap());
        }
        let files: Vec<_> =
            pages::subjects(&graph).into_iter().map(|node| ("x.html".to_owned(), node)).collect();
        is_whole(&pages::index(&graph, &files));
    }
}

#[test]
fn a_repository_shows_direct_and_inherited_on_one_page() {
    let html = pages::keepsake(&cloud(), "acme/billing", &Links::default()).unwrap();
    let row = html
        .split("<tr role=\"row\">")
        .find(|row| row.contains("Ravi") && row.contains("Inherited"))
        .unwrap();
    let cell = |label: &str| {
        row.split(&format!("data-label=\"{label}\">"))
            .nth(1)
            .unwrap()
            .split("</td>")
            .next()
            .unwrap()
    };
    assert!(cell("Level").contains("write"), "{row}");
    assert!(cell("Direct").contains("Ravi → read on repository acme/billing"), "{row}");
    assert!(
        cell("Inherited").contains("Ravi → member of developers → write on project PAY → billing"),
        "{row}"
    );
    for there in [
        "<svg",
        "https://bitbucket.org/acme/billing/admin/permissions",
        "https://bitbucket.org/acme/billing/admin/branch-restrictions",
        "merge-unreviewed",
        "restrict_merges",
        "AWS_PROD_KEY",
        "read-secret",
    ] {
        assert!(html.contains(there), "{there}");
    }
    let rows = html.split("<tr role=\"row\">").filter_map(|row| row.split("</tr>").next());
    let table = rows.filter(|row| row.contains("Inherited") && row.contains("Zoe")).count();
    assert_eq!(table, 0, "who is switched off reaches nothing");
}

#[test]
fn what_was_not_read_is_said_on_the_page() {
    let bytes = include_str!("../../docs/examples/acme-cloud.json");
    let mut world = World::read(bytes.as_bytes()).unwrap();
    let about = world
        .nodes
        .iter()
        .find(|node| node.name.as_deref() == Some("acme/ledger"))
        .unwrap()
        .id
        .clone();
    let why = "the token lacks `repository:admin`".to_owned();
    world.unknown.push(portcullis::graph::world::Unknown {
        about,
        field: "grants".to_owned(),
        why,
    });
    let graph = Snapshot::build(1, &[world]).unwrap();
    let html = pages::keepsake(&graph, "acme/ledger", &Links::default()).unwrap();
    assert!(
        html.contains("There may be more who reach it")
            && html.contains("<code>repository:admin</code>")
    );
}

#[test]
fn an_identity_shows_what_it_reaches_and_whose_it_is() {
    let graph = cloud();
    let of = |name: &str| pages::keepsake(&graph, name, &Links::default()).unwrap();
    let omar = of("user:Omar");
    assert!(omar.contains("In effect: write on 2 repositories, read on 1 repository."), "{omar}");
    assert!(omar.contains("Omar → member of developers → write on project PAY"));
    let bot = of("agent:refactor-bot");
    assert!(bot.contains("told: Bitbucket names the owner") && bot.contains("Omar"));
    let hook = of("hook:ci.partner.example");
    assert!(hook.contains("hears of acme/billing") && hook.contains("does not tell whose it is"));
    let group = of("group:release-managers");
    assert!(group.contains("Members"));
}

#[test]
fn no_name_becomes_markup_or_turns_a_line_around() {
    let hostile = |place: &str| {
        format!(
            "{place}\"'><script>alert(1)</script><img src=x onerror=alert(2)>\u{202e}\u{2066}\u{200b}\u{1b}[31m&lt;b&gt;"
        )
    };
    let connection = Connection {
        id: "c1".parse().unwrap(),
        product: Product::Cloud,
        name: Some(hostile("connection")),
    };
    let mut world = World::new(connection, "2026-11-21T18:05:00Z".parse().unwrap());
    let id = |text: &str| format!("c1/{text}").parse::<portcullis::graph::Id>().unwrap();
    let mut put =
        |at: &str, node: fn(Node) -> Node| world.nodes.push(node(Node::new(id(at), &hostile(at))));
    for at in [
        "workspace/1",
        "project/7",
        "group/a",
        "user/1",
        "key/1",
        "hook/1",
        "environment/5",
        "variable/2",
    ] {
        put(at, |node| node);
    }
    put("repository/9", |node| {
        node.text("slug", "s\u{202e}<script>")
            .text("default_branch", "m\u{202e}<b>")
            .flag("pipelines", true)
    });
    put("restriction/1", |node| {
        node.text("kind", "push").text("match", "any").text("pattern", "p\u{202e}<script>")
    });
    for edge in [
        "project/7 in workspace/1",
        "repository/9 in project/7",
        "user/1 member group/a",
        "group/a write project/7",
        "key/1 read repository/9",
        "hook/1 in repository/9",
        "repository/9 deploys_to environment/5",
        "variable/2 in repository/9",
        "restriction/1 restricts repository/9",
        "group/a exempt restriction/1",
    ] {
        let [from, is, to] = edge.split(' ').collect::<Vec<_>>()[..] else { panic!("{edge}") };
        world.edges.push(Edge::new(
            id(from),
            portcullis::graph::Relation::from_text(is).unwrap(),
            id(to),
        ));
    }
    let graph = Snapshot::build(1, &[world]).unwrap();
    for node in pages::subjects(&graph) {
        let at = graph.node(node).unwrap().id.to_string();
        let html = pages::keepsake(&graph, &at, &Links::default()).unwrap();
        for wrong in
            ["<script", "<img", "onerror=alert(2)>", "\u{202e}", "\u{2066}", "\u{200b}", "\u{1b}"]
        {
            assert!(!html.contains(wrong), "{at} contains {wrong:?}");
        }
        assert!(html.contains("&lt;script"), "{at} tells the name as it is");
    }
}

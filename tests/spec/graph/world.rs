//! World files: what was written reads back to the same bytes, and what is wrong is refused with its place.

use portcullis::graph::Product;
use portcullis::graph::Snapshot;
use portcullis::graph::World;
use portcullis::graph::world::Edge;
use portcullis::graph::world::Node;

use crate::spec::graph::build;
use crate::spec::graph::id;
use crate::spec::graph::unknown;
use crate::spec::graph::with;

fn rich() -> World {
    let mut world = with(
        Product::DataCenter,
        &[
            "user/1 member group/ops",
            "group/ops member group/all",
            "group/all licensed workspace/1",
            "group/ops write project/7",
            "restriction/3 restricts repository/9",
            "group/ops exempt restriction/3",
            "agent/5 acts_for user/1",
        ],
    );
    world.nodes.push(Node::new(id("ref/9:refs/heads/\u{202e}niam"), "evil \"name\"\u{202e}"));
    world.edges.push(
        Edge::new(id("ref/9:refs/heads/\u{202e}niam"), "in".parse_word(), id("repository/9"))
            .told_by("GET branches"),
    );
    unknown(&mut world, "repository/9", "variables");
    world
}

trait Word {
    fn parse_word(&self) -> portcullis::graph::Relation;
}

impl Word for str {
    fn parse_word(&self) -> portcullis::graph::Relation {
        portcullis::graph::Relation::from_text(self).unwrap()
    }
}

#[test]
fn what_was_written_reads_back_to_the_same_bytes() {
    let bytes = rich().write();
    let again = World::read(&bytes).unwrap();
    assert_eq!(String::from_utf8(again.write()).unwrap(), String::from_utf8(bytes).unwrap());
    assert_eq!(again.nodes.len(), rich().nodes.len());
    assert_eq!(again.edges.len(), rich().edges.len());
}

#[test]
fn order_of_writing_does_not_matter() {
    let mut turned = rich();
    turned.nodes.reverse();
    turned.edges.reverse();
    assert_eq!(turned.write(), rich().write());
}

#[test]
fn a_snapshot_gives_back_the_world_it_was_built_from() {
    let world = rich();
    let again = build(&world).world(&world.connection.id).unwrap();
    assert_eq!(again.write(), world.write());
}

const HEAD: &str =
    r#"{"version":1,"connection":{"id":"c1","product":"cloud"},"as_of":"2026-11-21T18:05:00Z","#;
const PAIR: &str = r#"{"id":"c1/user/1"},{"id":"c1/repository/9"}"#;

fn refused(text: &str) -> String {
    World::read(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_small_file_by_hand_is_read() {
    let edge = r#"{"from":"c1/user/1","is":"write","to":"c1/repository/9"}"#;
    let world = World::read(format!("{HEAD}\"nodes\":[{PAIR}],\"edges\":[{edge}]}}").as_bytes());
    assert_eq!(world.unwrap().edges.len(), 1);
}

#[test]
fn what_is_wrong_with_a_node_is_said_with_its_place() {
    let cases = [
        (
            r#"{"id":"c2/user/1"}"#,
            "node 2 (`c2/user/1`): it belongs to another connection than `c1`",
        ),
        (r#"{"id":"c1/user/1"}"#, "node 2 (`c1/user/1`): another node has this id"),
        (r#"{"id":"c1/person/1"}"#, "is not a kind of thing"),
        (r#"{"name":"x"}"#, "node 2 (``): it has no `id`"),
        (
            r#"{"id":"c1/user/2","activ":true}"#,
            "`activ` is not an attribute: did you mean `active`?",
        ),
        (r#"{"id":"c1/user/2","actvie":true}"#, "did you mean `active`?"),
        (r#"{"id":"c1/project/2","visibelity":"public"}"#, "did you mean `visibility`?"),
        (r#"{"id":"c1/user/2","more":{"deep":1}}"#, "an attribute is null, a flag"),
        (
            r#"{"id":"c1/user/2","active":"yes"}"#,
            "`active` must be true or false, or null for none",
        ),
        (r#"{"id":"c1/user/2","active":true,"active":false}"#, "`active` is said twice"),
        (r#"{"id":"c1/user/2","name":null}"#, "`name` must be a text"),
        (
            r#"{"id":"c1/user/{0D4B62F3-5A1E-4B1C-9C1F-0123456789AB}"}"#,
            "write this id as `c1/user/0d4b62f3-5a1e-4b1c-9c1f-0123456789ab`",
        ),
        (r#"{"id":"c1/project/1","default":"read"}"#, "no `default` edge leads"),
        (r#"{"id":"c1/repository/1","visibility":"secret"}"#, "must be one of private, public"),
    ];
    for (node, wanted) in cases {
        let error = refused(&format!("{HEAD}\"nodes\":[{PAIR},{node}],\"edges\":[]}}"));
        assert!(error.contains(wanted), "{node}: {error}");
    }
}

#[test]
fn an_attribute_of_somebody_else_is_kept() {
    let node = r#"{"id":"c1/user/2","badge_color":"green"}"#;
    let world = World::read(format!("{HEAD}\"nodes\":[{node}],\"edges\":[]}}").as_bytes()).unwrap();
    assert!(String::from_utf8(world.write()).unwrap().contains(node));
}

#[test]
fn what_is_wrong_with_an_edge_is_said_with_its_place() {
    let good = r#"{"from":"c1/user/1","is":"read","to":"c1/repository/9"}"#;
    let cases = [
        (
            r#"{"from":"c1/user/1","is":"writes","to":"c1/repository/9"}"#,
            "edge 1 (`c1/user/1`): `writes` is not one of member, owner, read",
        ),
        (
            r#"{"from":"c1/user/1","is":"write","to":"c1/repository/8"}"#,
            "edge 1 (`c1/user/1`): `c1/repository/8` is not among the nodes",
        ),
        (
            r#"{"from":"c1/repository/9","is":"write","to":"c1/user/1"}"#,
            "a repository cannot be `write` to a user",
        ),
        (good, "another edge says the same"),
        (r#"{"from":"c1/user/1","is":"read"}"#, "missing field `to`"),
        (
            r#"{"from":"c1/user/1","is":"read","to":"c1/repository/9","level":"x"}"#,
            "unknown field `level`",
        ),
    ];
    for (edge, wanted) in cases {
        let error = refused(&format!("{HEAD}\"nodes\":[{PAIR}],\"edges\":[{good},{edge}]}}"));
        assert!(error.contains(wanted), "{edge}: {error}");
    }
}

#[test]
fn what_is_wrong_with_the_file_is_said() {
    let body = r#""nodes":[],"edges":[]}"#;
    let two = r#"{"version":2,"connection":{"id":"c1","product":"cloud"},"new":1}"#;
    assert!(refused(two).contains("version 2; this program reads version 1"));
    assert!(refused(&format!("{HEAD}\"extra\":1,{body}")).contains("unknown field `extra`"));
    assert!(refused("[]").contains("not a world file"));
    assert!(refused("{}").contains("missing field `version`"));
    let unknown = |field: &str| {
        format!(
            "{HEAD}\"nodes\":[{PAIR}],\"edges\":[],\"unknown\":[{{\"about\":\"c1/repository/9\",\"field\":\"{field}\",\"why\":\"no scope\"}}]}}"
        )
    };
    assert!(World::read(unknown("grants").as_bytes()).is_ok());
    assert!(
        refused(&unknown("grnts")).contains("unknown 0 (`c1/repository/9`): `grnts` is neither")
    );
}

#[test]
fn two_workspaces_in_one_connection_are_refused() {
    let nodes = r#"{"id":"c1/workspace/1"},{"id":"c1/workspace/2"}"#;
    let error = refused(&format!("{HEAD}\"nodes\":[{nodes}],\"edges\":[]}}"));
    assert!(error.contains("one connection has one workspace"), "{error}");
}

#[test]
fn worlds_of_two_connections_share_a_graph_but_not_an_edge() {
    let one = with(Product::Cloud, &["user/1 write repository/9"]);
    let mut other = one.clone();
    let rename =
        |id: &portcullis::graph::Id| id.as_str().replacen("c1/", "c2/", 1).parse().unwrap();
    other.connection.id = "c2".parse().unwrap();
    other.nodes.iter_mut().for_each(|node| node.id = rename(&node.id));
    for edge in &mut other.edges {
        (edge.from, edge.to) = (rename(&edge.from), rename(&edge.to));
    }
    let graph = Snapshot::build(3, &[one.clone(), other]).unwrap();
    let find = |text: &str| graph.resolve(text).unwrap();
    let level = |who: &str, what: &str| graph.effective(find(who), find(what)).level.as_str();
    assert_eq!(level("c2/user/1", "c2/repository/9"), "write");
    assert_eq!(level("c1/user/1", "c2/repository/9"), "none");
    assert!(Snapshot::build(1, &[one.clone(), one]).unwrap_err().to_string().contains("twice"));
}

#[test]
fn a_name_finds_its_node_and_an_ambiguous_one_is_refused() {
    let graph = build(&rich());
    let found = |text: &str| graph.node(graph.resolve(text).unwrap()).unwrap().id.to_string();
    assert_eq!(found("project:BILL"), "c1/project/7");
    assert_eq!(found("repository:BILL/billing"), "c1/repository/9");
    assert_eq!(found("group:OPS"), "c1/group/ops", "Data Center compares without regard to case");
    assert_eq!(found("c1/user/1"), "c1/user/1");
    assert!(graph.resolve("project:bill").is_err());
    assert!(
        graph.resolve("user:nobody").unwrap_err().to_string().contains("knows no `user:nobody`")
    );
    let mut twice = rich();
    twice.nodes.push(Node::new(id("user/2"), "1"));
    let error = build(&twice).resolve("user:1").unwrap_err().to_string();
    assert_eq!(error, "`user:1` could be c1/user/1, c1/user/2: write the id");
}

#[test]
fn a_name_of_two_connections_is_refused_and_beside_a_place_it_is_its_own() {
    let world = |connection: &str| {
        let text = r#"{"version":1,"connection":{"id":"HERE","product":"cloud"},"as_of":"2026-11-20T18:05:00Z",
            "nodes":[{"id":"HERE/user/1","name":"Mia"},{"id":"HERE/user/2","name":"Only HERE"}],
            "edges":[],"unknown":[]}"#;
        World::read(text.replace("HERE", connection).as_bytes()).unwrap()
    };
    let graph = Snapshot::build(1, &[world("east"), world("west")]).unwrap();
    let id = |node| graph.node(node).unwrap().id.to_string();
    let refused = graph.resolve("user:Mia").unwrap_err().to_string();
    assert_eq!(refused, "`user:Mia` could be east/user/1, west/user/1: write the id");
    for here in ["east", "west"] {
        let connection = here.parse().unwrap();
        assert_eq!(
            id(graph.resolve_in(&connection, "user:Mia").unwrap()),
            format!("{here}/user/1")
        );
    }
    // A name that only one has is found beside any place.
    let west = "west".parse().unwrap();
    assert_eq!(id(graph.resolve_in(&west, "user:Only east").unwrap()), "east/user/2");
    assert!(graph.resolve_in(&"north".parse().unwrap(), "user:Mia").is_err());
}

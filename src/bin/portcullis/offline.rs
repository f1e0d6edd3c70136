//! What the offline commands share: worlds from files, and events shown without a gateway.

use std::path::Path;

use portcullis::event::Event;
use portcullis::gateway::gather;
use portcullis::graph::ConnectionId;
use portcullis::graph::Known;
use portcullis::graph::Product;
use portcullis::graph::Snapshot;
use portcullis::graph::Why;
use portcullis::graph::World;
use portcullis::graph::fact::Fact;
use portcullis::graph::fact::Page;
use portcullis::graph::fact::Wanted;
use portcullis::policy::Document;
use portcullis::policy::Sides;
use portcullis::policy::diagnostic;
use portcullis::policy::load;
use portcullis::posture::Catalogue;
use serde_json::Value;
use serde_json::json;

/// Reads a world file into a graph.
pub fn world(path: &Path) -> Result<(Snapshot, ConnectionId), String> {
    let world = read_world(path)?;
    let connection = world.connection.id.clone();
    let graph =
        Snapshot::build(1, &[world]).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok((graph, connection))
}

/// Reads a world file.
pub fn read_world(path: &Path) -> Result<World, String> {
    let bytes = std::fs::read(path)
        .map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    World::read(&bytes).map_err(|error| format!("{}: {error}", path.display()))
}

/// The files of a policy folder in their two bundles, or the shipped rules.
pub fn rules(folder: Option<&Path>) -> Result<Sides, String> {
    use portcullis::gateway::bundles::Source;
    let source = folder.map_or(Source::Shipped, |path| Source::Folder(path.to_owned()));
    source.read().map_err(|error| error.to_string())
}

/// What the posture rules of a folder, or the shipped ones, can find.
pub fn catalogue(folder: Option<&Path>) -> Result<Catalogue, String> {
    let files = rules(folder)?.or_shipped().posture;
    let loaded = load(&files).map_err(|found| diagnostic::render_all(&found))?;
    Ok(Catalogue::of(loaded.bundle()))
}

/// An event as it was told: every field that is known, by its name in the input document, and what the body names but
/// does not tell in full.
pub fn told(event: &Event) -> Value {
    let all = Wanted::all();
    let mut page = Page::new(&all);
    event.facts.write(&mut page);
    let (json, gaps) = page.finish();
    let mut shown = json!({"kind": event.kind, "at": event.at});
    if let (Some(shown), Ok(Value::Object(facts))) =
        (shown.as_object_mut(), serde_json::from_slice(&json))
    {
        shown.extend(facts.into_iter().filter(|(_, value)| !is_hollow(value)));
        let told: Vec<_> = gaps.iter().filter(|gap| gap.why != Why::NOT_TOLD.as_str()).collect();
        if !told.is_empty() {
            shown.insert("unknown".to_owned(), json!(told));
        }
    }
    shown
}

/// Whether nothing stands in it: `null`, or a record of which nothing was told.
fn is_hollow(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => false,
    }
}

/// The input document a rule that reads everything would see.
pub fn input(
    event: &Event,
    connection: &ConnectionId,
    product: Product,
    graph: &Snapshot,
) -> Value {
    let mut document = Document {
        kind: event.kind,
        connection: connection.clone(),
        product,
        action: portcullis::gateway::inbox::deed(event.kind).to_owned(),
        now: Known::unknown("no decision is made here, so there is no hour"),
        caller: Known::unknown("no decision is made here, so nobody asks"),
        facts: event.facts.clone(),
        claimed: Known::Nothing,
        graph: Known::Nothing,
    };
    gather::offline(graph, &mut document, &[]);
    let input = document.page(&Wanted::all());
    serde_json::from_slice(input.json()).unwrap_or_default()
}

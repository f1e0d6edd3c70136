//! What a repository's pipeline definition says, as posture rules see it.

use crate::graph::Known;
use crate::graph::Listed;
use crate::graph::NodeNo;
use crate::graph::Product;
use crate::graph::Snapshot;
use crate::graph::Why;
use crate::policy::subject::definition::Definition;
use crate::policy::subject::definition::Image;
use crate::posture::look::hook::NO_OWN_HOSTS;
use crate::posture::look::listed;
use crate::posture::look::those;

const SWITCHED_OFF: Why = Why::fixed(
    "pipeline definitions are not read: add `pipeline-definition` to the `classes` of this connection",
);

const NAMED_BY_VARIABLE: Why =
    Why::fixed("a variable names this image: nothing tells which one it is before it runs");

/// What stands for every variable.
const ALL: &str = "*";

/// Nothing where there is no definition: on Data Center, where pipelines are off, and without the file.
pub(super) fn look(graph: &Snapshot, node: NodeNo) -> Known<Definition> {
    if graph.product_of(node) == Some(Product::DataCenter)
        || graph.flag(node, "pipelines") == Known::Value(false)
    {
        return Known::Nothing;
    }
    let off = graph
        .workspace_of(node)
        .is_none_or(|workspace| graph.flag(workspace, "definitions") != Known::Value(true));
    let mut images = graph.texts(node, "images");
    if off {
        images.learn_why(&SWITCHED_OFF);
    }
    if let (Known::Value(_), Known::Unknown(why)) = (&images, graph.flag(node, "pipelines")) {
        return Known::Unknown(why);
    }
    images.map(|images| {
        let printed = graph.texts(node, "echoes").map(<[String]>::to_vec);
        Definition {
            images: Known::Value(images.iter().map(|line| image(line)).collect()),
            printed_secrets: secrets(graph, node, &printed),
            printed,
            deployments: graph.texts(node, "deployments").map(<[String]>::to_vec),
        }
    })
}

/// A line of the graph: registry, `pinned` or `moving`, then what else holds; what a variable names is not told.
fn image(line: &str) -> Image {
    let mut words = line.split(' ');
    let registry = words.next().unwrap_or_default().to_owned();
    let words: Vec<&str> = words.collect();
    let untold = if registry == "$" { NAMED_BY_VARIABLE } else { NO_OWN_HOSTS };
    let either =
        |yes: &str, no: &str, untold: Why| match (words.contains(&yes), words.contains(&no)) {
            (true, _) => Known::Value(true),
            (false, true) => Known::Value(false),
            (false, false) => Known::Unknown(untold),
        };
    Image {
        registry: Known::Value(registry),
        pinned: either("pinned", "moving", NAMED_BY_VARIABLE),
        inline_password: Known::Value(words.contains(&"inline")),
        outside: either("outside", "own", untold),
    }
}

/// Secured variables that any step of the repository holds, or one of its deployments, and that are printed.
fn secrets(graph: &Snapshot, node: NodeNo, printed: &Known<Vec<String>>) -> Known<Vec<String>> {
    let printed = match printed {
        Known::Value(printed) if printed.is_empty() => return Known::Value(Vec::new()),
        Known::Value(printed) => printed,
        Known::Nothing => return Known::Value(Vec::new()),
        Known::Unknown(why) => return Known::Unknown(why.clone()),
    };
    let environments = graph.environments_of(node);
    let deployments = environments.nodes.iter().map(|one| Some(*one));
    let (mut nodes, mut unknown) = (Vec::new(), environments.unknown);
    for environment in std::iter::once(None).chain(deployments) {
        let readable = graph.variables_readable(node, environment);
        unknown = unknown.or(readable.unknown);
        let read = readable.all.into_iter();
        let read = read.filter(|read| printed.iter().any(|one| *one == read.name || one == ALL));
        nodes.extend(read.map(|one| one.node));
    }
    let secured = those(Listed { nodes, unknown }, |variable| graph.flag(variable, "secured"));
    listed(secured, |variable| graph.name(variable).to_owned()).map(|mut names| {
        names.sort();
        names.dedup();
        names
    })
}

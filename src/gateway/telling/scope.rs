//! Whether a service token's scope means anything: a misspelt one would refuse what it was made for, months later.

use crate::event::caller::TokenDoor;
use crate::gateway::connections::Connection;
use crate::gateway::environments;
use crate::gateway::question::is_action;
use crate::gateway::telling::TokenWish;
use crate::graph::RepositoryPattern;
use crate::graph::Snapshot;

/// Most repositories, actions or environments that one token names.
const MAX_NAMES: usize = 100;

/// Judges the scope that somebody wishes for; what is wrong, in words.
pub fn judge(wish: &TokenWish, connection: &Connection, graph: &Snapshot) -> Result<(), String> {
    for (what, names) in [
        ("repositories", &wish.repositories),
        ("actions", &wish.actions),
        ("environments", &wish.environments),
    ] {
        if names.len() > MAX_NAMES {
            return Err(format!(
                "{} {what} are more than the {MAX_NAMES} a token may name",
                names.len()
            ));
        }
    }
    if wish.doors.is_empty() || wish.doors.len() > TokenDoor::ALL.len() {
        let all = TokenDoor::TEXTS.join("`, `");
        return Err(format!("a token opens one or more of `{all}`, each named once"));
    }
    wish.repositories.iter().try_for_each(|text| repository(text, connection, graph))?;
    if let Some(odd) = wish.actions.iter().find(|action| !is_action(action)) {
        let odd: String = odd.chars().take(40).flat_map(char::escape_debug).collect();
        return Err(format!("`{odd}` is no action: write a lower-case word such as `deploy`"));
    }
    wish.environments.iter().try_for_each(|name| environment(name, connection, graph))
}

fn repository(text: &str, connection: &Connection, graph: &Snapshot) -> Result<(), String> {
    let pattern: RepositoryPattern =
        text.parse().map_err(|error: crate::graph::PatternError| error.to_string())?;
    if let Some(other) = pattern.connection().filter(|other| *other != connection.id) {
        return Err(format!(
            "`{pattern}` is on connection `{other}`, the token is for `{}`",
            connection.id
        ));
    }
    // What was never discovered cannot be compared.
    let discovered = graph.as_of_connection(&connection.id).is_some();
    if discovered && !pattern.is_known(graph, &connection.id) {
        return Err(format!(
            "no repository that is known on connection `{}` is called `{pattern}`: compare the spelling, or wait for the next discovery if it is new",
            connection.id
        ));
    }
    Ok(())
}

fn environment(name: &str, connection: &Connection, graph: &Snapshot) -> Result<(), String> {
    if environments::is_known(connection, graph, name) == Some(false) {
        let name: String = name.chars().take(80).flat_map(char::escape_debug).collect();
        return Err(format!(
            "no environment `{name}` is known on connection `{}`: add it to the gate's configuration as `[[connection.environment]]` with its name and tier",
            connection.id
        ));
    }
    Ok(())
}

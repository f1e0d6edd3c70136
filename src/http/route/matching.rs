//! Finding a request's route by method and path.

use std::fmt::Write;

use http::Method;

use crate::http::route::ROUTES;
use crate::http::route::Route;
use crate::http::route::Surface;
use crate::http::route::Verb;

/// A request's route, with what its path says.
#[derive(Debug)]
pub struct Found<'router, 'path> {
    /// The line of the table.
    pub route: &'static Route,
    parameters: matchit::Params<'router, 'path>,
}

impl<'path> Found<'_, 'path> {
    /// What stands in the path at the pattern's first parameter: no pattern has two.
    pub fn first(&self) -> Option<&'path str> {
        self.parameters.iter().next().map(|(_, value)| value)
    }

    /// What stands in the path where the pattern says `{name}`, as it was sent (not percent-decoded: no id of ours
    /// needs it).
    pub fn parameter(&self, name: &str) -> Option<&'path str> {
        self.parameters.iter().find_map(|(key, value)| (key == name).then_some(value))
    }
}

/// Why a request has no route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missed {
    /// No route has this path.
    NoSuchPath,
    /// The path is there, but not with this method.
    WrongMethod {
        /// The value of `Allow`.
        allow: String,
    },
}

/// Finds routes of one surface by method and path.
pub struct Router {
    paths: matchit::Router<Vec<&'static Route>>,
}

impl Router {
    /// The table's part for one surface. Errors: two patterns of the table contradict each other.
    pub fn new(surface: Surface) -> Result<Self, matchit::InsertError> {
        let mut paths = matchit::Router::new();
        let routes = || ROUTES.iter().filter(move |route| route.surface == surface);
        let first = |route: &Route| {
            routes().find(|other| other.pattern == route.pattern).map(|other| other.door)
        };
        for route in routes().filter(|route| first(route) == Some(route.door)) {
            let methods: Vec<_> = routes().filter(|other| other.pattern == route.pattern).collect();
            paths.insert(route.pattern, methods)?;
        }
        Ok(Self { paths })
    }

    /// Matches one request.
    pub fn find<'path>(
        &self,
        method: &Method,
        path: &'path str,
    ) -> Result<Found<'_, 'path>, Missed> {
        let matched = self.paths.at(path).map_err(|_| Missed::NoSuchPath)?;
        match matched.value.iter().find(|route| route.method.answers(method)) {
            Some(route) => Ok(Found { route, parameters: matched.params }),
            None => Err(Missed::WrongMethod { allow: allow(matched.value) }),
        }
    }
}

fn allow(routes: &[&Route]) -> String {
    routes.iter().fold(String::new(), |mut allow, route| {
        let comma = if allow.is_empty() { "" } else { ", " };
        let head = if route.method == Verb::Get { ", HEAD" } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(allow, "{comma}{}{head}", route.method.name());
        allow
    })
}

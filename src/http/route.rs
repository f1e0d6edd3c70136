//! What can be asked: the one table of routes, and the match of a request against it. Here is what a line of it says.
//!
//! A line of [`ROUTES`] says everything that holds before a door sees a request: method, path, who may call, how much
//! body, which rate, which door. Matching, authentication, limits, metric labels and the API description all read
//! this table, so that they cannot disagree. It is deliberately data: what a door does is not here.

mod door;
mod matching;
mod table;

use http::Method;

pub use door::Door;
pub use matching::Found;
pub use matching::Missed;
pub use matching::Router;
pub use table::AUTHZEN_BODY;
pub use table::CHECK_BODY;
pub use table::HOOK_BODY;
pub use table::OPERATOR_BODY;
pub use table::ROUTES;

/// The listener that carries a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Surface {
    /// For Bitbucket, pipelines, and the people they send here.
    Public,
    /// For who runs the gateway.
    Operator,
}

impl Surface {
    /// The value of the label `surface`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Operator => "operator",
        }
    }
}

/// The methods that any route has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Reads. A HEAD is answered as a GET without its body.
    Get,
    /// Does something.
    Post,
    /// Ends something.
    Delete,
}

impl Verb {
    /// As HTTP writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }

    /// Whether it answers this method.
    fn answers(self, method: &Method) -> bool {
        method.as_str() == self.name() || (self == Self::Get && method == Method::HEAD)
    }
}

/// Who may call a route. How each is recognised is the business of the room that does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Anyone, also under a Host that is not ours: an orchestrator calls by address.
    Probe,
    /// Anyone; what is shown then is for anyone.
    Anyone,
    /// Whoever signed the body with a secret of the hook in the path.
    Signature,
    /// A pipeline step, another CI, or a service, by its token.
    Asker,
    /// A signed-in person, or the asker whose question it is.
    Person,
    /// The operator, by token or in a session.
    Operator,
}

/// How much body a route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLimit {
    /// None at all.
    Empty,
    /// At most so many bytes.
    Bytes(usize),
}

impl BodyLimit {
    /// In bytes.
    pub fn bytes(self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// Which bucket of the rate limit a route draws from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateClass {
    /// Not counted: probes and scraping must answer under load.
    Free,
    /// One bucket for each caller and one for each connection.
    Counted,
}

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Where it is served.
    pub surface: Surface,
    /// Its method.
    pub method: Verb,
    /// Its path; `{name}` stands for one segment.
    pub pattern: &'static str,
    /// Who may call it.
    pub caller: Caller,
    /// How much body it takes.
    pub body: BodyLimit,
    /// Whether its calls are counted.
    pub rate: RateClass,
    /// What answers.
    pub door: Door,
    /// One line for the API description.
    pub summary: &'static str,
}

impl Route {
    /// Whether programs call it, by names they have from the API description: what it does not know is refused there,
    /// where a page shrugs at what a mail program adds to a link.
    pub fn is_for_programs(&self) -> bool {
        ["/v1/", "/api/v1/", "/access/v1/"].iter().any(|place| self.pattern.starts_with(place))
    }

    /// Whether the caller's own name of a request is sent back, as AuthZEN asks.
    pub fn echoes(&self) -> bool {
        self.pattern.starts_with("/access/v1/")
    }
}

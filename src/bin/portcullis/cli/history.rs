//! Commands that ask about the past: what each takes.

use clap::Args;

use crate::cli::Gate;
use crate::cli::Looks;

/// When a question is about.
#[derive(Debug, Args)]
pub struct When {
    /// The graph as it was then: a day, a minute, or RFC 3339. Default: as it is now.
    #[arg(long, value_name = "TIME", conflicts_with = "world")]
    pub at: Option<String>,
    /// With --at: what was believed then, not what was true then.
    #[arg(long, requires = "at")]
    pub believed: bool,
}

impl When {
    /// As the API is asked.
    pub fn query(&self) -> [(&'static str, String); 2] {
        let view = if self.believed { "believed".to_owned() } else { String::new() };
        [("at", self.at.clone().unwrap_or_default()), ("view", view)]
    }
}

/// `portcullis access diff`
#[derive(Debug, Args)]
pub struct Diff {
    /// Only this resource: an id, or `repository:NAME`. Default: every repository.
    pub resource: Option<String>,
    /// The earlier time: a day, a minute, or RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub from: String,
    /// The later time. Default: now.
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// `portcullis access since`
#[derive(Debug, Args)]
pub struct Since {
    /// The identity: an id, or `user:NAME`.
    pub identity: String,
    /// read, write, create, admin or owner.
    pub action: String,
    /// The repository, project or workspace: an id, or `repository:NAME`.
    pub resource: String,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// How to reach a gateway, and how its answer looks.
#[derive(Debug, Args)]
pub struct Place {
    /// Where it is.
    #[command(flatten)]
    pub gate: Gate,
    /// How.
    #[command(flatten)]
    pub looks: Looks,
}

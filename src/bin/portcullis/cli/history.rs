//! Commands that ask about the past: what each takes.

use std::path::PathBuf;

use clap::Args;

use crate::cli::Format;
use crate::cli::GraphFormat;
use crate::cli::Reach;

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
    /// The gateway's operator address.
    #[arg(
        long,
        value_name = "URL",
        env = "PORTCULLIS_OPERATOR_URL",
        default_value = "http://127.0.0.1:8081"
    )]
    pub gateway: String,
    /// The folder of the gateway's operator token, if `PORTCULLIS_OPERATOR_TOKEN` is not set.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub data: PathBuf,
    /// How the answer looks.
    #[arg(
        long,
        value_enum,
        value_name = "table|json|csv",
        default_value_t,
        hide_possible_values = true
    )]
    pub format: GraphFormat,
}

impl Place {
    /// As other commands reach a gateway.
    pub fn reach(&self) -> Reach {
        Reach { gateway: self.gateway.clone(), data: self.data.clone(), format: Format::Json }
    }
}

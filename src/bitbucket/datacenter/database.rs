//! Bitbucket Data Center's own database, read-only: who reaches what, from PostgreSQL instead of from REST.
//!
//! Atlassian does not officially support direct queries: the tables may change with any release ([`WARNING`]). So the
//! schema is looked at before anything is read ([`Survey`]), what is not as we know it is unknown and not guessed, and
//! everything is read in one read-only transaction with a time limit on each statement and a limit on rows. The columns
//! that hold secrets (hashes of passwords and tokens, secrets of webhooks) are never selected.
//!
//! What the article on permission reports gets wrong is right here: type 1 is a *personal* project; a rule of one
//! repository is not told of its siblings; a project without a default permission says so; groups within groups,
//! unlicensed, inactive and deleted people are told from those who can really do something; and a rule's exemptions are
//! people, groups and keys. Other databases than PostgreSQL are refused: REST and the CSV export tell the same.

mod address;
mod credentials;
mod members;
mod people;
mod places;
mod rules;
mod session;
mod survey;

use std::fmt;

use tokio_postgres::Config;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::bitbucket::scribe::Scribe;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Product;
use crate::graph::Time;
use crate::graph::World;
use crate::graph::world::Connection;
use crate::graph::world::Node;
use crate::secret::Secret;

pub use session::MAX_ROWS;
pub use survey::Survey;

/// What whoever reads the database must have read.
pub const WARNING: &str = "Atlassian does not officially support direct queries on Bitbucket's database: its tables may change with any release; REST is the supported way";

/// Where Bitbucket puts its tables unless told otherwise.
pub const SCHEMA: &str = "public";

/// How the database is reached.
#[derive(Debug)]
pub struct Settings {
    /// `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`. TLS unless loopback or a socket.
    pub url: Secret<String>,
    /// The schema that holds Bitbucket's tables.
    pub schema: String,
    /// PEM of a private certificate authority; none: those the system trusts.
    pub authority: Option<Vec<u8>>,
}

/// Bitbucket's database; nothing is asked until it is read.
#[derive(Clone)]
pub struct Database {
    config: Config,
    tls: MakeRustlsConnect,
    schema: String,
}

/// What was read, and what the schema looked like.
#[derive(Debug)]
pub struct Told {
    /// Who reaches what.
    pub world: World,
    /// What was found of the schema.
    pub survey: Survey,
}

/// Why the database tells nothing. No sentence holds an address, a password or a value that was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// Not an address.
    #[error(
        "this is not the address of a PostgreSQL: write it like `postgresql://USER:PASSWORD@HOST:5432/bitbucket`, special characters in the password as %XX"
    )]
    Address,
    /// Another database.
    #[error(
        "Bitbucket's database on {0} is not read, only PostgreSQL's: give the connection an administrator's credential and read it by REST, or import the CSV that Bitbucket exports (`portcullis access import --csv`)"
    )]
    Foreign(&'static str),
    /// No encryption over a network.
    #[error(
        "the database is not on this machine, so its password must travel by TLS: take `sslmode=disable` out of the address"
    )]
    Plain,
    /// What is done anyway.
    #[error(
        "leave `sslmode=verify-full` and `sslmode=verify-ca` out of the address: off this machine TLS is always used, and the certificate and its name are always verified"
    )]
    Verify,
    /// The certificate authority is none.
    #[error("the database's certificate authority is not a PEM file of certificates")]
    Authority,
    /// The TLS client could not be set up.
    #[error("TLS to the database could not be set up: are the system's CA certificates installed?")]
    Tls,
    /// No connection, or one that broke.
    #[error(
        "no connection to Bitbucket's database: check the address, the network, pg_hba.conf and the certificate"
    )]
    Unreachable,
    /// It does not take the role or password.
    #[error("Bitbucket's database refused the role or its password: check both, and pg_hba.conf")]
    Refused,
    /// There is no such database.
    #[error("there is no such database on that server: check the last part of the address")]
    Absent,
    /// Tables or columns without which nothing can be told.
    #[error(
        "the schema `{schema}` is not Bitbucket's as it is known here: it lacks {missing}. Check `schema`; if Bitbucket changed it, read by REST or import the CSV export"
    )]
    Schema {
        /// Which schema.
        schema: String,
        /// What it lacks.
        missing: String,
    },
    /// The role may not read what is needed.
    #[error("the role may not read {0}: grant it as `docs/connect-data-center-sql-csv.md` says")]
    Forbidden(String),
    /// A statement took too long, or everything did.
    #[error(
        "Bitbucket's database did not answer for {0} in time: read from a replica, or at another hour"
    )]
    TimedOut(&'static str),
    /// More rows than are held.
    #[error("Bitbucket's database holds more than {MAX_ROWS} rows of {0}: read it by REST")]
    TooLong(&'static str),
    /// Anything else it says no with.
    #[error("Bitbucket's database did not answer for {what} (SQLSTATE {code})")]
    Failed {
        /// What was asked for.
        what: &'static str,
        /// PostgreSQL's code.
        code: String,
    },
    /// A value of another type than is known.
    #[error("Bitbucket's database tells {0} in another form than is known here: read it by REST")]
    Form(&'static str),
}

impl Database {
    /// A database to read. Nothing is asked yet; what cannot be an address, or would show the password to the network,
    /// is refused.
    pub fn new(settings: &Settings) -> Result<Self, DatabaseError> {
        let config = address::config(settings.url.expose())?;
        let tls = MakeRustlsConnect::new(address::tls(settings.authority.as_deref())?);
        Ok(Self { config, tls, schema: settings.schema.clone() })
    }

    /// Reads everything, in one transaction that cannot write. Cost: some twenty statements, a few seconds for a large
    /// server.
    pub async fn read(&self, home: Connection, as_of: Time) -> Result<Told, DatabaseError> {
        session::within(self, async |session| {
            let survey = survey::look(&session, &self.schema).await?;
            let mut scribe = Scribe::new(home);
            let top = whole(&mut scribe).ok_or(DatabaseError::Form("the server"))?;
            let levels = places::levels(&session).await?;
            let mut holders = people::read(&session, &mut scribe).await?;
            members::read(&session, &mut scribe, &holders).await?;
            credentials::read(&session, &mut scribe, (&survey, &mut holders)).await?;
            places::read(&session, &mut scribe, (&top, &survey, &levels, &holders)).await?;
            rules::read(&session, &mut scribe, (&survey, &holders)).await?;
            Ok(Told { world: scribe.finish(as_of), survey })
        })
        .await
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({})", self.schema)
    }
}

/// The connection of a world that is read so.
pub fn home(id: ConnectionId, name: &str) -> Connection {
    Connection { id, product: Product::DataCenter, name: Some(name.to_owned()) }
}

fn whole(scribe: &mut Scribe) -> Option<Id> {
    let top = scribe.id(Kind::Workspace, "server")?;
    let name = scribe.name().unwrap_or("server").to_owned();
    scribe.node(Node::new(top.clone(), &name));
    let files = "Bitbucket keeps it in files of the server, not in its database";
    scribe.gap(&top, "anonymous", files.to_owned());
    scribe.gap(&top, "version", "the tables that are read do not tell it".to_owned());
    Some(top)
}

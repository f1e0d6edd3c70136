//! `portcullis access import`: who reaches what, from elsewhere than REST.

use std::path::PathBuf;

use clap::Args;

use crate::cli::Product;

/// What an import needs to be told.
const IMPORT: &str = "\
The world is written to standard output, with what could not be learned as `unknown`; what was
read is said on standard error. `serve`, `who-can`, `can` and `paths` take it with `--world`.

  portcullis access import --csv users.csv --connection acme-dc > world.json
  portcullis access import --database bitbucket-database.url --connection acme-dc > world.json

Atlassian does not officially support direct queries on Bitbucket's database: its tables may
change with any release.";

/// `portcullis access import`
#[derive(Debug, Args)]
#[command(after_help = IMPORT)]
pub struct AccessImport {
    /// The CSV of users and their permissions that Bitbucket exports (Data Center 8.5 and later).
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "database",
        required_unless_present = "database"
    )]
    pub csv: Option<PathBuf>,
    /// A file that holds the address of Bitbucket's PostgreSQL: postgresql://ROLE:PASSWORD@HOST:5432/bitbucket
    #[arg(long, value_name = "FILE")]
    pub database: Option<PathBuf>,
    /// The connection it is about: part of every id.
    #[arg(long, value_name = "ID")]
    pub connection: String,
    /// Which Bitbucket the CSV is of.
    #[arg(
        long,
        value_enum,
        value_name = "cloud|datacenter",
        default_value = "datacenter",
        hide_possible_values = true
    )]
    pub product: Product,
    /// An earlier world of this connection, which tells the ids of what the CSV only names.
    #[arg(long, value_name = "WORLD", requires = "csv")]
    pub ids_from: Option<PathBuf>,
    /// When the CSV was exported, such as 2026-11-21T18:05:00Z; absent: when the file was last written.
    #[arg(long, value_name = "TIME", requires = "csv")]
    pub as_of: Option<String>,
    /// The schema that holds Bitbucket's tables.
    #[arg(long, value_name = "NAME", requires = "database")]
    pub schema: Option<String>,
    /// PEM file of the private certificate authority of the database.
    #[arg(long, value_name = "FILE", requires = "database")]
    pub ca: Option<PathBuf>,
}

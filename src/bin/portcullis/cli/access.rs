//! `portcullis access …`: who reaches what, from elsewhere than REST.

use clap::Subcommand;

use crate::cli::AccessImport;

/// `portcullis access …`
#[derive(Debug, Subcommand)]
pub enum AccessCommand {
    /// Make a world file from Data Center's database or from a CSV of permissions. Offline.
    Import(AccessImport),
}

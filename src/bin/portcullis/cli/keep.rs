//! `portcullis store …`: keeping the store.

use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;

use crate::cli::Format;

/// `portcullis store …`
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// What the store is: size, entries, last checkpoint, what waits. Also beside a running gateway.
    Info {
        /// Which, and how it is shown.
        #[command(flatten)]
        at: StoreAt,
    },
    /// Copy the store into one file, also while a gateway is running.
    Backup {
        /// The new file; never over an existing one.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// Which, and how it is shown.
        #[command(flatten)]
        at: StoreAt,
    },
    /// Make a new store from a backup, in an empty place, and prove its record.
    Restore {
        /// The backup.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// Which, and how it is shown.
        #[command(flatten)]
        at: StoreAt,
    },
}

/// Which store.
#[derive(Debug, Args)]
pub struct StoreAt {
    /// The store.
    #[arg(long, value_name = "URL", default_value = "sqlite:portcullis.db")]
    pub store: String,
    /// How the answer looks.
    #[arg(
        long,
        value_enum,
        value_name = "text|json",
        default_value_t,
        hide_possible_values = true
    )]
    pub format: Format,
}

//! `portcullis config check|init|schema`.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use crate::cli::Config;
use crate::config;
use crate::config::template::TEMPLATE;
use crate::serve;

/// Runs the command.
pub fn run(command: &Config) -> ExitCode {
    match command {
        Config::Check { file } => check(file.as_deref()),
        Config::Init { file } => init(file),
        Config::Schema => {
            println!("{:#}", config::schema());
            ExitCode::SUCCESS
        }
    }
}

/// Reads the file as `serve` would: keys, values, secrets, hooks, rules' folder; everything but opening the store.
fn check(file: Option<&Path>) -> ExitCode {
    match config::load(file).and_then(|config| serve::checked(&config)) {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("portcullis: {error}");
            ExitCode::from(2)
        }
    }
}

fn init(file: &Path) -> ExitCode {
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .and_then(|mut out| out.write_all(TEMPLATE.as_bytes()));
    match written {
        Ok(()) => {
            println!(
                "{} is written. Next: add a [[connection]], then `portcullis config check {0}`.",
                file.display()
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            let next = if error.kind() == std::io::ErrorKind::AlreadyExists {
                "an existing file is never overwritten, name another one"
            } else {
                "check the folder and who may write there"
            };
            eprintln!("portcullis: cannot write `{}`: {error}; {next}", file.display());
            ExitCode::FAILURE
        }
    }
}

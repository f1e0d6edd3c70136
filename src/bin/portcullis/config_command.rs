//! `portcullis config check|init|schema`.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use crate::cli::Config;
use crate::config;
use crate::config::ConfigError;
use crate::config::pointing;
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
            if let Some(place) = place(file, &error) {
                eprintln!("{place}");
            }
            ExitCode::from(2)
        }
    }
}

/// Where in the file the wrong value stands. What the file's own reader refused says so itself.
fn place(file: Option<&Path>, error: &ConfigError) -> Option<String> {
    let ConfigError::Value { key, .. } = error else { return None };
    let file = file?;
    let text = std::fs::read_to_string(file).ok()?;
    pointing::shown(&file.display().to_string(), &text, key)
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

//! `portcullis completions|man|openapi|version`: what the program says of itself. All four are read off what it is: the
//! command line, the table of routes, the schema it writes.

use std::io;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;
use portcullis::http::doors;
use portcullis::store;
use serde_json::json;

use crate::cli::Cli;
use crate::cli::Format;

/// The program's name, as people type it.
const NAME: &str = "portcullis";

/// Prints a completion script.
pub fn completions(shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut offered(), NAME, &mut script);
    said(&io::stdout().write_all(&script))
}

/// The command line without what people do not start: scripts would offer what is hidden, too.
fn offered() -> clap::Command {
    let all = Cli::command();
    let shown = all.get_subcommands().filter(|below| !below.is_hide_set()).cloned();
    clap::Command::new(NAME)
        .version(env!("CARGO_PKG_VERSION"))
        .args(all.get_arguments().cloned())
        .subcommands(shown)
}

/// Writes a page for each command into a folder.
pub fn man(folder: &Path) -> ExitCode {
    match pages(folder) {
        Ok(count) => {
            println!(
                "{count} pages are written; read one with `man -l {}/{NAME}.1`",
                folder.display()
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{NAME}: cannot write to `{}`: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

fn pages(folder: &Path) -> io::Result<usize> {
    std::fs::create_dir_all(folder)?;
    let mut root = Cli::command();
    // Puts the whole command into each name, and the flags of all into each page.
    root.build();
    page(folder, root, NAME)
}

/// The page of a command and those of the commands below it. Their names are the commands', joined by `-`.
fn page(folder: &Path, command: clap::Command, name: &str) -> io::Result<usize> {
    let below = command.get_subcommands().filter(|below| shows(below)).cloned();
    let mut written = 1;
    for below in below.collect::<Vec<_>>() {
        let name = format!("{name}-{}", below.get_name());
        written += page(folder, below, &name)?;
    }
    let mut text = Vec::new();
    let typed = command.get_bin_name().unwrap_or(NAME).to_owned();
    let shown = command.name(name.to_owned()).bin_name(typed);
    Man::new(shown).title(name).section("1").manual("Portcullis").render(&mut text)?;
    std::fs::write(folder.join(format!("{name}.1")), text)?;
    Ok(written)
}

/// `help` is said by every page, and what is hidden is started by programs.
fn shows(command: &clap::Command) -> bool {
    !command.is_hide_set() && command.get_name() != "help"
}

/// Prints the description of the API.
pub fn openapi(public: &str) -> ExitCode {
    said(&writeln!(io::stdout(), "{:#}", doors::description(public)))
}

/// Prints what this program is made of.
pub fn version(format: Format) -> ExitCode {
    let (version, schema) = (env!("CARGO_PKG_VERSION"), store::SCHEMA);
    let (rustc, engine) = (env!("PORTCULLIS_RUSTC"), env!("PORTCULLIS_ENGINE"));
    let told = match format {
        Format::Text => format!("{NAME} {version}\nschema {schema}\nengine {engine}\n{rustc}"),
        Format::Json => {
            json!({"version": version, "schema": schema, "rustc": rustc, "engine": engine})
                .to_string()
        }
    };
    said(&writeln!(io::stdout(), "{told}"))
}

/// A reader that goes away, such as `head`, is no failure of ours to tell.
fn said(written: &io::Result<()>) -> ExitCode {
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

//! `portcullis access import`: a world file from Data Center's own database or from a CSV of permissions, without a
//! gateway.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use portcullis::bitbucket::datacenter::csv;
use portcullis::bitbucket::datacenter::database;
use portcullis::gateway::clock::Clock;
use portcullis::graph::ConnectionId;
use portcullis::graph::Product;
use portcullis::graph::Time;
use portcullis::graph::World;
use portcullis::secret::Secret;

use crate::cli;
use crate::cli::AccessImport;
use crate::offline;
use crate::serve::connections;

/// What a person did wrong is exit 2, what the file or database cannot tell exit 1.
enum Failure {
    Usage(String),
    Source(String),
}

/// Runs it.
pub async fn run(import: AccessImport) -> ExitCode {
    let (code, why) = match made(&import).await {
        Ok(world) => match std::io::stdout().lock().write_all(&world.write()) {
            Ok(()) => return ExitCode::SUCCESS,
            Err(error) => (1, format!("the world could not be written: {error}")),
        },
        Err(Failure::Usage(why)) => (2, why),
        Err(Failure::Source(why)) => (1, why),
    };
    eprintln!("portcullis: {why}");
    ExitCode::from(code)
}

async fn made(import: &AccessImport) -> Result<World, Failure> {
    let connection: ConnectionId =
        import.connection.parse().map_err(|error| Failure::Usage(format!("{error}")))?;
    match (&import.csv, &import.database) {
        (Some(file), _) => from_csv(import, file, connection),
        (None, Some(file)) => from_database(import, file, connection).await,
        (None, None) => Err(Failure::Usage("name a source: --csv or --database".to_owned())),
    }
}

fn from_csv(
    import: &AccessImport,
    file: &Path,
    connection: ConnectionId,
) -> Result<World, Failure> {
    let names = import.ids_from.as_deref().map(offline::read_world).transpose();
    let names = names.map_err(Failure::Usage)?;
    if let Some(world) = names.as_ref().filter(|world| world.connection.id != connection) {
        let other = &world.connection.id;
        return Err(Failure::Usage(format!("`--ids-from` is a world of `{other}`")));
    }
    let as_of = match &import.as_of {
        Some(text) => text.parse().map_err(|error| Failure::Usage(format!("{error}")))?,
        None => written(file).map_err(Failure::Usage)?,
    };
    let product = match import.product {
        cli::Product::Cloud => Product::Cloud,
        cli::Product::DataCenter => Product::DataCenter,
    };
    let bytes = bytes_of(file, csv::MAX_BYTES)?;
    let settings = csv::Settings { connection, product, as_of, names: names.as_ref() };
    let reading = csv::read(&bytes, &settings)
        .map_err(|error| Failure::Source(format!("{}: {error}", file.display())))?;
    eprintln!("read {} rows as of {as_of}", reading.rows);
    if !reading.ignored.is_empty() {
        eprintln!("columns that mean nothing here: {}", reading.ignored.join(", "));
    }
    if reading.unnumbered > 0 {
        eprintln!(
            "{} ids are made of names, since the file has no numbers; with `--ids-from WORLD` they are those of an earlier world",
            reading.unnumbered
        );
    }
    told(&reading.world);
    Ok(reading.world)
}

async fn from_database(
    import: &AccessImport,
    file: &Path,
    connection: ConnectionId,
) -> Result<World, Failure> {
    let url = bytes_of(file, 64 << 10)?;
    let url = String::from_utf8(url)
        .map_err(|_| Failure::Usage(format!("`{}` is not text", file.display())))?;
    let url = Secret::new(url.trim().to_owned());
    let database = connections::database::open(url, import.schema.as_deref(), import.ca.as_deref());
    let database = database.map_err(Failure::Usage)?;
    let home = database::home(connection, "Bitbucket Data Center");
    let reading = database.read(home, Clock::machine(Time::default()).now()).await;
    let reading = reading.map_err(|error| Failure::Source(error.to_string()))?;
    eprintln!("{}", database::WARNING);
    reading.survey.lines().iter().for_each(|line| eprintln!("{line}"));
    told(&reading.world);
    Ok(reading.world)
}

fn told(world: &World) {
    eprintln!(
        "{} nodes, {} edges, {} facts unknown",
        world.nodes.len(),
        world.edges.len(),
        world.unknown.len()
    );
}

fn bytes_of(file: &Path, most: usize) -> Result<Vec<u8>, Failure> {
    let cannot = |why: String| Failure::Usage(format!("cannot read `{}`: {why}", file.display()));
    let about = std::fs::metadata(file).map_err(|error| cannot(error.to_string()))?;
    if usize::try_from(about.len()).unwrap_or(usize::MAX) > most {
        return Err(cannot(format!("it has {} bytes, more than the {most} read", about.len())));
    }
    std::fs::read(file).map_err(|error| cannot(error.to_string()))
}

/// When the file was last written.
fn written(file: &Path) -> Result<Time, String> {
    let at = std::fs::metadata(file).and_then(|about| about.modified());
    let at = at.map_err(|error| format!("cannot read `{}`: {error}", file.display()))?;
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Ok(Time::default().plus(since))
}

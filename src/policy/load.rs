//! A folder of files becomes a bundle that can be served, or a list of what is wrong with it.
//!
//! Loading may take long and, on hostile text, crash: it runs in a worker process of its own. What it checks is the
//! contract's "refused at load"; each check has its file.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use regorus::Value;
use serde::Deserialize;
use serde::Serialize;
use sha2::Digest;
use sha2::Sha256;

use crate::graph::fact::Shape;
use crate::policy::Bundle;
use crate::policy::Rule;
use crate::policy::RuleId;
use crate::policy::SubjectKind;
use crate::policy::bundle::POSTURE;
use crate::policy::bundle::SourceFile;
use crate::policy::cycles::Needs;
use crate::policy::data;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::engine;
use crate::policy::engine::Compiled;
use crate::policy::form::Forms;
use crate::policy::heads;
use crate::policy::interpreter;
use crate::policy::metadata;
use crate::policy::metadata::Metadata;
use crate::policy::parse;
use crate::policy::parse::Role;
use crate::policy::parse::Unit;
use crate::policy::references;
use crate::policy::references::Sees;
use crate::policy::references::World;
use crate::policy::scan;
use crate::policy::trial;
use crate::policy::uses;
use crate::policy::vocabulary;

/// Most files of one bundle.
pub const MAX_FILES: usize = 1_000;

/// Most bytes of one bundle. A bundle is text that people wrote.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Most diagnostics of one bundle. Beyond it nobody reads, and a hostile bundle would fill the worker's frame.
const MAX_SAID: usize = 200;

/// Stack for loading. The parser, compiler and interpreter call themselves for each nested part; what the scan lets
/// through needs a small part of this. The memory is reserved, not used.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// Which checks a bundle must pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Checks {
    /// All of them.
    All,
    /// Only what is needed to compile: these very files have passed all of them before. Also for trying out what a
    /// worker does with a hostile rule.
    CompileOnly,
}

/// A bundle ready to serve: what it declares, its compiled rules and its data.
pub struct Loaded {
    bundle: Bundle,
    programs: Vec<Compiled>,
    data: Value,
    warnings: Vec<Diagnostic>,
}

impl Loaded {
    /// What the bundle declares.
    pub const fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// What somebody should look at, though it loads.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// The compiled rules, in the order of the bundle's rules.
    pub(in crate::policy) fn programs(&self) -> impl Iterator<Item = (&RuleId, &Compiled)> {
        self.bundle.rules.iter().map(|rule| &rule.id).zip(&self.programs)
    }

    pub(in crate::policy) const fn data(&self) -> &Value {
        &self.data
    }
}

/// Loads a bundle with every check. The diagnostics are sorted by file and line; nothing loads beside an error.
pub fn load(files: &[SourceFile]) -> Result<Loaded, Vec<Diagnostic>> {
    load_with(files, Checks::All)
}

/// Loads a bundle with these checks.
pub fn load_with(files: &[SourceFile], checks: Checks) -> Result<Loaded, Vec<Diagnostic>> {
    on_deep_stack(|| load_here(files, checks))
}

/// Runs `work` on a thread with a stack that deep sources do not overflow.
pub(in crate::policy) fn on_deep_stack<T: Send>(
    work: impl FnOnce() -> Result<T, Vec<Diagnostic>> + Send,
) -> Result<T, Vec<Diagnostic>> {
    let lost = |why: &str| Err(vec![Diagnostic::about("", why)]);
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("policy-load".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work);
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => lost("the engine gave up on this bundle"),
            Err(_) => lost("there is no memory for loading this bundle"),
        }
    })
}

fn load_here(files: &[SourceFile], checks: Checks) -> Result<Loaded, Vec<Diagnostic>> {
    let mut found = Vec::new();
    sizes(files).map_err(|wrong| vec![wrong])?;
    let units = units(files, checks, &mut found);
    let data = data::gather(files, &mut found);
    let forms = Forms::all();
    let world = World { units: &units };
    let metadata = headers(&world, &forms, checks, &mut found);
    let needs = needs((&world, &forms), &metadata, checks, &mut found);
    refuse(found)?;
    let (rules, programs, found) = compile_all(&world, metadata, &needs, &data, checks);
    refuse(found)?;
    let people = data::people(files, &data).map_err(|wrong| vec![wrong])?;
    let vocabulary = vocabulary::read(files, &data).map_err(|wrong| vec![wrong])?;
    let bundle = Bundle { revision: revision(files), rules, people, vocabulary };
    Ok(Loaded { bundle, programs, data, warnings: Vec::new() })
}

fn refuse(mut found: Vec<Diagnostic>) -> Result<(), Vec<Diagnostic>> {
    found.sort();
    found.dedup();
    if found.len() > MAX_SAID {
        let more = found.split_off(MAX_SAID).len();
        found.push(Diagnostic::about("", format!("and {more} more")));
    }
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn sizes(files: &[SourceFile]) -> Result<(), Diagnostic> {
    if files.len() > MAX_FILES {
        return Err(Diagnostic::about(
            "",
            format!("this bundle has {} files; the limit is {MAX_FILES}", files.len()),
        ));
    }
    let bytes: usize = files.iter().map(|file| file.text.len()).sum();
    if bytes > MAX_BYTES {
        let limit = MAX_BYTES / 1024 / 1024;
        return Err(Diagnostic::about(
            "",
            format!("this bundle has {bytes} bytes; the limit is {limit} MiB"),
        ));
    }
    Ok(())
}

/// Whether a file is part of what is served.
fn is_served(file: &SourceFile) -> bool {
    data::is_data(&file.path) || (parse::is_policy(&file.path) && !parse::is_test(&file.path))
}

fn revision(files: &[SourceFile]) -> String {
    let mut served: Vec<&SourceFile> = files.iter().filter(|file| is_served(file)).collect();
    served.sort_by(|a, b| a.path.cmp(&b.path));
    let mut hash = Sha256::new();
    for file in served {
        for part in [&file.path, &file.text] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part.as_bytes());
        }
    }
    hex::encode(hash.finalize())
}

/// Parses every served policy file, sorted by package. Tests are scanned and parsed too, but not returned.
fn units<'f>(
    files: &'f [SourceFile],
    checks: Checks,
    found: &mut Vec<Diagnostic>,
) -> Vec<Unit<'f>> {
    let mut units = Vec::new();
    let read = |file: &&SourceFile| {
        parse::is_policy(&file.path) && (checks == Checks::All || !parse::is_test(&file.path))
    };
    for file in files.iter().filter(read) {
        let scanned = match checks {
            Checks::All => scan::scan(&file.path, &file.text),
            Checks::CompileOnly => Ok(()),
        };
        match scanned.and_then(|()| parse::parse(file)) {
            Ok(unit) if unit.role == Role::Test => {}
            Ok(unit) => units.push(unit),
            Err(wrong) => found.push(wrong),
        }
    }
    units.sort_by(|a, b| a.package.cmp(&b.package).then_with(|| a.file.path.cmp(&b.file.path)));
    units
}

/// Packages, paths and metadata. The result holds one entry per rule file, by its position in the world.
fn headers(
    world: &World<'_>,
    forms: &Forms,
    checks: Checks,
    found: &mut Vec<Diagnostic>,
) -> BTreeMap<usize, Metadata> {
    let mut metadata = BTreeMap::new();
    let mut packages: BTreeMap<&[String], &Unit<'_>> = BTreeMap::new();
    for (position, unit) in world.units.iter().enumerate() {
        if let Some(first) = packages.insert(&unit.package, unit) {
            let message = format!(
                "package `{}` is also the package of `{}`",
                unit.package_text(),
                first.file.path
            );
            found.push(
                unit.at(&unit.module.package.span, message)
                    .help("one rule a file, one file a package"),
            );
        }
        if checks == Checks::All {
            found.extend(imports(unit));
            found.extend(package(unit).err());
            found.extend(heads::check(unit));
        }
        if unit.role != Role::Rule {
            continue;
        }
        let file = unit.file;
        let start = parse::bytes(&unit.module.package.span).start;
        match metadata::read(&file.path, &file.text, start) {
            Ok(said) => {
                found.extend(side(unit, &said).err());
                found.extend(undeclared(&forms.of(said.subject()).shape, unit, &said));
                metadata.insert(position, said);
            }
            Err(wrong) => found.extend(wrong),
        }
    }
    metadata
}

/// `import input.…` would give a fact a second name.
fn imports(unit: &Unit<'_>) -> Vec<Diagnostic> {
    let imports = unit.module.imports.iter();
    imports
        .filter(|import| {
            parse::path_of(&import.refr)
                .is_some_and(|path| path.first().is_some_and(|root| root == "input"))
        })
        .map(|import| {
            unit.at(
                &import.span,
                "a rule must not import `input`: its facts would go by another name",
            )
            .help("write the fact's whole path where it is used")
        })
        .collect()
}

/// A rule's package must be its path; a library must lie outside of the rules and inside `portcullis`.
fn package(unit: &Unit<'_>) -> Result<(), Diagnostic> {
    let span = &unit.module.package.span;
    if unit.role != Role::Rule {
        let finds = unit.names().any(|name| name == "finding");
        return if finds {
            Err(unit
                .at(
                    span,
                    format!(
                        "a rule's package lies below `portcullis.rules`, not in `{}`",
                        unit.package_text()
                    ),
                )
                .help("write `package portcullis.rules.<area>.<rule>`"))
        } else {
            Ok(())
        };
    }
    let below = unit.package.get(2..).unwrap_or_default();
    let plain = |part: &String| {
        part.starts_with(|c: char| c.is_ascii_lowercase())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    if below.len() < 2 || !below.iter().all(plain) {
        return Err(unit
            .at(span, format!("`{}` is not a rule's package", unit.package_text()))
            .help("write `package portcullis.rules.<area>.<rule>` in lower case, with `_` between words"));
    }
    let expected = format!("{}.rego", below.join("/"));
    let path = unit.file.path.as_str();
    if path == expected || path.strip_suffix(&expected).is_some_and(|folder| folder.ends_with('/'))
    {
        return Ok(());
    }
    Err(unit
        .at(span, format!("package `{}` does not match this file's path", unit.package_text()))
        .help(format!("move the file to `{expected}`, or write `package {}`", package_of(path))))
}

/// The package that a rule in this file would have: its folder and its name.
fn package_of(path: &str) -> String {
    let stem = path.strip_suffix(".rego").unwrap_or(path);
    let mut parts: Vec<&str> = stem.rsplit('/').take(2).collect();
    parts.reverse();
    format!("portcullis.rules.{}", parts.join("."))
}

/// A rule below `portcullis.rules.posture` looks at a subject, and no other does.
fn side(unit: &Unit<'_>, said: &Metadata) -> Result<(), Diagnostic> {
    let posture = unit.package.get(2).is_some_and(|area| area == POSTURE);
    let span = &unit.module.package.span;
    match (posture, said.subject()) {
        (true, None) => Err(unit
            .at(span, "a rule below `portcullis.rules.posture` looks at a subject, not at an event")
            .help(format!(
                "write `subject: …` in place of `on`: one of {}",
                SubjectKind::TEXTS.join(", ")
            ))),
        (false, Some(_)) => Err(unit
            .at(span, "a rule that looks at a subject lies below `portcullis.rules.posture`")
            .help("move the file into the folder `posture`, or name events with `on`")),
        (true, Some(_)) | (false, None) => Ok(()),
    }
}

fn undeclared(shape: &Shape, unit: &Unit<'_>, said: &Metadata) -> Vec<Diagnostic> {
    let wrong = said.reads.iter().filter_map(|(path, bytes)| {
        let (message, help) = references::declared(shape, path).err()?;
        let file = unit.file;
        Some(Diagnostic::at(&file.path, &file.text, bytes.clone(), message).maybe_help(help))
    });
    wrong.collect()
}

/// Walks every rule of every file: its references are checked, and who needs whom is noted.
fn needs(
    (world, forms): (&World<'_>, &Forms),
    metadata: &BTreeMap<usize, Metadata>,
    checks: Checks,
    found: &mut Vec<Diagnostic>,
) -> Needs {
    let mut needs = Needs::default();
    for (position, unit) in world.units.iter().enumerate() {
        let declared: Vec<String> = metadata
            .get(&position)
            .map(|said| said.reads.iter().map(|(path, _)| path.clone()).collect())
            .unwrap_or_default();
        let subject = metadata.get(&position).and_then(Metadata::subject);
        let sees = Sees { form: forms.of(subject), declared: &declared };
        // Without its metadata nothing can be said about what a rule may read.
        let judged =
            checks == Checks::All && (unit.role != Role::Rule || metadata.contains_key(&position));
        for rule in &unit.module.policy {
            let uses = uses::of(unit, rule);
            if judged {
                found.extend(references::check(world, unit, &sees, &uses));
            }
            needs.note(world, position, parse::head_name(rule).unwrap_or_default(), &uses);
        }
    }
    if checks == Checks::All {
        found.extend(needs.check(world.units));
    }
    needs
}

type Everything = (Vec<Rule>, Vec<Compiled>, Vec<Diagnostic>);

fn compile_all(
    world: &World<'_>,
    metadata: BTreeMap<usize, Metadata>,
    needs: &Needs,
    data: &Value,
    checks: Checks,
) -> Everything {
    let (mut rules, mut programs, mut found) = (Vec::new(), Vec::new(), Vec::new());
    for (position, said) in metadata {
        let Some(unit) = world.units.get(position) else { continue };
        match compile(world, unit, &needs.files(position), data) {
            Ok((mut engine, program)) => {
                let rule = rule(unit, said);
                if checks == Checks::All {
                    found.extend(trial::run(unit, &rule, &mut engine, &program, data).err());
                }
                rules.push(rule);
                programs.push(program);
            }
            Err(wrong) => found.push(wrong),
        }
    }
    (rules, programs, found)
}

/// The engine that holds this rule's file, its libraries and the data, and the compiled rule.
fn compile(
    world: &World<'_>,
    unit: &Unit<'_>,
    files: &BTreeSet<usize>,
    data: &Value,
) -> Result<(regorus::Engine, Compiled), Diagnostic> {
    let files =
        files.iter().filter_map(|position| world.units.get(*position)).map(|unit| unit.file);
    let mut engine = interpreter::with_files(files, data.clone(), trial::LIMITS)?;
    let entry = format!("data.{}.finding", unit.package_text());
    match engine::compile(&mut engine, &entry) {
        Ok(program) => Ok((engine, program)),
        Err(said) => Err(compile_error(world, unit, &said)),
    }
}

/// A compiler's message names the file it is about, which may be a library.
fn compile_error(world: &World<'_>, unit: &Unit<'_>, said: &str) -> Diagnostic {
    let named = |other: &&Unit<'_>| said.contains(&format!("--> {}:", other.file.path));
    let file = world.units.iter().find(named).map_or(unit.file, |other| other.file);
    let mut wrong = parse::engine_error(&file.path, &file.text, said);
    wrong.message = format!("the serving engine cannot run this: {}", wrong.message);
    wrong
}

fn rule(unit: &Unit<'_>, said: Metadata) -> Rule {
    let package = unit.package_text();
    Rule {
        id: RuleId::of_package(&package).unwrap_or_else(|| RuleId::told(&package)),
        file: unit.file.path.clone(),
        title: said.title,
        description: said.description,
        on: said.on,
        reads: said.reads.into_iter().map(|(path, _)| path).collect(),
        fresh: said.fresh,
        severity: said.severity,
        on_error: said.on_error,
        on_unknown: said.on_unknown,
        unknown_handled: said.unknown_handled,
        approval: said.approval,
        remedies: said.remedies,
        owner: said.owner,
        controls: said.controls,
        stance: said.stance,
    }
}

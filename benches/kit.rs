//! What every measurement needs: CPU time of a program with all its children, percentiles, and the table at the end.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

/// A process and everything below it.
pub fn family(root: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, parent(pid)?)))
        .collect();
    let mut known = BTreeSet::from([root]);
    loop {
        let before = known.len();
        known.extend(
            parents
                .iter()
                .filter(|(_, up)| known.contains(up))
                .map(|(pid, _)| *pid)
                .collect::<Vec<_>>(),
        );
        if known.len() == before {
            return known.into_iter().collect();
        }
    }
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything; what follows the last bracket is state and parent.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// CPU time of these processes so far, from the scheduler's own count. A thread that has ended is not in it.
pub fn cpu(pids: &[u32]) -> Duration {
    let nanos =
        pids.iter().flat_map(|pid| fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten());
    let nanos = nanos.filter_map(|task| {
        let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

/// The same by the threads' names, largest first: where a program's time goes.
pub fn cpu_by_thread(pids: &[u32]) -> BTreeMap<String, Duration> {
    let mut all = BTreeMap::new();
    for (at, pid) in pids.iter().enumerate() {
        for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let read = |name: &str| fs::read_to_string(task.path().join(name)).unwrap_or_default();
            let name =
                if at == 0 { read("comm").trim().to_owned() } else { "worker process".to_owned() };
            let nanos = read("schedstat")
                .split_whitespace()
                .next()
                .and_then(|text| text.parse().ok())
                .unwrap_or(0);
            *all.entry(name).or_insert(Duration::ZERO) += Duration::from_nanos(nanos);
        }
    }
    all
}

/// CPU time of this process and its children.
pub fn own_cpu() -> Duration {
    cpu(&family(std::process::id()))
}

/// Memory of these processes: what is resident, and the same with shared pages counted once (KiB).
pub fn memory(pids: &[u32]) -> (u64, u64) {
    let of = |name: &str| -> u64 {
        pids.iter()
            .filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok())
            .filter_map(|text| {
                let line = text.lines().find(|line| line.starts_with(name))?.to_owned();
                line.split_whitespace().nth(1)?.parse::<u64>().ok()
            })
            .sum()
    };
    (of("Rss:"), of("Pss:"))
}

/// The value that `percent` of all do not exceed. Sorts.
pub fn percentile(values: &mut [f64], percent: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let at = (percent / 100.0 * last as f64).round() as usize;
    values.get(at).copied().unwrap_or(f64::NAN)
}

/// The middle one.
pub fn median(values: &[f64]) -> f64 {
    percentile(&mut values.to_vec(), 50.0)
}

/// The smallest.
pub fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// The largest.
pub fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// Microseconds.
pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// How long something takes: its result, and microseconds.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let begun = Instant::now();
    let made = work();
    (made, micros(begun.elapsed()))
}

/// How much CPU time something takes, on however many threads: its result, and microseconds. For work without waits,
/// where foreign load would only falsify the clock on the wall.
pub fn spent<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let before = own_cpu();
    let made = work();
    (made, micros(own_cpu().saturating_sub(before)))
}

/// A folder beside the build, so that what is measured is that disk and not a memory file system.
pub fn folder(name: &str) -> tempfile::TempDir {
    let beside = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    tempfile::Builder::new().prefix(name).tempdir_in(beside).unwrap()
}

/// Whether the goal of a row is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    Goal,
    Must,
    No,
    /// Nothing is asked of it: it explains another row.
    Remark,
}

/// One line of the table.
pub struct Row {
    pub number: &'static str,
    pub what: String,
    pub measured: String,
    pub ratio: String,
    pub must: &'static str,
    pub goal: &'static str,
    pub reached: Reached,
}

impl Row {
    /// A row whose value must not exceed two bounds.
    pub fn at_most(
        number: &'static str,
        what: impl Into<String>,
        measured: impl Into<String>,
        (value, unit): (f64, &str),
        (must, must_text): (f64, &'static str),
        (goal, goal_text): (f64, &'static str),
    ) -> Self {
        let reached = if value <= goal {
            Reached::Goal
        } else if value <= must {
            Reached::Must
        } else {
            Reached::No
        };
        Self {
            number,
            what: what.into(),
            measured: measured.into(),
            ratio: format!("{value:.2}{unit}"),
            must: must_text,
            goal: goal_text,
            reached,
        }
    }

    /// A row whose value must not be less.
    pub fn at_least(
        number: &'static str,
        what: impl Into<String>,
        measured: impl Into<String>,
        (value, unit): (f64, &str),
        must: (f64, &'static str),
        goal: (f64, &'static str),
    ) -> Self {
        let mirrored = Self::at_most(
            number,
            what,
            measured,
            (-value, unit),
            (-must.0, must.1),
            (-goal.0, goal.1),
        );
        Self { ratio: format!("{value:.2}{unit}"), ..mirrored }
    }

    /// A line that explains.
    pub fn remark(
        number: &'static str,
        what: impl Into<String>,
        measured: impl Into<String>,
        ratio: impl Into<String>,
    ) -> Self {
        Self {
            number,
            what: what.into(),
            measured: measured.into(),
            ratio: ratio.into(),
            must: "",
            goal: "",
            reached: Reached::Remark,
        }
    }
}

/// The table in Markdown.
pub fn table(rows: &[Row]) -> String {
    let mut out = String::from(
        "| row | what | measured | result | must | goal | reached |\n|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let reached = match row.reached {
            Reached::Goal => "goal",
            Reached::Must => "must",
            Reached::No => "**not yet**",
            Reached::Remark => "",
        };
        let Row { number, what, measured, ratio, must, goal, .. } = row;
        let _ = writeln!(
            out,
            "| {number} | {what} | {measured} | {ratio} | {must} | {goal} | {reached} |"
        );
    }
    out
}

//! What the store's commands say.

use std::fmt::Write as _;
use std::path::Path;

use portcullis::graph::Time;
use portcullis::store::Info;
use portcullis::store::KeyCheck;
use portcullis::store::Mark;
use portcullis::store::Progress;
use serde_json::Value;
use serde_json::json;

/// Where the second column begins.
const LABEL: usize = 14;

/// What a store is, for programs. Bytes, milliseconds, RFC 3339.
pub fn info_json(info: &Info, now: Time) -> Value {
    json!({
        "schema": info.schema,
        "instance": info.instance,
        "origin": info.origin,
        "role": info.role,
        "key": info.key.as_str(),
        "files": { "store_bytes": info.files.store, "log_bytes": info.files.log },
        "disk": info.disk.map(|disk| json!({ "free_bytes": disk.free, "total_bytes": disk.total })),
        "entries": info.head.size,
        "root": info.head.root.to_string(),
        "checkpoint": info.checkpoint.map(|signed| {
            json!({ "entries": signed.size, "at": signed.at, "age_ms": now.since(signed.at) })
        }),
        "waiting": info.waiting,
        "dead_letters": info.dead_letters,
        "actions_to_do": info.actions,
        "oldest_decision": info.decisions.map(|(oldest, _)| oldest),
        "newest_decision": info.decisions.map(|(_, newest)| newest),
    })
}

/// What a store is, for people.
pub fn info_text(info: &Info, now: Time) -> String {
    let disk = info.disk.map_or_else(
        || "unknown".to_owned(),
        |disk| format!("{} ({} %)", size(disk.free), disk.percent_free()),
    );
    let checkpoint = info.checkpoint.map_or_else(
        || "none yet".to_owned(),
        |signed| {
            let (at, ago) = (signed.at, age(now.since(signed.at)));
            format!("over {} entries, {at} ({ago} ago)", signed.size)
        },
    );
    let span = info
        .decisions
        .map_or_else(|| "none yet".to_owned(), |(oldest, newest)| format!("{oldest} to {newest}"));
    let key = match info.key {
        KeyCheck::Right => "right: `store.key` beside the store opens what is sealed",
        KeyCheck::Wrong => "WRONG: `store.key` beside the store is not the one that sealed it",
        KeyCheck::NotGiven => "not checked: there is no readable `store.key` beside the store",
    };
    let log =
        format!("{} and {} in the write-ahead log", size(info.files.store), size(info.files.log));
    let rows = [
        ("instance", info.instance.to_string()),
        ("origin", info.origin.clone()),
        ("role", info.role.clone()),
        ("schema", info.schema.to_string()),
        ("key", key.to_owned()),
        ("files", log),
        ("free space", disk),
        ("entries", info.head.size.to_string()),
        ("tree head", info.head.root.to_string()),
        ("checkpoint", checkpoint),
        ("waiting", format!("{} deliveries, {} actions", info.waiting, info.actions)),
        ("dead letters", info.dead_letters.to_string()),
        ("decisions", span),
    ];
    lines(&rows)
}

/// What a copy holds, for programs.
pub fn mark_json(mark: &Mark, file: &Path) -> Value {
    json!({
        "file": file.display().to_string(),
        "bytes": mark.bytes,
        "entries": mark.head.size,
        "root": mark.head.root.to_string(),
        "checkpoint": mark.signed.map(|entries| json!({ "entries": entries })),
        "last_delivery": mark.last_delivery.map(|(id, at)| json!({ "id": id, "received": at })),
    })
}

/// What a backup holds, and what it does not.
pub fn backup_text(mark: &Mark, file: &Path) -> String {
    let name = file.display();
    format!(
        "{}It does not hold the key: keep `store.key` in another place.\nNext, to try it: portcullis store restore --from {name} --store sqlite:NEW.db",
        mark_text(mark, &format!("{name}, {}", size(mark.bytes)))
    )
}

/// What was restored, and what to do next.
pub fn restore_text(mark: &Mark, store: &Path, has_key: bool) -> String {
    let proof = match mark.signed {
        Some(size) => format!(
            "The record is verified up to the checkpoint of {size} entries, and the tree over all of them."
        ),
        None => "The tree over the record is verified; nothing of it was ever signed.".to_owned(),
    };
    let key = if has_key {
        "The key beside it opens it. Next: portcullis serve"
    } else {
        "Next: put its `store.key` beside it, then portcullis serve"
    };
    format!(
        "{}{proof}\nIt ends at this mark: compare with the newest checkpoint that left the house.\n{key}",
        mark_text(mark, &store.display().to_string())
    )
}

fn mark_text(mark: &Mark, file: &str) -> String {
    let last = mark
        .last_delivery
        .map_or_else(|| "none yet".to_owned(), |(id, at)| format!("{id}, received {at}"));
    let signed =
        mark.signed.map_or_else(|| "none yet".to_owned(), |size| format!("over {size} entries"));
    lines(&[
        ("file", file.to_owned()),
        ("entries", mark.head.size.to_string()),
        ("tree head", mark.head.root.to_string()),
        ("checkpoint", signed),
        ("last delivery", last),
    ])
}

/// How far a copy is.
pub fn progress(progress: Progress) -> String {
    format!("{} of {}", size(progress.done), size(progress.total))
}

fn lines(rows: &[(&str, String)]) -> String {
    let mut out = String::new();
    for (label, text) in rows {
        // Writing to a `String` cannot fail.
        let _ = writeln!(out, "{label:<LABEL$} {text}");
    }
    out
}

/// Bytes as people say them.
fn size(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let fitting = units.into_iter().find(|(_, shift)| bytes >> shift > 0);
    let Some((unit, shift)) = fitting else { return format!("{bytes} bytes") };
    let tenths = (bytes >> (shift - 10)) * 10 / 1_024;
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// A time span as people say it, its largest unit alone.
fn age(millis: u64) -> String {
    let seconds = millis / 1_000;
    let units = [("d", 86_400), ("h", 3_600), ("min", 60)];
    let fitting = units.into_iter().find(|(_, length)| seconds >= *length);
    fitting.map_or_else(
        || format!("{seconds} s"),
        |(unit, length)| format!("{} {unit}", seconds / length),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ages_are_said_in_their_largest_unit() {
        let sizes = [0, 1_023, 1_024, 1_536, 1 << 20, (5 << 30) + (1 << 29)].map(size);
        assert_eq!(sizes, ["0 bytes", "1023 bytes", "1.0 KiB", "1.5 KiB", "1.0 MiB", "5.5 GiB"]);
        assert_eq!([999, 61_000, 7_200_000, 200_000_000].map(age), ["0 s", "1 min", "2 h", "2 d"]);
    }
}

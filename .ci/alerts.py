#!/usr/bin/env python3
"""Asks the shipped alert rules about what real gates showed: alerts.py RECORDINGS OUT

RECORDINGS is the folder that the tests of `tests/spec/alarms.rs` fill, a file for each planted fault and one for quiet.
OUT becomes a file for `promtool test rules`: a look is a minute; behind the last one a fault is carried on (what grew
between the last two looks goes on to grow), and quiet is repeated. Every alert of the list has to be there.
"""

import pathlib
import re
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
RULES = ROOT / "charts/portcullis/files/rules.yaml"
# What Prometheus adds when it scrapes.
SCRAPED = 'namespace="gate",job="portcullis-operator",pod="portcullis-0"'
# Minutes of what was before the fault.
BEFORE = 5

FAULTS = {
    "bitbucket-slow", "bitbucket-throttled", "disk-full", "hook-silent", "clock-off", "bundle-bad", "workers-dying",
    "keys-gone", "certificate-expiring", "outbox-stuck", "dead-letters-rising", "checkpoint-late",
}

SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")


def recording(path):
    """Heads, and the looks: seconds and series → value."""
    heads, looks = {}, []
    for line in path.read_text().splitlines():
        if found := re.match(r"# (fires|after|then): ?(.*)", line):
            heads[found[1]] = found[2]
        elif found := re.match(r"# look: (.*)", line):
            looks.append((float(found[1]), {}))
        elif found := SAMPLE.match(line):
            labels = f"{found[2]},{SCRAPED}" if found[2] else SCRAPED
            looks[-1][1][f"{found[1]}{{{labels}}}"] = float(found[3])
    return heads, looks


def is_counter(series):
    return re.search(r"_(total|bucket|sum|count)\{", series) is not None


def carried_on(series, looks, minutes):
    """As it was before, then as it was seen, then as it went between the last two looks."""
    (before, first), (then, last) = looks[-2:]
    slope = (last[series] - first[series]) / max(then - before, 0.05) * 60
    sign = "-" if slope < 0 else "+"
    return f"{first[series]:.6f}x{BEFORE} {last[series]:.6f}{sign}{abs(slope):.6f}x{minutes}"


def repeated(series, looks, minutes):
    """Over and over; a counter goes on from where it was."""
    values = [look[series] for _, look in looks]
    gain = values[-1] - values[0] if is_counter(series) else 0.0
    rounds = minutes // len(values) + 1
    return " ".join(f"{value + gain * turn:.6f}" for turn in range(rounds) for value in values)


def test(path, names):
    heads, looks = recording(path)
    minutes = int(heads["after"])
    goes_on = carried_on if heads["then"] == "carry on" else repeated
    inside = [one for one in looks[-1][1] if one.split("{")[0] in names and all(one in look for _, look in looks)]
    series = [{"series": one, "values": goes_on(one, looks, minutes + 30)} for one in sorted(inside)]
    alert = heads["fires"]
    fires = {"expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})', "eval_time": f"{minutes}m",
             "exp_samples": [{"labels": "{}", "value": 1}]}
    # Not even pending.
    rests = {"expr": f"max_over_time(ALERTS[{minutes}m])", "eval_time": f"{minutes}m", "exp_samples": []}
    return {"name": path.stem, "interval": "1m", "input_series": series, "promql_expr_test": [fires if alert else rests]}


def main():
    folder, out = map(pathlib.Path, sys.argv[1:])
    files = sorted(folder.glob("*.txt"))
    missing = (FAULTS | {"quiet"}) - {path.stem for path in files}
    if missing:
        print(f"no recording of {', '.join(sorted(missing))}: run `cargo test --test spec alarms`")
        return 1
    names = set(re.findall(r"\bportcullis_[a-z_]+", RULES.read_text()))
    tests = [test(path, names) for path in files]
    rules = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}
    out.write_text(yaml.safe_dump(rules, sort_keys=False, width=10_000))
    print(f"{len(tests) - 1} planted faults and an hour of quiet, as real gates showed them")
    return 0


sys.exit(main())

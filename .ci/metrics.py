#!/usr/bin/env python3
"""Holds alert rules and dashboard against a real gate: metrics.py [--forbid WORD]… FILE…

Each FILE is the text of `/metrics` of a gate. What all of them show together must hold every metric, with every label,
that rules and dashboard ask for; no label may be one of its own invention, and no value may hold a WORD (a repository,
a person, a secret that the gate has met). Without a FILE only what rules and dashboard promise by themselves is checked.
"""

import argparse
import json
import pathlib
import re
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILES = ROOT / "charts/portcullis/files"

# Each has few values, and none of them names somebody or something of the company's.
LABELS = {"product", "outcome", "surface", "verdict", "effect", "station", "reason", "class", "listener", "severity"}
# Of HTTP, histograms and build information.
LABELS |= {"method", "route", "status", "le", "version"}
# What Prometheus adds when it scrapes.
SCRAPED = {"namespace", "job"}

NAME = re.compile(r"\bportcullis_[a-z_]+")
SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
BY = re.compile(r"\b(?:by|without|on|ignoring) ?\(([^)]*)\)")


def rules():
    """Every alert rule."""
    groups = yaml.safe_load((FILES / "rules.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def queries():
    """Every query, with where it stands."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in json.loads((FILES / "dashboard.json").read_text())["panels"]:
        for target in panel.get("targets", []):
            yield f"panel `{panel['title']}`", target["expr"]


def asked(query):
    """The labels that a query names."""
    named = {name.strip() for group in BY.findall(query) for name in group.split(",")}
    return named | {name for name in re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', query)}


def told(texts):
    """What gates show: name of each sample → label → values."""
    shown = {}
    for text in texts:
        for line in text.splitlines():
            if found := SAMPLE.match(line):
                labels = shown.setdefault(found[1], {})
                for name, value in LABEL.findall(found[2] or ""):
                    labels.setdefault(name, set()).add(value)
    return shown


def promises():
    """Every alert says how bad, what, and what next; its page exists; it was seen to fire."""
    page = (ROOT / "docs/operate.md").read_text()
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.+)$", page, re.M)}
    tests = yaml.safe_load((ROOT / "charts/portcullis/ci/rules_test.yaml").read_text())["tests"]
    fired = {case["alertname"] for test in tests for case in test.get("alert_rule_test", []) if case["exp_alerts"]}
    for rule in rules():
        name, notes = rule["alert"], rule["annotations"]
        if rule["labels"].get("severity") not in {"critical", "warning", "info"}:
            yield f"{name}: no severity"
        if not notes.get("summary", "").endswith((".", ".\n")):
            yield f"{name}: no summary that is a sentence"
        found = re.search(r"docs/operate\.md#([\w-]+)", notes.get("next_step", ""))
        if not found or found[1] not in anchors:
            yield f"{name}: its next step leads to no section of docs/operate.md"
        if name not in fired:
            yield f"{name}: no test in which it fires"


def missing(shown):
    """What rules and dashboard ask for and no gate shows."""
    for where, query in queries():
        names = set(NAME.findall(query))
        for name in sorted(names - shown.keys()):
            yield f"{where} asks for `{name}`, which no gate shows"
        having = {label for name in names for label in shown.get(name, {})} | SCRAPED
        if names <= shown.keys() and asked(query) - having:
            yield f"{where} asks for the labels {sorted(asked(query) - having)}, which those metrics do not have"


def invented(shown, forbidden):
    """Labels that nobody agreed to, and values that say too much."""
    for name, labels in shown.items():
        for label in sorted(labels.keys() - LABELS):
            yield f"`{name}` has the label `{label}`"
        for label, values in labels.items():
            for value in sorted(values):
                for word in forbidden:
                    if word.lower() in value.lower():
                        yield f"`{name}` holds `{word}` in {label}=\"{value}\""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--forbid", action="append", default=[])
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    found = list(promises())
    found += [f"{where} asks for the label `{label}`" for where, query in queries() for label in sorted(asked(query) - LABELS - SCRAPED)]
    if options.files:
        shown = told(file.read_text() for file in options.files)
        found += [*missing(shown), *invented(shown, options.forbid)]
        print(f"{len(shown)} series names from {len(options.files)} gates")
    for why in found:
        print(why)
    print(f"{len(rules())} alerts, {len(list(queries()))} queries, {len(found)} wrong")
    return 1 if found else 0


sys.exit(main())

#!/usr/bin/env python3
"""Run every Rego test of the shipped rules in engines that are not ours.

    pip install regopy==1.5.2 pyyaml==6.0.3
    python3 policies/second_engine.py            # the `opa` tool too, where OPA names it

regopy is rego-cpp, an interpreter that shares no code with the one that serves. Rules whose tests
pass in both mean what the language says, not what one engine makes of it. On the way the metadata is
held against the control catalogue and the rules' own text. Exit 0: all is well; 1: something is not.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import yaml
from regopy import Interpreter

HERE = Path(__file__).resolve().parent
ALWAYS = {"version", "event", "connection", "action", "subject", "unknown"}
SEVERITIES = {"critical", "high", "medium", "low", "info"}
# Without a floor, a folder that was moved would pass with no test at all.
RULES_SHIPPED = 12
POSTURE_SHIPPED = 19
SUBJECTS = {"workspace", "project", "repository", "identity", "credential", "hook", "runner", "variable"}
PRODUCTS = {"cloud", "datacenter"}
# What every rule says below `custom`, and what only those that answer events or look at a subject say.
EVERY_KEY = ("reads", "severity", "controls", "remedies", "owner")
EVENT_KEYS = ("on", "on_error")
POSTURE_KEYS = ("subject", "category", "needs")


def main():
    rules = sorted(p for p in HERE.glob("*/*.rego") if not p.name.endswith("_test.rego"))
    tests = sorted(HERE.glob("*/*_test.rego"))
    problems = check_texts(rules, tests)
    posture = sum(rule.parent.name == "posture" for rule in rules)
    if posture < POSTURE_SHIPPED or len(rules) - posture < RULES_SHIPPED:
        problems.append(f"only {len(rules)} rules found, {posture} of them posture: more are shipped")
    passed, failed = run_tests(rules, tests)
    problems += failed
    problems += run_opa()
    for problem in problems:
        print(f"FAILED {problem}", file=sys.stderr)
    print(f"{len(rules)} rules, {passed} tests passed in regopy, {len(problems)} problems")
    return 1 if problems else 0


def run_tests(rules, tests):
    """Each test on its own query: (how many passed, what failed)."""
    passed, failed = 0, []
    for path in tests:
        rule = path.with_name(path.name.replace("_test.rego", ".rego")).read_text()
        text = path.read_text()
        names = re.findall(r"^(test_\w+)", text, re.M)
        if not names or len(names) != len(set(names)):
            failed.append(f"{path.name}: no test, or two of the same name")
        for name in names:
            answer = run_test(rule, text, name)
            if answer is True:
                passed += 1
            else:
                failed.append(f"{path.parent.name}/{path.name} {name}: {answer}")
    return passed, failed


def run_test(rule, text, name):
    """One test: true, false, `undefined` or the engine's complaint.

    rego-cpp 1.5.2 loses its way (down to a segmentation fault) when `with input as` reaches a rule
    through another rule. So the document is worked out first, handed over as the input, and `with`
    is cut from the test's text; the rule itself stays as it is. That needs one document a test.
    """
    package = re.search(r"^package (\S+)", text, re.M).group(1)
    start = text.index(f"\n{name} ") + 1
    end = text.index("\n}", start)
    body, documents = cut_with(text[start:end])
    if len(documents) != 1:
        return f"should use one input document, uses {len(documents)}"
    before, after = text[:start], text[end:]
    document = ask(rule, f"{without_with(before)}the_document := {documents.pop()}\n", f"data.{package}.the_document")
    if not isinstance(document, dict):
        return f"its input document is {document}"
    return ask(rule, without_with(before) + body + without_with(after), f"data.{package}.{name}", document)


def without_with(text):
    return cut_with(text)[0]


def cut_with(text):
    """The text without its ` with input as …`, and the set of what stood there."""
    kept, documents = [], set()
    while True:
        head, marker, rest = text.partition(" with input as ")
        kept.append(head)
        if not marker:
            return "".join(kept), documents
        length = expression_length(rest)
        documents.add(rest[:length])
        text = rest[length:]


def expression_length(text):
    """How far an expression reaches: to the first line end outside brackets and strings."""
    depth, quoted = 0, False
    for at, char in enumerate(text):
        if char == '"' and text[at - 1] != "\\":
            quoted = not quoted
        elif not quoted and char in "([{":
            depth += 1
        elif not quoted and char in ")]}":
            depth -= 1
        elif char == "\n" and depth == 0:
            return at
    return len(text)


def ask(rule, text, query, document=None):
    """The value of one query, `undefined`, or `the engine fails`."""
    engine = Interpreter()
    engine.add_module("rule.rego", rule)
    engine.add_module("test.rego", text)
    if document is not None:
        engine.set_input(document)
    output = engine.query(query)
    # Asking a failed answer for its text is what ends the process: do not.
    if not output.ok():
        return "the engine fails"
    expressions = output.results[0].expressions
    return expressions[0] if expressions else "undefined"


def run_opa():
    """`opa check --strict` and `opa test`, where the environment names the tool."""
    opa = os.environ.get("OPA")
    if not opa:
        return []
    problems = []
    for command in (["check", "--strict"], ["test"]):
        run = subprocess.run([opa, *command, str(HERE), "--ignore", "*.json"], capture_output=True, text=True)
        if run.returncode != 0:
            problems.append(f"opa {' '.join(command)}:\n{run.stdout}{run.stderr}")
    return problems


def check_texts(rules, tests):
    """What can be told from the text: paths, metadata, reads, proof, controls."""
    catalogue = json.loads((HERE / "controls" / "catalogue.json").read_text())["frameworks"]
    problems, used = [], set()
    for rule in rules:
        name = f"{rule.parent.name}/{rule.name}"
        if rule.with_name(rule.stem + "_test.rego") not in tests:
            problems.append(f"{name}: no test beside it")
        text = rule.read_text()
        package = f"package portcullis.rules.{rule.parent.name}.{rule.stem}"
        if f"\n{package}\n" not in text:
            problems.append(f"{name}: the package should be `{package}`")
        problems += [f"{name}: {problem}" for problem in check_rule(text, catalogue, used)]
    for framework, body in catalogue.items():
        for control in body["controls"]:
            if (framework, control) not in used:
                problems.append(f"catalogue: no rule supports {framework} {control}")
    return problems


def check_rule(text, catalogue, used):
    """The problems of one rule; what it supports is added to `used`."""
    block = re.match(r"# METADATA\n((?:#.*\n)+)", text)
    if not block:
        yield "no METADATA block at the top"
        return
    # All scalars as text: YAML 1.1 would read the key `on` as a truth value.
    metadata = yaml.load(re.sub(r"^# ?", "", block.group(1), flags=re.M), yaml.BaseLoader)
    custom = metadata["custom"]
    for key in ("title", "description"):
        if not metadata.get(key):
            yield f"no {key}"
    posture = "package portcullis.rules.posture." in text
    for key in EVERY_KEY + (POSTURE_KEYS if posture else EVENT_KEYS):
        if not custom.get(key):
            yield f"no custom.{key}"
    if posture:
        yield from check_stance(custom)
    if custom["severity"] not in SEVERITIES:
        yield f"severity `{custom['severity']}` is not one of {sorted(SEVERITIES)}"
    for framework, controls in custom["controls"].items():
        for control in controls:
            used.add((framework, control))
            if control not in catalogue.get(framework, {}).get("controls", {}):
                yield f"{framework} {control} is not in the catalogue"
    yield from check_reads(text, custom["reads"])


def check_stance(custom):
    """What a posture rule says beside: whom it looks at, its other names, what it needs, what to do."""
    if custom["subject"] not in SUBJECTS:
        yield f"subject `{custom['subject']}` is not one of {sorted(SUBJECTS)}"
    for alias in custom.get("aliases", []):
        if set(alias) != {"id", "title", "severity"} or alias["severity"] not in SEVERITIES:
            yield f"alias {alias} needs id, title and severity"
    for need in custom["needs"]:
        if set(need) != {"product", "scope"} or need["product"] not in PRODUCTS:
            yield f"need {need} needs product and scope"
    for remedy in custom["remedies"]:
        if not remedy.get("steps") or remedy.get("product", "cloud") not in PRODUCTS:
            yield f"remedy {remedy} needs steps"
    for path in custom["reads"]:
        if path != "now" and not below(path, custom["subject"]):
            yield f"`{path}` is not of its subject"


def check_reads(text, reads):
    """Every input reference is declared, every declaration is used, every proof stands in the input."""
    body = re.sub(r'"(?:[^"\\]|\\.)*"', '""', re.sub(r"^\s*#.*", "", text, flags=re.M))
    paths = set(re.findall(r"\binput((?:\.\w+)+)", body))
    for path in sorted(p[1:] for p in paths):
        if path.split(".")[0] not in ALWAYS and not any(below(path, read) for read in reads):
            yield f"`input.{path}` is not declared in reads"
    for read in reads:
        if not any(below(p[1:], read) or p[1:] == read for p in paths):
            yield f"`{read}` is declared and never read"
    for listed in re.findall(r'"proof": \[([^\]]*)\]', text):
        for proof in re.findall(r'"([^"]+)"', listed):
            known = proof.split(".")[0] in ALWAYS
            if not known and not any(below(proof, read) or below(read, proof) for read in reads):
                yield f"proof `{proof}` is not among the declared facts"


def below(path, root):
    """Whether `path` is `root` or lies under it."""
    return path == root or path.startswith(root + ".")


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Asks a live gate, the demo's made-up company, for everything that its own description of the API says, and for much
that it does not: `target/venv/bin/python .ci/api.py`, after `cargo build`. `.ci/run` calls it.

The description has to be OpenAPI 3.1 (openapi-spec-validator), the same printed and served. Then schemathesis asks each
operation with good and bad data, with and without a credential, by every method, and in chains; every check it has must
hold: no 5xx, no status, header, media type or shape that is not described, nothing bad taken, nothing good refused, no
door open without its credential. The seed is fixed; answers to random ids are random all the same.

    --examples N   requests made up for each operation (default 300)
    --only ID      one operation, by its operationId; may be repeated
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

import openapi_spec_validator

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "target/debug/portcullis"
OUT = ROOT / "target/api"
SEED = 20261130
# The longest that one surface may take, seconds: beyond it something hangs.
PATIENCE = 900


def main():
    wanted = argparse.ArgumentParser()
    wanted.add_argument("--examples", type=int, default=300)
    wanted.add_argument("--only", action="append", default=[])
    wanted = wanted.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        demo = Demo(pathlib.Path(data))
        try:
            ran = check(demo, wanted)
        finally:
            demo.end()
    return ran


def check(demo, wanted):
    served = demo.get("openapi.json")
    openapi_spec_validator.validate(served)
    printed = subprocess.run([PROGRAM, "openapi", "--public", demo.public], check=True, capture_output=True)
    if json.loads(printed.stdout) != served:
        print("`portcullis openapi` prints another description than the gate serves")
        return 1
    description = OUT / "openapi.json"
    description.write_text(json.dumps(served, indent=2, ensure_ascii=False))
    operations = sum(len(item.keys() - {"servers"}) for item in served["paths"].values())
    print(f"{operations} operations, OpenAPI {served['openapi']}, valid", flush=True)
    begun, asking = time.monotonic(), []
    for surface, address, token in [("public", demo.public, demo.service_token()), ("operator", demo.operator, demo.token)]:
        ids = {item["operationId"] for path in served["paths"].values() for name, item in path.items()
               if name != "servers" and surface in item["tags"]}
        asked = ids.intersection(wanted.only) if wanted.only else ids - NOT_ASKED
        if asked:
            config = OUT / f"{surface}.toml"
            config.write_text(configuration(token, demo.ids(), asked))
            asking.append((surface, schemathesis(config, description, address, asked, wanted.examples)))
    failed = []
    for surface, process in asking:
        code = process.wait(timeout=PATIENCE)
        said = (OUT / f"{surface}.txt").read_text()
        summary = said[said.rfind("API Operations:"):] if code == 0 else said
        print(f"{surface}, after {time.monotonic() - begun:.0f} s:\n{summary}", flush=True)
        if code != 0:
            failed.append(surface)
    if not demo.runs():
        failed.append("the gate did not survive it")
    print(f"failed: {', '.join(failed)}" if failed else "everything it was asked was answered as described")
    return 1 if failed else 0


class Demo:
    """The demo's gate, kept open."""

    def __init__(self, data):
        self.said = OUT / "demo.txt"
        with self.said.open("w") as said:
            command = [PROGRAM, "demo", "--listen", "127.0.0.1:0", "--data", data]
            self.process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        self.operator = self.address(r"^ *console +(http://[^/]+)/")
        self.public = self.address(r"^ *(?:public|Its key is) +(?:http://)?(127[0-9.:]+)")
        if not self.public.startswith("http"):
            self.public = f"http://{self.public}"
        self.token = (data / "operator-token").read_text().strip()

    def address(self, pattern):
        for _ in range(480):
            found = re.search(pattern, self.said.read_text(), re.M)
            if found:
                return found[1]
            if not self.runs():
                break
            time.sleep(0.25)
        sys.exit(f"the demo did not open:\n{self.said.read_text()}")

    def runs(self):
        return self.process.poll() is None

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=60)

    def get(self, path, body=None):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.operator}/api/v1/{path}", body, headers)
        return json.load(urllib.request.urlopen(request, timeout=30))

    def service_token(self):
        wish = {"name": "schemathesis", "connection": "acme-cloud", "expires_in": 3600,
                "doors": ["check", "authzen", "authzen-search"]}
        return self.get("tokens", json.dumps(wish).encode())["token"]

    def ids(self):
        """What is there, so that not every question is about nothing. No ticket still waits: a long poll would."""
        tickets = self.get("tickets?limit=200")["tickets"]
        return {
            "decision": [row["decision"] for row in self.get("decisions?limit=50")["decisions"]],
            "ticket": [row["id"] for row in tickets if row["state"] != "asked"],
            "rule": [rule["id"] for rule in self.get("policies")["rules"]] + ["deploy", "*"],
            "connection": ["acme-cloud", "acme-dc"],
            "finding": [row["id"] for row in self.get("findings?limit=50")["findings"]],
            "resource": ["repository:acme/billing", "acme-cloud/nothing/1"],
            "identity": ["user:Ravi", "user:Mia", "user:nobody"],
            "thing": ["acme/billing", "acme/billing@main", "user:Mia", "acme-cloud/nothing/1"],
            "edge": ["user:Mia owner workspace:acme", "user:Mia likes tea"],
        }


# What answers for as long as both sides wish, and what would send the gate to whatever address was made up.
NOT_ASKED = {"decisionEvents", "connect"}

# Operation → the parameters that are drawn from what is there.
KNOWN = {
    "decision": {"path.id": "decision"},
    "consoleDecision": {"path.id": "decision"},
    "decisionNotice": {"path.decision": "decision"},
    "ticketNotice": {"path.ticket": "ticket"},
    "ticket": {"path.id": "ticket"},
    "operatorTicket": {"path.id": "ticket"},
    "vote": {"path.id": "ticket"},
    "decisions": {"query.rule": "rule", "query.connection": "connection"},
    "finding": {"path.finding": "finding"},
    "consoleFinding": {"path.finding": "finding"},
    "acknowledgeFinding": {"path.finding": "finding"},
    "acceptFinding": {"path.finding": "finding"},
    "impact": {"query.rules": "rule", "query.scope": "connection"},
    "whoCan": {"query.resource": "thing", "query.without": "edge"},
    "can": {"query.resource": "thing", "query.identity": "identity", "query.without": "edge"},
    "paths": {"query.resource": "resource", "query.identity": "identity", "query.without": "edge"},
    "accessPage": {"query.of": "thing"},
    "consoleAccessOf": {"query.of": "thing"},
    "consoleAccess": {"query.resource": "thing", "query.identity": "identity"},
    "accessWorld": {"query.connection": "connection"},
    "disconnect": {"path.connection": "connection"},
    "renewHooks": {"path.connection": "connection"},
    "scopes": {"path.connection": "connection"},
    "sync": {"path.connection": "connection"},
    "changeConnection": {"path.connection": "connection"},
    "connectProgress": {"path.connection": "connection"},
    "audit": {"query.connection": "connection"},
    "importAudit": {"path.connection": "connection"},
    "syncProgress": {"path.connection": "connection"},
    "evidence": {"query.connection": "connection"},
    "doctor": {"query.connection": "connection"},
    "accessDiff": {"query.resource": "resource"},
    "accessSince": {"query.resource": "resource", "query.identity": "identity"},
}


# Operations that refuse with 400 what no schema can know: a connection or rule that is not there, a file that is none, a length of time over
# the configured one or an overlap over 7 days, a number of seconds or answers written as 5.0, a service token's question
# that names no repository, a time as people write it, a page's token that was never given, claims that are too many, a
# deed that is not asked of such a thing, an edge that is not there, an audit log that such a product has not.
REFERRING = {"bringEvidence", "newPause", "setMode", "impact", "newToken", "check", "consoleDecisions", "disconnect", "renewHooks", "sync",
             "doctor", "evaluation", "evaluations", "searchSubject", "searchResource", "searchAction", "whoCan", "can",
              "paths", "accessDiff", "audit", "importAudit", "accessPage", "consoleAccess", "consoleAccessOf", "findings",
              "consoleFindings", "acknowledgeFinding", "acceptFinding", "postureScans", "changeConnection"}


def configuration(token, ids, asked):
    lines = [
        f"seed = {SEED}",
        # Threads of it trip over each other in the parser of Python 3.11.
        'workers = 1',
        'continue-on-failure = true',
        'warnings = false',
        f'headers = {{ Authorization = "Bearer {token}" }}',
        f'hooks = "{(ROOT / ".ci/api_sources.py").as_posix()}"',
        '[generation]',
        'deterministic = true',
        'database = "none"',
    ]
    for name, values in ids.items():
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps(values)}"]
    for operation in sorted(asked & (KNOWN.keys() | REFERRING)):
        lines += ["[[operations]]", f'include-operation-id = "{operation}"']
        bound = [f'"{place}" = {{ dictionary = "{name}", probability = 0.6 }}'
                 for place, name in KNOWN.get(operation, {}).items()]
        if bound:
            lines += [f"parameters = {{ {', '.join(bound)} }}"]
        if operation in REFERRING:
            lines += ["checks.positive_data_acceptance.expected-statuses = "
                      '["2xx", "303", "400", "401", "403", "404", "409", "429"]']
    return "\n".join(lines) + "\n"


def schemathesis(config, description, address, asked, examples):
    """Begins to ask one surface."""
    command = [ROOT / "target/venv/bin/schemathesis", "--config-file", config, "run", description, "--url", address,
               "--checks", "all", "--mode", "all", "--max-examples", str(examples), "--request-timeout", "70",
               "--no-color"]
    for operation in sorted(asked):
        command += ["--include-operation-id", operation]
    said = config.with_suffix(".txt").open("w")
    # It keeps a cache in the folder where it is started.
    return subprocess.Popen(command, cwd=OUT, stdout=said, stderr=subprocess.STDOUT)


if __name__ == "__main__":
    sys.exit(main())

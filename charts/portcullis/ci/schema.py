#!/usr/bin/env python3
"""Keeps `config` in values.schema.json equal to what the program takes.

    portcullis config schema | python3 charts/portcullis/ci/schema.py          writes it
    portcullis config schema | python3 charts/portcullis/ci/schema.py --check  says whether it would change

Everything else in that file is written by hand.
"""

import json
import pathlib
import sys

FILE = pathlib.Path(__file__).resolve().parent.parent / "values.schema.json"

# What the chart decides: see "portcullis.config" in templates/_helpers.tpl.
OWNED = {"public": ["listen", "certificate", "key"], "operator": ["listen", "expose"], "store": ["url"]}


def without_owned(schema):
    for section, keys in OWNED.items():
        part = schema["properties"][section]
        properties = schema["definitions"][part["$ref"].rsplit("/", 1)[1]]["properties"]
        for key in keys:
            del properties[key]


def plain(part):
    """Without defaults (they belong to the program; a copy would hide a change of theirs) and without wrappers round
    one reference, behind which Helm does not name the wrong key."""
    if isinstance(part, list):
        return [plain(item) for item in part]
    if not isinstance(part, dict):
        return part
    part = {key: plain(value) for key, value in part.items() if key != "default" or is_schema(value)}
    for wrapper in ("allOf", "anyOf"):
        inside = [item for item in part.get(wrapper, []) if item != {"type": "null"}]
        if len(inside) == 1:
            return {"$ref": inside[0]["$ref"]}
    return part


def is_schema(value):
    """A property may itself be called `default`."""
    return isinstance(value, dict) and ("type" in value or "$ref" in value)


def main():
    config = plain(json.load(sys.stdin))
    without_owned(config)
    values = json.loads(FILE.read_text())
    values["definitions"] = {name: part for name, part in values["definitions"].items() if name.startswith("chart")}
    values["definitions"].update(config.pop("definitions"))
    config.pop("$schema", None)
    config.pop("title", None)
    values["properties"]["config"] = config
    text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    if "--check" not in sys.argv:
        FILE.write_text(text)
    elif text != FILE.read_text():
        print("values.schema.json does not know the configuration of this program: run")
        print("  portcullis config schema | python3 charts/portcullis/ci/schema.py")
        return 1
    return 0


sys.exit(main())

#!/usr/bin/env python3
"""Checks what `cargo test --test spec shown` left: SARIF by the multitool, feeds as XML, pages by axe in Chromium, light
and dark, on a phone and on a desk. `.ci/shown` brings the tools and calls it: `python3 .ci/shown.py MADE TOOLS`."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
STYLE = ROOT / "src/http/console/portcullis.css"
ATOM = "{http://www.w3.org/2005/Atom}"
# What the multitool would like and we do not have: our findings are about settings, which stand on no line of a file
# and in no repository, and our own page of the tool is the reader's own gate.
NOT_OURS = {"SARIF2005", "SARIF2010", "SARIF2014", "SARIF2015"}
# The longest that one program may take, seconds.
PATIENCE = 120


def main():
    made, tools = map(pathlib.Path, sys.argv[1:])
    wrong = sarif(made, tools) + atom(made) + accessible(made, tools)
    for line in wrong:
        print(line)
    print(f"{len(wrong)} complaints" if wrong else "SARIF, feeds and pages: all held")
    return 1 if wrong else 0


def sarif(made, tools):
    files = sorted(made.glob("*.sarif"))
    assert files, f"no SARIF in {made}"
    program = tools / "sarif/package/Sarif.Multitool"
    # The tool is built for many languages; without their data it speaks one.
    environment = {**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}
    run = subprocess.run([program, "validate", *files], capture_output=True, text=True, timeout=PATIENCE, env=environment)
    said = [line for line in run.stdout.splitlines() if re.search(r": (error|warning) ", line)]
    wrong = [line for line in said if not any(rule in line for rule in NOT_OURS)]
    if "Analysis completed successfully" not in run.stdout or f"{len(files)} files scanned" not in run.stdout:
        wrong.append(f"the multitool did not look at {len(files)} files:\n{run.stdout}{run.stderr}")
    if not refuses(program, environment):
        wrong.append("the multitool takes a log with a member that SARIF does not have: it checks nothing")
    print(f"{len(files)} SARIF logs looked at")
    return wrong


def refuses(program, environment):
    """A checker that finds nothing wrong with anything holds nothing."""
    with tempfile.TemporaryDirectory() as folder:
        bad = pathlib.Path(folder) / "bad.sarif"
        bad.write_text('{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[{"ruleId":"a","severity":"high","message":{"text":"x"}}]}]}')
        run = subprocess.run([program, "validate", bad], capture_output=True, text=True, timeout=PATIENCE, env=environment)
        return re.search(r": error ", run.stdout) is not None


def atom(made):
    wrong = []
    for file in sorted(made.glob("*.atom")):
        feed = ElementTree.parse(file).getroot()
        entries = feed.findall(f"{ATOM}entry")
        for element in [feed, *entries]:
            missing = [name for name in ("id", "title", "updated") if element.find(ATOM + name) is None]
            if missing:
                wrong.append(f"{file.name}: {element.tag} lacks {', '.join(missing)}")
        if not entries or feed.find(f"{ATOM}author/{ATOM}name") is None:
            wrong.append(f"{file.name}: no entry, or no author")
    return wrong


def accessible(made, tools):
    """axe in each page. The page's own policy forbids scripts, so it is left out of the copy that is looked at."""
    axe = (tools / "axe/package/axe.min.js").read_text()
    files, wrong = sorted(made.glob("*.html")), []
    assert files, f"no page in {made}"
    with tempfile.TemporaryDirectory() as folder:
        looked = pathlib.Path(folder) / "page.html"
        for file in files:
            page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", file.read_text())
            page = re.sub(r'<link rel="stylesheet"[^>]*>', lambda _: f"<style>{STYLE.read_text()}</style>", page)
            page = re.sub(r'<(link rel="icon"|script)[^>]*>(</script>)?', "", page)
            # A picture that cannot load here is still described.
            looked.write_text(page.replace("</body>", f"<script>{axe}</script><script>{RUN}</script></body>"))
            for size in ("360,800", "1280,900"):
                for scheme in ("light", "dark"):
                    wrong += [f"{file.name} {size} {scheme}: {line}" for line in looked_at(looked, size, scheme, folder)]
    print(f"{len(files)} pages looked at by axe, four ways each")
    return wrong


RUN = """
for (const one of document.querySelectorAll('details')) one.open = true;
axe.run(document, {resultTypes: ['violations']}).then((found) => {
  const said = found.violations.flatMap((one) => one.nodes.slice(0, 3).map((node) => one.id + ': ' + one.help + ' at ' + node.target.join(' ') + ' ' + (node.any[0] ? node.any[0].message : '')));
  const out = document.createElement('pre'); out.id = 'axe-said'; out.textContent = JSON.stringify({passes: found.passes.length, said});
  document.body.append(out);
});
"""


def looked_at(page, size, scheme, folder):
    import html
    import json
    command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={folder}/profile",
               f"--window-size={size}", "--virtual-time-budget=20000", "--dump-dom", f"file://{page}"]
    if scheme == "dark":
        command.insert(1, "--blink-settings=preferredColorScheme=0")
    run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    found = re.search(r'<pre id="axe-said">(.*?)</pre>', run.stdout, re.S)
    if not found:
        return [f"axe did not answer: {run.stderr[-300:]}"]
    told = json.loads(html.unescape(found[1]))
    return told["said"] if told["passes"] else ["axe looked at nothing"]


if __name__ == "__main__":
    sys.exit(main())

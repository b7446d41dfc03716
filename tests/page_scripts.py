"""Runs the page's scripts by Node.js, where it is installed."""

import json
import shutil
import subprocess

import pytest

from experiments.report import page

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="needs Node.js, got no program node")


def run(script, body, given):
    """What a function body, with a script and what it imports before it, returns of `given`."""
    code = '"use strict";\n' + page.script(script)
    read = 'const given = JSON.parse(require("fs").readFileSync(0, "utf8"));\n'
    write = f"process.stdout.write(JSON.stringify((() => {{{body}}})()));\n"
    result = subprocess.run(
        [NODE, "--input-type=commonjs", "--eval", code + read + write],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)

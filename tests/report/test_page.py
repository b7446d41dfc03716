import base64
import hashlib
import json
import re
import shutil
import subprocess

import pytest

from experiments.report import page

RUN = {
    "run": {
        "title": "4-8-3 on blobs",
        "notice": None,
        "findings": [],
        "verdict": [],
        "scores": None,
        "what": {"data": "blobs"},
        "figures": {"sets": ["test"], "rows": [{"name": "loss", "values": ["0.5"]}]},
    },
}
EVIL = "</script><script>alert(1)</script>&\u2028{{ 7 * 7 }}\"'"


def block_of(text):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(found[1])


def test_a_page_holds_its_data_and_leaves_out_what_there_is_none_of():
    assert block_of(page.render("run.html", RUN | {"curves": None})) == RUN


def test_texts_of_users_stay_texts():
    run = RUN["run"] | {"title": EVIL, "notice": EVIL, "verdict": [EVIL], "what": {EVIL: EVIL}}
    text = page.render("run.html", {"run": run})
    assert block_of(text) == {"run": run}
    assert text.count("<script") == 2
    assert "alert(1)" in text
    assert "{{ 7 * 7 }}" in text
    assert "\u2028" not in page.as_block({"name": EVIL})


def test_a_value_that_is_not_given_is_no_empty_text():
    with pytest.raises(page.jinja2.UndefinedError):
        page.render("run.html", {"run": {"title": "only"}})


def test_nothing_is_asked_for_and_no_other_script_runs():
    text = page.render("run.html", RUN)
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!#)""", text)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|\burl\(", text)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    policy = policy.replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; ")
    for tag, rule in (('script type="module"', "script-src"), ("style", "style-src")):
        inside = re.search(rf"<{tag}>(.*?)</", text, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in policy


def test_modules_become_one_script_each_once_after_what_it_imports():
    code = page.script("main.js")
    assert not re.search(r"^(import|export) ", code, re.MULTILINE)
    assert code.index("function html(") < code.index("function lineChart(")
    assert code.count("function html(") == 1
    assert "</" not in code
    assert "<!--" not in code


def test_names_of_one_module_are_no_other_module_s():
    """As they are one script."""
    code = page.script("main.js")
    names = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", code, re.MULTILINE)
    assert sorted(names) == sorted(set(names))


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_script_is_one_that_can_be_read(tmp_path):
    path = tmp_path / "page.mjs"
    path.write_text(page.script("main.js"))
    subprocess.run(["node", "--check", path], check=True)

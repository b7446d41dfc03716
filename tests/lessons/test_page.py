import json

import pytest

from experiments.lessons import page


def leave(folder, held):
    folder.mkdir()
    claim = {"text": "x < 1 & y", "held": held}
    table = {"columns": ["a", "<b"], "rows": [["<1", 2]]}
    found = {"command": "c '>'", "seconds": 1.5, "claims": [claim], "tables": {"t": table}}
    (folder / "results.json").write_text(json.dumps(found))


def test_a_page_has_what_each_lesson_found_and_why_one_did_not(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "docstring", lambda name: f"{name} > 1.\n\nMore.")
    leave(tmp_path / "one", True)
    leave(tmp_path / "two", False)
    page.check(tmp_path)
    path = page.write(tmp_path, {"one": 0, "two": 4, "three": 5, "four": 1})
    text = path.read_text()
    one, two, three, four = text.split("<h2 ")[1:]
    page.check(tmp_path)
    path.write_text(text.replace("margin: 2rem", "margin: 3rem"))  # as an earlier one may have it
    page.check(tmp_path)
    assert path.name == "index.html"
    assert '<a href="#one">one</a> · <a href="#two">' in text
    assert (
        'id="one">one</h2>\n<p>one &gt; 1.</p>\n<p><code>c &#x27;&gt;&#x27;</code>, 1.5 s</p>'
        in one
    )
    assert '<span class="held">held</span>: x &lt; 1 &amp; y' in one
    assert '<img src="one/picture.png" alt="one &gt; 1.">' in one
    assert "<tr><th>a</th><th>&lt;b</th></tr><tr><td>&lt;1</td><td>2</td></tr>" in one
    assert '<span class="failed">failed</span>: x' in two
    assert "Left out: its data are not to be had here." in three
    assert "It ended with exit code 1." in four
    assert text.endswith("</body></html>\n")


def test_a_docstring_is_read_without_importing():
    assert page.docstring("perceptron").startswith("A perceptron learns AND and OR")


def test_a_page_is_written_where_no_lesson_left_anything(tmp_path):
    folder = tmp_path / "not" / "yet"
    page.check(folder)
    assert "Left out" in page.write(folder, {"cifar10": 5}).read_text()
    page.check(folder)


def test_a_page_that_lessons_did_not_write_is_refused(tmp_path):
    (tmp_path / "index.html").write_text("<!DOCTYPE html>\nmine")
    with pytest.raises(ValueError, match="needs a folder that lessons made, got another's .*html"):
        page.check(tmp_path)

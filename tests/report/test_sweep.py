import json
import re
import time

import numpy as np
import pytest
from report_sweeps import RATES, subject

from experiments.report import sweep

ALWAYS = {"run", "settings", "bands", "seeds", "receipt"}


def block_of(text):
    return json.loads(re.search(r'id="data">(.*?)</script>', text)[1])


@pytest.mark.parametrize(
    ("changes", "sections"),
    [({}, {"axes"}), ({"axes": {}}, set()), ({"faults": [(0, 1)]}, {"axes", "failed"})],
)
def test_sections_are_there_by_what_was_swept(changes, sections, tmp_path):
    text = sweep.write(subject(tmp_path, **changes)).read_text()
    assert block_of(text).keys() == ALWAYS | sections
    headings = set(re.findall(r'<h2 id="(\w+)-heading"', text))
    assert headings == {"overview"} | ALWAYS - {"run"} | sections
    assert text.count("<script") == 2


@pytest.mark.parametrize(
    ("axes", "num_seeds", "words"),
    [
        ({}, 8, "Over seeds"),
        ({"fold": range(3)}, 1, "Over folds"),
        ({"fold": range(3)}, 2, "Over folds and seeds"),
        ({"learning_rate": (0.1, 0.2)}, 1, "Over seeds"),
    ],
)
def test_what_networks_scatter_over_is_a_heading(axes, num_seeds, words, tmp_path):
    text = sweep.write(subject(tmp_path, num_seeds, axes)).read_text()
    assert f'<h2 id="seeds-heading">{words}</h2>' in text
    assert f'<a href="#seeds-heading">{words}</a>' in text


def test_scores_are_there_where_the_sweep_has_some(tmp_path):
    made = subject(tmp_path)
    figures = {"accuracy": 0.75, "accuracy_low": 0.5, "accuracy_high": 1.0}
    scores = {"network": figures, "commonest_class": {**figures, "accuracy": 0.25}}
    worth = {"text": "It was.", "over": "on <2> folds", "notes": ["a note"]}
    text = sweep.write(made._replace(summary={**made.summary, "scores": scores})).read_text()
    assert "Of the best setting, on the test set." in text
    summary = {**made.summary, "scores": scores, "worth": worth}
    text = sweep.write(made._replace(summary=summary)).read_text()
    section = text.split('<h2 id="scores-heading"')[1].split("</section>")[0]
    assert "Of the best setting, on &lt;2&gt; folds." in section
    assert "<p>It was.</p>\n<p>a note</p>" in section
    assert '<th scope="row">network</th><td>75.00 % (50.0 to 100.0 %)</td>' in section
    assert '<th scope="row">commonest class</th><td>25.00 % (50.0 to 100.0 %)</td>' in section


def test_every_setting_is_a_row_the_best_first(tmp_path):
    text = sweep.write(subject(tmp_path)).read_text()
    body = re.search(r'<table id="settings".*?<tbody>(.*?)</tbody>', text, re.DOTALL)[1]
    rows = [re.findall(r'data-value="([^"]*)"', row) for row in body.split("</tr>")[:-1]]
    assert [row[:2] for row in rows] == [["1", "0.1"], ["2", "0.01"], ["3", "0.001"]]
    means = [float(row[2]) for row in rows]
    np.testing.assert_allclose(means, [0.9035, 0.8035, 0.7035], atol=1e-6)
    heads = re.findall(r'<button type="button" data-kind="\w+">([^<]*)<', text)
    expected = ["rank", "learning rate", "test accuracy", "interval", "std", "p", "epochs"]
    assert heads == [*expected, "networks", "failed"]


def test_names_of_users_are_texts(tmp_path):
    evil = "</td><script>alert('x')</script>"
    made = subject(tmp_path, axes={evil: (evil, "b")})
    data = made.job.data._replace(name=evil, source=evil)
    made = made._replace(job=made.job._replace(data=data, notice=evil))
    text = sweep.write(made).read_text()
    assert text.count("<script") == 2
    assert "</td><script" not in text


def test_ten_thousand_networks_are_a_page_of_few_bytes_at_once(tmp_path):
    made = subject(tmp_path, axes={"l2": tuple(np.linspace(0, 1, 1250).tolist())})
    (tmp_path / "networks").mkdir()
    (tmp_path / "networks" / "another.npz").touch()
    started = time.process_time()
    assert sweep.write(made).stat().st_size < 1_500_000
    assert time.process_time() - started < 10  # it was minutes where each setting asked for all


def test_rates_are_those_of_the_sweep(tmp_path):
    assert sweep.data_of(subject(tmp_path))["run"]["what"]["learning rate"] == ", ".join(
        map(str, RATES)
    )


def test_what_networks_say_together_has_a_section(tmp_path):
    made = subject(tmp_path)
    one = {"accuracy": 0.5, "accuracy_low": 0.25, "accuracy_high": 0.75}
    found = {"num_networks": 8, "together": {"accuracy": 0.875}, "one": one}
    found |= {"disagreement": 0.125, "not_unanimous": 0.25, "notes": ["a <note>"]}
    text = sweep.write(made._replace(summary={**made.summary, "ensemble": found})).read_text()
    section = text.split('<h2 id="together-heading">Together</h2>')[1].split("</section>")[0]
    assert "<p>8 networks together: the mean of their probabilities" in section
    assert "<p>Two of them differ on 12.50 % of the rows" in section
    assert "<p>a &lt;note&gt;</p>" in section
    cells = "".join(f"<td>{text}</td>" for text in ("87.50 %", "50.00 %", "25.00 to 75.00 %"))
    assert f'<th scope="row">accuracy</th>{cells}' in section
    heads = ("together", "one of them", "least to most")
    assert "".join(f'<th scope="col">{head}</th>' for head in heads) in section
    assert '<a href="#together-heading">Together</a>' in text

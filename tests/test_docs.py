"""What pages name is there, and the examples on the page about networks run."""

import pkgutil
import re
from pathlib import Path

import pytest

import jaxmlp

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
REFERENCE = [path.read_text() for path in ROOT.glob("docs/reference/*.md")]
PAGE = (ROOT / "docs" / "networks.md").read_text()


def test_the_examples_of_the_page_on_networks_run_and_print_what_they_say(capsys):
    names = {}
    for example in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(example, names)
    network, *table, scaled, shape = capsys.readouterr().out.splitlines()
    assert f"# {network}\n" in PAGE
    assert table[-1].split()[:3] == ["total", "10", "float32"]
    assert f"# {scaled}\n" in PAGE
    assert f"# {shape}: probabilities" in PAGE
    assert set(names["tree"]) == {"params", "batch_stats"}
    assert names["of_nnx"].least_batch == 2
    assert names["info"].num_examples == 8


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_is_there(page):
    text = page.read_text()
    for name in re.findall(r"(?<![\w/.])(?:experiments|jaxmlp)(?:\.[A-Za-z_]\w*)+", text):
        pkgutil.resolve_name(name)
    for path in re.findall(
        r"(?<![\w/.])(?:experiments|jaxmlp|tests|docs)/[\w/]*\.(?:py|md)\b", text
    ):
        assert (ROOT / path).is_file(), path


@pytest.mark.parametrize("name", jaxmlp.__all__)
def test_the_reference_has_every_public_name_once(name):
    entry = re.compile(rf"^\.\. auto(?:function|class|exception|module):: jaxmlp\.{name}$", re.M)
    assert sum(len(entry.findall(page)) for page in REFERENCE) == 1

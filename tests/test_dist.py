"""What others get: the wheel, the source distribution, and what the project says of itself."""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import wheel_alone
import yaml

import jaxmlp

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
WORKFLOW_TEXT = (ROOT / ".github" / "workflows" / "check.yml").read_text()
WORKFLOW = yaml.safe_load(WORKFLOW_TEXT)
(JOB,) = WORKFLOW["jobs"].values()
MADE = JOB["strategy"]["matrix"]["include"]
MAKEFILE = (ROOT / "Makefile").read_text()


def files(*patterns):
    return {str(path.relative_to(ROOT)) for each in patterns for path in ROOT.glob(each)}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The names of the files in the wheel, and of those in the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,), (source,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        inside = archive.namelist()
    with tarfile.open(source) as archive:
        return set(inside), {name.partition("/")[2] for name in archive.getnames()}


def test_the_wheel_holds_the_library_alone(built):
    wheel, _ = built
    about = {name for name in wheel if ".dist-info/" in name}
    assert wheel - about == files("jaxmlp/**/*.py", "jaxmlp/py.typed")
    assert {name.partition("/")[2] for name in about} == {
        *("METADATA", "RECORD", "WHEEL", "licenses/LICENSE")
    }


def test_the_source_distribution_holds_all_that_making_it_needs(built):
    _, source = built
    code = files("jaxmlp/**/*.py", "experiments/**/*.py", "tests/**/*.py", "docs/**/*.py")
    pages = files("*.md", "docs/**/*.md", "docs/measured/*/*")
    assert code | pages <= source
    assert {"Makefile", "pyproject.toml", "requirements.lock", "LICENSE"} <= source
    assert {"CITATION.cff", ".gitignore", ".github/workflows/check.yml"} <= source
    assert not [name for name in source if re.match(r"runs/|build/|dist/|\.venv|.*\.pyc$", name)]


def test_the_network_of_the_smoke_test_comes_back_from_its_file(tmp_path):
    assert wheel_alone.study(tmp_path / "network.npz") > 0.9


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        ({"__file__": "/elsewhere/jaxmlp/__init__.py"}, "/elsewhere/jaxmlp"),
        ({"__version__": "9"}, "9"),
        ({}, "experiments came along"),
    ],
)
def test_the_smoke_test_refuses_what_is_not_the_wheel_alone(
    refused, message, tmp_path, monkeypatch
):
    place = tmp_path / "jaxmlp"
    place.mkdir()
    (place / "py.typed").touch()
    monkeypatch.setattr(wheel_alone.sysconfig, "get_path", lambda _: str(tmp_path))
    monkeypatch.setattr(jaxmlp, "__file__", str(place / "__init__.py"))
    found = None if "__version__" in refused else object()
    monkeypatch.setattr(wheel_alone.importlib.util, "find_spec", lambda _: found)
    for name, value in refused.items():
        monkeypatch.setattr(jaxmlp, name, value)
    with pytest.raises(AssertionError, match=message):
        wheel_alone.main(PROJECT["version"], tmp_path)


def test_there_is_one_version():
    assert jaxmlp.__version__ == PROJECT["version"] == CITATION["version"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest[1] == PROJECT["version"]


def test_the_citation_says_of_the_project_what_it_says_of_itself():
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION["authors"] == PROJECT["authors"]
    for theirs, ours in (("title", "name"), ("abstract", "description")):
        assert CITATION[theirs] == PROJECT[ours]
    assert [CITATION[name] for name in ("license", "keywords")] == [
        PROJECT[name] for name in ("license", "keywords")
    ]


def test_the_workflow_makes_what_there_is_with_the_pythons_that_are_promised():
    targets = set(re.findall(r"^([a-z]+):.*## ", MAKEFILE, re.MULTILINE))
    assert {each["target"] for each in MADE} == {"check", "parity", "docs", "dist"} < targets
    promised = [name.rpartition(" ")[2] for name in PROJECT["classifiers"] if ":: 3." in name]
    assert [each["python"] for each in MADE if each["target"] == "check"] == promised
    assert {each["python"] for each in MADE} == set(promised)
    assert {"run": "make ${{ matrix.target }} PYTHON=python"} in JOB["steps"]


def test_the_parity_that_the_workflow_makes_runs_on_what_it_installs():
    recipe = MAKEFILE.partition("\nparity: foreign")[2].partition("\n\n")[0]
    installed = MAKEFILE.partition("\nforeign:")[2].partition("\n\n")[0]
    assert {re.split("[<>]", need)[0] for need in PROJECT["optional-dependencies"]["parity"]} == {
        "keras",
        "torch",
    }
    assert PROJECT["optional-dependencies"]["peers"] == ["jaxmlp[parity]"]
    assert "dev,parity,peers]'" in installed
    assert "import keras, torch" in installed  # or all that needs them would be skipped
    assert re.search(r"pytest tests/interop tests/speed\b", recipe)
    assert "\npeers: foreign ## " in MAKEFILE
    for name in ("keras", "torch"):
        text = (ROOT / "tests" / "interop" / f"test_{name}.py").read_text()
        assert f'importorskip("{name}")' in text


def test_the_workflow_keeps_what_is_made_where_it_is_made():
    kept = {each["target"]: each["kept"] for each in MADE if "kept" in each}
    assert kept == {"docs": "build/docs", "dist": "dist"}
    assert f"docs {kept['docs']}\n" in MAKEFILE
    assert f" {kept['dist']}/*.whl" in MAKEFILE
    *_, upload = JOB["steps"]
    assert upload["if"] == "matrix.kept"
    assert upload["with"]["path"] == "${{ matrix.kept }}"


def test_the_workflow_may_do_little_and_names_a_version_of_each_action():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert "permissions" not in JOB
    assert "secrets" not in WORKFLOW_TEXT
    assert WORKFLOW["concurrency"]["cancel-in-progress"] is True
    uses = [step["uses"] for step in JOB["steps"] if "uses" in step]
    assert uses
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", name) for name in uses)

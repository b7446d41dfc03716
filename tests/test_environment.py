import json
import subprocess

import jax

from experiments import environment


def test_it_names_what_can_change_a_result():
    facts = environment.describe()
    assert facts["versions"]["jax"] == jax.__version__
    assert facts["platform"] == jax.default_backend()
    assert len(facts["devices"]) == jax.device_count()
    assert facts["num_cores"] >= 1
    assert facts["processor"]
    json.dumps(facts)


def test_a_missing_package_has_no_version():
    assert environment._version("no-such-package-anywhere") is None


def test_a_checkout_has_a_commit_and_elsewhere_there_is_none(monkeypatch, tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=n", "-c", "user.email=e"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True)

    monkeypatch.setattr(environment, "__file__", str(tmp_path / "environment.py"))
    assert environment._git_commit() is None
    git("init", "--quiet")
    (tmp_path / "file").write_text("one")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    commit = environment._git_commit()
    assert commit is not None
    assert len(commit) == 40
    (tmp_path / "file").write_text("two")
    assert environment._git_commit() == f"{commit}+changes"

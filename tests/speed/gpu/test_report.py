from pathlib import Path

import gpu_stubs as stubs

from experiments.speed.gpu import report

PAGE = Path(__file__).parents[3] / "docs" / "gpu.md"


def lines(**more):
    return report.markdown(stubs.figures(**more), stubs.MACHINE).splitlines()


def test_what_was_found_is_in_tables():
    text = lines()
    assert text[0] == "NVIDIA H100, 2026-11-22; jax 0.10.2, nvidia-cublas-cu12 12.9."
    assert "TFLOP/s: float32 50, tf32 400; memory 3 TB/s; a step of a loop that" in text[2]
    assert "does nothing 20 µs." in text[2]
    assert text[4] == "Left out, for lack of time: 1 x 784-32-10, tf32; promises."
    for line in (
        "| 784-256-10 | float32 | 8 | 100 | 200 | 25 % | 50 % | 3 GiB | 1 GiB |",
        "| 784-256-10 | tf32 | 8 | 150 | 300 | 25 % | 50 % | 3 GiB | – |",
        "| 784-32-10 | float32 | 8 | 300 | – | 25 % | 50 % | 3 GiB | 1 GiB |",
        "| 784-32-10 | tf32 | 8 | no room | 2 |  |  |  |  |",
        "| as it is |  | 0.0213 |",
        "| a graph | `--xla=+WHILE` | exit code 1: unknown |",
        "| PyTorch |  | 0.07 |",
        "| a third |  | CUDA out of memory |",
        "| ensemble, 64 at once, each |  | not installed: torch |",
        "| G1 | verify |  | yes |",
        "| G2 | members | process 1 | NO: seed 3 |",
        "| process 2 | abc |",
    ):
        assert line in text
    [until] = [line for line in text if line.startswith("To 98 % of mnist: 0.30 s of training")]
    assert until.endswith("4.0 s of compiling; epochs: 2, the best 98.10 %.")
    assert not any("REHEARSAL" in line for line in text)


def test_populations_are_by_network_precision_and_members():
    rows = [line.split(" | ")[:3] for line in lines() if line.startswith("| 784")]
    assert rows == [
        ["| 784-256-10", "float32", "1"],
        ["| 784-256-10", "float32", "8"],
        ["| 784-256-10", "tf32", "8"],
        ["| 784-32-10", "float32", "8"],
        ["| 784-32-10", "tf32", "8"],
    ]


def test_a_rehearsal_says_so_before_all_else():
    assert "REHEARSAL" in lines(rehearsal=True)[0]


def test_what_was_not_reached_and_what_was_not_measured_have_no_figure():
    until = stubs.figures()["until"] | {"seconds": None}
    assert any(line.startswith("To 98 % of mnist: – of") for line in lines(until=until))
    nothing = {"population": [], "alone": [], "peers": [], "programs": [], "promises": []}
    text = lines(**nothing, digests={}, until=None, limits=None, skipped=[])
    assert [line for line in text if line] == text[:1]


def test_the_books_table_is_the_empty_one_with_what_is_expected():
    text = PAGE.read_text()
    assert "\n".join(report.empty()) in text
    assert "**nothing on this page has been measured**" in text
    assert list(report.empty())[2] == "| 784-256-10 | float32 | 1 |  | 43 |  |  |  |  |"
    assert len(list(report.empty())) == 2 + 30 + 1

"""How programs in several processes end: with each other, or in turn where all is well."""

import pytest
from jaxmlp.processes import ProcessAbsentError
from several import ends, free_address, start

from experiments.app import endings

PROGRAM = """
import os, signal, sys, time
from experiments.app import endings
from experiments.app.signals import StopRequest
from jaxmlp import processes

address, number, then = sys.argv[1], int(sys.argv[2]), sys.argv[3]
del sys.argv[1:]

def main(argv):
    processes.join(address, 2, number)
    exec(then)

endings.start(main)
"""
DONE = """
if number == 0:
    time.sleep(1)
    print("written")
"""
ERROR = """
processes.any_of(False)
if number == 1:
    sys.exit("error: a full disk")
while True:
    processes.any_of(False)
"""
UNWRITTEN = """
from experiments.app import together

with together.ending_alike():
    if number == 1:
        sys.exit("error: a full disk")
"""
SIGNAL = """
with StopRequest() as request:
    if number == 1:
        os.kill(os.getpid(), signal.SIGTERM)
    request.agree()
    print(request.signal)
    processes.leave()
    sys.exit(request.exit_code)
"""


@pytest.mark.parametrize(
    ("then", "codes", "lines"),
    [
        (DONE, [0, 0], [["written"], []]),
        (ERROR, [75, 1], [[], []]),
        (UNWRITTEN, [1, 1], [[], []]),
        (SIGNAL, [143, 143], [["15"], ["15"]]),
    ],
)
def test_processes_end_together(then, codes, lines):
    address = free_address()
    got, printed, said = ends(*(start(PROGRAM, address, number, then) for number in range(2)))
    assert (got, printed) == (codes, lines), said
    if then == UNWRITTEN:
        assert said == ["", "error: a full disk\n"]
    if then == ERROR:
        assert "error: a full disk" in said[1]
        assert said[0].splitlines()[-1].startswith("error: another process has ended")


def test_a_process_that_is_absent_may_come_another_time(capsys):
    with pytest.raises(SystemExit) as ended, endings.clear_errors():
        raise ProcessAbsentError("got none with process_id 1")
    assert ended.value.code == 75
    assert capsys.readouterr().err == "error: got none with process_id 1\n"
    with pytest.raises(SystemExit, match="^error: a disk$"), endings.clear_errors():
        raise OSError("a disk")

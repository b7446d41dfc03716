"""Trains one network in several processes on this machine, and verifies its bits in one.

    python -m experiments.distributed --dataset=digits

Starts `experiments.mnist` in two processes, or --num_processes, as on so many machines: each with
its part of every batch, and all with the flags that are given here, and 2 epochs where these have
no number. On CPUs the processes talk by gloo.
Process 0 shows the run and leaves its folder; then `experiments.verify` trains it again in one
process, and says whether that came to the same bits. Exit code 0 if it did; else that of the first
program that ended otherwise. Ctrl-C and SIGTERM stop them all, with a checkpoint.
"""

import signal
import socket
import subprocess
import sys

from absl import flags

from experiments.app import command_line, config, endings, preset_flag, settings, startup
from experiments.folder import workdir

flags.adopt_module_key_flags(settings)
flags.adopt_module_key_flags(startup)


def main(argv: list[str]) -> None:
    """Starts the processes, waits for them, and compares."""
    with endings.clear_errors():
        command_line.refuse_arguments(argv)
        given = config.read()
        for name in ("coordinator_address", "process_id", "distributed"):
            if flags.FLAGS[name].present:
                raise ValueError(f"--{name} is for experiments.mnist: here it is decided")
        if preset_flag.is_of_many():
            raise ValueError(f"expected a preset of one network, got --preset={given.preset}")
        count, own = given.num_processes or 2, sys.argv[1:]
        own += [] if given.num_epochs or given.resume else ["--num_epochs=2"]
        path = workdir.choose(given.workdir, "distributed", given.overwrite, given.resume)
    place = f"--coordinator_address={free_address()}", f"--num_processes={count}"
    given_to_all = *own, f"--workdir={path}", *place
    each = [program("mnist", *given_to_all, f"--process_id={number}") for number in range(count)]
    if code := run(each):
        sys.exit(code)
    print(f"\nthe same in one process: python -m experiments.verify {path}", flush=True)
    sys.exit(run([program("verify", str(path))]))


def free_address() -> str:
    """Where process 0 can be reached."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def program(name: str, *arguments: str) -> list[str]:
    """What starts one of the programs."""
    return [sys.executable, "-m", f"experiments.{name}", *arguments]


def run(programs: list[list[str]]) -> int:
    """Runs programs side by side; SIGTERM to this one goes on to them, which end by themselves.

    Returns:
      The exit code of the first that ended otherwise than well, 0 where none did.
    """
    started: list[subprocess.Popen[bytes]] = []
    asked: list[int] = []

    def pass_on(number: int, frame: object = None) -> None:
        asked.append(number)
        for each in started:
            each.send_signal(number)

    before = signal.signal(signal.SIGTERM, pass_on)
    try:
        for words in programs:
            started.append(subprocess.Popen(words))
        if asked:  # while one was being started
            pass_on(asked[0])
        return next(filter(None, [wait(each) for each in started]), 0)
    finally:
        signal.signal(signal.SIGTERM, before)


def wait(process: subprocess.Popen[bytes]) -> int:
    """The exit code; Ctrl-C has gone to the process too, which ends by itself."""
    while True:
        try:
            code = process.wait()
            return code if code >= 0 else 128 - code
        except KeyboardInterrupt:
            continue


if __name__ == "__main__":
    endings.start(main)

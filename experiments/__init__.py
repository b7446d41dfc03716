"""Programs with flags: the only place that prints, draws and reads data."""

import contextlib
import importlib.util
import os
import sys

if sys.argv[:1] == ["-m"]:
    # `python -m experiments.NAME` has come here first: what follows takes a second to import.
    if not importlib.util.find_spec("jax"):
        sys.exit(
            f"error: {sys.executable} has no JAX: `make install` puts it into .venv, and "
            "`.venv/bin/python -m ...` uses it"
        )
    module = next(
        (word for word in sys.orig_argv if word.startswith("experiments.")), "experiments"
    )
    # XLA writes what it raises besides; what matters of an error is in its exception.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    is_list = module == "experiments.lessons"  # which starts programs of their own
    if not is_list and not {"-h", "--help", "--helpfull", "--helpshort"} & set(sys.argv):
        with contextlib.suppress(OSError):  # nobody listens
            print(f"{module}: starting JAX", flush=True)
    if not is_list and module != "experiments.benchmark":  # which times the import
        try:
            import jax  # noqa: F401
        except (ImportError, ValueError) as error:  # it reads the variables $JAX_...
            sys.exit(f"error: JAX does not start: {error}")
        except KeyboardInterrupt:
            sys.exit(130)

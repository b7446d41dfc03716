"""Programs with flags: the only place that prints, draws and reads data."""

import contextlib
import sys

if sys.argv[:1] == ["-m"]:
    # `python -m experiments.NAME` has come here first: what follows takes a second to import.
    if not {"-h", "--help", "--helpfull", "--helpshort"} & set(sys.argv):
        with contextlib.suppress(OSError, ValueError):  # nobody listens
            name = sys.orig_argv[sys.orig_argv.index("-m") + 1]
            print(f"{name}: starting JAX", flush=True)
    if not any(word.endswith(".benchmark") for word in sys.orig_argv):  # which times the import
        try:
            import jax  # noqa: F401
        except (ImportError, ValueError) as error:  # it reads the variables $JAX_...
            sys.exit(f"error: JAX does not start: {error}")
        except KeyboardInterrupt:
            sys.exit(130)

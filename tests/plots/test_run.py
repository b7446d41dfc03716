import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_display_and_no_global_state_are_needed():
    code = "import sys, experiments.plots.run; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=300).returncode == 0

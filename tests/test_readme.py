"""Every command of the README does what it says."""

import re
import shlex
import subprocess
import sys

import pandas as pd
import pytest
from conftest import MALL, ROOT, environment, finish, runs, start
from purchases import sample

COMMANDS = re.findall(
    r"^python train\.py\b((?:(?!rebuild).)*?)(?:\s+#.*)?$", (ROOT / "README.md").read_text(), re.M
)
AFTERWARDS = re.findall(
    r"^python ((?:promote|score|train)\.py .*?|promote.py)(?:\s+#.*)?$",
    (ROOT / "README.md").read_text().split("## From a run")[1],
    re.M,
)


def test_the_readme_is_short_and_shows_the_two_commands():
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 150
    assert text.index("make sweep") < text.index("make test") < text.index("docs/segments.png")
    assert (ROOT / "docs" / "segments.png").exists()
    assert len(COMMANDS) >= 7


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_runs(command, folder, tmp_path):
    pd.read_csv(MALL).to_excel(tmp_path / "customers.xlsx", index=False)
    sample()[0].to_csv(tmp_path / "sales.csv", index=False)
    done = finish(start(folder, tmp_path, *shlex.split(command)), timeout=300)
    assert done.returncode == 0, done.stderr
    found = runs(folder)
    assert found
    assert {run.info.status for run in found} == {"FINISHED"}


@pytest.mark.slow
def test_the_commands_from_run_to_model_work_in_turn(folder, tmp_path):
    pd.read_csv(MALL).to_excel(tmp_path / "customers.xlsx", index=False)
    made = finish(start(folder, tmp_path, "-m", "algorithm=kmeans,gmm"))
    assert made.returncode == 0, made.stderr
    other = next(run for run in runs(folder) if run.info.run_name == "gmm-income_spending-k5")
    assert len(AFTERWARDS) >= 6
    for command in AFTERWARDS:
        script, *args = shlex.split(command.replace("RUN_ID", other.info.run_id))
        args = [arg.replace("run=RUN", f"run={other.info.run_id}") for arg in args]
        done = subprocess.run(
            [sys.executable, str(ROOT / script), *args, f"tracking.folder={folder}"],
            cwd=tmp_path,
            env=environment(),
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    assert len(pd.read_csv(tmp_path / "scored.csv")) == 200

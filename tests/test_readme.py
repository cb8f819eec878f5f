"""Every command of the README does what it says."""

import re
import shlex

import pandas as pd
import pytest
from conftest import MALL, ROOT, finish, runs, start

COMMANDS = re.findall(
    r"^python train\.py\b(.*?)(?:\s+#.*)?$", (ROOT / "README.md").read_text(), re.M
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
    done = finish(start(folder, tmp_path, *shlex.split(command)), timeout=300)
    assert done.returncode == 0, done.stderr
    found = runs(folder)
    assert found
    assert {run.info.status for run in found} == {"FINISHED"}

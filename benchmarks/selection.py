"""How good is the choice? Run the default sweep on labelled data and compare what it recommends.

    python benchmarks/selection.py FOLDER [--out FILE.csv] [--jobs N]

FOLDER holds `<name>.csv` (features), `<name>.labels.csv` (one or more reference partitions,
-1 = noise; a single value everywhere = no structure) and `index.csv` (name, family). Data sets
are read, prepared (features=auto), fitted, judged and ranked by the code that `train.py` calls.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hydra import compose, initialize_config_dir
from joblib import Parallel, delayed
from sklearn.metrics import adjusted_rand_score

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import composition  # noqa: E402  (registers the resolvers of the configuration)

from customer_segmentation import data, features, recommendation, search  # noqa: E402
from customer_segmentation.segmenter import Segmenter  # noqa: E402

COLUMNS = [
    "name", "family", "n", "d", "true_k", "k", "ari", "silhouette_ari", "kmeans_silhouette_ari",
    "oracle_ari", "algorithm", "verdict", "cpu_seconds", "error",
]  # fmt: skip
NO_STRUCTURE = ("0", "1")  # true_k of a set whose labels have one value


@dataclass(frozen=True)
class Run:
    """What an algorithm found, and on what."""

    features: features.Features
    chosen: search.Chosen
    seed: int

    def labels(self) -> np.ndarray:
        """Labels of everyone: those whom the algorithm did not see are assigned by its model."""
        candidate = self.chosen.candidate
        if self.chosen.rows is None:
            return candidate.labels
        return Segmenter.from_candidate(self.features, candidate, seed=self.seed).clusters_


def algorithms() -> list[str]:
    """Names of the algorithms of the default sweep."""
    return str(configuration().hydra.sweeper.params.algorithm).split(",")


def configuration(*overrides: str) -> Any:
    """The product's configuration."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("config", overrides=list(overrides), return_hydra_config=True)


def plans() -> list[tuple[search.Algorithm, Any, search.Selection, int]]:
    """The runs of the default sweep on features=auto, composed once."""
    found = []
    for name in algorithms():
        cfg = configuration(f"algorithm={name}", "features=auto")
        algorithm = composition.algorithm(cfg, name)
        found.append((algorithm, composition.transforms(cfg), composition.selection(cfg), cfg.seed))
    return found


def sweep(table: pd.DataFrame, runs: list[Any]) -> dict[str, Run]:
    """Every run of the default sweep on one table, as `train.py -m features=auto` does.

    As there, an algorithm that fails (too many customers for a tree, say) leaves the others.
    """
    found, errors = {}, []
    for algorithm, transforms, taking, seed in runs:
        built = features.build(table, transforms, name="auto")
        try:
            chosen = search.search(built.matrix, algorithm, taking, seed=seed)
            found[algorithm.name] = Run(built, chosen, seed)
        except Exception as error:
            errors.append(error)
    if not found:
        raise errors[0]
    return found


def judge(folder: Path, name: str, family: str, runs: list[Any]) -> dict[str, Any]:
    """One row of the result; a set that fails is a row with its error."""
    start = time.process_time()
    row: dict[str, Any] = {"name": name, "family": family}
    try:
        customers = data.load(folder / f"{name}.csv", duplicate_rows="keep")
        references = pd.read_csv(folder / f"{name}.labels.csv")
        found = sweep(customers.table, runs)
        row["cpu_seconds"] = round(time.process_time() - start, 2)
        row |= {"n": len(customers.table), "d": customers.table.shape[1]}
        row |= compare(found, references)
    except Exception:
        row["error"] = traceback.format_exc(limit=-2)
    return row


def compare(found: dict[str, Run], references: pd.DataFrame) -> dict[str, Any]:
    """What the recommendation, the silhouette, and the oracle recover of the truth.

    Candidates of an algorithm that saw some of the rows are judged on these.
    """
    truths = [references[column].to_numpy() for column in references]
    counts = sorted({len(set(truth[truth >= 0])) for truth in truths})
    candidates = pd.concat([judged(name, run.chosen, truths) for name, run in found.items()])
    board = recommendation.rank(
        pd.DataFrame(
            [
                run.chosen.row.to_dict() | {"run": name, "features": "auto"}
                for name, run in found.items()
            ]
        )
    )
    answer = recommendation.recommend(board, {})
    taken = found.get(answer.run)
    return {
        "true_k": "|".join(map(str, counts)),
        "k": int(taken.chosen.row["n_segments"]) if taken else 1,
        "ari": best_ari(taken.labels(), truths) if taken else 0.0,
        "silhouette_ari": at_best_silhouette(candidates),
        "kmeans_silhouette_ari": at_best_silhouette(
            candidates[candidates["algorithm"] == "kmeans"]
        ),
        "oracle_ari": candidates["ari"].max(),
        "algorithm": answer.run,
        "verdict": answer.verdict,
    }


def judged(name: str, chosen: search.Chosen, truths: list[np.ndarray]) -> pd.DataFrame:
    """Silhouette and adjusted Rand index of every candidate of a run."""
    seen = truths if chosen.rows is None else [truth[chosen.rows] for truth in truths]
    aris = [best_ari(labels, seen) for labels in chosen.path.labelings]
    silhouettes = chosen.scores["silhouette"].to_numpy()
    return pd.DataFrame({"algorithm": name, "silhouette": silhouettes, "ari": aris})


def best_ari(labels: np.ndarray, truths: list[np.ndarray]) -> float:
    """Adjusted Rand index with the closest reference; noise counts as one cluster."""
    return max(float(adjusted_rand_score(truth, labels)) for truth in truths)


def at_best_silhouette(candidates: pd.DataFrame) -> float:
    """Adjusted Rand index of the candidate with the best silhouette."""
    if candidates["silhouette"].isna().all():
        return 0.0
    return float(candidates["ari"].iloc[int(np.nanargmax(candidates["silhouette"]))])


def report(rows: pd.DataFrame) -> None:
    """Print the figures per family and in all."""
    failed = rows["error"].notna() & (rows["error"] != "")
    done = rows[~failed]
    flat = done["true_k"].astype(str).isin(NO_STRUCTURE)
    structured, null = done[~flat], done[flat]
    aris = ["ari", "silhouette_ari", "kmeans_silhouette_ari", "oracle_ari"]
    if len(structured):
        structured = structured.assign(
            right_k=[str(row.k) in str(row.true_k).split("|") for row in structured.itertuples()]
        )
        columns = [*aris, "right_k", "cpu_seconds"]
        table = structured.groupby("family")[columns].mean()
        table.loc["ALL (mean)"] = structured[columns].mean()
        table.loc["ALL (median)"] = structured[columns].median(numeric_only=False)
        table.insert(0, "sets", [*structured.groupby("family").size(), *[len(structured)] * 2])
        print(table.round(3).to_string())
        missed = structured[structured["verdict"] == recommendation.NO_SEGMENTS]
        print(
            f"\n'no natural segments' on structured sets (misses): {len(missed)} of "
            f"{len(structured)} {list(missed['name'])}"
        )
    if len(null):
        alarms = null[null["verdict"] != recommendation.NO_SEGMENTS]
        print(
            f"segments claimed on structureless sets (false alarms): {len(alarms)} of "
            f"{len(null)} {list(alarms['name'])}"
        )
    print(
        f"CPU seconds per set: median {done['cpu_seconds'].median():.1f}, "
        f"mean {done['cpu_seconds'].mean():.1f}, most {done['cpu_seconds'].max():.1f}"
    )
    for row in rows[failed].itertuples():
        print(f"FAILED {row.name}: {str(row.error).strip().splitlines()[-1]}")


def main() -> int:
    """Judge every set of the folder and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, help="a CSV with a row per set")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    options = parser.parse_args()
    index, runs = pd.read_csv(options.folder / "index.csv"), plans()
    work = (
        delayed(judge)(options.folder, str(row.name), str(row.family), runs)
        for row in index[["name", "family"]].itertuples(index=False, name="Row")
    )
    results = Parallel(n_jobs=options.jobs, return_as="generator")(work)
    rows = []
    for row in results:
        rows.append(row)
        print(
            f"{len(rows)}/{len(index)} {row['name']}: {row.get('ari', 'failed')}", file=sys.stderr
        )
    table = pd.DataFrame(rows).reindex(columns=COLUMNS)
    if options.out:
        table.to_csv(options.out, index=False)
    report(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())

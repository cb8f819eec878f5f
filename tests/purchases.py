"""Purchase lines with planted kinds of customers, each with its own taste: the truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

START = pd.Timestamp("2024-01-01")
AS_OF = "2025-01-01"
CATEGORIES = ("bread", "toys", "phones", "flowers")


@dataclass(frozen=True)
class Kind:
    """How one kind of customer buys, and in which category above all."""

    name: str
    purchases: tuple[int, int]
    days_ago: tuple[int, int]
    spend: float
    taste: str


KINDS = (
    Kind("regular", (40, 60), (1, 8), 20.0, "bread"),
    Kind("lapsed", (4, 8), (150, 220), 15.0, "toys"),
    Kind("big and rare", (6, 10), (10, 40), 400.0, "phones"),
)


def sample(per_kind: int = 40, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """Lines of a year, and the kind of each customer.

    Seven of ten lines are of the category that the customer's kind likes, and half of these are
    of its first item.
    """
    rng = np.random.default_rng(seed)
    kinds = {f"K{n:03}": kind for n, kind in enumerate([k for k in KINDS for _ in range(per_kind)])}
    lines = pd.concat([_lines(customer, kind, rng) for customer, kind in kinds.items()])
    lines = lines.sample(frac=1, random_state=seed).reset_index(drop=True)
    return lines, pd.Series({customer: kind.name for customer, kind in kinds.items()})


def _lines(customer: str, kind: Kind, rng: np.random.Generator) -> pd.DataFrame:
    end = pd.Timestamp(AS_OF)
    count = rng.integers(*kind.purchases)
    last = end - pd.Timedelta(days=int(rng.integers(*kind.days_ago)))
    days = np.sort(rng.choice(np.arange((last - START).days), count - 1, replace=False))
    times = [*(START + pd.to_timedelta(days, unit="D")), last]
    rows = []
    for number, time in enumerate(times):
        for _ in range(rng.integers(1, 4)):
            likes = rng.random() < 0.7
            category = kind.taste if likes else str(rng.choice(CATEGORIES))
            item = 0 if likes and rng.random() < 0.5 else int(rng.integers(0, 10))
            minute = time + pd.Timedelta(minutes=int(rng.integers(480, 1200)))
            spend = round(float(rng.lognormal(np.log(kind.spend), 0.3)), 2)
            thing = (f"{category}-{item}", category)
            rows.append((customer, minute, f"{customer}-{number}", *thing, spend))
    return pd.DataFrame(
        rows, columns=["customer_id", "date", "order_id", "item", "category", "amount"]
    )

"""The exploration: its summary table, and pictures that hold for any table."""

import time

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from customer_segmentation.exploration import by_demographic, distributions, relations, summary

PICTURES = [distributions, relations, by_demographic]


def mixed(size=300, numbers=3, seed=0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {f"amount_{i}": rng.lognormal(3 + i, 1, size) for i in range(numbers)}
        | {"Gender": pd.Categorical(rng.choice(["f", "m"], size))}
    )
    table["Joined"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, size), "D")
    table["Note"] = pd.Series([f"note {i}" for i in range(size)], dtype="str")
    return table


TABLES = {
    "mixed": mixed(),
    "20 numbers": mixed(numbers=20),
    "long": mixed(size=4000),
    "single": pd.DataFrame({"Spend": [1.0, 2.0, 40.0]}),
    "one row": pd.DataFrame({"Spend": [1.0], "Age": [3.0]}),
    "constant": pd.DataFrame({"a": [3.0] * 5, "b": [1.0, 2, 3, 4, 5]}),
    "missing": pd.DataFrame({"a": [np.nan] * 4, "b": [1.0, np.nan, 3, 4], "c": [2.0, 1, 1, 5]}),
    "category only": pd.DataFrame({"c": pd.Categorical(list("aabbb"))}),
    "text only": pd.DataFrame({"t": pd.Series(["x", "y"], dtype="str")}),
    "rare level": pd.DataFrame(
        {"n": [1.0, 2, 3, 4], "c": pd.Categorical(list("aaab"), categories=list("abz"))}
    ),
    "long names": pd.DataFrame(
        {f"Yearly income of the whole household, number {i} ($)": [1e9, 2e5, i] for i in range(4)}
        | {"Level": pd.Categorical(["a level with a very long description indeed " * 2, "b", "b"])}
    ),
}


def test_summary_describes_each_type():
    table = mixed()
    rows = summary(table, {"amount_0": 7}).set_index("column")
    assert rows["type"].tolist() == ["number"] * 3 + ["category", "date", "text"]
    assert rows.loc["amount_0", "missing"] == 7
    assert rows.loc["amount_1", "mean"] == pytest.approx(table["amount_1"].mean())
    assert rows.loc["amount_1", "q3"] == pytest.approx(table["amount_1"].quantile(0.75))
    assert rows.loc["amount_1", "skew"] > 0
    assert rows.loc["Gender", "levels"].startswith(("f ", "m "))
    assert rows.loc["Note", "levels"] == "300 distinct"


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("draw", PICTURES)
@pytest.mark.filterwarnings("error")
def test_any_table_is_drawn_and_nothing_is_cut_off(draw, table):
    before = table.copy()
    figure = draw(table)
    pd.testing.assert_frame_equal(table, before)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    page = figure.bbox
    for box in (text.get_window_extent(renderer) for text in figure.texts):
        assert page.x0 <= box.x0
        assert box.x1 <= page.x1
    boxes = [panel.get_tightbbox(renderer) for panel in figure.axes]
    for number, box in enumerate(boxes):
        assert page.x0 <= box.x0 + 1
        assert box.x1 <= page.x1 + 1
        assert page.y0 <= box.y0 + 1
        for other in boxes[:number]:
            wide = min(box.x1, other.x1) - max(box.x0, other.x0)
            high = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert min(wide, high) < 1, "two panels overlap"


def note(figure) -> str:
    return figure.texts[-1].get_text().replace("\n", " ")


def test_what_is_left_out_is_said():
    assert "12 of 22 columns" in note(distributions(TABLES["20 numbers"]))
    assert "6 of 20 columns" in note(relations(TABLES["20 numbers"]))
    assert "1,500 of 4,000 customers" in note(relations(TABLES["long"]))
    assert "5 of 20 numbers" in note(by_demographic(TABLES["20 numbers"]))
    assert "No categories" in note(by_demographic(TABLES["single"]))
    assert "Fewer than two" in note(relations(TABLES["single"]))


def test_by_demographic_shows_the_numbers_that_differ():
    table = mixed(numbers=8)
    table["amount_7"] = table["amount_7"] + 1e6 * (table["Gender"] == "f")
    titles = [panel.get_title(loc="left") for panel in by_demographic(table).axes]
    assert "amount_7" in titles


@pytest.mark.parametrize("draw", PICTURES)
def test_pictures_are_cheap(draw, tmp_path):
    draw(TABLES["mixed"]).savefig(tmp_path / "warm.png")
    start = time.process_time()
    draw(TABLES["20 numbers"]).savefig(tmp_path / "picture.png")
    assert time.process_time() - start < 2  # 0.4 s on a quiet machine

"""The MLflow UI as a user gets it: ui.py is started, and its printed link opened in a browser."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys

import pytest
from conftest import ROOT, Done, environment, finish, free_port, runs, start, wait_for
from omegaconf import OmegaConf

VIEW = OmegaConf.load(ROOT / "conf" / "tracking" / "local.yaml")["view"]
HEADERS = [column.partition(".")[2] for column in VIEW]
SORTED_BY = next(c.partition(".")[2] for c in VIEW if c.startswith("metrics."))


def ui(*args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "ui.py"), *map(str, args)],
        env=environment(),
        text=True,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def refused(*args: object) -> Done:
    process = ui(*args)
    try:
        return finish(process, timeout=30)
    finally:
        process.kill()


def test_a_port_in_use_is_said_before_anything_is_started(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = refused("--folder", folder, "--port", port)
    assert done.returncode == 1
    assert f"got port {port}" in done.stdout
    assert "--port" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_folder_without_runs_is_said_and_not_made(tmp_path):
    done = refused("--folder", tmp_path / "mlruns", "--port", free_port())
    assert done.returncode == 1
    assert "python train.py -m" in done.stdout
    assert not (tmp_path / "mlruns").exists()


@pytest.fixture(scope="module")
def swept(tmp_path_factory, migrated):
    """A store after a small sweep."""
    cwd = tmp_path_factory.mktemp("ui")
    folder = shutil.copytree(migrated, cwd / "mlruns")
    swept = ["algorithm=kmeans,dbscan", "features=income_spending"]
    done = finish(start(folder, cwd, "-m", *swept))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def link(swept):
    """The link that ui.py prints, while it serves."""
    port = free_port()
    process = ui("--folder", swept, "--port", port)
    try:
        printed = re.search(r"http://\S+", process.stdout.readline())
        assert printed, process.stdout.read()
        wait_for(f"http://127.0.0.1:{port}/health", process)
        yield printed.group()
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=20)


@pytest.fixture(scope="module")
def page(browser):
    """A page of a fresh browser, as wide as a laptop's."""
    opened = browser.new_page(viewport={"width": 1600, "height": 1000})
    opened.set_default_timeout(30_000)
    # The assistant opens itself at the first visit and takes a quarter of the width.
    opened.add_init_script(
        "localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')"
    )
    return opened


def visit(page, url: str) -> None:
    page.goto("about:blank")  # only the fragment differs: without this nothing is loaded
    page.goto(url)


@pytest.mark.slow
@pytest.mark.browser
def test_the_printed_link_opens_a_flat_sorted_table_with_the_chosen_columns(page, link):
    visit(page, link)
    names = page.get_by_role("gridcell").get_by_role("link", name=re.compile(r"-income_spending-"))
    names.nth(1).wait_for()
    assert sorted(n.split("-")[0] for n in names.all_inner_texts()) == ["dbscan", "kmeans"]
    assert "sweep" not in page.locator("[role=treegrid], [role=grid]").first.inner_text()
    boxes = {name: page.get_by_role("columnheader", name=name).first for name in HEADERS}
    left = {name: box.bounding_box()["x"] for name, box in boxes.items()}
    assert sorted(left, key=left.get) == HEADERS
    assert max(left.values()) < 1500, "the last column is cut off"
    assert page.get_by_text(f"Sort: {SORTED_BY}").is_visible()


@pytest.mark.slow
@pytest.mark.browser
def test_the_printed_link_opens_the_model_training_mode(page, link):
    visit(page, link)
    page.get_by_text("2 matching runs").wait_for()
    assert "workflowType=machine_learning" in page.url
    assert page.get_by_text("Detect Issues in Your Traces").count() == 0
    assert page.get_by_role("dialog").count() == 0
    assert page.get_by_role("link", name="Models").is_visible()


@pytest.mark.slow
@pytest.mark.browser
def test_charts_draw_the_path_of_both_runs_and_their_pictures_at_the_first_click(page, link):
    visit(page, f"{link}&compareRunsMode=CHART")
    page.get_by_text("path/silhouette", exact=True).first.wait_for()
    page.get_by_text("path/wcss", exact=True).first.wait_for()
    lines = page.locator(".js-plotly-plot").first.locator(".scatterlayer .trace path.js-line")
    lines.nth(1).wait_for(state="attached")  # one for each run
    page.get_by_text("Pictures").first.wait_for()


@pytest.mark.slow
@pytest.mark.browser
def test_tables_of_both_runs_stand_side_by_side(page, link):
    visit(page, f"{link}&compareRunsMode=ARTIFACT")
    page.get_by_text("customers: ").first.wait_for()
    assert page.get_by_text("customers: ").count() > 2


@pytest.mark.slow
@pytest.mark.browser
def test_the_page_of_a_run_starts_with_its_verdict(page, link, swept):
    run = runs(swept, "tags.algorithm = 'kmeans'")[0]
    base, _, query = link.partition("/runs?")
    visit(page, f"{base}/runs/{run.info.run_id}?{query}")
    verdict = run.data.tags["mlflow.note.content"].splitlines()[0].strip("*")
    page.get_by_text(verdict).first.wait_for()
    page.get_by_text("Show more").first.wait_for()

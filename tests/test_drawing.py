"""Pictures drawn by a second process: the same ones, whatever becomes of that process."""

from __future__ import annotations

import os
import signal

import pytest
from matplotlib.figure import Figure

from customer_segmentation.plots import canvas, drawing

SIZES = (canvas.blank, 4, 3, "Customers per segment")


@pytest.fixture
def other_process(monkeypatch):
    monkeypatch.setattr(drawing, "_pool", None)
    drawing.start()
    yield drawing._pool
    drawing._pool.shutdown()


def test_the_other_process_draws_the_same_picture(other_process):
    assert drawing.begin(*SIZES)() == canvas.png(canvas.blank(*SIZES[1:]))
    assert next(iter(other_process._processes)) != os.getpid()


def test_what_goes_wrong_while_drawing_is_raised_where_the_picture_is_asked_for(other_process):
    drawn = drawing.begin(Figure, (-1, 0))
    with pytest.raises(ValueError, match="figure size"):
        drawn()


def test_pictures_are_drawn_here_when_the_other_process_is_killed(other_process):
    before = drawing.begin(*SIZES)
    before()
    os.kill(next(iter(other_process._processes)), signal.SIGKILL)
    after = [drawing.begin(*SIZES) for _ in range(3)]
    assert [picture() for picture in after] == [before()] * 3

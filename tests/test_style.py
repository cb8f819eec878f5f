import pytest

from customer_segmentation import style


def light(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [((c + 0.055) / 1.055) ** 2.4 if c > 0.04 else c / 12.92 for c in parts]
    return sum(part * weight for part, weight in zip(linear, style.LUMINANCE, strict=True))


@pytest.mark.parametrize("segment", [-1, *range(1, len(style.PALETTE) + 1)])
def test_numbers_can_be_read_on_the_colour_of_their_segment(segment):
    dark, bright = sorted((light(style.colour(segment)), light(style.ink(style.colour(segment)))))
    assert (bright + 0.05) / (dark + 0.05) >= 4.5


def test_every_number_up_to_48_has_a_look_of_its_own():
    looks = {(style.colour(segment), style.marker(segment)) for segment in range(1, 49)}
    assert len(looks) == 48
    assert style.OUTLIER_COLOUR not in style.PALETTE


def test_a_segment_keeps_its_colour_whatever_else_there_is():
    # After a refresh segment 2 may be gone and 9 be new: the colour hangs on the number alone.
    assert style.colour(9) == style.PALETTE[8]
    assert style.colour(2) == style.PALETTE[1]

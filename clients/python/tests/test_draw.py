"""Regions over a picture. Needs Pillow, so `packaging/run-client-tests --full` runs it."""

from __future__ import annotations

import io
import unittest

from PIL import Image

from vpath import Point, Rect, Region
from vpath.draw import overlay

WHITE = (255, 255, 255)


def png(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (90, 40, 120)).save(out, "PNG")
    return out.getvalue()


def region(*corners: tuple[int, int]) -> Region:
    points = tuple(Point(x, y) for x, y in corners)
    return Region(slide="s1", rect=Rect(0, 0, 1, 1), label="candidate", flags=(), polygon=points)


class DrawTests(unittest.TestCase):
    def test_an_outline_lies_on_its_level_0_pixels(self) -> None:
        shown = Rect(1000, 2000, 400, 200)
        square = region((1100, 2050), (1300, 2050), (1300, 2150), (1100, 2150))
        image = overlay(png(800, 400), shown, {"r1": square}, labels={"r1": ""}, colors=[(1, 2, 3)])
        self.assertEqual(image.size, (800, 400))
        for point in ((200, 200), (600, 200), (400, 100), (400, 300)):
            self.assertEqual(image.getpixel(point), (1, 2, 3), point)
        for point in ((400, 200), (100, 50), (700, 350)):
            self.assertEqual(image.getpixel(point), (90, 40, 120), point)

    def test_a_name_is_written_inside_the_picture_also_for_a_region_outside_it(self) -> None:
        shown = Rect(0, 0, 100, 100)
        regions = {"r1": region((-50, -50), (20, -50), (20, 20)), "r2": region((500, 500), (600, 500), (600, 600))}
        image = overlay(png(400, 400), shown, regions)
        white = sum(image.getpixel((x, y)) == WHITE for x in range(0, 60) for y in range(0, 40))
        self.assertGreater(white, 100)

    def test_the_picture_itself_is_not_changed(self) -> None:
        data = png(50, 50)
        before = bytes(data)
        overlay(data, Rect(0, 0, 50, 50), {"r1": region((5, 5), (40, 5), (40, 40))})
        self.assertEqual(data, before)


if __name__ == "__main__":
    unittest.main()

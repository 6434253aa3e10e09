"""Draws regions over a picture of the slide. Needs Pillow: `pip install vpath-client[draw]`.

What must stay true: nothing is measured here; a region is drawn where its level-0 pixels are, or not at all.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Optional, Union

from .evidence import Rect, Region
from .pieces import ArtefactBytes

if TYPE_CHECKING:
    from PIL import Image

#: Line colours that people with any colour vision tell apart, also over pink and purple (Okabe and Ito).
COLORS = ((0, 114, 178), (230, 159, 0), (0, 158, 115), (213, 94, 0), (86, 180, 233), (240, 228, 66))
#: Pixels of a picture that is drawn on.
MAX_PIXELS = 64 << 20


def overlay(
    picture: Union[bytes, ArtefactBytes],
    shown: Rect,
    regions: Mapping[str, Region],
    *,
    labels: Optional[Mapping[str, str]] = None,
    colors: Sequence[tuple[int, int, int]] = COLORS,
) -> Image.Image:
    """The picture with the regions' outlines and names.

    `shown` is what the whole picture shows, in level-0 pixels; `labels` replaces names (an empty text leaves one out).
    Lines have a white rim, so that they are seen on dark and light tissue. Raises ImportError without Pillow.
    """
    from PIL import Image, ImageDraw, ImageFont

    data = picture.data if isinstance(picture, ArtefactBytes) else picture
    with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as found:
        if found.width * found.height > MAX_PIXELS:
            raise ValueError(f"the picture has {found.width} × {found.height} pixels; at most {MAX_PIXELS} are")
        image: Image.Image = found.convert("RGB")
    across, down = image.width / shown.width, image.height / shown.height
    draw = ImageDraw.Draw(image)
    line = max(2, round(max(image.size) / 400))
    size = max(12, round(max(image.size) / 45))
    try:
        font = ImageFont.load_default(size)
    except TypeError:  # Pillow before 10.1 has one size
        font = ImageFont.load_default()
    placed = [
        (id, [((x - shown.x) * across, (y - shown.y) * down) for x, y in region.corners])
        for id, region in regions.items()
    ]
    # Large ones first, so that small ones and their names lie on top.
    for index, (_, corners) in sorted(enumerate(placed), key=lambda item: -_extent(item[1][1])):
        color = colors[index % len(colors)]
        ring = [*corners, corners[0], corners[1]]
        draw.line(ring, fill=(255, 255, 255), width=line + 2, joint="curve")
        draw.line(ring, fill=color, width=line, joint="curve")
    for index, (id, corners) in enumerate(placed):
        text = (labels or {}).get(id, id)
        if not text:
            continue
        left = min(max(0, min(x for x, _ in corners)), image.width - size)
        top = min(max(0, min(y for _, y in corners)), image.height - size)
        box = draw.textbbox((left + line + 3, top + line + 1), text, font=font)
        draw.rectangle((box[0] - 3, box[1] - 2, box[2] + 3, box[3] + 2), fill=(255, 255, 255))
        draw.text((left + line + 3, top + line + 1), text, font=font, fill=colors[index % len(colors)])
    return image


def _extent(corners: list[tuple[float, float]]) -> float:
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return (max(xs) - min(xs)) * (max(ys) - min(ys))

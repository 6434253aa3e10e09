"""Evidence: everything an answer may cite. Ids are given by the daemon and unique in a case (`m5`, `r2`).

What must stay true: evidence of a kind that this client does not know is kept whole, as `UnknownBody`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional, Union

from .errors import BadReply
from .wire import JSONObject, WireObject, extra_members, wrong


@dataclass(frozen=True)
class Rect(WireObject):
    """An axis-parallel rectangle in level-0 pixels, origin at the top left."""

    x: int
    y: int
    width: int
    height: int
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Point(WireObject):
    """A corner of a polygon in level-0 pixels."""

    x: int
    y: int
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class SlideScale(WireObject):
    """µm per level-0 pixel; `source` is `slide` or `stated`."""

    microns_per_pixel: float
    source: str
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class SlideProperties(WireObject):
    """What the decoder says of a slide; width and height in level-0 pixels."""

    width: int
    height: int
    level_count: int
    vendor: str
    decoder: str
    #: None when there is no usable scale; `scale_problem` then says why.
    scale: Optional[SlideScale] = None
    #: The slide's own µm/px when one was stated as well.
    slide_microns_per_pixel: Optional[float] = None
    scale_problem: Optional[str] = None
    objective_power: Optional[float] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class SlideRecord(WireObject):
    """A slide of a case; `id` is its evidence id."""

    id: str
    file_name: str
    size_bytes: int
    #: None until the daemon has hashed its files.
    sha256: Optional[str] = None
    properties: Optional[SlideProperties] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Score(WireObject):
    """A score a region is ranked by."""

    name: str
    value: float
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Region(WireObject):
    """A place on a slide."""

    slide: str
    #: The bounding rectangle.
    rect: Rect
    #: For instance `tissue`, `candidate`, `drawn by the client`.
    label: str
    #: Things a reader must know.
    flags: tuple[str, ...]
    #: The outline when it is no rectangle.
    polygon: Optional[tuple[Point, ...]] = None
    #: Place in a ranking, 1 first.
    rank: Optional[int] = None
    score: Optional[Score] = None
    extra: JSONObject = extra_members()

    @property
    def corners(self) -> tuple[tuple[int, int], ...]:
        """The outline's corners in level-0 pixels, the first not repeated."""
        if self.polygon:
            return tuple((point.x, point.y) for point in self.polygon)
        right, bottom = self.rect.x + self.rect.width, self.rect.y + self.rect.height
        return ((self.rect.x, self.rect.y), (right, self.rect.y), (right, bottom), (self.rect.x, bottom))


@dataclass(frozen=True)
class View(WireObject):
    """A region rendered at a scale; `artefact` methods read its picture by the view's id."""

    region: str
    width: int
    height: int
    #: SHA-256 of the decoded pixels before any drawing.
    pixel_sha256: str
    caption: str
    #: µm per pixel of the picture; None when the slide has no scale.
    microns_per_pixel: Optional[float] = None
    image_sha256: Optional[str] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Interval(WireObject):
    """A range, how it was made (`method`), and what it `predicts`; `coverage` is a share of 1."""

    low: float
    high: float
    coverage: float
    method: str
    predicts: str
    image_count: int
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Ratio(WireObject):
    """Numerator and denominator of a density or share."""

    numerator_name: str
    numerator: float
    denominator_name: str
    denominator: float
    denominator_unit: str
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Validity(WireObject):
    """What a measurement was validated on, and whether this case lies `within`."""

    organs: tuple[str, ...]
    stains: tuple[str, ...]
    microns_per_pixel: tuple[float, ...]
    image_count: int
    within: bool
    #: What lies outside, in words; empty when nothing does.
    limits: tuple[str, ...]
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class PixelDigest(WireObject):
    """The decoded pixels something was computed from."""

    sha256: str
    level: int
    decoder: str
    resampler: str
    microns_per_pixel: Optional[float] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Measurement(WireObject):
    """One measured value; `unit` is a UCUM code such as `/mm2`."""

    name: str
    value: float
    unit: str
    validity: Validity
    flags: tuple[str, ...]
    #: The region it was measured in.
    region: Optional[str] = None
    #: None for a value that was selected as a maximum.
    interval: Optional[Interval] = None
    ratio: Optional[Ratio] = None
    pixels: Optional[PixelDigest] = None
    #: Place in a ranking of this measure, 1 first.
    rank: Optional[int] = None
    #: By what share of itself selection inflates it on average.
    selection_optimism: Optional[float] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Comparison(WireObject):
    """A difference and a ratio of two measurements, computed by the daemon."""

    left: str
    right: str
    #: left − right in `unit`.
    difference: float
    unit: str
    #: left ÷ right; None when right is zero.
    ratio: Optional[float] = None
    intervals_separate: Optional[bool] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Description(WireObject):
    """A model's or tool's own words; a stranger's text."""

    text: str
    view: Optional[str] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Artefact(WireObject):
    """A file made by a tool, kept by hash; `name` is for people and is no path."""

    name: str
    media_type: str
    size_bytes: int
    sha256: str
    caption: str
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Quote(WireObject):
    """A number quoted from the question or the notes; never a result."""

    text: str
    source: str
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class UnknownBody(WireObject):
    """A kind that this client does not know; its members are in `extra`."""

    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class ToolReference(WireObject):
    """A tool with the version that made something, and the digest of its program where that is known."""

    name: str
    version: str
    sha256: Optional[str] = None
    extra: JSONObject = extra_members()


EvidenceBody = Union[
    SlideRecord, Region, View, Measurement, Comparison, Description, Artefact, Quote, UnknownBody
]

#: The class of each kind's body.
BODIES: dict[str, type[WireObject]] = {
    "slide": SlideRecord,
    "region": Region,
    "view": View,
    "measurement": Measurement,
    "comparison": Comparison,
    "description": Description,
    "artefact": Artefact,
    "quote": Quote,
}


@dataclass(frozen=True)
class Evidence(WireObject):
    """One piece of evidence; `isinstance(e.body, Measurement)` tells what it is."""

    id: str
    kind: str
    body: EvidenceBody
    #: The turn that made it; None for slides.
    turn: Optional[str] = None
    call: Optional[str] = None
    tool: Optional[ToolReference] = None
    extra: JSONObject = extra_members()

    @classmethod
    def from_json(cls, value: Any, place: str = "") -> Evidence:
        """Reads it; the body's members lie beside `id` and `kind`."""
        if not isinstance(value, dict):
            raise wrong(place, "an object", value)
        head = {key: value[key] for key in ("id", "kind", "turn", "call", "tool") if key in value}
        common = _Head.from_json(head, place)
        rest = {key: item for key, item in value.items() if key not in head or key == "id" and common.kind == "slide"}
        body: Any = BODIES.get(common.kind, UnknownBody).from_json(rest, place)
        return cls(id=common.id, kind=common.kind, body=body, turn=common.turn, call=common.call, tool=common.tool)

    def to_json(self) -> JSONObject:
        """Writes it as it came."""
        head = _Head(self.id, self.kind, self.turn, self.call, self.tool)
        return {**self.body.to_json(), **head.to_json(), **self.extra}

    @property
    def region(self) -> Region:
        """The body of a region. Raises BadReply for other kinds."""
        if not isinstance(self.body, Region):
            raise BadReply("protocol.request", f"{self.id} is a {self.kind}, not a region.", subject=self.id)
        return self.body


@dataclass(frozen=True)
class _Head(WireObject):
    id: str
    kind: str
    turn: Optional[str] = None
    call: Optional[str] = None
    tool: Optional[ToolReference] = None
    extra: JSONObject = extra_members()

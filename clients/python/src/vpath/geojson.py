"""Regions as GeoJSON in QuPath's dialect, with the measurements made in them; `vpath ask --geojson` writes the same.

What must stay true: coordinates are level-0 pixels of one slide; measurement values are finite numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Optional

from .answer import Turn
from .evidence import Evidence, Measurement, Region
from .wire import JSONObject

#: UCUM codes as a person reads them.
UNITS = {"/mm2": "/mm²", "mm2": "mm²", "um2": "µm²", "um": "µm", "um/{pixel}": "µm/px", "1": ""}


def answer_regions(turn: Turn, *, slide: Optional[str] = None) -> JSONObject:
    """The regions that an answer cites, as a FeatureCollection; of one slide when it is named."""
    return feature_collection(turn.cited_regions(), turn.evidence, slide=slide)


def evidence_regions(evidence: Mapping[str, Evidence], *, slide: Optional[str] = None) -> JSONObject:
    """Every region among the evidence, as a FeatureCollection."""
    regions = {id: item.body for id, item in evidence.items() if isinstance(item.body, Region)}
    return feature_collection(regions, evidence, slide=slide)


def feature_collection(
    regions: Mapping[str, Region], evidence: Mapping[str, Evidence], *, slide: Optional[str] = None
) -> JSONObject:
    """Regions with the measurements that the evidence has of them."""
    shown = {id: region for id, region in regions.items() if slide in (None, region.slide)}
    return {
        "type": "FeatureCollection",
        "features": [_feature(id, region, evidence) for id, region in shown.items()],
    }


def _feature(id: str, region: Region, evidence: Mapping[str, Evidence]) -> JSONObject:
    corners = region.corners
    measurements: dict[str, float] = {}
    for item in evidence.values():
        body = item.body
        if isinstance(body, Measurement) and body.region == id and math.isfinite(body.value):
            unit = UNITS.get(body.unit, body.unit)
            measurements[f"{body.name}{f' {unit}' if unit else ''} ({item.id})"] = body.value
    properties: dict[str, Any] = {
        "objectType": "annotation",
        "name": f"{id} {region.label}",
        "classification": {"name": region.label, "color": [200, 30, 30]},
        "isLocked": True,
        "measurements": measurements,
    }
    ring = [[x, y] for x, y in (*corners, corners[0])]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "id": _uuid(id), "geometry": geometry, "properties": properties}


def _uuid(id: str) -> str:
    """Made from the evidence's number, so that the same answer gives the same file."""
    number = int(id[1:]) if id[1:].isdigit() else 0
    return f"76706174-6800-4000-8000-{number:012x}"

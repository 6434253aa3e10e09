"""Tiles and their labels, split by block, and how training varies them.

What must stay true: only rows whose `use` lets weights be shipped are read for training; tiles of one `case` are never
on both sides of a split; the same seed gives the same tiles.
"""

import csv
import os

import numpy as np
from PIL import Image

SHIPPABLE = "train"


class Tiles:
    """Pictures (N x H x W x 3, bytes) with label, group, case and source of each."""

    def __init__(self, rows, folder):
        self.label = np.array([row["label"] for row in rows])
        self.group = np.array([row["group"] for row in rows])
        self.case = np.array([row["case"] for row in rows])
        self.source = np.array([row["source"] for row in rows])
        self.licence = np.array([row["licence"] for row in rows])
        pictures = []
        for row in rows:
            with Image.open(os.path.join(folder, row["file"])) as picture:
                pictures.append(np.asarray(picture.convert("RGB"), np.uint8))
        self.pictures = np.stack(pictures)

    def __len__(self):
        return len(self.label)


def read(data, split, group=None, shippable_only=False):
    """The tiles of DIR/split, of one group when it is named."""
    folder = os.path.join(data, split)
    with open(os.path.join(folder, "labels.csv"), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    rows = [row for row in rows if (group is None or row["group"] == group)
            and (not shippable_only or row["use"] == SHIPPABLE)]
    if not rows:
        raise SystemExit(f"{split}/labels.csv has no tile of group {group}; is --data the right folder?")
    return Tiles(rows, folder)


def runs(cases, kinds, count):
    """A fold number for each tile: the cases of each kind in order of their number, cut into `count` runs."""
    fold = np.zeros(len(cases), int)
    for kind in sorted(set(kinds)):
        blocks = sorted(set(cases[kinds == kind]), key=lambda name: (len(name), name))
        for index, block in enumerate(blocks):
            fold[cases == block] = index * count // len(blocks)
    return fold


def vary(pictures, side, rng):
    """Pictures as another scanner and another laboratory might give them: turned, scaled, cut to `side`, with other
    stain strengths, mixed channels, another light. 0...1 floats."""
    result = np.empty((len(pictures), side, side, 3), np.float32)
    for index, picture in enumerate(pictures):
        height, width = picture.shape[:2]
        cut = int(round(side * np.exp(rng.uniform(-0.3, 0.3))))
        cut = max(32, min(cut, height, width))
        y, x = rng.integers(0, height - cut + 1), rng.integers(0, width - cut + 1)
        piece = picture[y:y + cut, x:x + cut]
        if cut != side:
            piece = np.asarray(Image.fromarray(piece).resize((side, side), Image.BILINEAR))
        piece = np.rot90(piece, rng.integers(4))
        if rng.random() < 0.5:
            piece = piece[:, ::-1]
        density = -np.log((piece.astype(np.float32) + 1) / 256)
        mixing = np.eye(3) * np.exp(rng.normal(0, 0.25, 3)) + rng.normal(0, 0.12, (3, 3))
        density = density @ mixing.astype(np.float32).T * np.exp(rng.normal(0, 0.2)) + rng.uniform(-0.1, 0.25, 3)
        light = np.clip(np.exp(-np.maximum(density, 0)), 0, 1) ** np.exp(rng.normal(0, 0.2))
        if rng.random() < 0.5:
            light = light + rng.normal(0, rng.uniform(0, 0.03), light.shape)
        result[index] = np.clip(light, 0, 1)
    return result


def plain(pictures):
    return pictures.astype(np.float32) / 255


def colour_statistics(pictures):
    """Mean and standard deviation of R, G, B, H, S and V: the baseline."""
    result = []
    for picture in pictures:
        hsv = np.asarray(Image.fromarray(picture).convert("HSV"), np.float64).reshape(-1, 3) / 255
        rgb = picture.reshape(-1, 3).astype(np.float64) / 255
        result.append(np.r_[rgb.mean(0), rgb.std(0), hsv.mean(0), hsv.std(0)])
    return np.array(result)

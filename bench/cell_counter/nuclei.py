# Reading of the labelled nucleus sets, matching of centres, and running the counter's driver.
# A data directory holds nuclei/<group>/<set>/{images,labels,meta.csv}; see README.md beside this file.

import csv
import json
import os
import subprocess

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

MATCH_UM = 3.0


def read_set(data, folder, keep=lambda row: True):
    """Images of one set as dictionaries: name, image, label, centres (x, y in pixels), mpp, organ, case."""
    base = os.path.join(data, "nuclei", folder)
    items = []
    with open(os.path.join(base, "meta.csv"), newline="") as file:
        for row in csv.DictReader(file):
            if not keep(row):
                continue
            image = np.asarray(Image.open(os.path.join(base, "images", row["file"])).convert("RGB"))
            label = np.asarray(Image.open(os.path.join(base, "labels", row["label"]))).astype(np.int64)
            items.append(
                dict(name=row["file"], image=image, label=label, centres=centres(label), mpp=float(row["mpp"]),
                     organ=row["organ"].split(" ")[0], case=row["case"]))
    return items


def centres(label):
    """Centroids of the labels, x and y, with the first pixel's centre at 0.5."""
    ids = np.unique(label)
    ids = ids[ids > 0]
    if len(ids) == 0:
        return np.zeros((0, 2))
    yx = np.array(ndimage.center_of_mass(np.ones_like(label), label, ids)).reshape(-1, 2)
    return yx[:, ::-1] + 0.5


def matched(found, truth, mpp, limit_um=MATCH_UM):
    """Pairs of found and true centres within the limit, one to one, as many as possible (Hungarian method)."""
    if len(found) == 0 or len(truth) == 0:
        return 0
    distance = np.hypot(found[:, None, 0] - truth[None, :, 0], found[:, None, 1] - truth[None, :, 1]) * mpp
    rows, columns = linear_sum_assignment(np.where(distance <= limit_um, distance - 1e4, 0))
    return int((distance[rows, columns] <= limit_um).sum())


def write_ppm(path, image):
    with open(path, "wb") as file:
        file.write(b"P6\n%d %d\n255\n" % (image.shape[1], image.shape[0]))
        file.write(np.ascontiguousarray(image).tobytes())


def write_ppms(folder, items):
    """Writes each image as PPM; gives the driver's arguments."""
    os.makedirs(folder, exist_ok=True)
    arguments = []
    for index, item in enumerate(items):
        path = os.path.join(folder, f"{index}.ppm")
        write_ppm(path, item["image"])
        arguments.append(f"{item['mpp']}:{path}")
    return arguments


def count(driver, arguments, repeat=1):
    """Runs the driver; for each image the centres (x, y) and the least processor seconds of `repeat` runs."""
    output = subprocess.run([driver, "count", "--repeat", str(repeat), *arguments], check=True, capture_output=True, text=True)
    results = [json.loads(line) for line in output.stdout.splitlines()]
    return [(np.array([n[:2] for n in r["nuclei"]]).reshape(-1, 2), r["cpuSeconds"]) for r in results]


def score(rows):
    """Sums and means over rows of (matched, found, true)."""
    rows = np.array(rows, float).reshape(-1, 3)
    hit, found, true = rows.sum(0)
    errors = np.abs(rows[:, 1] - rows[:, 2]) / np.maximum(1, rows[:, 2])
    return dict(images=len(rows), precision=hit / max(1, found), recall=hit / max(1, true),
                f1=2 * hit / max(1, found + true), mape=100 * errors.mean(), ratio=found / max(1, true))

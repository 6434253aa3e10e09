#!/usr/bin/env python3
# Fits the scorer of the classical nucleus counter and writes its weights as Swift.
#
# Data: train/tnbc (CC BY 4.0, Naylor et al.): patients 01-08 fit the weights, each image once as it is, twice with
# its stains, sharpness, noise and size changed, and twice so and then as a 20x scanner gives it; patients 09-11 choose
# the offset. train/dsb2018 (CC0, stage 1 of the 2018 Data Science Bowl, tissue images) fits too, each image once: it
# shows other stains, and makes no difference on the validation patients. Nothing else is looked at.
# What must stay true: the same data and the same library versions give the same weights (all seeds are fixed).
#
#   swift build -c release --product vpath-bench
#   bench/cell_counter/fit.py --data DIR --driver .build/release/vpath-bench --write

import argparse
import io
import os
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image
from scipy import ndimage
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

import nuclei

WEIGHTS = os.path.join(os.path.dirname(__file__), "../../Sources/Analysis/NucleusScorerWeights.swift")
HIDDEN = 16
NETWORKS = 3
COPIES = 2
COARSE_COPIES = 2
OFFSETS = (0.5, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5)


def changed(item, rng):
    """The image with other stain strengths and hues, glass, sharpness, noise and size."""
    stains = np.array([[0.65, 0.704, 0.286], [0.072, 0.99, 0.105], [0, 0, 0]])
    stains[2] = np.cross(stains[0], stains[1])
    stains /= np.linalg.norm(stains, axis=1, keepdims=True)
    image = item["image"].astype(float)
    glass = np.clip(np.percentile(image.reshape(-1, 3), 99.5, axis=0), 200, 255)
    amounts = -np.log10(np.maximum(image, 1) / glass).reshape(-1, 3) @ np.linalg.inv(stains)
    amounts *= [np.exp(rng.uniform(np.log(0.7), np.log(3.0))), np.exp(rng.uniform(np.log(0.5), np.log(2.5))), 1]
    stains = stains.copy()
    stains[0] += rng.normal(0, 0.05, 3)
    stains[1] += rng.normal(0, 0.06, 3)
    density = np.maximum(amounts @ np.maximum(stains, 0), -0.05)
    glass = np.clip(glass + rng.normal(0, 6, 3), 215, 252)
    image = (glass * 10 ** (-density)).reshape(image.shape)
    sigma = rng.uniform(0, 0.8)
    if rng.random() < 0.5:
        image = ndimage.gaussian_filter(image, (sigma, sigma, 0))
    image = np.clip(image + rng.normal(0, rng.uniform(0, 4), image.shape), 0, 255).round().astype(np.uint8)
    size = int(round(image.shape[0] * np.exp(rng.uniform(np.log(0.8), np.log(1.2)))))
    image = np.asarray(Image.fromarray(image).resize((size, size), Image.BICUBIC))
    label = np.asarray(Image.fromarray(item["label"].astype(np.int32)).resize((size, size), Image.NEAREST)).astype(np.int64)
    return dict(item, image=image, label=label, centres=nuclei.centres(label))


def coarser(item, rng):
    """The image as a 20x scanner gives it: coarser, sharpened, noisy and compressed at its own scale."""
    mpp = rng.uniform(0.44, 0.56)
    size = int(round(item["image"].shape[0] * item["mpp"] / mpp))
    image = np.asarray(Image.fromarray(item["image"]).resize((size, size), Image.BOX)).astype(float)
    image += rng.uniform(0, 1.5) * (image - ndimage.gaussian_filter(image, (1, 1, 0)))
    image = np.clip(image + rng.normal(0, rng.uniform(0, 5), image.shape), 0, 255).round().astype(np.uint8)
    compressed = io.BytesIO()
    Image.fromarray(image).save(compressed, "JPEG", quality=int(rng.integers(50, 91)))
    image = np.asarray(Image.open(compressed).convert("RGB"))
    label = np.asarray(Image.fromarray(item["label"].astype(np.int32)).resize((size, size), Image.NEAREST)).astype(np.int64)
    return dict(item, image=image, label=label, centres=nuclei.centres(label), mpp=mpp)


def candidates(driver, items, folder):
    """Adds to each item its candidate regions: parents, places, features, and how well each fits a true nucleus."""
    arguments = nuclei.write_ppms(folder, items)
    subprocess.run([driver, "regions", *arguments], check=True)
    for item, argument in zip(items, arguments):
        raw = open(argument.split(":", 1)[1] + ".regions", "rb").read()
        width, height, count, features = np.frombuffer(raw[:16], np.int32)
        levels = np.frombuffer(raw[16:16 + width * height], np.uint8).reshape(height, width)
        record = np.dtype([("level", "<i4"), ("area", "<i4"), ("parent", "<i4"), ("seed", "<i4"), ("x", "<f4"), ("y", "<f4"),
                           ("features", "<f4", (features,))])
        regions = np.frombuffer(raw[16 + width * height:], record)
        assert len(regions) == count
        item["regions"] = regions
        item["fit"] = fit_to_truth(item, levels, regions)
    return items


def fit_to_truth(item, levels, regions):
    """1 for a region that overlaps one true nucleus well and has its centre near, 0 for one that does not."""
    height, width = levels.shape
    rows = np.minimum(((np.arange(height) + 0.5) * item["label"].shape[0] / height).astype(int), item["label"].shape[0] - 1)
    columns = np.minimum(((np.arange(width) + 0.5) * item["label"].shape[1] / width).astype(int), item["label"].shape[1] - 1)
    ids, truth = np.unique(np.r_[0, item["label"][np.ix_(rows, columns)].ravel()], return_inverse=True)
    truth = truth[1:]
    areas = np.bincount(truth, minlength=len(ids))
    overlap = np.zeros(len(regions))
    for level in np.unique(regions["level"]):
        pieces, count = ndimage.label(levels >= level)
        shared = np.zeros((count + 1, len(ids)), int)
        np.add.at(shared, (pieces.ravel(), truth), 1)
        at = np.where(regions["level"] == level)[0]
        own = shared[pieces.ravel()[regions["seed"][at]]]
        assert (own.sum(1) == regions["area"][at]).all(), "the driver's regions are not the picture's pieces"
        if len(ids) > 1:
            union = own.sum(1)[:, None] + areas[None, 1:] - own[:, 1:]
            overlap[at] = (own[:, 1:] / np.maximum(union, 1)).max(1)
    near = np.zeros(len(regions), bool)
    if len(item["centres"]):
        for start in range(0, len(regions), 4096):
            part = regions[start:start + 4096]
            distance = np.hypot(part["x"][:, None] - item["centres"][None, :, 0], part["y"][:, None] - item["centres"][None, :, 1])
            near[start:start + 4096] = distance.min(1) * item["mpp"] <= nuclei.MATCH_UM
    return np.clip((overlap - 0.3) / 0.25, 0, 1) * near


def choose(regions, scores):
    """The largest sum of positive scores over regions that do not overlap; a region comes after those inside it."""
    inside = np.zeros(len(regions))
    taken = np.zeros(len(regions), bool)
    parents = regions["parent"]
    for index, score in enumerate(scores):
        taken[index] = score > 0 and score > inside[index]
        if parents[index] >= 0:
            inside[parents[index]] += score if taken[index] else inside[index]
    covered = np.zeros(len(regions), bool)
    for index in range(len(regions) - 1, -1, -1):
        parent = parents[index]
        covered[index] = parent >= 0 and (covered[parent] or taken[parent])
    return taken & ~covered


def fit_networks(items):
    features = np.concatenate([item["regions"]["features"] for item in items]).astype(float)
    share = np.concatenate([item["fit"] for item in items])
    scaler = StandardScaler()
    inputs = np.clip(scaler.fit_transform(features), -4, 4)
    target = (np.random.default_rng(0).random(len(share)) < share).astype(int)
    networks = [
        MLPClassifier((HIDDEN,), alpha=1e-3, random_state=seed, max_iter=25, learning_rate_init=3e-3, batch_size=1024)
        for seed in range(NETWORKS)]
    for network in networks:
        network.fit(inputs, target)
    return dict(
        mean=scaler.mean_, inverseDeviation=1 / scaler.scale_,
        hiddenWeights=np.concatenate([network.coefs_[0] for network in networks], axis=1),
        hiddenBiases=np.concatenate([network.intercepts_[0] for network in networks]),
        outputWeights=np.concatenate([network.coefs_[1][:, 0] for network in networks]) / NETWORKS,
        outputBias=float(np.mean([network.intercepts_[1][0] for network in networks])))


def log_odds(weights, features):
    inputs = np.clip((features - weights["mean"]) * weights["inverseDeviation"], -4, 4)
    hidden = np.maximum(0, inputs @ weights["hiddenWeights"] + weights["hiddenBiases"])
    return hidden @ weights["outputWeights"] + weights["outputBias"]


def evaluated(weights, items, offset):
    rows = []
    for item in items:
        regions = item["regions"]
        keep = choose(regions, log_odds(weights, regions["features"].astype(float)) + offset)
        found = np.stack([regions["x"][keep], regions["y"][keep]], 1)
        rows.append((nuclei.matched(found, item["centres"], item["mpp"]), len(found), len(item["centres"])))
    return nuclei.score(rows)


def swift(weights):
    def listed(name, doc, values):
        numbers = [repr(float(np.float32(v))) for v in np.asarray(values).ravel()]
        lines = [", ".join(numbers[i:i + 6]) + "," for i in range(0, len(numbers), 6)]
        return f"  /// {doc}\n  static let {name}: [Float] = [\n" + "".join(f"    {line}\n" for line in lines) + "  ]\n"

    return (
        "// swift-format-ignore-file\n"
        "// Weights of the nucleus scorer. Written by bench/cell_counter/fit.py; do not edit.\n"
        "// Fitted to TNBC patients 01-08 (Naylor et al., CC BY 4.0) and DSB 2018 tissue images (CC0).\n\n"
        "/// The scorer's numbers, in the order of `NucleusFeatures.names`.\n"
        "enum NucleusScorerWeights {\n"
        + listed("mean", "Subtracted from each feature.", weights["mean"])
        + listed("inverseDeviation", "Multiplies each feature.", weights["inverseDeviation"])
        + listed("hiddenWeights", "For each feature, its weight in each hidden unit.", weights["hiddenWeights"])
        + listed("hiddenBiases", "For each hidden unit.", weights["hiddenBiases"])
        + listed("outputWeights", "For each hidden unit.", weights["outputWeights"])
        + "  /// Added to the sum.\n"
        + f"  static let outputBias: Float = {float(np.float32(weights['outputBias']))!r}\n"
        + "}\n")


def main():
    parser = argparse.ArgumentParser(description="Fit the scorer of the classical nucleus counter.")
    parser.add_argument("--data", required=True, help="directory that holds nuclei/train")
    parser.add_argument("--driver", required=True, help="the vpath-bench program")
    parser.add_argument("--write", action="store_true", help="write the weights into Sources/Analysis")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = nuclei.read_set(options.data, "train/tnbc", lambda row: row["split"] == "train")
        rng = np.random.default_rng(7)
        copies = [changed(item, rng) for _ in range(COPIES) for item in base]
        copies += [coarser(changed(item, rng), rng) for _ in range(COARSE_COPIES) for item in base]
        others = nuclei.read_set(options.data, "train/dsb2018")
        fitted = candidates(options.driver, base + copies + others, os.path.join(folder, "train"))
        validation = nuclei.read_set(options.data, "train/tnbc", lambda row: row["split"] == "val")
        rng = np.random.default_rng(11)
        chosen = {
            "as they are": candidates(options.driver, validation, os.path.join(folder, "val")),
            "as a 20x scanner gives them": candidates(
                options.driver, [coarser(item, rng) for item in validation], os.path.join(folder, "val20")),
        }
        weights = fit_networks(fitted)
        for name, items in chosen.items():
            print(f"validation patients, images {name}:")
            for offset in OFFSETS:
                print(f"  offset {offset}: " + ", ".join(
                    f"{key} {value:.3f}" for key, value in evaluated(weights, items, offset).items()))
    if options.write:
        with open(WEIGHTS, "w") as file:
            file.write(swift(weights))
        print(f"wrote {os.path.relpath(WEIGHTS)}", file=sys.stderr)


if __name__ == "__main__":
    main()

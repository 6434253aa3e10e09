#!/usr/bin/python3
# Share of stained tissue where eosin dominates: eosin absorbs green and lets red pass, haematoxylin absorbs both.
import json
import math
import sys

call = json.loads(sys.stdin.readline())
view = call["views"][0]

with open(view["path"], "rb") as file:  # binary PPM: three lines of header, then RGB bytes
    assert file.readline().strip() == b"P6"
    width, height = map(int, file.readline().split())
    file.readline()
    pixels = file.read(width * height * 3)

density = [-math.log10((value + 1) / 256) for value in range(256)]  # optical density of a channel's value
stained = eosin = 0
for i in range(0, len(pixels), 3):
    red, green = density[pixels[i]], density[pixels[i + 1]]
    if green > 0.1:  # tissue: something absorbs green
        stained += 1
        eosin += red < 0.5 * green

if stained < 1000:
    evidence = [{"kind": "notAssessable", "reason": f"{view['region']} holds almost no stained tissue"}]
else:
    area = stained * (view["micronsPerPixel"] / 1000) ** 2
    evidence = [{
        "kind": "measurement", "name": "eosin-dominant fraction", "unit": "%", "value": 100 * eosin / stained,
        "region": view["region"],
        "ratio": {"numeratorName": "eosin-dominant tissue in mm²", "numerator": eosin / stained * area,
                  "denominatorName": "stained tissue", "denominator": area, "denominatorUnit": "mm2"},
    }]
print(json.dumps({"evidence": evidence}))

#!/usr/bin/env python3
"""Writes models/tool_choice/generated.json: 200 questions with the first act that answers them.

    bench/tool_choice/generate.py [--seed 20] > models/tool_choice/generated.json

What must stay true: the expected act comes from the template a question was made of, never from a planner; the same
seed gives the same file.
"""

import argparse
import json
import random

# (question templates, state, what is expected); {…} are filled from FILLERS.
FAMILIES = [
    (28, ["How many {nuclei} are there {where}?", "{count} the {nuclei} {where}.", "What is the {density} {where}?",
          "Give me the {density} {where}", "I need to know how many {nuclei} {where} contains"],
     "new", {"act": "call", "tools": ["cell_counter"]}, {"where": ["in this tissue", "on the slide", "overall", "in the whole section"]}),
    (22, ["Where is the tissue {most}?", "Which region has the {highest} {density}?", "Find the {spot}.",
          "Point me to the area with the {highest} {density}", "Where do the {nuclei} crowd together most?"],
     "new", {"act": "call", "tools": ["slide_overview", "cell_counter"]}, {}),
    (20, ["How much tissue is on the slide?", "What {is_area} of the {tissue}?", "How large is the {tissue}{unit}?",
          "Measure the area of the {tissue}", "Tell me the tissue area{unit}."],
     "new", {"act": "call", "tools": ["slide_overview"]}, {}),
    (14, ["What was {left}?", "Is there any {mess} on it?", "How much of the tissue was {left}?",
          "Which parts did you leave out because of {mess}?"],
     "new", {"act": "call", "tools": ["slide_overview"]}, {"left": ["left out", "excluded", "not analysed", "ignored"]}),
    (16, ["Show me the {whole}.", "Give me {an_overview}", "Let me see the {whole} first", "Start with {an_overview}.",
          "Can I have {an_overview}?", "Display the {whole}, please", "I would like {an_overview} before anything else"],
     "new", {"act": "call", "tools": ["slide_overview"]}, {}),
    (18, ["{show} {region}.", "Can you {show} {region}?", "I want to look at {region}", "Open {region}",
          "Let me see {region} at a finer scale", "Magnify {region}, please"],
     "counted", {"act": "call", "tools": ["region_zoom"]}, {"region": ["r3", "region r3", "window r3"], "show": ["zoom into", "show me", "take me to"]}),
    (16, ["How many {nuclei} are in {region}?", "What is the {density} of {region}?", "{count} the {nuclei} in {region}", "Tell me how many {nuclei} {region} holds"],
     "counted", {"act": "answer", "kinds": ["measurement"]}, {"region": ["r2", "r3", "region r1"]}),
    (12, ["Which of the two drawn regions is {denser}?", "Compare the {density} of the two regions I drew",
          "Is the first drawn region {denser} than the second?", "Do the drawn regions differ in {density}?",
          "Which drawn region has more {nuclei} per mm²?"],
     "drawn", {"act": "call", "tools": ["cell_counter"]}, {}),
    (12, ["Fill in the {report}.", "Draft the {report}", "Please write the {report} for this case",
          "Prepare a {report}", "Complete the {report} with what was measured"],
     "counted", {"act": "call", "tools": ["slide_overview", "report_template_filler"]}, {}),
    (12, ["What fraction of tiles resembles {class}?", "How much of the {tissue} resembles {class}?", "Which tiles are most like {class}?",
          "How many tiles look like {class}?", "Classify the {tissue}", "Run the tile classifier on the {tissue}."],
     "oral", {"act": "call", "tools": ["tile_classifier"]}, {"class": ["carcinoma", "normal mucosa", "normal tissue"]}),
    (30, ["Is there any {disease} in it?", "What {grade} is it?", "How many {special} are there?", "Are the {margin}?",
          "What is the {marker} index?", "Is {mutation} mutated?", "What is the patient's {outcome}?",
          "Does the {tissue} show {change}?", "Can {disease} be excluded?", "Where is the {change}?"],
     "new", {"act": "notAssessable"}, {}),
]
FILLERS = {
    "nuclei": ["nuclei", "cells", "cell nuclei"],
    "count": ["Count", "Tally", "Quantify"],
    "density": ["nuclear density", "cellularity", "cell density"],
    "most": ["most cellular", "densest", "busiest in terms of nuclei"],
    "highest": ["highest", "greatest", "maximal"],
    "spot": ["hot spot", "densest region", "most cellular window"],
    "is_area": ["is the area", "is the size", "is the extent"],
    "tissue": ["tissue", "specimen", "section", "biopsy"],
    "unit": ["", " in mm²", " in square millimetres"],
    "mess": ["ink", "keratin", "folded tissue", "blur"],
    "whole": ["whole slide", "overview", "entire slide"],
    "an_overview": ["an overview", "a thumbnail", "an overview of the slide"],
    "denser": ["denser", "more cellular"],
    "report": ["skin excision report", "excision report", "report template", "skin report"],
    "disease": ["melanoma", "carcinoma", "tumour", "metastasis", "lymphoma"],
    "grade": ["grade", "stage", "Gleason score", "diagnosis"],
    "special": ["mitoses", "lymphocytes", "tumour cells", "plasma cells"],
    "margin": ["margins free", "margins clear", "resection margins involved"],
    "marker": ["Ki-67", "PD-L1", "HER2"],
    "mutation": ["BRAF", "KRAS", "EGFR"],
    "outcome": ["prognosis", "survival", "risk of recurrence"],
    "change": ["necrosis", "inflammation", "fibrosis", "ulceration"],
}


def fill(template, own, random_source):
    question = template
    while "{" in question:
        name = question[question.index("{") + 1:question.index("}")]
        question = question.replace("{" + name + "}", random_source.choice(own.get(name) or FILLERS[name]), 1)
    return " ".join(question.split()).replace(" .", ".").replace(" ?", "?")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=20)
    source = random.Random(parser.parse_args().seed)
    cases, seen = [], set()
    for number, templates, state, expected, own in FAMILIES:
        made = 0
        for attempt in range(10_000):
            if made == number:
                break
            question = fill(templates[attempt % len(templates)], own, source)
            if (question.lower(), state) in seen:
                continue
            seen.add((question.lower(), state))
            cases.append({"id": f"g{len(cases) + 1:03}", "question": question, "state": state, "expect": expected})
            made += 1
        else:
            raise SystemExit(f"not enough different questions of {templates[0]}")
    print("{\n \"what\": \"questions made from templates by bench/tool_choice/generate.py; the expected act is the template's\",\n \"cases\": [")
    print(",\n".join("  " + json.dumps(case, ensure_ascii=False) for case in cases))
    print(" ]\n}")


if __name__ == "__main__":
    main()

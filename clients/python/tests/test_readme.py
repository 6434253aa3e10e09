"""The code of README.md, run from top to bottom against the real daemon. The block that draws needs Pillow, and is run
by `packaging/run-client-tests --full`."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import re
import shutil
import tempfile
import unittest
from typing import Any
from unittest import mock

from .support import ROOT, Daemon, demo_slide


class ReadmeTests(unittest.TestCase):
    def test_the_code_of_the_readme_does_what_it_says(self) -> None:
        with open(os.path.join(ROOT, "clients", "python", "README.md"), encoding="utf-8") as file:
            blocks = re.findall(r"```python\n(.*?)```", file.read(), re.DOTALL)
        self.assertGreaterEqual(len(blocks), 7)
        daemon = Daemon()
        self.addCleanup(daemon.stop)
        has_pillow = importlib.util.find_spec("PIL") is not None
        said = io.StringIO()
        space: dict[str, Any] = {}
        here = os.getcwd()
        with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {"VPATH_SOCKET": daemon.socket}):
            os.chdir(folder)
            try:
                for block in blocks:
                    if "vpath.draw" in block and not has_pillow:
                        continue
                    code = block.replace("/slides/cmu1_small_region.svs", demo_slide())
                    with contextlib.redirect_stdout(said):
                        exec(compile(code, "README.md", "exec"), space)
            finally:
                os.chdir(here)
            files = set(os.listdir(folder))
            self.assertEqual(files, {"answer.geojson", "case.jsonl"} | ({"answer.png"} if has_pillow else set()))
            with open(os.path.join(folder, "answer.geojson"), encoding="utf-8") as file:
                self.assertGreater(len(json.load(file)["features"]), 1)
            kept = os.environ.get("VPATH_KEEP_PICTURE")
            if kept and has_pillow:
                shutil.copyfile(os.path.join(folder, "answer.png"), kept)
        text = said.getvalue()
        for words in ("nuclear profiles per mm²", "not assessable", "identical True", "turn ended: answered"):
            self.assertIn(words, text)


if __name__ == "__main__":
    unittest.main()

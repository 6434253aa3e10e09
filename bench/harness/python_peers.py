"""The Python packages of the peers, in an environment of their own in the cache.

What must stay true: versions are those of bench/python-peers.txt; an environment appears under its name only when it is
whole; pip uses the index the machine is set up for.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

from harness.programs import ROOT, Failure

PINS = ROOT / "bench/python-peers.txt"


def cache():
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "vpath"


def interpreter():
    """The interpreter of the environment; made when it is not there, or was made from other pins."""
    folder = cache() / "bench-venv"
    wanted = hashlib.sha256(PINS.read_bytes() + sys.version.encode()).hexdigest()
    mark = folder / "made-from"
    if mark.exists() and mark.read_text(encoding="ascii") == wanted:
        return folder / "bin/python"
    print(f"  fetching the Python peers (294 MB on disk, once) into {folder}", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Without pip inside, so that Debian's python3-venv is not needed; the machine's pip installs into it.
    for command, remedy in (
            ([sys.executable, "-m", "venv", "--without-pip", folder], "install python3 with its venv module"),
            ([sys.executable, "-m", "pip", "--python", folder / "bin/python", "install", "--disable-pip-version-check",
              "--quiet", "--only-binary", ":all:", "--no-deps", "-r", PINS],
             "connect the machine, or set pip up for an index it reaches; apt-get install python3-pip where pip is "
             "missing; the pins need Python 3.11 or later")):
        done = subprocess.run(
            [str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1200,
            check=False)
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise Failure(f"the Python peers cannot be installed: {last[:300]}. Remedy: {remedy}.")
    mark.write_text(wanted, encoding="ascii")
    return folder / "bin/python"

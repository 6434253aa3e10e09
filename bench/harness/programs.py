"""Building and running of programs: ours as release builds, and the peers in C.

What must stay true: what is measured is built as `make build` builds it; every program has a time limit; a program that
fails is an error with its own words.
"""

import json
import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
RELEASE = ROOT / ".build/release"
# What `make build` makes.
PRODUCT = ("vpathd", "vpath", "vpath-tools", "vpath-launch")


class Failure(Exception):
    """Why a part could not be measured, in words for a person."""


def run(*command, timeout=1800, **more):
    """The standard output of a program that must succeed."""
    words = [str(word) for word in command]
    name = pathlib.Path(words[0]).name
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL, **more)
    except FileNotFoundError as error:
        raise Failure(f"{name} is not there") from error
    except subprocess.TimeoutExpired as error:
        raise Failure(f"{name} gave nothing within {timeout} s") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-600:] or "without a word"
        raise Failure(f"{name} ended with status {done.returncode}: {said}")
    return done.stdout


def lines(*command, **more):
    """The lines of JSON that a program prints."""
    return [json.loads(line) for line in run(*command, **more).splitlines() if line]


def build(products):
    """Builds products for release into .build; the compiler's words come out as they are said."""
    for product in products:
        command = [
            "swift", "build", "-c", "release", "--static-swift-stdlib", "--jobs",
            os.environ.get("JOBS") or str(os.cpu_count() or 1), "--product", product]
        with subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as swift:
            try:
                shown = subprocess.run([ROOT / "packaging/build-output"], stdin=swift.stdout, stdout=2, check=False)
            except BaseException:
                swift.terminate()
                raise
        if swift.returncode != 0 or shown.returncode != 0:
            raise Failure(f"{product} does not build")


def compile_c(source, output, *libraries):
    """Compiles a peer in C."""
    compiler = next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)
    if not compiler:
        raise Failure("no C compiler is there for the peer: apt-get install gcc")
    run(compiler, "-O2", "-o", output, ROOT / "bench" / source, *libraries, timeout=300)
    return output


def assets():
    """The paths of what assets.lock pins, by name."""
    text = run(ROOT / "packaging/fetch-assets", "--print", timeout=900)
    return dict(line.split("\t") for line in text.splitlines())

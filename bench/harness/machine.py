"""What the machine is and how busy: without it a figure says nothing."""

import datetime
import os
import platform
import re
import subprocess

from harness.programs import ROOT


def words(*command):
    """A program's output, or nothing where it cannot be had."""
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def grep(path, pattern):
    try:
        with open(path, encoding="utf-8") as file:
            found = re.search(pattern, file.read(), re.MULTILINE)
        return found.group(1) if found else ""
    except OSError:
        return ""


def described(scratch):
    """The machine, with the load of the last minute."""
    return {
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": words("git", "describe", "--always", "--dirty"),
        "processor": grep("/proc/cpuinfo", r"^model name\s*:\s*(.*)$") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memoryGiB": round(int(grep("/proc/meminfo", r"^MemTotal:\s*(\d+)") or 0) / 1048576, 1),
        "kernel": platform.release(),
        "fileSystem": words("stat", "-f", "-c", "%T", scratch),
        "load": os.getloadavg(),
    }


def show(machine):
    load = ", ".join(f"{value:.2f}" for value in machine["load"])
    print(
        f"{machine['processor']}, {machine['cores']} cores, {machine['memoryGiB']} GiB, Linux {machine['kernel']}, "
        f"traces on {machine['fileSystem']}")
    print(f"{machine['time']}, commit {machine['commit']}, load average {load} (1, 5, 15 min)")
    if machine["load"][0] > 0.3 * machine["cores"]:
        print("The machine is BUSY: absolute figures are worse than it can do, and ratios unsteady. Run again when idle.")

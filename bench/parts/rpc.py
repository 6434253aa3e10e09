"""Round trips of the daemon's cheapest method against a bare NIO echo of the same line, in turn."""

import os
import statistics

from harness.programs import RELEASE, lines
from harness.servers import Daemon, Echo

PRODUCTS = ["vpath-bench-rpc"]
ROUNDS = 3
LOADS = ((1, 5000), (200, 100))


def measure(bench, table):
    with Daemon(os.path.dirname(bench.assets["demo-slide"])) as daemon, Echo() as echo:
        for clients, requests in LOADS:
            found = {daemon: [], echo: []}
            for _ in range(ROUNDS):
                for server in (echo, daemon):
                    found[server] += lines(
                        RELEASE / "vpath-bench-rpc", "load", "--clients", clients, "--requests", requests, "--socket",
                        server.socket)
            who = "1 client, idle" if clients == 1 else f"{clients} clients at once"
            for key, name in (("p50Microseconds", "p50"), ("p99Microseconds", "p99")):
                here, peer = (statistics.median(row[key] for row in found[server]) for server in (daemon, echo))
                table.add(f"RPC round trip {name}, {who}", here, "µs", peer, "a bare NIO echo of the line")
            here, peer = (statistics.median(row["perSecond"] for row in found[server]) for server in (daemon, echo))
            table.add(f"RPC round trips a second, {who}", here, "/s", peer, "a bare NIO echo of the line")

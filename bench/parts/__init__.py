"""The parts of the benchmark, in the order they run.

A part is a module with
    PRODUCTS                what it measures beside what `make build` makes: products of Package.swift
    def measure(bench, table)
    def skip(bench)         optional: why it is not measured now, or None
and a line in PARTS. `bench` is the run: `bench.assets` (paths by name), `bench.data`, `bench.evaluation`, `bench.scratch`
(a folder on the disk where the cache lies, emptied after each part). A part raises Failure with words for a person.
"""

from parts import cell_counter, classifier, model, region_read, rpc, tool_call, trace, turns

PARTS = {
    "rpc": rpc,
    "turns": turns,
    "trace": trace,
    "region": region_read,
    "call": tool_call,
    "counter": cell_counter,
    "classifier": classifier,
    "model": model,
}

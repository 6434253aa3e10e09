// Measures the trace: durable events a second and append latency under many writers, verification, and lists. Prints a
// line of JSON a measure.
// What must stay true: an event counts when `append` has returned, that is when it is on disk; the peer in
// bench/trace/sqlite_grouped.c writes the same columns in the same groups with the same settings.

import Domain
import Glibc
import JSON
import Ports
import Synchronization
import Trace

/// The machine's clock. The trace asks it for the time once a commit.
final class SystemClock: Clock {
  let asked = Atomic<Int>(0)

  func now() -> String {
    asked.add(1, ordering: .relaxed)
    var moment = timespec()
    clock_gettime(CLOCK_REALTIME, &moment)
    var parts = tm()
    gmtime_r(&moment.tv_sec, &parts)
    func digits(_ number: Int, _ count: Int) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, count - text.count)) + text
    }
    let date =
      "\(digits(Int(parts.tm_year) + 1900, 4))-\(digits(Int(parts.tm_mon) + 1, 2))-\(digits(Int(parts.tm_mday), 2))"
    let time = "\(digits(Int(parts.tm_hour), 2)):\(digits(Int(parts.tm_min), 2)):\(digits(Int(parts.tm_sec), 2))"
    return "\(date)T\(time).\(digits(moment.tv_nsec / 1_000_000, 3))Z"
  }

  func monotonicSeconds() -> Double {
    var moment = timespec()
    clock_gettime(CLOCK_MONOTONIC, &moment)
    return Double(moment.tv_sec) + Double(moment.tv_nsec) * 1e-9
  }

  func sleep(seconds: Double) async throws { try await Task.sleep(for: .seconds(seconds)) }
}

let clock = SystemClock()

/// A payload of about the size of a `tool.returned` event.
func payload(_ number: Int, result: JSONValue) -> JSONValue {
  ["call": "call-7", "elapsedSeconds": 0.125, "result": result, "step": .number(Double(number))]
}

/// Many writers, each with its own case, each waiting for its event before it writes the next.
func append(_ directory: String, writers: Int, seconds: Double, bytes: Int, walPages: Int) async throws {
  var options = TraceOptions()
  options.walPages = walPages
  let store = try await TraceStore.open(directory: directory, clock: clock, options: options)
  let result = JSONValue.string(String(repeating: "x", count: max(0, bytes - 70)))
  let before = clock.asked.load(ordering: .relaxed)
  let end = clock.monotonicSeconds() + seconds
  let start = clock.monotonicSeconds()
  let latencies = try await withThrowingTaskGroup(of: [Double].self) { group in
    for writer in 0..<writers {
      group.addTask {
        var latencies: [Double] = []
        let caseID = CaseID("case-\(writer)")
        while clock.monotonicSeconds() < end {
          let event = NewEvent(
            caseID: caseID, turn: TurnID("turn-\(writer)-\(latencies.count / 20)"), kind: .toolReturned,
            payload: payload(latencies.count, result: result))
          let begun = clock.monotonicSeconds()
          _ = try await store.append([event])
          latencies.append(clock.monotonicSeconds() - begun)
        }
        return latencies
      }
    }
    return try await group.reduce(into: []) { $0 += $1 }.sorted()
  }
  let elapsed = clock.monotonicSeconds() - start
  let commits = clock.asked.load(ordering: .relaxed) - before
  try await store.close()
  func percentile(_ share: Double) -> Double {
    latencies[min(latencies.count - 1, Int(Double(latencies.count) * share))]
  }
  say([
    "measure": "append", "writers": .number(Double(writers)), "payloadBytes": .number(Double(bytes)),
    "events": .number(Double(latencies.count)), "eventsPerSecond": .number(Double(latencies.count) / elapsed),
    "p50Milliseconds": .number(percentile(0.5) * 1e3), "p99Milliseconds": .number(percentile(0.99) * 1e3),
    "longestMilliseconds": .number((latencies.last ?? 0) * 1e3),
    "eventsPerCommit": .number(Double(latencies.count) / Double(max(1, commits))),
  ])
}

func say(_ figures: JSONValue) { print(figures.canonicalString()) }

func verify(_ directory: String) throws {
  let start = clock.monotonicSeconds()
  let report = try TraceVerifier.verify(directory: directory)
  let elapsed = clock.monotonicSeconds() - start
  say([
    "measure": "verify", "events": .number(Double(report.events)), "cases": .number(Double(report.cases)),
    "checkpoints": .number(Double(report.checkpoints)), "isOK": .bool(report.isOK), "seconds": .number(elapsed),
    "eventsPerSecond": .number(Double(report.events) / elapsed),
  ])
  if let error = report.error { throw error }
}

/// A trace with many turns, listed a page at a time.
func list(_ directory: String, turns: Int) async throws {
  let store = try await TraceStore.open(directory: directory, clock: clock)
  for first in stride(from: 0, to: turns, by: 1_000) {
    var events: [NewEvent] = []
    for number in first..<min(turns, first + 1_000) {
      let caseID = CaseID("case-\(number / 100)")
      let turn = TurnID("turn-\(number)")
      events.append(NewEvent(caseID: caseID, turn: turn, kind: .turnQueued, payload: ["position": 0]))
      events.append(NewEvent(caseID: caseID, turn: turn, kind: .turnStarted, payload: ["brief": [:]]))
      events.append(NewEvent(caseID: caseID, turn: turn, kind: .turnCompleted, payload: ["stop": "answered"]))
    }
    _ = try await store.append(events)
  }
  for limit in [100, 1_000, 10_000] {
    var cursor: String?
    var count = 0
    var longest = 0.0
    let start = clock.monotonicSeconds()
    repeat {
      let begun = clock.monotonicSeconds()
      let page = try await store.turns(of: nil, limit: limit, cursor: cursor)
      longest = max(longest, clock.monotonicSeconds() - begun)
      count += page.turns.count
      cursor = page.next
    } while cursor != nil
    say([
      "measure": "list", "turns": .number(Double(count)), "page": .number(Double(limit)),
      "allMilliseconds": .number((clock.monotonicSeconds() - start) * 1e3),
      "longestPageMilliseconds": .number(longest * 1e3),
    ])
  }
  let start = clock.monotonicSeconds()
  _ = try await store.cases(limit: 100, cursor: nil)
  say([
    "measure": "list cases", "cases": .number(Double(turns / 100)), "page": 100,
    "firstPageMilliseconds": .number((clock.monotonicSeconds() - start) * 1e3),
  ])
  try await store.close()
}

func complain(_ text: String) {
  let bytes = Array(text.utf8)
  _ = write(2, bytes, bytes.count)
}

func usage() -> Never {
  complain(
    """
    usage: vpath-bench-trace append DIRECTORY [WRITERS [SECONDS [PAYLOAD-BYTES [WAL-PAGES]]]]
           vpath-bench-trace verify DIRECTORY
           vpath-bench-trace list DIRECTORY [TURNS]
    DIRECTORY is a state directory; append and list make it.

    """)
  exit(64)
}

let arguments = CommandLine.arguments
guard arguments.count >= 3 else { usage() }
func number(_ index: Int, _ standard: Int) -> Int {
  arguments.count > index ? Int(arguments[index]) ?? standard : standard
}
do {
  switch arguments[1] {
  case "append":
    try await append(
      arguments[2], writers: number(3, 200), seconds: Double(number(4, 10)), bytes: number(5, 400),
      walPages: number(6, TraceOptions().walPages))
  case "verify": try verify(arguments[2])
  case "list": try await list(arguments[2], turns: number(3, 100_000))
  default: usage()
  }
} catch {
  complain("\(error)\n")
  exit(1)
}

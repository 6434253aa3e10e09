// Recording and reading back: order, durability, grouping, kept bytes, limits, the directory itself.

import Domain
import Glibc
import JSON
import Ports
import Testing
import Trace

@Suite struct StoreTests {
  @Test func appendedEventsComeBackInOrderWithSeqTimeAndHash() async throws {
    let trace = try await OpenTrace()
    let appended = try await trace.store.append(turnEvents(caseA, turnOne) + [completed(caseA, turnOne)])
    #expect(appended.map(\.seq) == [1, 2, 3, 4, 5])
    #expect(appended.allSatisfy { $0.time == "2026-03-01T08:00:00.000Z" && $0.hash.isWellFormed })
    #expect(try await trace.store.events(of: caseA, turn: nil, after: 0, limit: 100) == appended)
    #expect(try await trace.store.events(of: caseA, turn: turnOne, after: 2, limit: 2) == Array(appended[2..<4]))
    #expect(try TraceVerifier.verify(directory: trace.path).faults == [])
  }
}

// Processes that serve more than one call: one for each (command, needs, limits, case, grants), started when first
// needed.
// What must stay true: a process is kept only where the manifest asks for it and the policy permits `tool.keep`; none
// is shared between calls that differ in any of these; each has an owner and an end (idle, released, crowded out,
// broken); its files go with it.

import Domain
import Ports

/// What calls must have in common to share a process.
struct ShareKey: Sendable, Hashable {
  /// True for the product's own tools, which are one sharing class: the same program, the same limits.
  var isBuiltIn: Bool
  var folder: String
  /// Which program it is: one installed anew is not served by the old one's process.
  var sha256: SHA256Hex?
  var run: [String]
  var needs: ToolManifest.Needs?
  var limits: ToolManifest.Limits?
  var caseID: CaseID
  var slides: [SlideGrant]
  var grants: ToolGrants
  var isSandboxed: Bool
}

/// A process that speaks MCP, with its files.
final class ServedProcess: Sendable {
  let session: MCPSession
  let process: ToolProcess
  let work: WorkFolder

  init(session: MCPSession, process: ToolProcess, work: WorkFolder) {
    self.session = session
    self.process = process
    self.work = work
  }

  /// Ends it and removes its files.
  func end(_ teardown: Teardown = .graceful) async {
    _ = await process.end(teardown, reason: .released)
    work.remove()
  }
}

/// The kept processes.
actor KeptProcesses {
  private struct Entry {
    var start: Task<Result<ServedProcess, VPathError>, Never>
    var leases: Int
    var lastUsed: ContinuousClock.Instant
    var idle: Task<Void, Never>?
    var number: Int
  }

  private let limit: Int
  private let idleSeconds: Double
  private var entries: [ShareKey: Entry] = [:]
  private var endings: [Int: Task<Void, Never>] = [:]
  private var nextNumber = 0
  private var isStopped = false

  init(limit: Int, idleSeconds: Double) {
    self.limit = limit
    self.idleSeconds = idleSeconds
  }

  /// A process for calls of that key, started if there is none. Give it back with `giveBack`. Throws what kept it from
  /// starting.
  func lease(
    _ key: ShareKey, start: @escaping @Sendable () async -> Result<ServedProcess, VPathError>
  ) async throws(VPathError) -> ServedProcess {
    // A process found dead is replaced once; one that dies at once again is the caller's news.
    for _ in 1...2 {
      guard !isStopped else { throw EndReason.released.error }
      let number = enter(key, start: start)
      guard let task = entries[key]?.start else { throw EndReason.released.error }
      let result = await withTaskCancellationHandler {
        await task.value
      } onCancel: {
        Task { await self.cancelStart(key, number) }
      }
      switch result {
      case .success(let served):
        if await served.session.isAlive { return served }
        drop(key, number)
      case .failure(let error):
        drop(key, number)
        throw error
      }
    }
    throw VPathError(.toolFailed, "The tool's process ends as soon as it is started.")
  }

  private func enter(
    _ key: ShareKey, start: @escaping @Sendable () async -> Result<ServedProcess, VPathError>
  ) -> Int {
    if var entry = entries[key] {
      entry.leases += 1
      entry.idle?.cancel()
      entry.idle = nil
      entries[key] = entry
      return entry.number
    }
    makeRoom()
    nextNumber += 1
    entries[key] = Entry(start: Task { await start() }, leases: 1, lastUsed: .now, idle: nil, number: nextNumber)
    return nextNumber
  }

  /// Ends a lease.
  func giveBack(_ key: ShareKey, _ served: ServedProcess) async {
    guard let entry = entries[key], case .success(let current) = await entry.start.value, current === served else {
      return
    }
    if await !served.session.isAlive { drop(key, entry.number) }
    leave(key, entry.number)
  }

  /// Ends the processes of a case and waits until they are gone.
  func release(_ caseID: CaseID) async {
    let found = entries.filter { $0.key.caseID == caseID }
    for (key, entry) in found { drop(key, entry.number) }
    await waitForEndings()
  }

  /// Ends all of them, for good.
  func stop() async {
    isStopped = true
    for (key, entry) in entries { drop(key, entry.number) }
    await waitForEndings()
  }

  /// How many are kept now.
  var count: Int { entries.count }

  private func waitForEndings() async {
    for ending in endings.values { await ending.value }
  }

  private func cancelStart(_ key: ShareKey, _ number: Int) {
    if let entry = entries[key], entry.number == number, entry.leases == 1 { entry.start.cancel() }
  }

  private func leave(_ key: ShareKey, _ number: Int) {
    guard var entry = entries[key], entry.number == number else { return }
    entry.leases -= 1
    entry.lastUsed = .now
    if entry.leases == 0 {
      let seconds = idleSeconds
      entry.idle = Task { [weak self] in
        do { try await Task.sleep(for: .seconds(seconds)) } catch { return }
        await self?.endIfIdle(key, number)
      }
    }
    entries[key] = entry
  }

  private func endIfIdle(_ key: ShareKey, _ number: Int) {
    if let entry = entries[key], entry.number == number, entry.leases == 0 { drop(key, number) }
  }

  /// Takes an entry out and ends its process beside the caller.
  private func drop(_ key: ShareKey, _ number: Int) {
    guard let entry = entries[key], entry.number == number else { return }
    entries[key] = nil
    entry.idle?.cancel()
    endings[number] = Task { [weak self] in
      entry.start.cancel()
      if case .success(let served) = await entry.start.value { await served.end() }
      await self?.ended(number)
    }
  }

  private func ended(_ number: Int) { endings[number] = nil }

  private func makeRoom() {
    while entries.count >= limit {
      let idle = entries.filter { $0.value.leases == 0 }.min { $0.value.lastUsed < $1.value.lastUsed }
      guard let idle else { return }
      drop(idle.key, idle.value.number)
    }
  }
}

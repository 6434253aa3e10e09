// Slides whose bytes are still to be hashed, one after another in the background.
// What must stay true: a slide waits here at most once; nothing is lost when the daemon stops, because what is not
// hashed is queued again when its case is next used.

import Domain
import Synchronization

/// Slides that wait to be hashed.
final class HashQueue: Sendable {
  struct Job: Sendable, Hashable {
    var caseID: CaseID
    var slide: EvidenceID
  }

  let jobs: AsyncStream<Job>
  private let sink: AsyncStream<Job>.Continuation
  private let waiting = Mutex<Set<Job>>([])

  init() { (jobs, sink) = AsyncStream.makeStream(of: Job.self, bufferingPolicy: .bufferingOldest(10_000)) }

  /// Queues it, unless it waits already.
  func add(_ job: Job) {
    guard waiting.withLock({ $0.insert(job).inserted }) else { return }
    if case .dropped = sink.yield(job) { done(job) }
  }

  func done(_ job: Job) { _ = waiting.withLock { $0.remove(job) } }

  func stop() { sink.finish() }
}

// Two threads' worth of blocking work, in order.
// What must stay true: at most `width` pieces are worked on at once; results come back in the order of the pieces.

import Dispatch
import Synchronization

/// Runs blocking pieces of work beside each other.
package enum Workers {
  /// Threads at once: a tool shares its machine with the daemon and a model.
  package static let width = 2

  /// Runs `work` for every index, and hands each result to `take` in index order, on the calling thread. Stops after
  /// the first error, which is that of the lowest index.
  package static func forEach<Piece: Sendable, Failure: Error>(
    count: Int, work: @Sendable (Int) throws(Failure) -> Piece, take: (Int, Piece) throws(Failure) -> Void
  ) throws(Failure) {
    var start = 0
    while start < count {
      let batch = min(width, count - start)
      let results = Mutex([Result<Piece, Failure>?](repeating: nil, count: batch))
      if batch == 1 {
        results.withLock { $0[0] = Self.run(start, work) }
      } else {
        DispatchQueue.concurrentPerform(iterations: batch) { [start] index in
          let result = Self.run(start + index, work)
          results.withLock { $0[index] = result }
        }
      }
      for (index, result) in results.withLock({ $0 }).enumerated() {
        guard let result else { continue }
        try take(start + index, result.get())
      }
      start += batch
    }
  }

  private static func run<Piece, Failure: Error>(
    _ index: Int, _ work: (Int) throws(Failure) -> Piece
  ) -> Result<Piece, Failure> {
    do throws(Failure) { return .success(try work(index)) } catch { return .failure(error) }
  }
}

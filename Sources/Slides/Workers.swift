// Two threads' worth of blocking work, in order.
// What must stay true: at most `width` pieces are worked on at once; results come back in the order of the pieces.

import Dispatch
import Synchronization

/// Runs blocking pieces of work beside each other.
enum Workers {
  /// Threads at once: a tool shares its machine with the daemon and a model.
  static let width = 2

  /// Runs `work` for every index, and hands each result to `take` in index order, on the calling thread. Stops after
  /// the first error, which is that of the lowest index.
  static func forEach<Piece: Sendable>(
    count: Int, work: @Sendable (Int) throws(SlideError) -> Piece, take: (Int, Piece) throws(SlideError) -> Void
  ) throws(SlideError) {
    var start = 0
    while start < count {
      let batch = min(width, count - start)
      let results = Mutex([Result<Piece, SlideError>?](repeating: nil, count: batch))
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

  private static func run<Piece>(
    _ index: Int, _ work: (Int) throws(SlideError) -> Piece
  ) -> Result<Piece, SlideError> {
    do throws(SlideError) { return .success(try work(index)) } catch { return .failure(error) }
  }
}

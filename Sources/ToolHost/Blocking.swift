// Work that waits for the disk, kept off the threads that everything else shares.
// What must stay true: it is for bounded work only; nobody waits here for a child or a network.

import Dispatch

private let queue = DispatchQueue(label: "vpath.toolhost.disk", attributes: .concurrent)

/// Runs work that blocks on a thread of its own.
func blocking<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
  await withCheckedContinuation { continuation in
    queue.async { continuation.resume(returning: work()) }
  }
}

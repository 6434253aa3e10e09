// The one source of chance in a simulation.

import TestSupport

extension SeededGenerator {
  /// A simulation's own, so that neighbouring seeds share nothing.
  init(simulation seed: UInt64) { self.init(seed: seed &* 0xBF58_476D_1CE4_E5B9 &+ 0x94D0_49BB_1331_11EB) }

  /// 0 to below the bound.
  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(1, bound))) }

  /// True once in so many times.
  mutating func once(in count: Int) -> Bool { below(count) == 0 }

  mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }
}

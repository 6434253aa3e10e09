// Exact Euclidean distances in a mask, in time linear in its pixels (Meijster, Roerdink and Hesselink 2000).
// What must stay true: distances are exact integers when squared; pixels outside the picture do not count
// as background, so the frame of a tile makes no edge of its own.

extension Mask {
  /// For each pixel of the set, the squared Euclidean distance in pixels to the nearest pixel not in it; 0 elsewhere.
  /// A set without any background has `Int32.max` everywhere. Method: Meijster, Roerdink and Hesselink, 2000.
  public func squaredDistances() -> [Int32] {
    let width = width
    let height = height
    guard width > 0, height > 0 else { return [] }
    let far = Int32(width + height)
    var column = [Int32](repeating: 0, count: width * height)
    var result = [Int32](repeating: 0, count: width * height)
    bits.withUnsafeBufferPointer { bits in
      column.withUnsafeMutableBufferPointer { column in
        // Distance to the nearest background pixel in the same column, down and then up.
        for x in 0..<width { column[x] = bits[x] == 0 ? 0 : far }
        for y in 1..<max(1, height) {
          for index in (y * width)..<((y + 1) * width) {
            column[index] = bits[index] == 0 ? 0 : min(far, column[index - width] + 1)
          }
        }
        for y in stride(from: height - 2, through: 0, by: -1) {
          for index in (y * width)..<((y + 1) * width) {
            let below = column[index + width] + 1
            if below < column[index] { column[index] = below }
          }
        }
        result.withUnsafeMutableBufferPointer { result in
          Self.lowerEnvelopes(of: column, width: width, height: height, far: far, into: result)
        }
      }
    }
    return result
  }

  /// The row pass: the lower envelope of one parabola a column.
  private static func lowerEnvelopes(
    of column: UnsafeMutableBufferPointer<Int32>, width: Int, height: Int, far: Int32,
    into result: UnsafeMutableBufferPointer<Int32>
  ) {
    var apexes = [Int](repeating: 0, count: width)
    var starts = [Int](repeating: 0, count: width)
    apexes.withUnsafeMutableBufferPointer { apexes in
      starts.withUnsafeMutableBufferPointer { starts in
        for y in 0..<height {
          let row = y * width
          func parabola(_ x: Int, _ apex: Int) -> Int {
            let rise = Int(column[row + apex])
            return (x - apex) * (x - apex) + rise * rise
          }
          var top = -1
          for u in 0..<width where column[row + u] < far {
            while top >= 0, parabola(starts[top], apexes[top]) > parabola(starts[top], u) { top -= 1 }
            if top < 0 {
              top = 0
              apexes[0] = u
              starts[0] = 0
            } else {
              let apex = apexes[top]
              let riseU = Int(column[row + u])
              let riseA = Int(column[row + apex])
              let numerator = u * u - apex * apex + riseU * riseU - riseA * riseA
              // Swift's division truncates; the numerator is never negative here, since u lost at starts[top].
              let start = 1 + max(-1, numerator / (2 * (u - apex)))
              if start < width {
                top += 1
                apexes[top] = u
                starts[top] = max(0, start)
              }
            }
          }
          guard top >= 0 else {
            for x in 0..<width { result[row + x] = Int32.max }
            continue
          }
          for x in stride(from: width - 1, through: 0, by: -1) {
            result[row + x] = Int32(clamping: parabola(x, apexes[top]))
            if x == starts[top], top > 0 { top -= 1 }
          }
        }
      }
    }
  }
}

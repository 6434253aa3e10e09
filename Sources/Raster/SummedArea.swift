// Sums over any rectangle in constant time: the table behind window scores and local means.
// What must stay true: sums are exact (a mask of fewer than 2^31 pixels).

/// Summed-area table of a mask: the count of set pixels in any rectangle, in constant time.
public struct SummedArea: Sendable {
  private let width: Int
  private let height: Int
  private let sums: [Int32]

  /// The table of a mask. Time and memory grow with the number of pixels (4 bytes each).
  public init(_ mask: Mask) {
    let stride = mask.width + 1
    var sums = [Int32](repeating: 0, count: stride * (mask.height + 1))
    for y in 0..<mask.height {
      var row: Int32 = 0
      for x in 0..<mask.width {
        row += Int32(mask.bits[y * mask.width + x])
        sums[(y + 1) * stride + x + 1] = sums[y * stride + x + 1] + row
      }
    }
    self.width = mask.width
    self.height = mask.height
    self.sums = sums
  }

  /// Set pixels inside a rectangle; what lies outside the mask counts as not set.
  public func count(in rect: PixelRect) -> Int {
    let cut = rect.intersection(PixelRect(x: 0, y: 0, width: width, height: height))
    guard !cut.isEmpty else { return 0 }
    let stride = width + 1
    let whole = sums[cut.maxY * stride + cut.maxX] + sums[cut.y * stride + cut.x]
    return Int(whole - sums[cut.y * stride + cut.maxX] - sums[cut.maxY * stride + cut.x])
  }
}

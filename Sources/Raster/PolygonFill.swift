// Which pixels lie inside a polygon.
// What must stay true: a pixel belongs to the polygon when its centre does, by the even-odd rule, so polygons that
// share an edge share no pixel.

extension Mask {
  /// The pixels whose centres lie inside a closed polygon (even-odd rule); corners are in pixels, (0, 0) being the top
  /// left corner of the first pixel.
  public init(width: Int, height: Int, polygon: [(x: Double, y: Double)]) {
    self.init(width: width, height: height)
    guard polygon.count >= 3 else { return }
    for y in 0..<height {
      let centre = Double(y) + 0.5
      var crossings: [Double] = []
      for index in polygon.indices {
        let (a, b) = (polygon[index], polygon[(index + 1) % polygon.count])
        guard (a.y <= centre) != (b.y <= centre) else { continue }
        crossings.append(a.x + (centre - a.y) / (b.y - a.y) * (b.x - a.x))
      }
      crossings.sort()
      for pair in stride(from: 0, to: crossings.count - 1, by: 2) {
        let from = max(0, min(width, Int((crossings[pair] - 0.5).rounded(.up))))
        let to = max(0, min(width, Int((crossings[pair + 1] - 0.5).rounded(.up))))
        for x in from..<max(from, to) { bits[y * width + x] = 1 }
      }
    }
  }
}

// Growing, shrinking and tidying of masks.
// What must stay true: the frame of the picture is neither set nor background: it neither erodes nor dilates.

extension Mask {
  /// The shape a mask is grown or shrunk with.
  public enum StructuringElement: Sendable, Hashable {
    /// Every pixel within this Euclidean distance, in pixels.
    case disk(radius: Double)
    /// A square of `2 * radius + 1` pixels.
    case box(radius: Int)
  }

  /// The set grown by a shape.
  public func dilated(_ element: StructuringElement) -> Mask {
    switch element {
    case .disk(let radius): return not().erodedByDisk(radius).not()
    case .box(let radius): return dilatedByBox(radius)
    }
  }

  /// The set shrunk by a shape. The picture's frame does not shrink it.
  public func eroded(_ element: StructuringElement) -> Mask {
    switch element {
    case .disk(let radius): return erodedByDisk(radius)
    case .box(let radius): return not().dilatedByBox(radius).not()
    }
  }

  /// Shrunk, then grown: removes what is thinner than the shape.
  public func opened(_ element: StructuringElement) -> Mask { eroded(element).dilated(element) }

  /// Grown, then shrunk: fills what is narrower than the shape.
  public func closed(_ element: StructuringElement) -> Mask { dilated(element).eroded(element) }

  private func erodedByDisk(_ radius: Double) -> Mask {
    guard radius > 0 else { return self }
    let limit = radius * radius
    return Mask(width: width, height: height, bits: squaredDistances().map { Double($0) > limit ? 1 : 0 })
  }

  private func dilatedByBox(_ radius: Int) -> Mask {
    guard radius > 0 else { return self }
    var rows = self
    for y in 0..<height {
      Self.spread(radius, from: bits, into: &rows.bits, offset: y * width, step: 1, count: width)
    }
    var result = rows
    for x in 0..<width {
      Self.spread(radius, from: rows.bits, into: &result.bits, offset: x, step: width, count: height)
    }
    return result
  }

  /// Sets each element of a line that has a set one within `radius` steps.
  private static func spread(
    _ radius: Int, from source: [UInt8], into target: inout [UInt8], offset: Int, step: Int, count: Int
  ) {
    var inside = 0
    for index in 0..<min(radius, count) { inside += Int(source[offset + index * step]) }
    for index in 0..<count {
      if index + radius < count { inside += Int(source[offset + (index + radius) * step]) }
      if index - radius - 1 >= 0 { inside -= Int(source[offset + (index - radius - 1) * step]) }
      target[offset + index * step] = inside > 0 ? 1 : 0
    }
  }

  /// The set with its holes filled: background that the set encloses (4-connected) and that does not reach the frame.
  /// Only holes of at most `maxArea` pixels, when given.
  public func holesFilled(maxArea: Int? = nil) -> Mask {
    let holes = not().connectedComponents(.four)
    var result = self
    for component in holes.components {
      let box = component.boundingBox
      let atFrame = box.x == 0 || box.y == 0 || box.maxX == width || box.maxY == height
      if atFrame || component.area > maxArea ?? Int.max { continue }
      for y in box.y..<box.maxY {
        for index in (y * width + box.x)..<(y * width + box.maxX)
        where holes.labels[index] == component.label { result.bits[index] = 1 }
      }
    }
    return result
  }

  /// The set without its components of fewer than `minArea` pixels.
  public func smallRemoved(minArea: Int, connectivity: Connectivity = .eight) -> Mask {
    let labelled = connectedComponents(connectivity)
    let kept = [false] + labelled.components.map { $0.area >= minArea }
    return Mask(width: width, height: height, bits: labelled.labels.map { kept[Int($0)] ? 1 : 0 })
  }
}

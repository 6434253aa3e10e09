// The outlines of a mask as polygons along the edges between pixels.
// What must stay true: outer rings run clockwise on the screen and holes the other way; each ring is closed by its
// first point (not repeated); filling the unsimplified rings gives the mask back exactly.

/// One piece of a mask as polygons, in pixel corners (0…width, 0…height).
public struct Outline: Sendable, Equatable {
  /// A pixel corner.
  public struct Corner: Sendable, Hashable {
    /// To the right.
    public var x: Int
    /// Down.
    public var y: Int

    /// A corner.
    public init(x: Int, y: Int) {
      self.x = x
      self.y = y
    }
  }

  /// The outer ring.
  public var outer: [Corner]
  /// Rings of holes.
  public var holes: [[Corner]]
  /// Pixels inside, holes not counted.
  public var area: Int

  /// The same outline with fewer corners: none of those left out lies farther than `tolerance` pixels from the new
  /// line (Douglas and Peucker 1973). Holes that vanish are dropped. Rings of a fine mask may come to touch.
  public func simplified(tolerance: Double) -> Outline {
    Outline(
      outer: Self.simplify(outer, tolerance), holes: holes.map { Self.simplify($0, tolerance) }.filter { $0.count > 3 },
      area: area)
  }

  private static func simplify(_ ring: [Corner], _ tolerance: Double) -> [Corner] {
    guard ring.count > 4, tolerance > 0 else { return ring }
    // A ring has no ends: cut it at its first corner and at the one farthest from it.
    let far = ring.indices.max { distance(ring[$0], ring[0]) < distance(ring[$1], ring[0]) } ?? 0
    guard far > 0 else { return ring }
    let closed = ring + [ring[0]]
    var kept = [Bool](repeating: false, count: closed.count)
    kept[0] = true
    kept[far] = true
    kept[closed.count - 1] = true
    var spans = [(0, far), (far, closed.count - 1)]
    while let (from, to) = spans.popLast() {
      var worst = -1.0
      var at = from
      for index in (from + 1)..<max(from + 1, to) {
        let off = offset(closed[index], closed[from], closed[to])
        if off > worst {
          worst = off
          at = index
        }
      }
      if worst > tolerance {
        kept[at] = true
        spans.append((from, at))
        spans.append((at, to))
      }
    }
    let result = closed.indices.dropLast().filter { kept[$0] }.map { closed[$0] }
    return result.count >= 3 ? result : ring
  }

  private static func distance(_ a: Corner, _ b: Corner) -> Int {
    (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y)
  }

  /// Distance of a point from a segment.
  private static func offset(_ p: Corner, _ a: Corner, _ b: Corner) -> Double {
    let (dx, dy) = (Double(b.x - a.x), Double(b.y - a.y))
    let (px, py) = (Double(p.x - a.x), Double(p.y - a.y))
    let length = dx * dx + dy * dy
    let along = length > 0 ? max(0, min(1, (px * dx + py * dy) / length)) : 0
    let (ex, ey) = (px - along * dx, py - along * dy)
    return (ex * ex + ey * ey).squareRoot()
  }
}

extension Mask {
  /// The outlines of the set's pieces (pixels joined by edges), largest first.
  public func outlines() -> [Outline] {
    let pieces = connectedComponents(.four)
    var rings = [(outer: [Outline.Corner], holes: [[Outline.Corner]])](
      repeating: ([], []), count: pieces.components.count)
    for ring in boundaryRings() {
      guard let piece = label(inside: ring, of: pieces) else { continue }
      let corners = Self.withoutStraightCorners(ring)
      if Self.signedArea(ring) > 0 { rings[piece].outer = corners } else { rings[piece].holes.append(corners) }
    }
    return zip(pieces.components, rings).map { component, ring in
      Outline(outer: ring.outer, holes: ring.holes, area: component.area)
    }.sorted {
      ($0.area, $1.outer.first?.y ?? 0, $1.outer.first?.x ?? 0) > (
        $1.area, $0.outer.first?.y ?? 0, $0.outer.first?.x ?? 0
      )
    }
  }

  /// Closed walks along pixel edges with the set on the right hand.
  private func boundaryRings() -> [[Outline.Corner]] {
    // Each corner has up to two edges that leave it; a direction is 0 right, 1 down, 2 left, 3 up.
    let stride = width + 1
    var leaving = [UInt8](repeating: 0, count: stride * (height + 1))
    for y in 0..<height {
      for x in 0..<width where bits[y * width + x] != 0 {
        if y == 0 || bits[(y - 1) * width + x] == 0 { leaving[y * stride + x] |= 1 }
        if x == width - 1 || bits[y * width + x + 1] == 0 { leaving[y * stride + x + 1] |= 2 }
        if y == height - 1 || bits[(y + 1) * width + x] == 0 { leaving[(y + 1) * stride + x + 1] |= 4 }
        if x == 0 || bits[y * width + x - 1] == 0 { leaving[(y + 1) * stride + x] |= 8 }
      }
    }
    let steps = [1, stride, -1, -stride]
    var rings: [[Outline.Corner]] = []
    for start in leaving.indices {
      while leaving[start] != 0 {
        var ring: [Outline.Corner] = []
        var at = start
        let first = leaving[start].trailingZeroBitCount
        var direction = first
        while true {
          leaving[at] &= ~(1 << UInt8(direction))
          ring.append(Outline.Corner(x: at % stride, y: at / stride))
          at += steps[direction]
          // Where two pixels meet at a corner only, turning right keeps them apart. The walk ends where it would
          // take its first edge again, which is not always the first time it comes by.
          let next = [1, 0, 3].map { (direction + $0) % 4 }.first {
            at == start && $0 == first || leaving[at] & (1 << UInt8($0)) != 0
          }
          guard let next, !(at == start && next == first) else { break }
          direction = next
        }
        rings.append(ring)
      }
    }
    return rings
  }

  /// The piece that a ring bounds: that of the pixel on the right hand of its first edge.
  private func label(inside ring: [Outline.Corner], of pieces: LabelledComponents) -> Int? {
    guard ring.count > 1 else { return nil }
    let (a, b) = (ring[0], ring[1])
    let (x, y) =
      switch (b.x - a.x, b.y - a.y) {
      case (1, 0): (a.x, a.y)
      case (0, 1): (a.x - 1, a.y)
      case (-1, 0): (b.x, a.y - 1)
      default: (a.x, b.y)
      }
    guard x >= 0, y >= 0, x < width, y < height else { return nil }
    let label = Int(pieces.labels[y * width + x])
    return label > 0 ? label - 1 : nil
  }

  private static func signedArea(_ ring: [Outline.Corner]) -> Int {
    var sum = 0
    for index in ring.indices {
      let (a, b) = (ring[index], ring[(index + 1) % ring.count])
      sum += a.x * b.y - b.x * a.y
    }
    return sum
  }

  private static func withoutStraightCorners(_ ring: [Outline.Corner]) -> [Outline.Corner] {
    ring.indices.filter { index in
      let before = ring[(index + ring.count - 1) % ring.count]
      let after = ring[(index + 1) % ring.count]
      let here = ring[index]
      return (here.x - before.x) * (after.y - here.y) != (here.y - before.y) * (after.x - here.x)
    }.map { ring[$0] }
  }
}

// Every piece that a picture falls into when it is cut at each of its levels, with its measures, in one pass:
// the component tree (Nistér and Stewénius 2008 flood it in linear time), pruned to pieces of a nucleus's size.
// A nucleus is one of these pieces whatever the stain's strength around it, so no global threshold is needed.
//
// What must stay true: the set of regions does not depend on where the flood starts, nor on what lies further away
// than a region's own frame and its rim: that is why tiles with a margin give what the whole picture gives. All
// measures are sums of integers for the same reason.

/// A piece of the picture {level ≥ t} that holds together by edges, with sums over its pixels.
package struct ExtremalRegion {
  /// The threshold t: every pixel of it is at this level or above, and one is at it.
  package var level: Int32 = 0
  /// Number of pixels.
  package var area: Int32 = 0
  /// The next larger recorded region that holds it, as an index; -1 for none.
  package var parent: Int32 = -1
  /// One of its pixels, as an index into the picture.
  package var seed: Int32 = 0
  package var minX: Int32 = .max
  package var minY: Int32 = .max
  package var maxX: Int32 = -1
  package var maxY: Int32 = -1
  package var sumX: Int64 = 0
  package var sumY: Int64 = 0
  package var sumXX: Int64 = 0
  package var sumYY: Int64 = 0
  package var sumXY: Int64 = 0
  /// Sum of levels.
  package var sumLevel: Int64 = 0
  /// Sums of the two companion planes.
  package var sumFirst: Int64 = 0
  package var sumSecond: Int64 = 0
  /// Pixel edges between it and the rest of the picture (the picture's frame is no edge).
  package var rimLength: Int32 = 0
  /// Over those edges, the sum of the levels just outside.
  package var rimOutside: Int64 = 0

  /// An empty region.
  package init() {}

  mutating func merge(_ other: ExtremalRegion) {
    area += other.area
    minX = min(minX, other.minX)
    minY = min(minY, other.minY)
    maxX = max(maxX, other.maxX)
    maxY = max(maxY, other.maxY)
    sumX += other.sumX
    sumY += other.sumY
    sumXX += other.sumXX
    sumYY += other.sumYY
    sumXY += other.sumXY
    sumLevel += other.sumLevel
    sumFirst += other.sumFirst
    sumSecond += other.sumSecond
    rimLength += other.rimLength
    rimOutside += other.rimOutside
  }
}

/// What is flooded: levels, and two companion planes that are only summed.
package struct FloodInput {
  package var width: Int
  package var height: Int
  package var levels: [UInt8]
  package var first: [Int16]
  package var second: [Int16]

  package init(width: Int, height: Int, levels: [UInt8], first: [Int16], second: [Int16]) {
    self.width = width
    self.height = height
    self.levels = levels
    self.first = first
    self.second = second
  }
}

/// Which regions are recorded.
package struct FloodLimits {
  /// Pixels below this level belong to no region.
  package var floor: UInt8
  /// Smallest recorded area, in pixels.
  package var minArea: Int32
  /// Largest recorded area, in pixels.
  package var maxArea: Int32
  /// Largest recorded width and height, in pixels.
  package var maxExtent: Int32

  package init(floor: UInt8, minArea: Int32, maxArea: Int32, maxExtent: Int32) {
    self.floor = floor
    self.minArea = minArea
    self.maxArea = maxArea
    self.maxExtent = maxExtent
  }
}

/// The flood.
package enum ExtremalRegions {
  /// All regions inside the limits; each comes after every region it holds. Time is linear in the pixels at or
  /// above the floor.
  package static func extract(_ input: FloodInput, limits: FloodLimits) -> [ExtremalRegion] {
    guard input.width > 0, input.height > 0 else { return [] }
    var flood = Flood(input, limits)
    return flood.run()
  }
}

/// One piece under growth, and the recorded regions at its top that have no parent yet.
private struct GrowingPiece {
  var region = ExtremalRegion()
  var firstOrphan: Int32 = -1
  var lastOrphan: Int32 = -1
}

/// The flood's state. The picture is framed by one pixel on each side that counts as visited.
private struct Flood {
  let input: FloodInput
  let limits: FloodLimits
  let stride: Int
  let inverseStride: UInt64
  var found: [ExtremalRegion] = []
  var nextOrphan: [Int32] = []

  init(_ input: FloodInput, _ limits: FloodLimits) {
    self.input = input
    self.limits = limits
    self.stride = input.width + 2
    self.inverseStride = UInt64.max / UInt64(input.width + 2) + 1
  }

  mutating func run() -> [ExtremalRegion] {
    let count = stride * (input.height + 2)
    // 0 waits for the flood, 1 has been met, 2 is counted, 3 can never be flooded, 4 lies outside the picture.
    var state = [UInt8](repeating: 4, count: count)
    var level = [UInt8](repeating: 0, count: count)
    for y in 0..<input.height {
      let row = (y + 1) * stride + 1
      for x in 0..<input.width {
        let value = input.levels[y * input.width + x]
        level[row + x] = value
        state[row + x] = value < limits.floor || value == 0 ? 3 : 0
      }
    }
    var edge = [UInt8](repeating: 0, count: count)
    var next = [Int32](repeating: -1, count: count)
    var heads = [Int32](repeating: -1, count: 256)
    var pieces = [GrowingPiece](repeating: GrowingPiece(), count: 260)
    state.withUnsafeMutableBufferPointer { state in
      level.withUnsafeBufferPointer { level in
        edge.withUnsafeMutableBufferPointer { edge in
          next.withUnsafeMutableBufferPointer { next in
            heads.withUnsafeMutableBufferPointer { heads in
              pieces.withUnsafeMutableBufferPointer { pieces in
                input.first.withUnsafeBufferPointer { first in
                  input.second.withUnsafeBufferPointer { second in
                    for y in 0..<input.height {
                      let row = (y + 1) * stride + 1
                      for pixel in row..<(row + input.width) where state[pixel] == 0 {
                        flood(
                          from: pixel, state: state, level: level, edge: edge, next: next, heads: heads,
                          pieces: pieces, first: first, second: second)
                      }
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
    return found
  }

  private mutating func flood(
    from start: Int, state: UnsafeMutableBufferPointer<UInt8>, level: UnsafeBufferPointer<UInt8>,
    edge: UnsafeMutableBufferPointer<UInt8>, next: UnsafeMutableBufferPointer<Int32>,
    heads: UnsafeMutableBufferPointer<Int32>, pieces: UnsafeMutableBufferPointer<GrowingPiece>,
    first: UnsafeBufferPointer<Int16>, second: UnsafeBufferPointer<Int16>
  ) {
    // Which levels have waiting pixels, one bit a level, highest level found first.
    var waiting = LevelSet()
    var top = 0
    pieces[0] = GrowingPiece()
    pieces[0].region.level = -1
    var current = start
    var currentLevel = Int(level[current])
    state[current] = 1
    top += 1
    pieces[top] = GrowingPiece()
    pieces[top].region.level = Int32(currentLevel)
    pieces[top].region.seed = -1
    while true {
      // Look at the remaining neighbours; a higher one is flooded first.
      var climbed = false
      while edge[current] < 4 {
        let neighbour: Int
        switch edge[current] {
        case 0: neighbour = current + 1
        case 1: neighbour = current + stride
        case 2: neighbour = current - 1
        default: neighbour = current - stride
        }
        edge[current] += 1
        if state[neighbour] != 0 { continue }
        state[neighbour] = 1
        let height = Int(level[neighbour])
        if height <= currentLevel {
          next[neighbour] = heads[height]
          heads[height] = Int32(truncatingIfNeeded: neighbour)
          waiting.insert(height)
        } else {
          next[current] = heads[currentLevel]
          heads[currentLevel] = Int32(truncatingIfNeeded: current)
          waiting.insert(currentLevel)
          current = neighbour
          currentLevel = height
          top += 1
          pieces[top] = GrowingPiece()
          pieces[top].region.level = Int32(height)
          pieces[top].region.seed = -1
          climbed = true
          break
        }
      }
      if climbed { continue }
      count(
        current, into: &pieces[top].region, state: state, level: level, first: first, second: second)
      let following = waiting.highest
      if following < 0 {
        // The flood of this part is over: close what is open.
        while top > 0 {
          record(&pieces[top])
          if top > 1 { fold(&pieces[top], into: &pieces[top - 1]) }
          top -= 1
        }
        return
      }
      current = Int(heads[following])
      heads[following] = next[current]
      if heads[following] < 0 { waiting.remove(following) }
      if following < currentLevel {
        while Int(pieces[top].region.level) > following {
          record(&pieces[top])
          if following > Int(pieces[top - 1].region.level) {
            pieces[top].region.level = Int32(following)
            break
          }
          fold(&pieces[top], into: &pieces[top - 1])
          top -= 1
        }
        currentLevel = following
      }
    }
  }

  /// Adds a pixel to a piece, and its edges to the rim: an edge to a counted pixel was rim until now.
  @inline(__always)
  private func count(
    _ pixel: Int, into region: inout ExtremalRegion, state: UnsafeMutableBufferPointer<UInt8>,
    level: UnsafeBufferPointer<UInt8>, first: UnsafeBufferPointer<Int16>, second: UnsafeBufferPointer<Int16>
  ) {
    state[pixel] = 2
    // A division by the stride, as a multiplication: exact for indices below 2^32.
    let y = Int(UInt64(truncatingIfNeeded: pixel).multipliedFullWidth(by: inverseStride).high) &- 1
    let x = pixel &- (y &+ 1) &* stride &- 1
    let at = y &* (stride &- 2) &+ x
    let value = Int64(level[pixel])
    region.area += 1
    if region.seed < 0 { region.seed = Int32(truncatingIfNeeded: at) }
    region.minX = min(region.minX, Int32(truncatingIfNeeded: x))
    region.maxX = max(region.maxX, Int32(truncatingIfNeeded: x))
    region.minY = min(region.minY, Int32(truncatingIfNeeded: y))
    region.maxY = max(region.maxY, Int32(truncatingIfNeeded: y))
    region.sumX &+= Int64(x)
    region.sumY &+= Int64(y)
    region.sumXX &+= Int64(x &* x)
    region.sumYY &+= Int64(y &* y)
    region.sumXY &+= Int64(x &* y)
    region.sumLevel &+= value
    region.sumFirst &+= Int64(first[at])
    region.sumSecond &+= Int64(second[at])
    var length: Int32 = 0
    var outside: Int64 = 0
    @inline(__always) func look(_ neighbour: Int) {
      switch state[neighbour] {
      case 2:
        length &-= 1
        outside &-= value
      case 4: break
      default:
        length &+= 1
        outside &+= Int64(level[neighbour])
      }
    }
    look(pixel + 1)
    look(pixel - 1)
    look(pixel + stride)
    look(pixel - stride)
    region.rimLength &+= length
    region.rimOutside &+= outside
  }

  /// Records a piece as it is now, if it is inside the limits; its orphans get it as parent.
  private mutating func record(_ piece: inout GrowingPiece) {
    let region = piece.region
    if region.area < limits.minArea { return }
    if region.area > limits.maxArea || region.maxX - region.minX >= limits.maxExtent
      || region.maxY - region.minY >= limits.maxExtent
    {
      piece.firstOrphan = -1
      piece.lastOrphan = -1
      return
    }
    let index = Int32(truncatingIfNeeded: found.count)
    var orphan = piece.firstOrphan
    while orphan >= 0 {
      found[Int(orphan)].parent = index
      orphan = nextOrphan[Int(orphan)]
    }
    found.append(region)
    nextOrphan.append(-1)
    piece.firstOrphan = index
    piece.lastOrphan = index
  }

  private mutating func fold(_ piece: inout GrowingPiece, into below: inout GrowingPiece) {
    if below.region.seed < 0 { below.region.seed = piece.region.seed }
    below.region.merge(piece.region)
    if piece.firstOrphan >= 0 {
      if below.lastOrphan >= 0 {
        nextOrphan[Int(below.lastOrphan)] = piece.firstOrphan
      } else {
        below.firstOrphan = piece.firstOrphan
      }
      below.lastOrphan = piece.lastOrphan
    }
  }
}

/// A set of levels 0…255 that knows its highest.
private struct LevelSet {
  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

  @inline(__always) mutating func insert(_ level: Int) {
    let bit = UInt64(1) << UInt64(level & 63)
    switch level >> 6 {
    case 0: words.0 |= bit
    case 1: words.1 |= bit
    case 2: words.2 |= bit
    default: words.3 |= bit
    }
  }

  @inline(__always) mutating func remove(_ level: Int) {
    let bit = ~(UInt64(1) << UInt64(level & 63))
    switch level >> 6 {
    case 0: words.0 &= bit
    case 1: words.1 &= bit
    case 2: words.2 &= bit
    default: words.3 &= bit
    }
  }

  /// The highest level in the set, -1 for none.
  @inline(__always) var highest: Int {
    if words.3 != 0 { return 255 - words.3.leadingZeroBitCount }
    if words.2 != 0 { return 191 - words.2.leadingZeroBitCount }
    if words.1 != 0 { return 127 - words.1.leadingZeroBitCount }
    if words.0 != 0 { return 63 - words.0.leadingZeroBitCount }
    return -1
  }
}

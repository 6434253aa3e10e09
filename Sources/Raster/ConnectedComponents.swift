// The separate pieces of a mask, numbered, with their size and place.
// What must stay true: labels run 1…n in the order in which a row-by-row reader first meets each piece.

/// Which neighbours join pixels into one piece.
public enum Connectivity: Sendable, Hashable {
  /// Pixels that share an edge.
  case four
  /// Pixels that share an edge or a corner.
  case eight
}

/// The pieces of a mask.
public struct LabelledComponents: Sendable, Equatable {
  /// One piece.
  public struct Component: Sendable, Equatable {
    /// Its number in `labels`, from 1.
    public let label: Int32
    /// Number of pixels.
    public let area: Int
    /// The smallest rectangle that holds it.
    public let boundingBox: PixelRect
    /// Mean of its pixels' centres, in pixels (the first pixel's centre is at 0.5).
    public let centroidX: Double
    /// Mean of its pixels' centres, in pixels (the first pixel's centre is at 0.5).
    public let centroidY: Double
  }

  /// Width in pixels.
  public let width: Int
  /// Height in pixels.
  public let height: Int
  /// For each pixel the number of its piece, 0 for none.
  public let labels: [Int32]
  /// The pieces; the one at index i has label i + 1.
  public let components: [Component]

  /// The pixels of one piece.
  public func mask(of label: Int32) -> Mask {
    Mask(width: width, height: height, bits: labels.map { $0 == label ? 1 : 0 })
  }
}

extension Mask {
  /// The set's separate pieces. Two passes with union by smallest label.
  public func connectedComponents(_ connectivity: Connectivity = .eight) -> LabelledComponents {
    var labels = [Int32](repeating: 0, count: width * height)
    var parents: [Int32] = [0]
    func root(_ label: Int32) -> Int32 {
      var at = label
      while parents[Int(at)] != at {
        parents[Int(at)] = parents[Int(parents[Int(at)])]
        at = parents[Int(at)]
      }
      return at
    }
    for y in 0..<height {
      for x in 0..<width where bits[y * width + x] != 0 {
        let index = y * width + x
        var label: Int32 = 0
        func join(_ neighbour: Int32) {
          guard neighbour != 0 else { return }
          let other = root(neighbour)
          if label == 0 {
            label = other
          } else if other != label {
            let low = min(label, other)
            parents[Int(max(label, other))] = low
            label = low
          }
        }
        if x > 0 { join(labels[index - 1]) }
        if y > 0 {
          join(labels[index - width])
          if connectivity == .eight {
            if x > 0 { join(labels[index - width - 1]) }
            if x + 1 < width { join(labels[index - width + 1]) }
          }
        }
        if label == 0 {
          label = Int32(parents.count)
          parents.append(label)
        }
        labels[index] = label
      }
    }
    // A root is the smallest provisional label of its piece, so final numbers follow the order of first meeting.
    var finals = [Int32](repeating: 0, count: parents.count)
    var found: Int32 = 0
    for label in 1..<max(1, parents.count) {
      let top = root(Int32(label))
      if Int(top) == label {
        found += 1
        finals[label] = found
      } else {
        finals[label] = finals[Int(top)]
      }
    }
    for index in labels.indices where labels[index] != 0 { labels[index] = finals[Int(labels[index])] }
    return LabelledComponents(
      width: width, height: height, labels: labels,
      components: Self.measure(labels, width: width, height: height, count: Int(found)))
  }

  private static func measure(_ labels: [Int32], width: Int, height: Int, count: Int) -> [LabelledComponents.Component]
  {
    struct Sums {
      var area = 0
      var x = 0
      var y = 0
      var left = Int.max
      var right = -1
      var top = Int.max
      var bottom = -1
    }
    var sums = [Sums](repeating: Sums(), count: count)
    for y in 0..<height {
      for x in 0..<width where labels[y * width + x] != 0 {
        let at = Int(labels[y * width + x]) - 1
        sums[at].area += 1
        sums[at].x += x
        sums[at].y += y
        sums[at].left = min(sums[at].left, x)
        sums[at].right = max(sums[at].right, x)
        sums[at].top = min(sums[at].top, y)
        sums[at].bottom = max(sums[at].bottom, y)
      }
    }
    return sums.enumerated().map { index, sum in
      LabelledComponents.Component(
        label: Int32(index + 1), area: sum.area,
        boundingBox: PixelRect(
          x: sum.left, y: sum.top, width: sum.right - sum.left + 1, height: sum.bottom - sum.top + 1),
        centroidX: Double(sum.x) / Double(sum.area) + 0.5, centroidY: Double(sum.y) / Double(sum.area) + 0.5)
    }
  }
}

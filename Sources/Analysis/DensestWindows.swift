// Where nuclei lie densest: square windows over unflagged tissue, ranked, and how much being selected inflates them.
// What must stay true: a window holds at least the stated share of unflagged tissue, so slivers cannot win; windows of
// a ranking do not overlap; a selected density carries its optimism and no ordinary interval; same seed, same result.

public import Raster

/// A point in pixels of the picture that windows are laid over.
public struct DetectionPoint: Sendable, Hashable {
  /// To the right, in pixels.
  public var x: Double
  /// Down, in pixels.
  public var y: Double

  /// A point.
  public init(x: Double, y: Double) {
    self.x = x
    self.y = y
  }
}

/// How windows are laid and chosen.
public struct WindowRules: Sendable, Hashable {
  /// Side of a window in µm.
  public var sideUm: Double
  /// Steps that a window's side is divided into; windows start at every step.
  public var stepsPerSide: Int
  /// Least share of a window that is unflagged tissue.
  public var minTissueShare: Double
  /// How many windows are ranked.
  public var count: Int

  /// Rules; by default steps of a fifth of a side, 80 % tissue, three windows.
  public init(sideUm: Double, stepsPerSide: Int = 5, minTissueShare: Double = 0.8, count: Int = 3) {
    self.sideUm = sideUm
    self.stepsPerSide = stepsPerSide
    self.minTissueShare = minTissueShare
    self.count = count
  }
}

/// A window in a ranking.
public struct RankedWindow: Sendable, Hashable {
  /// 1 for the densest.
  public var rank: Int
  /// Where it lies, in pixels of the picture.
  public var rect: PixelRect
  /// Nuclei inside.
  public var count: Int
  /// Unflagged tissue inside, in mm².
  public var tissueAreaMm2: Double
  /// Share of the window that is unflagged tissue.
  public var tissueShare: Double
  /// Nuclei per mm² of unflagged tissue.
  public var densityPerMm2: Double
}

/// The densest windows of a picture.
public struct DensestWindows: Sendable {
  private let rules: WindowRules
  private let columns: Int
  private let rows: Int
  /// Side of a cell in pixels of the picture.
  private let cellPixels: Double
  private let cellAreaMm2: Double
  /// Cells of the grid that nuclei fall into, one number a nucleus; -1 outside.
  private let cells: [Int]
  /// Share of each cell that is unflagged tissue, summed from the top left.
  private let tissueSums: [Double]

  /// Lays the grid.
  ///
  /// - Parameters:
  ///   - nuclei: where nuclei lie, in pixels of the picture.
  ///   - tissue: tissue without what is left out, over the same picture at any size.
  ///   - width: the picture's width in pixels.
  ///   - height: the picture's height in pixels.
  ///   - micronsPerPixel: the picture's scale.
  ///   - rules: size and choice of windows.
  public init(
    nuclei: [DetectionPoint], tissue: Mask, width: Int, height: Int, micronsPerPixel: Double, rules: WindowRules
  ) throws(AnalysisError) {
    guard micronsPerPixel.isFinite, micronsPerPixel > 0 else { throw .noScale(micronsPerPixel: micronsPerPixel) }
    guard rules.sideUm.isFinite, rules.sideUm >= 10 * micronsPerPixel else {
      throw .badParameter(
        name: "sideUm", value: "\(rules.sideUm)", remedy: "use a window of at least ten pixels a side")
    }
    guard rules.stepsPerSide > 0, rules.count > 0, rules.minTissueShare >= 0, rules.minTissueShare <= 1 else {
      throw .badParameter(
        name: "rules", value: "\(rules)", remedy: "use steps and count above 0 and a tissue share from 0 to 1")
    }
    self.rules = rules
    let cell = rules.sideUm / Double(rules.stepsPerSide) / micronsPerPixel
    cellPixels = cell
    let cellUm = rules.sideUm / Double(rules.stepsPerSide)
    cellAreaMm2 = cellUm * cellUm / 1e6
    columns = Int(Double(max(0, width)) / cell)
    rows = Int(Double(max(0, height)) / cell)
    let (columns, rows) = (columns, rows)
    cells = nuclei.map { point in
      let column = Int((point.x / cell).rounded(.down))
      let row = Int((point.y / cell).rounded(.down))
      return column >= 0 && row >= 0 && column < columns && row < rows ? row * columns + column : -1
    }
    tissueSums = Self.tissueSums(tissue, width: width, height: height, cell: cell, columns: columns, rows: rows)
  }

  /// The densest windows, the first one first: each the densest that does not overlap those before it. Of equal ones
  /// the topmost, then the leftmost. Fewer than asked for, or none, when not enough windows hold enough tissue.
  public func ranking() -> [RankedWindow] {
    let counts = countSums(of: cells)
    var chosen: [(window: Window, density: Double)] = []
    for candidate in candidates(counts).sorted(by: Self.precedes) {
      if chosen.count == rules.count { break }
      let apart = chosen.allSatisfy { other in
        abs(other.window.column - candidate.window.column) >= rules.stepsPerSide
          || abs(other.window.row - candidate.window.row) >= rules.stepsPerSide
      }
      if apart { chosen.append(candidate) }
    }
    return chosen.enumerated().map { index, choice in
      let share = tissueShare(choice.window)
      return RankedWindow(
        rank: index + 1, rect: rect(choice.window), count: count(choice.window, counts),
        tissueAreaMm2: share * windowAreaMm2, tissueShare: share, densityPerMm2: choice.density)
    }
  }

  /// By what share of itself selection inflates the first window's density: nuclei are halved at random, the densest
  /// window is chosen on one half and looked up in the other. Since a half varies more than the whole, this tends to
  /// be too large rather than too small. Nil when no window qualifies or halves are empty.
  ///
  /// - Parameters:
  ///   - splits: how often nuclei are halved; both halves choose in turn.
  ///   - seed: of the random halves.
  public func optimism(splits: Int = 50, seed: UInt64) -> Double? {
    var generator = SplitMix64(state: seed)
    var chosenSum = 0
    var otherSum = 0
    for _ in 0..<max(1, splits) {
      var halves: [[Int]] = [[], []]
      for cell in cells { halves[Int(generator.next() >> 63)].append(cell) }
      let sums = halves.map { countSums(of: $0) }
      for (one, other) in [(0, 1), (1, 0)] {
        guard let best = candidates(sums[one]).min(by: Self.precedes) else { return nil }
        chosenSum += count(best.window, sums[one])
        otherSum += count(best.window, sums[other])
      }
    }
    guard chosenSum > 0 else { return nil }
    return max(0, Double(chosenSum - otherSum) / Double(chosenSum))
  }

  // MARK: the grid

  private struct Window {
    var column: Int
    var row: Int
  }

  private var windowAreaMm2: Double { cellAreaMm2 * Double(rules.stepsPerSide * rules.stepsPerSide) }

  private static func precedes(
    _ first: (window: Window, density: Double), _ second: (window: Window, density: Double)
  ) -> Bool {
    if first.density != second.density { return first.density > second.density }
    return (first.window.row, first.window.column) < (second.window.row, second.window.column)
  }

  /// Every window with enough tissue, with its density.
  private func candidates(_ counts: [Int]) -> [(window: Window, density: Double)] {
    let steps = rules.stepsPerSide
    guard columns >= steps, rows >= steps else { return [] }
    var result: [(window: Window, density: Double)] = []
    for row in 0...(rows - steps) {
      for column in 0...(columns - steps) {
        let window = Window(column: column, row: row)
        let share = tissueShare(window)
        guard share > 0, share >= rules.minTissueShare - 1e-9 else { continue }
        result.append((window, Double(count(window, counts)) / (share * windowAreaMm2)))
      }
    }
    return result
  }

  private func rect(_ window: Window) -> PixelRect {
    let left = Int((Double(window.column) * cellPixels).rounded())
    let top = Int((Double(window.row) * cellPixels).rounded())
    let right = Int((Double(window.column + rules.stepsPerSide) * cellPixels).rounded())
    let bottom = Int((Double(window.row + rules.stepsPerSide) * cellPixels).rounded())
    return PixelRect(x: left, y: top, width: right - left, height: bottom - top)
  }

  private func tissueShare(_ window: Window) -> Double {
    let steps = rules.stepsPerSide
    return max(0, min(1, boxSum(tissueSums, window) / Double(steps * steps)))
  }

  private func count(_ window: Window, _ counts: [Int]) -> Int { boxSum(counts, window) }

  private func boxSum<Value: Numeric>(_ sums: [Value], _ window: Window) -> Value {
    let stride = columns + 1
    let top = window.row * stride
    let bottom = (window.row + rules.stepsPerSide) * stride
    let right = window.column + rules.stepsPerSide
    return sums[bottom + right] - sums[bottom + window.column] - sums[top + right] + sums[top + window.column]
  }

  private func countSums(of cells: [Int]) -> [Int] {
    var counts = [Int](repeating: 0, count: columns * rows)
    for cell in cells where cell >= 0 { counts[cell] += 1 }
    return Self.summed(counts, columns: columns, rows: rows)
  }

  private static func summed<Value: Numeric>(_ values: [Value], columns: Int, rows: Int) -> [Value] {
    var sums = [Value](repeating: 0, count: (columns + 1) * (rows + 1))
    for row in 0..<rows {
      var running: Value = 0
      for column in 0..<columns {
        running += values[row * columns + column]
        sums[(row + 1) * (columns + 1) + column + 1] = sums[row * (columns + 1) + column + 1] + running
      }
    }
    return sums
  }

  /// Share of each cell that is tissue, by the mask's pixel centres.
  private static func tissueSums(
    _ tissue: Mask, width: Int, height: Int, cell: Double, columns: Int, rows: Int
  ) -> [Double] {
    guard tissue.width > 0, tissue.height > 0, columns > 0, rows > 0 else {
      return [Double](repeating: 0, count: (columns + 1) * (rows + 1))
    }
    let stepX = Double(width) / Double(tissue.width)
    let stepY = Double(height) / Double(tissue.height)
    let columnOf = (0..<tissue.width).map { Int((Double($0) + 0.5) * stepX / cell) }
    var set = [Double](repeating: 0, count: columns * rows)
    var all = set
    for y in 0..<tissue.height {
      let row = Int((Double(y) + 0.5) * stepY / cell)
      guard row < rows else { break }
      for x in 0..<tissue.width where columnOf[x] < columns {
        all[row * columns + columnOf[x]] += 1
        set[row * columns + columnOf[x]] += Double(tissue.bits[y * tissue.width + x])
      }
    }
    // A mask coarser than the cells leaves cells without a pixel centre: those take the pixel they lie in.
    for row in 0..<rows {
      for column in 0..<columns where all[row * columns + column] == 0 {
        let x = min(tissue.width - 1, Int((Double(column) + 0.5) * cell / stepX))
        let y = min(tissue.height - 1, Int((Double(row) + 0.5) * cell / stepY))
        all[row * columns + column] = 1
        set[row * columns + column] = Double(tissue.bits[y * tissue.width + x])
      }
    }
    return summed(zip(set, all).map { $0 / $1 }, columns: columns, rows: rows)
  }
}

/// A small seeded generator (Steele, Lea and Flood 2014).
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

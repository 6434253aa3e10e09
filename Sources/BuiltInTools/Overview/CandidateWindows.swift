// Regions worth a closer look: square windows over unflagged tissue, ranked by a stated score.
// Score: mean optical density of red light over the window's tissue (hematoxylin takes red light, eosin hardly any),
// times the share of the window that is tissue. It ranks; it measures nothing.
// What must stay true: windows do not overlap, lie wholly on the slide and are at least half tissue; equal scores rank
// from the top left.

import Domain
import Raster
import Slides

/// A window with its score.
struct CandidateWindow: Sendable {
  var rect: PixelRect
  var score: Double
}

enum CandidateWindows {
  static let scoreName = "nuclear stain (red light density) × tissue share"
  /// Side of a window in µm.
  static let sideMicrons = 250.0
  static let most = 5
  static let leastTissue = 0.5

  /// The best windows of a map, best first; none without a scale, since then keratin and folds are not known either.
  static func find(in map: TissueMap) -> [CandidateWindow] {
    let grid = map.grid
    guard let micronsPerPixel = grid.micronsPerPixel else { return [] }
    let side = max(1, Int((sideMicrons / micronsPerPixel).rounded()))
    guard side <= grid.width, side <= grid.height else { return [] }
    let tissue = map.unflagged
    let table = OpticalDensity.table(background: Float(map.glass.red))
    var density = [Double](repeating: 0, count: (grid.width + 1) * (grid.height + 1))
    for y in 0..<grid.height {
      var row = 0.0
      for x in 0..<grid.width {
        let index = y * grid.width + x
        if tissue.bits[index] != 0 { row += Double(table[Int(map.image.pixels[3 * index])]) }
        density[(y + 1) * (grid.width + 1) + x + 1] = density[y * (grid.width + 1) + x + 1] + row
      }
    }
    let area = SummedArea(tissue)
    let step = max(1, side / 4)
    var all: [CandidateWindow] = []
    for y in stride(from: 0, through: grid.height - side, by: step) {
      for x in stride(from: 0, through: grid.width - side, by: step) {
        let rect = PixelRect(x: x, y: y, width: side, height: side)
        let share = Double(area.count(in: rect)) / Double(rect.area)
        guard share >= leastTissue else { continue }
        let wide = grid.width + 1
        let sum =
          density[rect.maxY * wide + rect.maxX] + density[y * wide + x] - density[y * wide + rect.maxX]
          - density[rect.maxY * wide + x]
        // Mean over tissue times share is the sum over the whole window's area.
        all.append(CandidateWindow(rect: rect, score: sum / Double(rect.area)))
      }
    }
    all.sort { ($1.score, $0.rect.y, $0.rect.x) < ($0.score, $1.rect.y, $1.rect.x) }
    var chosen: [CandidateWindow] = []
    for window in all where chosen.count < most {
      if !chosen.contains(where: { $0.rect.intersects(window.rect) }) { chosen.append(window) }
    }
    return chosen
  }
}

// Choosing among nested candidates: of every region and the regions inside it, the side with the larger sum of scores
// is kept (Arteta et al. 2012, non-overlapping extremal regions). This is what splits touching nuclei.
// What must stay true: scores are integers, so the choice does not depend on the order of adding them up.

/// The choice among nested regions.
package enum NucleusSelection {
  /// Thousandths of a log odd make one.
  static let unit: Float = 1024

  /// Which regions are kept: none overlaps another, each has a positive score, and their sum is the largest.
  /// Each region comes after every region it holds, as `ExtremalRegions` gives them.
  package static func choose(_ regions: [ExtremalRegion], scores: [Int32]) -> [Int] {
    var inside = [Int64](repeating: 0, count: regions.count)
    var taken = [Bool](repeating: false, count: regions.count)
    for index in regions.indices {
      let score = Int64(scores[index])
      let best: Int64
      if score > 0, score > inside[index] {
        taken[index] = true
        best = score
      } else {
        best = inside[index]
      }
      let parent = Int(regions[index].parent)
      if parent >= 0 { inside[parent] += best }
    }
    var covered = [Bool](repeating: false, count: regions.count)
    var chosen: [Int] = []
    for index in regions.indices.reversed() {
      let parent = Int(regions[index].parent)
      if parent >= 0, covered[parent] || taken[parent] {
        covered[index] = true
      } else if taken[index] {
        chosen.append(index)
      }
    }
    return chosen.reversed()
  }
}

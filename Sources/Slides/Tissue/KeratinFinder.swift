// Keratin where its colour and layers tell: the filling of follicles and cysts, thick horny layers.
// A core is denser than nearly all other tissue over 8 µm and runs in one direction (nuclei do not); around a core,
// and in hollows that cores enclose, loose strands with glass between them belong to it.
//
// What must stay true: pale keratin pearls are not found, and no name here says that they are; limits are relative to
// the slide's own staining, so a dark slide is not keratin.

import Raster

/// Looks for dark layered material.
struct KeratinFinder {
  let mean: GrayImage
  let red: GrayImage
  let green: GrayImage
  let micronsPerPixel: Double

  /// Density of a core, at least, and as a multiple of the tissue's median.
  static let coreDensity: Float = 0.54
  static let coreOverMedian: Float = 1.85
  /// How much less dense the rim of a core may be.
  static let rim: Float = 0.05
  /// Coherence of the direction of layers, 0 none to 1 one direction.
  static let layered: Float = 0.5

  /// The keratin inside `tissue`; `stained` is the tissue before holes were filled.
  func find(in tissue: Mask, stained: Mask) -> Mask {
    func pixels(_ microns: Double) -> Double { microns / micronsPerPixel }
    func area(_ squareMicrons: Double) -> Int { max(1, Int(squareMicrons / (micronsPerPixel * micronsPerPixel))) }
    let smooth = mean.smoothed(sigma: pixels(8), inside: stained)
    let limit = max(Self.coreDensity, Self.coreOverMedian * TissueFinder.median(of: mean, in: tissue))
    let coherence = coherence()
    var seed = Mask(width: mean.width, height: mean.height)
    var dense = seed
    for index in tissue.bits.indices where tissue.bits[index] != 0 {
      dense.bits[index] = smooth.values[index] > limit - Self.rim ? 1 : 0
      seed.bits[index] = smooth.values[index] > limit && coherence.values[index] > Self.layered ? 1 : 0
    }
    seed = seed.smallRemoved(minArea: area(300))
    let near = dense.and(seed.dilated(.disk(radius: pixels(30))))
    let core = pieces(of: near, with: seed, share: 0.3).smallRemoved(minArea: area(2400))
    guard core.count > 0 else { return core }
    let hollow = core.closed(.disk(radius: pixels(110))).or(core.dilated(.disk(radius: pixels(25))))
    let cover = stained.cover(sigma: pixels(16))
    var loose = core
    for index in tissue.bits.indices where tissue.bits[index] != 0 && hollow.bits[index] != 0 {
      // Strands with glass between them, or dense pieces, of a purple and not a pink colour.
      let isLoose = cover.values[index] < 0.8 || smooth.values[index] > limit - Self.rim
      if isLoose, red.values[index] > 0.42 * green.values[index] { loose.bits[index] = 1 }
    }
    return core.or(loose).holesFilled(maxArea: area(4000)).and(tissue)
  }

  /// The pieces of `mask` of which at least `share` is `seed`.
  private func pieces(of mask: Mask, with seed: Mask, share: Double) -> Mask {
    let labelled = mask.connectedComponents()
    var seeds = [Int](repeating: 0, count: labelled.components.count + 1)
    for index in seed.bits.indices where seed.bits[index] != 0 { seeds[Int(labelled.labels[index])] += 1 }
    let kept = [false] + labelled.components.map { Double(seeds[Int($0.label)]) >= share * Double($0.area) }
    return Mask(width: mask.width, height: mask.height, bits: labelled.labels.map { kept[Int($0)] ? 1 : 0 })
  }

  /// How much the density's gradients agree in direction over 8 µm: (λ₁ − λ₂) / (λ₁ + λ₂) of the structure tensor.
  private func coherence() -> GrayImage {
    let (width, height) = (mean.width, mean.height)
    let soft = mean.smoothed(sigma: 1)
    var xx = GrayImage(width: width, height: height)
    var yy = xx
    var xy = xx
    for y in 0..<height {
      for x in 0..<width {
        let index = y * width + x
        let dx = soft.values[y * width + min(width - 1, x + 1)] - soft.values[y * width + max(0, x - 1)]
        let dy = soft.values[min(height - 1, y + 1) * width + x] - soft.values[max(0, y - 1) * width + x]
        xx.values[index] = dx * dx
        yy.values[index] = dy * dy
        xy.values[index] = dx * dy
      }
    }
    let sigma = 8 / micronsPerPixel
    xx = xx.smoothed(sigma: sigma)
    yy = yy.smoothed(sigma: sigma)
    xy = xy.smoothed(sigma: sigma)
    var result = xx
    for index in result.values.indices {
      let difference = xx.values[index] - yy.values[index]
      let sum = xx.values[index] + yy.values[index]
      let cross = 2 * xy.values[index]
      result.values[index] = sum > 1e-9 ? (difference * difference + cross * cross).squareRoot() / sum : 0
    }
    return result
  }
}

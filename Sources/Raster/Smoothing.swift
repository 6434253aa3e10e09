// Local means: boxes, and three boxes in a row in place of a Gaussian (Wells 1986).
// What must stay true: time does not depend on the width; beyond the frame there is nothing, so a pixel near the
// frame is the mean of what is inside; sums run in Double in a fixed order.

extension GrayImage {
  /// The mean over a square of `2 * radius + 1` pixels around each pixel, of what lies inside the picture.
  public func boxSmoothed(radius: Int) -> GrayImage {
    guard radius > 0, width > 0, height > 0 else { return self }
    var across = [Double](repeating: 0, count: width * height)
    for y in 0..<height {
      var sum = 0.0
      var inside = 0
      for x in 0..<min(radius, width) {
        sum += Double(values[y * width + x])
        inside += 1
      }
      for x in 0..<width {
        if x + radius < width {
          sum += Double(values[y * width + x + radius])
          inside += 1
        }
        if x - radius - 1 >= 0 {
          sum -= Double(values[y * width + x - radius - 1])
          inside -= 1
        }
        across[y * width + x] = sum / Double(inside)
      }
    }
    var result = self
    var sums = [Double](repeating: 0, count: width)
    var inside = 0
    func add(_ row: Int, _ sign: Double) {
      for x in 0..<width { sums[x] += sign * across[row * width + x] }
      inside += sign > 0 ? 1 : -1
    }
    for row in 0..<min(radius, height) { add(row, 1) }
    for y in 0..<height {
      if y + radius < height { add(y + radius, 1) }
      if y - radius - 1 >= 0 { add(y - radius - 1, -1) }
      for x in 0..<width { result.values[y * width + x] = Float(sums[x] / Double(inside)) }
    }
    return result
  }

  /// About a Gaussian of standard deviation `sigma` pixels, by three boxes (Wells 1986). Below 0.6 pixels the picture
  /// stays as it is: the narrowest three boxes are wider than that.
  public func smoothed(sigma: Double) -> GrayImage {
    guard sigma >= 0.6 else { return self }
    // A box of width w has the variance (w * w - 1) / 12; of three, so many are the narrower as come nearest.
    let ideal = (4 * sigma * sigma + 1).squareRoot()
    let narrow = max(0, Int((ideal - 1) / 2))
    func variance(_ radius: Int) -> Double { Double(radius * (radius + 1)) / 3 }
    let step = variance(narrow + 1) - variance(narrow)
    let wider = max(0, min(3, Int(((sigma * sigma - 3 * variance(narrow)) / step).rounded())))
    var result = self
    for pass in 0..<3 { result = result.boxSmoothed(radius: pass < wider ? narrow + 1 : narrow) }
    return result
  }

  /// `smoothed(sigma:)` over the pixels of a mask only: what lies outside it has no weight. 0 where no pixel of the
  /// mask is near.
  ///
  /// - Precondition: the mask has the picture's size.
  public func smoothed(sigma: Double, inside mask: Mask) -> GrayImage {
    precondition(mask.width == width && mask.height == height, "the mask has another size")
    var weighted = self
    for index in values.indices where mask.bits[index] == 0 { weighted.values[index] = 0 }
    var result = weighted.smoothed(sigma: sigma)
    let weight = mask.cover(sigma: sigma)
    for index in result.values.indices {
      let share = weight.values[index]
      result.values[index] = share > 1e-4 ? result.values[index] / share : 0
    }
    return result
  }
}

extension Mask {
  /// The share of pixels in the set around each pixel, 0 to 1, weighted as `GrayImage.smoothed(sigma:)` does.
  public func cover(sigma: Double) -> GrayImage {
    GrayImage(width: width, height: height, values: bits.map { Float($0) }).smoothed(sigma: sigma)
  }
}

// Which tissue is out of focus.
// Measure: at 1 µm per pixel, the energy of detail finer than 3 pixels over that of detail from 3 to 9 pixels. It
// hardly depends on what the tissue is: 0.5 to 1.6 for sharp tissue of eight organs and two stains, 0.31 after a
// Gaussian blur of 1 µm, 0.22 after 1.5 µm, 0.17 after 2 µm.
// What must stay true: cells are read one by one, so memory does not grow with the slide; a slide too coarse for the
// measure is not judged.

import Domain
import Raster

/// Judges focus in cells of 128 µm.
struct FocusCheck {
  /// Side of a cell in µm, and of its picture in pixels.
  static let cell = 128
  /// Below this ratio of energies a cell is out of focus.
  static let sharp: Float = 0.29
  /// Most cells read; beyond it, each cell read stands for a block of cells.
  static let mostCells = 4096
  /// Coarsest slide that is judged, in µm per pixel.
  static let coarsest = 1.05

  /// The ratio of fine to middle detail inside a mask; nil when there is too little tissue or contrast to say.
  static func sharpness(of picture: RGBImage, tissue: Mask) -> Float? {
    guard tissue.count >= picture.width * picture.height / 8 else { return nil }
    let luma = picture.luma()
    let soft = luma.boxSmoothed(radius: 1)
    let softer = soft.boxSmoothed(radius: 4)
    var fine = 0.0
    var middle = 0.0
    for index in tissue.bits.indices where tissue.bits[index] != 0 {
      let high = Double(luma.values[index] - soft.values[index])
      let low = Double(soft.values[index] - softer.values[index])
      fine += high * high
      middle += low * low
    }
    // Less than half a grey level of structure is noise.
    guard middle > 0.25 * Double(tissue.count) else { return nil }
    return Float((fine / middle).squareRoot())
  }

  /// The tissue out of focus, on the map's grid; nil when the slide cannot be judged.
  static func blur(on slide: SlideHandle, map: TissueMap, control: ReadControl) throws(SlideError) -> Mask? {
    guard let scale = slide.properties.scale, scale.micronsPerPixel <= coarsest else { return nil }
    let judged = map.unflagged
    let side = Double(cell) / scale.micronsPerPixel
    let columns = max(1, Int((Double(slide.bounds.width) / side).rounded(.up)))
    let rows = max(1, Int((Double(slide.bounds.height) / side).rounded(.up)))
    @Sendable func rect(_ column: Int, _ row: Int) -> LevelZeroRect {
      let x0 = Int(Double(column) * side)
      let y0 = Int(Double(row) * side)
      return LevelZeroRect(
        x: x0, y: y0, width: min(slide.bounds.width, Int(Double(column + 1) * side)) - x0,
        height: min(slide.bounds.height, Int(Double(row + 1) * side)) - y0)
    }
    var cells: [(column: Int, row: Int)] = []
    for row in 0..<rows {
      for column in 0..<columns {
        let box = map.grid.pixelRect(of: rect(column, row))
        if !box.isEmpty, judged.count(in: box) * 5 >= box.area { cells.append((column, row)) }
      }
    }
    // A step of k reads every k-th cell both ways; its neighbours take its verdict.
    var step = 1
    while cells.filter({ $0.column % step == 0 && $0.row % step == 0 }).count > mostCells { step += 1 }
    let read = cells.filter { $0.column % step == 0 && $0.row % step == 0 }
    var blurred: Set<Int> = []
    try Workers.forEach(count: read.count) { index throws(SlideError) in
      try control.check()
      let place = rect(read[index].column, read[index].row)
      guard !place.isEmpty else { return Float?.none }
      let picture = try slide.read(place, micronsPerPixel: 1)
      let tissue = map.grid.resample(
        judged, rect: place, width: picture.image.width, height: picture.image.height)
      return sharpness(of: picture.image, tissue: tissue)
    } take: { (index, ratio) throws(SlideError) in
      if let ratio, ratio < sharp { blurred.insert(read[index].row * columns + read[index].column) }
      control.progress(Double(index + 1) / Double(read.count))
    }
    var mask = Mask(width: map.grid.width, height: map.grid.height)
    for cell in cells where blurred.contains((cell.row - cell.row % step) * columns + cell.column - cell.column % step)
    {
      let box = map.grid.pixelRect(of: rect(cell.column, cell.row))
      for y in box.y..<box.maxY { for x in box.x..<box.maxX { mask.bits[y * mask.width + x] = 1 } }
    }
    return mask.and(judged)
  }
}

extension SlideHandle {
  /// Finds the slide's tissue and what of it must be left out.
  ///
  /// - Throws: `damaged`, `cancelled`.
  public func tissueMap(
    options: TissueOptions = TissueOptions(), control: ReadControl = ReadControl()
  ) throws(SlideError) -> TissueMap {
    let grid = TissueGrid(
      slideWidth: bounds.width, slideHeight: bounds.height, micronsPerPixel: properties.scale?.micronsPerPixel,
      levels: levels)
    let reading = ReadControl(isCancelled: control.isCancelled) { control.progress($0 * 0.6) }
    let picture = try read(bounds, width: grid.width, height: grid.height, control: reading)
    var map = TissueFinder(image: picture.image, grid: grid).find(options: options, pixels: picture.source)
    try control.check()
    guard options.checksFocus else { return map }
    let focusing = ReadControl(isCancelled: control.isCancelled) { control.progress(0.6 + $0 * 0.4) }
    if let blur = try FocusCheck.blur(on: self, map: map, control: focusing) {
      map.excluded[.blur] = blur
    } else {
      map.unchecked.append(
        properties.scale == nil
          ? "focus was not judged: the slide has no scale"
          : "focus was not judged: the slide is coarser than \(FocusCheck.coarsest) µm per pixel")
    }
    return map
  }
}

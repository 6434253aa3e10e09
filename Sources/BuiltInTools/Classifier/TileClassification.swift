// Classifying the tiles of a region: read, judged by colour, classified, in the order of the lattice.
// What must stay true: a tile whose colours are not those of the stain is left out and counted, never given a class;
// the digest is over every tile's pixels in the order read.

import Analysis
import Crypto
import Domain
import Raster
import Slides
import ToolKit

/// A tile with its class.
struct ClassifiedTile: Sendable {
  var tile: LatticeTile
  /// Probability of each label.
  var probabilities: [Double]
  /// The most probable label.
  var label: Int
}

/// Everything that was classified.
struct ClassifiedTiles: Sendable {
  var tiles: [ClassifiedTile]
  /// Tiles left out because their colours are not those of the stain.
  var foreign: [LatticeTile]
  /// Tiles that were not looked at because there are too many.
  var passedOver: Int
  var pixels: PixelDigest

  /// Tiles with a label, by block.
  func blocks(label: Int) -> [BlockCount] {
    var counts: [Int: BlockCount] = [:]
    for tile in tiles {
      counts[tile.tile.block, default: BlockCount(hits: 0, tiles: 0)].tiles += 1
      if tile.label == label { counts[tile.tile.block]?.hits += 1 }
    }
    return counts.sorted { $0.key < $1.key }.map(\.value)
  }
}

/// Classifies.
struct TileClassification {
  let slide: OpenedSlide
  let lattice: TileLattice
  let classifier: TileClassifier
  /// Knows the slide's glass.
  let stains: StainEstimator

  func classify(_ region: CountedRegion, share: ClosedRange<Double>) throws(VPathError) -> ClassifiedTiles {
    let (tiles, passedOver) = lattice.tiles(of: region)
    var hash = SHA256()
    var level = 0
    var isForeign = [Bool](repeating: false, count: tiles.count)
    var classified: [ClassifiedTile] = []
    try classifier.classify(count: tiles.count) { error in
      VPathError(.toolFailed, "\(error).", subject: classifier.card.name)
    } read: { (index) throws(VPathError) in
      try slide.call.checkCancelled()
      let picture = try slideErrors { () throws(SlideError) in
        try slide.handle.read(
          tiles[index].rect, ofPicture: slide.handle.bounds, width: lattice.width, height: lattice.height)
      }
      picture.image.pixels.withUnsafeBytes { hash.update(bufferPointer: $0) }
      level = picture.source.level
      isForeign[index] = !stains.verdict(of: picture.image).isAccepted
      return picture.image
    } take: { (index, probabilities) throws(VPathError) in
      let done = share.lowerBound + (share.upperBound - share.lowerBound) * Double(index + 1) / Double(tiles.count)
      if index % 16 == 0 { slide.call.progress(done, "classifying tile \(index + 1) of \(tiles.count)") }
      guard !isForeign[index] else { return }
      var label = 0
      for other in probabilities.indices where probabilities[other] > probabilities[label] { label = other }
      classified.append(ClassifiedTile(tile: tiles[index], probabilities: probabilities, label: label))
    }
    let digest = PixelDigest(
      sha256: SHA256Hex(hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()), level: level,
      micronsPerPixel: classifier.card.input.mpp, decoder: slide.handle.properties.decoder,
      resampler: Resampler.version)
    return ClassifiedTiles(
      tiles: classified, foreign: tiles.indices.filter { isForeign[$0] }.map { tiles[$0] }, passedOver: passedOver,
      pixels: digest)
  }
}

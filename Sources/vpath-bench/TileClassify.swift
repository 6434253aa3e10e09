// Classifying of tiles through Analysis, beside bench/tile_classifier/peer.py: the same tiles, the same network.
// What must stay true: loading is not timed, nor is the first round; the tiles are written for the peer as they are, and
// what both sides found is summed, so that they can be seen to agree; with reading, tiles come from the slide as the
// tool reads them.

import Analysis
import Domain
import Glibc
import Raster
import Slides

/// `vpath-bench classify`.
enum TileClassify {
  /// What keeps it from measuring.
  struct Failure: Error, CustomStringConvertible { var description: String }

  static func run(
    openVINO: String, openSlide: String, folder: String, slide path: String, tiles count: Int, rounds: Int,
    output: String
  ) throws {
    let card = try ClassifierCard(json: try bytes(folder + "/card.json"))
    let classifier = try TileClassifier(card: card, folder: folder, library: OpenVINOLibrary.load(path: openVINO))
    let slide = try SlideHandle(path: path, library: OpenSlideLibrary.load(path: openSlide))
    let side = card.input.sidePixels
    guard let scale = slide.properties.scale?.micronsPerPixel else {
      throw Failure(description: "the slide has no scale")
    }
    let width = Int((Double(slide.bounds.width) * scale / card.input.mpp).rounded())
    let height = Int((Double(slide.bounds.height) * scale / card.input.mpp).rounded())
    let places = (0..<height / side).flatMap { row in
      (0..<width / side).map { PixelRect(x: $0 * side, y: row * side, width: side, height: side) }
    }
    guard !places.isEmpty else { throw Failure(description: "the slide holds no whole tile") }
    func read(_ index: Int) throws(SlideError) -> RGBImage {
      try slide.read(places[index % places.count], ofPicture: slide.bounds, width: width, height: height).image
    }
    let tiles = try (0..<count).map { try read($0) }
    guard let file = fopen(output, "wb") else { throw Failure(description: "the file for the peer cannot be written") }
    for tile in tiles { fwrite(tile.pixels, 1, tile.pixels.count, file) }
    fclose(file)
    var check = 0.0
    for numbers in try classifier.classify(tiles) { check += numbers[0] }
    var alone = Double.infinity
    var reading = Double.infinity
    for _ in 0..<rounds {
      alone = min(alone, try seconds { _ = try classifier.classify(tiles) })
      reading = min(
        reading,
        try seconds {
          try classifier.classify(
            count: count, fault: { Failure(description: "\($0)") as any Error }, read: { try read($0) },
            take: { _, _ in })
        })
    }
    print(
      "{\"tiles\":\(count),\"millisecondsPerTile\":\(alone * 1e3 / Double(count)),"
        + "\"withReadingMillisecondsPerTile\":\(reading * 1e3 / Double(count)),\"check\":\(check)}")
  }

  private static func bytes(_ path: String) throws -> [UInt8] {
    guard let file = fopen(path, "rb") else { throw Failure(description: "the card cannot be read") }
    defer { fclose(file) }
    return [UInt8](unsafeUninitializedCapacity: 1 << 20) { out, filled in
      filled = fread(out.baseAddress, 1, 1 << 20, file)
    }
  }

  private static func seconds(_ body: () throws -> Void) rethrows -> Double {
    func now() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_MONOTONIC, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
    let start = now()
    try body()
    return now() - start
  }
}

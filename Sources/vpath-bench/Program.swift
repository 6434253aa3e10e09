// The driver of measurements over pictures and slides: reads PPM pictures or a slide, writes JSON lines. No network.
// What must stay true: the time it prints covers counting alone, not reading or printing.

import Analysis
import Glibc
import Raster
import Slides

/// `vpath-bench count|stain|regions|read|classify …`, see `usage`.
@main
enum Program {
  static let usage = """
    vpath-bench count [--repeat N] MPP:FILE.ppm …
      Counts nuclei in each picture (P6) at MPP micrometres per pixel. One JSON line a picture:
      {"file","cpuSeconds" (processor time, least of N runs),"nuclei":[[x,y,areaUm2,score],…]} with x, y in its pixels.
    vpath-bench stain FILE.ppm …
      Says for each picture whether its colours can be hematoxylin and eosin. One JSON line a picture.
    vpath-bench regions MPP:FILE.ppm …
      Writes FILE.ppm.regions for fitting: int32 width, height, regions, features; then the level of each pixel
      (a byte), then for each region int32 level, area, parent, seed and float32 x, y and its features.
    vpath-bench read LIBRARY SLIDE SIZE ROUNDS cached|fresh
      Reads the level-0 squares of SIZE pixels of a slide through OpenSlide's LIBRARY; `fresh` opens the slide anew for
      each round. Prints {"regions","millisecondsPerRegion","digestedMillisecondsPerRegion" (resampled and digested,
      as tools read),"check" (the sum of all bytes)}.
    vpath-bench classify OPENVINO OPENSLIDE CLASSIFIER SLIDE TILES ROUNDS OUT
      Classifies TILES tiles of a slide by the classifier in the folder CLASSIFIER, and writes their pixels to OUT. Prints
      {"tiles","millisecondsPerTile","withReadingMillisecondsPerTile" (least of the rounds),"check" (the sum of the
      first label's probabilities)}.
    """

  static func main() {
    var arguments = Array(CommandLine.arguments.dropFirst())
    guard !arguments.isEmpty else { fail(usage) }
    let command = arguments.removeFirst()
    var runs = 1
    if arguments.first == "--repeat", arguments.count > 1, let count = Int(arguments[1]), count > 0 {
      runs = count
      arguments.removeFirst(2)
    }
    if command == "stain", !arguments.isEmpty {
      for file in arguments {
        do { stain(try PortablePixmap.read(file), file: file) } catch { fail("\(file): \(error)") }
      }
      return
    }
    if command == "read" {
      guard arguments.count == 5, let size = Int(arguments[2]), let rounds = Int(arguments[3]), size > 0, rounds > 0,
        ["cached", "fresh"].contains(arguments[4])
      else { fail(usage) }
      do throws(SlideError) {
        try RegionRead.run(
          library: arguments[0], slide: arguments[1], size: size, rounds: rounds, isFresh: arguments[4] == "fresh")
      } catch { fail("\(error.message)") }
      return
    }
    if command == "classify" {
      guard arguments.count == 7, let tiles = Int(arguments[4]), let rounds = Int(arguments[5]), tiles > 0, rounds > 0
      else { fail(usage) }
      do {
        try TileClassify.run(
          openVINO: arguments[0], openSlide: arguments[1], folder: arguments[2], slide: arguments[3], tiles: tiles,
          rounds: rounds, output: arguments[6])
      } catch { fail("\(error)") }
      return
    }
    guard command == "count" || command == "regions", !arguments.isEmpty else { fail(usage) }
    for argument in arguments {
      let parts = argument.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, let micronsPerPixel = Double(parts[0]) else {
        fail("\(argument): say MPP:FILE.ppm, such as 0.25:tile.ppm")
      }
      let file = String(parts[1])
      do {
        let image = try PortablePixmap.read(file)
        if command == "count" {
          try count(image, file: file, micronsPerPixel: micronsPerPixel, runs: runs)
        } else {
          try regions(image, file: file, micronsPerPixel: micronsPerPixel)
        }
      } catch { fail("\(file): \(error)") }
    }
  }

  private static func count(_ image: RGBImage, file: String, micronsPerPixel: Double, runs: Int) throws {
    let detector = NucleusDetector()
    var least = Double.infinity
    var nuclei: [Nucleus] = []
    for _ in 0..<runs {
      let start = cpuSeconds()
      nuclei = try detector.detect(in: image, micronsPerPixel: micronsPerPixel)
      least = min(least, cpuSeconds() - start)
    }
    let list = nuclei.map { "[\($0.x),\($0.y),\($0.areaUm2),\($0.score)]" }.joined(separator: ",")
    print("{\"file\":\(quoted(file)),\"cpuSeconds\":\(least),\"nuclei\":[\(list)]}")
  }

  private static func stain(_ image: RGBImage, file: String) {
    var estimator = StainEstimator(forPixels: image.width * image.height)
    estimator.add(image)
    let verdict = estimator.verdict()
    print(
      "{\"file\":\(quoted(file)),\"accepted\":\(verdict.isAccepted),\"reason\":\(quoted(verdict.refusal ?? ""))}")
  }

  private static func regions(_ image: RGBImage, file: String, micronsPerPixel: Double) throws {
    let detector = NucleusDetector()
    let analysed = try detector.analysed(image, micronsPerPixel: micronsPerPixel)
    var estimator = StainEstimator(forPixels: analysed.image.width * analysed.image.height)
    estimator.add(analysed.image)
    let profile = estimator.profile()
    guard let (input, regions) = detector.flood(analysed, profile: profile) else { return }
    let features = NucleusFeatures(
      regions: regions, input: input, micronsPerPixel: analysed.micronsPerPixel,
      hematoxylinHigh: profile.hematoxylinHigh)
    var bytes: [UInt8] = []
    func put<Value>(_ value: Value) { withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) } }
    for value in [input.width, input.height, regions.count, NucleusFeatures.count] { put(Int32(value)) }
    bytes.append(contentsOf: input.levels)
    var row = [Float](repeating: 0, count: NucleusFeatures.count)
    for (index, region) in regions.enumerated() {
      for value in [region.level, region.area, region.parent, region.seed] { put(value) }
      put(Float((Double(region.sumX) / Double(region.area) + 0.5) * analysed.scaleX))
      put(Float((Double(region.sumY) / Double(region.area) + 0.5) * analysed.scaleY))
      row.withUnsafeMutableBufferPointer { features.write(index, into: $0) }
      for value in row { put(value) }
    }
    guard let output = fopen(file + ".regions", "wb") else { fail("cannot write beside \(file)") }
    defer { fclose(output) }
    guard fwrite(bytes, 1, bytes.count, output) == bytes.count else { fail("cannot write beside \(file)") }
  }

  private static func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\" + String(scalar)
      case _ where scalar.value < 32: result += "?"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  private static func fail(_ message: String) -> Never {
    let line = Array((message + "\n").utf8)
    _ = write(STDERR_FILENO, line, line.count)
    exit(64)
  }
}

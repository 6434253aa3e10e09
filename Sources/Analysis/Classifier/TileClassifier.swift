// Classifies tiles: pictures in, one probability a label out; reading of the next tiles goes on while a network runs.
// What must stay true: results come in the order of the tiles and do not depend on how many run beside each other; a
// number that is none ends the work with an error, and never becomes a class.

import Glibc
public import Raster

/// A classifier ready to run.
public final class TileClassifier: Sendable {
  /// Its card.
  public let card: ClassifierCard
  /// The runtime's name and version, as it is recorded.
  public let runtime: String
  private let network: TileNetwork
  /// For each byte of R, G and B the number the network reads.
  private let tables: [Float]

  /// Inferences beside each other: a tool shares its machine with the daemon and a model.
  public static let width = 2

  /// Loads and checks a classifier's network.
  ///
  /// - Parameter folder: the folder that holds the card and the network's file.
  /// - Throws: `noRuntime`, or `badModel` for a file that does not fit its card.
  public init(card: ClassifierCard, folder: String, library: OpenVINOLibrary? = nil) throws(AnalysisError) {
    let library = if let library { library } else { try OpenVINOLibrary.shared() }
    self.card = card
    runtime = "OpenVINO \(library.shortVersion)"
    network = try TileNetwork(
      path: folder + "/" + card.model.file, side: card.input.sidePixels, outputs: card.labels.count,
      threads: Self.width, library: library)
    tables = (0..<3).flatMap { channel in
      (0..<256).map { Float((Double($0) / 255 - card.input.mean[channel]) / card.input.std[channel]) }
    }
  }

  /// Classifies tiles one after the other. `read` gives tile after tile, each `sidePixels` square, while earlier ones
  /// are being classified; `take` gets their probabilities in the same order. Only one call at a time.
  ///
  /// - Throws: `sizeMismatch` for a tile of another size, `badNumbers` for NaN or infinite results; what `read` and
  ///   `take` throw.
  public func classify<Failure: Error>(
    count: Int, fault: (AnalysisError) -> Failure, read: (Int) throws(Failure) -> RGBImage,
    take: (Int, [Double]) throws(Failure) -> Void
  ) throws(Failure) {
    let requests = network.requests
    var running: [Int] = []
    func finish() throws(Failure) {
      let index = running.removeFirst()
      let numbers: [Double]
      do throws(AnalysisError) {
        numbers = try probabilities(requests[index % requests.count].finish())
      } catch {
        throw fault(error)
      }
      try take(index, numbers)
    }
    do throws(Failure) {
      for index in 0..<count {
        let tile = try read(index)
        if running.count == requests.count { try finish() }
        do throws(AnalysisError) {
          let request = requests[index % requests.count]
          try fill(request.input, with: tile)
          try request.start()
        } catch {
          throw fault(error)
        }
        running.append(index)
      }
      while !running.isEmpty { try finish() }
    } catch {
      for index in running { requests[index % requests.count].abandon() }
      throw error
    }
  }

  /// Probabilities of some tiles.
  public func classify(_ tiles: [RGBImage]) throws(AnalysisError) -> [[Double]] {
    var results: [[Double]] = []
    try classify(count: tiles.count, fault: { $0 }) { (index) throws(AnalysisError) in
      tiles[index]
    } take: { (_, numbers) throws(AnalysisError) in
      results.append(numbers)
    }
    return results
  }

  private func fill(_ input: UnsafeMutableBufferPointer<Float>, with tile: RGBImage) throws(AnalysisError) {
    let side = card.input.sidePixels
    guard tile.width == side, tile.height == side else {
      throw .sizeMismatch(
        what: "a tile", width: tile.width, height: tile.height, expectedWidth: side, expectedHeight: side)
    }
    let area = side * side
    tile.pixels.withUnsafeBufferPointer { pixels in
      tables.withUnsafeBufferPointer { tables in
        for index in 0..<area {
          input[index] = tables[Int(pixels[3 * index])]
          input[area + index] = tables[256 + Int(pixels[3 * index + 1])]
          input[2 * area + index] = tables[512 + Int(pixels[3 * index + 2])]
        }
      }
    }
  }

  private func probabilities(_ numbers: [Float]) throws(AnalysisError) -> [Double] {
    guard numbers.allSatisfy(\.isFinite) else {
      throw .badNumbers(reason: "\(card.name) gave a number that is none (NaN or infinite) for a tile")
    }
    let values = numbers.map(Double.init)
    switch card.output {
    case .logits:
      let most = values.max() ?? 0
      let raised = values.map { exp($0 - most) }
      let sum = raised.reduce(0, +)
      return raised.map { $0 / sum }
    case .probabilities:
      let sum = values.reduce(0, +)
      guard values.allSatisfy({ $0 >= -1e-6 && $0 <= 1 + 1e-6 }), abs(sum - 1) < 0.01 else {
        throw .badNumbers(reason: "\(card.name) gave no probabilities: they add up to \(sum); its card may mean logits")
      }
      return values.map { min(1, max(0, $0)) / sum }
    }
  }
}

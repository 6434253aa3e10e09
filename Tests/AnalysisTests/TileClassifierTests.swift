// Networks on disk, good and bad: tests/Fixtures/classifiers/make.py makes them.

import Glibc
import JSON
import Raster
import TestSupport
import Testing

@testable import Analysis

/// The source tree's small networks.
let classifierFixtures =
  "/" + #filePath.split(separator: "/").dropLast(2).joined(separator: "/") + "/Fixtures/classifiers"

@Suite(.enabled(if: OpenVINOFile.path != nil, "OpenVINO is not in the cache"))
struct TileClassifierTests {
  private static func card(_ file: String, labels: [String] = ["red", "blue"]) -> ClassifierCard {
    ClassifierCard(
      name: "test", version: "1.0.0", method: "test", model: .init(file: file, sha256: nil),
      input: .init(sidePixels: 32, mpp: 1, mean: [0, 0, 0], std: [1, 1, 1]), labels: labels, output: .logits,
      accepts: nil, validatedOn: nil, licence: "test", experimental: true, notes: [])
  }

  private static func load(_ file: String, folder: String = classifierFixtures) throws -> TileClassifier {
    let library = try OpenVINOLibrary.load(path: try #require(OpenVINOFile.path))
    return try TileClassifier(card: card(file), folder: folder, library: library)
  }

  private static func message(_ file: String, folder: String = classifierFixtures) throws -> String {
    do {
      _ = try load(file, folder: folder)
      Issue.record("\(file) was taken")
      return ""
    } catch let error as AnalysisError {
      return "\(error)"
    }
  }

  private static let red = RGBImage(width: 32, height: 32, filled: RGBColor(200, 100, 50))
  private static let blue = RGBImage(width: 32, height: 32, filled: RGBColor(50, 100, 200))

  @Test(arguments: ["good.onnx", "good-batch.onnx", "external-beside.onnx"])
  func tilesGetTheirProbabilitiesInOrder(_ file: String) throws {
    let classifier = try Self.load(file)
    let tiles = (0..<9).map { $0 % 3 == 0 ? Self.blue : Self.red }
    let found = try classifier.classify(tiles)
    #expect(found.count == 9)
    for (index, probabilities) in found.enumerated() {
      #expect(abs(probabilities.reduce(0, +) - 1) < 1e-9)
      #expect((probabilities[0] > 0.99) == (index % 3 != 0))
    }
    #expect(classifier.runtime.hasPrefix("OpenVINO 2026."))
  }

  @Test func theSameTileGivesTheSameBitsAloneAndAmongOthers() throws {
    let classifier = try Self.load("good.onnx")
    let tile = RGBImage(width: 32, height: 32, filled: RGBColor(120, 110, 100))
    let alone = try classifier.classify([tile])[0]
    let among = try classifier.classify([Self.red, tile, Self.blue, tile, tile])
    #expect(among[1] == alone && among[3] == alone && among[4] == alone)
  }

  @Test func aTileOfAnotherSizeIsAnError() throws {
    let classifier = try Self.load("good.onnx")
    #expect(throws: AnalysisError.self) { try classifier.classify([RGBImage(width: 31, height: 32)]) }
  }

  @Test func numbersThatAreNoneAreAnErrorAndNeverAClass() throws {
    let classifier = try Self.load("nan.onnx")
    #expect {
      try classifier.classify([Self.red, Self.blue, Self.red])
    } throws: { error in
      if case .badNumbers? = error as? AnalysisError { true } else { false }
    }
    // The requests are free again afterwards.
    #expect(throws: AnalysisError.self) { try classifier.classify([Self.red]) }
  }

  @Test(arguments: [
    ("wrong-size.onnx", "1×3×64×64"), ("wrong-channels.onnx", "1×2×32×32"), ("channels-last.onnx", "1×32×32×3"),
    ("dynamic-axes.onnx", "no fixed length"), ("three-labels.onnx", "1×3"),
    ("external-outside.onnx", "outside its folder"), ("external-absolute.onnx", "outside its folder"),
    ("external-missing.onnx", "not there"), ("none.onnx", "cannot be read"), ("make.py", "no ONNX"),
  ])
  func anUnfitNetworkIsRefusedWithWhatIsWrong(_ file: String, _ words: String) throws {
    let message = try Self.message(file)
    #expect(message.contains(words), "\(message)")
    #expect(!message.contains("/Fixtures/"))
  }

  @Test func aLinkOutOfTheFolderIsOutside() throws {
    let folder = TemporaryFolder()
    let outside = TemporaryFolder()
    outside.write("weights.bin", [UInt8](repeating: 0, count: 24))
    folder.write("model.onnx", try #require(TemporaryFolder.read(classifierFixtures + "/external-beside.onnx")))
    symlink(outside.path + "/weights.bin", folder.path + "/weights.bin")
    #expect(try Self.message("model.onnx", folder: folder.path).contains("link out of its folder"))
  }

  @Test func aCutNetworkIsRefused() throws {
    let folder = TemporaryFolder()
    let whole = try #require(TemporaryFolder.read(classifierFixtures + "/good.onnx"))
    for count in [0, 1, 20, whole.count / 2, whole.count - 1] {
      folder.write("model.onnx", Array(whole.prefix(count)))
      #expect(!(try Self.message("model.onnx", folder: folder.path)).isEmpty)
    }
  }

  @Test func aLibraryThatIsNoneIsSaidToBeMissing() throws {
    for path in ["/nowhere/libopenvino_c.so", "libopenvino_c.so", "/usr/lib/x86_64-linux-gnu/libm.so.6"] {
      #expect {
        try OpenVINOLibrary.load(path: path)
      } throws: { error in
        "\(error)".contains("VPATH_OPENVINO") && !"\(error)".contains("/nowhere/")
      }
    }
  }
}

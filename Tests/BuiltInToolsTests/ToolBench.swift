// What the tests of slide tools share: a slide made from nothing or the demo slide, a call on it, and its output.

import Analysis
import Domain
import Glibc
import JSON
import Raster
import Slides
import TestSupport
import Testing
import ToolKit

@testable import BuiltInTools

/// The source tree.
let projectFolder = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

/// One case: a slide, a description, a scratch directory for each call.
struct ToolBench {
  let folder = TemporaryFolder()
  var slidePath: String
  var description = CaseDescription(organ: "skin", stain: "H&E")
  var evidence: [String: Evidence] = [:]
  let tools: [String: Tool]

  /// A bench with a slide of these bytes, or with the slide at a path; with a made-up card, or with the shipped models.
  init(
    slide bytes: [UInt8]? = nil, path: String? = nil, name: String = "slide.svs", shippedModels: Bool = false
  ) throws {
    let made = folder
    slidePath = bytes.map { made.write(name, $0) } ?? path ?? made.path + "/" + name
    let all = BuiltInTools.all(
      modelsDirectory: shippedModels ? projectFolder + "/models" : try Self.writeCard(made),
      templatesDirectory: projectFolder
        + "/tools/report_template_filler/templates")
    tools = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
  }

  /// Calls a tool; files land in the folder given back.
  func call(
    _ name: String, _ arguments: JSONValue = [:], cancelled: Bool = false
  ) throws -> (output: ToolOutput, scratch: TemporaryFolder) {
    let scratch = TemporaryFolder()
    let tool = try #require(tools[name])
    let violations = try JSONSchema(tool.inputSchema.json).validate(arguments)
    try #require(violations.isEmpty, "\(violations)")
    let call = ToolCall(
      input: ToolInput(
        call: CallID("call-1"), arguments: arguments, case: description,
        slides: [ToolInput.Slide(id: EvidenceID("s1"), path: slidePath, properties: nil)], views: [],
        evidence: evidence, scratch: scratch.path))
    if cancelled { call.cancel() }
    return (try tool.handler(call), scratch)
  }

  /// The error a call ends with.
  func error(_ name: String, _ arguments: JSONValue = [:], cancelled: Bool = false) throws -> VPathError? {
    do {
      _ = try call(name, arguments, cancelled: cancelled)
      return nil
    } catch let error as VPathError {
      return error
    }
  }

  mutating func add(region id: String, _ rect: LevelZeroRect, polygon: [LevelZeroPoint]? = nil) {
    evidence[id] = Evidence(
      id: EvidenceID(id), turn: nil, call: nil, tool: nil,
      body: .region(Region(slide: EvidenceID("s1"), rect: rect, polygon: polygon, label: "drawn by the client")))
  }

  /// A card whose ratios are made up, so that tests do not move with the shipped one.
  static func writeCard(_ folder: TemporaryFolder) throws -> String {
    let ratios = (0..<18).map { 0.8 + 0.03 * Double($0) }
    let interval = try CountRatioInterval.splitConformal(ratios: ratios, centre: 1, coverage: 0.9, medianCount: 100)
    let images = ratios.enumerated().map { index, ratio -> JSONValue in
      [
        "name": .string("image \(index)"), "organ": "colon", "mpp": .number(index % 2 == 0 ? 0.25 : 0.5), "human": 100,
        "counted": 100, "ratio": .number(ratio),
      ]
    }
    let card: JSONValue = [
      "name": "cell_counter_classical", "version": "classical-1", "method": "test", "parameters": [:],
      "accepts": ["stain": ["H&E"], "mpp": [0.2, 0.65]],
      "validatedOn": [
        "data": "made up", "organs": ["colon"], "images": 18, "nuclei": 1800, "mpp": [0.25, 0.5],
        "f1MacroByOrgan": 0.7, "mapePercent": 20, "byOrgan": [], "perImage": .array(images),
      ],
      "interval": [
        "ratio": [
          "low": .number(interval.low), "high": .number(interval.high), "coverage": 0.9, "imageCount": 18,
          "medianCount": 100,
        ], "centre": 1, "centreFrom": "made up", "method": .string(CountRatioInterval.method),
        "predicts": .string(CountRatioInterval.predicts),
      ], "notes": [],
    ]
    mkdir(folder.path + "/cell_counter_classical", 0o700)
    folder.write("cell_counter_classical/card.json", card.canonicalBytes())
    return folder.path
  }
}

extension ToolOutput {
  /// Items of a kind.
  func items(_ kind: String) -> [JSONValue] { evidence.filter { $0["kind"]?.stringValue == kind } }

  /// Measurements of a name.
  func measured(_ name: String) throws -> [Measurement] {
    try items("measurement").filter { $0["name"]?.stringValue == name }.map {
      try decodeJSON(Measurement.self, from: $0)
    }
  }

  /// Reasons of what is not assessable.
  var reasons: [String] { items("notAssessable").compactMap { $0["reason"]?.stringValue } }
}

/// Slides made from nothing.
enum MadeSlide {
  static let glass: UInt32 = 0xF4F3F5
  static let collagen: UInt32 = 0xE6B4CC
  static let nucleus: UInt32 = 0x503C82

  /// A square of tissue, `tissue` µm wide, in glass of twice its width, with a nucleus of 7 µm every `every` µm, at
  /// 0.5 µm per pixel.
  static func tissue(
    microns tissue: Int, every: Int = 20, micronsPerPixel: Double? = 0.5,
    _ more: @escaping @Sendable (Int, Int) -> UInt32? = { _, _ in nil }
  ) -> [UInt8] {
    let side = tissue * 4
    let (low, high) = (side / 4, side * 3 / 4)
    let pitch = every * 2
    let color: @Sendable (Int, Int) -> UInt32 = { x, y in
      if let other = more(x, y) { return other }
      guard (low..<high).contains(x), (low..<high).contains(y) else { return glass }
      let (dx, dy) = ((x - low) % pitch - pitch / 2, (y - low) % pitch - pitch / 2)
      if dx * dx + dy * dy <= 49 { return nucleus }
      // A texture, so that the tissue is in focus.
      return (x / 2 + y / 2) % 2 == 0 ? collagen : 0xDDA8C4
    }
    let slide =
      micronsPerPixel.map { SyntheticSlide.aperio(width: side, height: side, micronsPerPixel: $0, color: color) }
      ?? SyntheticSlide(width: side, height: side, color: color)
    return slide.bytes()
  }
}

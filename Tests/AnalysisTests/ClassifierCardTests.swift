// Cards of tile classifiers: what is read, and what is refused with the key that is wrong.

import JSON
import Testing

@testable import Analysis

@Suite struct ClassifierCardTests {
  private static let good: JSONValue = [
    "kind": "tile classifier", "name": "test_card", "version": "1.0.0", "method": "test",
    "model": ["file": "model.onnx"],
    "input": ["sidePixels": 224, "mpp": 1, "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]],
    "labels": ["one", "two"], "output": "logits",
    "accepts": ["organ": ["oral mucosa"], "stain": ["H&E"], "mpp": [0.2, 1.1]],
    "validatedOn": [
      "data": "made up", "organs": ["oral mucosa"], "tiles": 100, "blocks": 10, "mpp": [1, 1],
      "balancedAccuracy": ["value": 0.7, "low": 0.6, "high": 0.8, "coverage": 0.95, "method": "block bootstrap"],
    ],
    "licence": "CC0-1.0", "experimental": false,
  ]

  private static func changed(_ path: [String], _ value: JSONValue?, in json: JSONValue = good) -> JSONValue {
    guard let key = path.first else { return value ?? .null }
    var members = json.objectValue ?? [:]
    if path.count == 1 {
      members[key] = value
    } else {
      members[key] = changed(Array(path.dropFirst()), value, in: members[key] ?? [:])
    }
    return .object(members)
  }

  private func message(_ json: JSONValue) -> String {
    do {
      _ = try ClassifierCard(json: json.canonicalBytes())
      return ""
    } catch {
      return "\(error)"
    }
  }

  @Test func aCardIsReadWhole() throws {
    let card = try ClassifierCard(json: Self.good.canonicalBytes())
    #expect(card.labels == ["one", "two"] && card.input.sideMicrons == 224 && !card.experimental)
    #expect(card.accepts?.organ == ["oral mucosa"] && card.validatedOn?.balancedAccuracy.low == 0.6)
  }

  static let wrongKeys: [([String], JSONValue, String)] = [
    (["colour"], "red", "colour"), (["input", "size"], 3, "size"),
    (["accepts", "organ"], ["oral mucossa"], "accepts.organ"),
    (["validatedOn", "organs"], ["skn"], "validatedOn.organs"),
    (["accepts", "mpp"], [1, 0.5], "accepts.mpp"), (["input", "std"], [0, 1, 1], "input.std"),
    (["labels"], ["one", "one"], "labels"), (["labels"], ["one", "no tumour here. At all"], "labels"),
    (["model", "file"], "../model.onnx", "model.file"), (["kind"], "counter", "kind"),
    (["validatedOn", "balancedAccuracy", "low"], 0.45, "experimental"),
    (["validatedOn", "balancedAccuracy", "low"], 0.75, "balancedAccuracy"),
  ]

  @Test(arguments: wrongKeys)
  func aWrongKeyIsNamed(_ path: [String], _ value: JSONValue, _ words: String) {
    let message = message(Self.changed(path, value))
    #expect(message.contains(words), "\(message)")
  }

  @Test func withoutFiguresACardIsExperimental() {
    let bare = Self.changed(["validatedOn"], nil)
    #expect(message(bare).contains("experimental"))
    #expect(message(Self.changed(["experimental"], true, in: bare)).isEmpty)
  }

  private static let wsinfer: JSONValue = [
    "spec_version": "1.0", "architecture": "resnet34", "num_classes": 2, "patch_size_pixels": 350,
    "spacing_um_px": 0.25, "class_names": ["notumor", "tumor"],
    "transform": [
      ["name": "Resize", "arguments": ["size": 224]], ["name": "ToTensor"],
      ["name": "Normalize", "arguments": ["mean": [0.7238, 0.5716, 0.6779], "std": [0.112, 0.1459, 0.1089]]],
    ],
  ]

  @Test func aWSInferConfigurationIsReadAsItIs() throws {
    let card = try ClassifierCard(wsinfer: Self.wsinfer.canonicalBytes(), name: "breast", modelFile: "model.onnx")
    #expect(card.labels == ["notumor", "tumor"] && card.input.sidePixels == 224)
    #expect(abs(card.input.sideMicrons - 87.5) < 1e-9)
    #expect(card.input.mean == [0.7238, 0.5716, 0.6779])
    #expect(card.experimental && card.accepts == nil)
    let reason = card.refusal(organ: "breast", stain: "H&E", micronsPerPixel: 0.25)
    #expect(reason?.contains("states no organ") == true)
  }

  @Test func aCardMayHoldAWSInferConfigurationUnchanged() throws {
    var json = Self.good
    for key in ["input", "labels", "output"] { json = Self.changed([key], nil, in: json) }
    json = Self.changed(["wsinfer"], Self.wsinfer, in: json)
    let card = try ClassifierCard(json: json.canonicalBytes())
    #expect(card.labels == ["notumor", "tumor"] && card.accepts?.organ == ["oral mucosa"])
    #expect(message(Self.changed(["labels"], ["a", "b"], in: json)).contains("labels"))
    #expect(message(Self.changed(["wsinfer", "colour"], 1, in: json)).contains("wsinfer"))
  }

  @Test(
    arguments: [
      (["num_classes"], 3 as JSONValue, "num_classes"), (["extra"], 1, "extra"),
      (["spec_version"], "2.0", "spec_version"),
      (["transform"], [["name": "ColorJitter"]], "transform.0.name"), (["class_names"], nil, "class_names"),
    ] as [([String], JSONValue?, String)])
  func aWrongWSInferKeyIsNamed(_ path: [String], _ value: JSONValue?, _ words: String) {
    #expect {
      try ClassifierCard(
        wsinfer: Self.changed(path, value, in: Self.wsinfer).canonicalBytes(), name: "x", modelFile: "model.onnx")
    } throws: { error in
      "\(error)".contains(words)
    }
  }

  @Test func aCaseFitsOnlyWhatTheCardAccepts() throws {
    let card = try ClassifierCard(json: Self.good.canonicalBytes())
    func reason(_ organ: String?, _ stain: String?, _ scale: Double) -> String? {
      card.refusal(organ: organ, stain: stain, micronsPerPixel: scale)
    }
    #expect(reason("oral mucosa", "H&E", 0.5) == nil)
    #expect(reason("Oral cavity", "H&E", 0.5) == nil)
    #expect(reason("skin", "H&E", 0.5)?.contains("stated as skin") == true)
    #expect(reason("tentacle", "H&E", 0.5)?.contains("tentacle") == true)
    #expect(reason(nil, "H&E", 0.5)?.contains("no organ is stated") == true)
    #expect(reason("oral mucosa", nil, 0.5)?.contains("no stain is stated") == true)
    #expect(reason("oral mucosa", "PAS", 0.5)?.contains("PAS") == true)
    #expect(reason("oral mucosa", "H&E", 2)?.contains("µm/px") == true)
  }
}

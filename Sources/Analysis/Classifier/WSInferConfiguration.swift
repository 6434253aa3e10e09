// A WSInfer model's configuration (config.json of its model zoo, specification 1.0), as it is.
// What must stay true: keys are those of WSInfer's own schema, all of them required and no other; a transform that
// this program does not do is an error, never left out.

import JSON

/// What a WSInfer configuration says.
struct WSInferConfiguration: Sendable, Hashable {
  var specVersion: String
  var architecture: String
  var classNames: [String]
  var input: ClassifierCard.Input

  /// Reads a configuration; `place` is the key it stands under.
  init(json: JSONValue, at place: String) throws(AnalysisError) {
    func fault(_ key: String, _ message: String) -> AnalysisError {
      let path = [place, key].filter { !$0.isEmpty }.joined(separator: ".")
      return .badCard(reason: path.isEmpty ? message : "\(path): \(message)")
    }
    guard let schema = Self.compiled else { throw fault("", "the schema of WSInfer's configuration is wrong") }
    if let first = schema.validate(json).first {
      throw fault(first.pointer.split(separator: "/").joined(separator: "."), first.message)
    }
    specVersion = json["spec_version"]?.stringValue ?? ""
    architecture = json["architecture"]?.stringValue ?? ""
    // An underscore stands for a space: labels become words of a sentence.
    classNames = (json["class_names"]?.arrayValue ?? []).compactMap { name in
      name.stringValue.map { String($0.map { $0 == "_" ? " " : $0 }) }
    }
    guard json["num_classes"]?.integerValue == classNames.count else {
      throw fault("num_classes", "is not the number of class_names (\(classNames.count))")
    }
    let patch = json["patch_size_pixels"]?.integerValue ?? 0
    let spacing = json["spacing_um_px"]?.numberValue ?? 0
    var side = patch
    var mean = [0.0, 0, 0]
    var std = [1.0, 1, 1]
    for (index, transform) in (json["transform"]?.arrayValue ?? []).enumerated() {
      let key = "transform.\(index)"
      let arguments = transform["arguments"]
      switch transform["name"]?.stringValue {
      case "Resize":
        guard let size = arguments?["size"]?.integerValue ?? Self.square(arguments?["size"]), (8...2048).contains(size)
        else { throw fault("\(key).arguments.size", "must be a side in pixels, 8 to 2048") }
        side = size
      case "ToTensor": break
      case "Normalize":
        guard let means = arguments?["mean"]?.arrayValue?.compactMap(\.numberValue), means.count == 3,
          let deviations = arguments?["std"]?.arrayValue?.compactMap(\.numberValue), deviations.count == 3
        else { throw fault("\(key).arguments", "must hold mean and std, three numbers each") }
        (mean, std) = (means, deviations)
      default: throw fault("\(key).name", "must be Resize, ToTensor or Normalize")
      }
    }
    input = ClassifierCard.Input(
      sidePixels: side, mpp: spacing * Double(patch) / Double(side), mean: mean, std: std)
  }

  /// [224, 224] as 224.
  private static func square(_ value: JSONValue?) -> Int? {
    let sides = value?.arrayValue?.compactMap(\.integerValue) ?? []
    return sides.count == 2 && sides[0] == sides[1] ? sides[0] : nil
  }

  private static let compiled: JSONSchema? = {
    let schema = Schema.object([
      .required("spec_version", .string(enum: ["1.0"])),
      .required("architecture", .string(minLength: 1, maxLength: 100)),
      .required("num_classes", .integer(min: 2, max: 64)),
      .required("patch_size_pixels", .integer(min: 8, max: 4096)),
      .required("spacing_um_px", .number(min: 0.05, max: 32)),
      .required("class_names", .array(of: .string(pattern: "^[A-Za-z][A-Za-z0-9 _-]{0,34}$"), min: 2, max: 64)),
      .required(
        "transform",
        .array(
          of: .object([.required("name", .string()), .optional("arguments", .map(of: .any()))]), min: 1, max: 16)),
    ])
    return try? JSONSchema(schema.json)
  }()
}

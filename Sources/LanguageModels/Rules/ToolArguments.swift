// The arguments of a call, filled from what a part asks about by the tool's own input schema.
// What must stay true: an argument that cannot be filled is named, never guessed.

import Domain
import JSON

/// What a call is to be about.
struct CallTarget: Sendable, Hashable {
  var slide: EvidenceID?
  var region: EvidenceID?
  var rect: LevelZeroRect?
  /// A window size or a scale that the part asks for, in µm and µm per pixel.
  var windowMicrons: Double?
  var micronsPerPixel: Double?
  var template: String?
}

/// Why a call cannot be made.
struct UnfillableArgument: Error, Sendable, Hashable {
  var name: String
}

/// Fills arguments.
enum ToolArguments {
  /// The arguments of a tool for a target; values the schema does not know are left out.
  static func fill(_ manifest: ToolManifest, _ target: CallTarget) throws(UnfillableArgument) -> JSONValue {
    let schema = manifest.inputSchema
    let properties = schema["properties"]?.objectValue ?? [:]
    let required = Set(schema["required"]?.arrayValue?.compactMap(\.stringValue) ?? [])
    var arguments: [String: JSONValue] = [:]
    var target = target
    // A region is named by its id where the tool takes ids; its rectangle would say the same again.
    if target.region != nil, properties["region"] != nil || properties["regions"] != nil { target.rect = nil }
    for (name, property) in properties {
      if let value = value(name, property, target), JSONSchema.accepts(property, value, in: schema) {
        arguments[name] = value
      }
    }
    for name in required.sorted() where arguments[name] == nil {
      guard let fallback = fallback(properties[name]) else { throw UnfillableArgument(name: name) }
      arguments[name] = fallback
    }
    return .object(arguments)
  }

  /// Whether the tool takes an argument of that name.
  static func takes(_ manifest: ToolManifest, _ name: String) -> Bool {
    manifest.inputSchema["properties"]?[name] != nil
  }

  /// Whether the tool cannot be called without one of these.
  static func needs(_ manifest: ToolManifest, anyOf names: [String]) -> Bool {
    let required = manifest.inputSchema["required"]?.arrayValue?.compactMap(\.stringValue) ?? []
    return required.contains { names.contains($0) }
  }

  private static func value(_ name: String, _ property: JSONValue, _ target: CallTarget) -> JSONValue? {
    switch name {
    case "slide": return target.slide.map { .string($0.rawValue) }
    case "slides": return target.slide.map { [.string($0.rawValue)] }
    case "region": return target.region.map { .string($0.rawValue) }
    case "regions": return target.region.map { [.string($0.rawValue)] }
    case "rect": return target.rect.map { rect($0, property) }
    case "windowMicrons": return target.windowMicrons.map { .number($0) }
    case "micronsPerPixel": return target.micronsPerPixel.map { .number($0) }
    case "template": return target.template.map { .string($0) }
    default: return nil
    }
  }

  /// A rectangle as an object, an array, or text, whichever the schema asks for.
  private static func rect(_ rect: LevelZeroRect, _ property: JSONValue) -> JSONValue {
    let numbers: [JSONValue] = [rect.x, rect.y, rect.width, rect.height].map { .number(Double($0)) }
    switch property["type"]?.stringValue {
    case "array": return .array(numbers)
    case "string": return .string(rect.description)
    default: return ["x": numbers[0], "y": numbers[1], "width": numbers[2], "height": numbers[3]]
    }
  }

  /// What a schema itself offers: its default, its constant, or the only value it allows.
  private static func fallback(_ property: JSONValue?) -> JSONValue? {
    if let value = property?["default"] ?? property?["const"] { return value }
    if let values = property?["enum"]?.arrayValue, values.count == 1 { return values[0] }
    return nil
  }
}

extension JSONSchema {
  /// Whether a property's schema accepts a value; references inside it look in the whole document.
  fileprivate static func accepts(_ property: JSONValue, _ value: JSONValue, in document: JSONValue) -> Bool {
    guard var members = property.objectValue else { return property != .bool(false) }
    for key in ["$defs", "definitions"] { if let value = document[key] { members[key] = value } }
    guard let schema = try? JSONSchema(.object(members)) else { return false }
    return schema.accepts(value)
  }
}

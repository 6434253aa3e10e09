// The step's JSON Schema as a model is given it, and its reply as the daemon takes it.
// Servers make a grammar of the schema and write keys in the order of the text, which here is the alphabet's; a model
// should think before it acts. So the step's "thought" is called "about" on the wire.
// What must stay true: what comes back is checked by the daemon's own schema, whatever the server promised.

import JSON

/// Translates steps.
enum StepSchema {
  /// Words whose meaning servers of today turn into grammars without fail; all others are left out.
  private static let kept: Set<String> = [
    "type", "enum", "const", "properties", "required", "items", "minItems", "maxItems", "anyOf", "oneOf",
    "additionalProperties", "minLength", "maxLength",
  ]
  /// Longest thought, in characters.
  static let maxThoughtLength = 240

  /// The schema for a server: plain keywords only, `thought` renamed and required.
  static func forServer(_ schema: JSONValue) -> JSONValue {
    guard case .object(var members) = plain(schema), case .object(var properties)? = members["properties"],
      properties["act"] != nil
    else { return plain(schema) }
    properties["thought"] = nil
    properties["about"] = ["type": "string", "maxLength": .number(Double(maxThoughtLength))]
    members["properties"] = .object(properties)
    members["required"] = ["about", "act"]
    return .object(members)
  }

  /// A reply with `about` called `thought` again; nil when it is no JSON object.
  static func step(from reply: String) -> JSONValue? {
    guard let value = try? JSONValue.parse(reply, limits: limits), case .object(var members) = value else { return nil }
    if let thought = members.removeValue(forKey: "about"), members["thought"] == nil { members["thought"] = thought }
    return .object(members)
  }

  private static let limits = JSONLimits(maxBytes: 1 << 18, maxDepth: 24, maxValues: 20_000)

  private static func plain(_ schema: JSONValue) -> JSONValue {
    guard case .object(let members) = schema else { return schema }
    var result: [String: JSONValue] = [:]
    for (key, value) in members where kept.contains(key) {
      switch key {
      case "properties":
        guard case .object(let properties) = value else { continue }
        result[key] = .object(properties.mapValues { plain($0) })
      case "items", "additionalProperties": result[key] = plain(value)
      case "anyOf", "oneOf":
        guard case .array(let elements) = value else { continue }
        result["anyOf"] = .array(elements.map { plain($0) })
      default: result[key] = value
      }
    }
    return .object(result)
  }
}

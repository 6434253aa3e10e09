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
  /// Longest thought, in characters: a sentence, which is all that a step needs.
  static let maxThoughtLength = 120
  /// Longest text that a model is let write otherwise, in characters. Without such bounds a small model writes until its
  /// reply is cut off, and nothing of it can be used.
  static let maxTextLength = 400
  /// The most items of any list that a model is let write.
  static let maxItems = 16
  /// The most tokens of a step: an answer with two ids for each of sixteen parts takes about so many.
  static let maxTokens = 384

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

  /// Gives texts and lists an end that is near.
  private static func bound(_ members: inout [String: JSONValue]) {
    func least(_ key: String, _ most: Int) {
      if case .number(let stated)? = members[key], stated <= Double(most) { return }
      members[key] = .number(Double(most))
    }
    guard members["enum"] == nil, members["const"] == nil else { return }
    switch members["type"]?.stringValue {
    case "string": least("maxLength", maxTextLength)
    case "array": least("maxItems", maxItems)
    default: break
    }
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
    bound(&result)
    return .object(result)
  }
}

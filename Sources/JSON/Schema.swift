// A small language to declare JSON Schemas in Swift: methods of the API, tools, and steps are declared with it.
// What must stay true: everything it can say, JSONSchema can check; objects are closed unless said otherwise.

/// A JSON Schema being declared.
public struct Schema: Sendable, Hashable {
  /// The JSON Schema document.
  public let json: JSONValue

  /// A schema written by hand; `JSONSchema` checks it when it is compiled.
  public init(json: JSONValue) { self.json = json }

  /// A member of an object.
  public struct Property: Sendable, Hashable {
    /// The member's name.
    public let name: String
    /// What its value must be.
    public let schema: Schema
    /// Whether it must be there.
    public let isRequired: Bool

    /// A member that must be there.
    public static func required(_ name: String, _ schema: Schema) -> Property {
      Property(name: name, schema: schema, isRequired: true)
    }

    /// A member that may be left out.
    public static func optional(_ name: String, _ schema: Schema) -> Property {
      Property(name: name, schema: schema, isRequired: false)
    }
  }

  private init(_ type: String?, _ keywords: [String: JSONValue?], _ description: String?) {
    var members = keywords.compactMapValues { $0 }
    if let type { members["type"] = .string(type) }
    if let description { members["description"] = .string(description) }
    json = .object(members)
  }

  /// Text; lengths count code points, the pattern is not anchored.
  public static func string(
    minLength: Int? = nil, maxLength: Int? = nil, pattern: String? = nil, enum values: [String]? = nil,
    description: String? = nil
  ) -> Schema {
    Schema(
      "string",
      [
        "minLength": number(minLength), "maxLength": number(maxLength), "pattern": pattern.map(JSONValue.string),
        "enum": values.map { .array($0.map(JSONValue.string)) },
      ], description)
  }

  /// A whole number; the bounds belong to the range.
  public static func integer(min: Int? = nil, max: Int? = nil, description: String? = nil) -> Schema {
    Schema("integer", ["minimum": number(min), "maximum": number(max)], description)
  }

  /// A number; the bounds belong to the range.
  public static func number(min: Double? = nil, max: Double? = nil, description: String? = nil) -> Schema {
    Schema("number", ["minimum": min.map(JSONValue.number), "maximum": max.map(JSONValue.number)], description)
  }

  /// True or false.
  public static func boolean(description: String? = nil) -> Schema { Schema("boolean", [:], description) }

  /// Null.
  public static func null(description: String? = nil) -> Schema { Schema("null", [:], description) }

  /// One given value.
  public static func const(_ value: JSONValue, description: String? = nil) -> Schema {
    Schema(nil, ["const": value], description)
  }

  /// An array whose elements are all alike; `min` and `max` bound their number.
  public static func array(
    of element: Schema, min: Int? = nil, max: Int? = nil, unique: Bool = false, description: String? = nil
  ) -> Schema {
    Schema(
      "array",
      [
        "items": element.json, "minItems": number(min), "maxItems": number(max),
        "uniqueItems": unique ? .bool(true) : nil,
      ], description)
  }

  /// An object with these members, and with others only if `additional` says so.
  public static func object(_ properties: [Property], description: String? = nil, additional: Bool = false) -> Schema {
    let required = properties.filter(\.isRequired).map { JSONValue.string($0.name) }
    return Schema(
      "object",
      [
        "properties": .object(Dictionary(properties.map { ($0.name, $0.schema.json) }) { _, last in last }),
        "required": required.isEmpty ? nil : .array(required),
        "additionalProperties": additional ? nil : .bool(false),
      ], description)
  }

  /// An object with any keys, whose members are all alike.
  public static func map(of value: Schema, description: String? = nil) -> Schema {
    Schema("object", ["additionalProperties": value.json], description)
  }

  /// Any value.
  public static func any(description: String? = nil) -> Schema { Schema(nil, [:], description) }

  /// A value that exactly one of these accepts.
  public static func oneOf(_ alternatives: [Schema], description: String? = nil) -> Schema {
    Schema(nil, ["oneOf": .array(alternatives.map(\.json))], description)
  }

  /// A value that at least one of these accepts.
  public static func anyOf(_ alternatives: [Schema], description: String? = nil) -> Schema {
    Schema(nil, ["anyOf": .array(alternatives.map(\.json))], description)
  }

  /// What `defining` has put under this name.
  public static func ref(_ name: String) -> Schema {
    Schema(nil, ["$ref": .string("#/$defs/" + JSONPointer.escape(name))], nil)
  }

  /// This schema, with others that `ref` can name; only at the top of a document.
  public func defining(_ definitions: [String: Schema]) -> Schema {
    guard case .object(var members) = json else { return self }
    members["$defs"] = .object(definitions.mapValues(\.json))
    return Schema(json: .object(members))
  }

  private static func number(_ value: Int?) -> JSONValue? { value.map { .number(Double($0)) } }
}

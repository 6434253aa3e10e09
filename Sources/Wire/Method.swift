// A method of the API is one declared value: its name, what it does, its parameters and its result. Decoding,
// `schemas/`, `server/discover` and docs/rpc.md all come from it.
// What must stay true: a new method is declared in one of the *Methods.swift files and listed in `Methods.all`;
// then `make schemas` writes its schema and its page.

public import Domain
public import JSON

/// A type that travels, with the schema of its JSON form.
public protocol WireType: Codable, Sendable {
  /// JSON Schema of the form that Codable gives it.
  static var schema: Schema { get }
}

/// One method of the API.
public struct Method<Params: WireType, Result: WireType>: Sendable {
  /// `noun/verb`.
  public let name: String
  /// One sentence for the reference page.
  public let summary: String
  /// The error ids it gives beside the `protocol.…` ones.
  public let errors: [ErrorID]
  /// An example of its parameters; checked against the schema by a test.
  public let example: JSONValue

  public init(_ name: String, _ summary: String, errors: [ErrorID] = [], example: JSONValue) {
    self.name = name
    self.summary = summary
    self.errors = errors
    self.example = example
  }

  /// Reads parameters: valid by the schema, then decoded. Throws `protocol.params` that names the place.
  public func decodeParams(_ params: JSONValue) throws(VPathError) -> Params {
    try Wire.decode(Params.self, params, what: "The parameters of \(name)")
  }

  /// Reads a result in the same way.
  public func decodeResult(_ result: JSONValue) throws(VPathError) -> Result {
    try Wire.decode(Result.self, result, what: "The result of \(name)")
  }

  /// The declaration without its types.
  public var erased: DeclaredMethod {
    DeclaredMethod(
      name: name, summary: summary, errors: errors, example: example, params: Params.schema.json,
      result: Result.schema.json)
  }
}

/// A method's declaration as data.
public struct DeclaredMethod: Sendable, Hashable {
  public let name: String
  public let summary: String
  public let errors: [ErrorID]
  public let example: JSONValue
  public let params: JSONValue
  public let result: JSONValue
}

/// Checks a value against its type's schema and decodes it.
func decode<T: WireType>(_ type: T.Type, _ value: JSONValue, what: String) throws(VPathError) -> T {
  let schema: JSONSchema
  do {
    schema = try JSONSchema(T.schema.json)
  } catch {
    throw VPathError(.internalBug, "The schema of \(T.self) is wrong: \(error). Please report it.")
  }
  let violations = schema.validate(value)
  guard violations.isEmpty else {
    let shown = violations.prefix(3).map { "\($0.pointer.isEmpty ? "/" : $0.pointer): \($0.message)" }
    throw VPathError(
      .protocolParams, "\(what) do not match the schema: \(shown.joined(separator: "; ")).",
      subject: violations[0].pointer)
  }
  do {
    return try decodeJSON(T.self, from: value)
  } catch {
    throw VPathError(.protocolParams, "\(what): \(error.message).", subject: error.path)
  }
}

/// No parameters, or nothing to say.
public struct Empty: WireType {
  public init() {}
  public static var schema: Schema { .object([]) }
}

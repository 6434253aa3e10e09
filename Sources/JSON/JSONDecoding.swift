// From JSON to Swift values: a Decoder that reads a JSONValue, without text in between.
// What must stay true: every error names the place as a JSON pointer, the value met, and what was expected. Keys
// that a type does not read are passed over; where they must not be, validate with a schema first.

/// The value a JSON stands for by its Codable conformance.
public func decodeJSON<T: Decodable>(_ type: T.Type, from value: JSONValue) throws(JSONError) -> T {
  do {
    return try TreeDecoder(value: value, codingPath: []).decode(type)
  } catch let error as JSONError {
    throw error
  } catch {
    throw JSONError(.typeMismatch, "\(error)", path: "")
  }
}

/// Reads one value.
private struct TreeDecoder: Decoder {
  let value: JSONValue
  let codingPath: [any CodingKey]
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func mismatch(_ expected: String) -> JSONError {
    JSONError(.typeMismatch, "met \(value.shortened()); expected \(expected)", path: pointer(codingPath))
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard case .object(let members) = value else { throw mismatch("an object") }
    return KeyedDecodingContainer(KeyedTree(decoder: self, members: members))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard case .array(let elements) = value else { throw mismatch("an array") }
    return UnkeyedTree(decoder: self, elements: elements)
  }

  func singleValueContainer() -> any SingleValueDecodingContainer { self }

  func integer<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
    guard case .number(let number) = value else { throw mismatch("an integer") }
    guard let integer = T(exactly: number), number.magnitude <= JSONValue.maxInteger else {
      throw mismatch(
        number.rounded() == number ? "an integer from \(T.min) to \(T.max), at most 2^53" : "an integer")
    }
    return integer
  }

  /// Decodes, and gives errors that types throw on their own the place where it happened.
  func decode<T: Decodable>(_ type: T.Type) throws -> T {
    if type == JSONValue.self, let passed = value as? T { return passed }
    do {
      return try T(from: self)
    } catch let error as JSONError {
      if error.path != nil { throw error }
      throw JSONError(
        error.code, error.message, line: error.line, column: error.column, byte: error.byte, path: pointer(codingPath))
    } catch let error as DecodingError {
      throw JSONError(error)
    } catch {
      throw JSONError(.typeMismatch, "\(error)", path: pointer(codingPath))
    }
  }

  func child(_ value: JSONValue, _ key: any CodingKey) -> TreeDecoder {
    TreeDecoder(value: value, codingPath: codingPath + [key])
  }
}

extension JSONError {
  /// What a type's own initializer threw.
  fileprivate init(_ error: DecodingError) {
    switch error {
    case .keyNotFound(let key, let context):
      self.init(
        .missingKey, "the key \"\(key.stringValue)\" is missing", path: pointer(context.codingPath + [key]))
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
      self.init(.typeMismatch, context.debugDescription, path: pointer(context.codingPath))
    @unknown default: self.init(.typeMismatch, "\(error)", path: "")
    }
  }
}

extension TreeDecoder: SingleValueDecodingContainer {
  func decodeNil() -> Bool { value == .null }
  func decode(_ type: Bool.Type) throws -> Bool {
    guard case .bool(let truth) = value else { throw mismatch("true or false") }
    return truth
  }
  func decode(_ type: String.Type) throws -> String {
    guard case .string(let text) = value else { throw mismatch("a string") }
    return text
  }
  func decode(_ type: Double.Type) throws -> Double {
    guard case .number(let number) = value else { throw mismatch("a number") }
    return number
  }
  func decode(_ type: Float.Type) throws -> Float {
    let number = Float(try decode(Double.self))
    guard number.isFinite else { throw mismatch("a number that fits 32 bits") }
    return number
  }
  func decode(_ type: Int.Type) throws -> Int { try integer(type) }
  func decode(_ type: Int8.Type) throws -> Int8 { try integer(type) }
  func decode(_ type: Int16.Type) throws -> Int16 { try integer(type) }
  func decode(_ type: Int32.Type) throws -> Int32 { try integer(type) }
  func decode(_ type: Int64.Type) throws -> Int64 { try integer(type) }
  func decode(_ type: UInt.Type) throws -> UInt { try integer(type) }
  func decode(_ type: UInt8.Type) throws -> UInt8 { try integer(type) }
  func decode(_ type: UInt16.Type) throws -> UInt16 { try integer(type) }
  func decode(_ type: UInt32.Type) throws -> UInt32 { try integer(type) }
  func decode(_ type: UInt64.Type) throws -> UInt64 { try integer(type) }
}

private struct KeyedTree<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let decoder: TreeDecoder
  let members: [String: JSONValue]
  var codingPath: [any CodingKey] { decoder.codingPath }
  var allKeys: [Key] { members.keys.compactMap(Key.init(stringValue:)) }

  private func at(_ key: some CodingKey) throws -> TreeDecoder {
    guard let member = members[key.stringValue] else {
      throw JSONError(
        .missingKey, "the key \"\(key.stringValue)\" is missing", path: pointer(codingPath + [key]))
    }
    return decoder.child(member, key)
  }

  func contains(_ key: Key) -> Bool { members[key.stringValue] != nil }
  func decodeNil(forKey key: Key) throws -> Bool { try at(key).decodeNil() }
  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try at(key).decode(type) }
  func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws
    -> KeyedDecodingContainer<Nested>
  { try at(key).container(keyedBy: type) }
  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try at(key).unkeyedContainer()
  }
  func superDecoder() throws -> any Decoder {
    decoder.child(members[CodingStep.super.stringValue] ?? .null, CodingStep.super)
  }
  func superDecoder(forKey key: Key) throws -> any Decoder { decoder.child(members[key.stringValue] ?? .null, key) }
}

private struct UnkeyedTree: UnkeyedDecodingContainer {
  let decoder: TreeDecoder
  let elements: [JSONValue]
  var currentIndex = 0

  init(decoder: TreeDecoder, elements: [JSONValue]) {
    self.decoder = decoder
    self.elements = elements
  }

  var codingPath: [any CodingKey] { decoder.codingPath }
  var count: Int? { elements.count }
  var isAtEnd: Bool { currentIndex >= elements.count }

  private func current() throws -> TreeDecoder {
    let step = CodingStep(currentIndex)
    guard !isAtEnd else {
      throw JSONError(
        .missingKey, "the array has only \(elements.count) elements", path: pointer(codingPath + [step]))
    }
    return decoder.child(elements[currentIndex], step)
  }

  mutating func decodeNil() throws -> Bool {
    guard try current().decodeNil() else { return false }
    currentIndex += 1
    return true
  }
  mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
    let value = try current().decode(type)
    currentIndex += 1
    return value
  }
  mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws -> KeyedDecodingContainer<Nested> {
    let container = try current().container(keyedBy: type)
    currentIndex += 1
    return container
  }
  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    let container = try current().unkeyedContainer()
    currentIndex += 1
    return container
  }
  mutating func superDecoder() throws -> any Decoder {
    let decoder = try current()
    currentIndex += 1
    return decoder
  }
}

extension JSONValue: Codable {
  /// Passes through this room's own decoder as it is; from any other, whatever that decoder holds.
  public init(from decoder: any Decoder) throws {
    if let own = decoder as? TreeDecoder {
      self = own.value
    } else if let members = try? decoder.container(keyedBy: CodingStep.self) {
      self = .object(
        try members.allKeys.reduce(into: [:]) { $0[$1.stringValue] = try members.decode(JSONValue.self, forKey: $1) })
    } else if var elements = try? decoder.unkeyedContainer() {
      var values: [JSONValue] = []
      while !elements.isAtEnd { values.append(try elements.decode(JSONValue.self)) }
      self = .array(values)
    } else {
      let single = try decoder.singleValueContainer()
      if single.decodeNil() {
        self = .null
      } else if let truth = try? single.decode(Bool.self) {
        self = .bool(truth)
      } else if let number = try? single.decode(Double.self) {
        self = .number(number)
      } else {
        self = .string(try single.decode(String.self))
      }
    }
  }

  /// Passes through this room's own encoder as it is; into any other, piece by piece.
  public func encode(to encoder: any Encoder) throws {
    switch self {
    case .null:
      var container = encoder.singleValueContainer()
      try container.encodeNil()
    case .bool(let truth):
      var container = encoder.singleValueContainer()
      try container.encode(truth)
    case .number(let number):
      var container = encoder.singleValueContainer()
      try container.encode(number)
    case .string(let text):
      var container = encoder.singleValueContainer()
      try container.encode(text)
    case .array(let elements):
      var container = encoder.unkeyedContainer()
      for element in elements { try container.encode(element) }
    case .object(let members):
      var container = encoder.container(keyedBy: CodingStep.self)
      for (key, member) in members { try container.encode(member, forKey: CodingStep(stringValue: key)) }
    }
  }
}

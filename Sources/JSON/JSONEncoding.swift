// From Swift values to JSON: an Encoder whose output is a JSONValue, without text in between.
// What must stay true: what is encoded here passes the rules that parsing checks (finite numbers, no integer beyond
// 2^53), so that it can be written, hashed and read again. A type may ask for several containers of one kind on
// the same encoder; their keys go into one object.

/// The JSON of a value by its Codable conformance. An optional that is nil leaves its key out.
public func encodeJSON(_ value: some Encodable) throws(JSONError) -> JSONValue {
  if let json = value as? JSONValue { return try checked(json) }
  let slot = EncodingSlot()
  do {
    try TreeEncoder(slot: slot, codingPath: []).encode(value)
    return slot.json ?? .object([:])
  } catch let error as JSONError {
    throw error
  } catch let error as EncodingError {
    guard case .invalidValue(_, let context) = error else {
      throw JSONError(.typeMismatch, "the value cannot be encoded")
    }
    throw JSONError(.typeMismatch, context.debugDescription, path: pointer(context.codingPath))
  } catch {
    throw JSONError(.typeMismatch, "the value cannot be encoded: \(error)")
  }
}

/// The pointer that a coding path spells.
func pointer(_ path: [any CodingKey]) -> String {
  JSONPointer(path.map { key in key.intValue.map(String.init) ?? key.stringValue }).description
}

/// Refuses numbers that must not be in JSON here, in a value made by hand.
private func checked(_ json: JSONValue, _ path: [String] = []) throws(JSONError) -> JSONValue {
  switch json {
  case .number(let number): return try numberJSON(number) { JSONPointer(path).description }
  case .array(let elements):
    for (index, element) in elements.enumerated() { _ = try checked(element, path + [String(index)]) }
  case .object(let members):
    for (key, member) in members {
      try checkKey(key) { JSONPointer(path).description }
      _ = try checked(member, path + [key])
    }
  default: break
  }
  return json
}

private func numberJSON(_ number: Double, _ path: () -> String) throws(JSONError) -> JSONValue {
  guard number.isFinite else {
    throw JSONError(.notFinite, "the number \(number) is not finite, which JSON cannot hold", path: path())
  }
  guard JSONValue.isAcceptable(number) else {
    throw JSONError(.numberOverflow, "the number \(number) \(JSONValue.integerAdvice)", path: path())
  }
  return .number(number == 0 ? 0 : number)
}

private func checkKey(_ key: String, _ path: () -> String) throws(JSONError) {
  if key.utf8.contains(0) { throw JSONError(.syntax, "a key holds the character U+0000", path: path()) }
}

/// What has been encoded at one place so far.
private final class EncodingSlot {
  enum Content {
    case empty
    case leaf(JSONValue)
    case array([EncodingSlot])
    case object([String: EncodingSlot])
  }

  var content = Content.empty

  /// Nil when nothing was encoded here.
  var json: JSONValue? {
    switch content {
    case .empty: nil
    case .leaf(let value): value
    case .array(let slots): .array(slots.map { $0.json ?? .object([:]) })
    case .object(let slots): .object(slots.mapValues { $0.json ?? .object([:]) })
    }
  }

  func member(_ key: String) -> EncodingSlot {
    let slot = EncodingSlot()
    if case .object(var slots) = content {
      content = .empty
      slots[key] = slot
      content = .object(slots)
    } else {
      content = .object([key: slot])
    }
    return slot
  }

  func element() -> EncodingSlot {
    let slot = EncodingSlot()
    if case .array(var slots) = content {
      content = .empty
      slots.append(slot)
      content = .array(slots)
    } else {
      content = .array([slot])
    }
    return slot
  }
}

private struct TreeEncoder: Encoder {
  let slot: EncodingSlot
  let codingPath: [any CodingKey]
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    if case .object = slot.content {} else { slot.content = .object([:]) }
    return KeyedEncodingContainer(KeyedTree(encoder: self))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    if case .array = slot.content {} else { slot.content = .array([]) }
    return UnkeyedTree(encoder: self)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { self }

  func child(_ slot: EncodingSlot, _ key: any CodingKey) -> TreeEncoder {
    TreeEncoder(slot: slot, codingPath: codingPath + [key])
  }

  func set(_ value: JSONValue) { slot.content = .leaf(value) }

  func setInteger(_ value: some BinaryInteger) throws {
    guard let number = Double(exactly: value), number.magnitude <= JSONValue.maxInteger else {
      throw JSONError(.numberOverflow, "the number \(value) \(JSONValue.integerAdvice)", path: pointer(codingPath))
    }
    set(.number(number))
  }

  func setNumber(_ value: Double) throws { set(try numberJSON(value) { pointer(codingPath) }) }

  func encode(_ value: some Encodable) throws {
    switch value {
    case let json as JSONValue:
      set(try checked(json, codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }))
    case let text as String: set(.string(text))
    default: try value.encode(to: self)
    }
  }
}

extension TreeEncoder: SingleValueEncodingContainer {
  func encodeNil() throws { set(.null) }
  func encode(_ value: Bool) throws { set(.bool(value)) }
  func encode(_ value: String) throws { set(.string(value)) }
  func encode(_ value: Double) throws { try setNumber(value) }
  func encode(_ value: Float) throws { try setNumber(Double(value)) }
  func encode(_ value: Int) throws { try setInteger(value) }
  func encode(_ value: Int8) throws { try setInteger(value) }
  func encode(_ value: Int16) throws { try setInteger(value) }
  func encode(_ value: Int32) throws { try setInteger(value) }
  func encode(_ value: Int64) throws { try setInteger(value) }
  func encode(_ value: UInt) throws { try setInteger(value) }
  func encode(_ value: UInt8) throws { try setInteger(value) }
  func encode(_ value: UInt16) throws { try setInteger(value) }
  func encode(_ value: UInt32) throws { try setInteger(value) }
  func encode(_ value: UInt64) throws { try setInteger(value) }
}

private struct KeyedTree<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let encoder: TreeEncoder
  var codingPath: [any CodingKey] { encoder.codingPath }

  private func at(_ key: some CodingKey) throws -> TreeEncoder {
    try checkKey(key.stringValue) { pointer(codingPath) }
    return encoder.child(encoder.slot.member(key.stringValue), key)
  }

  func encodeNil(forKey key: Key) throws { try at(key).encodeNil() }
  func encode(_ value: some Encodable, forKey key: Key) throws { try at(key).encode(value) }
  func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<Nested>
  {
    encoder.child(encoder.slot.member(key.stringValue), key).container(keyedBy: type)
  }
  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    encoder.child(encoder.slot.member(key.stringValue), key).unkeyedContainer()
  }
  func superEncoder() -> any Encoder { encoder.child(encoder.slot.member("super"), CodingStep.super) }
  func superEncoder(forKey key: Key) -> any Encoder { encoder.child(encoder.slot.member(key.stringValue), key) }
}

private struct UnkeyedTree: UnkeyedEncodingContainer {
  let encoder: TreeEncoder
  var codingPath: [any CodingKey] { encoder.codingPath }
  var count: Int {
    if case .array(let slots) = encoder.slot.content { return slots.count }
    return 0
  }

  private func next() -> TreeEncoder {
    let index = count
    return encoder.child(encoder.slot.element(), CodingStep(index))
  }

  func encodeNil() throws { try next().encodeNil() }
  func encode(_ value: some Encodable) throws { try next().encode(value) }
  func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
    next().container(keyedBy: type)
  }
  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { next().unkeyedContainer() }
  func superEncoder() -> any Encoder { next() }
}

/// A step of a coding path that no type declares: an index, a dictionary's key, or `super`.
struct CodingStep: CodingKey {
  let stringValue: String
  let intValue: Int?

  init(stringValue: String) {
    self.stringValue = stringValue
    intValue = nil
  }
  init(intValue: Int) { self.init(intValue) }
  init(_ index: Int) {
    stringValue = String(index)
    intValue = index
  }

  static let `super` = CodingStep(stringValue: "super")
}

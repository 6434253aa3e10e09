// From bytes to a JSONValue, through jansson.
// What must stay true: any bytes give a value or an error with a place, in time and memory that grow linearly
// with them; the depth is checked before jansson or our own recursion can feel it.
// A number is refused when it is not finite or when its canonical form is an integer beyond 2^53 (however it is
// spelled): so no integer is ever rounded silently, and every canonical text can be read again.

import CJansson

extension JSONValue {
  /// The value that UTF-8 bytes spell. Any value may stand at the top.
  public static func parse(_ bytes: [UInt8], limits: JSONLimits = .standard) throws(JSONError) -> JSONValue {
    let result = bytes.withUnsafeBytes { buffer in
      Result { () throws(JSONError) in try parse(buffer, limits: limits) }
    }
    return try result.get()
  }

  /// The value that UTF-8 bytes spell. Any value may stand at the top.
  public static func parse(_ bytes: some Collection<UInt8>, limits: JSONLimits = .standard) throws(JSONError)
    -> JSONValue
  {
    guard bytes.count <= limits.maxBytes else { throw tooLarge(bytes.count, limits) }
    return try parse(Array(bytes), limits: limits)
  }

  /// The value that a text spells. Any value may stand at the top.
  public static func parse(_ text: String, limits: JSONLimits = .standard) throws(JSONError) -> JSONValue {
    guard text.utf8.count <= limits.maxBytes else { throw tooLarge(text.utf8.count, limits) }
    return try parse(Array(text.utf8), limits: limits)
  }

  /// The value that UTF-8 bytes spell. Any value may stand at the top.
  public static func parse(_ bytes: UnsafeRawBufferPointer, limits: JSONLimits = .standard) throws(JSONError)
    -> JSONValue
  {
    guard bytes.count <= limits.maxBytes else { throw tooLarge(bytes.count, limits) }
    guard let start = bytes.baseAddress, !bytes.isEmpty else {
      throw JSONError(.syntax, "the text is empty; expected a JSON value", line: 1, column: 0, byte: 0)
    }
    if start.load(as: UInt8.self) == 0xEF, bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      throw JSONError(.syntax, "a byte order mark before the value; leave it out", line: 1, column: 1, byte: 3)
    }
    try checkShape(bytes, limits)

    var found = json_error_t()
    let flags = Int(JSON_REJECT_DUPLICATES) | Int(JSON_DECODE_ANY) | Int(JSON_ALLOW_NUL)
    let characters = start.assumingMemoryBound(to: CChar.self)
    guard let root = json_loadb(characters, bytes.count, flags, &found) else { throw JSONError(found) }
    defer { json_decref(root) }
    return try JSONValue(root)
  }

  private static func tooLarge(_ count: Int, _ limits: JSONLimits) -> JSONError {
    JSONError(.tooLarge, "\(count) bytes of JSON; at most \(limits.maxBytes) are accepted")
  }

  /// Counts depth and values without building anything. Text that is no JSON may pass; jansson stops there.
  private static func checkShape(_ bytes: UnsafeRawBufferPointer, _ limits: JSONLimits) throws(JSONError) {
    let maxDepth = min(limits.maxDepth, 512)
    var depth = 0
    var values = 1
    var inString = false
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      if inString {
        if byte == UInt8(ascii: "\\") {
          index += 1
        } else if byte == UInt8(ascii: "\"") {
          inString = false
        }
      } else {
        switch byte {
        case UInt8(ascii: "\""): inString = true
        case UInt8(ascii: "["), UInt8(ascii: "{"):
          depth += 1
          values += 1
          if depth > maxDepth {
            throw error(
              .tooDeep, "more than \(maxDepth) arrays and objects inside one another", at: index, of: bytes)
          }
        case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
        case UInt8(ascii: ","): values += 1
        default: break
        }
        if values > limits.maxValues {
          throw error(.tooLarge, "more than \(limits.maxValues) values", at: index, of: bytes)
        }
      }
      index += 1
    }
  }

  private static func error(
    _ code: JSONError.Code, _ message: String, at index: Int, of bytes: UnsafeRawBufferPointer
  ) -> JSONError {
    let before = bytes[...index]
    let line = 1 + before.count { $0 == 0x0A }
    let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    // Continuation bytes do not begin a code point.
    let column = before[lineStart...].count { $0 & 0xC0 != 0x80 }
    return JSONError(code, message, line: line, column: column, byte: index + 1)
  }
}

extension JSONError {
  /// jansson's error; the text near the place is left out when it is a string of the stranger's.
  fileprivate init(_ found: json_error_t) {
    let bytes = withUnsafeBytes(of: found.text) { Array($0) }
    let end = bytes.firstIndex(of: 0) ?? bytes.count
    var message = String(decoding: bytes[..<end], as: UTF8.self)
    if let near = message.firstRange(of: " near "), message[near.upperBound...].contains("\"") {
      message = String(message[..<near.lowerBound])
    }
    // jansson keeps its code in the last byte of the text.
    let code: Code =
      switch json_error_code(rawValue: UInt32(bytes.last ?? 0)) {
      case json_error_duplicate_key: .duplicateKey
      case json_error_numeric_overflow: .numberOverflow
      case json_error_stack_overflow: .tooDeep
      case json_error_out_of_memory: .tooLarge
      case json_error_invalid_utf8: .invalidUTF8
      default: .syntax
      }
    self.init(
      code, message, line: Int(found.line), column: Int(found.column), byte: Int(found.position))
  }
}

extension JSONValue {
  /// The greatest integer a Double holds together with all smaller ones: 2^53.
  static let maxInteger = 9_007_199_254_740_992.0

  /// Whether the number may be a JSON number here: finite, and not an integer beyond 2^53 in canonical form.
  static func isAcceptable(_ number: Double) -> Bool {
    number.isFinite && (abs(number) <= maxInteger || abs(number) >= 1e21)
  }

  static let integerAdvice = "is an integer beyond 2^53, which would be rounded; write it as a string"

  /// A copy of what jansson parsed. Recursion is bounded by the depth checked before.
  fileprivate init(_ node: UnsafeMutablePointer<json_t>) throws(JSONError) {
    switch node.pointee.type {
    case JSON_NULL: self = .null
    case JSON_TRUE: self = .bool(true)
    case JSON_FALSE: self = .bool(false)
    case JSON_STRING: self = .string(text(json_string_value(node), json_string_length(node)))
    case JSON_INTEGER:
      let integer = json_integer_value(node)
      guard integer.magnitude <= UInt64(JSONValue.maxInteger) else {
        throw JSONError(.numberOverflow, "the number \(integer) \(JSONValue.integerAdvice)")
      }
      self = .number(Double(integer))
    case JSON_REAL:
      let real = json_real_value(node)
      guard JSONValue.isAcceptable(real) else {
        throw JSONError(.numberOverflow, "the number \(real) \(JSONValue.integerAdvice)")
      }
      self = .number(real == 0 ? 0 : real)
    case JSON_ARRAY:
      let count = json_array_size(node)
      var elements: [JSONValue] = []
      elements.reserveCapacity(count)
      for index in 0..<count {
        guard let element = json_array_get(node, index) else { break }
        elements.append(try JSONValue(element))
      }
      self = .array(elements)
    case JSON_OBJECT:
      var members: [String: JSONValue] = [:]
      members.reserveCapacity(json_object_size(node))
      var iterator = json_object_iter(node)
      while let current = iterator {
        guard let keyBytes = json_object_iter_key(current), let member = json_object_iter_value(current) else { break }
        let key = text(keyBytes, json_object_iter_key_len(current))
        // Swift holds two spellings of one character for the same text, jansson does not.
        if members.updateValue(try JSONValue(member), forKey: key) != nil {
          throw JSONError(.duplicateKey, "two keys of an object differ only in how a character is composed")
        }
        iterator = json_object_iter_next(node, current)
      }
      self = .object(members)
    default: throw JSONError(.syntax, "jansson gave a value of no known type")
    }
  }
}

/// UTF-8 that jansson has checked, as a String.
private func text(_ start: UnsafePointer<CChar>?, _ count: Int) -> String {
  guard let start else { return "" }
  return String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
}

// Reads a schema document into nodes.
// What must stay true: a node is made once for each place in the document that is reached, so circles through
// `$ref` end; every value of a keyword is checked for its own form.

/// Keywords by what is done with them.
private enum Vocabulary {
  static let assertions: Set<String> = [
    "type", "enum", "const", "properties", "required", "additionalProperties", "patternProperties", "propertyNames",
    "minProperties", "maxProperties", "dependentRequired", "dependentSchemas", "items", "prefixItems", "contains",
    "minContains", "maxContains", "minItems", "maxItems", "uniqueItems", "minLength", "maxLength", "pattern",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "allOf", "anyOf", "oneOf", "not",
    "if", "then", "else", "$ref",
  ]
  /// `format` and `content…` are annotations in 2020-12 unless a vocabulary says otherwise.
  static let annotations: Set<String> = [
    "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "format", "$comment",
    "$schema", "$defs", "definitions", "contentEncoding", "contentMediaType", "contentSchema",
  ]
}

struct SchemaCompiler {
  let document: JSONValue
  let limits: SchemaLimits
  private var nodes: [SchemaNode] = []
  private var indexOfPointer: [JSONPointer: Int] = [:]
  private var patternCount = 0

  init(document: JSONValue, limits: SchemaLimits) {
    self.document = document
    self.limits = limits
  }

  mutating func compile() throws(SchemaError) -> [SchemaNode] {
    _ = try node(document, at: JSONPointer(), depth: 0)
    return nodes
  }

  /// The index of the schema at a place, made when it is met first.
  private mutating func node(_ schema: JSONValue, at place: JSONPointer, depth: Int) throws(SchemaError) -> Int {
    if let index = indexOfPointer[place] { return index }
    guard nodes.count < limits.maxSchemas else {
      throw error(place, "", "more than \(limits.maxSchemas) subschemas")
    }
    guard depth <= limits.maxDepth else {
      throw error(place, "", "more than \(limits.maxDepth) subschemas inside one another")
    }
    let index = nodes.count
    indexOfPointer[place] = index
    nodes.append(.never)
    switch schema {
    case .bool(let truth): nodes[index] = truth ? .all([]) : .never
    case .object(let members):
      var reader = KeywordReader(members: members, place: place, depth: depth)
      nodes[index] = .all(try assertions(&reader))
    default: throw error(place, "", "met \(schema.shortened()); a schema is an object, true or false")
    }
    return index
  }

  private func error(_ place: JSONPointer, _ keyword: String, _ message: String) -> SchemaError {
    SchemaError(pointer: place.description, keyword: keyword, message: message)
  }

  private mutating func assertions(_ reader: inout KeywordReader) throws(SchemaError) -> [SchemaAssertion] {
    for keyword in reader.members.keys.sorted() { try accept(keyword, reader) }
    var found: [SchemaAssertion] = []
    try readValues(reader, into: &found)
    try readSizesAndBounds(reader, into: &found)
    try readArrays(reader, into: &found)
    try readObjects(reader, into: &found)
    try readCombinations(reader, into: &found)
    return found
  }

  private func accept(_ keyword: String, _ reader: KeywordReader) throws(SchemaError) {
    if Vocabulary.assertions.contains(keyword) || Vocabulary.annotations.contains(keyword) { return }
    if keyword.hasPrefix("x-") { return }
    if keyword == "$id" {
      if reader.place.tokens.isEmpty { return }
      throw reader.error(keyword, "$id below the top changes what $ref means, which is not supported; leave it out")
    }
    throw reader.error(
      keyword, "the keyword \"\(keyword)\" is not supported; leave it out (or start it with x- if it only annotates)")
  }

  private mutating func readValues(_ reader: KeywordReader, into found: inout [SchemaAssertion]) throws(SchemaError) {
    switch reader.members["type"] {
    case nil: break
    case .string(let name): found.append(.type([try reader.type(name)]))
    case .array(let names):
      var types: [SchemaType] = []
      for name in names { types.append(try reader.type(name.stringValue ?? name.shortened())) }
      guard !types.isEmpty, Set(types).count == types.count else {
        throw reader.error("type", "type must name at least one type, each once")
      }
      found.append(.type(types))
    case .some(let other): throw reader.error("type", "met \(other.shortened()); type is a name or an array of names")
    }
    if let value = reader.members["const"] {
      found.append(.oneOfValues(keyword: "const", [value.canonicalBytes()], value.shortened()))
    }
    if let values = try reader.array("enum") {
      let text = values.count <= 12 ? values.map { $0.shortened(to: 40) }.joined(separator: ", ") : ""
      found.append(
        .oneOfValues(
          keyword: "enum", Set(values.map { $0.canonicalBytes() }),
          text.isEmpty || text.count > 400 ? "one of \(values.count) given values" : "one of \(text)"))
    }
    if let source = try reader.string("pattern") { found.append(.pattern(try pattern(source, reader, "pattern"))) }
  }

  private mutating func pattern(_ source: String, _ reader: KeywordReader, _ keyword: String) throws(SchemaError)
    -> SchemaPattern
  {
    patternCount += 1
    guard patternCount <= limits.maxPatterns else {
      throw reader.error(keyword, "more than \(limits.maxPatterns) patterns")
    }
    do {
      return try SchemaPattern(source)
    } catch {
      throw reader.error(keyword, "met the pattern \(JSONValue.string(source).shortened()): \(error.message)")
    }
  }

  private func readSizesAndBounds(_ reader: KeywordReader, into found: inout [SchemaAssertion]) throws(SchemaError) {
    for (suffix, measure) in [("Length", SchemaSize.Measure.length), ("Items", .items), ("Properties", .properties)] {
      for isMinimum in [true, false] {
        let keyword = (isMinimum ? "min" : "max") + suffix
        guard let limit = try reader.count(keyword) else { continue }
        found.append(.size(SchemaSize(keyword: keyword, measure: measure, isMinimum: isMinimum, limit: limit)))
      }
    }
    for keyword in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
      if let limit = try reader.number(keyword) { found.append(.bound(SchemaBound(keyword: keyword, limit: limit))) }
    }
    if let divisor = try reader.number("multipleOf") {
      guard divisor > 0 else { throw reader.error("multipleOf", "met \(divisor); multipleOf is a number above 0") }
      found.append(.multipleOf(DecimalNumber(divisor), divisor))
    }
  }

  private mutating func readArrays(_ reader: KeywordReader, into found: inout [SchemaAssertion]) throws(SchemaError) {
    if try reader.bool("uniqueItems") == true { found.append(.uniqueItems) }
    if case .array = reader.members["items"] {
      throw reader.error("items", "items is one schema in 2020-12; write prefixItems for a schema of each place")
    }
    let prefix = try schemas("prefixItems", reader)
    let rest = try schema("items", reader)
    if prefix != nil || rest != nil { found.append(.items(prefix: prefix ?? [], rest: rest)) }
    let min = try reader.count("minContains")
    let max = try reader.count("maxContains")
    if let index = try schema("contains", reader) {
      found.append(.contains(index, min: Int(min ?? 1), max: max.map { Int($0) }))
    }
  }

  private mutating func readObjects(_ reader: KeywordReader, into found: inout [SchemaAssertion]) throws(SchemaError) {
    if let names = try reader.names("required"), !names.isEmpty { found.append(.required(names)) }
    if let lists = try reader.object("dependentRequired") {
      var required: [String: [String]] = [:]
      for (key, list) in lists {
        guard let names = reader.names(list) else {
          throw reader.error("dependentRequired", "each member of dependentRequired is an array of distinct names")
        }
        required[key] = names
      }
      found.append(.dependentRequired(required))
    }
    if let schemas = try schemasByName("dependentSchemas", reader) { found.append(.dependentSchemas(schemas)) }
    if let names = try schema("propertyNames", reader) { found.append(.propertyNames(names)) }

    let properties = try schemasByName("properties", reader)
    var patterns: [(SchemaPattern, Int)] = []
    let byPattern = try schemasByName("patternProperties", reader)
    for (source, index) in (byPattern ?? [:]).sorted(by: { $0.key < $1.key }) {
      patterns.append((try pattern(source, reader, "patternProperties"), index))
    }
    let additional = try schema("additionalProperties", reader)
    if properties != nil || byPattern != nil || additional != nil {
      found.append(.members(properties: properties ?? [:], patterns: patterns, additional: additional))
    }
  }

  private mutating func readCombinations(_ reader: KeywordReader, into found: inout [SchemaAssertion])
    throws(SchemaError)
  {
    if let indices = try schemas("allOf", reader) { found.append(.allOf(indices)) }
    if let indices = try schemas("anyOf", reader) { found.append(.anyOf(indices)) }
    if let indices = try schemas("oneOf", reader) { found.append(.oneOf(indices)) }
    if let index = try schema("not", reader) { found.append(.not(index)) }
    let then = try schema("then", reader)
    let otherwise = try schema("else", reader)
    if let condition = try schema("if", reader), then != nil || otherwise != nil {
      found.append(.condition(if: condition, then: then, else: otherwise))
    }
    if let reference = try reader.string("$ref") { found.append(.ref(try target(reference, reader), reference)) }
  }

  /// The schema that a `$ref` names.
  private mutating func target(_ reference: String, _ reader: KeywordReader) throws(SchemaError) -> Int {
    guard reference.hasPrefix("#") else {
      throw reader.error(
        "$ref", "met \(JSONValue.string(reference).shortened()); only # and #/… in the same document are followed")
    }
    guard let text = percentDecoded(reference.dropFirst()), let pointer = JSONPointer(parsing: text) else {
      throw reader.error(
        "$ref", "met \(JSONValue.string(reference).shortened()); a reference is # or # and a JSON pointer")
    }
    guard let schema = document[pointer] else {
      throw reader.error("$ref", "\(JSONValue.string(reference).shortened()) leads nowhere in this document")
    }
    return try node(schema, at: pointer, depth: reader.depth + 1)
  }

  private mutating func schema(_ keyword: String, _ reader: KeywordReader) throws(SchemaError) -> Int? {
    guard let value = reader.members[keyword] else { return nil }
    return try node(value, at: reader.place.appending(keyword), depth: reader.depth + 1)
  }

  private mutating func schemas(_ keyword: String, _ reader: KeywordReader) throws(SchemaError) -> [Int]? {
    guard let values = try reader.array(keyword) else { return nil }
    guard !values.isEmpty else { throw reader.error(keyword, "\(keyword) must hold at least one schema") }
    var indices: [Int] = []
    for (position, value) in values.enumerated() {
      let place = reader.place.appending(keyword).appending(String(position))
      indices.append(try node(value, at: place, depth: reader.depth + 1))
    }
    return indices
  }

  private mutating func schemasByName(_ keyword: String, _ reader: KeywordReader) throws(SchemaError) -> [String: Int]?
  {
    guard let members = try reader.object(keyword) else { return nil }
    var indices: [String: Int] = [:]
    for (name, value) in members.sorted(by: { $0.key < $1.key }) {
      let place = reader.place.appending(keyword).appending(name)
      indices[name] = try node(value, at: place, depth: reader.depth + 1)
    }
    return indices
  }
}

extension JSONPointer {
  fileprivate func appending(_ token: String) -> JSONPointer { JSONPointer(tokens + [token]) }
}

/// Reads keywords of one schema object, checking the form of each.
private struct KeywordReader {
  let members: [String: JSONValue]
  let place: JSONPointer
  let depth: Int

  func error(_ keyword: String, _ message: String) -> SchemaError {
    SchemaError(pointer: place.appending(keyword).description, keyword: keyword, message: message)
  }

  private func wrong(_ keyword: String, _ value: JSONValue, _ expected: String) -> SchemaError {
    error(keyword, "met \(value.shortened()); \(keyword) is \(expected)")
  }

  func type(_ name: String) throws(SchemaError) -> SchemaType {
    guard let type = SchemaType(rawValue: name) else {
      let names = SchemaType.allCases.map(\.rawValue).joined(separator: ", ")
      throw error("type", "met \(JSONValue.string(name).shortened()); the types are \(names)")
    }
    return type
  }

  func string(_ keyword: String) throws(SchemaError) -> String? {
    guard let value = members[keyword] else { return nil }
    guard case .string(let text) = value else { throw wrong(keyword, value, "a string") }
    return text
  }

  func bool(_ keyword: String) throws(SchemaError) -> Bool? {
    guard let value = members[keyword] else { return nil }
    guard case .bool(let truth) = value else { throw wrong(keyword, value, "true or false") }
    return truth
  }

  func number(_ keyword: String) throws(SchemaError) -> Double? {
    guard let value = members[keyword] else { return nil }
    guard case .number(let number) = value else { throw wrong(keyword, value, "a number") }
    return number
  }

  func count(_ keyword: String) throws(SchemaError) -> Double? {
    guard let value = members[keyword] else { return nil }
    guard let count = value.integerValue, count >= 0 else { throw wrong(keyword, value, "a whole number from 0") }
    return Double(count)
  }

  func array(_ keyword: String) throws(SchemaError) -> [JSONValue]? {
    guard let value = members[keyword] else { return nil }
    guard case .array(let elements) = value else { throw wrong(keyword, value, "an array") }
    return elements
  }

  func object(_ keyword: String) throws(SchemaError) -> [String: JSONValue]? {
    guard let value = members[keyword] else { return nil }
    guard case .object(let members) = value else { throw wrong(keyword, value, "an object") }
    return members
  }

  func names(_ keyword: String) throws(SchemaError) -> [String]? {
    guard let value = members[keyword] else { return nil }
    guard let names = names(value) else { throw wrong(keyword, value, "an array of distinct names") }
    return names
  }

  func names(_ value: JSONValue) -> [String]? {
    guard case .array(let elements) = value else { return nil }
    let names = elements.compactMap(\.stringValue)
    return names.count == elements.count && Set(names).count == names.count ? names : nil
  }
}

/// The text of a URI fragment, or nil when a percent sign is not followed by two hexadecimal digits or the bytes are
/// no UTF-8.
private func percentDecoded(_ text: Substring) -> String? {
  var bytes: [UInt8] = []
  var rest = text.utf8.makeIterator()
  while let byte = rest.next() {
    guard byte == UInt8(ascii: "%") else {
      bytes.append(byte)
      continue
    }
    guard let high = rest.next().flatMap(hexValue), let low = rest.next().flatMap(hexValue) else { return nil }
    bytes.append(high << 4 | low)
  }
  return String(validating: bytes, as: UTF8.self)
}

private func hexValue(_ byte: UInt8) -> UInt8? {
  switch byte {
  case 0x30...0x39: byte - 0x30
  case 0x41...0x46: byte - 0x37
  case 0x61...0x66: byte - 0x57
  default: nil
  }
}

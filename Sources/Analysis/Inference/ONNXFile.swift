// A look into an ONNX file before a runtime reads it: which other files it would open.
// What must stay true: the walk over the protocol buffer is bounded by the file, its depth by a limit; external data is
// allowed only as a regular file inside the model's own folder, all links resolved.

import Glibc

/// Checks of an ONNX file on disk.
enum ONNXFile {
  /// Largest file that is looked at.
  static let mostBytes = 1 << 30
  private static let mostDepth = 24

  /// Checks a model file and everything it refers to.
  ///
  /// - Throws: `badModel` for what is no regular file, no ONNX, or refers to data outside its folder.
  static func check(_ path: String) throws(AnalysisError) {
    let name = String(path.split(separator: "/").last ?? "")
    let locations = try withBytes(path, name) { bytes throws(AnalysisError) in
      try externalLocations(in: bytes, name)
    }
    let folder = String(path.dropLast(name.utf8.count))
    guard let root = resolved(folder.isEmpty ? "." : folder) else {
      throw .badModel(file: name, reason: "its folder cannot be found")
    }
    for location in locations {
      let shown = location.prefix(80)
      guard !location.isEmpty, !location.hasPrefix("/"), !location.split(separator: "/").contains("..") else {
        throw .badModel(
          file: name, reason: "it keeps weights in \"\(shown)\", outside its folder; put them beside it, or inside it")
      }
      guard let found = resolved(root + "/" + location) else {
        throw .badModel(file: name, reason: "it keeps weights in \"\(shown)\", which is not there; put it beside it")
      }
      guard found.hasPrefix(root + "/"), isRegular(found) else {
        throw .badModel(
          file: name, reason: "it keeps weights in \"\(shown)\", which is a link out of its folder or no regular file")
      }
    }
  }

  private static func resolved(_ path: String) -> String? {
    guard let found = realpath(path, nil) else { return nil }
    defer { free(found) }
    return String(cString: found)
  }

  private static func isRegular(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  private static func withBytes<Value>(
    _ path: String, _ name: String, _ body: (UnsafeRawBufferPointer) throws(AnalysisError) -> Value
  ) throws(AnalysisError) -> Value {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw .badModel(file: name, reason: "it cannot be read (\(String(cString: strerror(errno))))")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw .badModel(file: name, reason: "it is no regular file")
    }
    let count = Int(status.st_size)
    guard count > 0, count <= mostBytes else {
      throw .badModel(file: name, reason: "it has \(count) bytes; between 1 and \(mostBytes) are read")
    }
    guard let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
      throw .badModel(file: name, reason: "it cannot be mapped")
    }
    defer { munmap(address, count) }
    return try body(UnsafeRawBufferPointer(start: address, count: count))
  }

  // MARK: - Protocol buffer

  /// Kinds of messages on the way to a tensor, with the fields that lead further (onnx.proto).
  private enum Message {
    case model, graph, node, attribute, tensor, sparse, function, entry

    func field(_ number: UInt64) -> Message? {
      switch (self, number) {
      case (.model, 7): .graph
      case (.model, 25): .function
      case (.graph, 1): .node
      case (.graph, 5): .tensor
      case (.graph, 15): .sparse
      case (.node, 5): .attribute
      case (.function, 7): .node
      case (.function, 11): .attribute
      case (.attribute, 5), (.attribute, 10): .tensor
      case (.attribute, 6), (.attribute, 11): .graph
      case (.attribute, 22), (.attribute, 23): .sparse
      case (.sparse, 1), (.sparse, 2): .tensor
      case (.tensor, 13): .entry
      default: nil
      }
    }
  }

  /// The locations that tensors of a model name for their data.
  static func externalLocations(
    in bytes: UnsafeRawBufferPointer, _ name: String = "model.onnx"
  ) throws(AnalysisError) -> [String] {
    var locations: [String] = []
    var graphs = 0
    try walk(bytes[...], .model, 0, name) { message, body throws(AnalysisError) in
      if message == .graph { graphs += 1 }
      if message == .entry, let location = try location(body, name) { locations.append(location) }
    }
    guard graphs > 0 else { throw .badModel(file: name, reason: "it is no ONNX model: it holds no graph") }
    return locations
  }

  private static func walk(
    _ bytes: Slice<UnsafeRawBufferPointer>, _ message: Message, _ depth: Int, _ name: String,
    _ visit: (Message, Slice<UnsafeRawBufferPointer>) throws(AnalysisError) -> Void
  ) throws(AnalysisError) {
    guard depth < mostDepth else { throw .badModel(file: name, reason: "its graphs are nested too deeply") }
    var rest = bytes
    while !rest.isEmpty {
      let (number, body) = try field(&rest, name)
      guard let body, let inner = message.field(number) else { continue }
      try visit(inner, body)
      if inner != .entry { try walk(body, inner, depth + 1, name, visit) }
    }
  }

  /// The next field: its number, and its bytes when it has a length.
  private static func field(
    _ rest: inout Slice<UnsafeRawBufferPointer>, _ name: String
  ) throws(AnalysisError) -> (UInt64, Slice<UnsafeRawBufferPointer>?) {
    let key = try varint(&rest, name)
    func skip(_ count: UInt64) throws(AnalysisError) -> Slice<UnsafeRawBufferPointer> {
      guard count <= UInt64(rest.count) else {
        throw .badModel(file: name, reason: "it is no ONNX model, or a cut one")
      }
      let piece = rest.prefix(Int(count))
      rest = rest.dropFirst(Int(count))
      return piece
    }
    switch key & 7 {
    case 0: _ = try varint(&rest, name)
    case 1: _ = try skip(8)
    case 2: return (key >> 3, try skip(varint(&rest, name)))
    case 5: _ = try skip(4)
    default: throw .badModel(file: name, reason: "it is no ONNX model")
    }
    return (key >> 3, nil)
  }

  private static func varint(
    _ rest: inout Slice<UnsafeRawBufferPointer>, _ name: String
  ) throws(AnalysisError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard let byte = rest.popFirst() else {
        throw .badModel(file: name, reason: "it is no ONNX model, or a cut one")
      }
      if shift < 64 { value |= UInt64(byte & 0x7F) << shift }
      if byte & 0x80 == 0 { return value }
    }
    throw .badModel(file: name, reason: "it is no ONNX model")
  }

  /// The value of a key-value entry whose key is "location".
  private static func location(
    _ entry: Slice<UnsafeRawBufferPointer>, _ name: String
  ) throws(AnalysisError) -> String? {
    var rest = entry
    var key = ""
    var value = ""
    while !rest.isEmpty {
      let (number, body) = try field(&rest, name)
      guard let body else { continue }
      if number == 1 { key = String(decoding: body, as: UTF8.self) }
      if number == 2 { value = String(decoding: body, as: UTF8.self) }
    }
    return key == "location" ? value : nil
  }
}

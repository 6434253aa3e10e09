// A streamed chat completion, put together event by event from bytes as they come.
// What must stay true: nothing grows past its bound; a stranger's JSON is parsed with limits; the reply is whole only
// when the server said so.

import JSON

/// Reads a reply: server-sent events, or one JSON object from a server that does not stream.
struct ChatStream {
  /// Everything received.
  private(set) var raw: [UInt8] = []
  private(set) var text = ""
  private(set) var finishReason: String?
  private(set) var promptTokens = 0
  private(set) var cachedTokens = 0
  private(set) var completionTokens = 0
  private(set) var promptSeconds: Double?
  private(set) var generationSeconds: Double?
  /// The server's end mark was seen: nothing after it counts.
  private(set) var isDone = false

  private let limits: EndpointLimits
  private let isEvents: Bool
  /// Where the line begins that is not whole yet.
  private var lineStart = 0

  init(isEvents: Bool, limits: EndpointLimits) {
    self.isEvents = isEvents
    self.limits = limits
  }

  /// Takes the next bytes.
  mutating func feed(_ bytes: some Collection<UInt8>) throws(EndpointFailure) {
    guard raw.count + bytes.count <= limits.replyBytes else { throw .tooLong(bytes: limits.replyBytes) }
    var scan = raw.count
    raw.append(contentsOf: bytes)
    guard isEvents else { return }
    while !isDone, let end = raw[scan...].firstIndex(of: 0x0A) {
      guard end - lineStart <= limits.lineBytes else { throw .lineTooLong(bytes: limits.lineBytes) }
      var line = raw[lineStart..<end]
      if line.last == 0x0D { line = line.dropLast() }
      try take(line)
      lineStart = end + 1
      scan = lineStart
    }
    guard isDone || raw.count - lineStart <= limits.lineBytes else { throw .lineTooLong(bytes: limits.lineBytes) }
  }

  /// The connection has ended.
  mutating func end() throws(EndpointFailure) {
    if isEvents {
      if !isDone, lineStart < raw.count { try take(raw[lineStart...]) }
      guard isDone || finishReason != nil else { throw .cut }
    } else {
      try read(raw[...], member: "message")
      guard finishReason != nil else { throw .unreadable("it has no choices") }
    }
  }

  private mutating func take(_ line: ArraySlice<UInt8>) throws(EndpointFailure) {
    if let data = line.dropping("data:") {
      let payload = data.first == 0x20 ? data.dropFirst() : data
      if payload.elementsEqual("[DONE]".utf8) {
        guard finishReason != nil else { throw .cut }
        isDone = true
        return
      }
      try read(payload, member: "delta")
    } else if let data = line.dropping("error:") {
      try read(data, member: "delta")
      throw .server("an error without words")
    }
    // Other fields and comments of the event stream carry nothing.
  }

  private mutating func read(_ bytes: ArraySlice<UInt8>, member: String) throws(EndpointFailure) {
    let value: JSONValue
    do {
      value = try JSONValue.parse(
        bytes, limits: JSONLimits(maxBytes: limits.replyBytes, maxDepth: 32, maxValues: 100_000))
    } catch {
      throw .unreadable("JSON: \(EndpointFailure.clean(error.message))")
    }
    guard case .object = value else { throw .unreadable("an event is no JSON object") }
    if let failure = ServerErrorBody.failure(value) { throw failure }
    if let choice = value["choices"]?.arrayValue?.first {
      if let piece = choice[member]?["content"]?.stringValue { text += piece }
      if let reason = choice["finish_reason"]?.stringValue { finishReason = String(reason.prefix(64)) }
    }
    count(value)
  }

  private mutating func count(_ value: JSONValue) {
    func tokens(_ value: JSONValue?) -> Int? { value?.integerValue.flatMap { $0 >= 0 ? $0 : nil } }
    func seconds(_ value: JSONValue?) -> Double? { value?.numberValue.flatMap { $0 >= 0 ? $0 / 1000 : nil } }
    if let usage = value["usage"] {
      promptTokens = tokens(usage["prompt_tokens"]) ?? promptTokens
      completionTokens = tokens(usage["completion_tokens"]) ?? completionTokens
      cachedTokens = tokens(usage["prompt_tokens_details"]?["cached_tokens"]) ?? cachedTokens
    }
    if let timings = value["timings"] {
      cachedTokens = tokens(timings["cache_n"]) ?? cachedTokens
      if let processed = tokens(timings["prompt_n"]), promptTokens == 0 { promptTokens = processed + cachedTokens }
      if completionTokens == 0 { completionTokens = tokens(timings["predicted_n"]) ?? 0 }
      promptSeconds = seconds(timings["prompt_ms"]) ?? promptSeconds
      generationSeconds = seconds(timings["predicted_ms"]) ?? generationSeconds
    }
  }
}

/// The error object of OpenAI's API and of llama.cpp.
enum ServerErrorBody {
  private static let contextNames: Set<String> = ["exceed_context_size_error", "context_length_exceeded"]

  /// The failure of a reply with another status than 200.
  static func failure(status: Int, _ body: [UInt8]) -> EndpointFailure {
    let value = try? JSONValue.parse(body, limits: JSONLimits(maxBytes: 65_536, maxDepth: 16, maxValues: 1000))
    switch value.flatMap(failure) {
    case .contextFull(let words): return .contextFull(words: words)
    case .server(let words): return .status(status, words: words)
    default: return .status(status, words: "")
    }
  }

  /// The failure that a body tells of, if it does.
  static func failure(_ value: JSONValue) -> EndpointFailure? {
    guard let error = value["error"], error != .null else { return nil }
    let words = EndpointFailure.clean(error["message"]?.stringValue ?? error.stringValue ?? "an error without words")
    let names = [error["type"], error["code"]].compactMap { $0?.stringValue }
    if names.contains(where: contextNames.contains) {
      var counts = ""
      if let prompt = error["n_prompt_tokens"]?.integerValue, let context = error["n_ctx"]?.integerValue {
        counts = "\(prompt) tokens, and it holds \(context)"
      }
      return .contextFull(words: counts)
    }
    return .server(words)
  }
}

extension ArraySlice<UInt8> {
  /// What follows a prefix; nil when it is not there.
  fileprivate func dropping(_ prefix: StaticString) -> ArraySlice<UInt8>? {
    let count = prefix.utf8CodeUnitCount
    guard self.count >= count,
      self.prefix(count).elementsEqual(UnsafeBufferPointer(start: prefix.utf8Start, count: count))
    else { return nil }
    return dropFirst(count)
  }
}

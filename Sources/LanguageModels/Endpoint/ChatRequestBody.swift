// A chat request as the bytes that go over the wire: OpenAI's chat completions, canonical JSON.
// What must stay true: the same request gives the same bytes; no credential is in them; a picture goes only to a model
// that takes pictures.

import JSON
import Prompting

/// Writes chat requests.
enum ChatRequestBody {
  /// Throws `server` for a picture without vision, `contextFull` for more bytes than the limit.
  static func bytes(
    _ request: ChatRequest, configuration: EndpointConfiguration
  ) throws(EndpointFailure) -> [UInt8] {
    var members: [String: JSONValue] = [
      "max_tokens": .number(Double(request.maxTokens)), "temperature": .number(request.temperature),
      "seed": .number(Double(request.seed)), "stream": true, "stream_options": ["include_usage": true],
    ]
    if let model = configuration.model { members["model"] = .string(model) }
    // A piece for every batch of the prompt: a server that hangs is told from one that reads.
    if configuration.reportsProgress { members["return_progress"] = true }
    if let schema = request.schema, !configuration.quirks.contains(.noJSONSchema) {
      members["response_format"] = [
        "type": "json_schema", "json_schema": ["name": "reply", "schema": schema, "strict": true],
      ]
    }
    var messages: [JSONValue] = []
    let noSystem = configuration.quirks.contains(.noSystemRole)
    for message in noSystem ? withoutSystem(request.messages) : request.messages {
      messages.append([
        "role": .string(message.role.rawValue), "content": try content(message.parts, vision: configuration.vision),
      ])
    }
    members["messages"] = .array(messages)
    let bytes = JSONValue.object(members).canonicalBytes()
    guard bytes.count <= configuration.limits.requestBytes else {
      throw .contextFull(
        words: "the request has \(bytes.count) bytes, and at most \(configuration.limits.requestBytes) are sent")
    }
    return bytes
  }

  /// System messages put before the message of the user that follows.
  private static func withoutSystem(_ messages: [ChatMessage]) -> [ChatMessage] {
    var result: [ChatMessage] = []
    var held: [ChatMessage.Part] = []
    for message in messages {
      if message.role == .system {
        held += message.parts
      } else {
        let space: [ChatMessage.Part] = held.isEmpty ? [] : [.text("\n\n")]
        result.append(ChatMessage(message.role, held + space + message.parts))
        held = []
      }
    }
    return held.isEmpty ? result : result + [ChatMessage(.user, held)]
  }

  private static func content(_ parts: [ChatMessage.Part], vision: Bool) throws(EndpointFailure) -> JSONValue {
    if parts.count == 1, case .text(let text) = parts[0] { return .string(text) }
    var items: [JSONValue] = []
    for part in parts {
      switch part {
      case .text(let text):
        items.append(["type": "text", "text": .string(text)])
      case .image(let bytes, let mediaType):
        guard vision else {
          throw .noVision
        }
        let address = "data:\(mediaType);base64,\(Base64.encode(bytes))"
        items.append(["type": "image_url", "image_url": ["url": .string(address)]])
      }
    }
    return .array(items)
  }
}

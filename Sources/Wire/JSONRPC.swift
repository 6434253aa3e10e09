// JSON-RPC 2.0 messages, one a line, as clients, tools and the daemon exchange them.
// What must stay true: no batches; an id is a string or an integer, never null, except in an error that answers a
// line whose id could not be read.

public import Domain
public import JSON

/// The id of a request.
public enum RequestID: Sendable, Hashable {
  case string(String)
  case integer(Int)

  public var json: JSONValue {
    switch self {
    case .string(let text): .string(text)
    case .integer(let number): .number(Double(number))
    }
  }

  public init?(json: JSONValue) {
    if let text = json.stringValue {
      self = .string(text)
    } else if let number = json.integerValue {
      self = .integer(number)
    } else {
      return nil
    }
  }
}

/// A JSON-RPC error object.
public struct RPCError: Error, Sendable, Hashable {
  public var code: Int
  public var message: String
  public var data: JSONValue?
  public init(code: Int, message: String, data: JSONValue? = nil) {
    self.code = code
    self.message = message
    self.data = data
  }
}

/// One message.
public enum RPCMessage: Sendable, Hashable {
  case request(id: RequestID, method: String, params: JSONValue)
  case notification(method: String, params: JSONValue)
  case result(id: RequestID, JSONValue)
  /// The id is nil when the request's could not be read.
  case failure(id: RequestID?, RPCError)
}

extension RPCMessage {
  /// Reads a parsed line. Throws `protocol.request` with what is wrong; the id found so far is in `subject`-free form
  /// through `requestID(in:)`.
  public init(_ value: JSONValue) throws(VPathError) {
    guard case .object(let members) = value else {
      throw VPathError(
        .protocolRequest, "A message must be one JSON object (batches are not accepted). Send one object per line.")
    }
    guard members["jsonrpc"] == "2.0" else {
      throw VPathError(
        .protocolRequest, #"The member "jsonrpc" must be "2.0". Add it to every message."#, subject: "jsonrpc")
    }
    let id: RequestID?
    switch members["id"] {
    case nil: id = nil
    case .null where members["error"] != nil: id = nil
    case let found?:
      guard let read = RequestID(json: found) else {
        throw VPathError(
          .protocolRequest, #"The member "id" must be a string or an integer within ±2^53."#, subject: "id")
      }
      id = read
    }
    if let method = members["method"] {
      guard let name = method.stringValue else {
        throw VPathError(.protocolRequest, #"The member "method" must be a string."#, subject: "method")
      }
      let params = members["params"] ?? [:]
      guard case .object = params else {
        throw VPathError(
          .protocolParams, #"The member "params" must be an object; this API has no positional parameters."#,
          subject: "params")
      }
      self = id.map { .request(id: $0, method: name, params: params) } ?? .notification(method: name, params: params)
    } else if let error = members["error"] {
      guard let code = error["code"]?.integerValue, let message = error["message"]?.stringValue else {
        throw VPathError(
          .protocolRequest, #"An "error" needs an integer "code" and a string "message"."#, subject: "error")
      }
      self = .failure(id: id, RPCError(code: code, message: message, data: error["data"]))
    } else if let result = members["result"], let id {
      self = .result(id: id, result)
    } else {
      throw VPathError(
        .protocolRequest, #"A message needs "method", or "id" with "result" or "error"."#, subject: "method")
    }
  }

  /// The id in a message that could not be read as a whole, so that its error can be matched.
  public static func requestID(in value: JSONValue) -> RequestID? { value["id"].flatMap(RequestID.init(json:)) }

  /// The message as JSON.
  public var json: JSONValue {
    switch self {
    case .request(let id, let method, let params):
      ["jsonrpc": "2.0", "id": id.json, "method": .string(method), "params": params]
    case .notification(let method, let params):
      ["jsonrpc": "2.0", "method": .string(method), "params": params]
    case .result(let id, let result):
      ["jsonrpc": "2.0", "id": id.json, "result": result]
    case .failure(let id, let error):
      ["jsonrpc": "2.0", "id": id?.json ?? .null, "error": error.json]
    }
  }

  /// The message as one line, its newline included.
  public var line: [UInt8] { json.canonicalBytes() + [0x0A] }
}

extension RPCError {
  /// As the `error` member.
  public var json: JSONValue {
    var members: [String: JSONValue] = ["code": .number(Double(code)), "message": .string(message)]
    members["data"] = data
    return .object(members)
  }
}

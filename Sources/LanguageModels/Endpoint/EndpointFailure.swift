// Everything that can go wrong with a model server, and how it is said.
// What must stay true: no message holds a key, a URL's credentials or a path; a server's own words are cut and cleaned.

import Domain

/// Why a server gave no reply.
enum EndpointFailure: Error, Sendable, Hashable {
  case unreachable(String)
  case tls(String)
  case proxy
  case keyFile(String)
  case status(Int, words: String)
  case contextFull(words: String)
  case noVision
  case silent(seconds: Double)
  case stalled(seconds: Double)
  case tooSlow(seconds: Double)
  case tooLong(bytes: Int)
  case lineTooLong(bytes: Int)
  case cut
  case unreadable(String)
  case server(String)
  case cancelled

  /// The error that is shown. `server` is the endpoint's name in words.
  func error(_ server: String) -> VPathError {
    func unavailable(_ words: String, retryable: Bool = true) -> VPathError {
      VPathError(.modelUnavailable, words, retryable: retryable)
    }
    let name = server.prefix(1).uppercased() + server.dropFirst()
    return switch self {
    case .unreachable(let words):
      unavailable("\(name) cannot be reached (\(words)). See that it runs and that its address is right.")
    case .tls(let words):
      VPathError(
        .modelUnavailable,
        "\(name) could not be trusted (\(words)). Name the certificate that signs it in model.endpointCAFile, or mend "
          + "the server's.", subject: "model.endpointCAFile")
    case .proxy:
      unavailable("The proxy of model.endpointProxy did not let \(server) be reached. See the proxy's own log.")
    case .keyFile(let words):
      VPathError(.modelUnavailable, "The key file of model.endpointKeyFile \(words)", subject: "model.endpointKeyFile")
    case .status(let status, let words):
      EndpointFailure.refusal(name, status, words)
    case .contextFull(let words):
      VPathError(
        .modelContextFull,
        "The prompt does not fit the model's context\(words.isEmpty ? "" : " (\(words))"). Ask about "
          + "fewer parts or regions, or set model.contextTokens higher where the model allows it.")
    case .noVision:
      unavailable(
        "The model takes no pictures. Use one whose manifest says vision, or set model.endpointVision when the endpoint "
          + "takes them.", retryable: false)
    case .silent(let seconds):
      unavailable(
        "\(name) gave no byte within \(whole(seconds)) s. See that it is not overloaded, or raise "
          + "model.requestSeconds.")
    case .stalled(let seconds):
      unavailable("\(name) stopped in the middle of its reply and gave nothing for \(whole(seconds)) s.")
    case .tooSlow(let seconds):
      unavailable(
        "\(name) did not end its reply within \(whole(seconds)) s. Raise model.requestSeconds, or use a "
          + "faster model.")
    case .tooLong(let bytes):
      unavailable("\(name) sent more than \(bytes) bytes and was cut off.", retryable: false)
    case .lineTooLong(let bytes):
      unavailable("\(name) sent an event of more than \(bytes) bytes and was cut off.", retryable: false)
    case .cut:
      unavailable("\(name) ended the connection before its reply was whole.")
    case .unreadable(let words):
      unavailable(
        "\(name) sent what is no chat completion (\(words)). See that the address is that of an "
          + "OpenAI-compatible server.", retryable: false)
    case .server(let words):
      unavailable("\(name) reports: \(words)")
    case .cancelled:
      VPathError(.cancelled, "The request to the model was cancelled.")
    }
  }

  private static func refusal(_ name: String, _ status: Int, _ words: String) -> VPathError {
    let said = words.isEmpty ? "" : ": \(words)"
    return switch status {
    case 401, 403:
      // Its words may repeat the key.
      VPathError(
        .modelUnavailable,
        "\(name) refused the key (HTTP \(status)). Put the right one into the file that "
          + "model.endpointKeyFile names.", subject: "model.endpointKeyFile")
    case 404:
      VPathError(
        .modelUnavailable,
        "\(name) knows no chat completions or no such model there (HTTP 404\(said)). See "
          + "model.endpointURL, which usually ends in /v1, and model.endpointName.", subject: "model.endpointURL")
    case 429:
      VPathError(.modelUnavailable, "\(name) is asked too often (HTTP 429\(said)). Try again later.", retryable: true)
    case 300..<400:
      VPathError(
        .modelUnavailable,
        "\(name) points elsewhere (HTTP \(status)), which is not followed. Set model.endpointURL to "
          + "the address itself.", subject: "model.endpointURL")
    default:
      VPathError(.modelUnavailable, "\(name) refused the request (HTTP \(status)\(said)).", retryable: status >= 500)
    }
  }

  private func whole(_ seconds: Double) -> String {
    seconds < 10 ? "\((seconds * 10).rounded() / 10)" : "\(Int(seconds.rounded()))"
  }

  /// A server's words, fit to be shown: at most 200 characters, one line, nothing that steers a terminal.
  static func clean(_ text: String, without secret: String? = nil) -> String {
    var text = text
    if let secret, !secret.isEmpty {
      text = text.split(separator: secret, omittingEmptySubsequences: false).joined(separator: "…")
    }
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars.prefix(200) {
      switch scalar.properties.generalCategory {
      case .control, .lineSeparator, .paragraphSeparator: scalars.append(" ")
      case .format, .privateUse, .surrogate, .unassigned: continue
      default: scalars.append(scalar)
      }
    }
    return String(scalars)
  }
}

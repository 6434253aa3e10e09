// Where a model server is and what is expected of it: everything an endpoint needs to know before its first request.
// What must stay true: a base URL holds no credentials; a key never goes over plain HTTP to another machine; every
// limit is finite.

public import Domain

/// A model server that speaks the chat completions of OpenAI's API.
public struct EndpointConfiguration: Sendable, Hashable {
  /// How it is reached.
  public enum Target: Sendable, Hashable {
    /// A Unix socket of this machine.
    case unixSocket(path: String)
    /// A base URL, to which `/chat/completions` is added: `https://host/v1`.
    case url(EndpointURL)
  }

  public var target: Target
  /// The model's name as the server knows it; nil for a server with one model.
  public var model: String?
  /// A file with the key, read for every request, so that it can be changed; nil for a server without one.
  public var keyFile: String?
  /// Certificates (PEM) that are trusted instead of the system's.
  public var caFile: String?
  /// An HTTP proxy, `http://host:port`.
  public var proxy: EndpointURL?
  /// Whether pictures may be sent.
  public var vision: Bool
  /// Whether the server is llama.cpp's, which tells of its progress while it reads a prompt.
  public var reportsProgress: Bool
  public var quirks: [ModelManifest.Quirk]
  public var limits: EndpointLimits

  public init(
    target: Target, model: String? = nil, keyFile: String? = nil, caFile: String? = nil, proxy: EndpointURL? = nil,
    vision: Bool = false, reportsProgress: Bool = false, quirks: [ModelManifest.Quirk] = [],
    limits: EndpointLimits = EndpointLimits()
  ) {
    self.target = target
    self.model = model
    self.keyFile = keyFile
    self.caFile = caFile
    self.proxy = proxy
    self.vision = vision
    self.reportsProgress = reportsProgress
    self.quirks = quirks
    self.limits = limits
  }

  /// Whether prompts leave this machine.
  public var isRemote: Bool {
    switch target {
    case .unixSocket: false
    case .url(let url): !url.isLoopback || proxy.map { !$0.isLoopback } ?? false
    }
  }

  /// The server in words, without path and credentials.
  public var name: String {
    switch target {
    case .unixSocket: "the model server"
    case .url(let url): "the model server at \(url.authority)"
    }
  }

  /// Throws `model.unavailable` when the parts do not go together.
  public func check() throws(VPathError) {
    if case .url(let url) = target, keyFile != nil, !url.isTLS, !url.isLoopback {
      throw VPathError(
        .modelUnavailable,
        "A key is not sent over plain HTTP to \(url.authority): use an https:// URL in model.endpointURL, or set no key.",
        subject: "model.endpointURL")
    }
  }
}

/// What one request may take.
public struct EndpointLimits: Sendable, Hashable {
  public var connectSeconds: Double
  /// From the request until the first byte of the reply. A server that does not tell of its progress is silent while
  /// it reads the prompt.
  public var firstByteSeconds: Double
  /// Between two pieces of the reply.
  public var idleSeconds: Double
  public var totalSeconds: Double
  /// Of the whole reply.
  public var replyBytes: Int
  /// Of one event of the reply.
  public var lineBytes: Int
  /// Of the request.
  public var requestBytes: Int

  public init(
    connectSeconds: Double = 10, firstByteSeconds: Double = 120, idleSeconds: Double = 30, totalSeconds: Double = 300,
    replyBytes: Int = 8 << 20, lineBytes: Int = 1 << 20, requestBytes: Int = 64 << 20
  ) {
    self.connectSeconds = connectSeconds
    self.firstByteSeconds = firstByteSeconds
    self.idleSeconds = idleSeconds
    self.totalSeconds = totalSeconds
    self.replyBytes = replyBytes
    self.lineBytes = lineBytes
    self.requestBytes = requestBytes
  }
}

/// A plain http or https URL: scheme, host, port and path.
public struct EndpointURL: Sendable, Hashable, CustomStringConvertible {
  public let isTLS: Bool
  public let host: String
  public let port: Int
  /// Empty, or begins with a slash and ends without one.
  public let path: String

  /// Throws `model.unavailable` with what is wrong; the text itself is not repeated, it may hold a secret.
  public init(_ text: String, key: String = "model.endpointURL") throws(VPathError) {
    func wrong(_ words: String) -> VPathError {
      VPathError(.modelUnavailable, "\(key) \(words) Write it as https://host/v1.", subject: key)
    }
    guard text.utf8.count <= 2048, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw wrong("holds characters that no URL has, or is too long.")
    }
    let lower = text.lowercased()
    let scheme = ["https://", "http://"].first { lower.hasPrefix($0) }
    guard let scheme else { throw wrong("begins neither with https:// nor with http://.") }
    let rest = text.dropFirst(scheme.count)
    guard !rest.contains(where: { "?#\\".contains($0) }) else { throw wrong("holds a query or a fragment.") }
    let authority = rest.prefix { $0 != "/" }
    guard !authority.contains("@") else {
      throw wrong("holds credentials; put the key into a file and name it in model.endpointKeyFile.")
    }
    guard let (host, port) = EndpointURL.split(authority) else { throw wrong("names no host, or a port that is none.") }
    isTLS = scheme == "https://"
    self.host = host
    self.port = port ?? (isTLS ? 443 : 80)
    var path = String(rest.dropFirst(authority.count))
    while path.hasSuffix("/") { path.removeLast() }
    self.path = path
  }

  private static func split(_ authority: Substring) -> (host: String, port: Int?)? {
    var host = authority
    var digits: Substring?
    if authority.hasPrefix("["), let end = authority.lastIndex(of: "]") {
      host = authority[...end]
      let rest = authority[authority.index(after: end)...]
      guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
      digits = rest.isEmpty ? nil : rest.dropFirst()
    } else if let colon = authority.firstIndex(of: ":") {
      host = authority[..<colon]
      digits = authority[authority.index(after: colon)...]
    }
    guard !host.isEmpty, host.utf8.count <= 255 else { return nil }
    guard let digits else { return (String(host), nil) }
    guard let port = Int(digits), (1...65_535).contains(port) else { return nil }
    return (String(host), port)
  }

  /// Host and port.
  public var authority: String { "\(host):\(port)" }
  /// Whether it names this very machine.
  public var isLoopback: Bool {
    ["localhost", "[::1]"].contains(host.lowercased())
      || (host.hasPrefix("127.") && host.allSatisfy { $0.isNumber || $0 == "." })
  }
  public var description: String { "\(isTLS ? "https" : "http")://\(authority)\(path)" }
}

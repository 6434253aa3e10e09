// One message of a chat, as models are asked: who speaks, words and pictures.
// What must stay true: plain values; how a server wants them is the business of LanguageModels.

/// One message of a chat.
public struct ChatMessage: Sendable, Hashable, Codable {
  /// Who speaks.
  public enum Role: String, Sendable, Hashable, Codable { case system, user, assistant }
  /// A piece of a message.
  public enum Part: Sendable, Hashable, Codable {
    case text(String)
    /// A picture's bytes; sent only to a model whose manifest says `vision`.
    case image(bytes: [UInt8], mediaType: String)
  }

  public var role: Role
  public var parts: [Part]

  public init(_ role: Role, _ parts: [Part]) {
    self.role = role
    self.parts = parts
  }

  public init(_ role: Role, _ text: String) { self.init(role, [.text(text)]) }
}

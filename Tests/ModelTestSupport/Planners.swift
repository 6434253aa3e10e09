// Planners over scripted models, with everything around them kept in memory.

public import Domain
public import LanguageModels
public import Ports
import Prompting
import Synchronization

/// Bytes kept in memory.
public final class KeptBytes: Sendable {
  private let state = Mutex<[SHA256Hex: [UInt8]]>([:])

  public init() {}

  /// Keeps bytes under a name that is as long as a hash and differs with them.
  public func keep(_ bytes: [UInt8]) -> SHA256Hex {
    var words: [UInt64] = [0xcbf2_9ce4_8422_2325, 1, 2, 3]
    for byte in bytes {
      for place in words.indices {
        words[place] = (words[place] ^ UInt64(byte)) &* (0x0000_0100_0000_01b3 + 2 * UInt64(place))
      }
    }
    let name = words.map { word in
      let text = String(word, radix: 16)
      return String(repeating: "0", count: 16 - text.count) + text
    }.joined()
    state.withLock { $0[SHA256Hex(name)] = bytes }
    return SHA256Hex(name)
  }

  public subscript(hash: SHA256Hex) -> [UInt8]? { state.withLock { $0[hash] } }
  public var count: Int { state.withLock { $0.count } }
}

extension ModelPlanner {
  /// A planner over a model.
  public static func over(
    _ chat: any ChatModel, planning: StepPlanning, vision: Bool = false, remote: Bool = false,
    kept: KeptBytes = KeptBytes(), picture: [UInt8]? = nil
  ) throws -> ModelPlanner {
    ModelPlanner(
      chat: chat, description: ModelDescription(name: "scripted", remote: remote, vision: vision, planning: planning),
      prompts: try .shipped(),
      surroundings: Surroundings(
        keep: { bytes, _ throws(VPathError) in kept.keep(bytes) }, picture: { _ in picture }))
  }
}

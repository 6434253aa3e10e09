// Names of stains and organs as they are compared: what a case states with what a tool accepts or was validated on.
// What must stay true: this is the one rule. Where two places compare differently, a tool is offered that then refuses.

/// A stain's name: "H&E", "HE" and "hematoxylin and eosin" are one.
public struct StainName: Sendable, Hashable {
  private let normal: String

  /// The name as somebody wrote it.
  public init(_ name: String) {
    let letters = name.lowercased().filter { $0.isLetter || $0.isNumber }
    let isHE = ["he", "hande", "hematoxylineosin", "haematoxylineosin", "hematoxylinandeosin", "haematoxylinandeosin"]
    normal = isHE.contains(letters) ? "he" : letters
  }

  /// Whether one of the names is this stain's.
  public func isAmong(_ names: [String]) -> Bool { names.contains { StainName($0) == self } }
}

/// An organ's name: "Lymph node", "lymph-node" and "lymph_node" are one.
public struct OrganName: Sendable, Hashable {
  private let normal: String

  /// The name as somebody wrote it.
  public init(_ name: String) {
    normal = name.lowercased().split { !$0.isLetter && !$0.isNumber }.joined(separator: " ")
  }

  /// Whether one of the names is this organ's.
  public func isAmong(_ names: [String]) -> Bool { names.contains { OrganName($0) == self } }
}

extension ToolManifest.Accepts {
  /// Something a case states that the tool is not made for.
  public enum Misfit: Sendable, Hashable {
    case stain(stated: String, accepted: [String])
    case organ(stated: String, accepted: [String])
  }

  /// What of a case the tool is not made for; nil when it may be used. What is not stated, and a list that is absent or
  /// empty, exclude nothing.
  public func misfit(with description: CaseDescription) -> Misfit? {
    if let stated = description.stain, let stain, !stain.isEmpty, !StainName(stated).isAmong(stain) {
      return .stain(stated: stated, accepted: stain)
    }
    if let stated = description.organ, let organ, !organ.isEmpty, !OrganName(stated).isAmong(organ) {
      return .organ(stated: stated, accepted: organ)
    }
    return nil
  }
}

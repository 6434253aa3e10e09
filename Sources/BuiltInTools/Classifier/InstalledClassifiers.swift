// The classifiers in the models folder: every folder with a classifier's card, or with a WSInfer configuration.
// What must stay true: a broken card is told with its fault and never taken for absent; names are folder names.

import Analysis
import Crypto
import Domain
import Glibc
import JSON

/// A folder of models/ that holds a classifier.
struct InstalledClassifier: Sendable {
  /// The folder's name.
  let name: String
  let folder: String
  /// The card, or why it cannot be used.
  let card: Result<ClassifierCard, AnalysisError>

  /// All of them, by name. At most 256 folders are looked into.
  static func all(in modelsDirectory: String) -> [InstalledClassifier] {
    guard !modelsDirectory.isEmpty, let directory = opendir(modelsDirectory) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory), names.count < 4096 {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix("."), name.count <= 64 { names.append(name) }
    }
    return names.sorted().prefix(256).compactMap { named($0, in: modelsDirectory) }
  }

  /// The classifier of one folder; nil when it holds none.
  static func named(_ name: String, in modelsDirectory: String) -> InstalledClassifier? {
    let folder = modelsDirectory + "/" + name
    if let bytes = SmallFile.read(folder + "/card.json") {
      let isOurs = (try? JSONValue.parse(bytes))?["kind"]?.stringValue == ClassifierCard.kind
      // A card that cannot be read at all counts as a classifier's when a network lies beside it.
      guard isOurs || access(folder + "/model.onnx", F_OK) == 0 else { return nil }
      return InstalledClassifier(name: name, folder: folder) { () throws(AnalysisError) in
        try ClassifierCard(json: bytes)
      }
    }
    guard access(folder + "/model.onnx", F_OK) == 0, let bytes = SmallFile.read(folder + "/config.json") else {
      return nil
    }
    return InstalledClassifier(name: name, folder: folder) { () throws(AnalysisError) in
      try ClassifierCard(wsinfer: bytes, name: name, modelFile: "model.onnx")
    }
  }

  private init(name: String, folder: String, read: () throws(AnalysisError) -> ClassifierCard) {
    self.name = name
    self.folder = folder
    do throws(AnalysisError) { card = .success(try read()) } catch { card = .failure(error) }
  }

  /// The network's SHA-256, checked against the card's where it has one.
  func modelHash(_ card: ClassifierCard) throws(VPathError) -> SHA256Hex {
    let path = folder + "/" + card.model.file
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw VPathError(
        .toolFailed, "The network models/\(name)/\(card.model.file) cannot be read. Put it beside its card.",
        subject: card.model.file)
    }
    defer { close(descriptor) }
    var hash = SHA256()
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      if count <= 0 { break }
      buffer.withUnsafeBytes { hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
    let found = hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    if let stated = card.model.sha256, stated != found {
      throw VPathError(
        .toolFailed,
        "The network models/\(name)/\(card.model.file) is not the one its card names (SHA-256 \(found.prefix(12))… "
          + "and not \(stated.prefix(12))…). Put the right file beside the card.", subject: card.model.file)
    }
    return SHA256Hex(found)
  }
}

/// Which classifier a call is made with.
enum ClassifierChoice {
  /// One that accepts the case.
  case chosen(InstalledClassifier, ClassifierCard)
  /// Why none does.
  case refused(String)

  /// The classifier named, or the first that accepts the case, one that is not experimental before one that is.
  ///
  /// - Throws: `tool.failed` for a classifier named that is not there, or whose card cannot be used.
  static func choose(
    named wanted: String?, from installed: [InstalledClassifier], description: CaseDescription,
    micronsPerPixel: Double
  ) throws(VPathError) -> ClassifierChoice {
    func refusal(_ card: ClassifierCard) -> String? {
      card.refusal(organ: description.organ, stain: description.stain, micronsPerPixel: micronsPerPixel)
    }
    if let wanted {
      guard let found = installed.first(where: { $0.name == wanted }) else {
        let names = installed.map(\.name).joined(separator: ", ")
        throw VPathError(
          .toolFailed,
          "No classifier \(wanted.prefix(64)) is installed; there \(names.isEmpty ? "is none" : "are: " + names).",
          subject: "classifier")
      }
      let card = try found.usableCard()
      return refusal(card).map { .refused($0 + ".") } ?? .chosen(found, card)
    }
    var reasons: [String] = []
    var accepted: [(InstalledClassifier, ClassifierCard)] = []
    for classifier in installed {
      switch classifier.card {
      case .failure(let error): reasons.append("\(classifier.name) is left aside: \(error)")
      case .success(let card):
        if let reason = refusal(card) { reasons.append(reason) } else { accepted.append((classifier, card)) }
      }
    }
    if let best = accepted.first(where: { !$0.1.experimental }) ?? accepted.first { return .chosen(best.0, best.1) }
    guard !reasons.isEmpty else { return .refused("No tile classifier is installed.") }
    return .refused("No installed tile classifier accepts this case: \(reasons.prefix(6).joined(separator: "; ")).")
  }
}

extension InstalledClassifier {
  fileprivate func usableCard() throws(VPathError) -> ClassifierCard {
    do throws(AnalysisError) { return try card.get() } catch {
      throw VPathError(.toolFailed, "models/\(name): \(error).", subject: "classifier")
    }
  }
}

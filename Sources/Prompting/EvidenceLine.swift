// A piece of evidence on one line of a prompt: its id, what it is, where, and its value to three digits.
// What must stay true: file names of slides never stand in it; what a tool wrote is a stranger's text; with `pixels`
// only, nothing stands in it that was measured or said of the patient's tissue.

import Domain
import Ports

/// Writes evidence for models.
enum EvidenceLine {
  private static let maxLabelCharacters = 80

  /// The line; nil for evidence that is never shown to a model.
  static func text(_ item: Evidence, _ disclosure: Disclosure) -> String? {
    let id = item.id.rawValue
    let isOpen = disclosure == .everything
    switch item.body {
    case .slide(let slide):
      guard let properties = slide.properties else { return "\(id): slide" }
      let scale = properties.scale.map { ", \(number($0.micronsPerPixel)) µm/px" } ?? ", no scale"
      return "\(id): slide, \(properties.width) x \(properties.height) px\(scale)"
    case .region(let region):
      let rank = region.rank.map { ", rank \($0)" } ?? ""
      let flags = isOpen && !region.flags.isEmpty ? " (\(words(region.flags.joined(separator: "; "))))" : ""
      let label = isOpen ? " \"\(words(region.label))\"" : ""
      return "\(id): region\(label) of \(region.slide) at x \(region.rect.x), y \(region.rect.y), "
        + "\(region.rect.width) x \(region.rect.height) px\(rank)\(flags)"
    case .view(let view):
      let scale = view.micronsPerPixel.map { " at \(number($0)) µm/px" } ?? ""
      return "\(id): view of \(view.region)\(scale)"
    case .measurement(let measurement):
      let value = isOpen ? " = \(number(measurement.value)) \(measurement.unit.rawValue)" : ""
      let place = measurement.region.map { " in \($0)" } ?? ""
      let rank = measurement.rank.map { ", rank \($0)" } ?? ""
      // What a measure was not validated on is the organ or stain that was stated.
      let hasLimits = isOpen && !measurement.validity.within
      let limits = hasLimits ? " (\(words(measurement.validity.limits.joined(separator: "; "))))" : ""
      return "\(id): \(words(measurement.name))\(value)\(place)\(rank)\(limits)"
    case .comparison(let comparison):
      let ratio = isOpen ? comparison.ratio.map { ", ratio \(number($0))" } ?? "" : ""
      return "\(id): \(comparison.left) against \(comparison.right)\(ratio)"
    case .description(let description):
      guard isOpen else { return nil }
      let view = description.view.map { " of \($0)" } ?? ""
      return "\(id): description\(view): \(StrangersText.line(description.text, maxCharacters: 300))"
    case .artefact(let artefact):
      return "\(id): file, \(words(artefact.mediaType)), \(isOpen ? words(artefact.caption) : "made by a tool")"
    case .quote: return nil
    }
  }

  private static func words(_ text: String) -> String { StrangersText.line(text, maxCharacters: maxLabelCharacters) }

  /// Three significant digits, without an exponent where that is short.
  static func number(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return "0" }
    let size = abs(value)
    if size >= 1e15 { return "\(value)" }
    if size >= 1000 { return "\(Int(value.rounded()))" }
    var scale = 1.0
    var digits = 0
    while size * scale < 100, digits < 9 {
      scale *= 10
      digits += 1
    }
    var text = "\((value * scale).rounded() / scale)"
    if text.hasSuffix(".0") { text.removeLast(2) }
    return text
  }
}

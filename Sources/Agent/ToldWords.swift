// A tool's own words inside a statement: labels, flags, captions, names of what was predicted or divided by.
// What must stay true: words that claim something about a disease, or that the closed lists cannot read, are withheld,
// and the statement says whose they were; what a client wrote itself is repeated. The evidence keeps every word.

import Domain

extension StatementRenderer {
  /// A tool's words on one line of at most `limit` characters, or that they are not shown.
  func told(_ words: String, by id: EvidenceID, limit: Int) -> String {
    let line = words.excerpt(limit)
    guard let tool = evidence[id]?.tool, !line.isEmpty, WordRules.problem(inToolReason: line) != nil else {
      return line
    }
    return "words of \(tool.name.excerpt(60)) that are not shown"
  }

  /// The measurement with its tool's words as they may be told.
  func told(_ measurement: Measurement, by id: EvidenceID) -> Measurement {
    var told = measurement
    told.flags = measurement.flags.map { self.told($0, by: id, limit: 120) }
    told.validity.limits = measurement.validity.limits.map {
      // The daemon's own sentence, with the organ or stain as the client wrote it.
      $0.hasPrefix("not validated") && !$0.contains(where: { ".;:!?".contains($0) })
        ? $0 : self.told($0, by: id, limit: 120)
    }
    if let interval = measurement.interval {
      told.interval?.method = self.told(interval.method, by: id, limit: 80)
      told.interval?.predicts = self.told(interval.predicts, by: id, limit: 60)
    }
    if let ratio = measurement.ratio {
      told.ratio?.denominatorName = self.told(ratio.denominatorName, by: id, limit: 60)
    }
    return told
  }
}

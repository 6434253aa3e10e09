// What a report asks for: a template, its sections and fields, and how a template file is checked.
// What must stay true: unknown keys are errors; a field that a tool can fill names the measure, a field that none can
// says why; a template is data and can hold no mark-up, because its text is escaped like any other.
// To add a kind of field: its case here, its words in ReportFilling, its row in the tool's README.

import Domain
import JSON

/// A report template.
struct ReportTemplate: Sendable, Hashable, Codable {
  /// As the file's name without `.json`.
  var id: String
  var title: String
  var version: String
  /// Organs the template is for, lower case; a case of another organ gets a caution. Absent: any.
  var organs: [String]?
  var sections: [Section]

  /// Fields that belong together.
  struct Section: Sendable, Hashable, Codable {
    var title: String
    var fields: [Field]
  }

  /// One thing a report says.
  struct Field: Sendable, Hashable, Codable {
    /// Unique in the template.
    var id: String
    var title: String
    /// What a person who fills the field should write.
    var guide: String?
    var kind: Kind
    /// Names of measures that mean the same, any of which fills the field. A name that ends in a colon stands for
    /// all measures that begin so ("left out:"), each a value of its own.
    var measure: [String]?
    /// Where the measure must have been taken; absent: anywhere.
    var region: Place?
    /// The unit it must be in; absent: any.
    var unit: UCUMUnit?
    /// For `stated`: what is stated.
    var stated: Statement?
    /// Why the field stays empty when nothing measures it, and what would be needed.
    var notAssessable: String?
  }

  /// Where a field's value comes from.
  enum Kind: String, Sendable, Codable, CaseIterable { case measured, stated, fromPathologist }
  /// `whole tissue`: all tissue of a slide; `densest`: the first place of a ranking over all tissue of a slide.
  enum Place: String, Sendable, Codable, CaseIterable {
    case wholeTissue = "whole tissue"
    case densest
  }
  /// What the case itself says.
  enum Statement: String, Sendable, Codable, CaseIterable { case organ, stain, notes, slides, scale }
}

extension ReportTemplate {
  /// The JSON Schema of a template file.
  static let schema: Schema = .object([
    .required("id", .string(pattern: "^[a-z][a-z0-9_]{0,63}$", description: "As the file's name without .json.")),
    .required("title", text(120)),
    .required("version", .string(pattern: "^[0-9]{1,4}[.][0-9]{1,4}[.][0-9]{1,4}$")),
    .optional("organs", .array(of: text(64), min: 1, max: 16, unique: true)),
    .required(
      "sections",
      .array(of: .object([.required("title", text(120)), .required("fields", fields)]), min: 1, max: 24)),
  ])

  private static let fields: Schema = .array(
    of: .object([
      .required("id", .string(pattern: "^[a-z][a-z0-9_]{0,63}$")),
      .required("title", text(120)),
      .optional("guide", text(300)),
      .required("kind", .string(enum: Kind.allCases.map(\.rawValue))),
      .optional("measure", .array(of: text(64), min: 1, max: 8, unique: true)),
      .optional("region", .string(enum: Place.allCases.map(\.rawValue))),
      .optional("unit", .string(enum: UCUMUnit.allCases.map(\.rawValue))),
      .optional("stated", .string(enum: Statement.allCases.map(\.rawValue))),
      .optional("notAssessable", text(400)),
    ]), min: 1, max: 40)

  private static func text(_ maxLength: Int) -> Schema { .string(minLength: 1, maxLength: maxLength) }

  /// The template that a file's bytes spell.
  ///
  /// - Throws: `tool.failed` with the place and what to change; `fileName` is the last name alone.
  static func read(_ bytes: [UInt8], fileName: String) throws(VPathError) -> ReportTemplate {
    func wrong(_ words: String) -> VPathError {
      VPathError(
        .toolFailed, "The report template \(fileName) is wrong: \(words). Mend the file.", subject: fileName)
    }
    let template: ReportTemplate
    do {
      let json = try JSONValue.parse(bytes, limits: JSONLimits(maxBytes: 256 << 10, maxDepth: 16, maxValues: 20_000))
      guard let schema = try? JSONSchema(Self.schema.json) else {
        throw VPathError(.internalBug, "The schema of report templates does not compile.")
      }
      if let violation = schema.validate(json).first { throw wrong("\(violation)") }
      template = try decodeJSON(ReportTemplate.self, from: json)
    } catch let error as JSONError {
      throw wrong("\(error)")
    } catch let error as VPathError {
      throw error
    } catch {
      throw wrong("\(error)")
    }
    if let problem = template.problem(fileName: fileName) { throw wrong(problem) }
    return template
  }

  /// What a schema cannot say.
  private func problem(fileName: String) -> String? {
    guard fileName == id + ".json" else { return "its id is \"\(id)\", which must be the file's name without .json" }
    var seen: Set<String> = []
    for section in sections {
      for field in section.fields {
        guard seen.insert(field.id).inserted else { return "two fields have the id \"\(field.id)\"" }
        if let problem = field.problem { return "the field \"\(field.id)\" \(problem)" }
      }
    }
    let texts =
      [title] + (organs ?? []) + sections.map(\.title)
      + sections.flatMap(\.fields).flatMap { field in
        [field.title, field.guide, field.notAssessable].compactMap { $0 } + (field.measure ?? [])
      }
    if let odd = texts.first(where: { ReportText.line($0, limit: 400) != $0 }) {
      return
        "the text \"\(ReportText.line(odd, limit: 60))\" holds line breaks, double or outer spaces, or invisible characters"
    }
    return nil
  }
}

extension ReportTemplate.Field {
  fileprivate var problem: String? {
    switch kind {
    case .measured:
      if measure == nil && notAssessable == nil {
        return "is measured: it needs measure, or notAssessable with the reason why nothing measures it"
      }
      if stated != nil { return "is measured and cannot have stated" }
    case .stated:
      if stated == nil { return "is stated: it needs stated" }
      if measure != nil || notAssessable != nil { return "is stated and can have neither measure nor notAssessable" }
    case .fromPathologist:
      if measure != nil || stated != nil || notAssessable != nil {
        return "is fromPathologist and can have none of measure, stated and notAssessable"
      }
    }
    if measure == nil && (region != nil || unit != nil) { return "has region or unit but no measure" }
    return nil
  }
}

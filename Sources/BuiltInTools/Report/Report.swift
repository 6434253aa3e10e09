// A filled report, before it is written as JSON, Markdown or HTML.
// What must stay true: all text in it is clean (ReportText) but not escaped; the three forms say the same; nothing in
// it depends on the clock, so equal input gives equal bytes.

import Domain
import JSON

/// A filled report.
struct Report: Sendable {
  /// Stands at the head of every form.
  static let notice = "Draft for research. Not a medical device. Not reviewed by a pathologist."

  var template: ReportTemplate
  /// What a reader must know before reading on.
  var cautions: [String]
  var sections: [Section]
  /// The case as stated: organ, stain, scale.
  var caseLine: String
  var caseJSON: JSONValue
  var slides: [Source]
  /// Regions that values refer to.
  var regions: [Source]
  /// This tool and those whose measurements are shown.
  var tools: [ToolReference]

  struct Section: Sendable {
    var title: String
    var fields: [Field]
  }

  struct Field: Sendable {
    var id: String
    var title: String
    var guide: String?
    var kind: ReportTemplate.Kind
    var entry: Entry
  }

  enum Entry: Sendable {
    /// What tools measured; `omitted` values more are left to the evidence.
    case measured([Value], omitted: Int)
    /// What the case states.
    case stated([Value], omitted: Int)
    case notAssessable(String)
    /// A person has to give it; why, when there is more to say.
    case notProvided(String?)

    /// The state's name in JSON.
    var state: String {
      switch self {
      case .measured: "measured"
      case .stated: "stated"
      case .notAssessable: "notAssessable"
      case .notProvided: "notProvided"
      }
    }

    /// What stands in place of a value.
    var words: String? {
      switch self {
      case .measured, .stated: nil
      case .notAssessable(let reason): "not assessable: \(reason)"
      case .notProvided(let reason?): "not provided: \(reason)"
      case .notProvided(nil): "not provided"
      }
    }

    var values: (shown: [Value], omitted: Int) {
      switch self {
      case .measured(let values, let omitted), .stated(let values, let omitted): (values, omitted)
      case .notAssessable, .notProvided: ([], 0)
      }
    }
  }

  /// One value of a field.
  struct Value: Sendable {
    /// Tells values of one field apart: "s2", "ink".
    var qualifier: String?
    /// Two significant figures with the unit, or what is stated.
    var text: String
    /// What the value rests on, one thing each.
    var notes: [String]
    var evidence: [EvidenceID]
    /// Exact, in Domain's form.
    var json: JSONValue
  }

  /// Something that values refer to.
  struct Source: Sendable {
    var id: EvidenceID
    var words: String
    var json: JSONValue
  }
}

extension Report {
  /// How many fields are in which state, in words.
  var summary: String {
    let counts = stateCounts
    let total = counts.values.reduce(0, +)
    return "Of \(total) field\(total == 1 ? "" : "s"), \(counts["measured", default: 0]) measured, "
      + "\(counts["stated", default: 0]) stated with the case, \(counts["notAssessable", default: 0]) not assessable, "
      + "\(counts["notProvided", default: 0]) not provided."
  }

  private var stateCounts: [String: Int] {
    var counts = ["measured": 0, "stated": 0, "notAssessable": 0, "notProvided": 0]
    for field in sections.flatMap(\.fields) { counts[field.entry.state, default: 0] += 1 }
    return counts
  }

  /// The report as JSON; exact values, the same words as the other forms.
  var json: JSONValue {
    [
      "notice": .string(Self.notice),
      "template": [
        "id": .string(template.id), "title": .string(template.title), "version": .string(template.version),
      ],
      "summary": .object(stateCounts.mapValues { .number(Double($0)) }),
      "cautions": .array(cautions.map(JSONValue.string)),
      "case": caseJSON,
      "sections": .array(
        sections.map { section in
          ["title": .string(section.title), "fields": .array(section.fields.map(\.json))]
        }),
      "slides": .array(slides.map(\.json)),
      "regions": .array(regions.map(\.json)),
      "tools": .array(tools.map { ["name": .string($0.name), "version": .string($0.version)] }),
    ]
  }
}

extension Report.Field {
  var json: JSONValue {
    var members: [String: JSONValue] = [
      "id": .string(id), "title": .string(title), "kind": .string(kind.rawValue), "state": .string(entry.state),
    ]
    members["guide"] = guide.map(JSONValue.string)
    switch entry {
    case .measured(let values, let omitted), .stated(let values, let omitted):
      members["values"] = .array(values.map(\.fullJSON))
      if omitted > 0 { members["omitted"] = .number(Double(omitted)) }
    case .notAssessable(let reason): members["reason"] = .string(reason)
    case .notProvided(let reason): members["reason"] = reason.map(JSONValue.string)
    }
    return .object(members)
  }
}

extension Report.Value {
  fileprivate var fullJSON: JSONValue {
    var members = json.objectValue ?? [:]
    members["text"] = .string(text)
    members["notes"] = .array(notes.map(JSONValue.string))
    members["evidence"] = .array(evidence.map { .string($0.rawValue) })
    members["qualifier"] = qualifier.map(JSONValue.string)
    return .object(members)
  }
}

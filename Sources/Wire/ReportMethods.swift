// report/draft and report/get.

public import Domain
public import JSON

/// Fills a template from a case's evidence.
public struct ReportDraftParams: WireType {
  public var caseID: CaseID
  public var template: String
  public var key: String?
  public init(caseID: CaseID, template: String, key: String? = nil) {
    self.caseID = caseID
    self.template = template
    self.key = key
  }
  enum CodingKeys: String, CodingKey {
    case caseID = "case"
    case template, key
  }
  public static var schema: Schema {
    .object([
      .required("case", .caseID), .required("template", .name("skin_excision, colorectal_resection, lymph_node.")),
      .optional("key", .string(minLength: 1, maxLength: 128)),
    ])
  }
}

/// A drafted report: artefacts of a turn.
public struct ReportResult: WireType {
  public var turn: TurnID
  public var template: String
  /// The report as JSON.
  public var report: JSONValue
  /// Artefact ids of the JSON, Markdown and HTML forms.
  public var artefacts: [EvidenceID]
  public init(turn: TurnID, template: String, report: JSONValue, artefacts: [EvidenceID]) {
    self.turn = turn
    self.template = template
    self.report = report
    self.artefacts = artefacts
  }
  public static var schema: Schema {
    .object([
      .required("turn", .turnID), .required("template", .text("Its template.")), .required("report", .any()),
      .required("artefacts", .array(of: .evidenceID)),
    ])
  }
}

/// The methods about reports.
public enum ReportMethods {
  public static let draft = Method<ReportDraftParams, ReportResult>(
    "report/draft", "Fills a report template from the case's evidence; each field cites or says why it is empty.",
    errors: [.caseNotFound, .policyDenied, .toolFailed, .serverOverloaded, .serverDraining, .traceWriteFailed],
    example: ["case": "case-1", "template": "skin_excision"])
  public static let get = Method<TurnParams, ReportResult>(
    "report/get", "A report drafted earlier.", errors: [.turnNotFound, .evidenceNotFound],
    example: ["turn": "turn-1"])
}

// What a planner may do at one moment: tools that are offered, permitted, made for this case, within the budget and not
// done before; and the JSON Schema of a step that says so.
// What must stay true: the schema narrows and never widens; whatever a model server promises, Turn checks again.

import Domain
import JSON
import Ports

/// The actions of one moment.
struct LegalActions: Sendable {
  /// Tools that may be called.
  var tools: [ToolManifest] = []
  /// Tools that may not, with why.
  var unavailable: [UnavailableTool] = []
  /// JSON Schema of a legal step.
  var schema: JSONValue

  /// The most parts of a question.
  static let maxParts = 16

  /// What decides about a moment.
  struct Moment {
    var brief: TurnBrief
    var evidence: CaseEvidence
    var parts: [QuestionPart]
    /// Calls of this turn that ran or were reused, by tool: the arguments.
    var done: [String: [JSONValue]]
    var toolCalls: Int
    var regions: Int
    var stepsLeft: Int
    /// Why the policy forbids a tool; nil when it may be asked.
    var forbidden: (ToolManifest) -> String?
    /// Evidence that words of the planner may be about.
    var describable: Set<EvidenceID>
  }

  /// The legal actions of a moment.
  init(_ moment: Moment) {
    guard !moment.parts.isEmpty else {
      schema = Self.partsSchema
      for manifest in moment.brief.tools { sort(manifest, moment) }
      return
    }
    schema = .null
    var alternatives: [JSONValue] = []
    for manifest in moment.brief.tools {
      guard let arguments = sort(manifest, moment) else { continue }
      alternatives.append(Self.toolSchema(manifest, arguments, parts: moment.parts))
    }
    alternatives.append(Self.answerSchema(moment))
    schema = Self.stepSchema(act: alternatives.count == 1 ? alternatives[0] : ["anyOf": .array(alternatives)])
  }

  /// Puts a tool on one of the lists; the narrowed schema of its arguments when it is legal.
  @discardableResult
  private mutating func sort(_ manifest: ToolManifest, _ moment: Moment) -> JSONValue? {
    func refuse(_ reason: String) -> JSONValue? {
      unavailable.append(UnavailableTool(tool: manifest, reason: reason))
      return nil
    }
    if let reason = Self.misfit(manifest, moment) { return refuse(reason) }
    if let reason = moment.forbidden(manifest) { return refuse(reason) }
    if let reason = Self.overBudget(manifest, moment) { return refuse(reason) }
    do {
      _ = try JSONSchema(manifest.inputSchema)
    } catch {
      return refuse("\(manifest.name.excerpt(60)) has an input schema that cannot be checked")
    }
    switch Self.narrowed(manifest, moment) {
    case .success(let schema):
      tools.append(manifest)
      return schema
    case .failure(let refusal): return refuse(refusal.reason)
    }
  }

  // MARK: Tools

  /// Why a tool is not made for this case, as far as that was stated or is known.
  private static func misfit(_ manifest: ToolManifest, _ moment: Moment) -> String? {
    guard let accepts = manifest.vpath.accepts else { return nil }
    let name = manifest.name.excerpt(60)
    switch accepts.misfit(with: moment.brief.description) {
    case .stain(let stated, let accepted):
      return "\(name) is made for the stain \(accepted.joined(separator: ", ").excerpt(80)); this case is stated as "
        + stated.excerpt(60)
    case .organ(let stated, let accepted):
      return "\(name) is made for \(accepted.joined(separator: ", ").excerpt(80)); this case is stated as "
        + stated.excerpt(60)
    case nil: break
    }
    let scales = moment.evidence.slides.compactMap { $0.properties?.scale?.micronsPerPixel }
    if let coarsest = accepts.mpp?.max(), !scales.isEmpty, scales.allSatisfy({ $0 > coarsest * 1.1 }) {
      return "\(name) needs \(NumberText.plain(coarsest)) µm/px or finer; the slides of this case are coarser"
    }
    return nil
  }

  private static func overBudget(_ manifest: ToolManifest, _ moment: Moment) -> String? {
    let budget = moment.brief.budget
    if moment.stepsLeft <= 1, !moment.parts.isEmpty { return "this is the last of \(budget.steps) steps" }
    if moment.toolCalls >= budget.toolCalls { return "the budget of \(budget.toolCalls) tool calls is spent" }
    if moment.regions >= budget.regions { return "the budget of \(budget.regions) regions is spent" }
    return nil
  }

  private struct Refusal: Error {
    var reason: String
  }

  /// The tool's input schema with ids for regions, slides and evidence, where it names any.
  private static func narrowed(_ manifest: ToolManifest, _ moment: Moment) -> Result<JSONValue, Refusal> {
    let source = manifest.inputSchema
    guard case .object(var members) = source, !mentionsReferences(source) else {
      return .success(["type": "object"])
    }
    guard case .object(var properties)? = members["properties"] else { return .success(source) }
    let required = Set(members["required"]?.arrayValue?.compactMap(\.stringValue) ?? [])
    for (name, property) in properties where CallArguments.referenceKeys.contains(name) {
      var ids = ids(for: name, moment.evidence)
      if name == "slide", Set(properties.keys) == ["slide"] {
        let done = (moment.done[manifest.name] ?? []).compactMap { $0["slide"]?.stringValue }
        ids.removeAll { done.contains($0) }
        if ids.isEmpty {
          return .failure(Refusal(reason: "\(manifest.name.excerpt(60)) was called already in this turn"))
        }
      }
      if ids.isEmpty {
        if required.contains(name) {
          return .failure(Refusal(reason: "\(manifest.name.excerpt(60)) needs a \(name), and this case has none yet"))
        }
        properties[name] = nil
      } else {
        properties[name] = restricted(property, to: ids)
      }
    }
    members["properties"] = .object(properties)
    if members["additionalProperties"] == nil { members["additionalProperties"] = false }
    return .success(.object(members))
  }

  private static func ids(for key: String, _ evidence: CaseEvidence) -> [String] {
    let kinds: Set<EvidenceKind> =
      switch key {
      case "region", "regions": [.region]
      case "slide", "slides": [.slide]
      default: Set(EvidenceKind.allCases).subtracting([.quote])
      }
    return evidence.shown.filter { kinds.contains($0.body.kind) }.map(\.id.rawValue)
  }

  /// A text property that may only be one of the ids, or an array of such.
  private static func restricted(_ property: JSONValue, to ids: [String]) -> JSONValue {
    guard case .object(var members) = property else { return property }
    switch members["type"]?.stringValue {
    case "string":
      members["enum"] = .array(ids.map { .string($0) })
      members["pattern"] = nil
    case "array":
      members["items"] = ["type": "string", "enum": .array(ids.map { .string($0) })]
    default: break
    }
    return .object(members)
  }

  /// Whether a schema refers to places in its own document, which would be elsewhere inside another schema.
  private static func mentionsReferences(_ schema: JSONValue) -> Bool {
    switch schema {
    case .object(let members):
      return ["$ref", "$defs", "definitions", "$id", "$anchor"].contains { members[$0] != nil }
        || members.values.contains { mentionsReferences($0) }
    case .array(let elements): return elements.contains { mentionsReferences($0) }
    default: return false
    }
  }

  // MARK: Schemas

  private static func stepSchema(act: JSONValue) -> JSONValue {
    [
      "type": "object",
      "properties": ["thought": ["type": "string", "maxLength": 2000], "act": act],
      "required": ["act"], "additionalProperties": false,
    ]
  }

  private static let partsSchema: JSONValue = stepSchema(act: [
    "type": "object",
    "properties": [
      "parts": [
        "type": "array", "minItems": 1, "maxItems": .number(Double(maxParts)),
        "items": [
          "type": "object",
          "properties": [
            "asked": ["type": "string"],
            "notAssessable": [
              "type": "string", "minLength": 1, "maxLength": .number(Double(WordRules.maxReasonLength)),
            ],
          ],
          "required": ["asked"], "additionalProperties": false,
        ],
      ]
    ],
    "required": ["parts"], "additionalProperties": false,
  ])

  private static func partNumbers(_ parts: [QuestionPart]) -> JSONValue {
    ["type": "integer", "enum": .array(parts.map { .number(Double($0.part)) })]
  }

  private static func toolSchema(
    _ manifest: ToolManifest, _ arguments: JSONValue, parts: [QuestionPart]
  ) -> JSONValue {
    [
      "type": "object",
      "properties": [
        "tool": ["const": .string(manifest.name)], "args": arguments,
        "for": ["type": "array", "items": partNumbers(parts), "maxItems": .number(Double(maxParts))],
      ],
      "required": ["tool", "args"], "additionalProperties": false,
    ]
  }

  private static func answerSchema(_ moment: Moment) -> JSONValue {
    let citable = moment.evidence.shown.filter { $0.body.kind != .quote }
    let ids = citable.map { JSONValue.string($0.id.rawValue) }
    var finding: [String: JSONValue] = [
      "part": partNumbers(moment.parts),
      "evidence": [
        "type": "array", "minItems": 1, "maxItems": .number(Double(AnswerCheck.maxIDs)),
        "items": ["type": "string", "enum": .array(ids)],
      ],
    ]
    if citable.contains(where: { moment.describable.contains($0.id) }) {
      finding["words"] = [
        "type": "string", "minLength": 1, "maxLength": .number(Double(WordRules.maxDescriptionLength)),
      ]
    }
    let findings: JSONValue =
      ids.isEmpty
      ? ["type": "array", "maxItems": 0, "items": ["type": "null"]]
      : [
        "type": "array", "maxItems": .number(Double(AnswerCheck.maxFindings)),
        "items": [
          "type": "object", "properties": .object(finding), "required": ["part", "evidence"],
          "additionalProperties": false,
        ],
      ]
    let reasons: JSONValue = [
      "type": "array", "maxItems": .number(Double(AnswerCheck.maxFindings)),
      "items": [
        "type": "object",
        "properties": [
          "part": partNumbers(moment.parts),
          "reason": ["type": "string", "minLength": 1, "maxLength": .number(Double(WordRules.maxReasonLength))],
        ],
        "required": ["part", "reason"], "additionalProperties": false,
      ],
    ]
    return [
      "type": "object",
      "properties": [
        "answer": [
          "type": "object", "properties": ["findings": findings, "notAssessable": reasons],
          "required": ["findings", "notAssessable"], "additionalProperties": false,
        ]
      ],
      "required": ["answer"], "additionalProperties": false,
    ]
  }
}

// The check that every draft of an answer passes before anything is shown.
// What must stay true: deterministic and closed; a statement cites evidence of this case; every part of the question
// ends as a finding or as not assessable; no words of a planner state what only a measurement or a pathologist can.

import Domain

/// Checks drafts.
struct AnswerCheck: Sendable {
  /// The parts of the question.
  var parts: [QuestionPart]
  /// Parts that the first step held for not assessable; an answer may leave them out.
  var presetReasons: [Int: String]
  /// The case's evidence.
  var evidence: CaseEvidence
  /// What tools and the daemon said in this turn, which a reason may repeat word for word.
  var quotedReasons: Set<String>
  /// Evidence that words of the planner may be about.
  var describable: Set<EvidenceID>

  /// The most findings and the most ids of one finding.
  static let maxFindings = 64
  static let maxIDs = 64

  /// What is wrong with a draft, in words a planner can act on; empty when nothing is.
  func problems(of draft: AnswerDraft) -> [String] {
    var problems: [String] = []
    if draft.findings.count + draft.notAssessable.count > Self.maxFindings {
      problems.append("The answer has more than \(Self.maxFindings) findings and reasons; select fewer.")
    }
    for (index, finding) in draft.findings.prefix(Self.maxFindings).enumerated() {
      problems += self.problems(of: finding).map { "Finding \(index + 1): \($0)." }
    }
    for reason in draft.notAssessable.prefix(Self.maxFindings) {
      if part(reason.part) == nil { problems.append("Part \(reason.part) does not exist.") }
      if let problem = WordRules.problem(inReason: reason.reason, quoted: quotedReasons) {
        problems.append("The reason of part \(reason.part): \(problem).")
      }
    }
    let covered = Set(draft.findings.map(\.part)).union(draft.notAssessable.map(\.part)).union(presetReasons.keys)
    for part in parts where !covered.contains(part.part) {
      problems.append(
        "Part \(part.part) (\"\(part.asked.excerpt(80))\") is neither answered nor given a reason.")
    }
    return problems
  }

  private func part(_ number: Int) -> QuestionPart? { parts.first { $0.part == number } }

  private func problems(of finding: DraftFinding) -> [String] {
    var problems: [String] = []
    if part(finding.part) == nil { problems.append("part \(finding.part) does not exist") }
    if finding.evidence.isEmpty { problems.append("it cites nothing") }
    if finding.evidence.count > Self.maxIDs { problems.append("it cites more than \(Self.maxIDs) pieces of evidence") }
    if Set(finding.evidence).count < finding.evidence.count { problems.append("it cites something twice") }
    var kinds: Set<EvidenceKind> = []
    for id in finding.evidence.prefix(Self.maxIDs) {
      guard let item = evidence[id] else {
        problems.append("there is no evidence \(id.rawValue.excerpt(20)) in this case")
        continue
      }
      kinds.insert(item.body.kind)
      if item.body.kind == .quote {
        problems.append("\(id) is a number from the question or the notes, which is never a result")
      }
    }
    if let words = finding.words {
      if !finding.evidence.isEmpty, describable.isDisjoint(with: finding.evidence) {
        problems.append(
          kinds.isDisjoint(with: [.description, .view])
            ? "words need a view or a description that they describe"
            : "the planner has not seen the view that its words describe")
      }
      if !kinds.isDisjoint(with: [.measurement, .comparison]) {
        problems.append("what was measured is worded by the daemon: give it a finding without words")
      }
      if let problem = WordRules.problem(inDescription: words) { problems.append("its words: \(problem)") }
    }
    return problems
  }
}

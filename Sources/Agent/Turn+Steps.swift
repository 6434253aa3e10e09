// Planning: asking for a step, reading it, and doing what it says.
// What must stay true: a reply is a stranger's text; what it may do was said by LegalActions and is checked here again.

import Domain
import JSON
import Policy
import Ports

extension Turn {
  var question: String {
    if case .ask(let question) = brief.task { return question }
    return ""
  }

  // MARK: Asking

  /// Asks the planner for the next step, or ends the turn when a budget is spent.
  mutating func requestStep() {
    if elapsed >= brief.budget.seconds { return end(.seconds) }
    if usage.tokens >= brief.budget.tokens { return end(.tokens) }
    if usage.steps >= brief.budget.steps { return end(usage.toolCalls >= brief.budget.toolCalls ? .toolCalls : .steps) }
    usage.steps += 1
    let actions = legalActions()
    for tool in actions.unavailable { quotedReasons.insert(tool.reason) }
    let request = StepRequest(
      turn: brief.turn, number: usage.steps, question: question, parts: parts, description: brief.description,
      evidence: known.shown.map(\.withoutFileName), tools: actions.tools,
      history: calls.filter(\.isSettled).map(\.outcome),
      drawnRegions: drawnRegions, schema: actions.schema, stepsLeft: stepsLeft, corrections: corrections,
      unavailableTools: actions.unavailable, disclosure: disclosure)
    phase = .planning(step: usage.steps)
    record(request)
    ask(for: .requestStep(request))
  }

  /// Steps left, the one being asked for included.
  private var stepsLeft: Int { brief.budget.steps - usage.steps + 1 }

  func legalActions() -> LegalActions {
    var done: [String: [JSONValue]] = [:]
    for call in calls where call.isSettled && call.outcome.error == nil {
      done[call.manifest.name, default: []].append(call.arguments)
    }
    return LegalActions(
      LegalActions.Moment(
        brief: brief, evidence: known, parts: parts, done: done, toolCalls: usage.toolCalls, regions: usage.regions,
        stepsLeft: stepsLeft,
        forbidden: { manifest in
          let decision = permission.decision(on: manifest)
          return decision.effect == .permit ? nil : decision.denial(of: manifest.name).message
        }, describable: describableNow))
  }

  /// What words of the planner may be about: descriptions that a tool gave, and views whose pictures the turn's model
  /// was sent. A planner that is no model decides by itself what it saw.
  private var describable: Set<EvidenceID> { describable { seenViews.contains($0) } }

  /// The same before a step: pictures that are there go out with the request for it, to a model that sees.
  private var describableNow: Set<EvidenceID> {
    let isShown = brief.model?.vision == true && disclosure != .nothing
    return describable { _ in isShown }
  }

  private func describable(_ isSeen: (EvidenceID) -> Bool) -> Set<EvidenceID> {
    let ids = known.all.filter { item in
      switch item.body {
      case .description: true
      case .view(let view): brief.model == nil || (view.imageSha256 != nil && isSeen(item.id))
      default: false
      }
    }
    return Set(ids.map(\.id))
  }

  // MARK: Replies

  mutating func take(_ reply: StepReply, step: Int) {
    record(events.responded(step: step, reply, elapsed: elapsed))
    plannerFailures = 0
    count(exchangesOf: reply)
    note(reply.planning)
    do throws(StepError) {
      let act = try Step.read(reply.text)
      switch act {
      case .parts(let planned): try take(planned)
      case .tool(let call): try take(call)
      case .answer(let draft):
        guard !parts.isEmpty else {
          throw StepError(correction: "The first step splits the question: write \"parts\".")
        }
        take(draft)
      }
    } catch {
      invalidSteps += 1
      if invalidSteps >= Self.invalidStepLimit { return end(.composed) }
      corrections = [error.correction]
      requestStep()
    }
  }

  private mutating func count(exchangesOf reply: StepReply) {
    for tokens in [reply.promptTokens, reply.completionTokens] {
      usage.tokens =
        usage.tokens.addingReportingOverflow(max(0, tokens)).overflow ? .max : usage.tokens + max(0, tokens)
    }
    usage.modelRequests += reply.exchanges?.count ?? 0
    for exchange in reply.exchanges ?? [] {
      seenViews.formUnion(exchange.views ?? [])
      let (sum, overflow) = usage.cachedTokens.addingReportingOverflow(max(0, exchange.cachedTokens))
      usage.cachedTokens = overflow ? .max : sum
    }
  }

  private mutating func note(_ planning: StepPlanning?) {
    switch (usage.planning, planning) {
    case (_, nil): break
    case ("free, then rules", _): break
    case (_, .free?): usage.planning = "free"
    case ("free", .rules?): usage.planning = "free, then rules"
    case (_, .narrowed?): usage.planning = "narrowed"
    case (_, .rules?): break
    }
  }

  /// `reply` has what was exchanged before.
  mutating func plannerFailed(_ error: VPathError, step: Int, after reply: StepReply? = nil) {
    record(events.modelFailed(step: step, error, elapsed: elapsed, exchanges: reply?.exchanges))
    if let reply { count(exchangesOf: reply) }
    plannerFailures += 1
    guard error.id == .modelUnavailable, plannerFailures < Self.plannerFailureLimit else {
      return end(.modelUnavailable(error))
    }
    requestStep()
  }

  private mutating func take(_ planned: [PlannedPart]) throws(StepError) {
    guard parts.isEmpty else {
      throw StepError(correction: "The question is split already; call a tool or answer.")
    }
    guard (1...LegalActions.maxParts).contains(planned.count) else {
      throw StepError(correction: "A question has 1 to \(LegalActions.maxParts) parts.")
    }
    var reasons: [Int: String] = [:]
    for (index, part) in planned.enumerated() {
      guard question.quotes(part.asked) else {
        throw StepError(
          correction: "Part \(index + 1) is not in the words of the question: \"\(part.asked.excerpt(80))\".")
      }
      guard let reason = part.notAssessable else { continue }
      if let problem = WordRules.problem(inReason: reason, quoted: quotedReasons) {
        throw StepError(correction: "The reason of part \(index + 1): \(problem).")
      }
      reasons[index + 1] = reason
    }
    invalidSteps = 0
    corrections = []
    parts = planned.enumerated().map { QuestionPart(part: $0.offset + 1, asked: $0.element.asked) }
    presetReasons = reasons
    if reasons.count == parts.count {
      take(AnswerDraft())
    } else {
      requestStep()
    }
  }

  private mutating func take(_ draft: AnswerDraft) {
    invalidSteps = 0
    let check = AnswerCheck(
      parts: parts, presetReasons: presetReasons, evidence: known, quotedReasons: quotedReasons,
      describable: describable)
    let problems = check.problems(of: draft)
    record(events.checked(draft: rejectedDrafts + 1, problems: problems))
    guard problems.isEmpty else {
      rejectedDrafts += 1
      if rejectedDrafts > brief.budget.redrafts { return end(.composed) }
      corrections = problems
      return requestStep()
    }
    answer(draft, stop: .answered)
  }
}

extension String {
  /// Whether the text has these words one after the other; case and white space do not count.
  fileprivate func quotes(_ words: String) -> Bool {
    let (text, part) = (normalized, words.normalized)
    if part.isEmpty { return text.isEmpty }
    guard part.count <= text.count else { return false }
    let first = part[0]
    for start in 0...(text.count - part.count) where text[start] == first {
      if text[start..<start + part.count].elementsEqual(part) { return true }
    }
    return false
  }

  private var normalized: [UInt8] {
    Array(lowercased().split(whereSeparator: \.isWhitespace).joined(separator: " ").utf8)
  }
}

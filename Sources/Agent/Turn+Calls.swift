// Calls: from what a planner or a client wants to an approval, and from a result to evidence.
// What must stay true: the arguments are valid by the tool's schema and name evidence of this case; the policy decides
// about every call that runs; the same call is made once in a case and answered from evidence after that.

import Domain
import JSON
import Policy
import Ports

extension Turn {
  // MARK: The planner's calls

  mutating func take(_ planned: PlannedCall) throws(StepError) {
    guard !parts.isEmpty else {
      throw StepError(correction: "The first step splits the question: write \"parts\".")
    }
    guard let manifest = brief.tools.first(where: { $0.name == planned.tool }) else {
      throw StepError(correction: "There is no tool \"\(planned.tool.excerpt(60))\".")
    }
    guard planned.parts.allSatisfy({ number in parts.contains { $0.part == number } }) else {
      throw StepError(correction: "\"for\" names a part that does not exist.")
    }
    let arguments: CallArguments
    do {
      arguments = try checked(planned.arguments, manifest)
    } catch {
      throw StepError(correction: error.message)
    }
    // Canonical text only where it is needed: arguments are bounded by the step's size.
    let canonical = planned.arguments.canonicalString()
    if let failed = failedBefore(manifest, canonical) {
      throw StepError(correction: "\(failed.id) was the same call and failed: \(failed.outcome.error?.message ?? "").")
    }
    let again = evidenceOf(manifest, canonical)
    let actions = legalActions()
    if again == nil, let refusal = actions.unavailable.first(where: { $0.tool.name == manifest.name }),
      permission.decision(on: manifest).effect == .permit
    {
      throw StepError(correction: "\(manifest.name) may not be called now: \(refusal.reason).")
    }
    if again == nil, usage.regions + newPlaces(arguments) > brief.budget.regions {
      throw StepError(correction: "The call looks at more regions than the budget of \(brief.budget.regions) has left.")
    }
    invalidSteps = 0
    corrections = []
    let id = add(manifest, planned.arguments, canonical, parts: planned.parts)
    if let again {
      reuse(again, for: id)
      return requestStep()
    }
    if !run(id, manifest, planned.arguments, arguments) { requestStep() }
  }

  // MARK: A client's call

  /// Begins the call of a `call` task.
  mutating func begin(_ tool: String, _ value: JSONValue) {
    guard let manifest = brief.tools.first(where: { $0.name == tool }) else {
      return endCall(
        StepOutcome(
          call: CallID("call-1"), tool: tool, arguments: value, evidence: [],
          error: VPathError(
            .toolNotFound, "No tool \(tool.excerpt(60)) is installed. tools/list names those that are.",
            subject: tool.excerpt(60)), refusals: []))
    }
    let canonical = value.canonicalString()
    let id = add(manifest, value, canonical, parts: [])
    do {
      let arguments = try checked(value, manifest)
      if let again = evidenceOf(manifest, canonical) {
        reuse(again, for: id)
      } else if run(id, manifest, value, arguments) {
        return
      }
    } catch {
      settle(id) {
        $0.outcome.error = VPathError(
          .protocolParams,
          "The arguments of \(manifest.name) cannot be used: \(error.message). "
            + "Check them against tools/list and turn/get.", subject: manifest.name
        )
      }
    }
    endCall(calls[0].outcome)
  }

  private mutating func endCall(_ outcome: StepOutcome) {
    complete(TurnOutcome(stop: outcome.error == nil ? .answered : .failed, answer: nil, call: outcome))
  }

  // MARK: Arguments and repetition

  private struct ArgumentError: Error {
    var message: String
  }

  private func checked(
    _ value: JSONValue, _ manifest: ToolManifest
  ) throws(ArgumentError) -> CallArguments {
    let schema: JSONSchema
    do {
      schema = try JSONSchema(manifest.inputSchema)
    } catch {
      throw ArgumentError(message: "the input schema of \(manifest.name) cannot be checked")
    }
    let violations = schema.validate(value)
    guard violations.isEmpty else {
      let shown = violations.prefix(3).map { "\($0.pointer.isEmpty ? "/" : $0.pointer): \($0.message)" }
      throw ArgumentError(message: "\(manifest.name): \(shown.joined(separator: "; ").excerpt(600))")
    }
    let arguments = CallArguments(value, evidence: known)
    if let problem = arguments.problem { throw ArgumentError(message: problem) }
    return arguments
  }

  private func newPlaces(_ arguments: CallArguments) -> Int { arguments.places.subtracting(places).count }

  /// The same call of this turn that failed for good; one that may succeed later is not in the way the first time.
  private func failedBefore(_ manifest: ToolManifest, _ canonical: String) -> TurnCall? {
    let failed = calls.filter { $0.isSettled && $0.matches(manifest, canonical) && $0.outcome.error != nil }
    guard let last = failed.last else { return nil }
    return last.outcome.error?.retryable == true && failed.count < 2 ? nil : last
  }

  private struct Again {
    var evidence: [EvidenceID]
    var refusals: [String]
  }

  /// What the same call gave before. A tool that works on the case's evidence gives something else when there is more.
  private func evidenceOf(_ manifest: ToolManifest, _ canonical: String) -> Again? {
    guard manifest.vpath.needs.input != .evidence else { return nil }
    let same = calls.last { $0.isSettled && $0.matches(manifest, canonical) && $0.outcome.error == nil }
    if let same { return Again(evidence: same.outcome.evidence, refusals: same.outcome.refusals) }
    let earlier = brief.earlierCalls.last { $0.tool == manifest.reference && $0.arguments == canonical }
    guard let earlier, earlier.evidence.allSatisfy({ known[$0] != nil }) else { return nil }
    return Again(evidence: earlier.evidence, refusals: earlier.refusals)
  }

  private mutating func add(
    _ manifest: ToolManifest, _ arguments: JSONValue, _ canonical: String, parts: [Int]
  ) -> CallID {
    let id = CallID("call-\(calls.count + 1)")
    calls.append(
      TurnCall(
        id: id, manifest: manifest, arguments: arguments, canonical: canonical, parts: parts,
        outcome: StepOutcome(
          call: id, tool: manifest.name, arguments: arguments, evidence: [], error: nil, refusals: []),
        isSettled: false))
    return id
  }

  private mutating func reuse(_ again: Again, for id: CallID) {
    settle(id) {
      $0.isReused = true
      $0.outcome.evidence = again.evidence
      $0.outcome.refusals = again.refusals
    }
    guard let call = calls.last else { return }
    usage.reusedCalls += 1
    quotedReasons.formUnion(again.refusals)
    record(events.called(id, call.manifest, arguments: call.arguments, reused: true))
    record(
      events.returned(
        id, ToolResult(refusals: again.refusals.map { ToolRefusal(reason: $0) }), evidence: again.evidence,
        elapsed: elapsed))
  }

  // MARK: Running

  /// Asks the policy and begins the call; false when the policy forbids it, which is then the call's outcome.
  private mutating func run(
    _ id: CallID, _ manifest: ToolManifest, _ value: JSONValue, _ arguments: CallArguments
  ) -> Bool {
    switch permission.approve(manifest, value, call: id) {
    case .failure(let decision):
      record(events.decided(call: id, tool: manifest.name, arguments: value, decision))
      let error = decision.denial(of: manifest.name)
      quotedReasons.insert(error.message)
      settle(id) { $0.outcome.error = error }
      return false
    case .success(let approved):
      usage.toolCalls += 1
      usage.regions += newPlaces(arguments)
      places.formUnion(arguments.places)
      record(events.decided(call: id, tool: manifest.name, arguments: value, approved.decision))
      record(events.called(id, manifest, arguments: value, reused: false))
      phase = .running(id)
      ask(
        for: .runTool(
          approved, arguments.draft(call: id, manifest: manifest, arguments: value, evidence: known)))
      return true
    }
  }

  mutating func take(_ result: ToolResult, of id: CallID) {
    guard let call = calls.last(where: { $0.id == id }) else { return }
    if let error = result.error {
      record(events.toolFailed(id, result, error: nil, elapsed: elapsed))
      fail(id, error)
    } else {
      accept(result, of: call)
    }
    if case .call = brief.task {
      endCall(calls.last?.outcome ?? call.outcome)
    } else {
      requestStep()
    }
  }

  private mutating func accept(_ result: ToolResult, of call: TurnCall) {
    let arguments = CallArguments(call.arguments, evidence: known)
    let intake = EvidenceIntake(
      turn: brief.turn, call: call.id, manifest: call.manifest,
      isBuiltIn: brief.builtInTools.contains(call.manifest.name), slides: arguments.slidesGiven(call.manifest, known),
      description: brief.description)
    do {
      var trial = known
      let items = try intake.take(result.evidence, into: &trial)
      let refusals = result.refusals.prefix(32).map { shown($0.reason, of: call.manifest) }
      record(events.returned(call.id, result, evidence: items.map(\.id), elapsed: elapsed))
      for item in items { record(item) }
      quotedReasons.formUnion(refusals)
      settle(call.id) {
        $0.outcome.evidence = items.map(\.id)
        $0.outcome.refusals = refusals
      }
    } catch {
      let bad = VPathError(
        .toolBadOutput, "The result of \(call.manifest.name) breaks its contract: \(error.message).",
        subject: call.manifest.name)
      record(events.toolFailed(call.id, result, error: bad, elapsed: elapsed))
      fail(call.id, bad)
    }
  }

  private mutating func fail(_ id: CallID, _ error: VPathError) {
    var error = error
    if let manifest = calls.first(where: { $0.id == id })?.manifest {
      error.message = shown(error.message, of: manifest)
    }
    quotedReasons.insert(error.message)
    settle(id) { $0.outcome.error = error }
  }

  /// A tool's own words as a reason may repeat them; a stranger's that claim something about a disease are withheld.
  private func shown(_ words: String, of manifest: ToolManifest) -> String {
    let line = words.excerpt(500)
    guard !brief.builtInTools.contains(manifest.name), let problem = WordRules.problem(inToolReason: line) else {
      return line
    }
    return "\(manifest.name.excerpt(60)) gave a reason that is not shown: \(problem)"
  }
}

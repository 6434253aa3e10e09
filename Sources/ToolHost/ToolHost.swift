// The port's implementation: approvals redeemed, tools found and checked, calls planned and run.
// What must stay true: nothing runs without an approval that binds exactly this call, used once; a result never throws;
// when a cancelled call returns, its process tree is gone.

import CPlatform
public import Domain
import Glibc
import JSON
public import Logging
public import Policy
public import Ports
import Synchronization

/// Runs tools, each in its sandbox.
public final class ToolHost: ToolRunner {
  private let configuration: ToolHostConfiguration
  private let registry: ToolRegistry
  private let policy: Policy
  private let put: BlobSink
  private let log: Logger
  private let gate: CallGate
  private let kept: KeptProcesses
  private let eras = KnownEras()
  private let ledger = Mutex(ApprovedCallLedger())
  private let known = Mutex<[SlideKey: SlideProperties]>([:])
  private let prepared = Mutex<Task<Result<Sandbox, VPathError>, Never>?>(nil)

  private struct SlideKey: Hashable {
    var caseID: CaseID
    var slide: SlideGrant
    var statedMicronsPerPixel: Double?
  }

  /// A host over a registry.
  ///
  /// - Parameters:
  ///   - policy: says how approved calls may run (`tool.keep`, `tool.unsandboxed`).
  ///   - put: keeps the bytes of results and files.
  public init(
    configuration: ToolHostConfiguration, registry: ToolRegistry, policy: Policy, log: Logger, put: @escaping BlobSink
  ) {
    self.configuration = configuration
    self.registry = registry
    self.policy = policy
    self.log = log
    self.put = put
    gate = CallGate(limit: configuration.maxConcurrentCalls, maxWaiting: configuration.maxWaitingCalls)
    kept = KeptProcesses(
      // A call holds its own process and, while its views are made, the built-in one.
      limit: max(configuration.maxKeptProcesses, 2 * configuration.maxConcurrentCalls),
      idleSeconds: configuration.idleSeconds)
  }

  /// Prepares the work directory and tries the sandbox; later calls give the same answer at once.
  @discardableResult
  public func start() async -> SandboxStatus {
    switch await sandbox() {
    case .success(let sandbox): sandbox.status
    case .failure(let error): .unavailable(reason: error.message)
    }
  }

  /// Ends every process kept. Calls that still run are the caller's to cancel first.
  public func stop() async { await kept.stop() }

  /// Forgets the approvals of a turn that has ended; none of them passes afterwards.
  public func turnEnded(_ turn: TurnID) { ledger.withLock { $0.end(turn) } }

  /// How many processes are kept for cases now.
  public func keptProcessCount() async -> Int { await kept.count }

  private func sandbox() async -> Result<Sandbox, VPathError> {
    let task = prepared.withLock { task in
      if let task { return task }
      let configuration = configuration
      let log = log
      let made = Task { () -> Result<Sandbox, VPathError> in
        do throws(VPathError) {
          let sandbox = try await Sandbox.prepare(configuration)
          if geteuid() == 0 {
            log.warning("tools run as root inside their sandbox: give the daemon a user of its own")
          }
          switch sandbox.status {
          case .available(let forbids):
            log.info("sandbox ready", metadata: ["nestedNamespaces": "\(forbids ? "forbidden" : "filtered")"])
          case .unavailable(let reason): log.error("sandbox unavailable", metadata: ["reason": "\(reason)"])
          }
          return .success(sandbox)
        } catch {
          log.error("sandbox unavailable", metadata: ["reason": "\(error.message)"])
          return .failure(error)
        }
      }
      task = made
      return made
    }
    return await task.value
  }

  /// What an operator lets a manifest ask for at most.
  var maxima: ToolManifest.Limits { configuration.maxima }

  /// What runs one call, or one example when there is no context.
  func runner(
    for description: CaseDescription, in context: PolicyContext = PolicyContext()
  ) async throws(VPathError) -> CallRunner {
    let permission = RunPermission(policy, context: context, description: description)
    return CallRunner(sandbox: try await sandbox().get(), kept: kept, eras: eras, put: put, permission: permission)
  }

  // MARK: - ToolRunner

  /// The tools that can be offered, sorted by name; host-only ones are among them.
  public func manifests() async -> [ToolManifest] {
    let registry = registry
    return await blocking { registry.manifests() }
  }

  /// Runs one approved call to its end.
  public func run(
    _ call: ApprovedCall, input: ToolCallInput, progress: @escaping @Sendable (ToolProgress) -> Void
  ) async -> ToolResult {
    do throws(VPathError) {
      let registry = registry
      let tool = try await blocking { Result { () throws(VPathError) in try registry.verified(input.tool) } }.get()
      try redeem(call, tool, input)
      try await gate.enter()
      let result: ToolResult
      do throws(VPathError) {
        result = try await run(tool, input, call.context, progress)
      } catch {
        result = ToolResult(error: error)
      }
      await gate.leave()
      note(result, tool)
      return result
    } catch {
      return ToolResult(error: error)
    }
  }

  /// Ends the processes kept for a case and waits until they are gone.
  public func release(_ caseID: CaseID) async {
    known.withLock { known in
      for key in known.keys where key.caseID == caseID { known[key] = nil }
    }
    await kept.release(caseID)
  }

  private func redeem(_ approval: ApprovedCall, _ tool: RegisteredTool, _ input: ToolCallInput) throws(VPathError) {
    let call = PolicyCall.tool(
      tool.manifest, isBuiltIn: tool.file.isBuiltIn, description: input.description, arguments: input.arguments)
    guard approval.context.caseID == input.caseID, approval.context.turn == input.turn else {
      throw VPathError(.policyDenied, "The approval was given for another case or turn. Ask the policy again.")
    }
    do {
      try ledger.withLock { ledger throws(ApprovalError) in
        try ledger.redeem(approval, for: call, principal: approval.principal)
      }
    } catch {
      throw VPathError(.policyDenied, "The call was not run: \(error).", subject: tool.manifest.name)
    }
  }

  private func note(_ result: ToolResult, _ tool: RegisteredTool) {
    let name = tool.manifest.name
    if let error = result.error {
      log.notice("tool call failed", metadata: ["tool": "\(name)", "error": "\(error.id.rawValue)"])
    }
    if !result.sandboxed {
      log.warning("tool ran without a sandbox", metadata: ["tool": "\(name)"])
    }
  }

  // MARK: - Planning

  private func run(
    _ tool: RegisteredTool, _ input: ToolCallInput, _ context: PolicyContext,
    _ progress: @escaping @Sendable (ToolProgress) -> Void
  ) async throws(VPathError) -> ToolResult {
    if let first = tool.file.inputSchema.validate(input.arguments).first {
      throw VPathError(
        .protocolParams,
        "The arguments do not fit the tool's schema at \(first.pointer.isEmpty ? "the top" : first.pointer): "
          + "\(first.message).", subject: first.pointer)
    }
    if let refusal = tool.manifest.refusal(of: input.description) { return ToolResult(refusals: [refusal]) }
    let runner = try await runner(for: input.description, in: context)
    let queries = HostQueries(
      runner: runner, registry: registry, caseID: input.caseID, call: input.call, description: input.description,
      slides: input.slides)
    let plan = try await plan(tool, input, queries)
    let log = log
    let result = await runner.run(
      tool, plan,
      CallRunner.Surroundings(
        progress: progress,
        properties: { id in
          do throws(VPathError) {
            return .success(try await self.properties(of: id, input, queries))
          } catch {
            return .failure(error)
          }
        },
        errorTail: { tail in
          // A tool may repeat what it was given: only for who asks for the lowest level.
          log.trace("tool's error stream", metadata: ["text": "\(PlainText.clean(tail, limit: 8192))"])
        }))
    for item in result.evidence where item.kind == .slide { remember(item, input) }
    return result
  }

  /// More slides than are in use at a time; what is forgotten is asked for again.
  private static let maxKnown = 10_000

  private func keep(_ properties: SlideProperties, of slide: SlideGrant, _ input: ToolCallInput) {
    known.withLock { known in
      if known.count >= Self.maxKnown { known = [:] }
      known[key(slide, input)] = properties
    }
  }

  /// What one of the product's own tools says of a slide need not be asked for again.
  private func remember(_ item: ProposedEvidence, _ input: ToolCallInput) {
    guard let slide = input.slides.first(where: { $0.id.rawValue == item.body["slide"]?.stringValue }),
      let properties = item.body["properties"].flatMap({ try? decodeJSON(SlideProperties.self, from: $0) })
    else { return }
    keep(properties, of: slide, input)
  }

  private func plan(
    _ tool: RegisteredTool, _ input: ToolCallInput, _ queries: HostQueries
  ) async throws(VPathError) -> CallPlan {
    let needs = tool.manifest.vpath.needs
    var properties = knownProperties(input)
    if needs.input == .slide, !tool.file.isBuiltIn {
      // A stranger's tool is told size and scale; one of ours reads them itself.
      for slide in input.slides { properties[slide.id] = try await self.properties(of: slide.id, input, queries) }
    }
    var plan = CallPlan(
      call: input.call, caseID: input.caseID, arguments: input.arguments, description: input.description,
      slides: input.slides, properties: properties, views: [], evidence: input.evidence)
    guard needs.input == .view, let scale = needs.viewMicronsPerPixel else { return plan }
    let regions = CallPlan.regionsNamed(in: input.arguments)
    guard (1...CallPlan.maxViews).contains(regions.count) else {
      throw VPathError(
        .protocolParams,
        "The call names \(regions.count) regions; a tool that works on views takes 1 to \(CallPlan.maxViews).",
        subject: "region")
    }
    for id in regions {
      guard case .region(let region)? = input.evidence.first(where: { $0.id == id })?.body else {
        throw VPathError(
          .evidenceNotFound, "The case has no region \"\(PlainText.clean(id.rawValue, limit: 20))\".", subject: "region"
        )
      }
      plan.views.append(
        try await queries.view(
          of: id, slide: region.slide, rect: region.rect, micronsPerPixel: scale, format: needs.viewFormat ?? .png,
          properties: properties))
    }
    return plan
  }

  /// What is known of the call's slides without asking: from the case's evidence, or asked before.
  private func knownProperties(_ input: ToolCallInput) -> [EvidenceID: SlideProperties] {
    var found: [EvidenceID: SlideProperties] = [:]
    known.withLock { known in
      for slide in input.slides { found[slide.id] = known[key(slide, input)] }
    }
    for item in input.evidence {
      if case .slide(let record) = item.body, let properties = record.properties { found[item.id] = properties }
    }
    return found
  }

  private func key(_ slide: SlideGrant, _ input: ToolCallInput) -> SlideKey {
    SlideKey(
      caseID: input.caseID, slide: slide, statedMicronsPerPixel: input.description.statedMicronsPerPixel)
  }

  private func properties(
    of id: EvidenceID, _ input: ToolCallInput, _ queries: HostQueries
  ) async throws(VPathError) -> SlideProperties {
    if let found = knownProperties(input)[id] { return found }
    guard let slide = input.slides.first(where: { $0.id == id }) else {
      throw VPathError(.slideNotFound, "The call was not given a slide \"\(PlainText.clean(id.rawValue, limit: 20))\".")
    }
    let found = try await queries.properties(id)
    keep(found, of: slide, input)
    return found
  }
}

extension ToolManifest {
  /// Why the tool does not take a case, by what it accepts and what was stated; nil when it may.
  func refusal(of description: CaseDescription) -> ToolRefusal? {
    func refusal(_ what: String, _ accepted: [String], _ stated: String) -> ToolRefusal {
      ToolRefusal(
        reason: "\(title ?? name) is made for \(what) \(accepted.joined(separator: ", ")), and this case is stated as "
          + PlainText.clean(stated, limit: 64))
    }
    return switch vpath.accepts?.misfit(with: description) {
    case .stain(let stated, let accepted): refusal("stain", accepted, stated)
    case .organ(let stated, let accepted): refusal("organ", accepted, stated)
    case nil: nil
    }
  }
}

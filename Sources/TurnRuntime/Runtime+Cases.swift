// Opening, showing and closing cases.
// What must stay true: a case is recorded only once the decoder has read its slides; paths go to CaseFiles before the
// case is recorded, and nowhere else.

import Logging
import OrderedCollections
public import Domain
import JSON
public import Policy
import Ports
public import Wire

extension Runtime {
  /// Slides whose properties are read at the same time, over all clients.
  private static let parallelOpens = 8
  /// The tool that reads what a slide says of itself.
  static let propertiesTool = "slide_properties"

  /// `case/open`.
  public func openCase(_ params: CaseOpenParams, by principal: Principal) async throws(VPathError) -> CaseResult {
    guard !state.isDraining else { throw RuntimeErrors.draining }
    let decision = try permit(
      .caseOpen, by: principal, owner: principal.uid, resource: ["slides": .number(Double(params.slides.count))])
    let description = CaseDescription(
      organ: params.organ, stain: params.stain, statedMicronsPerPixel: params.micronsPerPixel, notes: params.notes)
    let caseID = newCaseID(key: params.key, of: principal)
    if params.key != nil {
      guard openingKeyed.insert(caseID).inserted else { throw RuntimeErrors.opening }
    }
    defer { openingKeyed.remove(caseID) }
    if params.key != nil, let before = try await openedBefore(caseID, params, description) { return result(before) }
    guard opening < Runtime.parallelOpens else {
      throw RuntimeErrors.overloaded("Too many cases are being opened", limit: Runtime.parallelOpens)
    }
    opening += 1
    defer { opening -= 1 }
    // The approvals of all its slides' calls belong to one opening.
    defer { environment.turnEnded(Self.opening(caseID)) }
    var records: [SlideRecord] = []
    var grants: [SlideGrant] = []
    var events: [NewEvent] = []
    do throws(VPathError) {
      for (index, path) in params.slides.enumerated() {
        let resolved = try await environment.slides.resolve(path)
        let id = EvidenceID(.slide, index + 1)
        let grant = SlideGrant(id: id, path: resolved.path, companions: resolved.companions)
        var record = SlideRecord(id: id, fileName: resolved.fileName, sizeBytes: resolved.sizeBytes)
        let reading = try await readProperties(of: grant, record, caseID, description, owner: principal.uid)
        record.properties = reading.properties
        events += reading.events
        records.append(record)
        grants.append(grant)
      }
      let opened = CaseOpenedPayload(
        description: description, slides: records, owner: principal.uid, decision: json(decision))
      events.insert(NewEvent(caseID: caseID, kind: .caseOpened, payload: json(opened)), at: 0)
      try await keep(caseID, grants, events)
    } catch {
      await environment.tools.release(caseID)
      throw error
    }
    let found = try await loaded(caseID)
    environment.log.info("case opened", metadata: ["case": "\(caseID)", "slides": "\(records.count)"])
    return result(found)
  }

  /// Keeps a new case's files and its first events: both or neither, whether or not the caller waits for it.
  private func keep(_ caseID: CaseID, _ grants: [SlideGrant], _ events: [NewEvent]) async throws(VPathError) {
    let failure = await Task { () -> VPathError? in
      do throws(VPathError) {
        try await environment.caseFiles.save(grants, of: caseID)
        try await record(events)
        return nil
      } catch {
        await environment.caseFiles.remove(caseID)
        return error
      }
    }.value
    if let failure { throw failure }
  }

  /// The error of reading one slide, in the caller's own name for it: inside its sandbox a tool sees "slide.svs".
  private static func named(_ error: VPathError, _ fileName: String) -> VPathError {
    var error = error
    let ending =
      fileName.split(separator: ".", omittingEmptySubsequences: false).dropFirst().last.map { ".\($0)" } ?? ""
    let inside = "slide\(ending.lowercased())"
    if error.message.lowercased().hasPrefix("\(inside) ") {
      error.message = fileName + error.message.dropFirst(inside.count)
    }
    if error.subject == nil || error.subject?.lowercased() == inside { error.subject = fileName }
    return error
  }

  private static func opening(_ caseID: CaseID) -> TurnID { TurnID("open-\(caseID)") }

  private struct PropertiesReading {
    var properties: SlideProperties
    var events: [NewEvent]
  }

  /// Has the decoder read what a slide says of itself, in its sandbox, as the daemon's own call.
  private func readProperties(
    of grant: SlideGrant, _ slide: SlideRecord, _ caseID: CaseID, _ description: CaseDescription, owner: UInt32
  ) async throws(VPathError) -> PropertiesReading {
    guard let manifest = await environment.tools.manifests().first(where: { $0.name == Runtime.propertiesTool }) else {
      throw VPathError(
        .toolNotFound,
        "The tool \(Runtime.propertiesTool), which opens slides, is not installed. Reinstall the product.",
        subject: Runtime.propertiesTool)
    }
    let call = CallID("open-\(grant.id)")
    let opening = Self.opening(caseID)
    let arguments: JSONValue = ["slide": .string(grant.id.rawValue)]
    let approved = try approve(manifest, call, arguments, description, caseID, opening, owner: owner)
    let result = await environment.tools.run(
      approved,
      input: ToolCallInput(
        caseID: caseID, turn: opening, call: call, tool: manifest.name, arguments: arguments,
        description: description, slides: [grant], evidence: [])
    ) { _ in }
    if let error = result.error { throw Self.named(error, slide.fileName) }
    let body = result.evidence.first { $0.kind == .slide }?.body
    guard let properties = decoded(SlideProperties.self, body?["properties"]), properties.width > 0,
      properties.height > 0
    else {
      throw VPathError(
        .toolBadOutput, "\(manifest.name) did not say what the slide is. Reinstall the product.",
        subject: slide.fileName)
    }
    func event(_ kind: EventKind, _ payload: [String: JSONValue]) -> NewEvent {
      NewEvent(
        caseID: caseID, kind: kind,
        payload: .object(payload.merging(["call": .string(call.rawValue)]) { own, _ in own }))
    }
    return PropertiesReading(
      properties: properties,
      events: [
        event(
          .policyDecided, ["tool": .string(manifest.name), "arguments": arguments, "decision": json(approved.decision)]),
        event(
          .toolCalled,
          [
            "tool": json(manifest.reference), "arguments": arguments, "title": "Reads what the slide says of itself",
            "reused": false,
          ]),
        event(.toolReturned, ["result": json(result), "evidence": [.string(grant.id.rawValue)]]),
      ])
  }

  /// The policy's approval of the daemon's own call.
  private func approve(
    _ manifest: ToolManifest, _ call: CallID, _ arguments: JSONValue, _ description: CaseDescription, _ caseID: CaseID,
    _ turn: TurnID, owner: UInt32
  ) throws(VPathError) -> ApprovedCall {
    let approval = environment.policy.approve(
      .tool(
        manifest, isBuiltIn: environment.builtInTools.contains(manifest.name), description: description,
        arguments: arguments), principal: environment.daemon,
      context: PolicyContext(caseID: caseID, caseOwnerUID: owner, turn: turn, daemonUID: environment.daemon.uid),
      nonce: "\(call) \(environment.names.randomName())")
    switch approval {
    case .success(let approved): return approved
    case .failure(let refusal):
      throw refusal.denial ?? VPathError(.policyDenied, "The policy does not let the daemon read slides.")
    }
  }

  /// `case/get`.
  public func getCase(_ params: CaseParams, by principal: Principal) async throws(VPathError) -> CaseResult {
    result(try await permit(.caseRead, on: params.caseID, by: principal).0)
  }

  private func result(_ found: CaseState) -> CaseResult {
    CaseResult(
      caseID: found.caseID, state: found.isOpen ? "open" : "closed", description: found.description,
      slides: found.slides, turns: Array(found.turns.keys))
  }

  /// `case/list`: a page of those the caller may see; it may be shorter than asked for and still have a next.
  public func listCases(_ params: PageParams, by principal: Principal) async throws(VPathError) -> CaseListResult {
    let limit = params.limit ?? 100
    var rows: [CaseListResult.Row] = []
    var cursor = params.cursor
    for _ in 0..<Runtime.pagesAtOnce {
      let page = try await environment.store.cases(limit: limit - rows.count, cursor: cursor)
      for summary in page.cases where try await mayList(summary.caseID, principal, .caseRead) {
        rows.append(
          CaseListResult.Row(
            caseID: summary.caseID, state: summary.state, openedAt: summary.openedAt, changedAt: summary.changedAt))
      }
      cursor = page.next
      if cursor == nil || rows.count >= limit { break }
    }
    return CaseListResult(cases: rows, next: cursor)
  }

  /// Pages of a list read for one request, so that a list of others' cases cannot keep the daemon busy.
  static let pagesAtOnce = 20

  /// Whether the case may be in the caller's lists. Reads the first event of a case once.
  func mayList(_ caseID: CaseID, _ principal: Principal, _ action: PolicyAction) async throws(VPathError) -> Bool {
    guard caseID != .daemon else { return false }
    if let owner = owners[caseID] { return mayRead(caseID, owner: owner, principal, action) }
    let first = try await environment.store.events(of: caseID, turn: nil, after: 0, limit: 1).first
    guard let owner = decoded(CaseOpenedPayload.self, first?.payload)?.owner else { return false }
    if owners.count >= 200_000 { owners = [:] }
    owners[caseID] = owner
    return mayRead(caseID, owner: owner, principal, action)
  }

  /// `case/close`.
  public func closeCase(_ params: CaseParams, by principal: Principal) async throws(VPathError) -> Empty {
    _ = try await permit(.caseClose, on: params.caseID, by: principal)
    switch await ask({ .closeCase($0, params.caseID, by: principal) }) {
    case .failed(let error): throw error
    case .recorded, .started, .interrupted, .ended: return Empty()
    }
  }

  // MARK: Hashing

  /// Queues the slides of an open case whose bytes are not hashed.
  func hashWhatIsNot(_ found: CaseState) {
    guard found.isOpen else { return }
    for slide in found.slides where slide.sha256 == nil {
      hashing.add(HashQueue.Job(caseID: found.caseID, slide: slide.id))
    }
  }

  /// Hashes slides one after another until the queue ends.
  func hashSlides() async {
    for await job in hashing.jobs {
      await hash(job)
      hashing.done(job)
    }
  }

  private func hash(_ job: HashQueue.Job) async {
    do throws(VPathError) {
      let found = try await loaded(job.caseID)
      guard found.isOpen, let slide = found.slides.first(where: { $0.id == job.slide }), slide.sha256 == nil,
        let grant = try await slideGrants(of: job.caseID).first(where: { $0.id == job.slide })
      else { return }
      let resolved = try await environment.slides.resolve(grant.path)
      let sum = try await environment.slides.hash(resolved)
      let payload = SlideHashedPayload(slide: job.slide, sha256: sum, sizeBytes: resolved.sizeBytes)
      try await record([NewEvent(caseID: job.caseID, kind: .slideHashed, payload: json(payload))])
    } catch {
      environment.log.warning(
        "a slide could not be hashed", metadata: ["case": "\(job.caseID)", "error": "\(error.id.rawValue)"])
    }
  }
}

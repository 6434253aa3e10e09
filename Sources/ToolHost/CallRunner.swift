// Runs a planned call: the right process in the right sandbox, its output read by its protocol and checked.
// What must stay true: every process started here is ended here or kept by `KeptProcesses`; what a call left on disk is
// gone when it returns; the raw bytes of a tool are stored whenever there are any.

import Domain
import Glibc
import JSON
import Ports
import Synchronization

/// Runs calls.
struct CallRunner: Sendable {
  let sandbox: Sandbox
  let kept: KeptProcesses
  let eras: KnownEras
  let put: BlobSink
  let permission: RunPermission

  /// What a call needs besides its plan.
  struct Surroundings: Sendable {
    var progress: @Sendable (ToolProgress) -> Void = { _ in }
    /// A slide's properties, asked for when a region must be checked.
    var properties: @Sendable (EvidenceID) async -> Result<SlideProperties, VPathError>
    /// Gets the call's error stream when its process ended badly; for the tool's author alone.
    var errorTail: @Sendable ([UInt8]) -> Void = { _ in }
  }

  /// What a call gave before it was checked.
  struct Raw: Sendable {
    var bytes: [UInt8]
    var output: Result<ToolOutput, VPathError>
    /// Files that came inside the message.
    var files: [String: [UInt8]] = [:]
    /// What was handed over to the tool, for the check.
    var views: [HostView]
  }

  var configuration: ToolHostConfiguration { sandbox.configuration }

  // MARK: - A whole call

  /// Runs a call and checks what it gives. Never throws: what went wrong is in the result.
  func run(_ tool: RegisteredTool, _ plan: CallPlan, _ surroundings: Surroundings) async -> ToolResult {
    var isSandboxed = true
    var result: ToolResult
    do {
      isSandboxed = try mode(tool)
      result = try await withRaw(tool, plan, sandboxed: isSandboxed, surroundings) { raw, scratch in
        await self.result(of: raw, tool, plan, scratch, surroundings, sandboxed: isSandboxed)
      }
    } catch {
      result = ToolResult(error: error, sandboxed: isSandboxed)
    }
    result.decisions = permission.decisions
    return result
  }

  /// Whether the tool runs in the sandbox; throws `sandbox.unavailable` when it may not run at all. Without one it runs
  /// where the configuration names it as trusted and the policy permits `tool.unsandboxed`.
  func mode(_ tool: RegisteredTool) throws(VPathError) -> Bool {
    switch sandbox.status {
    case .available: return true
    case .unavailable:
      guard configuration.trustedUnsandboxed.contains(tool.manifest.name), permission.mayRunUnsandboxed(tool) else {
        throw sandbox.unavailable
      }
      return false
    }
  }

  private func result(
    of raw: Raw, _ tool: RegisteredTool, _ plan: CallPlan, _ scratch: OpenFolder, _ surroundings: Surroundings,
    sandboxed: Bool
  ) async -> ToolResult {
    var result = ToolResult(sandboxed: sandboxed)
    do throws(VPathError) {
      result.rawSha256 = try await put(raw.bytes, "application/json")
      let output = try raw.output.get()
      result.error = OutputCheck.reportedError(output)
      let context = OutputContext(
        manifest: tool.manifest, isBuiltIn: tool.file.isBuiltIn, outputSchema: tool.file.outputSchema,
        description: plan.description, slides: plan.slides.map(\.id),
        evidence: Dictionary(plan.evidence.map { ($0.id, $0) }) { first, _ in first }, views: raw.views,
        outputMiB: tool.manifest.vpath.limits.outputMiB, files: raw.files)
      var check = OutputCheck(context: context, scratch: scratch, put: put) { id throws(VPathError) in
        try await surroundings.properties(id).get()
      }
      // What a tool says beside its own error is no evidence, but its refusals are heard.
      let checked = try await check.check(output)
      result.refusals = checked.refusals
      if result.error == nil { result.evidence = checked.evidence }
    } catch {
      result.error = error
      result.evidence = []
    }
    return result
  }

  /// Runs the tool and hands on what it gave while its files are still there. Throws what kept it from giving anything.
  func withRaw<Value: Sendable>(
    _ tool: RegisteredTool, _ plan: CallPlan, sandboxed: Bool, _ surroundings: Surroundings,
    _ body: (Raw, OpenFolder) async -> Value
  ) async throws(VPathError) -> Value {
    let block = tool.manifest.vpath
    if block.protocol == .mcp, block.lifetime == .case, permission.mayKeep(tool) {
      return try await onKeptProcess(tool, plan, sandboxed: sandboxed, surroundings, body)
    }
    let work = try sandbox.makeWork()
    defer { work.remove() }
    let call = try work.makeCall()
    let binds = try SlideBinds(needsSlides(tool) ? plan.slides : [])
    let places = Places(work: work, call: call, binds: binds, plan: plan, sandboxed: sandboxed)
    let views = try plan.writeViews(to: call.input, place: places.input)
    let input = plan.input(slidePaths: places.slides, views: views, scratch: places.scratch)
    let profile = profile(tool, binds: binds, sandboxed: sandboxed)
    let raw =
      switch block.protocol {
      case .once: try await once(tool, profile, work, input, views, sandboxed: sandboxed, surroundings)
      case .mcp: try await oneSession(tool, profile, work, input, views, sandboxed: sandboxed, surroundings)
      }
    try checkScratch(work, tool)
    return await body(raw, call.scratch)
  }

  func needsSlides(_ tool: RegisteredTool) -> Bool { tool.manifest.vpath.needs.input == .slide }

  /// The call's paths as the tool sees them.
  struct Places {
    var input: String
    var scratch: String
    var slides: [EvidenceID: String]

    init(work: WorkFolder, call: CallFolder, binds: SlideBinds, plan: CallPlan, sandboxed: Bool) {
      input = "\(sandboxed ? SandboxProfile.inputPath : work.inputPath)/\(call.name)"
      scratch = "\(sandboxed ? SandboxProfile.scratchPath : work.scratchPath)/\(call.name)"
      slides =
        sandboxed
        ? binds.paths
        : Dictionary(plan.slides.filter { binds.paths[$0.id] != nil }.map { ($0.id, $0.path) }) { first, _ in first }
    }
  }

  /// The supervisor looks at scratch now and then; this is the look that a call's end depends on.
  func checkScratch(_ work: WorkFolder, _ tool: RegisteredTool) throws(VPathError) {
    let limit = (tool.file.isBuiltIn ? configuration.builtInLimits : tool.manifest.vpath.limits).outputMiB
    guard let bytes = work.scratchBytes(limit: ToolProcess.maxScratchEntries), bytes <= limit << 20 else {
      throw EndReason.files(limitMiB: limit).error
    }
  }

  // MARK: - What a process sees

  func profile(_ tool: RegisteredTool, binds: SlideBinds, sandboxed: Bool) -> SandboxProfile {
    tool.file.isBuiltIn
      ? builtInProfile(binds, sandboxed: sandboxed) : ownProfile(tool, binds, sandboxed: sandboxed)
  }

  private func builtInProfile(_ binds: SlideBinds, sandboxed: Bool) -> SandboxProfile {
    let inside = "/run/vpath/\(BuiltInProgram.word)"
    var readOnly = binds.binds + [ReadOnlyBind(host: configuration.builtInProgram, inside: inside)]
    for path in configuration.builtInReadOnlyPaths + loadedRuntimeFolders() {
      if let resolved = resolvedPath(path) { readOnly.append(ReadOnlyBind(host: resolved, inside: path)) }
    }
    let limits = configuration.builtInLimits
    return SandboxProfile(
      command: [sandboxed ? inside : configuration.builtInProgram], workingDirectory: "/", readOnly: readOnly,
      environment: configuration.builtInEnvironment,
      limits: ProcessLimits(
        memoryMiB: limits.memoryMiB, outputMiB: limits.outputMiB, seconds: nil,
        processes: configuration.maxProcessesPerTool))
  }

  private func ownProfile(_ tool: RegisteredTool, _ binds: SlideBinds, sandboxed: Bool) -> SandboxProfile {
    let block = tool.manifest.vpath
    let folder = tool.file.folder
    var command = block.run
    switch ToolProgram(command[0]) {
    case .inFolder(let name): command[0] = "\(folder)/\(name)"
    case .system(let path): command[0] = path
    case nil: break
    }
    var readOnly = binds.binds + [ReadOnlyBind(host: folder, inside: folder)]
    for path in tool.grants.readOnlyPaths {
      if let resolved = resolvedPath(path) { readOnly.append(ReadOnlyBind(host: resolved, inside: path)) }
    }
    return SandboxProfile(
      command: command, workingDirectory: folder, readOnly: readOnly,
      limits: ProcessLimits(
        memoryMiB: block.limits.memoryMiB, outputMiB: block.limits.outputMiB,
        seconds: block.protocol == .once ? block.limits.seconds : nil,
        processes: configuration.maxProcessesPerTool))
  }

  // MARK: - Protocols

  private func once(
    _ tool: RegisteredTool, _ profile: SandboxProfile, _ work: WorkFolder, _ input: ToolInput, _ views: [HostView],
    sandboxed: Bool, _ surroundings: Surroundings
  ) async throws(VPathError) -> Raw {
    let line = try inputJSON(input).canonicalBytes() + [0x0A]
    let collected = Collector()
    let process = try sandbox.start(profile, work: work, sandboxed: sandboxed) { collected.add($0) }
    process.write(line)
    process.finishInput()
    let end = await withTaskCancellationHandler {
      await process.end()
    } onCancel: {
      process.kill(.cancelled)
    }
    if let failure = end.failure(limits: tool.manifest.vpath.limits) {
      surroundings.errorTail(end.errorTail)
      throw failure
    }
    let bytes = collected.bytes
    let output: Result<ToolOutput, VPathError>
    do throws(VPathError) {
      let value = try OutputCheck.parse(bytes, outputMiB: tool.manifest.vpath.limits.outputMiB)
      output = .success(try OutputCheck.frame(value, outputSchema: tool.file.outputSchema))
    } catch {
      surroundings.errorTail(end.errorTail)
      output = .failure(error)
    }
    return Raw(bytes: bytes, output: output, views: views)
  }

  func inputJSON(_ input: ToolInput) throws(VPathError) -> JSONValue {
    do {
      return try encodeJSON(input)
    } catch {
      throw VPathError(.internalBug, "A tool's input could not be written: \(error.message).")
    }
  }
}

/// The standard output of a `once` process; the supervisor bounds it.
private final class Collector: Sendable {
  private let state = Mutex<[UInt8]>([])
  func add(_ piece: [UInt8]) { state.withLock { $0.append(contentsOf: piece) } }
  var bytes: [UInt8] { state.withLock { $0 } }
}

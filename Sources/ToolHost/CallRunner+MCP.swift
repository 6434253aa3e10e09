// Calls over the Model Context Protocol: a process of the call's own or one kept for the case, its start, and what its
// reply becomes.
// What must stay true: a process that does not start leaves nothing behind; an answer counts only if the server behaved
// to its end.

import Domain
import JSON
import Ports

extension CallRunner {
  func oneSession(
    _ tool: RegisteredTool, _ profile: SandboxProfile, _ work: WorkFolder, _ input: ToolInput, _ views: [HostView],
    sandboxed: Bool, _ surroundings: Surroundings
  ) async throws(VPathError) -> Raw {
    let served = try await startSession(tool, profile, work, sandboxed: sandboxed, surroundings)
    var reply = await call(served, tool, input, surroundings)
    let end = await served.process.end(.graceful, reason: .released)
    // What it said after its answer is part of how it behaved.
    if case .success = reply, let fault = await served.session.fault { reply = .failure(fault) }
    if case .failure = reply { surroundings.errorTail(end.errorTail) }
    return try await raw(reply, served.session, tool, input, views)
  }

  func onKeptProcess<Value: Sendable>(
    _ tool: RegisteredTool, _ plan: CallPlan, sandboxed: Bool, _ surroundings: Surroundings,
    _ body: (Raw, OpenFolder) async -> Value
  ) async throws(VPathError) -> Value {
    let grants = needsSlides(tool) ? plan.slides : []
    let binds = try SlideBinds(grants)
    let builtIn = tool.file.isBuiltIn
    let block = tool.manifest.vpath
    let key = ShareKey(
      isBuiltIn: builtIn, folder: builtIn ? "" : tool.file.folder, sha256: block.sha256, run: block.run,
      needs: builtIn ? nil : block.needs, limits: builtIn ? nil : block.limits, caseID: plan.caseID, slides: grants,
      grants: tool.grants, isSandboxed: sandboxed)
    let profile = profile(tool, binds: binds, sandboxed: sandboxed)
    let served = try await kept.lease(key) {
      do throws(VPathError) {
        let work = try sandbox.makeWork()
        return .success(try await startSession(tool, profile, work, sandboxed: sandboxed, surroundings))
      } catch {
        return .failure(error)
      }
    }
    let value: Result<Value, VPathError>
    do throws(VPathError) {
      let call = try served.work.makeCall()
      defer { served.work.remove(call) }
      let places = Places(work: served.work, call: call, binds: binds, plan: plan, sandboxed: sandboxed)
      let views = try plan.writeViews(to: call.input, place: places.input)
      let input = plan.input(slidePaths: places.slides, views: views, scratch: places.scratch)
      let reply = await self.call(served, tool, input, surroundings)
      try checkScratch(served.work, tool)
      value = .success(await body(try await raw(reply, served.session, tool, input, views), call.scratch))
    } catch {
      value = .failure(error)
    }
    await kept.giveBack(key, served)
    return try value.get()
  }

  private func startSession(
    _ tool: RegisteredTool, _ profile: SandboxProfile, _ work: WorkFolder, sandboxed: Bool,
    _ surroundings: Surroundings
  ) async throws(VPathError) -> ServedProcess {
    let key = "\(tool.file.folder) \(tool.manifest.vpath.version)"
    var isOlder = eras.isOlder(key)
    while true {
      let session = session(for: tool)
      let process: ToolProcess
      do {
        process = try sandbox.start(profile, work: work, sandboxed: sandboxed) { await session.received($0) }
      } catch {
        work.remove()
        throw error
      }
      await session.attach(process)
      do throws(VPathError) {
        try await session.start(isOlder: isOlder)
        eras.note(key, isOlder: await session.era != .modern)
        return ServedProcess(session: session, process: process, work: work)
      } catch {
        let end = await process.end(.immediate, reason: .released)
        if !isOlder, await session.endedAtProbe, !Task.isCancelled {
          // Some servers of the older era end at a first message that is not `initialize`.
          isOlder = true
          work.forgetProcess()
          continue
        }
        eras.note(key, isOlder: false)
        surroundings.errorTail(end.errorTail)
        work.remove()
        throw error
      }
    }
  }

  private func session(for tool: RegisteredTool) -> MCPSession {
    MCPSession(
      limits: tool.file.isBuiltIn ? configuration.builtInLimits : tool.manifest.vpath.limits,
      cancelGraceSeconds: configuration.cancelGraceSeconds,
      patience: MCPSession.Patience(
        probeSeconds: configuration.probeSeconds, startSeconds: configuration.startSeconds),
      isStranger: !tool.file.isBuiltIn)
  }

  private func call(
    _ served: ServedProcess, _ tool: RegisteredTool, _ input: ToolInput, _ surroundings: Surroundings
  ) async -> Result<MCPSession.Reply, VPathError> {
    do throws(VPathError) {
      return await served.session.call(
        tool.manifest, arguments: input.arguments, input: try inputJSON(input),
        seconds: tool.manifest.vpath.limits.seconds, progress: surroundings.progress)
    } catch {
      return .failure(error)
    }
  }

  private func raw(
    _ reply: Result<MCPSession.Reply, VPathError>, _ session: MCPSession, _ tool: RegisteredTool, _ input: ToolInput,
    _ views: [HostView]
  ) async throws(VPathError) -> Raw {
    let reply = try reply.get()
    let regions = input.evidence.values.filter { $0.body.kind == .region }.map(\.id)
    do throws(VPathError) {
      let made = try reply.output(
        of: tool.manifest, outputSchema: tool.file.outputSchema, version: await session.era ?? .modern,
        arguments: input.arguments, regions: Set(regions))
      return Raw(bytes: reply.raw, output: .success(made.output), files: made.files, views: views)
    } catch {
      return Raw(bytes: reply.raw, output: .failure(error), views: views)
    }
  }
}

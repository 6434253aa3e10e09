// The reducer's effects, carried out on the ports; what comes of each is fed back.
// What must stay true: effects begin in the order they were given; each answers exactly once, and a cancelled one not
// at all.

import JSON
import Agent
import Domain
import Logging
import Policy
import Ports
import Wire

extension Runtime {
  func begin(_ effect: RuntimeEffect) {
    switch effect {
    case .append(let id, let events): append(id, events)
    case .requestStep(let work, let request): requestStep(work, request)
    case .runTool(let work, let call, let input): runTool(work, call, input)
    case .cancelWork(let work): works.removeValue(forKey: work)?.cancel()
    case .startTimer(let timer, let seconds): startTimer(timer, seconds)
    case .stopTimer(let timer): timers.removeValue(forKey: timer)?.cancel()
    case .reply(let ticket, let reply): tickets.removeValue(forKey: ticket)?.resume(returning: reply)
    case .readPage(let id, let caseID, let turn, let after, let limit): readPage(id, caseID, turn, after, limit)
    case .deliver(let id, let notes): sinks[id]?.yield(.notes(notes))
    case .progress(let id, let params): sinks[id]?.yield(.progress(params))
    case .endSubscription(let id, let caseID, let turn, let error):
      if let error {
        sinks[id]?.yield(.ended(SubscriptionEndedParams(turn: turn, caseID: caseID, error: error.rpc.json)))
      }
      sinks.removeValue(forKey: id)?.finish()
    case .turnEnded(let turn):
      environment.turnEnded(turn)
      Task { await environment.model.turnEnded(turn) }
    case .checkpoint(let caseID): checkpoint(caseID)
    case .releaseTools(let caseID):
      grants[caseID] = nil
      Task {
        await environment.tools.release(caseID)
        await environment.caseFiles.remove(caseID)
      }
    case .drained:
      isDrained = true
      for continuation in whenDrained { continuation.resume() }
      whenDrained = []
    }
  }

  private func append(_ id: AppendID, _ events: [NewEvent]) {
    Task {
      let result: Result<[Event], VPathError>
      do throws(VPathError) {
        result = .success(try await environment.store.append(events))
      } catch {
        environment.log.error("events could not be recorded", metadata: ["error": "\(error.id.rawValue)"])
        result = .failure(error)
      }
      feed(.appended(id, result))
    }
  }

  private func requestStep(_ work: WorkID, _ request: StepRequest) {
    works[work] = Task {
      let result: Result<StepReply, VPathError>
      do throws(VPathError) {
        result = .success(try await environment.model.step(request))
      } catch {
        result = .failure(error)
      }
      works[work] = nil
      feed(.stepFinished(work, result))
    }
  }

  private func runTool(_ work: WorkID, _ call: ApprovedCall, _ input: ToolWork) {
    // The newest alone is kept, in the order it was told.
    let (told, sink) = AsyncStream.makeStream(of: ToolProgress.self, bufferingPolicy: .bufferingNewest(1))
    Task { for await progress in told { feed(.toolProgressed(work, progress)) } }
    works[work] = Task {
      defer { sink.finish() }
      let result: ToolResult
      do throws(VPathError) {
        let all = try await slideGrants(of: input.caseID)
        let slides = try input.draft.slides.map { id throws(VPathError) in
          guard let grant = all.first(where: { $0.id == id }) else {
            throw VPathError(
              .slideNotFound, "The file of slide \(id) is not known to this daemon any more. Open the case anew.",
              subject: id.rawValue)
          }
          return grant
        }
        result = await environment.tools.run(
          call,
          input: ToolCallInput(
            caseID: input.caseID, turn: input.turn, call: input.draft.call, tool: input.draft.tool,
            arguments: input.draft.arguments, description: input.description, slides: slides,
            evidence: input.draft.evidence)
        ) { progress in
          sink.yield(progress)
        }
      } catch {
        result = ToolResult(error: error)
      }
      works[work] = nil
      feed(.toolFinished(work, result))
    }
  }

  /// Cases whose files are kept in memory; they can be read again.
  private static let maxGrants = 1_000

  /// The files of a case.
  func slideGrants(of caseID: CaseID) async throws(VPathError) -> [SlideGrant] {
    if let known = grants[caseID] { return known }
    let loaded = try await environment.caseFiles.load(caseID)
    if grants.count >= Runtime.maxGrants { grants = [:] }
    if state.caseState(caseID) != nil { grants[caseID] = loaded }
    return loaded
  }

  private func startTimer(_ timer: TimerID, _ seconds: Double) {
    timers[timer] = Task {
      do { try await environment.clock.sleep(seconds: seconds) } catch { return }
      guard timers.removeValue(forKey: timer) != nil else { return }
      feed(.timerFired(timer))
    }
  }

  private func readPage(_ id: SubscriberID, _ caseID: CaseID, _ turn: TurnID, _ after: Int, _ limit: Int) {
    Task {
      let result: Result<[Event], VPathError>
      do throws(VPathError) {
        result = .success(try await environment.store.events(of: caseID, turn: turn, after: after, limit: limit))
      } catch {
        result = .failure(error)
      }
      feed(.pageRead(id, result))
    }
  }

  private func checkpoint(_ caseID: CaseID) {
    Task {
      do throws(VPathError) {
        try await environment.store.checkpoint(caseID)
      } catch {
        environment.log.error(
          "a case's head could not be signed", metadata: ["case": "\(caseID)", "error": "\(error.id.rawValue)"])
      }
    }
  }
}

// A planner that asks a language model, and keeps to the rules' plan where the model is not to be trusted.
//
// Narrowed: the rules split the question and plan; the model chooses which of the plan's calls comes first. Where there
// is one thing to do it is done without asking.
// Free: the model chooses among all legal actions. A step that is none, that repeats a call, or whose parts or answer do
// not fit the question's words is sent back once; after that, and after the daemon refused a second step, rules plan the
// rest of the turn.
// What must stay true: a turn ends no worse with a model that answers badly than with none (one that cannot be reached
// ends it as model_unavailable); every exchange with the model is told in the reply, the unused ones with why; nothing
// is sent that the policy did not let out.

public import Domain
import JSON
public import Ports
public import Prompting
import Synchronization

/// Plans with a language model.
public final class ModelPlanner: LanguageModel {
  /// What the planner needs from outside.
  public struct Surroundings: Sendable {
    /// Keeps bytes by their hash, durably before the next event.
    public var keep: @Sendable ([UInt8], _ mediaType: String) async throws(VPathError) -> SHA256Hex
    /// A picture's bytes by their hash; nil when it is not kept.
    public var picture: @Sendable (SHA256Hex) async -> [UInt8]?

    public init(
      keep: @escaping @Sendable ([UInt8], _ mediaType: String) async throws(VPathError) -> SHA256Hex,
      picture: @escaping @Sendable (SHA256Hex) async -> [UInt8]?
    ) {
      self.keep = keep
      self.picture = picture
    }
  }

  public let model: ModelDescription?
  private let chat: any ChatModel
  private let description: ModelDescription
  private let prompts: PromptSet
  private let surroundings: Surroundings
  private let turns = Mutex<[TurnID: TurnState]>([:])

  /// The chat of a turn.
  struct TurnState: Sendable {
    var free: TurnConversation
    var choices: ChoiceConversation
    /// Whether rules plan the rest.
    var gaveUp = false
    /// How often the daemon refused a step that had passed here.
    var refusals = 0
    /// The refusals that were counted last.
    var countedCorrections: [String] = []
    /// The views whose pictures stand in the chat.
    var shown: [EvidenceID] = []
    var lastUse = 0
  }

  /// The most turns whose chats are kept; the one used longest ago is forgotten first, and begins anew.
  static let maxTurns = 256
  /// How often in one step the model is asked for a step that can be taken.
  static let attemptsPerStep = 2
  /// How many steps that the daemon refused are the model's own to mend; the daemon itself bears with few more.
  static let refusalsBorne = 1
  /// The most bytes of a picture.
  public static let maxPictureBytes = 4 << 20

  /// A planner over a model.
  public init(
    chat: any ChatModel, description: ModelDescription, prompts: PromptSet, surroundings: Surroundings
  ) {
    self.chat = chat
    self.description = description
    self.model = description
    self.prompts = prompts
    self.surroundings = surroundings
  }

  public var name: String { description.name }

  public func step(_ request: StepRequest) async throws(VPathError) -> StepReply {
    guard let disclosure = request.disclosure, disclosure != .nothing else { return ruled(request) }
    var state = takeState(request.turn)
    defer { putState(state, request.turn) }
    if state.gaveUp { return ruled(request) }
    do throws(PlanningFailure) {
      switch description.planning {
      case .rules: return ruled(request)
      case .narrowed: return try await narrowed(request, &state)
      case .free: return try await free(request, &state)
      }
    } catch {
      guard !error.exchanges.isEmpty else { throw error.error }
      var reply = StepReply(text: "", planning: description.planning).counting(error.exchanges)
      reply.failure = error.error
      return reply
    }
  }

  /// The model failed; what was exchanged with it before, and in the exchange that failed.
  private struct PlanningFailure: Error {
    var error: VPathError
    var exchanges: [ModelExchange]
  }

  public func turnEnded(_ turn: TurnID) async { turns.withLock { $0[turn] = nil } }

  private func ruled(_ request: StepRequest) -> StepReply {
    var reply = RulePlanner.plan(request)
    reply.planning = .rules
    return reply
  }

  // MARK: Narrowed

  private func narrowed(_ request: StepRequest, _ state: inout TurnState) async throws(PlanningFailure) -> StepReply {
    let plan = RulePlan(request)
    var reply = plan.step
    let calls = Array(plan.calls.prefix(ChoiceConversation.maxChoices))
    if calls.count > 1 {
      state.choices.ask(request, choices: calls.map { "\($0.thought) (\($0.tool))" })
      let ask = ChatRequest(
        messages: state.choices.messages, schema: ChoiceConversation.schema(calls.count), maxTokens: 24)
      var (said, exchanges) = try await exchange(ask, prompt: prompts.chooseReference, after: [])
      state.choices.answered(said.text)
      if let place = ChoiceConversation.place(in: said.text, of: calls.count) {
        reply = plan.step(making: calls[place])
      } else {
        exchanges[exchanges.count - 1].problem = "it names none of the choices"
      }
      reply = reply.counting(exchanges)
    }
    reply.planning = .narrowed
    return reply
  }

  // MARK: Free

  private func free(_ request: StepRequest, _ state: inout TurnState) async throws(PlanningFailure) -> StepReply {
    // A step that is asked again after the model failed brings the same refusal again.
    if !request.corrections.isEmpty, state.countedCorrections != request.corrections {
      state.refusals += 1
      state.countedCorrections = request.corrections
    }
    guard state.refusals <= Self.refusalsBorne else {
      state.gaveUp = true
      return ruled(request)
    }
    let shown = state.free.newViews(request)
    let pictures = await pictures(shown, request)
    state.free.ask(request, pictures: pictures)
    state.shown += pictures.map(\.view)
    var exchanges: [ModelExchange] = []
    for _ in 0..<Self.attemptsPerStep {
      let ask = ChatRequest(
        messages: state.free.messages, schema: StepSchema.forServer(request.schema), maxTokens: StepSchema.maxTokens)
      let said: ChatReply
      (said, exchanges) = try await exchange(
        ask, prompt: prompts.planReference, views: state.shown, after: exchanges)
      state.free.answered(said.text)
      let problem: String
      switch StepReview(request).review(said.text, finishReason: said.finishReason) {
      case .step(let step):
        return StepReply(text: step.canonicalString(), planning: .free).counting(exchanges)
      case .problem(let words): problem = words
      }
      exchanges[exchanges.count - 1].problem = problem
      state.free.correct(problem, request.disclosure)
    }
    state.gaveUp = true
    return ruled(request).counting(exchanges)
  }

  private func pictures(_ views: [EvidenceID], _ request: StepRequest) async -> [TurnConversation.Picture] {
    guard description.vision else { return [] }
    var pictures: [TurnConversation.Picture] = []
    for id in views {
      guard case .view(let view)? = request.evidence.first(where: { $0.id == id })?.body,
        let hash = view.imageSha256, let bytes = await surroundings.picture(hash), bytes.count <= Self.maxPictureBytes
      else { continue }
      pictures.append(TurnConversation.Picture(view: id, bytes: bytes, mediaType: "image/png"))
    }
    return pictures
  }

  // MARK: Asking

  /// Asks once; gives the reply, and the exchanges before it with those that this one took, its own the last.
  private func exchange(
    _ request: ChatRequest, prompt: String, views: [EvidenceID] = [], after earlier: [ModelExchange]
  ) async throws(PlanningFailure) -> (ChatReply, [ModelExchange]) {
    let outcome: Result<ChatReply, ChatFailure>
    do throws(ChatFailure) {
      outcome = .success(try await chat.complete(request))
    } catch {
      outcome = .failure(error)
    }
    var exchanges = earlier
    do throws(VPathError) {
      switch outcome {
      case .success(let reply):
        for failure in reply.earlier { exchanges += try await kept(request, failure, prompt: prompt, views) }
        exchanges.append(try await kept(request, reply, prompt: prompt, views))
        return (reply, exchanges)
      case .failure(let failure):
        // Who is cancelled is not heard any more: nothing is kept for it.
        guard failure.error.id != .cancelled else { throw failure.error }
        for failure in failure.earlier + [failure] {
          exchanges += try await kept(request, failure, prompt: prompt, views)
        }
        throw failure.error
      }
    } catch {
      throw PlanningFailure(error: error, exchanges: exchanges)
    }
  }

  /// A failed attempt as an exchange, where anything was sent.
  private func kept(
    _ request: ChatRequest, _ failure: ChatFailure, prompt: String, _ views: [EvidenceID]
  ) async throws(VPathError) -> [ModelExchange] {
    guard !failure.requestBytes.isEmpty else { return [] }
    let reply = ChatReply(
      text: "", finishReason: "", elapsedSeconds: failure.elapsedSeconds, requestBytes: failure.requestBytes,
      replyBytes: failure.replyBytes)
    var exchange = try await kept(request, reply, prompt: prompt, views)
    exchange.problem = failure.error.message
    return [exchange]
  }

  private func kept(
    _ request: ChatRequest, _ reply: ChatReply, prompt: String, _ views: [EvidenceID]
  ) async throws(VPathError) -> ModelExchange {
    let identity = await chat.identity
    let sent = try await surroundings.keep(reply.requestBytes, "application/json")
    let received: SHA256Hex? =
      reply.replyBytes.isEmpty ? nil : try await surroundings.keep(reply.replyBytes, "text/event-stream")
    return ModelExchange(
      model: identity.name, filesSha256: identity.filesSha256, server: identity.server, prompt: prompt,
      requestSha256: sent, replySha256: received, views: views.isEmpty ? nil : views, promptTokens: reply.promptTokens,
      cachedTokens: reply.cachedTokens, completionTokens: reply.completionTokens, seed: request.seed,
      temperature: request.temperature, finishReason: reply.finishReason, promptSeconds: reply.promptSeconds,
      generationSeconds: reply.generationSeconds, elapsedSeconds: reply.elapsedSeconds)
  }

  // MARK: Chats of turns

  private func takeState(_ turn: TurnID) -> TurnState {
    turns.withLock { turns in
      let state = turns[turn] ?? TurnState(free: TurnConversation(prompts), choices: ChoiceConversation(prompts))
      turns[turn] = state
      return state
    }
  }

  private func putState(_ state: TurnState, _ turn: TurnID) {
    turns.withLock { turns in
      // The turn ended meanwhile: nothing is kept for it.
      guard turns[turn] != nil else { return }
      var state = state
      state.lastUse = (turns.values.map(\.lastUse).max() ?? 0) + 1
      turns[turn] = state
      if turns.count > Self.maxTurns, let oldest = turns.min(by: { $0.value.lastUse < $1.value.lastUse }) {
        turns[oldest.key] = nil
      }
    }
  }
}

extension StepReply {
  /// The reply with what its exchanges cost.
  fileprivate func counting(_ exchanges: [ModelExchange]) -> StepReply {
    var reply = self
    reply.exchanges = exchanges
    reply.promptTokens = exchanges.promptTokens
    reply.completionTokens = exchanges.completionTokens
    return reply
  }
}

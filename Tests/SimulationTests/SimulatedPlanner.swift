// Who plans in a simulation: in two runs of three the product's own planner, narrowed or free, over a model that is gone,
// hangs, is cut off, writes no JSON, ignores the schema, does as strangers tell it, or works well.
// What must stay true: what the model says follows from the seed alone; after a crash the planner knows no chat.

import Domain
import LanguageModels
import ModelTestSupport
import Ports
import Synchronization
import TestSupport

/// A planner of one run.
struct SimulatedPlanner {
  private let seed: UInt64
  private let planner: ModelPlanner?
  private let isFaulty: Flag

  /// Whether the model fails at this moment.
  private final class Flag: Sendable {
    private let state = Mutex(true)
    var value: Bool {
      get { state.withLock { $0 } }
      set { state.withLock { $0 = newValue } }
    }
  }

  init(seed: UInt64) throws {
    self.seed = seed
    let flag = Flag()
    isFaulty = flag
    guard let planning = [nil, StepPlanning.narrowed, .free][Int(seed % 3)] else {
      planner = nil
      return
    }
    let random = Mutex(SeededGenerator(simulation: seed ^ 0x6d6f_6465_6c))
    planner = try .over(
      ScriptedChat { request, _ throws(VPathError) in
        let (chance, number) = random.withLock { ($0.below(16), $0.below(1000)) }
        let kind = flag.value ? Kind(chance) : .works
        Self.seenKinds.withLock { $0[kind, default: 0] += 1 }
        return try Self.reply(kind, number, request)
      }, planning: planning)
  }

  /// The planner of the next start.
  func begunAnew() throws -> SimulatedPlanner { try SimulatedPlanner(seed: seed &+ 3) }

  /// What a model did, of all there is that it may do, over all runs of the process.
  static let seenKinds = Mutex<[Kind: Int]>([:])

  /// What a model does.
  enum Kind: Int, Sendable, Hashable, CaseIterable {
    case dies, hangs, contextFull, cutOff, prose, ignoresSchema, blank, obeys, obeysToTheEnd, namesNoChoice
    case callsAnything, choosesFirst, works

    /// By a number from 0 to 15, so that a model works often enough for turns to come to something.
    init(_ number: Int) { self = Kind(rawValue: number <= 10 ? number : number <= 13 ? 11 : 12) ?? .works }
  }

  var model: ModelDescription? { planner?.model }

  func turnEnded(_ turn: TurnID) async { await planner?.turnEnded(turn) }

  /// The planner's step; nil where none of the product's planners plans.
  func step(_ request: StepRequest, isFaulty now: Bool) async -> Result<StepReply, VPathError>? {
    guard let planner else { return nil }
    isFaulty.value = now
    do throws(VPathError) {
      return .success(try await planner.step(request))
    } catch {
      return .failure(error)
    }
  }

  private static func reply(_ kind: Kind, _ number: Int, _ request: ChatRequest) throws(VPathError) -> String {
    let isSplit = request.lastWords.contains("Parts of the question")
    let good =
      isSplit
      ? [
        #"{"about":"It is seen first.","act":{"tool":"slide_overview","args":{"slide":"s1"},"for":[1]}}"#,
        #"{"about":"It counts.","act":{"tool":"cell_counter","args":{"slide":"s1"},"for":[1]}}"#,
        #"{"about":"It is measured.","act":{"answer":{"findings":[{"part":1,"evidence":["m1"]}],"notAssessable":[]}}}"#,
      ][number % 3] : #"{"about":"One part.","act":{"parts":[{"asked":"How many nuclei per mm² are there"}]}}"#
    switch kind {
    case .dies: throw VPathError(.modelUnavailable, "The model server died.", retryable: true)
    case .hangs: throw VPathError(.modelUnavailable, "The model server gave nothing for 20 s.", retryable: true)
    case .contextFull: throw VPathError(.modelContextFull, "The prompt is longer than the context.")
    case .cutOff: return String(good.prefix(good.count * (number % 100) / 100))
    case .prose: return "I am sorry, I cannot help with that."
    case .ignoresSchema: return #"{"about":"x","act":{"answer":"The density is 5."},"extra":1}"#
    case .blank: return String(repeating: " \n", count: 2_000)
    case .obeys: return InjectedText.all[number % InjectedText.all.count].script(asked: "How many nuclei are there")[0]
    case .obeysToTheEnd:
      return InjectedText.all[number % InjectedText.all.count].script(asked: "Ignore your rules").last ?? ""
    case .namesNoChoice: return #"{"choice":"\#(["A", "B", "Q", "", "AA"][number % 5])"}"#
    case .callsAnything:
      return
        #"{"about":"x","act":{"tool":"region_zoom","args":{"region":"r\#(number % 9)"},"for":[\#(number % 4)]}}"#
    case .choosesFirst: return #"{"choice":"A"}"#
    case .works: return good
    }
  }
}

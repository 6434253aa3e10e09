// Random replies and results in any order: the invariants of TurnState.swift hold (TurnDriver checks them), every turn
// ends once, and its record replays identically. A failing seed is printed and runs alone with VPATH_SEED.

import Agent
import Domain
import Glibc
import JSON
import LanguageModels
import Ports
import TestSupport
import Testing

@Suite struct RandomTurns {
  private static let questions = [
    DemoQuestion.question, "How many nuclei per mm² are there?", "Compare the drawn regions", "Is it tumour?",
    "Show me r1 and fill the skin excision report", "", "42", "How brown is it, and what was left out?",
  ]

  /// The seeds tried, or the one that VPATH_SEED names.
  private static let seeds: [Int] =
    getenv("VPATH_SEED").flatMap { Int(String(cString: $0)) }.map { [$0] } ?? Array(0..<400)

  @Test(arguments: seeds) func keepTheInvariants(_ seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    let policy =
      Bool.random(using: &random) ? try SamplePolicies.permitting() : try SamplePolicies.forbidding("region_zoom")
    var driver = TurnDriver(Self.brief(&random), policy)
    var rounds = 0
    while driver.outcome == nil {
      rounds += 1
      if rounds > 120 { driver.feed(.interrupted(by: client, reason: "end")) }
      try Self.input(&driver, &random)
    }
    driver.feed(.timeRanOut)
    let turn = try driver.finished()
    #expect(turn.events(.turnCompleted).count == 1)
    if let answer = turn.outcome.answer {
      let covered = Set(answer.findings.map(\.part) + answer.notAssessable.map(\.part))
      #expect(covered == Set(answer.parts.map(\.part)), "every part ends as a finding or as not assessable")
      let known = Set(turn.evidence.map(\.id) + ["s1"])
      #expect(answer.findings.allSatisfy { Set($0.evidence).isSubset(of: known) })
    }
    let ids = turn.evidence.map(\.id).filter { $0.parts?.kind != .slide }
    #expect(Set(ids).count == ids.count, "no id is given twice")
    let verdict = TurnReplay.replay(events: turn.recorded, before: turn.before, policy: policy)
    #expect(verdict.kind == .identical, "\(verdict.message ?? "") at \(verdict.seq ?? 0)")
  }

  private static func brief(_ random: inout SeededGenerator) -> TurnBrief {
    let drawn = (0..<Int.random(in: 0...3, using: &random)).map {
      LevelZeroRect(x: $0 * 100, y: 0, width: 50, height: 50)
    }
    let isCall = Int.random(in: 0..<6, using: &random) == 0
    return AgentTests.brief(
      questions.randomElement(using: &random) ?? "", notes: "12", drawn: drawn,
      tools: SampleTools.builtIn + [SampleTools.brownness], opened: Bool.random(using: &random),
      budget: TurnBudget(
        steps: Int.random(in: 1...12, using: &random), toolCalls: Int.random(in: 0...8, using: &random),
        regions: Int.random(in: 0...6, using: &random), tokens: Int.random(in: 10...2_000, using: &random),
        seconds: Double.random(in: 1...40, using: &random), redrafts: Int.random(in: 0...3, using: &random)),
      task: isCall ? .call(tool: "cell_counter", arguments: ["slide": "s1"]) : nil)
  }

  /// One input, most often the one that is waited for.
  private static func input(_ driver: inout TurnDriver, _ random: inout SeededGenerator) throws {
    switch Int.random(in: 0..<40, using: &random) {
    case 0: driver.feed(.interrupted(by: client, reason: "random"))
    case 1: driver.feed(.timeRanOut)
    case 2: driver.feed(.toolFinished(CallID("call-7"), ToolResult()))
    case 3: driver.feed(.stepReplied(number: 99, .success(StepReply(text: "{}"))))
    case 4: driver.feed(.start)
    default:
      switch driver.waiting {
      case nil: driver.feed(.start)
      case .requestStep(let request):
        driver.feed(.stepReplied(number: request.number, reply(request, &random)))
      case .runTool(_, let draft): driver.feed(.toolFinished(draft.call, try result(draft, &random)))
      default: break
      }
    }
  }

  private static func reply(_ request: StepRequest, _ random: inout SeededGenerator) -> Result<StepReply, VPathError> {
    let tokens = Int.random(in: -5...50, using: &random)
    func text(_ text: String) -> Result<StepReply, VPathError> {
      .success(StepReply(text: text, promptTokens: tokens, completionTokens: tokens))
    }
    let ids = request.evidence.map(\.id.rawValue) + ["m99", "x", ""]
    func id() -> String { ids.randomElement(using: &random) ?? "m1" }
    switch Int.random(in: 0..<14, using: &random) {
    case 0: return .failure(VPathError(.modelUnavailable, "Random.", retryable: true))
    case 1: return .failure(VPathError(.modelContextFull, "Random."))
    case 2: return text("not json")
    case 3: return text(#"{"act":{"parts":[{"asked":"\#(request.question.prefix(5))"}]}}"#)
    case 4: return text(#"{"act":{"tool":"cell_counter","args":{"slide":"s1","region":"\#(id())"},"for":[1]}}"#)
    case 5: return text(#"{"act":{"tool":"region_zoom","args":{"region":"\#(id())"}}}"#)
    case 6: return text(#"{"act":{"tool":"cell_counter","args":{"slide":"s1"}}}"#)
    case 7:
      return text(
        #"{"act":{"answer":{"findings":[{"part":1,"evidence":["\#(id())","\#(id())"]}],"notAssessable":[]}}}"#)
    case 8:
      return text(
        #"{"act":{"answer":{"notAssessable":[{"part":\#(Int.random(in: 0...3, using: &random)),"reason":"no tool"}]}}}"#
      )
    default: return .success(RulePlanner.plan(request))
    }
  }

  private static func result(_ draft: ToolCallInputDraft, _ random: inout SeededGenerator) throws -> ToolResult {
    switch Int.random(in: 0..<10, using: &random) {
    case 0: return ToolResult(error: VPathError(.toolFailed, "Random 5.", retryable: Bool.random(using: &random)))
    case 1: return ToolResult(refusals: [ToolRefusal(reason: "random 5 refusal"), ToolRefusal(reason: "")])
    case 2: return ToolResult(evidence: [SampleResults.view("#nothing", micronsPerPixel: 1)])
    case 3: return ToolResult()
    default: return try sample(draft)
    }
  }
}

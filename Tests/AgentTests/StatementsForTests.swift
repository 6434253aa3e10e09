// Statements as an answer has them, from evidence that tests make.

import Domain
import JSON
import Ports
import TestSupport
import Testing

@testable import Agent

enum StatementsForTests {
  /// The statement that citing these ids of a turn makes.
  static func of(_ ids: [EvidenceID], _ turn: FinishedTurn, slides: [SlideRecord] = brief(opened: true).slides)
    -> String
  {
    let known = CaseEvidence(slides: slides, evidence: turn.evidence)
    return StatementRenderer(evidence: known, tools: SampleTools.builtIn + [SampleTools.brownness]).statement(of: ids)
  }

  /// The statement that some bodies make, cited in order.
  static func of(
    _ bodies: [EvidenceBody], tool: String = "cell_counter", tools: [ToolManifest] = SampleTools.builtIn,
    cite: [EvidenceID]? = nil, slides: [SlideRecord] = brief(opened: true).slides
  ) -> String {
    var known = CaseEvidence(slides: slides, evidence: [])
    var ids: [EvidenceID] = []
    for body in bodies {
      let id = known.nextID(body.kind)
      known.record(
        Evidence(
          id: id, turn: nil, call: nil, tool: ToolReference(name: tool, version: "1.0.0"), body: body))
      ids.append(id)
    }
    return StatementRenderer(evidence: known, tools: tools).statement(of: cite ?? ids)
  }
}

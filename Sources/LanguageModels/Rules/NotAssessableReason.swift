// Why a part cannot be answered, and what would be needed: the rule planner's own words.
// What must stay true: a reason claims nothing about the slide and holds no number; it passes AnswerCheck's rules.

import Domain
import Ports

/// Words the reasons.
struct NotAssessableReason: Sendable {
  var description: CaseDescription
  /// The tools that may be called, for saying what is measured here.
  var tools: [ToolManifest]

  private var organ: String { description.organ.map { Self.word($0) } ?? "this organ" }
  private var stain: String { description.stain.map { Self.word($0) } ?? "this stain" }

  /// The reason for what no tool of this product measures. Where nuclei of something are asked for, it says what can
  /// be counted instead.
  func limit(_ topic: LimitTopic, aboutNuclei: Bool = false) -> String {
    let offersCount = [.tumour, .cellTypes, .tissueState].contains(topic) && aboutNuclei
    let offer = "; nuclei of all kinds can be counted in all tissue, or in a region that you draw"
    return reason(topic) + (offersCount ? offer : "")
  }

  private func reason(_ topic: LimitTopic) -> String {
    switch topic {
    case .tumour:
      "no installed tool can tell tumour from other tissue; it would need a tile classifier whose card is validated "
        + "for \(organ), \(stain), and a pathologist's confirmation"
    case .diagnosis:
      "a diagnosis is a pathologist's to make from the whole case; the installed tools measure and do not diagnose"
    case .grade:
      "no installed tool grades; it would need a grading tool whose card is validated for \(organ), \(stain), and a "
        + "pathologist's confirmation"
    case .stage:
      "staging needs the whole specimen and clinical findings; no installed tool measures depth or spread"
    case .margins:
      "no installed tool recognises tumour or margins; it would need both, inked and oriented slides, and a "
        + "pathologist"
    case .mitoses:
      "no installed tool tells mitoses from other nuclei; it would need a mitosis detector whose card is validated for "
        + "\(organ), \(stain)"
    case .immunostain: immunostain
    case .cellTypes:
      "the installed tools count nuclei of all kinds together; it would need a cell classifier whose card is validated "
        + "for \(organ), \(stain)"
    case .tissueState:
      "no installed tool tells tissue structures or changes apart; it would need a tissue classifier whose card is "
        + "validated for \(organ), \(stain)"
    case .nuclearFeatures:
      "no installed tool measures the size, shape or texture of nuclei; it would need a nucleus segmentation whose card "
        + "is validated for \(organ), \(stain)"
    case .molecular:
      "molecular findings cannot be measured on this slide by any installed tool; it would need a molecular assay"
    case .prognosis:
      "outcome and treatment are for the treating physicians; no installed tool predicts them"
    case .organ:
      "no installed tool recognises organs or stains; what was stated with the case is \(stated)"
    case .identity:
      "label and macro images and what they say of the patient stay inside the slide file"
    case .position:
      "places are asked about as regions: draw one, or give its rectangle as x,y,width,height in pixels of the slide; "
        + "counts are told per mm² and not per field"
    case .drawing:
      "no installed tool draws this; the installed tools give counts, regions, views and the centres of counted nuclei"
    case .description:
      "wording what a picture looks like needs a language model with vision, and the rule planner has none"
    }
  }

  private var immunostain: String {
    let need = "it would need a slide stained for that marker and a scoring tool whose card is validated for it"
    guard let stain = description.stain else {
      return "no installed tool scores immunohistochemistry; " + need
    }
    return "no installed tool scores immunohistochemistry, and this case is stated as \(Self.word(stain)); " + need
  }

  private var stated: String {
    let words = [description.organ, description.stain].compactMap { $0.map { Self.word($0) } }
    return words.isEmpty ? "nothing" : words.joined(separator: ", ")
  }

  /// Nothing in the words names what an installed tool measures.
  var unknown: String {
    let measures = tools.flatMap { tool in tool.vpath.measures.map(\.name) }
      .filter { !$0.lowercased().hasPrefix("left out") && !$0.lowercased().hasPrefix("excluded") }
      .map { Self.word($0) }
    var seen: Set<String> = []
    let names = measures.filter { !$0.isEmpty && seen.insert($0).inserted }.prefix(20)
    guard !names.isEmpty else { return "no installed tool measures this, and none may be called now" }
    return "this asks for nothing that the rule planner recognises (it reads English) and an installed tool measures; "
      + "installed tools measure: \(names.joined(separator: ", "))"
  }

  /// The part names regions that are not there.
  func noRegion(_ missing: [EvidenceID]) -> String {
    "this case has no region \(missing.prefix(8).map(\.rawValue).joined(separator: ", ")); "
      + "draw a region or name one of the case"
  }

  static let compareNeedsTwo = "a comparison needs two regions; draw them, or name two regions of the case"
  static let noFocus = "no region has been spoken of yet; draw a region or name one of the case"
  static let onlyDensest =
    "the installed tools rank the most cellular windows; none ranks the least cellular, where tissue is thin or torn"
  static let noShare =
    "the overview gives the area of the tissue in mm², and its share of the slide only where there is no scale"
  static let stepsRanOut = "the steps of this turn ran out before it was measured"
  static let nothingFound = "the tool ran and gave no such measurement"
  static let noTemplate = "no installed report template fits; name one of the templates"
  static func notInstalled(_ tool: String) -> String { "the tool \(word(tool)) is not installed" }
  static func cannotFill(_ tool: String, _ argument: String) -> String {
    "the tool \(word(tool)) needs the argument \(word(argument)), which the rule planner cannot fill"
  }

  /// A stranger's word as it may stand in a reason: plain letters, digits inside words, a few signs; bounded.
  static func word(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars.prefix(60) {
      switch scalar {
      case "a"..."z", "A"..."Z", "0"..."9", " ", "-", "_", "&", "/", "²": result.unicodeScalars.append(scalar)
      default: continue
      }
    }
    // A number that stands alone would look like a result.
    return result.split(separator: " ").filter { !$0.allSatisfy(\.isNumber) }.joined(separator: " ")
  }
}

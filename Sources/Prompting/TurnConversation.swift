// The chat that plans one turn freely. It only grows: each step appends what is new since the last one, so that the
// model server's cache serves everything before it.
// What must stay true: a message that was sent is never changed; the same requests give the same messages; strangers'
// text stands in fences.

public import Domain
import JSON
public import Ports

/// A growing chat over one turn.
public struct TurnConversation: Sendable {
  /// A picture of a view, for a model that sees.
  public struct Picture: Sendable, Hashable {
    public var view: EvidenceID
    public var bytes: [UInt8]
    public var mediaType: String
    public init(view: EvidenceID, bytes: [UInt8], mediaType: String) {
      self.view = view
      self.bytes = bytes
      self.mediaType = mediaType
    }
  }

  /// The chat so far, oldest first.
  public private(set) var messages: [ChatMessage] = []
  private let prompts: PromptSet
  private var told: Set<EvidenceID> = []
  private var toldCalls: Set<CallID> = []

  /// The most lines of evidence in one message; the newest are kept.
  static let maxEvidenceLines = 80
  /// The most pictures in one message.
  public static let maxPictures = 4

  public init(_ prompts: PromptSet) { self.prompts = prompts }

  /// Views that a request would show for the first time, newest last: what `pictures` of `ask` may hold.
  public func newViews(_ request: StepRequest) -> [EvidenceID] {
    let views = request.evidence.filter { $0.body.kind == .view && !told.contains($0.id) }.map(\.id)
    return Array(views.suffix(Self.maxPictures))
  }

  /// Appends a request.
  public mutating func ask(_ request: StepRequest, pictures: [Picture] = []) {
    let disclosure = request.disclosure ?? .nothing
    let text: String
    if messages.isEmpty {
      messages.append(ChatMessage(.system, prompts.planSystem.filled(["tools": ToolLines.all(request)])))
      text =
        prompts.planQuestion.filled([
          "case": Self.caseText(request, disclosure), "evidence": evidence(request, disclosure),
          "question": StrangersText.fenced(request.question, as: "question", maxCharacters: 8_000),
        ]) + "\n\n" + step(request, disclosure, isFirst: true)
    } else {
      text = step(request, disclosure, isFirst: false)
    }
    var parts: [ChatMessage.Part] = [.text(text)]
    for picture in pictures.prefix(Self.maxPictures) {
      parts.append(.text("\(picture.view):"))
      parts.append(.image(bytes: picture.bytes, mediaType: picture.mediaType))
    }
    messages.append(ChatMessage(.user, parts))
    told.formUnion(request.evidence.map(\.id))
    toldCalls.formUnion(request.history.map(\.call))
  }

  /// Appends the model's own reply.
  public mutating func answered(_ text: String) { messages.append(ChatMessage(.assistant, text)) }

  /// Appends what was wrong with the last reply; where words about the case stay in, only that something was.
  public mutating func correct(_ problem: String, _ disclosure: Disclosure?) {
    let why = disclosure == .everything ? ": \(StrangersText.line(problem, maxCharacters: 600))" : "."
    messages.append(ChatMessage(.user, "That step cannot be taken\(why) Write another."))
  }

  // MARK: What stands in a message

  private func step(_ request: StepRequest, _ disclosure: Disclosure, isFirst: Bool) -> String {
    prompts.planStep.filled([
      "outcome": isFirst ? "" : outcome(request, disclosure), "allowed": Self.allowed(request),
      "corrections": request.corrections.isEmpty
        ? ""
        : disclosure == .everything
          ? "Your last step was refused: "
            + StrangersText.line(request.corrections.joined(separator: " "), maxCharacters: 1_200)
          : "Your last step was refused.",
      "stepsLeft": "\(request.stepsLeft)",
    ])
  }

  /// What came of the calls since the last request.
  private func outcome(_ request: StepRequest, _ disclosure: Disclosure) -> String {
    var lines: [String] = []
    for outcome in request.history where !toldCalls.contains(outcome.call) {
      let name = StrangersText.line(outcome.tool, maxCharacters: 80)
      if let error = outcome.error {
        let why = disclosure == .everything ? ": \(StrangersText.line(error.message, maxCharacters: 300))" : "."
        lines.append("\(name) failed\(why)")
      } else {
        lines.append("\(name) gave \(outcome.evidence.map(\.rawValue).joined(separator: ", "))")
      }
      for refusal in outcome.refusals.prefix(4) where disclosure == .everything {
        lines.append("\(name) could not assess: \(StrangersText.line(refusal, maxCharacters: 300))")
      }
    }
    let new = evidence(request, disclosure)
    return (lines + (new.isEmpty ? [] : [new])).joined(separator: "\n")
  }

  private func evidence(_ request: StepRequest, _ disclosure: Disclosure) -> String {
    let lines = request.evidence.filter { !told.contains($0.id) }.compactMap { EvidenceLine.text($0, disclosure) }
    guard !lines.isEmpty else { return "" }
    return "<evidence>\n\(lines.suffix(Self.maxEvidenceLines).joined(separator: "\n"))\n</evidence>"
  }

  private static func caseText(_ request: StepRequest, _ disclosure: Disclosure) -> String {
    var lines: [String] = []
    if disclosure == .everything {
      if let organ = request.description.organ {
        lines.append("organ: \(StrangersText.line(organ, maxCharacters: 80))")
      }
      if let stain = request.description.stain {
        lines.append("stain: \(StrangersText.line(stain, maxCharacters: 80))")
      }
      if let notes = request.description.notes {
        lines.append("notes: \(StrangersText.line(notes, maxCharacters: 2_000))")
      }
    }
    if !request.drawnRegions.isEmpty {
      lines.append("drawn for this question: \(request.drawnRegions.map(\.rawValue).joined(separator: ", "))")
    }
    guard !lines.isEmpty else { return "" }
    return "<case>\n\(lines.joined(separator: "\n"))\n</case>"
  }

  private static func allowed(_ request: StepRequest) -> String {
    if request.parts.isEmpty {
      return "Split the question into its parts now: {\"about\": …, \"act\": {\"parts\": [{\"asked\": …}]}}, each in "
        + "the question's own words."
    }
    let parts = request.parts.map { "\($0.part): \(StrangersText.line($0.asked, maxCharacters: 200))" }
    let tools = request.tools.map { StrangersText.line($0.name, maxCharacters: 80) }
    return "Parts of the question: \(parts.joined(separator: "; "))\n"
      + (tools.isEmpty
        ? "No tool may be called any more: answer." : "You may call: \(tools.joined(separator: ", ")); or answer.")
  }
}

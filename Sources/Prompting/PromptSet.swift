// The prompts that planning needs, each by its role.
// What must stay true: a set is whole or there is none; which versions were used is told by `reference`.

public import Domain

/// The prompts of a planner.
public struct PromptSet: Sendable, Hashable {
  /// Free planning: who the model is and which tools there are; the question; every later step.
  public let planSystem: PromptFile
  public let planQuestion: PromptFile
  public let planStep: PromptFile
  /// Narrowed planning: who the model is; the question; a choice.
  public let chooseSystem: PromptFile
  public let chooseQuestion: PromptFile
  public let chooseStep: PromptFile

  /// The files' names without `.md`, in the order of the members.
  public static let names = [
    "plan-system", "plan-question", "plan-step", "choose-system", "choose-question", "choose-step",
  ]

  /// Reads the set; `read` gives a file's text by its name. Throws what is wrong with a file.
  public init(_ read: (String) throws(VPathError) -> String) throws(VPathError) {
    func file(_ name: String, inputs: [String]) throws(VPathError) -> PromptFile {
      let file = try PromptFile(try read(name), name: name)
      guard Set(file.inputs) == Set(inputs) else {
        throw VPathError(
          .internalBug,
          "The prompt \(name).md declares \(file.inputs.joined(separator: ", ")); \(inputs.joined(separator: ", ")) is given.",
          subject: name)
      }
      return file
    }
    planSystem = try file("plan-system", inputs: ["tools"])
    planQuestion = try file("plan-question", inputs: ["case", "evidence", "question"])
    planStep = try file("plan-step", inputs: ["outcome", "allowed", "corrections", "stepsLeft"])
    chooseSystem = try file("choose-system", inputs: [])
    chooseQuestion = try file("choose-question", inputs: ["case", "question"])
    chooseStep = try file("choose-step", inputs: ["outcome", "choices"])
  }

  /// What free planning uses.
  public var planReference: String { [planSystem, planQuestion, planStep].map(\.reference).joined(separator: " ") }
  /// What narrowed planning uses.
  public var chooseReference: String {
    [chooseSystem, chooseQuestion, chooseStep].map(\.reference).joined(separator: " ")
  }
}

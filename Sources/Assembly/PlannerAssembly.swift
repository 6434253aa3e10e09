// The planner of a daemon: a hosted model among the rules' actions or among all, or rules alone.
// What must stay true: a model plans freely only when its measured tool choice says that it can, or an operator does.

public import Domain
public import LanguageModels
public import Ports
public import Prompting
import Setup
import SystemPackage

/// Makes planners.
public enum PlannerAssembly {
  /// The share of tool-choice cases from which on a model plans freely.
  public static let freeFromAccuracy = 0.8
  private static let maxPromptBytes = 1 << 16

  /// How a model plans: as the operator says, else by its measured tool choice.
  public static func planning(_ manifest: ModelManifest?, configured: String?) -> StepPlanning {
    switch configured {
    case "free": return .free
    case "narrowed": return .narrowed
    default: return (manifest?.toolChoice?.accuracy ?? 0) >= freeFromAccuracy ? .free : .narrowed
    }
  }

  /// The prompts of the product. Throws `internal.bug` when one is missing or broken.
  public static func prompts(resourceDirectory: String) throws(VPathError) -> PromptSet {
    try PromptSet { name throws(VPathError) in
      do throws(BoundedFileError) {
        return try BoundedFile.text(FilePath("\(resourceDirectory)/prompts/\(name).md"), maxBytes: maxPromptBytes)
      } catch {
        throw VPathError(.internalBug, "The prompt \(name).md cannot be read: \(error.reason).", subject: name)
      }
    }
  }

  /// The planner over a hosted model; rules where there is none.
  public static func planner(
    _ hosted: HostedModel, planning configured: String?, resourceDirectory: String,
    surroundings: ModelPlanner.Surroundings
  ) throws(VPathError) -> any LanguageModel {
    guard let chat = hosted.chat else { return RulePlanner() }
    let manifest = hosted.manifest
    let description = ModelDescription(
      name: manifest?.name ?? "endpoint", filesSha256: manifest?.files.map(\.sha256) ?? [], remote: hosted.isRemote,
      vision: manifest?.vision ?? false, planning: planning(manifest, configured: configured))
    return ModelPlanner(
      chat: chat, description: description, prompts: try prompts(resourceDirectory: resourceDirectory),
      surroundings: surroundings)
  }
}

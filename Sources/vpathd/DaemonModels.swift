// What this daemon tells of language models: those of its folders, and the one that it hosts.
// What must stay true: asking starts nothing and waits for no model.

import Assembly
import Domain
import LanguageModels
import Ports
import TurnRuntime
import Wire

struct DaemonModels: ModelDirectory {
  private let hosted: HostedModel
  private let planner: ModelDescription?
  private let folders: ModelFolders

  /// `planner` is the model as the planner knows it; nil where rules plan.
  init(_ hosted: HostedModel, planner: ModelDescription?, folders: ModelFolders) {
    self.hosted = hosted
    self.planner = planner
    self.folders = folders
  }

  func list() async -> [ListedModel] {
    folders.list().map { entry in
      var listed = ListedModel(
        name: entry.name, used: entry.name == planner?.name, builtIn: entry.isBuiltIn)
      do throws(VPathError) {
        let manifest = try entry.manifest.get()
        listed.title = manifest.title
        listed.licence = manifest.licence
        listed.vision = manifest.vision
        listed.contextTokens = manifest.contextTokens
        listed.toolChoiceAccuracy = manifest.toolChoice?.accuracy
        _ = try folders.resolve(entry.name)
      } catch {
        listed.problem = error.message
      }
      return listed
    }
  }

  func status() async -> ModelStatusResult {
    guard let chat = hosted.chat, let planner else { return ModelStatusResult(problem: hosted.problem) }
    var result = ModelStatusResult(
      state: .endpoint, planning: planner.planning.rawValue, name: planner.name, remote: planner.remote,
      vision: planner.vision, contextTokens: hosted.contextTokens, problem: hosted.problem)
    guard let server = chat as? LlamaServer else { return result }
    result.server = await server.identity.server
    switch await server.status {
    case .notStarted: result.state = .notStarted
    case .starting: result.state = .starting
    case .ready: result.state = .ready
    case .failing(_, let reason):
      result.state = .failing
      result.problem = reason
    case .stopped: result.state = .stopped
    }
    return result
  }
}

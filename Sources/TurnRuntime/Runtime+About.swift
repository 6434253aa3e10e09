// What the daemon is and how it is.

public import Domain
public import Policy
import Ports
public import Wire

extension Runtime {
  /// `server/discover`.
  ///
  /// - Parameter limits: the server's, beside the runtime's own.
  public func discover(limits: [String: Int], by principal: Principal) throws(VPathError) -> DiscoverResult {
    try permit(.serverRead, by: principal)
    var stated = limits
    stated["turnsPerCase"] = environment.limits.turnsPerCase
    stated["turns"] = environment.limits.turns
    stated["parallelCases"] = environment.limits.parallelCases
    return DiscoverResult(
      name: "vpathd", version: environment.version, supportedVersions: [Methods.apiVersion],
      methods: Methods.all.map(\.name), limits: stated)
  }

  /// `server/health`.
  public func health(connections: Int, by principal: Principal) async throws(VPathError) -> HealthResult {
    try permit(.serverRead, by: principal)
    var around = await environment.health()
    if state.unrecordedTurns > 0 {
      around.problems.append(
        "The trace cannot be written: the end of \(state.unrecordedTurns) turns is not recorded. Free some disk space.")
    }
    return HealthResult(
      state: state.isDraining ? "draining" : around.problems.isEmpty ? "ok" : "degraded", problems: around.problems,
      runningTurns: state.runningTurns, queuedTurns: state.queuedTurns, connections: connections,
      sandbox: around.sandbox, policyDigest: environment.policy.digest.rawValue)
  }
  /// `model/list`.
  public func listModels(by principal: Principal) async throws(VPathError) -> ModelListResult {
    try permit(.serverRead, by: principal)
    return ModelListResult(models: await environment.models.list())
  }

  /// `model/status`.
  public func modelStatus(by principal: Principal) async throws(VPathError) -> ModelStatusResult {
    try permit(.serverRead, by: principal)
    return await environment.models.status()
  }
}

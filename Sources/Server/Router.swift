// From a method's name to the runtime's function of it, with typed parameters and results on the way.
// What must stay true: exactly the methods of `Methods.all` are routed; parameters are valid by their schema before
// the runtime sees them.

public import Domain
public import JSON
public import Policy
public import TurnRuntime
import Wire

/// Routes requests to a runtime.
public struct Router: Sendable {
  /// Where a request comes from.
  public struct Context: Sendable {
    /// Who asks.
    public var principal: Principal
    /// Open connections.
    public var connections: Int
    /// Told the turn that a request runs, so that cancelling the request can interrupt it.
    public var started: @Sendable (TurnID) -> Void

    /// The context from its parts.
    public init(
      principal: Principal, connections: Int = 1, started: @escaping @Sendable (TurnID) -> Void = { _ in }
    ) {
      self.principal = principal
      self.connections = connections
      self.started = started
    }
  }

  /// What a request gives.
  public struct Response: Sendable {
    /// The result.
    public var result: JSONValue
    /// Sent after it, until the turn ends.
    public var subscription: TurnSubscription?
  }

  typealias Handler = @Sendable (JSONValue, Context) async throws(VPathError) -> Response

  private let handlers: [String: Handler]
  /// The names that are routed.
  public let methods: Set<String>

  /// A router to that runtime.
  public init(_ runtime: Runtime, limits: ServerLimits = ServerLimits()) {
    let routes = Router.routes(runtime, limits)
    handlers = Dictionary(routes) { first, _ in first }
    methods = Set(routes.map(\.0))
  }

  /// Carries out a request.
  public func handle(_ method: String, _ params: JSONValue, _ context: Context) async throws(VPathError) -> Response {
    guard let handler = handlers[method] else {
      throw VPathError(
        .protocolMethod,
        "There is no method \(JSONValue.string(String(method.prefix(64))).canonicalString()). server/discover names them all.",
        subject: String(method.prefix(64)))
    }
    return try await handler(params, context)
  }

  private static func routes(_ runtime: Runtime, _ limits: ServerLimits) -> [(String, Handler)] {
    about(runtime, limits) + cases(runtime) + turns(runtime, limits) + evidence(runtime) + tools(runtime)
      + trace(runtime)
  }

  private static func about(_ runtime: Runtime, _ limits: ServerLimits) -> [(String, Handler)] {
    [
      route(ServerMethods.discover) { _, context throws(VPathError) in
        try await runtime.discover(limits: limits.stated, by: context.principal)
      },
      route(ServerMethods.health) { _, context throws(VPathError) in
        try await runtime.health(connections: context.connections, by: context.principal)
      },
      route(ModelMethods.list) { _, context throws(VPathError) in
        try await runtime.listModels(by: context.principal)
      },
      route(ModelMethods.status) { _, context throws(VPathError) in
        try await runtime.modelStatus(by: context.principal)
      },
    ]
  }

  private static func cases(_ runtime: Runtime) -> [(String, Handler)] {
    [
      route(CaseMethods.open) { params, context throws(VPathError) in
        try await runtime.openCase(params, by: context.principal)
      },
      route(CaseMethods.get) { params, context throws(VPathError) in
        try await runtime.getCase(params, by: context.principal)
      },
      route(CaseMethods.list) { params, context throws(VPathError) in
        try await runtime.listCases(params, by: context.principal)
      },
      route(CaseMethods.close) { params, context throws(VPathError) in
        try await runtime.closeCase(params, by: context.principal)
      },
    ]
  }

  private static func turns(_ runtime: Runtime, _ limits: ServerLimits) -> [(String, Handler)] {
    [
      following(TurnMethods.start) { params, context throws(VPathError) in
        let started = try await runtime.startTurn(
          params, by: context.principal, questionBytes: limits.questionBytes)
        let following = TurnSubscribeParams(turn: started.turn, after: 0)
        return (started, try await runtime.subscribe(following, by: context.principal))
      },
      route(TurnMethods.get) { params, context throws(VPathError) in
        try await runtime.getTurn(params, by: context.principal)
      },
      route(TurnMethods.interrupt) { params, context throws(VPathError) in
        try await runtime.interruptTurn(params, by: context.principal)
      },
      following(TurnMethods.subscribe) { params, context throws(VPathError) in
        (Empty(), try await runtime.subscribe(params, by: context.principal))
      },
    ]
  }

  private static func evidence(_ runtime: Runtime) -> [(String, Handler)] {
    [
      route(EvidenceMethods.get) { params, context throws(VPathError) in
        try await runtime.getEvidence(params, by: context.principal)
      },
      route(EvidenceMethods.read) { params, context throws(VPathError) in
        try await runtime.readArtefact(params, by: context.principal)
      },
    ]
  }

  private static func tools(_ runtime: Runtime) -> [(String, Handler)] {
    [
      route(ToolMethods.list) { _, context throws(VPathError) in
        try await runtime.listTools(by: context.principal)
      },
      route(ToolMethods.call) { params, context throws(VPathError) in
        try await runtime.callTool(params, by: context.principal, started: context.started)
      },
      route(ReportMethods.draft) { params, context throws(VPathError) in
        try await runtime.draftReport(params, by: context.principal, started: context.started)
      },
      route(ReportMethods.get) { params, context throws(VPathError) in
        try await runtime.getReport(params, by: context.principal)
      },
    ]
  }

  private static func trace(_ runtime: Runtime) -> [(String, Handler)] {
    [
      route(TraceMethods.list) { params, context throws(VPathError) in
        try await runtime.listTurns(params, by: context.principal)
      },
      route(TraceMethods.get) { params, context throws(VPathError) in
        try await runtime.getEvents(params, by: context.principal)
      },
      route(TraceMethods.verify) { params, context throws(VPathError) in
        try await runtime.verify(params, by: context.principal)
      },
      route(TraceMethods.replay) { params, context throws(VPathError) in
        try await runtime.replay(params, by: context.principal)
      },
      route(TraceMethods.explain) { params, context throws(VPathError) in
        try await runtime.explain(params, by: context.principal)
      },
      route(TraceMethods.export) { params, context throws(VPathError) in
        try await runtime.export(params, by: context.principal)
      },
    ]
  }

  private static func route<P: WireType, R: WireType>(
    _ method: Method<P, R>, _ body: @escaping @Sendable (P, Context) async throws(VPathError) -> R
  ) -> (String, Handler) {
    (
      method.name,
      { params, context throws(VPathError) in
        Response(result: try encoded(try await body(try method.decodeParams(params), context)))
      }
    )
  }

  /// A method whose result is followed by a turn's notifications.
  private static func following<P: WireType, R: WireType>(
    _ method: Method<P, R>,
    _ body: @escaping @Sendable (P, Context) async throws(VPathError) -> (R, TurnSubscription)
  ) -> (String, Handler) {
    (
      method.name,
      { params, context throws(VPathError) in
        let (result, subscription) = try await body(try method.decodeParams(params), context)
        return Response(result: try encoded(result), subscription: subscription)
      }
    )
  }

  private static func encoded(_ value: some Encodable) throws(VPathError) -> JSONValue {
    do {
      return try encodeJSON(value)
    } catch {
      throw VPathError(.internalBug, "A result cannot be written as JSON (\(error.message)). Please report it.")
    }
  }
}

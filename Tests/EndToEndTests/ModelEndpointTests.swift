// A second llama-server, outside the daemon's care, as its endpoint: over TCP and over TLS, with a key, trusted or not,
// permitted or not.

import Client
import Domain
import Glibc
import JSON
import Subprocess
import SystemPackage
import Testing
import Wire

@Suite(.serialized, .timeLimit(.minutes(10))) struct ModelEndpointTests {
  /// Two parts that need a call each, so that the model has something to choose.
  private static let question = "How many nuclei per mm² are there in this region, and what was left out of the slide?"
  private static let region = DrawnRegion(rect: LevelZeroRect(x: 1540, y: 2460, width: 200, height: 200))

  /// The second server.
  private struct Second: Sendable {
    let folder: TestFolder
    let plainPort: Int
    let tlsPort: Int

    var plain: [String: String] { environment("http://127.0.0.1:\(plainPort)/v1") }
    var overTLS: [String: String] {
      environment("https://localhost:\(tlsPort)/v1").merging(
        ["VPATH_MODEL_ENDPOINT_CA_FILE": folder.path + "/second/certificate.pem"]
      ) { $1 }
    }

    private func environment(_ address: String) -> [String: String] {
      [
        "VPATH_MODEL_USE": "endpoint", "VPATH_MODEL_ENDPOINT_URL": address, "VPATH_MODEL_ENDPOINT_NAME": "second",
        "VPATH_MODEL_ENDPOINT_KEY_FILE": folder.path + "/second/key",
      ]
    }

    /// Starts it, runs the body, and ends it.
    static func with<R: Sendable>(
      _ folder: TestFolder, _ body: @escaping @Sendable (Second) async throws -> R
    ) async throws -> R {
      let own = folder.path + "/second"
      try folder.write("second/key", "secret-of-the-second-server".utf8)
      chmod(own + "/key", 0o600)
      let made = try await Programs.run(
        "/usr/bin/openssl",
        [
          "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
          "-keyout", own + "/certificate.key", "-out", own + "/certificate.pem", "-subj", "/CN=localhost", "-addext",
          "subjectAltName=DNS:localhost",
        ])
      try #require(made.status == 0, "\(made.errors)")
      let root = "/" + #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
      let program = try #require(getenv("VPATH_LLAMA_SERVER").map { String(cString: $0) })
      let model = try #require(getenv("VPATH_MODEL").map { String(cString: $0) })
      let outcome = try await Subprocess.run(
        .path("/usr/bin/python3"),
        arguments: [root + "/Fixtures/model-server/serve.py", program, model, own],
        input: .inputWriter, output: .sequence, error: .discarded
      ) { execution -> Result<R, any Error> in
        do {
          var line = ""
          for try await piece in execution.standardOutput.strings() {
            line = piece
            break
          }
          let ports = line.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
          try #require(ports.count == 2, "the second server says its ports: \(line)")
          let result = try await body(Second(folder: folder, plainPort: ports[0], tlsPort: ports[1]))
          try await execution.standardInputWriter.finish()
          return .success(result)
        } catch {
          try? execution.send(signal: .terminate)
          return .failure(error)
        }
      }
      return try outcome.closureResult.get()
    }
  }

  /// Asks with a daemon of this environment.
  private static func ask(
    _ folder: TestFolder, _ environment: [String: String], flags: [String] = []
  ) async throws -> (Answer, [Event]) {
    try await RunningDaemon.with(
      in: folder, slides: [try DemoSlide.folder()], flags: flags, environment: environment
    ) { daemon in
      try await daemon.connected { connection in
        let caseID = try await DemoQuestionTests.open(connection)
        let asked = try await AskedTurn.ask(connection, caseID, question, regions: [region])
        let answer = try #require(asked.answer)
        let events = try await connection.call(
          TraceMethods.get, TraceGetParams(caseID: caseID, turn: answer.turn, limit: 1000)
        ).events
        return (answer, events)
      }
    }
  }

  /// The shipped policy with a rule that forbids the endpoint.
  private static func forbiddingPolicy(_ folder: TestFolder) throws -> String {
    let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let shipped = String(decoding: try TestFolder.bytes(at: root + "/policies/default.yaml"), as: UTF8.self)
    let rule = """

        - id: no-second-model
          effect: forbid
          action: model.request
          when:
            resource:
              model: endpoint
          why: a test forbids this model
          examples:
            match:
              - {call: {action: model.request, resource: {model: endpoint}}, principal: {kind: planner, uid: 1001}}
            noMatch:
              - {call: {action: model.request, resource: {model: other}}, principal: {kind: planner, uid: 1001}}

      """
    return try folder.write("forbidding.yaml", (shipped + rule).utf8)
  }

  private static func replies(_ events: [Event]) -> [JSONValue] {
    events.flatMap { $0.payload["reply"]?["exchanges"]?.arrayValue ?? [] }
  }

  @Test func plansOverTCPAndOverTLSWithItsKeyAndIsNotTrustedWithoutItsCertificate() async throws {
    try await TestFolder.with { folder in
      try await Second.with(folder) { second in
        for (environment, address) in [
          (second.plain, "127.0.0.1:\(second.plainPort)"), (second.overTLS, "localhost:\(second.tlsPort)"),
        ] {
          let (answer, events) = try await Self.ask(folder, environment)
          #expect(answer.stop == .answered, "\(address): \(events.map(\.payload).compactMap { $0["error"] })")
          #expect(answer.usage.planning == "narrowed" && answer.usage.modelRequests > 0, "\(answer.usage)")
          #expect(answer.findings.count >= 2)
          #expect(!Self.replies(events).isEmpty)
          for exchange in Self.replies(events) {
            #expect(exchange["model"] == "second", "\(exchange)")
            #expect(exchange["server"]?.stringValue?.contains(address) == true, "\(exchange)")
            #expect((exchange["promptTokens"]?.numberValue ?? 0) > 0, "\(exchange)")
          }
        }

        // A policy that forbids it: rules plan, and nothing is sent.
        let (answer, events) = try await Self.ask(
          folder, second.plain, flags: ["--policy", try Self.forbiddingPolicy(folder)])
        #expect(answer.stop == .answered && answer.findings.count >= 2)
        #expect(answer.usage.planning == "rules" && answer.usage.modelRequests == 0, "\(answer.usage)")
        #expect(Self.replies(events).isEmpty)
        let decided = events.filter { $0.kind == .policyDecided }.map(\.payload)
        #expect("\(decided)".contains("no-second-model"), "the rule is named in the trace")

        // Its certificate is nobody's that the system trusts; a key that is not its own.
        var stranger = second.overTLS
        stranger["VPATH_MODEL_ENDPOINT_CA_FILE"] = nil
        var wrongKey = second.plain
        try folder.write("wrong", "not-the-key".utf8)
        chmod(folder.path + "/wrong", 0o600)
        wrongKey["VPATH_MODEL_ENDPOINT_KEY_FILE"] = folder.path + "/wrong"
        for (environment, words) in [(stranger, "model.endpointCAFile"), (wrongKey, "model.endpointKeyFile")] {
          let (answer, events) = try await Self.ask(folder, environment)
          #expect(answer.stop == .modelUnavailable)
          #expect(answer.notAssessable.contains { $0.reason.contains(words) }, "\(answer.notAssessable)")
          #expect(!events.contains { "\($0.payload)".contains("not-the-key") }, "a key is in no event")
        }
      }
    }
  }
}

// Certificates: whom an endpoint trusts.

import Domain
import Glibc
import Subprocess
import SystemPackage
import Prompting
import TestSupport
import Testing

@testable import LanguageModels

@Suite struct EndpointTLSTests {
  let folder = TemporaryFolder()

  /// A self-signed certificate for a name, made by openssl.
  func certificate(_ name: String) async throws -> (certificate: String, key: String) {
    let files = (certificate: "\(folder.path)/\(name).pem", key: "\(folder.path)/\(name).key")
    let made = try await run(
      .path("/usr/bin/openssl"),
      arguments: [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-keyout",
        files.key, "-out", files.certificate, "-subj", "/CN=\(name)", "-addext", "subjectAltName=DNS:\(name)",
      ], output: .discarded, error: .string(limit: 65_536))
    try #require(made.terminationStatus.isSuccess, "\(made.standardError)")
    return files
  }

  func outcome(
    _ certificate: (certificate: String, key: String), trusting caFile: String?
  ) async throws -> Result<String, VPathError> {
    let script: [FakeModelServer.Act] = [.send(FakeModelServer.stream(["safe"]))]
    let place = FakeModelServer.Place.tls(certificate: certificate.certificate, key: certificate.key)
    return try await FakeModelServer.with(place, script) { server in
      let model = try OpenAIEndpoint(
        EndpointConfiguration(target: .url(EndpointURL("https://localhost:\(server.port)/v1")), caFile: caFile),
        identity: ModelIdentity(name: "m"))
      do throws(ChatFailure) {
        return .success(try await model.complete(ChatRequest(messages: [.init(.user, "q")])).text)
      } catch {
        return .failure(error.error)
      }
    }
  }

  @Test func aCertificateThatIsNamedIsTrustedAndAnyOtherIsNot() async throws {
    let own = try await certificate("localhost")
    #expect(try await outcome(own, trusting: own.certificate).get() == "safe")
    let refused = try await outcome(own, trusting: nil)
    let error = try #require(throws: VPathError.self) { try refused.get() }
    #expect(error.id == .modelUnavailable)
    #expect(error.message.contains("model.endpointCAFile"), "\(error.message)")
    #expect(!error.retryable)
  }

  @Test func aCertificateOfAnotherHostIsNotTrusted() async throws {
    let other = try await certificate("elsewhere.example")
    let refused = try await outcome(other, trusting: other.certificate)
    let error = try #require(throws: VPathError.self) { try refused.get() }
    #expect(error.message.contains("could not be trusted"), "\(error.message)")
  }

  @Test func aFileWithoutCertificatesIsRefusedAtOnce() throws {
    let file = folder.write("ca.pem", Array("nothing".utf8))
    let target = EndpointConfiguration.Target.url(try EndpointURL("https://localhost/v1"))
    let error = #expect(throws: VPathError.self) {
      try OpenAIEndpoint(EndpointConfiguration(target: target, caFile: file), identity: ModelIdentity(name: "m"))
    }
    #expect(error?.message.contains(folder.path) == false)
  }
}

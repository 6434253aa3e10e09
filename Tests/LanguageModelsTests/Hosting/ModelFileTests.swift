// Model files that are not what their manifest says, and manifests that say what they may not.

import Crypto
import Domain
import Glibc
import TestSupport
import Testing

@testable import LanguageModels

func sha256(_ bytes: [UInt8]) -> SHA256Hex { SHA256Hex(bytes: SHA256.hash(data: bytes)) }

func manifest(
  _ name: String = "tiny", pinning bytes: [UInt8] = TinyGGUF.bytes(), path: String? = nil, asset: String? = nil
) -> ModelManifest {
  ModelManifest(
    name: name, title: "Tiny", licence: "Apache-2.0", source: "a test",
    files: [
      ModelFile(
        role: .weights, file: "tiny.gguf", sizeBytes: bytes.count, sha256: sha256(bytes), asset: asset, path: path)
    ],
    vision: false, contextTokens: 4096, quirks: [.alwaysSendSystem])
}

@Suite struct ModelFileTests {
  let folder = TemporaryFolder()

  func verify(_ bytes: [UInt8], pinned: [UInt8] = TinyGGUF.bytes()) async throws {
    let path = folder.write("tiny.gguf", bytes)
    let manifest = manifest(pinning: pinned)
    try await ModelFileChecks().verify(
      ResolvedModel(manifest: manifest, files: [.init(file: manifest.files[0], path: path)]))
  }

  func words(_ bytes: [UInt8], pinned: [UInt8]) async throws -> String {
    let error = try await #require(throws: VPathError.self) { try await verify(bytes, pinned: pinned) }
    #expect(error.id == .modelUnavailable)
    #expect(error.subject == "tiny.gguf")
    #expect(!error.message.contains(folder.path))
    return error.message
  }

  @Test func theFileThatIsPinnedIsTaken() async throws { try await verify(TinyGGUF.bytes()) }

  @Test func aTruncatedFileIsSaidToBeCutShort() async throws {
    let whole = TinyGGUF.bytes()
    #expect(try await words(whole.dropLast(1), pinned: whole).contains("cut short"))
  }

  @Test func aFileWithAnotherHashIsRefused() async throws {
    let whole = TinyGGUF.bytes()
    #expect(try await words(whole.dropLast() + [9], pinned: whole).contains("SHA-256"))
  }

  @Test func aFileThatIsNoGGUFIsRefusedThoughItIsPinned() async throws {
    let text = Array("<html>not found</html>".utf8)
    #expect(try await words(text, pinned: text).contains("no GGUF"))
  }

  @Test func aGGUFWhoseTensorsLieBeyondItsEndIsRefusedThoughItIsPinned() async throws {
    let head = TinyGGUF.bytes(tensorBytes: 0)
    #expect(try await words(head, pinned: head).contains("cut short"))
  }

  @Test func everyCutOfAHeadIsAFaultAndNeverACrash() throws {
    let whole = TinyGGUF.bytes(texts: ["general.name": "Tiny"])
    for count in 0..<(whole.count - 64) {
      let path = folder.write("cut.gguf", Array(whole[..<count]))
      #expect(GGUFHeader.head(path) == nil, "\(count)")
    }
    #expect(GGUFHeader.head(folder.write("whole.gguf", whole))?.texts["general.name"] == "Tiny")
  }

  @Test func aHeadWithAbsurdCountsIsAFault() throws {
    var bytes = TinyGGUF.bytes()
    for at in [8, 16] {
      var absurd = bytes
      absurd.replaceSubrange(at..<(at + 8), with: [UInt8](repeating: 0xFF, count: 8))
      #expect(GGUFHeader.head(folder.write("absurd.gguf", absurd)) == nil)
    }
    bytes[4] = 9
    #expect(GGUFHeader.head(folder.write("version.gguf", bytes)) == nil)
  }

  @Test func whatWasHashedIsRememberedUntilTheFileChanges() async throws {
    let bytes = TinyGGUF.bytes()
    let manifest = manifest(pinning: bytes)
    let path = folder.write("tiny.gguf", bytes)
    let model = ResolvedModel(manifest: manifest, files: [.init(file: manifest.files[0], path: path)])
    let memory = folder.path + "/model-files.json"
    try await ModelFileChecks(file: memory).verify(model)
    #expect(TemporaryFolder.read(memory) != nil)
    try await ModelFileChecks(file: memory).verify(model)
    folder.write("tiny.gguf", bytes.dropLast() + [9])
    await #expect(throws: VPathError.self) { try await ModelFileChecks(file: memory).verify(model) }
  }

  @Test func aModelThatDoesNotFitTheMemoryIsRefusedWithBothNumbers() async throws {
    let bytes = TinyGGUF.bytes()
    let manifest = manifest(pinning: bytes)
    let path = folder.write("tiny.gguf", bytes)
    let model = ResolvedModel(manifest: manifest, files: [.init(file: manifest.files[0], path: path)])
    let checks = ModelFileChecks(availableBytes: { 200 << 20 })
    // 30 blocks, 3 heads of 64, keys and values in two bytes: 23,040 bytes a token.
    try await checks.checkMemory(model, contextTokens: 1024)
    let error = try await #require(throws: VPathError.self) {
      try await checks.checkMemory(model, contextTokens: 4096)
    }
    #expect(error.message.contains("90 for 4096 tokens"), "\(error.message)")
    #expect(error.message.contains("200 MiB are free"), "\(error.message)")
    await #expect(throws: VPathError.self) { try await checks.checkMemory(model, contextTokens: 16_777_216) }
  }
}

@Suite struct ModelFolderTests {
  let folder = TemporaryFolder()

  var folders: ModelFolders {
    ModelFolders(builtIn: folder.path + "/builtin", own: folder.path + "/own", cache: folder.path + "/cache")
  }

  func put(_ manifest: ModelManifest, in place: String, named: String? = nil) throws {
    mkdir("\(folder.path)/\(place)", 0o700)
    mkdir("\(folder.path)/\(place)/\(named ?? manifest.name)", 0o700)
    folder.write("\(place)/\(named ?? manifest.name)/model.json", try manifest.written())
  }

  @Test func aManifestReadsBackAsItWasWritten() throws {
    var given = manifest()
    given.toolChoice = .init(accuracy: 0.42, cases: 260, suite: "choices-1")
    #expect(try ModelManifest.read(try given.written()) == given)
  }

  @Test(arguments: [
    ("\"vision\"", "\"visions\": 1, \"vision\"", "visions"), ("\"weights\"", "\"heights\"", "role"),
    ("4096", "\"4096\"", "contextTokens"),
    ("\"tiny\"", "\"../tiny\"", "name"), ("\"tiny.gguf\"", "\"../tiny.gguf\"", "file"),
    ("always_send_system", "always_win", "quirks"), ("{", "[", "line 2"),
  ])
  func aWrongManifestIsRefusedWithItsKey(old: String, new: String, key: String) throws {
    let text = String(decoding: try manifest().written(), as: UTF8.self)
    let at = try #require(text.firstRange(of: old))
    let changed = text[..<at.lowerBound] + new + text[at.upperBound...]
    let error = #expect(throws: VPathError.self) {
      try ModelManifest.read(Array(changed.utf8))
    }
    #expect(error?.message.contains(key) == true, "\(error?.message ?? "")")
  }

  @Test func aModelThatWasPutInWinsAndABrokenOneHidesNoOther() throws {
    try put(manifest("a"), in: "builtin")
    try put(manifest("b"), in: "builtin")
    try put(manifest("b"), in: "own")
    try put(manifest("c"), in: "own", named: "d")
    let list = folders.list()
    #expect(list.map(\.name) == ["a", "b", "d"])
    #expect(list.map(\.isBuiltIn) == [true, false, false])
    #expect(throws: VPathError.self) { try list[2].manifest.get() }
  }

  @Test func filesAreFoundInTheFolderAndInTheCacheAndAMissingOneIsNamed() throws {
    let given = manifest(asset: "some-asset")
    try put(given, in: "builtin")
    let error = try #require(throws: VPathError.self) { try folders.resolve("tiny") }
    #expect(error.message.contains("tiny.gguf"))
    #expect(!error.message.contains(folder.path))
    let hash = given.files[0].sha256.rawValue
    for part in ["cache", "cache/assets", "cache/assets/\(hash)"] { mkdir("\(folder.path)/\(part)", 0o700) }
    let cached = folder.write("cache/assets/\(hash)/tiny.gguf", [1])
    #expect(try folders.resolve("tiny").weights == cached)
    let beside = folder.write("builtin/tiny/tiny.gguf", [1])
    #expect(try folders.resolve("tiny").weights == beside)
  }

  @Test(arguments: ["", "../etc", "A", "a/b", ".a", String(repeating: "a", count: 65)])
  func aNameThatIsNoneFindsNothing(name: String) {
    #expect(throws: VPathError.self) { try folders.manifest(name) }
  }

  @Test func aGGUFIsPutInWithItsHashAndUsedByName() async throws {
    let bytes = TinyGGUF.bytes(texts: ["general.name": "Tiny\u{1B}[2J", "general.license": "mit"])
    let file = folder.write("some.gguf", bytes)
    let eyes = folder.write("mmproj.gguf", TinyGGUF.bytes(architecture: "clip"))
    let store = ModelStore(folders)
    let added = try await store.add(
      .init(name: "mine", weights: file, projector: eyes, licence: "", source: "a test", contextTokens: nil))
    #expect(added.contextTokens == 4096)
    #expect(added.licence == "mit")
    #expect(added.vision)
    #expect(!added.title.contains("\u{1B}"))
    let resolved = try folders.resolve("mine")
    #expect(resolved.weights == file)
    #expect(resolved.projector == eyes)
    try await ModelFileChecks().verify(resolved)
    await #expect(throws: VPathError.self) {
      try await store.add(
        .init(name: "mine", weights: file, projector: nil, licence: "", source: "a test", contextTokens: nil))
    }
    #expect(try ModelChoice.read(folders) == nil)
    try ModelChoice.write("mine", folders)
    #expect(try ModelChoice.read(folders) == "mine")
  }

  @Test func aProjectorIsNoModelAndAModelNoProjector() async throws {
    let model = folder.write("m.gguf", TinyGGUF.bytes())
    let eyes = folder.write("e.gguf", TinyGGUF.bytes(architecture: "clip"))
    for (weights, projector) in [(eyes, nil), (model, model)] as [(String, String?)] {
      await #expect(throws: VPathError.self) {
        try await ModelStore(folders).add(
          .init(name: "x", weights: weights, projector: projector, licence: "", source: "a test", contextTokens: 512))
      }
    }
    #expect(folders.list().isEmpty)
  }

  @Test func aFileFromAURLIsKeptOnlyWhenItsHashIsThePinnedOne() async throws {
    let bytes = Array("weights".utf8)
    let head = "HTTP/1.1 200 OK\r\nContent-Length: \(bytes.count)\r\n\r\n"
    let text = head + String(decoding: bytes, as: UTF8.self)
    try await FakeModelServer.with(.loopback, [.send(text)]) { server in
      let url = "http://127.0.0.1:\(server.port)/models/tiny.gguf?download=true"
      let download = ModelDownload(folders: folders)
      let path = try await download.fetch(url, sha256: sha256(bytes), for: "tiny") { _, _ in }
      #expect(TemporaryFolder.read(path) == bytes)
      await #expect(throws: VPathError.self) {
        try await download.fetch(url, sha256: sha256([1]), for: "other") { _, _ in }
      }
      #expect(TemporaryFolder.read("\(folder.path)/own/other/tiny.gguf") == nil)
      #expect(TemporaryFolder.read("\(folder.path)/own/other/tiny.gguf.part") == nil)
    }
  }
}

@Suite struct LlamaServerBuildTests {
  let folder = TemporaryFolder()

  func put(_ name: String, flags: [String]) {
    mkdir("\(folder.path)/\(name)", 0o700)
    let hash = String(repeating: "a", count: 64)
    let machine = LlamaServerBuild.machine
    let list = flags.map { "\"\($0)\"" }.joined(separator: ",")
    folder.write(
      "\(name)/build.json",
      Array(
        #"{"machine":"\#(machine)","processorFlags":[\#(list)],"programs":{"llama-server":{"sha256":"\#(hash)"}}}"#.utf8
      ))
    chmod(folder.write("\(name)/llama-server", [1]), 0o700)
  }

  @Test func theOneThatUsesMostOfThisProcessorIsFoundAndNoneThatAsksForMore() {
    put("plain", flags: [])
    put("fast", flags: ["avx", "avx2"])
    put("other", flags: ["avx", "avx2", "avx512f"])
    let places = ["plain", "fast", "other"].map { folder.path + "/" + $0 }
    #expect(LlamaServerBuild.find(in: places, flags: ["avx", "avx2", "fma"])?.program == places[1] + "/llama-server")
    #expect(LlamaServerBuild.find(in: places, flags: ["avx"])?.program == places[0] + "/llama-server")
    #expect(LlamaServerBuild.find(in: [places[2]], flags: ["avx"]) == nil)
  }
}

// Where things are found: places, resources and pinned files.

import SystemPackage
import Testing

@testable import Setup

@Suite struct PlacesTests {
  @Test func aRelativeXDGFolderIsIgnoredAsTheSpecificationSays() {
    let places = Places.user(environment: ["HOME": "/home/a", "XDG_STATE_HOME": "state"], uid: 7)
    #expect(places.stateDirectory == "/home/a/.local/state/vpath")
    #expect(places.socket == "/tmp/vpath-7/vpath/vpathd.sock")
  }

  @Test func resourcesAreFoundBesideAnInstalledProgramAndInACheckout() throws {
    try TemporaryFolder.with { folder in
      for root in ["usr/share/vpath", "checkout"] {
        _ = try folder.write("\(root)/tools/slide_overview/tool.json", "{}")
        _ = try folder.write("\(root)/policies/default.yaml", "")
      }
      #expect(
        ResourceDirectory.find(executable: folder.path.appending("usr/bin/vpathd"))
          == folder.path.appending("usr/share/vpath"))
      #expect(
        ResourceDirectory.find(executable: folder.path.appending("checkout/.build/x86_64/release/vpathd"))
          == folder.path.appending("checkout"))
    }
  }

  @Test func aPinnedFileIsFoundOnlyWhileItIsWhole() throws {
    try TemporaryFolder.with { folder in
      // SHA-256 of "abc", from FIPS 180-4's examples.
      let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
      let lock = try folder.write(
        "assets.lock",
        #"{"assets":[{"name":"x","file":"x.bin","architecture":"any","sizeBytes":3,"sha256":"\#(hash)"}]}"#)
      #expect(AssetLock.file("x", lock: lock, cache: folder.path) == nil)
      let file = try folder.write("assets/\(hash)/x.bin", "abc")
      #expect(AssetLock.file("x", lock: lock, cache: folder.path) == file)
      _ = try folder.write("assets/\(hash)/x.bin", "abd")
      #expect(AssetLock.file("x", lock: lock, cache: folder.path) == nil)
      #expect(AssetLock.file("y", lock: lock, cache: folder.path) == nil)
    }
  }
}

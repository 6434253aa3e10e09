// The socket: for owner and group alone, taken over when dead, left alone when anybody's.

import Domain
import Glibc
import Server
import TestSupport
import Testing

@Suite struct ListeningSocketTests {
  private func failure(_ path: String) -> VPathError? {
    do {
      try ListeningSocket.open(at: path).release()
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: [0o000, 0o022, 0o077] as [mode_t]) func theSocketIsForOwnerAndGroupWhateverTheUmask(mask: mode_t)
    throws
  {
    let folder = TemporaryFolder()
    let before = umask(mask)
    let socket = try ListeningSocket.open(at: folder.path + "/d.sock")
    umask(before)
    var found = stat()
    #expect(lstat(folder.path + "/d.sock", &found) == 0)
    #expect(found.st_mode & 0o777 == 0o660 && found.st_mode & S_IFMT == S_IFSOCK)
    close(socket.descriptor)
    socket.release()
    #expect(lstat(folder.path + "/d.sock", &found) != 0)
  }

  @Test func aSecondDaemonIsRefusedAndTheFirstKeepsItsSocket() throws {
    let folder = TemporaryFolder()
    let path = folder.path + "/d.sock"
    let first = try ListeningSocket.open(at: path)
    let refused = failure(path)
    #expect(refused?.id == .serverUnreachable && refused?.message.contains("another vpathd") == true)
    #expect(access(path, F_OK) == 0)
    close(first.descriptor)
    first.release()
    #expect(failure(path) == nil, "after its end the path is free")
  }

  @Test func aSocketLeftByAKilledDaemonIsTakenOver() throws {
    let folder = TemporaryFolder()
    let path = folder.path + "/d.sock"
    let killed = try ListeningSocket.open(at: path)
    close(killed.descriptor)
    // The lock goes with the process; the file stays.
    rename(path, path + ".kept")
    killed.release()
    rename(path + ".kept", path)
    #expect(access(path, F_OK) == 0)
    #expect(failure(path) == nil)
  }

  @Test func whatIsSomebodyElsesIsLeftAlone() throws {
    let folder = TemporaryFolder()
    let file = folder.write("file.sock", [1, 2, 3])
    #expect(failure(file)?.message.contains("no socket") == true)
    #expect(TemporaryFolder.read(file) == [1, 2, 3])
    let path = folder.path + "/other.sock"
    let other = try ListeningSocket.open(at: path)
    // Another program's socket: it listens, and knows nothing of our lock.
    unlink(path + ".lock")
    #expect(failure(path)?.message.contains("another program") == true)
    #expect(access(path, F_OK) == 0)
    close(other.descriptor)
    other.release()
  }

  @Test func aPathThatCannotBeASocketIsRefused() {
    let folder = TemporaryFolder()
    #expect(failure(folder.path + "/" + String(repeating: "x", count: 120))?.id == .serverUnreachable)
    #expect(failure("relative.sock")?.id == .serverUnreachable)
    #expect(failure(folder.path + "/none/d.sock")?.id == .serverUnreachable)
  }

  @Test func onlyASocketHandedToThisProcessIsTaken() throws {
    #expect(try ListeningSocket.handedIn(environment: [:]) == nil)
    #expect(try ListeningSocket.handedIn(environment: ["LISTEN_PID": "1", "LISTEN_FDS": "1"]) == nil)
    let own = String(getpid())
    #expect(throws: VPathError.self) {
      try ListeningSocket.handedIn(environment: ["LISTEN_PID": own, "LISTEN_FDS": "2"])
    }
    #expect(throws: VPathError.self) {
      try ListeningSocket.handedIn(environment: ["LISTEN_PID": own, "LISTEN_FDS": "1"])
    }
  }
}

// The one loaded OpenVINO of this process.
// What must stay true: a library that was named is used or is an error, never silently replaced by another, because
// its version is part of what a measurement is made with; it is loaded only when a classifier is first used.

import COpenVINO
import Glibc

/// OpenVINO as it was found at run time.
public struct OpenVINOLibrary: Sendable {
  /// The environment variable that names the library file, libopenvino_c.so.* with its companions beside it.
  public static let environmentKey = "VPATH_OPENVINO"

  /// The loader's own table of functions.
  let functions: vp_openvino_functions
  /// OpenVINO's build, for instance "2026.4.1-22982-…".
  public let version: String

  /// The first two words of the build: "2026.4.1".
  public var shortVersion: String { String(version.prefix { $0 != "-" }) }

  /// Loads the library named.
  ///
  /// - Throws: `noRuntime` with what the loader said, without the folder's name.
  public static func load(path: String) throws(AnalysisError) -> OpenVINOLibrary {
    guard path.hasPrefix("/") else {
      throw .noRuntime(reason: "\(environmentKey) must be an absolute path to libopenvino_c.so")
    }
    var functions = vp_openvino_functions()
    var version = [CChar](repeating: 0, count: 256)
    var message = [CChar](repeating: 0, count: 512)
    let status = vp_openvino_load(
      path, &functions, &version, Int32(version.count), &message, Int32(message.count))
    guard status == 0 else {
      let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
      throw .noRuntime(reason: text(message).split(separator: folder).joined())
    }
    return OpenVINOLibrary(functions: functions, version: text(version))
  }

  /// The library of this process, that `VPATH_OPENVINO` names. Loaded once.
  public static func shared() throws(AnalysisError) -> OpenVINOLibrary { try sharedResult.get() }

  private static let sharedResult: Result<OpenVINOLibrary, AnalysisError> = {
    guard let path = getenv(environmentKey) else {
      return .failure(.noRuntime(reason: "\(environmentKey) is not set"))
    }
    do throws(AnalysisError) { return .success(try load(path: String(cString: path))) } catch { return .failure(error) }
  }()

  /// What OpenVINO says of its last error: one bounded line without paths.
  func lastError(_ status: Int32) -> String {
    let general = functions.get_error_info(status).map { String(cString: $0) } ?? "status \(status)"
    let last = functions.get_last_err_msg().map { String(cString: $0) } ?? ""
    let lines = last.split(whereSeparator: \.isNewline).map { line in
      line.split(separator: " ").filter { !$0.contains("/") }.joined(separator: " ")
    }
    let useful = lines.filter { !$0.isEmpty && !$0.hasPrefix("Exception from") && !$0.hasPrefix("Check '") }
    return String(([general] + useful.prefix(3)).joined(separator: ": ").prefix(300))
  }

  private static func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

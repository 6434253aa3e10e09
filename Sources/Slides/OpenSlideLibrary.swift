// The one loaded OpenSlide of this process.
// What must stay true: a library that was named is used or is an error, never silently replaced by another, because
// its version is part of every measurement.

import COpenSlide
import Glibc

/// OpenSlide as it was found at run time.
public struct OpenSlideLibrary: Sendable {
  /// The environment variable that names the library file.
  public static let environmentKey = "VPATH_OPENSLIDE"

  /// The loader's own table of functions.
  let functions: vp_openslide_functions
  /// OpenSlide's version, for instance "4.0.1".
  public let version: String

  /// Decoder and version as they are recorded: "OpenSlide 4.0.1".
  public var decoder: String { "OpenSlide \(version)" }

  /// Loads the library named, or, when none is, version 4 by its name and then the system's 3.4.
  ///
  /// - Throws: `SlideError` with code `noDecoder` and what the loader said of each.
  public static func load(path: String?) throws(SlideError) -> OpenSlideLibrary {
    let candidates = path.map { [$0] } ?? ["libopenslide.so.1", "libopenslide.so.0"]
    var reasons: [String] = []
    for candidate in candidates {
      var functions = vp_openslide_functions()
      var message = [CChar](repeating: 0, count: 512)
      if vp_openslide_load(candidate, &functions, &message, Int32(message.count)) == 0,
        let version = functions.get_version?()
      {
        return OpenSlideLibrary(functions: functions, version: String(cString: version))
      }
      let said = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      let folder = candidate.lastIndex(of: "/").map { String(candidate[...$0]) } ?? ""
      reasons.append(folder.isEmpty ? said : said.split(separator: folder).joined())
    }
    throw SlideError(
      .noDecoder,
      "OpenSlide cannot be loaded (\(reasons.joined(separator: "; "))). Set \(environmentKey) to the library's file, "
        + "or install libopenslide0.")
  }

  /// The library of this process: `VPATH_OPENSLIDE` if set, else the loader's choice. Loaded once.
  public static func shared() throws(SlideError) -> OpenSlideLibrary { try sharedResult.get() }

  private static let sharedResult: Result<OpenSlideLibrary, SlideError> = {
    do throws(SlideError) {
      return .success(try load(path: getenv(environmentKey).map { String(cString: $0) }))
    } catch {
      return .failure(error)
    }
  }()
}

// Where OpenVINO lies on this machine. Tests that need it are skipped, by name, where set-up has not fetched it.

import Glibc

/// OpenVINO's C library, with its companions beside it.
public enum OpenVINOFile {
  private static let sha256 = "d2d0836d422b21fc5da2739af0d6035df3fc6dd5e4756402eb848974edecf8a5"

  /// Its path: `VPATH_OPENVINO`, else where set-up puts it; nil where it is not there. When found it is what the
  /// tools of this process load.
  public static let path: String? = {
    let home = getenv("HOME").map { String(cString: $0) } ?? ""
    let cache = getenv("XDG_CACHE_HOME").map { String(cString: $0) } ?? home + "/.cache"
    let candidates = [
      getenv("VPATH_OPENVINO").map { String(cString: $0) },
      cache + "/vpath/assets/" + sha256 + "/libopenvino_c.so.2641",
    ]
    guard let found = candidates.compactMap({ $0 }).first(where: { access($0, R_OK) == 0 }) else { return nil }
    setenv("VPATH_OPENVINO", found, 0)
    return found
  }()
}

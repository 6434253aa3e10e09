// Where the demo slide lies on this machine. Tests that need it are skipped, by name, where set-up has not fetched it.

import Glibc

/// The demo slide: OpenSlide's test slide CMU-1-Small-Region (skin, H&E).
public enum DemoSlide {
  private static let sha256 = "ed92d5a9f2e86df67640d6f92ce3e231419ce127131697fbbce42ad5e002c8a7"

  /// Its path: `VPATH_DEMO_SLIDE`, else where set-up puts it; nil where it is not there.
  public static let path: String? = {
    let home = getenv("HOME").map { String(cString: $0) } ?? ""
    let cache = getenv("XDG_CACHE_HOME").map { String(cString: $0) } ?? home + "/.cache"
    let candidates = [
      getenv("VPATH_DEMO_SLIDE").map { String(cString: $0) },
      cache + "/vpath/assets/" + sha256 + "/cmu1_small_region.svs",
    ]
    return candidates.compactMap { $0 }.first { access($0, R_OK) == 0 }
  }()
}

// Reading of level-0 regions through Slides, beside bench/region_read/openslide_read.c: the same grid in the same order.
// What must stay true: only reads are timed, never opening; the first round is not timed, and its pixels are summed, so
// that both sides can be seen to have read the same.

import Domain
import Glibc
import Raster
import Slides

/// `vpath-bench read`.
enum RegionRead {
  /// Reads the grid `rounds` times. With `isFresh` the slide is opened anew for each round, so that its tiles are
  /// decoded; else they come from OpenSlide's cache where they fit.
  static func run(library: String, slide path: String, size: Int, rounds: Int, isFresh: Bool) throws(SlideError) {
    let library = try OpenSlideLibrary.load(path: library)
    var slide = try SlideHandle(path: path, library: library)
    var check = 0
    for rect in grid(of: slide, size: size) {
      let image = try slide.read(level: 0, rect: PixelRect(x: rect.x, y: rect.y, width: size, height: size))
      for value in image.pixels { check += Int(value) }
    }
    var (plain, digested, regions) = (0.0, 0.0, 0)
    for _ in 0..<rounds {
      if isFresh { slide = try SlideHandle(path: path, library: library) }
      plain += try seconds { () throws(SlideError) in
        for rect in grid(of: slide, size: size) {
          _ = try slide.read(level: 0, rect: PixelRect(x: rect.x, y: rect.y, width: size, height: size))
          regions += 1
        }
      }
      if isFresh { slide = try SlideHandle(path: path, library: library) }
      digested += try seconds { () throws(SlideError) in
        for rect in grid(of: slide, size: size) { _ = try slide.read(rect, width: size, height: size) }
      }
    }
    print(
      "{\"regions\":\(regions),\"millisecondsPerRegion\":\(plain * 1e3 / Double(regions)),"
        + "\"digestedMillisecondsPerRegion\":\(digested * 1e3 / Double(regions)),\"check\":\(check)}")
  }

  /// Whole squares, row by row.
  private static func grid(of slide: SlideHandle, size: Int) -> [LevelZeroRect] {
    (0..<slide.bounds.height / size).flatMap { row in
      (0..<slide.bounds.width / size).map { column in
        LevelZeroRect(x: column * size, y: row * size, width: size, height: size)
      }
    }
  }

  private static func seconds(_ body: () throws(SlideError) -> Void) throws(SlideError) -> Double {
    func now() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_MONOTONIC, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
    let start = now()
    try body()
    return now() - start
  }
}

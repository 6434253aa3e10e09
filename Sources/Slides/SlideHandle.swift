// One slide file, open through OpenSlide: the pattern for wrapping a C library here.
//
// What must stay true:
// 1. openslide_get_error is asked after every call. OpenSlide's error state latches: after the first error every
//    later read gives zeros, which would look like empty glass. So a handle with an error is thrown away, the file is
//    opened anew and the read tried once more; a second failure is `slide.damaged`, never a blank picture.
// 2. A handle is closed when its last reader lets go of it, and not before (ARC of OpenFile does that): reads may
//    run on several threads, closing must not run beside them.
// 3. Everything the file says (sizes, levels, scale) is checked before it is used in arithmetic.
// Label, macro and thumbnail images are never read: they may show a patient's name.

import COpenSlide
public import Domain
import Glibc
public import Raster
import Synchronization

/// An open slide. Reads may run on several threads at once; each call blocks until its pixels are decoded.
public final class SlideHandle: Sendable {
  /// One pyramid level.
  public struct Level: Sendable, Hashable {
    /// Width in pixels of this level.
    public let width: Int
    /// Height in pixels of this level.
    public let height: Int
    /// Level-0 pixels per pixel of this level, at least 1.
    public let downsample: Double
  }

  /// The file's last name, for messages.
  public let name: String
  /// The pyramid, level 0 first.
  public let levels: [Level]
  /// What is known of the slide.
  public let properties: SlideProperties

  private let path: String
  private let library: OpenSlideLibrary
  private let state: Mutex<State>

  private struct State {
    var file: OpenFile
    var reopensLeft: Int
  }

  /// How often one handle may be opened anew after errors, so that a broken file cannot keep a tool busy for ever.
  static let reopenBudget = 16
  /// Largest picture OpenSlide is asked for at once, in pixels (64 MiB of its words).
  static let largestRead = 16_777_216

  /// Opens a slide. `statedMicronsPerPixel` is a scale that a person stated with the case.
  ///
  /// - Throws: `notFound`, `notAllowed`, `unsupported` or `damaged`.
  public init(
    path: String, statedMicronsPerPixel: Double? = nil, library: OpenSlideLibrary? = nil
  ) throws(SlideError) {
    let library = if let library { library } else { try OpenSlideLibrary.shared() }
    let name = path.split(separator: "/").last.map(String.init) ?? path
    try Self.checkFile(path: path, name: name)
    let file = try OpenFile(path: path, name: name, library: library)
    let levels = try Self.readLevels(file)
    let own = try Self.readScale(file)
    let resolved = ScaleRule.resolve(own: own, stated: statedMicronsPerPixel)
    let power = try file.property("openslide.objective-power").flatMap(Double.init)
    self.properties = SlideProperties(
      width: levels[0].width, height: levels[0].height, levelCount: levels.count,
      vendor: try file.property("openslide.vendor") ?? "unknown", scale: resolved.scale,
      slideMicronsPerPixel: resolved.slideMicronsPerPixel, scaleProblem: resolved.problem,
      objectivePower: power.flatMap { $0.isFinite && $0 > 0 && $0 <= 1000 ? $0 : nil }, decoder: library.decoder)
    self.name = name
    self.path = path
    self.library = library
    self.levels = levels
    self.state = Mutex(State(file: file, reopensLeft: Self.reopenBudget))
  }

  /// The whole slide in level-0 pixels.
  public var bounds: LevelZeroRect { LevelZeroRect(x: 0, y: 0, width: levels[0].width, height: levels[0].height) }

  /// The level to read for a picture at `downsample` level-0 pixels per pixel: the coarsest that is not coarser.
  public func bestLevel(forDownsample downsample: Double) -> Int {
    // A thousandth of slack, since levels are often 4.0002 and not 4.
    levels.lastIndex { $0.downsample <= downsample * 1.001 } ?? 0
  }

  /// Decodes a rectangle of one level and lays it on white.
  ///
  /// - Throws: `outOfBounds` when the rectangle is empty or reaches outside the level, `tooLarge` over
  ///   16,777,216 pixels, `damaged` when the file cannot be decoded there.
  public func read(level: Int, rect: PixelRect) throws(SlideError) -> RGBImage {
    guard levels.indices.contains(level), !rect.isEmpty,
      rect.intersection(PixelRect(x: 0, y: 0, width: levels[level].width, height: levels[level].height)) == rect
    else {
      throw SlideError(
        .outOfBounds, "Level \(level) of \(name) has no rectangle \(rect.x),\(rect.y),\(rect.width),\(rect.height).",
        subject: name)
    }
    let (area, overflow) = rect.width.multipliedReportingOverflow(by: rect.height)
    guard !overflow, area <= Self.largestRead else {
      throw SlideError(
        .tooLarge, "\(rect.width)x\(rect.height) pixels were asked for at once; \(Self.largestRead) is the limit.",
        subject: name)
    }
    let file = state.withLock { $0.file }
    let downsample = levels[level].downsample
    let x = Int64((Double(rect.x) * downsample).rounded())
    let y = Int64((Double(rect.y) * downsample).rounded())
    do throws(SlideError) {
      return try file.read(x: x, y: y, level: Int32(level), width: rect.width, height: rect.height)
    } catch {
      return try replaced(file, after: error).read(
        x: x, y: y, level: Int32(level), width: rect.width, height: rect.height)
    }
  }

  /// A fresh handle in place of one whose error has latched. Another thread may have replaced it already.
  private func replaced(_ broken: OpenFile, after error: SlideError) throws(SlideError) -> OpenFile {
    let result = state.withLock { state -> Result<OpenFile, SlideError> in
      if state.file !== broken, !state.file.hasError { return .success(state.file) }
      guard state.reopensLeft > 0 else { return .failure(error) }
      state.reopensLeft -= 1
      do throws(SlideError) {
        state.file = try OpenFile(path: path, name: name, library: library)
        return .success(state.file)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  // MARK: - Opening

  private static func checkFile(path: String, name: String) throws(SlideError) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      if errno == EACCES {
        throw SlideError(.notAllowed, "\(name) cannot be reached: permission denied on its folder.", subject: name)
      }
      throw SlideError(.notFound, "There is no file \(name). Check the path given with the case.", subject: name)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let what = status.st_mode & S_IFMT == S_IFDIR ? "a directory" : "no regular file"
      throw SlideError(
        .unsupported, "\(name) is \(what). Give the slide file itself (for MIRAX the .mrxs file, for DICOM one .dcm).",
        subject: name)
    }
    guard access(path, R_OK) == 0 else {
      throw SlideError(
        .notAllowed, "\(name) may not be read: permission denied. Change its mode or ask its owner.", subject: name)
    }
  }

  private static func readLevels(_ file: OpenFile) throws(SlideError) -> [Level] {
    let count = try file.levelCount()
    guard (1...64).contains(count) else { throw file.damaged("it has \(count) pyramid levels") }
    var levels: [Level] = []
    for index in 0..<Int32(count) {
      let (width, height) = try file.levelDimensions(index)
      let downsample = try file.levelDownsample(index)
      guard width > 0, height > 0, width <= 1 << 24, height <= 1 << 24 else {
        throw file.damaged("level \(index) has a size of \(width)x\(height)")
      }
      guard downsample.isFinite, downsample >= 1, downsample >= levels.last?.downsample ?? 1, downsample <= 1_048_576
      else { throw file.damaged("level \(index) has a downsample of \(downsample)") }
      levels.append(Level(width: Int(width), height: Int(height), downsample: downsample))
    }
    return levels
  }

  private static func readScale(_ file: OpenFile) throws(SlideError) -> ScaleRule.Own {
    var values: [String: String] = [:]
    for key in [
      "openslide.vendor", "openslide.mpp-x", "openslide.mpp-y", "tiff.ResolutionUnit", "tiff.XResolution",
      "tiff.YResolution",
    ] {
      values[key] = try file.property(key)
    }
    return ScaleRule.own { values[$0] }
  }
}

/// One openslide_t. Closed when the last reference goes.
private final class OpenFile: @unchecked Sendable {
  // Unchecked: the pointer never changes, and OpenSlide's functions besides close may run on several threads.
  private let pointer: OpaquePointer
  private let functions: vp_openslide_functions
  private let name: String

  init(path: String, name: String, library: OpenSlideLibrary) throws(SlideError) {
    functions = library.functions
    self.name = name
    guard let opened = library.functions.open(path) else {
      throw FileProbe.explain(path: path, name: name, decoder: library.decoder)
    }
    pointer = opened
    do throws(SlideError) {
      try check("it cannot be opened")
    } catch {
      // Of a DICOM file OpenSlide knows the container; which of its many kinds it reads, only its error tells.
      guard FileProbe.isDICOM(path: path) else { throw error }
      throw SlideError(
        .unsupported, "\(name) is DICOM, but no whole-slide image that \(library.decoder) reads (\(words())).",
        subject: name)
    }
  }

  deinit { functions.close(pointer) }

  /// Whether the error state has latched.
  var hasError: Bool { functions.get_error(pointer) != nil }

  /// Throws when the last call, or any before it, failed.
  private func check(_ what: String) throws(SlideError) {
    if hasError { throw damaged("\(what) (\(words()))") }
  }

  /// OpenSlide's own words on its error. It quotes the path it was given; the folder stays here.
  private func words() -> String {
    guard let said = functions.get_error(pointer) else { return "" }
    let words = String(cString: said).split(separator: " ").map { word in
      word.contains("/") ? word.split(separator: "/").last.map(String.init) ?? "" : String(word)
    }
    return String(words.joined(separator: " ").prefix(200))
  }

  func damaged(_ what: String) -> SlideError {
    SlideError(
      .damaged, "\(name) is a slide, but \(what). Copy it again from its source, or scan the glass anew.",
      subject: name)
  }

  func levelCount() throws(SlideError) -> Int {
    let count = functions.get_level_count(pointer)
    try check("its levels cannot be counted")
    return Int(count)
  }

  func levelDimensions(_ level: Int32) throws(SlideError) -> (Int64, Int64) {
    var width: Int64 = -1
    var height: Int64 = -1
    functions.get_level_dimensions(pointer, level, &width, &height)
    try check("the size of level \(level) cannot be read")
    return (width, height)
  }

  func levelDownsample(_ level: Int32) throws(SlideError) -> Double {
    let downsample = functions.get_level_downsample(pointer, level)
    try check("the downsample of level \(level) cannot be read")
    return downsample
  }

  func property(_ key: String) throws(SlideError) -> String? {
    let value = functions.get_property_value(pointer, key)
    try check("its properties cannot be read")
    return value.map { String(decoding: String(cString: $0).utf8.prefix(256), as: UTF8.self) }
  }

  func read(x: Int64, y: Int64, level: Int32, width: Int, height: Int) throws(SlideError) -> RGBImage {
    let words = [UInt32](unsafeUninitializedCapacity: width * height) { buffer, count in
      functions.read_region(pointer, buffer.baseAddress, x, y, level, Int64(width), Int64(height))
      count = width * height
    }
    try check("its pixels at \(x),\(y) of level \(level) cannot be decoded")
    return words.withUnsafeBufferPointer { RGBImage(width: width, height: height, premultipliedARGB: $0) }
  }
}

// Which scale a slide is measured with.
// What must stay true: a scale is the slide's own, or a stated one where the file has none; where the two disagree
// by more than 2 % there is no scale at all, because one of them is wrong and nobody here can tell which.

public import Domain

/// The rule for a slide's µm per pixel.
public enum ScaleRule {
  /// Largest relative difference between the two axes, and between a stated and the file's own scale.
  static let tolerance = 0.02
  /// µm per pixel that a microscope slide's picture can have. Above 0.05 mm a pixel no tissue structure is left.
  static let plausible = 0.01...50.0

  /// What a file says of its scale.
  public enum Own: Sendable, Hashable {
    /// Nothing.
    case absent
    /// One value for both axes, in µm per level-0 pixel.
    case value(Double)
    /// Something that cannot be a scale, in words that end a sentence "the file …".
    case implausible(String)
  }

  /// Reads a file's own scale from OpenSlide's properties. A generic TIFF's resolution tag is often a screen's or a
  /// printer's (72 to 600 dots per inch): one coarser than 10 µm per pixel is not believed.
  public static func own(property: (String) -> String?) -> Own {
    let isGenericTIFF = property("openslide.vendor") == "generic-tiff"
    var x = property("openslide.mpp-x")
    var y = property("openslide.mpp-y")
    if x == nil, y == nil, isGenericTIFF {
      // OpenSlide 3.4 leaves this to the reader; 4.0 does the same sum itself.
      let micronsPerUnit: Double? =
        switch property("tiff.ResolutionUnit") {
        case "centimeter": 10_000
        case "inch": 25_400
        default: nil
        }
      func microns(_ key: String) -> String? {
        guard let unit = micronsPerUnit, let dots = property(key).flatMap(Double.init), dots > 0 else { return nil }
        return "\(unit / dots)"
      }
      x = microns("tiff.XResolution")
      y = microns("tiff.YResolution")
    }
    guard x != nil || y != nil else { return .absent }
    guard let wide = x.flatMap(Double.init), let high = y.flatMap(Double.init), wide.isFinite, high.isFinite else {
      return .implausible("gives no readable scale for both axes (x \(x ?? "none"), y \(y ?? "none"))")
    }
    let mean = (wide + high) / 2
    if isGenericTIFF, mean > 10 {
      return .implausible(
        "is a plain TIFF whose resolution tag says \(NumberText.plain(mean)) µm/px, which is a screen's or a printer's")
    }
    guard plausible.contains(wide), plausible.contains(high) else {
      return .implausible("says \(NumberText.plain(wide)) by \(NumberText.plain(high)) µm/px, which no scanner gives")
    }
    if abs(wide - high) > tolerance * mean {
      return .implausible("has pixels that are not square (\(NumberText.plain(wide)) by \(NumberText.plain(high)) µm)")
    }
    return .value(mean)
  }

  /// The scale to use, the file's own where one was stated too, and why there is none.
  public static func resolve(own: Own, stated: Double?) -> (
    scale: SlideScale?, slideMicronsPerPixel: Double?, problem: String?
  ) {
    if let stated, !(stated.isFinite && plausible.contains(stated)) {
      return (
        nil, value(own),
        "the stated scale of \(NumberText.plain(stated)) µm/px is not one that a scanner gives; state a value from "
          + "\(NumberText.plain(plausible.lowerBound)) to \(NumberText.plain(plausible.upperBound)), or none"
      )
    }
    switch (own, stated) {
    case (.value(let own), nil): return (SlideScale(micronsPerPixel: own, source: .slide), nil, nil)
    case (.value(let own), let stated?):
      if abs(own - stated) > tolerance * own {
        let percent = Int((abs(own - stated) / own * 100).rounded())
        return (
          nil, own,
          "the file says \(NumberText.plain(own)) µm/px and \(NumberText.plain(stated)) was stated (\(percent) % apart); "
            + "one of them is wrong: state none, or the right one"
        )
      }
      return (SlideScale(micronsPerPixel: own, source: .slide), own, nil)
    case (_, let stated?): return (SlideScale(micronsPerPixel: stated, source: .stated), nil, nil)
    case (.absent, nil):
      return (nil, nil, "the file says nothing of its scale; state it with the case, in µm per pixel")
    case (.implausible(let what), nil):
      return (nil, nil, "the file \(what); state the scale with the case, in µm per pixel")
    }
  }

  private static func value(_ own: Own) -> Double? {
    if case .value(let own) = own { return own }
    return nil
  }
}

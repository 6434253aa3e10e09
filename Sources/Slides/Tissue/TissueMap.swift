// What of a slide is tissue, and what of it is left out and why.
// What must stay true: a grid pixel has at most one exclusion; tissue without flagged pixels, and the exclusions, are
// disjoint; debris and glass are no tissue.

public import Domain
public import Raster

/// Why pixels are left out of measurements.
public enum Exclusion: String, Sendable, Hashable, CaseIterable, Codable {
  /// Pen or margin ink.
  case ink
  /// Dark layered material without nuclei.
  case keratin
  /// Tissue lying on itself.
  case fold
  /// Out of focus.
  case blur

  /// What it is called in measures and pictures.
  public var name: String {
    switch self {
    case .ink: "ink"
    case .keratin: "keratin"
    case .fold: "folded tissue"
    case .blur: "out-of-focus tissue"
    }
  }

  /// How it was told, for a reader.
  public var reason: String {
    switch self {
    case .ink: "green, blue or black pen or margin ink: takes more red light than green, or is dark without colour"
    case .keratin: "dark layered material without nuclei, and loose strands beside it: looks like keratin"
    case .fold: "more than twice as dense as the rest of the tissue: looks like tissue lying on itself"
    case .blur: "hardly any detail finer than 3 µm: out of focus"
    }
  }
}

/// The tissue of a slide on a coarse grid.
public struct TissueMap: Sendable {
  /// The grid of all masks.
  public var grid: TissueGrid
  /// The slide at the grid's scale.
  public var image: RGBImage
  /// What bare glass looks like on this slide.
  public var glass: RGBColor
  /// The optical density above which a pixel counts as stained.
  public var threshold: Float
  /// Tissue, exclusions other than ink included; clefts narrower than 10 µm closed, holes
  /// smaller than 500 µm² filled, pieces below 2,000 µm² dropped.
  public var tissue: Mask
  /// Left out, by reason; the masks are disjoint. Ink may lie on glass, the others are tissue.
  public var excluded: [Exclusion: Mask]
  /// Unstained specks, shadows and pieces too small to judge: no tissue.
  public var debris: Mask
  /// Checks that could not be made on this slide, in words.
  public var unchecked: [String]
  /// The pixels of `image`.
  public var pixels: PixelDigest

  /// Tissue without flagged pixels.
  public var unflagged: Mask { excluded.values.reduce(tissue) { $0.subtracting($1) } }
  /// All that is left out.
  public var flagged: Mask {
    excluded.values.reduce(Mask(width: grid.width, height: grid.height)) { $0.or($1) }
  }
}

/// How the tissue of a slide is to be found.
public struct TissueOptions: Sendable, Hashable {
  /// Whether dark layered material is looked for; only squamous surfaces carry it.
  public var looksForKeratin: Bool
  /// Whether focus is checked, which needs a finer read of the tissue.
  public var checksFocus: Bool

  /// Options; everything is looked for by default.
  public init(looksForKeratin: Bool = true, checksFocus: Bool = true) {
    self.looksForKeratin = looksForKeratin
    self.checksFocus = checksFocus
  }

  /// Options for a specimen: keratin is looked for where the organ is not stated or has squamous epithelium.
  public init(organ: String?) {
    let squamous = [
      "skin", "oral", "mouth", "tongue", "lip", "gingiva", "pharynx", "larynx", "head", "neck", "esophagus",
      "oesophagus", "cervix", "vagina", "vulva", "penis", "anus", "anal", "scalp", "eyelid", "ear",
    ]
    guard let organ = organ?.lowercased() else {
      self.init()
      return
    }
    let words = organ.split { !$0.isLetter }.map(String.init)
    self.init(looksForKeratin: words.contains { squamous.contains($0) })
  }
}

// Slides made from nothing, with the faults that tests need: a small tiled TIFF writer.
// What must stay true: the same description gives the same bytes; pixels are stored as they are, so what a decoder
// gives can be compared exactly.

/// A tiled, uncompressed TIFF with a pyramid, as OpenSlide opens it.
public struct SyntheticSlide: Sendable {
  /// Level-0 pixels across.
  public var width: Int
  /// Level-0 pixels down.
  public var height: Int
  /// Level-0 pixels per pixel of each level, the first 1.
  public var downsamples: [Int]
  /// The TIFF's ImageDescription; `aperio` makes the file an Aperio slide.
  public var description: String?
  /// Dots per unit, across and down, and the unit: 1 none, 2 inch, 3 centimetre.
  public var resolution: (x: Double, y: Double, unit: UInt16)?
  /// The colour of a level-0 place, packed as 0xRRGGBB.
  public var color: @Sendable (Int, Int) -> UInt32
  /// Tiles, counted from 0 through all levels, whose data lie beyond the file's end.
  public var missingTiles: Set<Int> = []

  /// Side of a tile in pixels.
  public static let tileSide = 64

  /// A slide of one or more levels.
  public init(
    width: Int, height: Int, downsamples: [Int] = [1], description: String? = nil,
    resolution: (x: Double, y: Double, unit: UInt16)? = nil, color: @escaping @Sendable (Int, Int) -> UInt32
  ) {
    self.width = width
    self.height = height
    self.downsamples = downsamples
    self.description = description
    self.resolution = resolution
    self.color = color
  }

  /// An Aperio slide at 20x.
  public static func aperio(
    width: Int, height: Int, downsamples: [Int] = [1], micronsPerPixel: Double,
    color: @escaping @Sendable (Int, Int) -> UInt32
  ) -> SyntheticSlide {
    SyntheticSlide(
      width: width, height: height, downsamples: downsamples,
      description: "Aperio Image Library v11.2.1\n\(width)x\(height) [0,0 \(width)x\(height)] (64x64) RAW"
        + "|AppMag = 20|MPP = \(micronsPerPixel)", color: color)
  }

  /// The file.
  public func bytes() -> [UInt8] {
    var file: [UInt8] = Array("II".utf8) + [42, 0, 0, 0, 0, 0]
    var directories: [(offsets: [UInt32], width: Int, height: Int)] = []
    var tileIndex = 0
    for downsample in downsamples {
      let (levelWidth, levelHeight) = (max(1, width / downsample), max(1, height / downsample))
      var offsets: [UInt32] = []
      for tileY in stride(from: 0, to: levelHeight, by: Self.tileSide) {
        for tileX in stride(from: 0, to: levelWidth, by: Self.tileSide) {
          if missingTiles.contains(tileIndex) {
            offsets.append(0x7FFF_0000)
          } else {
            offsets.append(UInt32(file.count))
            append(&file, tileX, tileY, downsample, levelWidth, levelHeight)
          }
          tileIndex += 1
        }
      }
      directories.append((offsets, levelWidth, levelHeight))
    }
    var link = 4
    for directory in directories {
      if file.count % 2 == 1 { file.append(0) }
      // What does not fit an entry goes before the directory.
      var entries: [(tag: UInt16, type: UInt16, count: Int, data: [UInt8])] = [
        (256, 4, 1, Self.long(directory.width)), (257, 4, 1, Self.long(directory.height)),
        (258, 3, 3, Self.short(8) + Self.short(8) + Self.short(8)), (259, 3, 1, Self.short(1)),
        (262, 3, 1, Self.short(2)), (277, 3, 1, Self.short(3)), (284, 3, 1, Self.short(1)),
        (322, 4, 1, Self.long(Self.tileSide)), (323, 4, 1, Self.long(Self.tileSide)),
        (324, 4, directory.offsets.count, directory.offsets.flatMap { Self.long(Int($0)) }),
        (
          325, 4, directory.offsets.count,
          directory.offsets.flatMap { _ in Self.long(3 * Self.tileSide * Self.tileSide) }
        ),
      ]
      if let description {
        let text = Array(description.utf8) + [0]
        entries.append((270, 2, text.count, text))
      }
      if let resolution {
        entries.append((282, 5, 1, Self.rational(resolution.x)))
        entries.append((283, 5, 1, Self.rational(resolution.y)))
        entries.append((296, 3, 1, Self.short(Int(resolution.unit))))
      }
      entries.sort { $0.tag < $1.tag }
      var table: [UInt8] = Self.short(entries.count)
      for entry in entries {
        table += Self.short(Int(entry.tag)) + Self.short(Int(entry.type)) + Self.long(entry.count)
        if entry.data.count <= 4 {
          table += entry.data + [UInt8](repeating: 0, count: 4 - entry.data.count)
        } else {
          if file.count % 2 == 1 { file.append(0) }
          table += Self.long(file.count)
          file += entry.data
        }
      }
      if file.count % 2 == 1 { file.append(0) }
      file.replaceSubrange(link..<(link + 4), with: Self.long(file.count))
      link = file.count + table.count
      file += table + Self.long(0)
    }
    return file
  }

  private func append(
    _ file: inout [UInt8], _ tileX: Int, _ tileY: Int, _ downsample: Int, _ levelWidth: Int, _ levelHeight: Int
  ) {
    let side = Self.tileSide
    let tile = [UInt8](unsafeUninitializedCapacity: 3 * side * side) { out, count in
      for y in 0..<side {
        for x in 0..<side {
          let inside = tileX + x < levelWidth && tileY + y < levelHeight
          let packed =
            inside
            ? color((tileX + x) * downsample + downsample / 2, (tileY + y) * downsample + downsample / 2) : 0
          let at = 3 * (y * side + x)
          out[at] = UInt8(truncatingIfNeeded: packed >> 16)
          out[at + 1] = UInt8(truncatingIfNeeded: packed >> 8)
          out[at + 2] = UInt8(truncatingIfNeeded: packed)
        }
      }
      count = 3 * side * side
    }
    file += tile
  }

  private static func short(_ value: Int) -> [UInt8] { [UInt8(value & 255), UInt8(value >> 8 & 255)] }
  private static func long(_ value: Int) -> [UInt8] { short(value & 65_535) + short(value >> 16 & 65_535) }
  private static func rational(_ value: Double) -> [UInt8] { long(Int((value * 1000).rounded())) + long(1000) }
}

// Reading of binary PPM (P6, 8 bits), the plainest picture format there is.
// What must stay true: sizes are checked before memory is taken.

import Glibc
import Raster

/// Reads PPM files.
enum PortablePixmap {
  struct Failure: Error, CustomStringConvertible { var description: String }

  /// The picture in a file.
  static func read(_ path: String) throws -> RGBImage {
    guard let file = fopen(path, "rb") else { throw Failure(description: "cannot be opened; name a readable P6 file") }
    defer { fclose(file) }
    guard getc(file) == 0x50, getc(file) == 0x36 else { throw Failure(description: "is not a binary PPM (P6)") }
    let width = try number(file)
    let height = try number(file)
    let highest = try number(file)
    guard highest == 255 else { throw Failure(description: "has values up to \(highest); 255 is needed") }
    guard width > 0, height > 0, width <= 50_000, height <= 50_000 else {
      throw Failure(description: "is \(width)x\(height); 1 to 50,000 pixels a side are read")
    }
    let count = 3 * width * height
    let pixels = [UInt8](unsafeUninitializedCapacity: count) { out, filled in
      filled = fread(out.baseAddress, 1, count, file)
    }
    guard pixels.count == count else { throw Failure(description: "ends after \(pixels.count) of \(count) bytes") }
    return RGBImage(width: width, height: height, pixels: pixels)
  }

  /// A number of the header and the one white space after it; comments are skipped.
  private static func number(_ file: UnsafeMutablePointer<FILE>) throws -> Int {
    var value = 0
    var digits = 0
    while true {
      let byte = getc(file)
      switch byte {
      case 0x30...0x39 where digits < 9:
        value = value * 10 + Int(byte - 0x30)
        digits += 1
      case 0x23 where digits == 0:
        var skipped = byte
        while skipped != 0x0A, skipped != EOF { skipped = getc(file) }
      case 0x20, 0x09, 0x0A, 0x0D:
        if digits > 0 { return value }
      default: throw Failure(description: "has a damaged header")
      }
    }
  }
}

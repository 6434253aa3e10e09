// Pictures as files: PNG for people and models, PPM for programs that have no decoder.
// What must stay true: encoding never changes a pixel; libpng's simplified interface is used because its classic one
// reports errors by longjmp, which must not cross Swift frames.

import CPNG
public import Raster

/// A picture could not be encoded; the message is libpng's.
public struct ImageEncodingError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What libpng said.
  public var description: String
}

extension RGBImage {
  /// The picture as PNG, 8 bits a channel, no metadata.
  ///
  /// - Throws: `ImageEncodingError` for an empty picture or when libpng has no memory.
  public func encodedPNG() throws(ImageEncodingError) -> [UInt8] {
    guard width > 0, height > 0 else {
      throw ImageEncodingError(description: "a picture of \(width)x\(height) pixels cannot be written as PNG")
    }
    var image = png_image()
    image.version = png_uint_32(PNG_IMAGE_VERSION)
    image.width = png_uint_32(width)
    image.height = png_uint_32(height)
    image.format = png_uint_32(PNG_FORMAT_FLAG_COLOR)
    defer { png_image_free(&image) }
    let bound = pngSizeBound
    var size = bound
    var written: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
      written = pixels.withUnsafeBytes { source in
        png_image_write_to_memory(&image, buffer.baseAddress, &size, 0, source.baseAddress, png_int_32(3 * width), nil)
      }
      count = written == 0 ? 0 : min(size, bound)
    }
    guard written != 0, size <= bound else {
      let said = withUnsafeBytes(of: &image.message) { raw in
        String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
      }
      throw ImageEncodingError(description: said.isEmpty ? "libpng gave no reason" : said)
    }
    return bytes
  }

  /// Enough for incompressible pixels: a filter byte a row, 6 bytes for each stored block of deflate, and the chunks'
  /// own bytes (an IDAT chunk may be as short as 8 KiB).
  private var pngSizeBound: Int {
    let raw = (3 * width + 1) * height
    return raw + raw / 512 + 12 * (raw / 8192 + 2) + 1024
  }

  /// The picture as binary PPM (P6): a header of text, then the RGB bytes.
  public func encodedPPM() -> [UInt8] { Array("P6\n\(width) \(height)\n255\n".utf8) + pixels }
}

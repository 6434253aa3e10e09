// A picture that a tool drew, read back: that its file is there says nothing of what is on it.

import CPNG
import Raster
import TestSupport
import Testing

enum DrawnPicture {
  /// The PNG in a scratch folder.
  static func read(_ name: String, in scratch: TemporaryFolder) throws -> RGBImage {
    let bytes = try #require(TemporaryFolder.read(scratch.path + "/" + name), "\(name) is there")
    var image = png_image()
    image.version = png_uint_32(PNG_IMAGE_VERSION)
    try #require(png_image_begin_read_from_memory(&image, bytes, bytes.count) != 0, "\(name) is a PNG")
    image.format = png_uint_32(PNG_FORMAT_FLAG_COLOR)
    let (width, height) = (Int(image.width), Int(image.height))
    var pixels = [UInt8](repeating: 0, count: 3 * width * height)
    try #require(png_image_finish_read(&image, nil, &pixels, 0, nil) != 0, "\(name) is whole")
    return RGBImage(width: width, height: height, pixels: pixels)
  }

  /// The mean colour of a square around a place.
  static func mean(_ picture: RGBImage, x: Int, y: Int, radius: Int) -> (red: Double, green: Double, blue: Double) {
    var sum = (red: 0.0, green: 0.0, blue: 0.0)
    var count = 0.0
    for row in max(0, y - radius)..<min(picture.height, y + radius) {
      for column in max(0, x - radius)..<min(picture.width, x + radius) {
        let color = picture[column, row]
        sum = (sum.red + Double(color.red), sum.green + Double(color.green), sum.blue + Double(color.blue))
        count += 1
      }
    }
    return (sum.red / count, sum.green / count, sum.blue / count)
  }

  /// How many pixels have just this colour.
  static func count(_ color: RGBColor, in picture: RGBImage) -> Int {
    var count = 0
    for y in 0..<picture.height { for x in 0..<picture.width where picture[x, y] == color { count += 1 } }
    return count
  }
}

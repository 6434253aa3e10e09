// Optical density: what a stain adds up in (Beer and Lambert), where brightness does not.
// What must stay true: density of the background is 0; the darkest byte has a finite density.

import func Glibc.log10f

/// Optical density of 8-bit light: `-log10(value / background)`, with 0 read as 1 so that it stays finite.
public enum OpticalDensity {
  /// Density of each of the 256 byte values against a background; values brighter than it have density 0.
  public static func table(background: Float = 255) -> [Float] {
    (0..<256).map { byte in max(0, -log10f(max(1, Float(byte)) / max(1, background))) }
  }

  /// The three channels' densities of every pixel, as three planes.
  public static func planes(of image: RGBImage, background: Float = 255) -> (
    red: GrayImage, green: GrayImage, blue: GrayImage
  ) {
    let table = table(background: background)
    func plane(_ channel: Int) -> GrayImage {
      GrayImage(
        width: image.width, height: image.height,
        values: [Float](unsafeUninitializedCapacity: image.width * image.height) { out, count in
          for index in 0..<(image.width * image.height) { out[index] = table[Int(image.pixels[3 * index + channel])] }
          count = image.width * image.height
        })
    }
    return (plane(0), plane(1), plane(2))
  }
}

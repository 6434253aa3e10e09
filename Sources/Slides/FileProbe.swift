// Why OpenSlide said no: a file cut short, an empty one, or no slide at all.
// What must stay true: reads at most a few hundred bytes of a stranger's file, follows at most 64 offsets, and never
// decides that a file is good; that is the decoder's word.

import Glibc

/// Looks into a file that the decoder refused.
enum FileProbe {
  /// Whether the file is DICOM (the letters DICM after a preamble of 128 bytes).
  static func isDICOM(path: String) -> Bool {
    guard let file = fopen(path, "rb") else { return false }
    defer { fclose(file) }
    var head = [UInt8](repeating: 0, count: 132)
    return fread(&head, 1, head.count, file) == head.count && head[128...].elementsEqual("DICM".utf8)
  }

  /// The error for a file that OpenSlide does not open at all.
  static func explain(path: String, name: String, decoder: String) -> SlideError {
    guard let file = fopen(path, "rb") else {
      return SlideError(.notFound, "\(name) cannot be opened. Check that it is still there.", subject: name)
    }
    defer { fclose(file) }
    fseek(file, 0, SEEK_END)
    let size = ftell(file)
    if size == 0 {
      return SlideError(.damaged, "\(name) is empty (0 bytes). Copy it again from its source.", subject: name)
    }
    if let end = truncation(in: file, size: size) {
      return SlideError(
        .damaged,
        "\(name) is cut short: it has \(size) bytes and refers to byte \(end). Copy it again from its source.",
        subject: name)
    }
    return SlideError(
      .unsupported,
      "\(name) (\(size) bytes) is no slide that \(decoder) knows. Give a whole-slide file (Aperio, Hamamatsu, MIRAX, "
        + "Leica, Philips, Ventana, Trestle, Sakura or tiled TIFF; with OpenSlide 4 also DICOM and Zeiss).",
      subject: name)
  }

  /// For a TIFF whose chain of directories leads beyond the file's end: the byte it leads to.
  private static func truncation(in file: UnsafeMutablePointer<FILE>, size: Int) -> Int? {
    func bytes(at offset: Int, _ count: Int) -> [UInt8]? {
      guard offset >= 0, offset <= size - count else { return nil }
      var buffer = [UInt8](repeating: 0, count: count)
      guard fseek(file, offset, SEEK_SET) == 0, fread(&buffer, 1, count, file) == count else { return nil }
      return buffer
    }
    guard let head = bytes(at: 0, 4), head[0] == head[1], head[0] == 0x49 || head[0] == 0x4D else { return nil }
    let isLittle = head[0] == 0x49
    func number(_ bytes: [UInt8]) -> Int {
      let ordered = isLittle ? bytes.reversed() : bytes
      return Int(truncatingIfNeeded: ordered.reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
    let version = number(Array(head[2...3]))
    guard version == 42 || version == 43 else { return nil }
    let isBig = version == 43
    let (width, countWidth, entryWidth) = isBig ? (8, 8, 20) : (4, 2, 12)
    guard let first = bytes(at: isBig ? 8 : 4, width) else { return isBig ? 16 : 8 }
    var offset = number(first)
    for _ in 0..<64 {
      if offset == 0 { return nil }
      guard offset > 0, offset < size, let count = bytes(at: offset, countWidth) else { return offset }
      let entries = number(count)
      guard entries >= 0, entries <= 65_535 else { return nil }
      let next = offset + countWidth + entries * entryWidth
      guard let link = bytes(at: next, width) else { return next + width }
      offset = number(link)
    }
    return nil
  }
}

// What can keep an analysis from giving a number.
// What must stay true: a message says what happened, the value met and what to do next, and holds no path and
// nothing of a patient's.

/// Why an analysis gives no result.
public enum AnalysisError: Error, Sendable, Hashable, CustomStringConvertible {
  /// No usable scale: sizes in micrometres cannot be told.
  case noScale(micronsPerPixel: Double)
  /// The scale lies outside the range this method was made for.
  case scaleOutOfRange(micronsPerPixel: Double, accepted: ClosedRange<Double>)
  /// The colours are not those of the stain this method was made for.
  case stainNotAccepted(reason: String)
  /// A mask or tile has other sizes than the picture it belongs to.
  case sizeMismatch(what: String, width: Int, height: Int, expectedWidth: Int, expectedHeight: Int)
  /// A parameter makes no sense.
  case badParameter(name: String, value: String, remedy: String)
  /// A model card cannot be used.
  case badCard(reason: String)
  /// The library that runs networks is not there.
  case noRuntime(reason: String)
  /// A network's file cannot be used.
  case badModel(file: String, reason: String)
  /// A network gave numbers that are none.
  case badNumbers(reason: String)

  public var description: String {
    switch self {
    case .noScale(let value):
      return "no usable scale: \(value) µm/px; state the scale with the case"
    case .scaleOutOfRange(let value, let accepted):
      return """
        \(value) µm/px lies outside \(accepted.lowerBound) to \(accepted.upperBound) µm/px; \
        read the region at a scale inside this range
        """
    case .stainNotAccepted(let reason):
      return "the colours do not look like hematoxylin and eosin: \(reason); use a tool made for this stain"
    case .sizeMismatch(let what, let width, let height, let expectedWidth, let expectedHeight):
      return "\(what) is \(width)x\(height) pixels, \(expectedWidth)x\(expectedHeight) are needed"
    case .badParameter(let name, let value, let remedy):
      return "\(name) is \(value); \(remedy)"
    case .badCard(let reason):
      return "the model card cannot be used: \(reason)"
    case .noRuntime(let reason):
      return """
        OpenVINO cannot be loaded (\(reason)); run packaging/fetch-assets, or set VPATH_OPENVINO to the file \
        libopenvino_c.so of a 2026 release
        """
    case .badModel(let file, let reason):
      return "the model file \(file) cannot be used: \(reason)"
    case .badNumbers(let reason):
      return "the network's result cannot be used: \(reason)"
    }
  }
}

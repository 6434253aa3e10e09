// Everything one call is given, gathered before any process starts: from the case, or from an example of a tool's
// author.
// What must stay true: what is here was granted or made by the host; building the tool's input from it reads nothing
// else.

import Domain
import Glibc
import JSON
import Ports

/// One call, ready to run.
struct CallPlan: Sendable {
  var call: CallID
  var caseID: CaseID
  var arguments: JSONValue
  var description: CaseDescription
  var slides: [SlideGrant]
  var properties: [EvidenceID: SlideProperties]
  var views: [ViewFile]
  var evidence: [Evidence]

  /// A view with its picture's bytes.
  struct ViewFile: Sendable {
    var region: EvidenceID
    var rect: LevelZeroRect
    var micronsPerPixel: Double
    var width: Int
    var height: Int
    var pixelSha256: SHA256Hex
    var pixels: PixelDigest?
    var bytes: [UInt8]
    var format: ToolManifest.Needs.ViewFormat
  }

  /// Most views of one call.
  static let maxViews = 16

  /// The regions that the arguments name as `region` or `regions`.
  static func regionsNamed(in arguments: JSONValue) -> [EvidenceID] {
    let one = arguments["region"]?.stringValue.map { [$0] } ?? []
    let many = arguments["regions"]?.arrayValue?.compactMap(\.stringValue) ?? []
    var seen: Set<String> = []
    return (one + many).filter { seen.insert($0).inserted }.map { EvidenceID($0) }
  }

  /// Writes the views into the call's input folder and gives what the tool and the check of its output are told.
  /// `place` is that folder as the tool sees it.
  func writeViews(to folder: OpenFolder, place: String) throws(VPathError) -> [HostView] {
    var written: [HostView] = []
    for view in views {
      let name = "\(view.region.rawValue).\(view.format.rawValue)"
      do {
        try folder.write(name, view.bytes, mode: 0o444)
      } catch {
        throw VPathError(.toolFailed, "A view for the tool could not be written: it \(error.words).")
      }
      let told = ToolInput.RenderedView(
        region: view.region, path: "\(place)/\(name)", rect: view.rect, micronsPerPixel: view.micronsPerPixel,
        width: view.width, height: view.height, pixelSha256: view.pixelSha256)
      written.append(HostView(view: told, pixels: view.pixels))
    }
    return written
  }

  /// The tool's input.
  func input(slidePaths: [EvidenceID: String], views: [HostView], scratch: String) -> ToolInput {
    ToolInput(
      call: call, arguments: arguments, case: description,
      slides: slides.compactMap { slide in
        slidePaths[slide.id].map { ToolInput.Slide(id: slide.id, path: $0, properties: properties[slide.id]) }
      },
      views: views.map(\.view),
      evidence: Dictionary(evidence.map { ($0.id.rawValue, $0) }) { first, _ in first }, scratch: scratch)
  }
}

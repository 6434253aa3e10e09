// How a call gets at its slide: which one is meant, opened with the scale that was stated, its region cut to the glass.
// What must stay true: a call opens only slides it was given; every SlideError leaves here as an error of the one
// table; a stated scale is handed to the decoder's room and judged there, nowhere else.

import Domain
import JSON
import Slides
import ToolKit

/// A slide that a call works on.
struct OpenedSlide: Sendable {
  let id: EvidenceID
  let handle: SlideHandle
  let path: String
  let call: ToolCall

  /// What a long read does meanwhile: it hears a cancel, and says how far it is within `share` of the whole work.
  func control(_ words: String, share: ClosedRange<Double>) -> ReadControl {
    let call = call
    return ReadControl(isCancelled: { call.isCancelled }) { done in
      call.progress(share.lowerBound + done * (share.upperBound - share.lowerBound), words)
    }
  }
}

extension ToolCall {
  /// The slide the arguments mean: the one they name, else that of the region they name, else the only one.
  ///
  /// - Throws: `evidence.not_found` for a slide or region the call was not given; the slide's own errors.
  func openSlide() throws(VPathError) -> OpenedSlide {
    let named = try region()?.slide ?? arguments["slide"]?.stringValue.map { EvidenceID($0) }
    let slide: ToolInput.Slide
    if let named {
      guard let found = input.slides.first(where: { $0.id == named }) else {
        throw VPathError(
          .evidenceNotFound,
          "The call was not given a slide \(named.rawValue.prefix(20)); it has \(slideNames).", subject: "slide")
      }
      slide = found
    } else {
      guard let only = input.slides.first, input.slides.count == 1 else {
        throw VPathError(
          .evidenceNotFound, "The call must say which slide it means with \"slide\"; it has \(slideNames).",
          subject: "slide")
      }
      slide = only
    }
    let stated = input.case.statedMicronsPerPixel
    let handle = try slideErrors { () throws(SlideError) in
      try SlideHandle(path: slide.path, statedMicronsPerPixel: stated)
    }
    return OpenedSlide(id: slide.id, handle: handle, path: slide.path, call: self)
  }

  private var slideNames: String {
    input.slides.isEmpty ? "none" : input.slides.map(\.id.rawValue).joined(separator: ", ")
  }

  /// The region that the argument `region` names; nil when there is no such argument.
  ///
  /// - Throws: `evidence.not_found` when the call was not given it, or it is no region.
  func region() throws(VPathError) -> Region? {
    guard let id = arguments["region"]?.stringValue else { return nil }
    guard case .region(let region)? = input.evidence[id]?.body else {
      throw VPathError(
        .evidenceNotFound, "The call was not given a region \(id.prefix(20)). Give the id of a region of the case.",
        subject: "region")
    }
    return region
  }

  /// The rectangle in the argument `rect`; nil when there is no such argument.
  func rect() -> LevelZeroRect? {
    guard let rect = arguments["rect"] else { return nil }
    return try? decodeJSON(LevelZeroRect.self, from: rect)
  }
}

/// Runs something that throws a SlideError, and gives the error its id.
func slideErrors<Value>(_ body: () throws(SlideError) -> Value) throws(VPathError) -> Value {
  do {
    return try body()
  } catch {
    throw error.asVPathError
  }
}

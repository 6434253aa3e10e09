// When the counter does not count: reasons a reader understands, and what would be needed.
// What must stay true: each reason is tested before any pixel is counted; a refusal is an answer, not an error.

import Analysis
import Domain
import Slides
import ToolKit

enum CounterRefusal {
  /// Why a slide cannot be counted, from what was stated and what its file says; nil when it can.
  static func reason(_ slide: OpenedSlide, card: CounterCard, parameters: NucleusDetectorParameters) -> String? {
    let description = slide.call.input.case
    if let stain = description.stain, !StainName(stain).isAmong(card.accepts.stain) {
      return "Counting is made for \(card.accepts.stain.joined(separator: ", ")); this case is stated as "
        + "\(stain.prefix(60)). A counter made and validated for that stain would be needed."
    }
    guard let scale = slide.handle.properties.scale else {
      let problem = slide.handle.properties.scaleProblem ?? "the slide has no usable scale"
      return "Counts and densities of \(slide.id) need its scale: \(problem)."
    }
    let coarsest = min(card.accepts.mpp.max() ?? 0, parameters.acceptedMicronsPerPixel.upperBound)
    if scale.micronsPerPixel > coarsest {
      return "\(slide.id) has \(NumberText.figures(scale.micronsPerPixel, 3)) µm per pixel; nuclei are counted up to "
        + "\(NumberText.figures(coarsest, 2)). A scan at 20x or more would be needed."
    }
    return nil
  }

  /// Why the colours rule it out.
  static func reason(_ verdict: StainVerdict, slide: EvidenceID) -> String? {
    verdict.refusal.map {
      "The colours of \(slide) do not look like hematoxylin and eosin: \($0). A counter made for this stain would be "
        + "needed."
    }
  }
}

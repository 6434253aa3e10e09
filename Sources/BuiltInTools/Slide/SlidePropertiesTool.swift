// slide_properties: what the decoder says of a slide. Only the daemon itself calls it.
// What must stay true: nothing of the file's label, macro image, barcode or free text leaves here.

import Domain
import JSON
import Slides
import ToolKit

enum SlidePropertiesTool {
  static let name = "slide_properties"

  static let tool = Tool(
    name: name, title: "Slide properties",
    description: "Says what the decoder knows of a slide: its size, levels, format and scale. For the daemon itself.",
    inputSchema: .object([.optional("slide", ArgumentSchema.slide)]), annotations: BuiltInTools.annotations
  ) { call in
    let slide = try call.openSlide()
    var items = ToolItems()
    try items.add("slide", key: nil, Body(slide: slide.id, properties: slide.handle.properties))
    return items.output
  }

  private struct Body: Encodable {
    var slide: EvidenceID
    var properties: SlideProperties
  }
}

// Measurements of an output: what its manifest declares, bound to a region and to pixels, valid where the case agrees.
// What must stay true: a plug-in's word on its own validity never holds against what is stated of the case.

import Domain
import JSON

extension OutputCheck {
  func measurement(
    _ given: [String: JSONValue], _ place: String
  ) async throws(VPathError) -> Measurement {
    var members = given
    if members["flags"] == nil { members["flags"] = [] }
    if members["validity"] == nil { members["validity"] = OutputCheck.unvalidated }
    var measurement = try decode(Measurement.self, members, place)
    guard let declared = context.manifest.vpath.measures.first(where: { $0.phrase(for: measurement.name) != nil })
    else {
      let names = context.manifest.vpath.measures.map { "\"\($0.name)\"" }.joined(separator: ", ")
      throw OutputCheck.fault("\(place)/name", "the manifest declares no such measure (it has \(names))")
    }
    guard declared.unit == measurement.unit else {
      throw OutputCheck.fault(
        "\(place)/unit", "the manifest declares \"\(declared.unit.rawValue)\" for \"\(declared.name)\"")
    }
    if let interval = measurement.interval, interval.low > interval.high {
      throw OutputCheck.fault("\(place)/interval", "low is above high")
    }
    let view = hostView(of: measurement)
    if measurement.region == nil, context.views.count == 1 { measurement.region = view?.view.region }
    if let region = measurement.region { try refer(region, to: .region, "\(place)/region") }
    if measurement.pixels == nil, var pixels = view?.pixels {
      // What was measured is the view: its scale, not that of the level it was made from.
      pixels.micronsPerPixel = view?.view.micronsPerPixel ?? pixels.micronsPerPixel
      measurement.pixels = pixels
    }
    if !context.isBuiltIn {
      measurement.validity = judged(
        measurement.validity, micronsPerPixel: view?.view.micronsPerPixel ?? measurement.pixels?.micronsPerPixel)
    }
    return measurement
  }

  /// The view a measurement was made on: its region's, or the only one.
  private func hostView(of measurement: Measurement) -> HostView? {
    guard let region = measurement.region else { return context.views.count == 1 ? context.views.first : nil }
    return context.views.first { $0.view.region == region }
  }

  private static let unvalidated: JSONValue = [
    "organs": [], "stains": [], "micronsPerPixel": [], "imageCount": 0, "within": false, "limits": ["not validated"],
  ]

  /// A tool's word that it is inside its validity holds only where the case agrees.
  private func judged(_ claimed: Validity, micronsPerPixel: Double?) -> Validity {
    guard claimed.within else {
      var outside = claimed
      if outside.limits.isEmpty { outside.limits = ["not validated for this case"] }
      return outside
    }
    var limits: [String] = []
    if claimed.imageCount < 1 { limits.append("not validated") }
    func known(_ value: String?, _ what: String, isAmong: (String) -> Bool) {
      guard let value else {
        limits.append("\(what) not stated")
        return
      }
      if !isAmong(value) { limits.append("not validated on \(PlainText.clean(value, limit: 64))") }
    }
    known(context.description.organ, "organ") { OrganName($0).isAmong(claimed.organs) }
    known(context.description.stain, "stain") { StainName($0).isAmong(claimed.stains) }
    if let scale = micronsPerPixel, let low = claimed.micronsPerPixel.first, let high = claimed.micronsPerPixel.last,
      scale < low * 0.98 || scale > high * 1.02
    {
      limits.append("not validated at this µm per pixel")
    }
    var judged = claimed
    judged.within = limits.isEmpty
    judged.limits = limits.isEmpty ? claimed.limits : limits
    return judged
  }
}

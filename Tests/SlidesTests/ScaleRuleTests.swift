// The rule that gives a slide its scale, on the words that files really carry.

import Domain
import Testing

@testable import Slides

@Suite struct ScaleRuleTests {
  private func own(_ properties: [String: String]) -> ScaleRule.Own { ScaleRule.own { properties[$0] } }

  @Test func theFilesOwnScaleIsTheMeanOfBothAxes() {
    #expect(own(["openslide.mpp-x": "0.49", "openslide.mpp-y": "0.494"]) == .value(0.492))
  }

  @Test func aFileWithoutTheWordsHasNone() {
    #expect(own([:]) == .absent)
    #expect(
      own(["openslide.vendor": "generic-tiff", "tiff.ResolutionUnit": "none", "tiff.XResolution": "1"]) == .absent)
  }

  @Test(arguments: [
    ["openslide.mpp-x": "0.5"], ["openslide.mpp-x": "0.5", "openslide.mpp-y": "abc"],
    ["openslide.mpp-x": "nan", "openslide.mpp-y": "nan"], ["openslide.mpp-x": "0", "openslide.mpp-y": "0"],
    ["openslide.mpp-x": "-0.5", "openslide.mpp-y": "-0.5"], ["openslide.mpp-x": "900", "openslide.mpp-y": "900"],
    ["openslide.mpp-x": "0.5", "openslide.mpp-y": "0.6"],
  ])
  func whatCannotBeAScaleIsNotBelieved(_ properties: [String: String]) {
    guard case .implausible = own(properties) else {
      Issue.record("\(properties) was believed")
      return
    }
  }

  @Test func aPlainTIFFsScreenResolutionIsNotBelievedButItsMicroscopeResolutionIs() {
    func plain(_ dots: String, _ unit: String) -> ScaleRule.Own {
      own([
        "openslide.vendor": "generic-tiff", "tiff.ResolutionUnit": unit, "tiff.XResolution": dots,
        "tiff.YResolution": dots,
      ])
    }
    #expect(plain("20000", "centimeter") == .value(0.5))
    #expect(plain("50800", "inch") == .value(0.5))
    for dots in ["72", "96", "300", "600"] {
      guard case .implausible(let what) = plain(dots, "inch") else {
        Issue.record("\(dots) dots per inch were believed")
        continue
      }
      #expect(what.contains("µm/px"))
    }
  }

  @Test func theSlidesOwnScaleIsUsedWhenNoneIsStated() {
    let resolved = ScaleRule.resolve(own: .value(0.499), stated: nil)
    #expect(resolved.scale == SlideScale(micronsPerPixel: 0.499, source: .slide))
    #expect(resolved.slideMicronsPerPixel == nil && resolved.problem == nil)
  }

  @Test func aStatedScaleIsUsedOnlyWhereTheFileHasNone() {
    let stated = SlideScale(micronsPerPixel: 0.25, source: .stated)
    #expect(ScaleRule.resolve(own: .absent, stated: 0.25).scale == stated)
    #expect(ScaleRule.resolve(own: .implausible("x"), stated: 0.25).scale == stated)
    let near = ScaleRule.resolve(own: .value(0.499), stated: 0.5)
    #expect(near.scale == SlideScale(micronsPerPixel: 0.499, source: .slide))
    #expect(near.slideMicronsPerPixel == 0.499)
  }

  @Test func aStatedScaleThatContradictsTheFileLeavesNoneAndSaysBothValues() throws {
    let resolved = ScaleRule.resolve(own: .value(0.499), stated: 0.25)
    #expect(resolved.scale == nil)
    #expect(resolved.slideMicronsPerPixel == 0.499)
    let problem = try #require(resolved.problem)
    #expect(problem.contains("0.499") && problem.contains("0.25") && problem.contains("50 %"))
  }

  @Test(arguments: [0, -1, Double.nan, Double.infinity, 1000])
  func aStatedScaleThatIsNoneIsSaidToBeNone(_ stated: Double) {
    let resolved = ScaleRule.resolve(own: .value(0.5), stated: stated)
    #expect(resolved.scale == nil)
    #expect(resolved.problem?.contains("stated") == true)
  }

  @Test func withoutAnyScaleTheReasonSaysWhatToDo() {
    #expect(ScaleRule.resolve(own: .absent, stated: nil).problem?.contains("state it with the case") == true)
    #expect(ScaleRule.resolve(own: .implausible("is odd"), stated: nil).problem?.hasPrefix("the file is odd") == true)
  }
}

// What a case states, compared with what a tool accepts.

import Domain
import Testing

@Suite struct StatedNamesTests {
  @Test(arguments: [
    "H&E", "HE", "h&e", "Hematoxylin and eosin", "Haematoxylin & Eosin", "hematoxylin-eosin", "H and E", "H & E",
  ])
  func hematoxylinAndEosinHasManyNames(_ name: String) {
    #expect(StainName(name).isAmong(["Ki-67 (DAB)", "H&E"]))
  }

  @Test func otherStainsAreComparedByTheirLetters() {
    #expect(StainName("Ki67").isAmong(["KI-67"]))
    for other in ["IHC", "Ki-67", "PAS", "HER2", "H", ""] { #expect(!StainName(other).isAmong(["H&E"])) }
    #expect(!StainName("H&E").isAmong([]))
  }

  @Test func organsAreComparedByTheirWords() {
    #expect(OrganName("Lymph  Node").isAmong(["lymph_node"]))
    #expect(OrganName(" skin ").isAmong(["Skin"]))
    #expect(!OrganName("lymph").isAmong(["lymph node"]))
  }

  @Test func aToolTakesWhatIsNotStatedAndRefusesWhatItIsNotMadeFor() {
    let accepts = ToolManifest.Accepts(stain: ["H&E"], organ: ["colon", "breast"])
    #expect(accepts.misfit(with: CaseDescription()) == nil)
    #expect(accepts.misfit(with: CaseDescription(organ: "Colon", stain: "HE")) == nil)
    #expect(
      accepts.misfit(with: CaseDescription(organ: "colon", stain: "DAB")) == .stain(stated: "DAB", accepted: ["H&E"]))
    #expect(
      accepts.misfit(with: CaseDescription(organ: "skin", stain: "H&E"))
        == .organ(stated: "skin", accepted: ["colon", "breast"]))
    #expect(ToolManifest.Accepts(stain: [], organ: []).misfit(with: CaseDescription(organ: "x", stain: "y")) == nil)
  }
}

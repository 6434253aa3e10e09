// What words of a planner may say, and may not.

import Agent
import Testing

@Suite struct DescriptionRules {
  static let good: [String] = [
    "Nests of cells with pale cytoplasm lie beneath a layered surface.",
    "Pink, fibrous material surrounds rounded spaces.",
    "A follicle filled with flaky, eosinophilic keratin.",
    "Dark, crowded nuclei line the edge of the cavity.",
    "The epithelium is layered and carries brown granules.",
    "Green ink runs along the border of the section.",
    "Loose collagen with thin-walled vessels.",
    "Spindle-shaped nuclei in parallel bundles.",
    "Round to oval nuclei with smooth outlines.",
    "Clear vacuoles lie between the cells.",
    "The stroma is pale and wavy.",
    "A gland-like space with a ragged lining.",
    "Cells are arranged around a central cavity.",
    "The surface is folded and partially detached.",
    "Debris and out-of-focus material cover the corner.",
    "Basophilic cells are packed densely along the base.",
    "Sheets of polygonal cells with distinct borders.",
    "Elongated nuclei follow the direction of the fibres.",
    "Brown pigment sits inside the cytoplasm.",
    "The field shows epithelium beside connective tissue.",
    "Lymphocytes are scattered in the dermis.",
    "Empty-looking spaces, perhaps vessels, with a flat lining.",
    "“Onion-skin” layering around a pink core.",
  ]

  static let bad: [(String, String)] = [
    ("About 40 nuclei are in view.", "digit"), ("There are ٤٠ nuclei.", "digit"), ("Nuclei fill ½ of it.", "number"),
    ("Grade Ⅲ change.", "number"), ("四十 nuclei.", "number"), ("Area of 5²", "digit"),
    ("Zone iii of it.", "number word"),
    ("Forty nuclei are in view.", "number word"), ("Twice the usual density.", "number word"),
    ("A dozen cells.", "number word"), ("Half of the field is pink.", "number word"), ("A third of it.", "number word"),
    ("Ninety percent of cells.", "number word"), ("A large fraction of cells.", "number word"),
    ("Many nuclei.", "amount"), ("Most cells are pale.", "amount"), ("Numerous vessels.", "amount"),
    ("The left is denser.", "compares"), ("Larger nuclei at the edge.", "compares"),
    ("More cellular towards the base.", "compares"), ("The darkest part is central.", "compares"),
    ("Dark as compared with the rest.", "compares"), ("Bigger cells lie below.", "compares"),
    ("High-grade appearance.", "grades"), ("Poorly differentiated nests.", "grades"), ("Stage two disease.", "grades"),
    ("Gleason pattern.", "grades"), ("Squamous cell carcinoma.", "diagnosis"), ("Looks malignant.", "diagnosis"),
    ("Benign naevus.", "diagnosis"), ("Carci-noma cells.", "diagnosis"), ("Features of melanoma.", "diagnosis"),
    ("Tumour nests.", "diagnosis"), ("Dermatitis.", "diagnosis"), ("Karzinomzellen.", "diagnosis"),
    ("Necrosis in the centre.", "diagnosis"), ("Metastatic deposit.", "diagnosis"), ("Atypical cells.", "diagnosis"),
    ("Normal skin.", "diagnosis"), ("No mitoses.", "presence"), ("Vessels are absent.", "presence"),
    ("Keratin is present.", "presence"), ("It isn't layered.", "denies"), ("Free of ink.", "presence"),
    ("Cells without nuclei.", "presence"), ("Consistent with a follicle.", "concludes"),
    ("Likely a vessel.", "concludes"), ("c a r c i n o m a", "spelled out"), ("саncer cells", "plain English"),
    ("рак кожи", "plain English"), ("癌", "plain English"), ("can\u{200B}cer", "plain English"), ("", "say nothing"),
    ("- . -", "say nothing"), (String(repeating: "pale ", count: 200), "longer than"), ("Score: high.", "number word"),
  ]

  @Test(arguments: good) func plainDescriptionsPass(_ text: String) {
    #expect(WordRules.problem(inDescription: text) == nil)
  }

  @Test(arguments: bad) func everythingThatStatesSomethingIsRejected(_ text: String, _ why: String) {
    let problem = WordRules.problem(inDescription: text)
    #expect(problem?.contains(why) == true, "\(problem ?? "passed")")
  }
}

@Suite struct ReasonRules {
  static let good: [String] = [
    "no installed tool measures this", "the slide has no usable scale in µm per pixel",
    "it would need a slide stained for Ki-67 and a validated scoring tool",
    "no installed tool can tell tumour from other tissue", "region r3 lies outside the slide",
    "a diagnosis is a pathologist's to make", "cell_counter is made for H&E",
  ]

  static let bad: [(String, String)] = [
    ("about 40 mitoses were seen", "no number"), ("forty of them", "no number"),
    ("not needed: there is no tumour", "claims something"), ("the tissue is malignant", "claims something"),
    ("it looks like melanoma, so a pathologist is needed", "claims something"),
    ("no evidence of carcinoma", "claims something"), ("tumour is absent", "claims something"),
    ("margins are free of cancer", "claims something"), ("это рак", "plain English"), ("", "says nothing"),
    ("...", "says nothing"), ("this is a carcinoma", "claims something"), ("c a n c e r present", "spelled out"),
  ]

  @Test(arguments: good) func reasonsThatSayWhatIsNeededPass(_ text: String) {
    #expect(WordRules.problem(inReason: text) == nil)
  }

  @Test(arguments: bad) func reasonsThatClaimAreRejected(_ text: String, _ why: String) {
    let problem = WordRules.problem(inReason: text)
    #expect(problem?.contains(why) == true, "\(problem ?? "passed")")
  }

  @Test func wordsOfAToolMayBeRepeated() {
    let said = "the stated scale 0.25 contradicts the file's 0.499"
    #expect(WordRules.problem(inReason: said) != nil)
    #expect(WordRules.problem(inReason: said, quoted: [said]) == nil)
    #expect(WordRules.problem(inReason: "cell_counter: \(said)", quoted: [said]) == nil)
    #expect(WordRules.problem(inReason: "\(said) and 40 mitoses", quoted: [said]) != nil)
    #expect(WordRules.problem(inReason: "4 of 9", quoted: ["4", "9"]) != nil, "scraps cannot be put together")
  }
}

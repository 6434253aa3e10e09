// What words of a planner may say, and may not.

import Agent
import Testing

@Suite struct DescriptionRules {
  @Test func theSuiteHasAHundredBadSentencesAndFiftyGoodOnes() {
    #expect(DescriptionSuite.bad.reduce(0) { $0 + Set($1.sentences).count } >= 100)
    #expect(Set(DescriptionSuite.good).count >= 50)
  }

  @Test(arguments: DescriptionSuite.good) func plainDescriptionsPass(_ text: String) {
    #expect(WordRules.problem(inDescription: text) == nil)
  }

  @Test(arguments: DescriptionSuite.bad.flatMap { kind in kind.sentences.map { ($0, kind.wrong, kind.says) } })
  func everythingThatStatesSomethingIsRejected(_ text: String, _ wrong: String, _ says: String) {
    let problem = WordRules.problem(inDescription: text)
    #expect(problem?.contains(says) == true, "\(wrong): \(problem ?? "passed")")
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

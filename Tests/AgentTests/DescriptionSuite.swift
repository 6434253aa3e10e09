// A hundred sentences that no description may hold, by what is wrong with them, and fifty plain ones that must pass.
// What must stay true: every sentence was written as a pathologist or a model might write it before it was tried; one
// that the rules miss is a fault of the rules, not of the suite.

/// Sentences about a view.
enum DescriptionSuite {
  /// What is wrong with a sentence, and a word of what the rules say of it.
  static let bad: [(wrong: String, says: String, sentences: [String])] = [
    (
      "number words", "number word",
      [
        "Forty nuclei are in view.", "Twice the usual density.", "A dozen cells.", "Half of the field is pink.",
        "A third of it.", "Ninety percent of cells.", "A large fraction of cells.", "Zone iii of it.", "Score: high.",
        "Two glands side by side.", "A single vessel.", "The first layer is pale.", "Scores of pale cells.",
        "A twofold layer.",
        "A pair of glands.", "The mean size is unremarkable in print.", "Twenty-two follicles.", "Hundreds of cells.",
      ]
    ),
    (
      "amounts", "amount",
      [
        "Many nuclei.", "Most cells are pale.", "Numerous vessels.", "Several follicles.", "A few pale cells.",
        "All cells are round.", "Approximately round, almost filled spaces.", "Abundant keratin.",
      ]
    ),
    (
      "comparatives", "compares",
      [
        "The left is denser.", "Larger nuclei at the edge.", "More cellular towards the base.",
        "The darkest part is central.", "Dark as compared with the rest.", "Bigger cells lie below.",
        "Paler than the dermis.", "The lower edge is less cellular.", "Smaller nuclei lie above.",
        "The base exceeds the surface in colour.", "Pinker fibres.", "The cells differ, with different outlines.",
        "The thickest layer is pink.", "Crowded relative to the stroma.",
      ]
    ),
    (
      "grades and stages", "grades",
      [
        "High-grade appearance.", "Poorly differentiated nests.", "Stage of the disease.", "Gleason pattern.",
        "Undifferentiated cells.", "Nottingham type.", "Breslow depth.", "Clark level.", "Well-differentiated glands.",
      ]
    ),
    (
      "diagnoses", "diagnosis",
      [
        "Squamous cell carcinoma.", "Looks malignant.", "Benign naevus.", "Carci-noma cells.", "Features of melanoma.",
        "Tumour nests.", "Dermatitis.", "Karzinomzellen.", "Necrosis in the centre.", "Metastatic deposit.",
        "Atypical cells.", "Normal skin.", "Invasive front.", "An ulcerated surface.", "Dysplastic epithelium.",
        "Chronic inflammation.", "A cyst with a lining.", "Suspicious nuclei.", "Lymphoma.", "Basalioma nests.",
      ]
    ),
    (
      "presence and absence", "presence",
      [
        "No mitoses.", "Vessels are absent.", "Keratin is present.", "Free of ink.", "Cells without nuclei.",
        "No tumour.", "Nothing but stroma.", "The edge is uninvolved.", "Lacking a granular layer.",
        "Negative for pigment.",
      ]
    ),
    ("denials", "denies", ["It isn't layered.", "The cells aren’t pale.", "Nuclei cannot be seen."]),
    (
      "conclusions", "concludes",
      ["Consistent with a follicle.", "Likely a vessel.", "Suggestive of a gland.", "Probably keratin."]
    ),
    (
      "digits of any script", "digit",
      ["About 40 nuclei are in view.", "There are ٤٠ nuclei.", "Area of 5²", "४० nuclei.", "４０ nuclei."]
    ),
    ("number signs", "number", ["Nuclei fill ½ of it.", "Grade Ⅲ change.", "四十 nuclei.", "Zone ⑤ is pink."]),
    (
      "ids on a noun", "digit",
      [
        "Region m3 is pale.", "The cells of v12 are round.", "In r2 the epithelium is layered.",
        "Measurement r4 is dark.",
      ]
    ),
    (
      "other scripts and hidden letters", "plain English",
      ["саncer cells", "рак кожи", "癌", "can\u{200B}cer", "Μelanoma.", "ｃａｎｃｅｒ"]
    ),
    ("letters one by one", "spelled out", ["c a n c e r", "t u m o u r nests", "c-a-n-c-e-r"]),
    ("nothing said", "say nothing", ["", "- . -"]),
    ("too much said", "longer than", [String(repeating: "pale ", count: 200)]),
  ]

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
    "Bundles of smooth muscle cross the field.",
    "The glands are tubular and open towards the surface.",
    "Goblet cells with pale mucin line the crypts.",
    "A hair shaft is cut across its length.",
    "Sebaceous lobules with foamy cytoplasm.",
    "Adipocytes form a lace-like network.",
    "The nuclei are vesicular, with dark rims.",
    "Chromatin is coarse and clumped.",
    "Nucleoli stand out in the large nuclei.",
    "The cytoplasm is granular and pink.",
    "A fold of tissue crosses the corner.",
    "Red blood cells fill the vessel.",
    "The lumen holds pink, homogeneous material.",
    "Papillae with fibrous cores project into a space.",
    "Cords of cells thread between collagen fibres.",
    "The basement membrane is a pale line.",
    "Keratinocytes flatten towards the surface.",
    "Pale halos surround the dark nuclei.",
    "Fibroblasts lie between wavy fibres.",
    "The section is blurred along its left edge.",
    "Eosinophilic fibres run in whorls.",
    "Cells cling to the rim of the opening.",
    "Grooved nuclei lie in a row along the base.",
    "A nerve bundle with wavy nuclei.",
    "Lobules are separated by strands of collagen.",
    "Oval spaces with a thin lining.",
    "The staining is pale throughout the field.",
  ]
}

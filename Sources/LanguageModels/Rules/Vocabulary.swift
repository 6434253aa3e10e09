// The words by which topics are recognised: phrases of one or more words, `*` for any ending of a word.
// What must stay true: phrases are lower case and written as QuestionWords splits them ("ki 67", "h e").

/// Phrases and what they are about.
struct Vocabulary: Sendable {
  /// Some words of a question that are about something.
  struct Mark: Sendable, Hashable {
    var topic: QuestionTopic
    var words: Range<Int>
  }

  private struct Phrase: Sendable {
    var topic: QuestionTopic
    /// Each word, and whether any ending may follow.
    var words: [(text: String, isPrefix: Bool)]
  }

  /// Phrases by the first two characters of their first word.
  private var phrases: [String: [Phrase]]

  /// The product's own words, and those of installed tools.
  init(toolPhrases: [(tool: String, phrases: [String])] = []) {
    self = Self.own
    for (tool, list) in toolPhrases {
      for phrase in list { add(phrase, .tool(tool)) }
    }
  }

  /// The product's own words, read once.
  private static let own: Vocabulary = {
    var vocabulary = Vocabulary(phrases: [:])
    for (topic, list) in builtIn {
      for phrase in list.split(separator: ",") { vocabulary.add(String(phrase), topic) }
    }
    return vocabulary
  }()

  private init(phrases: [String: [Phrase]]) { self.phrases = phrases }

  private mutating func add(_ phrase: String, _ topic: QuestionTopic) {
    let words = phrase.lowercased().split { !($0.isLetter || $0.isNumber || $0 == "*") }.map(String.init)
    guard let first = words.first, first != "*" else { return }
    let parts = words.map { word in
      word.hasSuffix("*") ? (text: String(word.dropLast()), isPrefix: true) : (text: word, isPrefix: false)
    }
    phrases[String(first.prefix(2)), default: []].append(Phrase(topic: topic, words: parts))
  }

  /// Everything the words are about, in order.
  func marks(in words: [QuestionWord]) -> [Mark] {
    var marks: [Mark] = []
    for start in words.indices {
      for phrase in phrases[String(words[start].text.prefix(2))] ?? [] {
        let end = start + phrase.words.count
        guard end <= words.count else { continue }
        let matches = phrase.words.indices.allSatisfy { offset in
          let (expected, isPrefix) = phrase.words[offset]
          let word = words[start + offset].text
          return isPrefix ? word.hasPrefix(expected) : word == expected
        }
        // "At 2 µm/px" states a scale, and asks for none.
        let isStated = phrase.topic == .slideFacts && start > 0 && words[start - 1].text.allSatisfy(\.isNumber)
        if matches, !isStated { marks.append(Mark(topic: phrase.topic, words: start..<end)) }
      }
    }
    let stains = stainNames(in: words)
    guard !stains.isEmpty else { return marks }
    return marks.filter { mark in
      guard case .tool = mark.topic else { return true }
      return !stains.contains { $0.lowerBound <= mark.words.lowerBound && mark.words.upperBound <= $0.upperBound }
    }
  }

  /// "Haematoxylin and eosin" names the stain; a tool that measures eosin is not asked for.
  private func stainNames(in words: [QuestionWord]) -> [Range<Int>] {
    words.indices.compactMap { start in
      guard ["hematoxylin", "haematoxylin", "h"].contains(words[start].text) else { return nil }
      let following = words[(start + 1)...].prefix(2).map(\.text)
      if following.first == "eosin" || following.first == "e" { return start..<start + 2 }
      return following == ["and", "eosin"] ? start..<start + 3 : nil
    }
  }

  private static let builtIn: [(QuestionTopic, String)] = [
    (.nuclei, "nuclei, nucleus, nuclear, nucleated, cell, cells, cellular, cellularity, nuclear profile*"),
    (.quantity, "how many, number of, count, counts, counted, amount of, quantify, quantity, how numerous, tally"),
    (
      .density,
      "per mm*, mm2, density, densities, dense, per square*, cellularity, concentration, how crowded, per area, packed"
    ),
    (
      .superlative,
      "most, densest, highest, maximal, maximum, busiest, richest, peak, greatest, largest, hot spot*, hotspot*, top,"
        + "rank, ranking, ranked"
    ),
    (.lowest, "least, lowest, fewest, minimal, minimum, sparsest, emptiest, least dense, smallest number"),
    (.share, "percentage, percent, fraction, proportion, share, what part of"),
    (
      .certainty,
      "how sure, how certain, how confident, confidence, reliable, reliability, accurate, accuracy, uncertainty, error,"
        + "precise, precision, how good is"
    ),
    (.file, "geojson, export, centroids, centres of, centers of, coordinates of, download"),
    (
      .place,
      "where, which region*, which part*, which area*, which field*, what region*, what part*, what area*, locate,"
        + "location, position, find the, hot spot*, hotspot*"
    ),
    (
      .tissue,
      "tissue, specimen, sample, section, biopsy, excision, analysed, analyzed, examined, you analyse, you analyze"
    ),
    (.area, "area, mm², mm2, square millimet*, how much, how large, how big, size, extent"),
    (
      .leftOut,
      "left out, leave out, exclude, excluded, excludes, exclusion*, ignored, artefact*, artifact*, ink, inked, pen,"
        + "keratin, fold, folds, folded, blur*, out of focus, not analysed, not analyzed, discard*, debris, dust,"
        + "how much of it did you, how much did you look, looked at, quality"
    ),
    (
      .show,
      "show, zoom, view, display, see, look at, picture, close up, magnify, image of, take me to, go to, open"
    ),
    (.overview, "overview, thumbnail, whole slide, entire slide, whole image, the slide, at a glance"),
    (
      .compare,
      "equally, compare*, comparing, comparison, versus, vs, difference between, differ, differs, ratio of, than, which of,"
        + "against, relative to, both regions, the two regions"
    ),
    (
      .report,
      "fill report, fill the report, fill in, fill out, fill a, report template*, draft a, draft the, draft report,"
        + "write a report, write the report, write up, prepare a report, prepare the report, complete the report,"
        + "skin excision report, colorectal resection report, lymph node report, excision report, resection report,"
        + "node report, synoptic*, create a report, make a report, generate a report, produce a report, full report,"
        + "pathology report, a report, fill the"
    ),
    (
      .slideFacts,
      "magnification, objective, how wide, how tall, how large is the slide, how big is the slide, size of the slide,"
        + "how large is the image, how big is the image, size of the image, mpp, µm per p*, μm per p*, um per p*, micron* per p*, pixel size, resolution, scanner,"
        + "scanned, vendor, file format, dimensions, how many pixels, width, height, pyramid, how many levels,"
        + "scale of, the scale, what scale, µm px, um px"
    ),
    (
      .here,
      "here, this region, that region, this area, that area, this field, that field,"
        + "drawn, outlined, annotated, annotation*, marked, selected, encircled, circled, boxed, my region*, roi, rois,"
        + "this window, that window, the window, the region, both regions, the two regions, inside it,"
        + "in it, in there, over there, show it, show them, see it, zoom into it, zoom in on it, look at it, view it"
    ),
    (
      .densestPlace,
      "the densest region, the densest window, the densest area, the densest field, the densest part, the densest spot,"
        + "the hot spot, the hotspot, densest region, most cellular region, most cellular window, most cellular area,"
        + "most cellular part, most cellular field, top region, top window, best region"
    ),
    (
      .everywhere,
      "of the slide, on the slide, in the slide, whole slide, whole tissue, entire slide, entire tissue, overall,"
        + "all tissue, everywhere, all over, in total, whole section, entire section, whole specimen, altogether"
    ),
    (
      .limit(.tumour),
      "tumor*, tumour*, cancer*, carcinom*, malign*, neoplas*, melanom*, lymphom*, sarcom*, metasta*, adenom*, benign,"
        + "dysplas*, in situ, invasive, lesion*, naevus, nevus, naevi, nevi, adenocarcinom*, leukaem*, leukem*, basal cell,"
        + "squamous cell, premalign*, precancer*"
    ),
    (
      .limit(.diagnosis),
      "diagnos*, disease*, what is wrong, differential, patholog* finding*, abnormal*, normal, healthy, condition,"
        + "what does the patient have, syndrome, disorder*"
    ),
    (
      .limit(.grade),
      "grade, grading, graded, gleason, isup, nottingham, differentiated, differentiation, fuhrman, bloom, high grade,"
        + "low grade, severity"
    ),
    (
      .limit(.stage),
      "stage, staging, tnm, breslow, clark, depth of invasion, invasion depth, pt1*, pt2*, pt3*, pt4*, pn0, pn1*, figo,"
        + "invasion"
    ),
    (.limit(.margins), "margin, margins, completely excised, clear of, resected completely, excision complete"),
    (.limit(.mitoses), "mitos*, mitotic, mitoses, dividing, proliferat*"),
    (
      .limit(.immunostain),
      "ki 67, ki67, mib 1, mib1, her2, her 2, estrogen, oestrogen, progesterone, pd l1, pdl1, cd3, cd4, cd8, cd20, cd30,"
        + "cd34, cd45, cd68, cd138, p53, p16, s100, sox10, melan a, hmb45, hmb 45, immunohisto*, ihc, immunostain*, dab,"
        + "positive, positivity, labelling index, labeling index, h score, allred, er status, pr status, stained, brown"
    ),
    (
      .limit(.cellTypes),
      "lymphocyt*, tils, til, plasma cell*, eosinophil*, neutrophil*, macrophag*, histiocyt*, mast cell*, melanocyt*,"
        + "keratinocyt*, fibroblast*, immune cell*, inflammatory cell*, epithelial cell*, stromal cell*, goblet cell*,"
        + "adipocyt*, endothelial cell*, giant cell*, cell type*, which cells, kind of cell*, kinds of cell*, type of cell*,"
        + "types of cell*, immune, macrophages, myocyt*, hepatocyt*, blast, blasts"
    ),
    (
      .limit(.tissueState),
      "necro*, inflam*, fibros*, ulcer*, infarct*, infect*, bacteri*, fung*, virus, viral, oedema, edema, steato*, fat,"
        + "fatty, gland, glands, crypts, vessel*, haemorrhag*, hemorrhag*, calcif*, amyloid, pigment*, melanin, atroph*,"
        + "hyperplas*, metaplas*, scar*, stroma*, epitheli*, follicle*, collagen*, elastosis, spongiosis, acanthosis"
    ),
    (
      .limit(.nuclearFeatures),
      "atypia, atypical, pleomorph*, nuclear size, size of the nuclei, nuclear area, nuclear shape, shape of the nuclei,"
        + "hyperchrom*, nucleol*, chromatin, apopto*, nuclear features, how large are the nuclei, how big are the nuclei"
    ),
    (
      .limit(.molecular),
      "mutation*, mutated, gene, genes, genetic*, msi, microsatellite*, mismatch repair, braf, kras, egfr, sequenc*,"
        + "molecular, expression, tmb, rna, dna"
    ),
    (
      .limit(.prognosis),
      "prognos*, survival, surviv*, recur*, risk, treatment*, treat, therap*, chemo*, outcome, response, die, dangerous"
    ),
    (
      .limit(.organ),
      "what organ, which organ, what tissue is this, which tissue is this, what tissue is it, tissue type, what kind of tissue, what stain,"
        + "which stain, what species, organ is"
    ),
    (
      .limit(.identity),
      "patient name, name of the patient, patient id, patient s name, date of birth, barcode, label image, macro image,"
        + "slide label, who is the patient, the label, age of the patient, accession"
    ),
    (
      .limit(.drawing),
      "heatmap*, heat map*, contour*, segmentation, histogram*, chart, charts, plot, graph, animation, video, 3d"
    ),
    (
      .limit(.position),
      "top left, top right, bottom left, bottom right, upper left, upper right, lower left, lower right, left half,"
        + "right half, upper half, lower half, top half, bottom half, quarter, quadrant*, at the centre, at the center,"
        + "in the centre, in the center, high power field*, hpf, hpfs, per field, per power field"
    ),
    (
      .limit(.description),
      "describe*, description, what do you see, what can you see, what is visible, summarise*, summarize*, explain*,"
        + "interpret*, architecture, morphology, pattern*, impression, your opinion, what do you think"
    ),
  ]
}

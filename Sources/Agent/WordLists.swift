// The closed word lists of WordRules, as data: nothing but words.
// What must stay true: every entry is lower-case ASCII; a list only says what its name says. To forbid a word, add
// it to the list whose reason fits and a sentence with it to WordRulesTests.

/// Words that a description may not use, by reason.
enum WordLists {
  /// Numbers and fractions in words.
  static let numbers: Set<String> = words(
    """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fourty fifty sixty seventy eighty ninety hundred hundreds thousand thousands
    million millions billion billions trillion dozen dozens score scores pair pairs couple half halves third thirds
    quarter quarters fifth fifths sixth seventh eighth ninth tenth tenths hundredth twice thrice double doubled doubles
    triple tripled treble quadruple quadrupled single singles once first second fourth twofold threefold tenfold
    percent percentage percentages percentile proportion proportions ratio ratios fraction fractions average averages
    median mean total totals sum count counts counted number numbers numbered rate rates index indices
    """)

  /// Amounts that only a measurement can state.
  static let amounts: Set<String> = words(
    """
    many few several numerous countless most majority minority plenty much little lot lots some all every each none
    multiple various abundant abundance scant scanty sparse sparsely increased decreased reduced elevated excess
    excessive predominant predominantly mostly mainly nearly almost approximately roughly
    """)

  /// Comparatives that are no regular form of an adjective below, and words that compare.
  static let comparisons: Set<String> = words(
    """
    more less fewer least worse worst better best further farther furthest farthest than versus vs compared comparing
    comparable comparison relative relatively exceed exceeds exceeding outnumber outnumbers equal equals equally equal
    rather superior inferior unlike difference differs different increase increases decrease decreases
    """)

  /// Adjectives whose -er and -est forms compare.
  static let adjectives: [String] = words(
    """
    large small big great high low dense dark pale light bright thick thin wide narrow broad long short tall deep
    shallow round flat near close far old young new fine coarse rich poor loose tight pink red blue purple brown green
    grey gray strong weak mild severe early late clear full empty heavy plump slim sparse rough smooth
    rare common dull faint fat hard soft lean busy tiny huge scarce patchy cloudy fuzzy easy
    """
  ).sorted()

  /// Grades and stages.
  static let grades: Set<String> = words(
    """
    grade grades graded grading stage stages staged staging gleason nottingham bloom richardson isup fuhrman clark
    breslow figo tnm dukes jass banff ishak metavir nas differentiated differentiation undifferentiated dedifferentiated
    anaplastic tumor-grade score scored scoring
    """)

  /// Presence and absence.
  static let presence: Set<String> = words(
    """
    no not non without absent absence lack lacks lacking lacked never nothing nowhere neither nor nil devoid deficient
    present presence exists existing exist free negative positive spared excluded exclude excludes ruled rule
    uninvolved involved involvement involves involve infiltrated infiltrates infiltrate infiltrating infiltration
    detected detectable undetected evidence evident identified confirmed confirms confirm proven proves
    """)

  /// Diseases, diagnoses and words that weigh them.
  static let diagnoses: Set<String> = words(
    """
    abnormal abnormality abnormalities abnormally normal normally healthy unhealthy disease diseases diseased diagnosis
    diagnoses diagnostic diagnosed diagnose diagnosable pathologic pathological pathology lesion lesions lesional
    invasive invasion invades invading invaded insitu metastatic naevus nevus naevi nevi melanocytic atypia atypical
    atypically pleomorphism pleomorphic suspicious suspicion suspected suspect worrisome concerning ominous
    reassuring unremarkable unsuspicious prognosis prognostic recurrence recurrent residual margin margins resection
    infarct infarction infarcted ulcer ulcers ulcerated ulceration abscess abscesses cyst cysts cystic polyp polyps wart
    warts infection infected infectious sepsis septic gangrene necrotic necrosis inflamed inflammatory inflammation
    eczema scar scarring scarred fibrotic sclerotic ischemic ischaemic ischemia ischaemia edema oedema embolus
    thrombus hemorrhage haemorrhage hemorrhagic haemorrhagic degenerate degeneration degenerative dead dying injury
    injured damage damaged toxic toxicity virus viral bacterial fungal lupus gout rejection celiac coeliac crohn
    bowen paget spitz merkel kaposi hodgkin reactive aggressive indolent lethal fatal curable treatable
    """)

  /// Starts or pieces of words that name a disease in English and in languages near to it.
  static let diagnosisPieces: [String] = words(
    """
    carcino karzino cancer cancr krebs kanker rakovin tumor tumour tumeur malign benign benigno bosaardig goedaardig
    boesartig gutartig melanom melanoma sarkom sarcom lymphom lymphoma linfom adenom leukem leukaem leucem metasta
    neoplas dysplas displas anaplas hyperplas metaplas hypoplas blastom gliom myelom mesotheliom seminom teratom
    papillom fibroma keratos psorias sclerosi cirrhos tubercul precancer premalign
    """
  ).sorted()

  /// Endings of words that name a disease.
  static let diagnosisEndings: [String] = words(
    "oma omas omata itis itides iasis emia aemia opathy opathies plasia plasias"
  ).sorted()

  /// Words with such an ending that name none.
  static let harmlessEndings: Set<String> = words("stroma stromas stromata soma somas coma aroma chroma")

  /// Phrases that weigh or conclude.
  static let phrases: [[String]] = [
    "consistent with", "compatible with", "suggestive of", "suggests", "suggest", "indicative of", "indicates",
    "in keeping with", "features of", "typical of", "characteristic of", "diagnostic of", "evidence of", "signs of",
    "rule out", "rules out", "free of", "clear of", "in situ", "high grade", "low grade", "intermediate grade",
    "well formed tumour", "per mm", "per field", "per square", "as many as", "as large as", "as dense as", "likely",
    "unlikely", "probably", "probable", "possibly", "must be", "patient has", "patient is",
  ].map { $0.split(separator: " ").map(String.init) }

  /// Words by which a sentence about a disease claims something.
  static let claims: Set<String> = words(
    """
    present absent seen identified detected evident visible observed found looks look looking appears appear
    appearing suggests suggest suggesting suggestive likely unlikely probable probably possibly suspicious suspected
    consistent compatible indicates indicate indicating indicative confirms confirmed shows show showing shown
    contains containing contain positive negative harbours harbors demonstrates demonstrate reveals reveal
    represents exhibits exclude excluded excludes absence presence evidence certainly clearly obviously definitely
    """)

  /// Pairs of words by which a sentence about a disease claims something.
  static let claimPairs: [[String]] = [
    "this is", "it is", "its a", "that is", "tissue is", "slide is", "lesion is", "sample is", "specimen is",
    "region is", "case is", "there is", "there are", "there was", "patient has", "is malignant", "is benign",
    "is cancer", "is tumour", "is tumor", "are malignant", "are benign", "was malignant", "free of", "clear of",
    "is clear", "are clear", "is free", "are free", "no tumour", "no tumor", "no cancer", "no carcinoma",
    "no malignancy", "no metastasis", "no melanoma", "without tumour", "without cancer", "not malignant",
    "not benign", "not cancer",
  ].map { $0.split(separator: " ").map(String.init) }

  private static func words(_ text: String) -> Set<String> {
    Set(text.split(whereSeparator: \.isWhitespace).map(String.init))
  }
}

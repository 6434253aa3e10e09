// The organs that a classifier's card may speak of: a closed list, so that a misspelt organ is an error and not a card
// that never fits.
// What must stay true: names are lower case; a case's organ fits a card only through this list. To add an organ, add it
// here with the other names people use.

/// Organs by name.
public enum OrganNames {
  /// Each organ with its other names.
  static let known: [String: [String]] = [
    "skin": ["cutis", "dermis"],
    "oral mucosa": ["oral", "oral cavity", "mouth", "buccal mucosa", "gingiva", "tongue"],
    "breast": ["mammary gland"],
    "lung": ["bronchus"],
    "colon": ["colonic mucosa"],
    "rectum": [],
    "colorectum": ["large bowel", "large intestine", "bowel"],
    "stomach": ["gastric mucosa"],
    "esophagus": ["oesophagus"],
    "small bowel": ["small intestine", "duodenum", "ileum", "jejunum"],
    "liver": [], "pancreas": [], "gallbladder": [], "spleen": [],
    "kidney": [], "bladder": ["urinary bladder"], "prostate": [], "testis": [],
    "ovary": [], "uterus": ["endometrium"], "cervix": ["uterine cervix"], "placenta": [],
    "thyroid": [], "parathyroid": [], "adrenal gland": ["adrenal"], "salivary gland": [],
    "lymph node": ["lymph_node", "node"], "bone marrow": [], "thymus": [],
    "bone": [], "soft tissue": [], "muscle": [],
    "brain": [], "nerve": [], "eye": [], "heart": [], "larynx": [], "pharynx": [], "tonsil": [],
  ]

  /// The organ as the list spells it; nil when it is on no list.
  public static func canonical(_ name: String) -> String? {
    let words = name.lowercased().split(separator: " ").joined(separator: " ")
    if known[words] != nil { return words }
    return known.first { $0.value.contains(words) }?.key
  }

  /// All names, for messages.
  static var all: String { known.keys.sorted().joined(separator: ", ") }
}

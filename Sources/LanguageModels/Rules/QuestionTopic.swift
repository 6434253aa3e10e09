// What a question may be about, as the rule planner knows it.
// What must stay true: closed lists; adding a topic means adding its words to Vocabulary.swift and what is done about
// it to PartIntent.swift (something measured) or NotAssessableReason.swift (something that is not).

/// Something that words of a question are about.
enum QuestionTopic: Sendable, Hashable {
  /// Nuclei or cells in general.
  case nuclei
  /// How many, a number, a count.
  case quantity
  /// Per mm², density, cellularity.
  case density
  /// Most, densest, highest.
  case superlative
  /// Least, lowest, fewest.
  case lowest
  /// Percentage, fraction.
  case share
  /// How sure, how reliable.
  case certainty
  /// Files: GeoJSON, export.
  case file
  /// Where, which region.
  case place
  case tissue
  case area
  case leftOut
  case show
  case overview
  case compare
  case report
  case slideFacts
  /// "here", "this region", "drawn".
  case here
  /// "the densest region" as a place that something else is asked about.
  case densestPlace
  /// "whole slide", "overall".
  case everywhere
  /// Words of an installed tool.
  case tool(String)
  /// Something that no tool of this product measures.
  case limit(LimitTopic)
}

/// What people ask and measurement cannot answer, each with a reason of its own.
enum LimitTopic: String, Sendable, Hashable, CaseIterable {
  case tumour, diagnosis, grade, stage, margins, mitoses, immunostain, cellTypes, tissueState, nuclearFeatures
  case molecular, prognosis, organ, identity, description, drawing, position
}

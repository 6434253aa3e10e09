// What the lists of cases and turns have to say of one case, gathered from its events, and compared with the rows.
// What must stay true: the rules are the writer's own (Listings.swift); a stop word that was redacted is not compared.

import Domain

/// The rows one case should have.
struct CaseListings {
  private(set) var caseListing: CaseListing?
  private(set) var turns: [String: TurnListing] = [:]
  private var erasedStops: Set<String> = []

  mutating func note(_ header: EventHeader, stop: String?, isErased: Bool) {
    var listing = caseListing ?? CaseListing(first: header.time)
    listing.note(kind: header.kind, seq: header.seq, time: header.time)
    caseListing = listing
    guard let turn = header.turn?.rawValue else { return }
    var row = turns[turn] ?? TurnListing(firstSeq: header.seq, time: header.time)
    row.note(kind: header.kind, seq: header.seq, stop: stop)
    turns[turn] = row
    if isErased && header.kind == EventKind.turnCompleted.rawValue { erasedStops.insert(turn) }
  }

  /// The first difference, in order of the turns' first events.
  func compare(
    _ caseID: CaseID, _ row: CaseListing, turns rows: [(turn: String, listing: TurnListing)]
  ) -> TraceFault? {
    guard caseListing == row else {
      return TraceFault(
        .listing, caseID: caseID, seq: caseListing?.head, "The list of cases does not say what the events say.")
    }
    var left = turns
    for (turn, listing) in rows {
      guard var expected = left.removeValue(forKey: turn) else {
        return TraceFault(
          .listing, caseID: caseID, seq: nil, "The list of turns has a turn that no event of the case belongs to.")
      }
      if erasedStops.contains(turn) { expected.stop = listing.stop }
      guard expected == listing else {
        return TraceFault(
          .listing, caseID: caseID, seq: turns[turn]?.firstSeq,
          "The list of turns does not say what the turn's events say.")
      }
    }
    if let first = left.values.min(by: { $0.firstSeq < $1.firstSeq }) {
      return TraceFault(
        .listing, caseID: caseID, seq: first.firstSeq, "A turn is not in the list of turns.")
    }
    return nil
  }
}

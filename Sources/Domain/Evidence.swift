// Evidence: everything an answer may cite. Ids are given by the daemon, unique in a case.
// What must stay true: evidence is never changed once recorded; a number in an answer is rendered from it.
// JSON form: {"id","kind","turn","call"?,"tool"?, …the body's own keys…}.

/// The kinds of evidence; the letter starts an id.
public enum EvidenceKind: String, Sendable, Codable, Hashable, CaseIterable {
  case slide, region, view, measurement, comparison, description, artefact, quote

  /// The letter an id of this kind starts with.
  public var letter: Character {
    switch self {
    case .slide: "s"
    case .region: "r"
    case .view: "v"
    case .measurement: "m"
    case .comparison: "c"
    case .description: "d"
    case .artefact: "a"
    case .quote: "q"
    }
  }
}

/// A tool with the version that made something, and the program that did.
public struct ToolReference: Sendable, Hashable, Codable {
  public var name: String
  public var version: String
  /// The digest that `ToolManifest.Block.sha256` says; nil where the program is not known, as in records of before.
  public var sha256: SHA256Hex?
  public init(name: String, version: String, sha256: SHA256Hex? = nil) {
    self.name = name
    self.version = version
    self.sha256 = sha256
  }
}

/// One piece of evidence.
public struct Evidence: Sendable, Hashable {
  public var id: EvidenceID
  /// The turn that made it; nil for slides, which come with the case.
  public var turn: TurnID?
  /// The call that made it.
  public var call: CallID?
  public var tool: ToolReference?
  public var body: EvidenceBody

  public init(id: EvidenceID, turn: TurnID?, call: CallID?, tool: ToolReference?, body: EvidenceBody) {
    self.id = id
    self.turn = turn
    self.call = call
    self.tool = tool
    self.body = body
  }
}

/// What a piece of evidence says.
public enum EvidenceBody: Sendable, Hashable {
  case slide(SlideRecord)
  case region(Region)
  case view(View)
  case measurement(Measurement)
  case comparison(Comparison)
  case description(Description)
  case artefact(Artefact)
  case quote(Quote)

  public var kind: EvidenceKind {
    switch self {
    case .slide: .slide
    case .region: .region
    case .view: .view
    case .measurement: .measurement
    case .comparison: .comparison
    case .description: .description
    case .artefact: .artefact
    case .quote: .quote
    }
  }
}

extension Evidence: Codable {
  private enum Key: String, CodingKey { case id, kind, turn, call, tool }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    id = try container.decode(EvidenceID.self, forKey: .id)
    turn = try container.decodeIfPresent(TurnID.self, forKey: .turn)
    call = try container.decodeIfPresent(CallID.self, forKey: .call)
    tool = try container.decodeIfPresent(ToolReference.self, forKey: .tool)
    switch try container.decode(EvidenceKind.self, forKey: .kind) {
    case .slide: body = .slide(try SlideRecord(from: decoder))
    case .region: body = .region(try Region(from: decoder))
    case .view: body = .view(try View(from: decoder))
    case .measurement: body = .measurement(try Measurement(from: decoder))
    case .comparison: body = .comparison(try Comparison(from: decoder))
    case .description: body = .description(try Description(from: decoder))
    case .artefact: body = .artefact(try Artefact(from: decoder))
    case .quote: body = .quote(try Quote(from: decoder))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    switch body {
    case .slide(let slide): try slide.encode(to: encoder)
    case .region(let region): try region.encode(to: encoder)
    case .view(let view): try view.encode(to: encoder)
    case .measurement(let measurement): try measurement.encode(to: encoder)
    case .comparison(let comparison): try comparison.encode(to: encoder)
    case .description(let description): try description.encode(to: encoder)
    case .artefact(let artefact): try artefact.encode(to: encoder)
    case .quote(let quote): try quote.encode(to: encoder)
    }
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(id, forKey: .id)
    try container.encode(body.kind, forKey: .kind)
    try container.encodeIfPresent(turn, forKey: .turn)
    try container.encodeIfPresent(call, forKey: .call)
    try container.encodeIfPresent(tool, forKey: .tool)
  }
}

/// A place on a slide.
public struct Region: Sendable, Hashable, Codable {
  /// The slide it is on.
  public var slide: EvidenceID
  /// Its bounding rectangle.
  public var rect: LevelZeroRect
  /// Its outline when it is no rectangle; at least three corners.
  public var polygon: [LevelZeroPoint]?
  /// What it is: "tissue", "candidate", "densest window", "drawn by the client".
  public var label: String
  /// Place in a ranking, 1 first, with the name of the score it is ranked by.
  public var rank: Int?
  public var score: Score?
  /// Things a reader must know: "contains ink", "touches the slide's edge".
  public var flags: [String]

  /// A stated score: what it is and its value.
  public struct Score: Sendable, Hashable, Codable {
    public var name: String
    public var value: Double
    public init(name: String, value: Double) {
      self.name = name
      self.value = value
    }
  }

  public init(
    slide: EvidenceID, rect: LevelZeroRect, polygon: [LevelZeroPoint]? = nil, label: String, rank: Int? = nil,
    score: Score? = nil, flags: [String] = []
  ) {
    self.slide = slide
    self.rect = rect
    self.polygon = polygon
    self.label = label
    self.rank = rank
    self.score = score
    self.flags = flags
  }
}

/// A region rendered at a scale.
public struct View: Sendable, Hashable, Codable {
  public var region: EvidenceID
  /// µm per pixel of the picture; nil when the slide has no scale.
  public var micronsPerPixel: Double?
  public var width: Int
  public var height: Int
  /// SHA-256 of the decoded RGB bytes, row by row, before any drawing.
  public var pixelSha256: SHA256Hex
  /// The picture, as an artefact by hash (PNG).
  public var imageSha256: SHA256Hex?
  public var caption: String

  public init(
    region: EvidenceID, micronsPerPixel: Double?, width: Int, height: Int, pixelSha256: SHA256Hex,
    imageSha256: SHA256Hex?, caption: String
  ) {
    self.region = region
    self.micronsPerPixel = micronsPerPixel
    self.width = width
    self.height = height
    self.pixelSha256 = pixelSha256
    self.imageSha256 = imageSha256
    self.caption = caption
  }
}

/// A difference or ratio of two measurements, computed by the daemon.
public struct Comparison: Sendable, Hashable, Codable {
  public var left: EvidenceID
  public var right: EvidenceID
  /// left ÷ right; nil when right is zero.
  public var ratio: Double?
  /// left − right in the measurements' unit.
  public var difference: Double
  public var unit: UCUMUnit
  /// Whether both intervals are known and do not meet.
  public var intervalsSeparate: Bool?

  public init(
    left: EvidenceID, right: EvidenceID, ratio: Double?, difference: Double, unit: UCUMUnit, intervalsSeparate: Bool?
  ) {
    self.left = left
    self.right = right
    self.ratio = ratio
    self.difference = difference
    self.unit = unit
    self.intervalsSeparate = intervalsSeparate
  }
}

/// A description in a model's or a tool's own words; a stranger's text.
public struct Description: Sendable, Hashable, Codable {
  public var text: String
  public var view: EvidenceID?
  public init(text: String, view: EvidenceID?) {
    self.text = text
    self.view = view
  }
}

/// A file made by a tool, kept by hash.
public struct Artefact: Sendable, Hashable, Codable {
  /// A file name for people, such as `nuclei.geojson`.
  public var name: String
  public var mediaType: String
  public var sizeBytes: Int
  public var sha256: SHA256Hex
  /// What it shows.
  public var caption: String
  public init(name: String, mediaType: String, sizeBytes: Int, sha256: SHA256Hex, caption: String) {
    self.name = name
    self.mediaType = mediaType
    self.sizeBytes = sizeBytes
    self.sha256 = sha256
    self.caption = caption
  }
}

/// A number quoted from the question or the notes; never a result.
public struct Quote: Sendable, Hashable, Codable {
  public var text: String
  /// `question` or `notes`.
  public var source: String
  public init(text: String, source: String) {
    self.text = text
    self.source = source
  }
}

// The shapes of arguments that several of the built-in tools take.
// What must stay true: an id has the form of evidence ids; the host checks that the call was given it.

import JSON

/// Schemas of arguments that several tools take.
enum ArgumentSchema {
  static let slide: Schema = .string(
    pattern: "^s[1-9][0-9]{0,9}$",
    description: "Which slide, by its evidence id; may be left out when the case has one.")
  static let region: Schema = .string(
    pattern: "^r[1-9][0-9]{0,9}$", description: "A region, by its evidence id.")
  static let rect: Schema = .object(
    [
      .required("x", .integer(min: -2_147_483_648, max: 2_147_483_647, description: "Left edge.")),
      .required("y", .integer(min: -2_147_483_648, max: 2_147_483_647, description: "Top edge.")),
      .required("width", .integer(min: 0, max: 2_147_483_647, description: "Extent to the right.")),
      .required("height", .integer(min: 0, max: 2_147_483_647, description: "Extent downwards.")),
    ], description: "A rectangle in level-0 pixels.")
}

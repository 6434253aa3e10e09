// Values to the JSON that is recorded or answered, and back.
// What must stay true: a value that has no JSON is not lost in silence: what kept it from being written stands in its
// place, as in a turn's own events.

import JSON

/// The JSON of a value that always has one: its numbers are finite and its keys are plain; a number that is not finite in
/// a stranger's result was refused at the door. Should one have none, that is said instead.
func json(_ value: some Encodable) -> JSONValue {
  do {
    return try encodeJSON(value)
  } catch {
    return ["unencodable": .string(error.message)]
  }
}

/// A value from a recorded payload; nil when it was redacted or belongs to a newer version.
func decoded<T: Decodable>(_ type: T.Type, _ payload: JSONValue?) -> T? {
  payload.flatMap { try? decodeJSON(type, from: $0) }
}

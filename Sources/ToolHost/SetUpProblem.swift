// Why a sandbox could not be set up, in words of our own.
// What must stay true: nothing of what bubblewrap or the launcher wrote is repeated. It names the files it was to show,
// and a slide's name may be a patient's; the text itself goes to the log, at level trace alone.

/// The kinds of problem there are.
enum SetUpProblem: Sendable, Hashable, CaseIterable {
  case missing, permission, wrongKind, exhausted, other

  /// The kind that a program's last words tell of; nil when they tell of none.
  init?(_ said: String) {
    let phrases: [(SetUpProblem, [String])] = [
      (.missing, ["Can't find source path", "No such file or directory", "Not a directory"]),
      (.permission, ["Permission denied", "Operation not permitted", "No permissions to create"]),
      (.wrongKind, ["Exec format error"]),
      (
        .exhausted,
        [
          "Resource temporarily unavailable", "Cannot allocate memory", "No space left on device",
          "Too many open files",
        ]
      ),
    ]
    let found = phrases.first { _, words in words.contains { said.contains($0) } }
    guard let found else { return nil }
    self = found.0
  }

  /// What happened.
  var words: String {
    switch self {
    case .missing: "a file or folder it needs is not there"
    case .permission: "the system does not permit it"
    case .wrongKind: "its program is of a kind that this machine does not run"
    case .exhausted: "the machine has no memory, processes or disk space left for it"
    case .other: "bubblewrap ended before the tool began"
    }
  }

  /// What to do.
  var advice: String {
    switch self {
    case .missing: "Look whether the slide and the tool are still in place, and open the case again."
    case .permission: "Look whether the daemon's user may read the slide and make user namespaces."
    case .wrongKind: "Give a program for this processor, or a script with its interpreter in the first line."
    case .exhausted: "Try again when less is running."
    case .other: "The daemon's log holds its words at level trace."
    }
  }
}

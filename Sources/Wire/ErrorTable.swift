// The one table of errors: each id with its JSON-RPC code, the exit code of `vpath`, and whether a retry may help.
// What must stay true: every ErrorID has exactly one row; codes of our own are positive; no error ends `vpath` with 0.
// A tool's error inside a turn ends nothing: the planner decides, and the turn's own end gives the exit code.

public import Domain
import JSON

/// A row of the table.
public struct ErrorRow: Sendable, Hashable {
  public var id: ErrorID
  /// Nil where the id never travels as a JSON-RPC error.
  public var code: Int?
  /// sysexits(3) where it has a word for it; never 0.
  public var exitCode: Int32
  /// Whether the same call may succeed later.
  public var retryable: Bool
  /// What it means, for the reference page.
  public var meaning: String
}

/// The table.
public enum ErrorTable {
  /// The row of an id.
  public static func row(_ id: ErrorID) -> ErrorRow {
    func row(_ code: Int?, _ exit: Int32, retry: Bool = false, _ meaning: String) -> ErrorRow {
      ErrorRow(id: id, code: code, exitCode: exit, retryable: retry, meaning: meaning)
    }
    return switch id {
    case .protocolParse: row(-32700, 65, "The line is no JSON; the message gives line, column and byte.")
    case .protocolRequest: row(-32600, 65, "The JSON is no JSON-RPC 2.0 message.")
    case .protocolMethod: row(-32601, 65, "No such method.")
    case .protocolParams: row(-32602, 65, "The parameters do not match the method's schema.")
    case .cliUsage: row(nil, 64, "The command line was not understood.")
    case .serverOverloaded: row(1001, 75, retry: true, "A queue is full; nothing was lost. Try again later.")
    case .serverDraining: row(1002, 75, retry: true, "The daemon is stopping. Try again when it is back.")
    case .serverUnreachable: row(nil, 69, retry: true, "No daemon answers on the socket.")
    case .caseNotFound: row(1051, 66, "No such case, or not yours.")
    case .turnNotFound: row(1052, 66, "No such turn, or not yours.")
    case .evidenceNotFound: row(1053, 66, "No such evidence or bytes in this case.")
    case .slideNotFound: row(1101, 66, "No file there.")
    case .slideUnsupported: row(1102, 65, "The file is no slide that the decoder knows.")
    case .slideDamaged: row(1103, 65, "The file is a slide, but some of it cannot be decoded.")
    case .slideNotAllowed: row(1104, 77, "The file is outside the directories that the operator allows.")
    case .slideNoScale: row(1105, 65, "The slide has no usable µm per pixel.")
    case .regionOutOfBounds: row(1111, 65, "The region is empty or not on the slide.")
    case .regionTooLarge: row(1112, 65, "The region has more pixels than the limit.")
    case .toolNotFound: row(1201, 66, "No such tool is installed.")
    case .toolBadManifest: row(1202, 78, "The tool's manifest breaks its contract.")
    case .toolFailed: row(1211, 70, "The tool ended with an error.")
    case .toolTimedOut: row(1212, 75, "The tool ran longer than its limit.")
    case .toolLimit: row(1213, 70, "The tool went over a limit of memory, output or files.")
    case .toolBadOutput: row(1214, 76, "The tool's result breaks its contract.")
    case .policyDenied: row(1301, 77, "The policy does not permit it.")
    case .sandboxUnavailable: row(1401, 71, "The sandbox cannot be set up, so no tool runs.")
    case .modelUnavailable: row(1501, 69, retry: true, "No planner answers.")
    case .modelContextFull: row(1502, 65, "The question with its evidence does not fit the model.")
    case .traceWriteFailed: row(1601, 74, retry: true, "The trace could not be written; nothing was done.")
    case .traceTampered: row(1602, 65, "The trace was changed; the message names the first bad event.")
    case .cancelled: row(1701, 130, "It was cancelled.")
    case .internalBug: row(-32603, 70, "A defect of this program. Please report it with the trace id.")
    }
  }
}

extension VPathError {
  /// As a JSON-RPC error; ids without a code of their own become `internal.bug`'s.
  public var rpc: RPCError {
    var data: [String: JSONValue] = ["id": .string(id.rawValue)]
    data["retryable"] = .bool(retryable || ErrorTable.row(id).retryable)
    if let traceId { data["traceId"] = .string(traceId) }
    if let subject { data["subject"] = .string(subject) }
    return RPCError(code: ErrorTable.row(id).code ?? -32603, message: message, data: .object(data))
  }
}

extension RPCError {
  /// The error as the client's own type; an id it does not know becomes `internal.bug`.
  public var asVPathError: VPathError {
    VPathError(
      data?["id"]?.stringValue.flatMap(ErrorID.init(rawValue:)) ?? .internalBug, message,
      subject: data?["subject"]?.stringValue, retryable: data?["retryable"]?.boolValue ?? false,
      traceId: data?["traceId"]?.stringValue)
  }
}

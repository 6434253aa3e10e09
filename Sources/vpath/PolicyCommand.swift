// `vpath policy`: check a policy file, and say what it would decide.
// What must stay true: both work without a daemon; a file that would be refused ends with a message that names line
// and rule.

import ArgumentParser
import Domain
import JSON
import Policy
import Setup
import SystemPackage
import Wire

#if canImport(Glibc)
  import Glibc
#endif

struct PolicyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: "Check a policy file, and ask what it would decide.",
    discussion: """
      EXAMPLES
        vpath policy check policies/default.yaml
        vpath policy explain --action case.open
      """,
    subcommands: [Check.self, Explain.self])

  /// Largest policy file.
  static let maxBytes = 1 << 20

  /// Reads a policy file. Throws `cli.usage` with line and rule.
  static func load(_ path: String?) throws(VPathError) -> Policy {
    let file: FilePath
    if let path {
      file = FilePath(path)
    } else if let own = ResourceDirectory.runningExecutable(), let resources = ResourceDirectory.find(executable: own) {
      file = resources.appending("policies/default.yaml")
    } else {
      throw VPathError(.cliUsage, "The product's policy was not found. Name a policy file.")
    }
    let text: String
    do {
      text = try BoundedFile.text(file, maxBytes: maxBytes)
    } catch {
      throw VPathError(.cliUsage, "The policy cannot be read: \(error.reason).", subject: file.lastComponent?.string)
    }
    do {
      return try Policy.load(yaml: text)
    } catch {
      throw VPathError(.cliUsage, "The policy is refused as a whole: \(error).", subject: file.lastComponent?.string)
    }
  }

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Read a policy file and check every example in it.",
      discussion: "EXAMPLE\n  vpath policy check policies/default.yaml")
    @Argument(help: "The file; the product's own when left out.") var file: String?
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      let policy = try PolicyCommand.load(file)
      if json {
        Terminal.print(
          JSONValue.object([
            "digest": .string(policy.digest.rawValue), "rules": .array(policy.rules.map { .string($0.id) }),
          ]).prettyString())
        return
      }
      Terminal.print("\(policy.rules.count) rules, every example as it says; digest \(policy.digest)")
      for rule in policy.rules {
        Terminal.print("  \(rule.effect.rawValue)  \(rule.id): \(Terminal.printable(rule.why))")
      }
    }
  }

  struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say what a policy decides about a call, and what each rule has to do with it.",
      discussion: """
        EXAMPLE
          vpath policy explain --action tool.call --resource '{"tool":"x","needs":"slide","network":true}' --kind planner
        """)
    @Option(help: "The policy file; the product's own when left out.") var file: String?
    @Option(help: "The action, such as tool.call.") var action: String
    @Option(help: "What it is done with, as JSON.") var resource = "{}"
    @Option(help: "client, planner, daemon or tool.") var kind = "client"
    @Option(help: "The user who asks (default: you).") var uid: UInt32?
    @Option(help: "The user who opened the case (default: you).") var owner: UInt32?
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      let policy = try PolicyCommand.load(file)
      guard let kind = Principal.Kind(rawValue: kind) else {
        throw VPathError(.cliUsage, "--kind \(kind) is none of client, planner, daemon, tool.", subject: "kind")
      }
      let resource: JSONValue
      do {
        resource = try JSONValue.parse(self.resource)
      } catch {
        throw VPathError(.cliUsage, "--resource is no JSON: \(error.message).", subject: "resource")
      }
      let call = PolicyCall(action: action, resource: resource.objectValue ?? [:], arguments: [:])
      let principal = Principal(uid: uid ?? getuid(), gid: getgid(), pid: nil, kind: kind)
      let context = PolicyContext(
        caseID: CaseID("case-example"), caseOwnerUID: owner ?? getuid(),
        daemonUID: getuid())
      let decision = policy.decide(call, principal: principal, context: context)
      let rules = policy.explain(call, principal: principal, context: context)
      if json {
        Terminal.print(
          JSONValue.object(["decision": try encodeJSON(decision), "rules": try encodeJSON(rules)]).prettyString())
        return
      }
      Terminal.print("\(decision.effect.rawValue): \(decision.why)")
      for rule in rules {
        Terminal.print("  \(rule.holds ? "holds" : "does not hold")  \(rule.rule): \(Terminal.printable(rule.reason))")
      }
    }
  }
}

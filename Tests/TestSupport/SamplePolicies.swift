// Policies for tests.

import Domain
public import Policy

/// Small policies.
public enum SamplePolicies {
  /// Permits every call of a tool, on a kept process too.
  public static func permitting() throws -> Policy {
    try Policy.load(yaml: permitRule)
  }

  /// Permits every call of a tool, and everything to be sent to a model.
  public static func permittingModels() throws -> Policy {
    try Policy.load(yaml: permitRule.replacing("[tool.call, tool.keep]", with: "[tool.call, tool.keep, model.request]"))
  }

  /// The same as permitting, and that tool may run without a sandbox.
  public static func permittingUnsandboxed(_ tool: String) throws -> Policy {
    try Policy.load(
      yaml: permitRule + """
          - id: unsandboxed
            effect: permit
            action: tool.unsandboxed
            when:
              resource: {tool: \(tool)}
            why: tests
            examples:
              match:
                - {call: {action: tool.unsandboxed, resource: {tool: \(tool)}}, principal: {kind: daemon, uid: 1}}
              noMatch:
                - {call: {action: tool.unsandboxed, resource: {tool: other}}, principal: {kind: daemon, uid: 1}}

        """)
  }

  /// Permits calls of tools, and no process to be kept.
  public static func keepingNothing() throws -> Policy {
    try Policy.load(yaml: permitRule.replacing("[tool.call, tool.keep]", with: "tool.call"))
  }

  /// Permits every call of a tool but of these.
  public static func forbidding(_ tools: String...) throws -> Policy {
    let rules = tools.map { tool in
      """
        - id: no-\(tool)
          effect: forbid
          action: tool.call
          when:
            resource: {tool: \(tool)}
          why: not on this machine
          examples:
            match:
              - {call: {action: tool.call, resource: {tool: \(tool)}}, principal: {kind: planner, uid: 1}}
            noMatch:
              - {call: {action: tool.call, resource: {tool: another-tool}}, principal: {kind: planner, uid: 1}}

      """
    }
    return try Policy.load(yaml: permitRule + rules.joined())
  }

  private static let permitRule = """
    version: 1
    rules:
      - id: tools
        effect: permit
        action: [tool.call, tool.keep]
        why: tests
        examples:
          match:
            - {call: {action: tool.call}, principal: {kind: planner, uid: 1}}
          noMatch:
            - {call: {action: case.open}, principal: {kind: planner, uid: 1}}

    """
}

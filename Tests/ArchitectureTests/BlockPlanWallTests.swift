import Testing

/// What a block consists of is said by its plan: outside the architectures nobody lists layers or names norms, so that
/// a family with another kind of block is one file.
@Suite struct BlockPlanWallTests {
  /// Where blocks are described and run.
  private static let inside = [
    "Sources/Models/Architectures/", "Sources/Models/Plan/", "Sources/Models/Forward/",
    "Sources/Models/DecoderBlock.swift",
  ]

  private func offences(_ pattern: Regex<Substring>) throws -> [String] {
    try SourceTree.files("Sources", suffix: ".swift")
      .filter { path in !Self.inside.contains { path.hasPrefix($0) } }
      .flatMap { path in
        try SourceTree.lines(path).enumerated()
          .filter { !$0.element.drop { $0 == " " }.hasPrefix("//") && $0.element.contains(pattern) }
          .map { "\(path):\($0.offset + 1): \($0.element)" }
      }
  }

  @Test func nobodyAsksForAllRolesOrNorms() throws {
    #expect(try offences(/(?:Projection|BlockNorm)\.(?:Kind\.)?allCases/) == [])
  }

  @Test func nobodyListsRoles() throws {
    // Two of them in a row, or one at the head of a typed list.
    let pattern =
      /\[(?:Projection)?\.(?:q|k|v|o|gate|up|down)(?:\]|, \.)|Projection\] = \[|[ (]\.(?:q|k|v|gate), \.(?:k|v|o|up|down)\b/
    #expect(try offences(pattern) == [])
  }

  @Test func nobodyNamesNorms() throws {
    let pattern =
      /BlockNorm\.[a-z]|norm\(\.|norms: \[\.|\[\.(?:attention|feedForward)(?:Output)?\]|norm == \.|openedBy: \./
    #expect(try offences(pattern) == [])
  }
}

import Planning
import Testing

/// The table of what other runtimes execute.
@Suite struct RuntimeTableTests {
  @Test func everyRowNamesItsSourceAndDate() {
    let rows = RuntimeTable.rows
    #expect(Set(rows.map(\.runtime)).count >= 9)
    for row in rows {
      #expect(row.source.count > 10, "\(row)")
      let isNamed = ["code: ", "docs.", "documents of "].contains { row.source.hasPrefix($0) }
      #expect(isNamed, "\(row.source)")
      #expect(row.asOf.count == 10, "\(row)")
      #expect(!row.what.isEmpty)
      // What is not native says why.
      #expect(row.support == .native || !row.constraint.isEmpty, "\(row)")
    }
    for part in RuntimePart.allCases { #expect(rows.contains { $0.part == part }) }
  }
}

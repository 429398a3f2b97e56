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
    // What a witness has kept here names it, its version and the day.
    let confirmed = rows.compactMap(\.confirmed)
    #expect(!confirmed.isEmpty)
    for words in confirmed {
      #expect(words.contains { $0.isNumber } && words.hasSuffix("2026-11-30"), "\(words)")
    }
    #expect(rows.allSatisfy { $0.confirmed == nil || $0.support != .refused })
    for part in RuntimePart.allCases { #expect(rows.contains { $0.part == part }) }
  }
}

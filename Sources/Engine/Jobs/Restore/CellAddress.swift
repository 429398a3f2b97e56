/// A cell of an error map.
package struct CellAddress: Hashable, Sendable, Codable {
  package var row: Int
  package var column: Int

  package init(row: Int, column: Int) {
    self.row = row
    self.column = column
  }
}

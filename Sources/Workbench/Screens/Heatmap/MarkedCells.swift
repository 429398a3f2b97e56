package import Engine
import Models
package import Quantization

/// Cells of a map as names, and as exceptions of a recipe.
extension ErrorMap {
  /// Exceptions that leave cells in FP, as few as say it: a whole column or row is one.
  package func exceptions(for cells: Set<CellAddress>) -> [LayerException] {
    var left = cells
    var found: [LayerException] = []
    for (role, experts) in mixtures {
      let whole = rows.indices.flatMap { row in
        experts.map { CellAddress(row: row, column: $0) }
      }
      guard !whole.isEmpty, left.isSuperset(of: whole) else { continue }
      left.subtract(whole)
      found.append(LayerException(blocks: nil, projection: role, treatment: .fp))
    }
    for (column, name) in columns.enumerated() {
      let whole = rows.indices.map { CellAddress(row: $0, column: column) }
      guard let projection = Projection(rawValue: name), !whole.isEmpty,
        left.isSuperset(of: whole)
      else { continue }
      left.subtract(whole)
      found.append(LayerException(blocks: nil, projection: projection, treatment: .fp))
    }
    for row in rows.indices {
      let whole = columns.indices.map { CellAddress(row: row, column: $0) }
      // What a column holds already need not be said again.
      guard cells.isSuperset(of: whole), left.contains(where: { $0.row == row }) else { continue }
      left.subtract(whole)
      found.append(LayerException(blocks: row...row, projection: nil, treatment: .fp))
    }
    for row in rows.indices {
      for (role, experts) in mixtures {
        let whole = experts.map { CellAddress(row: row, column: $0) }
        guard left.isSuperset(of: whole) else { continue }
        left.subtract(whole)
        found.append(LayerException(blocks: row...row, projection: role, treatment: .fp))
      }
    }
    for cell in left.sorted(by: { ($0.row, $0.column) < ($1.row, $1.column) }) {
      guard columns.indices.contains(cell.column), rows.indices.contains(cell.row),
        let projection = Projection(rawValue: columns[cell.column])
      else { continue }
      found.append(LayerException(LinearID(block: cell.row, projection: projection), .fp))
    }
    return found
  }

  /// The roles that several experts have, with the columns of these.
  private var mixtures: [(role: Projection, columns: [Int])] {
    var found: [(role: Projection, columns: [Int])] = []
    for (column, name) in columns.enumerated() {
      guard let role = Projection(rawValue: name), role.expert != nil else { continue }
      let kind = Projection(role.kind)
      if let place = found.firstIndex(where: { $0.role == kind }) {
        found[place].columns.append(column)
      } else {
        found.append((kind, [column]))
      }
    }
    return found
  }

  /// The names of cells: `5.down`, `*.v` for a whole column, `5.*` for a whole row.
  func names(of cells: Set<CellAddress>) -> [String] {
    let exceptions = exceptions(for: cells)
    guard exceptions.isEmpty else {
      return exceptions.map { String($0.description.prefix { $0 != "=" }) }
    }
    return cells.sorted { ($0.row, $0.column) < ($1.row, $1.column) }
      .map { name($0.row, $0.column) }
  }

  /// `5.down`.
  func name(_ row: Int, _ column: Int) -> String {
    let first = rows.indices.contains(row) ? rows[row] : "?"
    let second = columns.indices.contains(column) ? columns[column] : "?"
    return "\(first).\(second)"
  }
}

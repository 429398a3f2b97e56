import Engine
import Models

/// An error map as it is drawn: that of a mixture has a column for each role, or is that of one block's experts.
///
/// Jobs, marks and exceptions speak of cells of the whole map, which has a column for each expert.
struct ShownMap {
  let whole: ErrorMap
  let map: ErrorMap
  /// The cells of the whole map that a cell which is drawn stands for, `[row][column]`.
  private let cells: [[[CellAddress]]]
  /// The block whose experts are drawn; nil for all blocks.
  let block: Int?

  /// - Parameter block: the block whose experts are looked at; nil for all blocks.
  init(_ whole: ErrorMap, block: Int? = nil) {
    self.whole = whole
    let experts = Experts(whole)
    guard !experts.roles.isEmpty else {
      map = whole
      self.block = nil
      cells = whole.rows.indices.map { row in
        whole.columns.indices.map { [CellAddress(row: row, column: $0)] }
      }
      return
    }
    var shown = whole
    if let block, whole.rows.indices.contains(block) {
      self.block = block
      shown.title = "experts of block \(whole.rows[block]): \(whole.title)"
      shown.rows = experts.numbers.map { "e\($0)" }
      shown.columns = experts.roles.map(\.name)
      cells = experts.numbers.indices.map { place in
        experts.roles.map { role in
          role.columns.indices.contains(place)
            ? [CellAddress(row: block, column: role.columns[place])] : []
        }
      }
    } else {
      self.block = nil
      shown.title = whole.title + "; of experts the worst"
      shown.columns = experts.others.map { whole.columns[$0] } + experts.roles.map(\.name)
      cells = whole.rows.indices.map { row in
        experts.others.map { [CellAddress(row: row, column: $0)] }
          + experts.roles.map { role in
            role.columns.map { CellAddress(row: row, column: $0) }
          }
      }
    }
    shown.cells = cells.map { row in row.map { Self.worst(of: $0, in: whole) } }
    map = shown
  }

  /// The experts of a map by role: which columns hold them.
  private struct Experts {
    /// Columns that are of no expert.
    var others: [Int] = []
    var roles: [(name: String, columns: [Int])] = []
    var numbers: [Int] = []

    init(_ map: ErrorMap) {
      for (column, name) in map.columns.enumerated() {
        guard let role = Projection(rawValue: name), case .number(let number)? = role.expert else {
          // A router stays as it is: there is nothing to show of it.
          if map.cells.contains(where: { $0.indices.contains(column) && !$0[column].values.isEmpty }
          ) {
            others.append(column)
          }
          continue
        }
        let kind = Projection(role.kind).rawValue
        if let place = roles.firstIndex(where: { $0.name == kind }) {
          roles[place].columns.append(column)
        } else {
          roles.append((kind, [column]))
        }
        if !numbers.contains(number) { numbers.append(number) }
      }
    }
  }

  /// The worst value of some cells by each metric.
  private static func worst(of cells: [CellAddress], in map: ErrorMap) -> ErrorMap.Cell {
    let found = cells.compactMap { address -> ErrorMap.Cell? in
      map.cells.indices.contains(address.row)
        && map.cells[address.row].indices.contains(address.column)
        ? map.cells[address.row][address.column] : nil
    }
    guard found.count > 1 else { return found.first ?? ErrorMap.Cell(values: [:]) }
    var values: [ErrorMap.Metric: Double] = [:]
    // GPTQ's own sum says nothing across layers.
    for metric in map.metrics where metric != .rawLoss {
      let all = found.compactMap { $0.values[metric] }
      values[metric] = metric.isWorseWhenLarger ? all.max() : all.min()
    }
    let fallbacks = found.compactMap(\.fallback)
    return ErrorMap.Cell(
      values: values,
      fallback: fallbacks.first.map { "\(fallbacks.count) of \(found.count) experts: \($0)" })
  }

  /// The cells of the whole map under one that is drawn.
  func addresses(_ row: Int, _ column: Int) -> [CellAddress] {
    cells.indices.contains(row) && cells[row].indices.contains(column) ? cells[row][column] : []
  }

  /// The one cell that is drawn here; nil for several.
  func address(_ row: Int, _ column: Int) -> CellAddress? {
    let all = addresses(row, column)
    return all.count == 1 ? all[0] : nil
  }

  /// `1.gate-3`; `1.gate, 8 experts` for several.
  func name(_ row: Int, _ column: Int) -> String {
    if let address = address(row, column) { return whole.name(address.row, address.column) }
    let count = addresses(row, column).count
    return map.name(row, column) + (count > 1 ? ", \(count) experts" : "")
  }

  /// Whether experts lie under a cell, to be looked at one by one.
  func holdsExperts(_ row: Int, _ column: Int) -> Bool { addresses(row, column).count > 1 }

  /// The places that are drawn of which all cells are among some.
  func places(of marked: (CellAddress) -> Bool) -> Set<CellAddress> {
    var places: Set<CellAddress> = []
    for (row, columns) in cells.enumerated() {
      for (column, under) in columns.enumerated()
      where !under.isEmpty && under.allSatisfy(marked) {
        places.insert(CellAddress(row: row, column: column))
      }
    }
    return places
  }

  /// The row of the worst cell of a column.
  func worstRow(_ column: Int, by metric: ErrorMap.Metric) -> Int {
    let values = map.cells.enumerated().compactMap { row, cells -> (row: Int, value: Double)? in
      guard cells.indices.contains(column), let value = cells[column].values[metric] else {
        return nil
      }
      return (row, metric.isWorseWhenLarger ? value : -value)
    }
    return values.max { ($0.value, -$0.row) < ($1.value, -$1.row) }?.row ?? 0
  }
}

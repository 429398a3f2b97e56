import Models
import Operators
import Profiling
import TerminalUI
import Wording

/// Operators by block: rows of a profile laid out in a grid.
struct LayerGrid {
  /// One operator of one block: what it sums, and what most of its time is bound by.
  struct Cell {
    var rows: [LayerProfile.Row] = []

    var seconds: Double { rows.reduce(0) { $0 + $1.seconds } }
    /// The row with most time.
    var main: LayerProfile.Row? { rows.max { $0.seconds < $1.seconds } }
  }

  /// -1 outside the blocks.
  let blocks: [Int]
  let columns: [String]
  /// `[blocks][columns]`.
  let cells: [[Cell]]

  /// The order of the forward pass; what is not here comes after.
  private static let order = [
    "norm", "q", "k", "v", "hnorm", "rope", "cache", "attn", "o", "gate", "up", "act", "down",
    "head",
  ]

  init(_ rows: [LayerProfile.Row]) {
    let blocks = Set(rows.map(\.block)).sorted()
    var names: [String] = []
    for row in rows {
      let name = Self.column(of: row)
      if !names.contains(name) { names.append(name) }
    }
    let columns =
      Self.order.filter { names.contains($0) } + names.filter { !Self.order.contains($0) }
    var cells = [[Cell]](
      repeating: [Cell](repeating: Cell(), count: columns.count), count: blocks.count)
    for row in rows {
      guard let line = blocks.firstIndex(of: row.block),
        let column = columns.firstIndex(of: Self.column(of: row))
      else { continue }
      cells[line][column].rows.append(row)
    }
    self.blocks = blocks
    self.columns = columns
    self.cells = cells
  }

  /// The column of an operator, in a few letters.
  private static func column(of row: LayerProfile.Row) -> String {
    let name = row.name
    if name.hasSuffix("_proj") { return String(name.dropLast(5)) }
    if row.operator.hasPrefix("linear") { return row.block < 0 ? "head" : name }
    if name.hasPrefix("attention") { return "attn" }
    if name.hasPrefix("cache") { return "cache" }
    switch name {
    case "rms_norm", "add_rms_norm": return "norm"
    case "head_rms_norm": return "hnorm"
    case "swiglu": return "act"
    default: return name
    }
  }

  /// The place of the cursor.
  func row(_ view: ProfileScreen.View) -> Int { view.layer.clamped(0, max(0, blocks.count - 1)) }
  func column(_ view: ProfileScreen.View) -> Int {
    view.column.clamped(0, max(0, columns.count - 1))
  }
}

/// Time of each operator in each block as colours, and what bounds the one under the cursor.
struct LayerPanel: Widget {
  /// What each operator of each block did in the phase that is looked at.
  var rows: [LayerProfile.Row]
  var view: ProfileScreen.View
  var baseline: BaselineWords

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let who = view.showsBaseline ? baseline.long : "quantized"
    let room = buffer.box(
      StyledText("by layer: \(view.phase.words), \(who)"), in: rect, look: look,
      trailing: Self.bounds(rows),
      footer: .hint("thousandths of the time  ") + .press("i", "all kernels"), isFocused: true)
    guard !rows.isEmpty else {
      buffer.draw(
        Paragraph(.hint("This run was measured without layers; m measures again.")), in: room,
        look: look)
      return
    }
    let grid = LayerGrid(rows)
    let total = max(rows.reduce(0) { $0 + $1.seconds }, 1e-12)
    let (map, lines) = room.splitBottom(2)
    let row = grid.row(view)
    let column = grid.column(view)
    buffer.draw(
      Heatmap(
        rows: grid.blocks.count, columns: grid.columns.count,
        // Shares of the time in tenths of a percent, so that figures are short.
        values: grid.cells.flatMap { $0 }.map {
          $0.rows.isEmpty ? .nan : $0.seconds / total * 1000
        },
        rowLabels: grid.blocks.map { $0 < 0 ? "–" : "\($0)" }, columnLabels: grid.columns,
        scale: .logarithmic, numbers: .significant,
        cursor: Heatmap.Place(row: row, column: column)), in: map, look: look)
    let cell = grid.cells[row][column]
    let place = grid.blocks[row] < 0 ? "outside" : "block \(grid.blocks[row])"
    guard let main = cell.main else {
      buffer.line(.hint("\(place) has no \(grid.columns[column])"), in: lines.row(0), look: look)
      return
    }
    let share = cell.seconds / total
    buffer.line(
      .strong("\(place) \(main.name)") + " "
        + .dim("\(main.kernel): ")
        + StyledText(
          "\(Self.time(cell.seconds)), \(Quantity.percent(share, 1)) of the time"
        ),
      in: lines.row(0), look: look)
    buffer.line(Self.words(main), in: lines.row(1), look: look)
  }

  private static func time(_ seconds: Double) -> String {
    seconds < 1e-3
      ? "\(Quantity.significant(seconds * 1e6, 2)) µs" : Quantity.seconds(seconds)
  }

  /// What an operator reaches of its roofs, and what that says.
  private static func words(_ row: LayerProfile.Row) -> StyledText {
    let seconds = max(row.seconds, 1e-12)
    let bound: StyledText =
      switch row.bound {
      case .memory: .good("bound by memory")
      case .compute: .good("bound by computing")
      case .overhead: .warn("bound by neither: overhead")
      }
    return bound
      + .dim(
        "  \(Quantity.rate(row.bytes / seconds, "B/s")) = \(Quantity.percent(row.bandwidthShare)) of reading, "
          + "\(Quantity.rate(row.operations / seconds, "op/s")) = \(Quantity.percent(row.rateShare)) of multiplying"
      )
  }

  /// What the time of all operators is bound by.
  private static func bounds(_ rows: [LayerProfile.Row]) -> StyledText {
    let total = rows.reduce(0) { $0 + $1.seconds }
    guard total > 0 else { return "" }
    func share(_ bound: LayerProfile.Bound) -> String {
      Quantity.percent(rows.reduce(0) { $1.bound == bound ? $0 + $1.seconds : $0 } / total)
    }
    return .hint(
      "memory \(share(.memory)) computing \(share(.compute)) overhead \(share(.overhead))")
  }
}

/// The memory this process holds, by kind, as measured.
struct ProcessPanel: Widget {
  var memory: ProcessMemoryUse

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "memory of this process", in: rect, look: look,
      trailing: .hint("\(Quantity.bytes(Double(memory.residentBytes)))"),
      footer: .hint("\(Quantity.bytes(memory.hugePageBytes)) in huge pages"))
    for (index, kind) in shown(room.height).enumerated() {
      let columns = room.row(index).columns([.fill(), .fixed(9)], spacing: 1)
      buffer.line(StyledText(kind.name, .series(index)), in: columns[0], look: look)
      buffer.line(StyledText(Quantity.bytes(kind.bytes)), in: columns[1], look: look, .right)
    }
  }

  /// As many kinds as there are lines; where there are more, the smallest are one.
  private func shown(_ lines: Int) -> [ProcessMemoryUse.Kind] {
    guard memory.kinds.count > lines, lines > 1 else { return memory.kinds }
    let small = Set(
      memory.kinds.indices.sorted { memory.kinds[$0].bytes < memory.kinds[$1].bytes }
        .prefix(memory.kinds.count - lines + 1))
    return memory.kinds.indices.filter { !small.contains($0) }.map { memory.kinds[$0] } + [
      ProcessMemoryUse.Kind(
        name: "\(small.count) smaller ones",
        bytes: small.reduce(0) { $0 + memory.kinds[$1].bytes })
    ]
  }
}

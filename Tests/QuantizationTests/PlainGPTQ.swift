import Quantization

/// GPTQ in float64, a row and a column at a time, without blocks of updates.
///
/// Each correction is the optimal one from the inverse of what is left of the Hessian (Frantar et al. 2022).
/// The inverse is found by Gauss-Jordan elimination and shrunk by a column after each step, so nothing is
/// shared with the factorization under test. Only which weights a group's grid sees follows the reference.
enum PlainGPTQ {
  struct Result {
    var values: [Double]
    var groupIndex: [Int]
    var loss: Double
  }

  static func quantize(_ layer: Layer, _ options: GPTQ.Options) -> Result {
    let (rows, columns) = (layer.rows, layer.columns)
    let size = options.group ?? columns
    let isStatic = options.hasStaticGroups || options.group == nil
    var hessian = (0..<columns).map { row in
      (0..<columns).map { Double(layer.hessian[row * columns + $0]) }
    }
    let dead = (0..<columns).map { hessian[$0][$0] == 0 }
    for column in 0..<columns where dead[column] { hessian[column][column] = 1 }
    let diagonal = (0..<columns).map { hessian[$0][$0] }
    let order =
      options.ordersByActivation
      ? (0..<columns).sorted { diagonal[$0] > diagonal[$1] } : Array(0..<columns)
    let mean = diagonal.reduce(0, +) / Double(columns)
    let damped = order.map { row in
      order.map { hessian[row][$0] + (row == $0 ? options.damping * mean : 0) }
    }
    let stages = inverses(damped)
    var result = Result(
      values: [Double](repeating: 0, count: rows * columns),
      groupIndex: [Int](repeating: 0, count: columns), loss: 0)
    for (position, column) in order.enumerated() {
      result.groupIndex[column] = (isStatic ? column : position) / size
    }
    for row in 0..<rows {
      let source = Array(layer.weights[row * columns..<(row + 1) * columns])
      let clean = source.enumerated().map { dead[$0.offset] ? 0 : $0.element }
      var values = order.map { Double(clean[$0]) }
      // What a grid sees: weights as of the last block that is finished.
      var seen = values
      let base = options.group == nil ? source : clean
      var grids = stride(from: 0, to: columns, by: size).map { first in
        FormulaGrid(options.grid, Array(base[first..<min(first + size, columns)]))
      }
      for position in 0..<columns {
        if position % options.block == 0 { seen = values }
        if !isStatic, position % size == 0 {
          let part = seen[position..<min(position + size, columns)].map { Float($0) }
          grids[position / size] = FormulaGrid(options.grid, part)
        }
        let column = order[position]
        let grid = grids[(isStatic ? column : position) / size]
        let code = grid.code(values[position])
        let rounded = grid.scale * Double(code - grid.zero)
        let inverse = stages[position]
        let error = (values[position] - rounded) / inverse[0][0]
        result.loss += (values[position] - rounded) * error / 2
        for later in position..<columns { values[later] -= error * inverse[0][later - position] }
        result.values[row * columns + column] = rounded
      }
    }
    return result
  }

  /// The inverses of the matrix without its first rows and columns: none of them, one, two, and so on.
  private static func inverses(_ matrix: [[Double]]) -> [[[Double]]] {
    var stages = [inverse(matrix)]
    while let last = stages.last, last.count > 1 {
      let pivot = last[0]
      stages.append(
        (1..<last.count).map { row in
          (1..<last.count).map { last[row][$0] - last[row][0] * pivot[$0] / pivot[0] }
        })
    }
    return stages
  }

  private static func inverse(_ matrix: [[Double]]) -> [[Double]] {
    let count = matrix.count
    var work = matrix.enumerated().map { row, values in
      values + (0..<count).map { $0 == row ? 1 : 0 }
    }
    for column in 0..<count {
      let pivot = work[column][column]
      for index in 0..<2 * count { work[column][index] /= pivot }
      for row in 0..<count where row != column {
        let factor = work[row][column]
        guard factor != 0 else { continue }
        for index in 0..<2 * count { work[row][index] -= factor * work[column][index] }
      }
    }
    return work.map { Array($0[count...]) }
  }
}

import Models
import Quantization
import Tensors

/// Looks at the planted columns of the layers after norms.
struct PlantedColumns {
  private let isPlanted: Set<Int>

  init(_ channels: [Int]) { isPlanted = Set(channels) }

  /// The root mean square weight of the other columns over that of the planted ones.
  func shrunk(in model: Model) -> Double {
    let sums = sum(model) { Double($0) * Double($0) }
    guard sums.planted > 0 else { return .infinity }
    return OutlierSurvey.Reach.short((sums.elsewhere / sums.planted).squareRoot())
  }

  /// The shares of weights that are 0.
  func zeros(in model: Model) -> (planted: Double, elsewhere: Double) {
    sum(model) { $0 == 0 ? 1 : 0 }
  }

  /// Means of what `value` makes of each weight.
  private func sum(
    _ model: Model, _ value: (Float) -> Double
  ) -> (planted: Double, elsewhere: Double) {
    var sums = (planted: 0.0, elsewhere: 0.0)
    var counts = (planted: 0, elsewhere: 0)
    for block in model.blocks {
      for projection in block.roles where block.plan.norm(readBy: projection) != nil {
        let weight = block[projection].weight
        let flags = (0..<weight.columns).map { isPlanted.contains($0) }
        let values = weight.dequantized()
        for row in 0..<weight.rows {
          for column in 0..<weight.columns {
            let found = value(values[row * weight.columns + column])
            if flags[column] { sums.planted += found } else { sums.elsewhere += found }
          }
        }
        let planted = flags.count { $0 }
        counts.planted += planted * weight.rows
        counts.elsewhere += (weight.columns - planted) * weight.rows
      }
    }
    return (
      sums.planted / Double(max(1, counts.planted)),
      sums.elsewhere / Double(max(1, counts.elsewhere))
    )
  }
}

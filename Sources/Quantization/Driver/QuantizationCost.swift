package import Models

/// The sizes of the linear layers of one block.
package struct BlockSizes: Sendable {
  package let plan: BlockPlan
  /// Output and input channels by projection.
  package let layers: [Projection: (rows: Int, columns: Int)]

  package init(_ plan: BlockPlan) {
    self.plan = plan
    var layers: [Projection: (rows: Int, columns: Int)] = [:]
    for linear in plan.linears { layers[linear.role] = (linear.rows, linear.columns) }
    self.layers = layers
  }

  /// Weights of all layers.
  package var parameters: Int { layers.values.reduce(0) { $0 + $1.rows * $1.columns } }

  /// Input channels of each group of layers that share their input.
  package var inputs: [Int] { plan.inputGroups.compactMap { layers[$0.lead]?.columns } }

  /// Weights of some layers.
  package func parameters(of roles: [Projection]) -> Int {
    roles.reduce(0) { $0 + (layers[$1]?.rows ?? 0) * (layers[$1]?.columns ?? 0) }
  }
}

/// What quantizing one block takes, in units a machine's peaks turn into seconds.
package struct QuantizationCost: Hashable, Sendable {
  /// Passes of all calibration tokens through the block.
  package var passes: Double
  /// Operations in float32 in addition to the passes.
  package var float32: Double
  /// Operations in float64.
  package var float64: Double
  /// Sweeps over all weights of the block that touch each a few times.
  package var sweeps: Double
  /// Bytes held at once in addition to the weights and the live activations.
  package var bytes: Int

  package init(
    passes: Double = 0, float32: Double = 0, float64: Double = 0, sweeps: Double = 0, bytes: Int = 0
  ) {
    self.passes = passes
    self.float32 = float32
    self.float64 = float64
    self.sweeps = sweeps
    self.bytes = bytes
  }

  /// Costs that come one after the other.
  package static func + (left: QuantizationCost, right: QuantizationCost) -> QuantizationCost {
    QuantizationCost(
      passes: left.passes + right.passes, float32: left.float32 + right.float32,
      float64: left.float64 + right.float64, sweeps: left.sweeps + right.sweeps,
      bytes: max(left.bytes, right.bytes))
  }
}

import Evaluation
import Models
import Operators
import Tensors

extension EvaluationReport.Inputs {
  /// What dispatch counted.
  init(_ trace: KernelTrace) {
    self.init()
    var values = 0.0
    var clipped = 0.0
    for (block, record) in trace.blocks.sorted(by: { $0.key < $1.key }) {
      guard let share = record.inputs?.clipShare else { continue }
      values += record.inputs?.values ?? 0
      clipped += record.inputs?.clipped ?? 0
      if share > worstClipShare ?? -1 { (worstBlock, worstClipShare) = (block, share) }
    }
    if values > 0 { clipShare = clipped / values }
    let kernels = trace.kernels
    let columns = kernels.reduce(0) { $0 + ($1.inputs?.columns ?? 0) }
    let apart = kernels.reduce(0) { $0 + ($1.inputs?.outlierColumns ?? 0) }
    if columns > 0 { outlierShare = apart / columns }
  }
}

extension Model {
  /// Whether inputs of layers may be clipped, or are split into two paths.
  var countsInputs: Bool {
    linears.contains { id in
      let activation = self[id].activation
      if case .int8WithOutliers = activation { return true }
      return activation.fixed != nil
    }
  }
}

import DemoModel
import Evaluation
import Models
import Operators
import Platform
import Quantization
import Tensors
import Tokenizers

extension Laboratory {
  /// KL of the quantized model with some cells put back to FP.
  ///
  /// Cells of keys or values put back that side of the whole cache, since a cache has one format a side.
  func restore(
    map index: Int, _ cells: [CellAddress], windows count: Int, _ reporter: JobReporter
  ) throws -> RestoreReport {
    let bench = try bench(for: "putting cells back")
    guard let quantized = bench.quantized, let report = quantized.report,
      report.maps.indices.contains(index)
    else { throw EngineError.nothingQuantized(job: "putting cells back") }
    let map = report.maps[index]
    for cell in cells
    where !map.cells.indices.contains(cell.row)
      || !map.columns.indices.contains(cell.column)
    { throw EngineError.noSuchCell(map: index, row: cell.row, column: cell.column) }
    var model = quantized.model
    var cache = quantized.cache
    if map.target == .kvCache {
      if map.columns.first?.hasPrefix("K") == true { cache.keys = KVFormatPair.fp16.keys }
      if map.columns.first?.hasPrefix("V") == true { cache.values = KVFormatPair.fp16.values }
    } else {
      var originals: [LinearID: Linear] = [:]
      for cell in cells {
        guard let projection = Projection(rawValue: map.columns[cell.column]) else {
          throw EngineError.noSuchCell(map: index, row: cell.row, column: cell.column)
        }
        let id = LinearID(block: cell.row, projection: projection)
        originals[id] = bench.model[id]
      }
      model = try model.replacing(originals)
    }
    let text = try windows(bench, count: count)
    let before = try divergence(bench, quantized.model, quantized.cache, text, reporter)
    let after = try divergence(bench, model, cache, text, reporter)
    let shape = bench.summary.shape
    return RestoreReport(
      cells: cells, klBefore: before, klAfter: after,
      extraBytes: map.target == .kvCache
        ? shape.kvBytesPerToken(cache) - shape.kvBytesPerToken(quantized.cache)
        : model.weightBytes - quantized.model.weightBytes)
  }

  /// KL of each layer alone quantized, as a map.
  func sensitivity(windows count: Int, _ reporter: JobReporter) throws -> ErrorMap {
    let bench = try bench(for: "sensitivity")
    guard let quantized = bench.quantized, let report = quantized.report,
      var map = report.maps.first, map.target != .kvCache, map.metrics.contains(.relativeError)
    else { throw EngineError.nothingQuantized(job: "the KL of each layer alone") }
    let text = try windows(bench, count: count)
    let start = Machine.seconds()
    let ids = bench.model.linears
    for (done, id) in ids.enumerated() {
      try reporter.checkpoint()
      let alone = try bench.model.replacing([id: quantized.model[id]])
      let kl = try divergence(bench, alone, .fp16, text, reporter)
      map.cells[id.block][id.projection.order].values[.aloneKL] = kl
      reporter.progress(
        "\(id) alone quantized", done: done + 1, of: ids.count, unit: "layers", since: start)
    }
    map.title = "KL with each layer alone quantized: \(quantized.recipe)"
    map.metrics = [.aloneKL] + map.metrics.filter { $0 != .aloneKL }
    return map
  }

  private func windows(_ bench: Bench, count: Int) throws -> TextWindows {
    guard let tokenizer = bench.tokenizer else {
      throw EngineError.notText(model: bench.summary.name)
    }
    let source = try text(nil, builtIn: \.evaluationText, name: "built-in", tokenizer)
    return try TextWindows(
      source.ids, protocol: .llamaCpp, window: 256, context: bench.summary.shape.context,
      bos: nil, most: max(1, count), text: source.name)
  }

  private func divergence(
    _ bench: Bench, _ model: Model, _ cache: KVFormatPair, _ text: TextWindows,
    _ reporter: JobReporter
  ) throws -> Double {
    try QualityMeasure(
      subject: EvaluationSubject(name: "quantized", model: model, cache: cache),
      baseline: EvaluationSubject(name: "BF16", model: bench.model, cache: .fp16),
      context: try makeContext()
    ).run(text, checkpoint: reporter.checkpoint).divergence.mean
  }

  /// What lies behind one cell of an error map.
  func inspect(map index: Int, row: Int, column: Int) throws -> CellDetail {
    let bench = try bench(for: "looking into a cell")
    guard let quantized = bench.quantized, let report = quantized.report,
      report.maps.indices.contains(index)
    else { throw EngineError.nothingQuantized(job: "looking into a cell") }
    let map = report.maps[index]
    guard map.rows.indices.contains(row), map.columns.indices.contains(column) else {
      throw EngineError.noSuchCell(map: index, row: row, column: column)
    }
    return try CellInspector(
      bench: bench, quantized: quantized, map: map, context: try makeContext()
    ).detail(map: index, row: row, column: column)
  }
}

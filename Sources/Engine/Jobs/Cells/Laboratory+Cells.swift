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
        originals[id] = try quantized.blocks[cell.row].floatLayer(
          projection, original: bench.model.block(cell.row))
      }
      model = try model.replacing(originals)
    }
    let text = try evaluationWindows(bench, count: count)
    let before = try statistics(bench, quantized.model, quantized.cache, text, reporter)
    let after = try statistics(bench, model, cache, text, reporter)
    let shape = bench.summary.shape
    return RestoreReport(
      cells: cells, klBefore: before.divergence.mean, klAfter: after.divergence.mean,
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
    let measure = try LayerwiseDivergence(
      bench.model, windows: evaluationWindows(bench, count: count), context: makeContext())
    let start = Machine.seconds()
    let ids = bench.model.linears
    for (done, id) in ids.enumerated() {
      try reporter.checkpoint()
      try measure.advance(to: id.block)
      // Where a method moved scales, the other layers of the block are FP between the same scales.
      let block = try quantized.blocks[id.block].floatBlock(original: bench.model.block(id.block))
      let alone = try block.replacing([id.projection: quantized.model[id]])
      guard let column = map.columns.firstIndex(of: id.projection.rawValue) else { continue }
      map.cells[id.block][column].values[.aloneKL] =
        try measure.divergence(with: alone).divergence.mean
      reporter.progress(
        "\(id) alone quantized", done: done + 1, of: ids.count, unit: "layers", since: start)
    }
    map.title = "KL with each layer alone quantized: \(quantized.recipe)"
    map.metrics = [.aloneKL] + map.metrics.filter { $0 != .aloneKL }
    return map
  }

  /// Windows of the built-in evaluation text.
  func evaluationWindows(_ bench: Bench, count: Int) throws -> TextWindows {
    guard let tokenizer = bench.tokenizer else {
      throw EngineError.notText(model: bench.summary.name)
    }
    let source = try text(nil, builtIn: \.evaluationText, name: "built-in", tokenizer)
    return try windows(source, bench, count: count)
  }

  /// Windows of the calibration text in the order it has, for choosing by.
  func probeWindows(
    _ bench: Bench, _ calibration: CalibrationOptions, count: Int
  ) throws -> TextWindows {
    guard let tokenizer = bench.tokenizer else {
      throw EngineError.notText(model: bench.summary.name)
    }
    let source = try text(
      calibration.text, builtIn: \.calibrationText, name: "the built-in text", tokenizer)
    return try windows(source, bench, count: count)
  }

  private func windows(_ source: TextSource, _ bench: Bench, count: Int) throws -> TextWindows {
    try TextWindows(
      source.ids, protocol: .llamaCpp, window: 256, context: bench.summary.shape.context,
      bos: nil, most: max(1, count), text: source.name)
  }

  /// Scores of a model against the baseline.
  func statistics(
    _ bench: Bench, _ model: Model, _ cache: KVFormatPair, _ text: TextWindows,
    _ reporter: JobReporter
  ) throws -> ScoreStatistics {
    try QualityMeasure(
      subject: EvaluationSubject(name: "quantized", model: model, cache: cache),
      baseline: EvaluationSubject(name: "BF16", model: bench.reference, cache: .fp16),
      context: try makeContext()
    ).run(text, checkpoint: reporter.checkpoint)
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

import Models
import Platform
import Quantization

/// AWQ over one linear layer, whose own output is what counts: AutoAWQ's scales, with weights (`duo`) and without
/// (`act`), and its clipped ranges.
///
/// The curves of the fixture are of AutoAWQ's search as it runs on a CPU, where its copy of the weights is none: what it
/// calls the original, `state_dict()` moved to the CPU, is the layer's own memory, and the first candidate multiplies it in
/// place. So every ratio but the first is tried on weights that have the scales of ratio 0 in them, and judged by outputs
/// that do not; and `act`, searched second, finds the layer so. Its own scales of ratio 0 are 1 and change nothing. The
/// searches are this build's in both; only the weights they are handed follow that run. Ranges are those of the
/// original weights.
enum AWQLayerConformance {
  static func run(_ run: inout ConformanceRun) throws {
    let shape = try run.fixture.dimensions("in.W", rank: 2)
    let layer = try AWQ.Layer(
      name: "W", rows: shape[0], columns: shape[1], weights: try run.fixture.floats("in.W"),
      grid: try AWQConformance.grid(run.item))
    let inputs = try inputs(run, columns: layer.columns)
    let options = AWQConformance.options(run.item, ratios: "n_grid")
    let curves = try curves(layer, inputs, options, run.pool)
    for output in run.item.outputs {
      let parts = output.split(separator: ".").map(String.init)
      if parts.count == 2, let curve = curves[parts[0]] {
        try run.check(output, curve, kind: parts[1])
        continue
      }
      switch output {
      case "x_mean": try run.check(output, inputs.magnitudes)
      case "w_mean":
        try run.check(
          output,
          AWQScaleFormula.weightMeans(of: [layer], group: options.group ?? layer.columns))
      case "clip_max":
        try run.check(
          output,
          AWQClipSearch.search(layer, sample: inputs.sample, options, pool: run.pool).limits)
      default: run.skip(output, because: "its name is not known")
      }
    }
  }

  /// The curves by the names of the fixture.
  private static func curves(
    _ layer: AWQ.Layer, _ inputs: AWQInputs, _ options: AWQ.Options, _ pool: WorkerPool
  ) throws -> [String: AWQScaleCurve] {
    guard let outputError = try inputs.outputError() else { return [:] }
    func search(_ layer: AWQ.Layer, _ scaling: AWQ.Scaling) throws -> AWQScaleSearch {
      var options = options
      options.scaling = scaling
      return try AWQScaleSearch([layer], magnitudes: inputs.magnitudes, options, pool: pool)
    }
    let duo = try search(layer, .duo)
    var scaled: AWQ.Layer?
    let duoCurve = try duo.search { scales in
      let candidate = duo.rounded(scaled ?? layer, times: scales)
      if scaled == nil { scaled = try self.scaled(layer, by: scales) }
      return outputError.mean(of: zip(candidate, layer.weights).map { $0 - $1 })
    }
    let act = try search(scaled ?? layer, .activations).run(outputError)
    return ["duo": duoCurve, "act": act]
  }

  private static func scaled(_ layer: AWQ.Layer, by scales: [Float]) throws -> AWQ.Layer {
    try AWQ.Layer(
      name: layer.name, rows: layer.rows, columns: layer.columns,
      weights: layer.weights.enumerated().map { $1 * scales[$0 % layer.columns] },
      grid: layer.grid)
  }

  private static func inputs(_ run: ConformanceRun, columns: Int) throws -> AWQInputs {
    let shape = try run.fixture.dimensions("in.X", rank: 2)
    guard shape[1] == columns else {
      throw ConformanceError.malformed(
        file: run.item.file, item: "in.X", expected: "\(columns) channels", found: "\(shape[1])")
    }
    return AWQInputs(try run.fixture.floats("in.X"), columns: columns)
  }
}

extension AWQInputs {
  /// All of the inputs of a layer, `[tokens, columns]`, seen at once.
  init(_ inputs: [Float], columns: Int) {
    let tokens = inputs.count / columns
    self.init(columns: columns, expected: tokens, gathersMoments: true)
    inputs.withUnsafeBufferPointer { inputs in
      if let base = inputs.baseAddress { add(base, tokens: tokens) }
    }
  }
}

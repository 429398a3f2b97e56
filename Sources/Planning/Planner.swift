package import Models
package import Operators
package import Tensors

/// From model, workload and machine to memory, bottleneck and advice: a pure function of values.
///
/// Bytes and operations come from the formulas of `ModelShape`; the machine's peaks turn them into seconds.
/// Figures are those of the FP baseline (16-bit weights, FP16 cache, BF16 arithmetic); decode is taken at the
/// full context, which is where it is slowest.
package struct Planner: Sendable {
  package let model: ModelShape
  package let workload: Workload
  package let peaks: MachinePeaks
  /// Names of the methods there are for each target, best first.
  package let methods: [QuantizationTarget: [String]]

  /// Bits of a weight in the smallest form advised: 4-bit codes, a 16-bit scale for 128 of them.
  static let smallWeightBits = 4.125
  /// Tokens a prefill pass takes through the weights at once.
  static let prefillChunk = 512

  package init(
    model: ModelShape, workload: Workload, peaks: MachinePeaks,
    methods: [QuantizationTarget: [String]]
  ) {
    self.model = model
    self.workload = workload
    self.peaks = peaks
    self.methods = methods
  }

  /// Bytes that may be used.
  package var budget: Double { workload.memoryBudget ?? peaks.memoryBytes }

  /// Cached tokens of all requests, a shared prefix counted once.
  package func cachedTokens(context: Int, requests: Int) -> Double {
    let held = Double(model.slidingWindow > 0 ? min(context, model.slidingWindow) : context)
    let shared = held * workload.sharedPrefix
    return shared + Double(requests) * (held - shared)
  }

  /// Bytes of the cache of all requests.
  package func cacheBytes(context: Int, requests: Int, format: KVFormatPair) -> Double {
    cachedTokens(context: context, requests: requests) * Double(model.kvBytesPerToken(format))
  }

  /// Bytes of activations: one prefill chunk through a block, in float32, and the logits of a batch.
  package var activationBytes: Double {
    let tokens = Double(min(Self.prefillChunk, max(1, workload.promptTokens)))
    let width =
      4 * model.hiddenSize + 2 * model.heads * model.headDimension
      + 3 * model.intermediateSize
    return tokens * Double(width) * 4 + Double(workload.batch * model.vocabularySize) * 4
  }

  /// The report.
  package func plan() -> PlanReport {
    let memory = PlanReport.Memory(
      weights: model.weightBytes(bitsPerWeight: 16),
      kvCache: cacheBytes(
        context: workload.context, requests: workload.requests, format: .fp16),
      activations: activationBytes, budget: budget)
    let prefill = prefillPhase
    let decode = decodePhase
    return PlanReport(
      model: model, machine: peaks.name, workload: workload, memory: memory, prefill: prefill,
      decode: decode, kvBytesPerToken: model.kvBytesPerToken(.fp16), kvFormula: kvFormula,
      fits: fits(memory), crossoverContext: crossoverContext, crossoverBatch: crossoverBatch,
      advice: Advisor(planner: self, memory: memory, prefill: prefill, decode: decode).advice())
  }

  /// Seconds of one prompt by cause.
  var prefillPhase: PlanReport.Phase {
    let tokens = Double(max(1, workload.promptTokens))
    let operations =
      tokens
      * (model.linearOperationsPerToken + model.attentionOperations(depth: tokens / 2))
    let passes = (tokens / Double(Self.prefillChunk)).rounded(.up)
    let weight = passes * model.decodeWeightBytes(bitsPerWeight: 16)
    // Attention reads the prefix once for each tile of 64 queries.
    let cache = (tokens / 64).rounded(.up) * tokens / 2 * Double(model.kvBytesPerToken(.fp16))
    return phase(operations: operations, weight: weight, cache: cache)
  }

  /// Seconds of one decode step of the whole batch by cause, at the full context.
  var decodePhase: PlanReport.Phase {
    let batch = Double(max(1, workload.batch))
    let depth = Double(
      model.slidingWindow > 0 ? min(workload.context, model.slidingWindow) : workload.context)
    return phase(
      operations: batch
        * (model.linearOperationsPerToken + model.attentionOperations(depth: depth)),
      weight: model.decodeWeightBytes(bitsPerWeight: 16),
      cache: batch * depth * Double(model.kvBytesPerToken(.fp16)))
  }

  private func phase(operations: Double, weight: Double, cache: Double) -> PlanReport.Phase {
    let compute = operations / peaks.bf16Rate
    let weights = weight / peaks.readBandwidth
    let cached = cache / peaks.readBandwidth
    return PlanReport.Phase(
      bound: compute > weights + cached ? .compute : .bandwidth, computeSeconds: compute,
      weightSeconds: weights, cacheSeconds: cached)
  }

  /// The context at which a decode step reads as much cache as weights.
  var crossoverContext: Double {
    let perToken = Double(model.kvBytesPerToken(.fp16)) * Double(max(1, workload.batch))
    guard perToken > 0 else { return .infinity }
    return model.decodeWeightBytes(bitsPerWeight: 16) / perToken
  }

  /// The batch at which arithmetic takes as long as reading the weights.
  var crossoverBatch: Double {
    let seconds = model.decodeWeightBytes(bitsPerWeight: 16) / peaks.readBandwidth
    return seconds * peaks.bf16Rate / model.linearOperationsPerToken
  }

  private var kvFormula: String {
    let key = KVFormatPair.fp16.keys.bytesPerVector(headDimension: model.headDimension)
    let sharing =
      model.heads == model.kvHeads ? "" : " (GQA: \(model.heads) query heads share them)"
    return "2 (K, V) x \(model.blocksWithCache) blocks x \(model.kvHeads) KV heads\(sharing) x "
      + "\(model.headDimension) channels x 2 bytes = \(2 * model.blocksWithCache * model.kvHeads * key)"
  }

  private func fits(_ memory: PlanReport.Memory) -> [[PlanReport.Fit]] {
    let requests = Self.ladder(around: workload.requests, factors: [0.25, 1, 4, 16])
    let contexts = Self.ladder(
      around: workload.context, factors: [0.0625, 0.125, 0.25, 0.5, 1, 2, 4])
    let free = memory.budget - memory.weights - memory.activations
    let widths: [(Int, KVFormatPair)] = [(16, .fp16), (8, Self.kv(8)), (4, Self.kv(4))]
    return requests.map { count in
      contexts.map { context in
        let widest = widths.first {
          cacheBytes(context: context, requests: count, format: $0.1) <= free
        }
        return PlanReport.Fit(context: context, requests: count, widestKVBits: widest?.0)
      }
    }
  }

  static func kv(_ bits: Int) -> KVFormatPair {
    let format = KVFormat.integer(bits: bits, group: 32)
    return KVFormatPair(keys: format, values: format)
  }

  private static func ladder(around value: Int, factors: [Double]) -> [Int] {
    var steps: [Int] = []
    for factor in factors {
      let step = max(1, Int((Double(value) * factor).rounded()))
      if !steps.contains(step) { steps.append(step) }
    }
    return steps
  }
}

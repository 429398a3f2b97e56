package import Models
package import Operators
import Tensors

/// From model, workload and machine to memory, bottleneck and advice: a pure function of values.
///
/// Bytes and operations come from the formulas of `ModelShape`; the machine's peaks turn them into seconds.
/// Figures are those of the FP baseline (16-bit weights, FP16 cache, BF16 arithmetic), weights that are stored quantized
/// as they are stored; decode is taken at the full context, which is where it is slowest.
package struct Planner: Sendable {
  package let model: ModelShape
  package let workload: Workload
  package internal(set) var peaks: MachinePeaks
  /// The methods that are ranked.
  package let methods: PlannedMethods
  /// The widths of the cache that are mapped, widest first.
  package let widths: [KVWidth]
  let footprint: CacheFootprint

  /// Bits of a weight of this model in the smallest form advised: 4-bit codes, a 16-bit scale for 128 of them.
  let smallWeightBits: Double
  /// Bits of a weight of this model with 8-bit codes and a scale a channel.
  let eightBitWeightBits: Double
  /// Tokens a prefill pass takes through the weights at once.
  static let prefillChunk = 512
  /// The longest context that is looked for.
  static let longestContext = 1 << 30

  package init(
    model: ModelShape, workload: Workload, peaks: MachinePeaks,
    methods: PlannedMethods
  ) {
    self.model = model
    self.workload = workload
    self.peaks = peaks
    self.methods = methods
    widths =
      workload.kvWidths.map { list in
        Set(list.filter { $0 > 0 && $0 <= 64 }).sorted(by: >).prefix(12).map { KVWidth(bits: $0) }
      } ?? KVWidth.standard(headDimension: model.headDimension)
    footprint = CacheFootprint(model)
    smallWeightBits = model.bitsPerWeight(MethodTraits.Form.fourBits().weights)
    eightBitWeightBits = model.bitsPerWeight(MethodTraits.Form.eightBits.weights)
  }

  /// Bytes that may be used.
  package var budget: Double { workload.memoryBudget ?? peaks.memoryBytes }

  /// Bytes of the cache of all requests at `bits` a value, scales included.
  package func cacheBytes(context: Int, requests: Int, bits: Double = 16) -> Double {
    footprint.bytes(
      context: Double(context), requests: Double(requests),
      shared: workload.sharedTokens(of: Double(context)), bits: bits)
  }

  /// Bytes of the workload by kind.
  package var memory: PlanReport.Memory {
    PlanReport.Memory(
      weights: model.storedWeightBytes,
      kvCache: cacheBytes(context: workload.context, requests: workload.requests),
      activations: activationBytes, budget: budget)
  }

  /// Requests of the planned context that fit.
  ///
  /// - Parameters:
  ///   - weights: bytes that these take.
  ///   - cacheShare: what a format leaves of the bytes of an FP16 cache.
  package func fittingRequests(weights: Double, cacheShare: Double) -> Int {
    let room = budget - activationBytes - weights
    let one = cacheBytes(context: workload.context, requests: 1) * cacheShare
    let two = cacheBytes(context: workload.context, requests: 2) * cacheShare
    guard room >= one else { return 0 }
    // Each further one takes as much: what all have in common is there once.
    guard two > one else { return Self.longestContext }
    return 1 + Int(min((room - one) / (two - one), Double(Self.longestContext - 1)))
  }

  /// Bytes one layer's keys and values of a token take at `bits` a value.
  func layerTokenBytes(bits: Double = 16) -> Double {
    2 * Double(model.kvHeads) * Double(model.headDimension) * bits / 8
  }

  /// The report.
  package func plan() -> PlanReport {
    var report = outline()
    report.kvNotes = kvNotes
    report.activationFormula = activationFormula
    report.cacheKeptWhole = CacheFootprint(model, forgets: false).bytes(
      context: Double(workload.context), requests: Double(workload.requests),
      shared: workload.sharedTokens(of: Double(workload.context)), bits: 16)
    report.crossoverBatchByCache = crossoverBatchByCache
    addMaps(to: &report)
    report.warnings = warnings(report)
    report.peaks = peaks
    report.stability = stability(report)
    return report
  }

  /// Memory, phases and advice: what the peaks of the machine decide.
  func outline() -> PlanReport {
    let memory = memory
    let prefill = prefillPhase
    let decode = decodePhase
    var report = PlanReport(
      model: model, machine: peaks.name, workload: workload, memory: memory, prefill: prefill,
      decode: decode, kvBytesPerToken: model.kvBytesPerToken(.fp16), kvFormula: kvFormula,
      fits: [], crossoverContext: crossoverContext, crossoverBatch: crossoverBatch, advice: [])
    report.reach = reach(report)
    report.advice = Advisor(planner: self, report: report).advice()
    return report
  }

  /// Seconds of one prompt by cause.
  package var prefillPhase: PlanReport.Phase {
    let tokens = Double(max(1, workload.promptTokens))
    let operations =
      tokens
      * (model.linearOperationsPerToken + 4 * Double(model.heads * model.headDimension)
        * meanTokensRead(upTo: tokens))
    let passes = (tokens / Double(Self.prefillChunk)).rounded(.up)
    let weight = passes * model.storedDecodeBytes
    // Attention reads the prefix once for each tile of 64 queries.
    let tiles = (tokens / CacheFootprint.blockTokens).rounded(.up)
    return phase(
      operations: operations, weight: weight,
      cache: tiles * meanTokensRead(upTo: tokens) * layerTokenBytes())
  }

  /// Cached tokens read over all layers, the mean over positions 0 to `tokens`: half of them, or what windows leave.
  private func meanTokensRead(upTo tokens: Double) -> Double {
    model.readingKinds.reduce(0) { sum, kind in
      let window = kind.window > 0 ? min(tokens, Double(kind.window)) : tokens
      return sum + Double(kind.blocks) * window * (1 - window / (2 * tokens))
    }
  }

  /// Seconds of one decode step of the whole batch by cause, at the full context.
  package var decodePhase: PlanReport.Phase {
    let batch = Double(max(1, workload.batch))
    let depth = Double(workload.context)
    return phase(
      operations: batch
        * (model.linearOperationsPerToken + model.attentionOperations(depth: depth)),
      weight: model.storedDecodeBytes,
      cache: batch * model.tokensRead(depth: depth) * layerTokenBytes())
  }

  private func phase(operations: Double, weight: Double, cache: Double) -> PlanReport.Phase {
    let compute = operations / peaks.bf16Rate
    let weights = weight / peaks.readBandwidth
    let cached = cache / peaks.readBandwidth
    return PlanReport.Phase(
      bound: compute > weights + cached ? .compute : .bandwidth, computeSeconds: compute,
      weightSeconds: weights, cacheSeconds: cached)
  }

  /// The context at which a decode step reads as much cache as weights; infinite where windows keep it from that.
  var crossoverContext: Double {
    let tokenBytes = layerTokenBytes() * Double(max(1, workload.batch))
    guard tokenBytes > 0 else { return .infinity }
    // Tokens read over all layers grow with the context by the number of layers whose window is not full yet.
    let wanted = model.storedDecodeBytes / tokenBytes
    let kinds = model.readingKinds
    var growing = kinds.reduce(0.0) { $0 + Double($1.blocks) }
    var read = 0.0
    var depth = 0.0
    for kind in kinds where kind.window > 0 {
      let window = Double(kind.window)
      let there = depth + (wanted - read) / growing
      if there <= window { return there }
      read += growing * (window - depth)
      growing -= Double(kind.blocks)
      depth = window
    }
    return growing > 0 ? depth + (wanted - read) / growing : .infinity
  }

  /// The batch at which arithmetic takes as long as reading the weights.
  var crossoverBatch: Double {
    let seconds = model.storedDecodeBytes / peaks.readBandwidth
    return seconds * peaks.bf16Rate / model.linearOperationsPerToken
  }

  /// The batch at which a decode step at the full context reads as much cache as weights.
  private var crossoverBatchByCache: Double {
    let bytes = model.tokensRead(depth: Double(workload.context)) * layerTokenBytes()
    return bytes > 0 ? model.storedDecodeBytes / bytes : .infinity
  }
}

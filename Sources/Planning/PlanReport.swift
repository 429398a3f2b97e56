package import Models
package import Operators

/// What binds a phase of inference.
package enum Bottleneck: String, Hashable, Sendable, Codable {
  case bandwidth
  case compute
  case capacity
}

/// Where memory goes and what binds each phase for one model, workload and machine, and what follows.
package struct PlanReport: Hashable, Sendable, Codable {
  /// Bytes by kind, baseline precision.
  package struct Memory: Hashable, Sendable, Codable {
    package var weights: Double
    package var kvCache: Double
    package var activations: Double
    package var budget: Double

    package init(weights: Double, kvCache: Double, activations: Double, budget: Double) {
      self.weights = weights
      self.kvCache = kvCache
      self.activations = activations
      self.budget = budget
    }

    /// All kinds together.
    package var total: Double { weights + kvCache + activations }
  }

  /// One phase: predicted seconds by cause, and the one that binds.
  package struct Phase: Hashable, Sendable, Codable {
    package var bound: Bottleneck
    /// Seconds of the phase if only arithmetic counted: a token of prefill, a step of decode.
    package var computeSeconds: Double
    /// Seconds if only reading weights counted.
    package var weightSeconds: Double
    /// Seconds if only reading the cache counted.
    package var cacheSeconds: Double

    package init(
      bound: Bottleneck, computeSeconds: Double, weightSeconds: Double, cacheSeconds: Double
    ) {
      self.bound = bound
      self.computeSeconds = computeSeconds
      self.weightSeconds = weightSeconds
      self.cacheSeconds = cacheSeconds
    }
  }

  package var model: ModelShape
  package var machine: String
  package var workload: Workload
  package var memory: Memory
  package var prefill: Phase
  package var decode: Phase
  package var kvBytesPerToken: Int
  /// The formula of `kvBytesPerToken` with the model's numbers in it.
  package var kvFormula: String
  /// What the formula leaves open: windows, sharing between layers, blocks, a shared prefix; a sentence each.
  package var kvNotes: [String] = []
  /// Where the bytes of activations come from, with the numbers in it.
  package var activationFormula = ""
  /// Bytes of the cache if nothing before a window is given back, as in this program's own cache.
  package var cacheKeptWhole = 0.0
  /// The widest cache that fits: rows of requests, columns of contexts.
  package var fits: [[Fit]]
  /// The map once more for each width of the cache, widest first.
  package var maps: [KVMap] = []
  /// The context at which a decode step reads as much cache as weights, at the workload's batch; infinite where windows
  /// keep it from that.
  package var crossoverContext: Double
  /// The batch at which arithmetic takes a decode step as long as reading the weights.
  package var crossoverBatch: Double
  /// The batch at which a decode step reads as much cache as weights, at the workload's context.
  package var crossoverBatchByCache = Double.infinity
  /// What quantizing could reach.
  package var reach = Reach()
  /// What is odd about the workload, a sentence each.
  package var warnings: [String] = []
  /// What the seconds rest on; nil in reports that were made without.
  package var peaks: MachinePeaks?
  /// Whether the advice holds within the spread of the peaks; nil for a data sheet, and in reports that were made without.
  package var stability: Stability?
  /// Best first; never empty.
  package var advice: [Advice]

  package init(
    model: ModelShape, machine: String, workload: Workload, memory: Memory, prefill: Phase,
    decode: Phase, kvBytesPerToken: Int, kvFormula: String, fits: [[Fit]],
    crossoverContext: Double, crossoverBatch: Double, advice: [Advice]
  ) {
    self.model = model
    self.machine = machine
    self.workload = workload
    self.memory = memory
    self.prefill = prefill
    self.decode = decode
    self.kvBytesPerToken = kvBytesPerToken
    self.kvFormula = kvFormula
    self.fits = fits
    self.crossoverContext = crossoverContext
    self.crossoverBatch = crossoverBatch
    self.advice = advice
  }
}

extension PlanReport {
  /// Bits and bytes that quantizing could bring, for the sentences of the advice.
  package struct Reach: Hashable, Sendable, Codable {
    /// Bytes of everything as it is.
    package var total = 0.0
    /// Bits of a weight of the linear layers, scales included, that would just fit next to the rest in 16 bits.
    package var weightBits = 0.0
    /// Bits of a cached value, scales included, that would just fit next to the rest in 16 bits.
    package var kvBits = 0.0
    /// Bits of a cached value at which a decode step would read as much cache as weights.
    package var kvBitsAtWeights = 0.0
    /// Bits of a weight in the smallest form advised, and bytes of all weights then.
    package var smallWeightBits = 0.0
    package var smallWeights = 0.0
    /// Bytes of everything with weights in that form and a 4-bit cache.
    package var smallestTotal = 0.0
    /// Operations a second in BF16, INT8 and, where the machine has it, FP8.
    package var bf16Rate = 0.0
    package var int8Rate = 0.0
    package var fp8Rate: Double?
    /// Share of a request's time that weights of 8 bits would save.
    package var savedByEightBitWeights = 0.0

    package init() {}
  }
}

/// Reports in recorded sessions may lack what came later.
extension PlanReport {
  private enum CodingKeys: String, CodingKey {
    case model, machine, workload, memory, prefill, decode, kvBytesPerToken, kvFormula, kvNotes
    case activationFormula, cacheKeptWhole, fits, maps, crossoverContext, crossoverBatch
    case crossoverBatchByCache, reach, warnings, peaks, stability, advice
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      model: try values.decode(ModelShape.self, forKey: .model),
      machine: try values.decode(String.self, forKey: .machine),
      workload: try values.decode(Workload.self, forKey: .workload),
      memory: try values.decode(Memory.self, forKey: .memory),
      prefill: try values.decode(Phase.self, forKey: .prefill),
      decode: try values.decode(Phase.self, forKey: .decode),
      kvBytesPerToken: try values.decode(Int.self, forKey: .kvBytesPerToken),
      kvFormula: try values.decode(String.self, forKey: .kvFormula),
      fits: try values.decode([[Fit]].self, forKey: .fits),
      crossoverContext: try values.decode(Double.self, forKey: .crossoverContext),
      crossoverBatch: try values.decode(Double.self, forKey: .crossoverBatch),
      advice: try values.decode([Advice].self, forKey: .advice))
    func later<Value: Decodable>(_ key: CodingKeys, _ standard: Value) throws -> Value {
      try values.decodeIfPresent(Value.self, forKey: key) ?? standard
    }
    kvNotes = try later(.kvNotes, [])
    activationFormula = try later(.activationFormula, "")
    cacheKeptWhole = try later(.cacheKeptWhole, memory.kvCache)
    maps = try later(.maps, [])
    crossoverBatchByCache = try later(.crossoverBatchByCache, .infinity)
    reach = try later(.reach, Reach())
    warnings = try later(.warnings, [])
    peaks = try values.decodeIfPresent(MachinePeaks.self, forKey: .peaks)
    stability = try values.decodeIfPresent(Stability.self, forKey: .stability)
  }
}

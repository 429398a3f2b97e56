package import Models

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

  /// One cell of the map of what fits.
  package struct Fit: Hashable, Sendable, Codable {
    package var context: Int
    package var requests: Int
    /// The widest KV cache that fits, in bits (16, 8, 4), or nil when none does.
    package var widestKVBits: Int?

    package init(context: Int, requests: Int, widestKVBits: Int?) {
      self.context = context
      self.requests = requests
      self.widestKVBits = widestKVBits
    }
  }

  /// A target worth quantizing, with the reason in words and numbers.
  package struct Advice: Hashable, Sendable, Codable {
    package var target: QuantizationTarget
    /// Whole sentences; every number in them comes from this report.
    package var reason: String
    /// Methods for it in order, by name.
    package var methods: [String]
    /// What would change the advice.
    package var wouldChange: String

    package init(
      target: QuantizationTarget, reason: String, methods: [String], wouldChange: String
    ) {
      self.target = target
      self.reason = reason
      self.methods = methods
      self.wouldChange = wouldChange
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
  /// Rows of requests, columns of contexts.
  package var fits: [[Fit]]
  /// The context at which a decode step reads as much cache as weights, at the workload's batch.
  package var crossoverContext: Double
  /// The batch at which decode stops being bound by weight bandwidth.
  package var crossoverBatch: Double
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

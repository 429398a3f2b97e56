package import Operators

/// Decode and prefill of one model in several forms, at one batch after another: where a step stops being bound by
/// memory, and which form then wins.
package struct BatchReport: Hashable, Sendable, Codable {
  /// What a step is nearer to.
  package enum Bound: String, Hashable, Sendable, Codable {
    case memory, compute
  }

  /// One form of the model.
  package struct Form: Hashable, Sendable, Codable {
    /// `W4A16`.
    package var name: String
    /// What it was made by.
    package var recipe: String
    /// Bytes of all weights.
    package var weightBytes: Int
    package var kvBytesPerToken: Int

    package init(name: String, recipe: String, weightBytes: Int, kvBytesPerToken: Int) {
      self.name = name
      self.recipe = recipe
      self.weightBytes = weightBytes
      self.kvBytesPerToken = kvBytesPerToken
    }
  }

  /// One form at one batch.
  package struct Point: Hashable, Sendable, Codable {
    package var form: String
    /// Sequences that are decoded in one step.
    package var batch: Int
    /// Of all sequences together.
    package var decode: BenchReport.Rate
    /// Tokens per second of each round, in order: forms took turns, so that rounds can be held against each other.
    package var rounds: [Double]
    /// Of prompts, one for each sequence, that run together; nil where none did.
    package var prefill: BenchReport.Rate?
    package var prefillRounds: [Double]
    /// Bytes of weights that one decode step reads, the head's included.
    package var weightBytes: Double
    /// Bytes of the caches that one decode step reads and writes.
    package var cacheBytes: Double
    /// Multiply-adds of one decode step times two.
    package var operations: Double
    /// Reading those bytes takes so long at the measured bandwidth.
    package var memorySeconds: Double
    /// Those operations take so long at the measured rates of the units that do them.
    package var computeSeconds: Double
    /// The larger of the two of every operator, summed: operators run one after the other.
    package var limitSeconds: Double
    /// Seconds of a step in linear layers, attention with its cache, and all else; from a round that was traced.
    package var linearSeconds: Double
    package var attentionSeconds: Double
    package var otherSeconds: Double
    /// What multiplies in the linear layers of the blocks.
    package var unit: MachineLimit
    /// The kernel that took the most time.
    package var kernel: String
    /// Why that is not the operator's own, or what this CPU lacks.
    package var fallback: String?

    package init(
      form: String, batch: Int, decode: BenchReport.Rate, rounds: [Double],
      prefill: BenchReport.Rate? = nil, prefillRounds: [Double] = [], weightBytes: Double,
      cacheBytes: Double, operations: Double, memorySeconds: Double, computeSeconds: Double,
      limitSeconds: Double, linearSeconds: Double, attentionSeconds: Double, otherSeconds: Double,
      unit: MachineLimit, kernel: String, fallback: String? = nil
    ) {
      self.form = form
      self.batch = batch
      self.decode = decode
      self.rounds = rounds
      self.prefill = prefill
      self.prefillRounds = prefillRounds
      self.weightBytes = weightBytes
      self.cacheBytes = cacheBytes
      self.operations = operations
      self.memorySeconds = memorySeconds
      self.computeSeconds = computeSeconds
      self.limitSeconds = limitSeconds
      self.linearSeconds = linearSeconds
      self.attentionSeconds = attentionSeconds
      self.otherSeconds = otherSeconds
      self.unit = unit
      self.kernel = kernel
      self.fallback = fallback
    }
  }

  package var model: String
  package var provider: ExecutionProvider
  package var threads: Int
  /// Tokens in each cache before those that are decoded.
  package var depth: Int
  /// Tokens of each prompt; 0 where prefill was left out.
  package var prompt: Int
  /// Tokens decoded of each sequence in one round.
  package var steps: Int
  package var repetitions: Int
  package var peaks: MachinePeaks
  package var forms: [Form]
  /// Ascending.
  package var batches: [Int]
  /// By batch, within it in the order of the forms; fewer while it is measured.
  package var points: [Point]
  package var seconds: Double
  /// Cores that others had while it was measured; nil in reports that were made without.
  package var othersCores: Double?

  package init(
    model: String, provider: ExecutionProvider, threads: Int, depth: Int, prompt: Int, steps: Int,
    repetitions: Int, peaks: MachinePeaks, forms: [Form], batches: [Int], points: [Point] = [],
    seconds: Double = 0
  ) {
    self.model = model
    self.provider = provider
    self.threads = threads
    self.depth = depth
    self.prompt = prompt
    self.steps = steps
    self.repetitions = repetitions
    self.peaks = peaks
    self.forms = forms
    self.batches = batches
    self.points = points
    self.seconds = seconds
  }

  /// One form at one batch; nil where it is not measured yet.
  package func point(_ form: String, batch: Int) -> Point? {
    points.first { $0.form == form && $0.batch == batch }
  }

  /// All batches of a form that were measured, ascending.
  package func points(of form: String) -> [Point] { points.filter { $0.form == form } }

  /// The form with the highest rate at a batch.
  package func best(batch: Int, of figure: BatchFigure = .decode) -> String? {
    points.filter { $0.batch == batch && figure.rate($0) != nil }.max {
      (figure.rate($0) ?? 0) < (figure.rate($1) ?? 0)
    }?.form
  }
}

/// What of a batch is looked at.
package enum BatchFigure: String, Hashable, Sendable, Codable, CaseIterable {
  case decode, prefill

  /// Tokens per second, median; nil where it was not measured.
  package func rate(_ point: BatchReport.Point) -> Double? {
    switch self {
    case .decode: point.decode.tokensPerSecond
    case .prefill: point.prefill?.tokensPerSecond
    }
  }

  /// Tokens per second of each round.
  package func rounds(_ point: BatchReport.Point) -> [Double] {
    switch self {
    case .decode: point.rounds
    case .prefill: point.prefillRounds
    }
  }
}

extension BatchReport.Point {
  /// Of one decode step.
  package var stepSeconds: Double { Double(batch) / max(decode.tokensPerSecond, 1e-12) }

  /// What one sequence sees.
  package var tokensPerSequence: Double { decode.tokensPerSecond / Double(max(1, batch)) }

  /// Bytes of weights and caches of one decode step.
  package var bytes: Double { weightBytes + cacheBytes }

  /// Operations a byte.
  package var intensity: Double { bytes > 0 ? operations / bytes : 0 }

  /// Bytes per second that were reached.
  package var bandwidth: Double { bytes / max(stepSeconds, 1e-12) }

  /// Operations per second that were reached.
  package var rate: Double { operations / max(stepSeconds, 1e-12) }

  /// The limit that takes longer.
  package var bound: BatchReport.Bound { computeSeconds > memorySeconds ? .compute : .memory }

  /// Of a step's time in the traced round.
  package var linearShare: Double { linearSeconds / max(tracedSeconds, 1e-12) }
  package var attentionShare: Double { attentionSeconds / max(tracedSeconds, 1e-12) }
  private var tracedSeconds: Double { linearSeconds + attentionSeconds + otherSeconds }

  /// What the limits allow of the measured time: 1 at the limit, more where weights stay in the processor's cache.
  package var limitShare: Double { limitSeconds / max(stepSeconds, 1e-12) }

  /// Tokens per second at the limits.
  package var limitTokensPerSecond: Double { Double(batch) / max(limitSeconds, 1e-12) }
}

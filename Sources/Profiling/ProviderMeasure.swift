import Models
package import Operators
package import Platform
import Tensors

/// Runs one model under every provider of this machine, and under the best one without single kernels, in turns.
///
/// Rows and baselines take turns round by round, and who goes first alternates. A short pass before tells how slow each
/// provider is; where all rounds would take longer than the budget, its prompt and its decoded tokens are cut, for the
/// baseline alike.
package struct ProviderMeasure {
  package let quantized: SpeedSubject
  /// The FP baseline; nil where nothing is quantized.
  package let baseline: SpeedSubject?
  package let pool: WorkerPool
  /// Token ids to feed, repeated as often as needed.
  package let text: [Int32]
  package var promptTokens = 128
  package var generatedTokens = 32
  package var repetitions = 3
  /// Seconds for all rounds.
  package var budgetSeconds = 60.0
  /// Positions on which distributions are compared, at most.
  package var klTokens = 128
  package var providers = ExecutionProvider.allCases.filter(\.isSupported)

  package init(
    quantized: SpeedSubject, baseline: SpeedSubject?, pool: WorkerPool, text: [Int32]
  ) {
    self.quantized = quantized
    self.baseline = baseline
    self.pool = pool
    self.text = text
  }

  /// Tokens of the short pass.
  private static let probe = (prompt: 8, generate: 2)
  /// The fewest a cut leaves.
  private static let fewest = (prompt: 8, generate: 2, kl: 16)
  /// Of the compared positions, those that are decoded one by one.
  private static let steps = 4

  /// One model under one provider, with what was measured of it.
  private final class Entry {
    let provider: ExecutionProvider
    let disabled: Set<String>
    let isBaseline: Bool
    let model: Model
    let context: ExecutionContext
    let cache: BlockKVCache
    var prompt = 0
    var generate = 0
    var prefill: [Double] = []
    var decode: [Double] = []
    /// Seconds a token of the short pass.
    var slowness = (prompt: 0.0, generate: 0.0)

    init(
      _ subject: SpeedSubject, model: Model, provider: ExecutionProvider, disabled: Set<String>,
      isBaseline: Bool, pool: WorkerPool, capacity: Int
    ) throws {
      self.provider = provider
      self.disabled = disabled
      self.isBaseline = isBaseline
      self.model = model
      context = try ExecutionContext(pool: pool, provider: provider, disabledKernels: disabled)
      cache = try model.makeCache(subject.cache, capacity: capacity)
    }
  }

  /// - Parameter progress: told what is done now, how many steps are done, and of how many.
  package func run(
    progress: (String, Int, Int) -> Void = { _, _, _ in }, checkpoint: () throws -> Void = {}
  ) throws -> ProviderReport {
    let entries = try makeEntries()
    let rows = entries.filter { !$0.isBaseline }
    let total = entries.count * (2 + repetitions) + 2 * rows.count
    var done = 0
    func step(_ what: String) throws {
      try checkpoint()
      progress(what, done, total)
      done += 1
    }
    for entry in entries {
      try step("packing and a short pass, \(entry.provider.rawValue)")
      // The first token packs.
      _ = try pass(entry, prompt: 1, generate: 0)
      let taken = try pass(entry, prompt: Self.probe.prompt, generate: Self.probe.generate)
      entry.slowness = (
        taken.prefill / Double(Self.probe.prompt), taken.decode / Double(Self.probe.generate)
      )
    }
    cut(entries)
    for round in 0...repetitions {
      for entry in round.isMultiple(of: 2) ? entries : entries.reversed() {
        try step("measuring, round \(round) of \(repetitions)")
        let taken = try pass(entry, prompt: entry.prompt, generate: entry.generate)
        guard round > 0 else { continue }
        entry.prefill.append(Double(entry.prompt) / taken.prefill)
        entry.decode.append(Double(entry.generate) / taken.decode)
      }
    }
    var traces: [KernelTrace] = []
    for entry in rows {
      try step("tracing kernels")
      let trace = KernelTrace()
      _ = try pass(entry, prompt: entry.prompt, generate: min(entry.generate, 8), decoding: trace)
      traces.append(trace)
    }
    let divergences = try divergences(rows) { try step("comparing with the generic kernels") }
    return ProviderReport(
      recipe: quantized.recipe, threads: pool.threads, promptTokens: promptTokens,
      generatedTokens: generatedTokens, repetitions: repetitions, budgetSeconds: budgetSeconds,
      rows: rows.indices.map { index in
        row(rows[index], beside: entries, traces[index], divergences[index])
      },
      baselines: entries.filter(\.isBaseline).map { entry in
        ProviderReport.Baseline(
          provider: entry.provider, prefill: SpeedMeasure.rate(entry.prefill),
          decode: SpeedMeasure.rate(entry.decode), packedBytes: entry.model.packedBytes)
      })
  }

  private func makeEntries() throws -> [Entry] {
    let capacity = max(
      promptTokens + generatedTokens, Self.probe.prompt + Self.probe.generate, klTokens)
    var entries: [Entry] = []
    func add(
      _ subject: SpeedSubject, _ model: Model, _ provider: ExecutionProvider,
      _ disabled: Set<String> = [], isBaseline: Bool = false
    ) throws {
      entries.append(
        try Entry(
          subject, model: model, provider: provider, disabled: disabled, isBaseline: isBaseline,
          pool: pool, capacity: capacity + 1))
    }
    for provider in providers {
      if let baseline { try add(baseline, baseline.model, provider, isBaseline: true) }
      try add(quantized, quantized.model, provider)
    }
    guard let best = providers.last else { return entries }
    for kernel in disabledKernels {
      try add(
        quantized, quantized.model.apart(disabling: [kernel]), best, [kernel])
    }
    return entries
  }

  /// The kernels of the model's own layers, each of which is disabled in turn; not the one everything falls back to.
  package var disabledKernels: [String] {
    var found: [String] = []
    for choice in quantized.model.kernelChoices()
    where choice.kernel != LinearKernel.lastResort && !found.contains(choice.kernel) {
      found.append(choice.kernel)
    }
    return found
  }

  /// Chooses how many tokens each provider gets.
  private func cut(_ entries: [Entry]) {
    let passes = Double(repetitions + 1)
    for provider in providers {
      let mine = entries.filter { $0.provider == provider }
      let seconds = mine.reduce(0.0) {
        $0 + passes
          * ($1.slowness.prompt * Double(promptTokens)
            + $1.slowness.generate * Double(generatedTokens))
      }
      // Each entry has the same share of the time.
      let share = budgetSeconds * Double(mine.count) / Double(max(1, entries.count))
      let factor = min(1, share / max(seconds, 1e-9))
      for entry in mine {
        entry.prompt = min(
          promptTokens, max(Self.fewest.prompt, Int(factor * Double(promptTokens))))
        entry.generate = min(
          generatedTokens, max(Self.fewest.generate, Int(factor * Double(generatedTokens))))
      }
    }
  }

  private func tokens(from start: Int, _ count: Int) -> [Int32] {
    (0..<count).map { text[(start + $0) % text.count] }
  }

  /// Seconds of a prompt and its continuation.
  private func pass(
    _ entry: Entry, prompt: Int, generate: Int, decoding trace: KernelTrace? = nil
  ) throws -> (prefill: Double, decode: Double) {
    let logits = Logits()
    entry.cache.truncate(to: 0)
    defer { entry.context.trace = nil }
    let start = Machine.seconds()
    try entry.model.forward(
      tokens: tokens(from: 0, prompt), cache: entry.cache, context: entry.context, into: logits)
    let middle = Machine.seconds()
    entry.context.trace = trace
    for index in 0..<generate {
      try entry.model.forward(
        tokens: tokens(from: prompt + index, 1), cache: entry.cache, context: entry.context,
        into: logits)
    }
    return (middle - start, Machine.seconds() - middle)
  }

  private func row(
    _ entry: Entry, beside entries: [Entry], _ trace: KernelTrace,
    _ divergence: (kl: Double?, tokens: Int)
  ) -> ProviderReport.Row {
    let base = entries.first { $0.isBaseline && $0.provider == entry.provider }
    func ratio(_ samples: KeyPath<Entry, [Double]>) -> Double? {
      base.map { SpeedMeasure.median(zip(entry[keyPath: samples], $0[keyPath: samples]).map(/)) }
    }
    let records = trace.kernels
    let seconds = max(records.reduce(0) { $0 + $1.seconds }, 1e-12)
    let native = records.reduce(0) { $1.native ? $0 + $1.seconds : $0 }
    var kernels: [ProviderReport.Row.Kernel] = []
    for record in records where record.operator.hasPrefix("linear") {
      if let place = kernels.firstIndex(where: {
        $0.name == record.kernel && $0.reason == record.reason
      }) {
        kernels[place].share += record.seconds / seconds
      } else {
        kernels.append(
          .init(name: record.kernel, reason: record.reason, share: record.seconds / seconds))
      }
    }
    return ProviderReport.Row(
      provider: entry.provider, disabled: entry.disabled.sorted(), promptTokens: entry.prompt,
      generatedTokens: entry.generate, prefill: SpeedMeasure.rate(entry.prefill),
      decode: SpeedMeasure.rate(entry.decode), prefillRatio: ratio(\.prefill),
      decodeRatio: ratio(\.decode), packedBytes: entry.model.packedBytes,
      nativeShare: native / seconds, kernels: kernels.sorted { $0.share > $1.share },
      kl: divergence.kl, klTokens: divergence.tokens)
  }

  /// KL of each row to the generic provider with the same kernels disabled.
  private func divergences(
    _ rows: [Entry], step: () throws -> Void
  ) throws -> [(kl: Double?, tokens: Int)] {
    guard providers.contains(.generic), providers.count > 1,
      let generic = rows.first(where: { $0.provider == .generic })
    else {
      for _ in rows { try step() }
      return rows.map { _ in (nil, 0) }
    }
    // Plain C is slow: it gets a third of the time that rounds may take, one pass for each set of disabled kernels.
    let sets = Set(rows.map(\.disabled)).count
    let room = budgetSeconds / 3 / Double(sets)
    let count = min(
      klTokens, max(Self.fewest.kl, Int(room / max(generic.slowness.prompt, 1e-9))))
    let truth = try ExecutionContext(pool: pool)
    var twins: [Set<String>: [[Float]]] = [:]
    return try rows.map { entry in
      try step()
      guard entry.provider != .generic else { return (nil, 0) }
      if twins[entry.disabled] == nil {
        let context = try ExecutionContext(
          pool: pool, provider: .generic, disabledKernels: entry.disabled)
        twins[entry.disabled] = try scores(entry, context, count)
      }
      guard let twin = twins[entry.disabled] else { return (nil, 0) }
      let mine = try scores(entry, entry.context, count)
      var sum = 0.0
      for (position, (left, right)) in zip(twin, mine).enumerated() {
        left.withUnsafeBufferPointer { left in
          right.withUnsafeBufferPointer { right in
            guard let a = left.baseAddress, let b = right.baseAddress else { return }
            let target = Int(text[(position + 1) % text.count])
            sum +=
              truth.divergence(baseline: a, other: b, vocabulary: left.count, target: target).kl
          }
        }
      }
      return (sum / Double(count), count)
    }
  }

  /// Logits at `count` positions, `[count][vocabulary]`; the last few are decoded one by one.
  private func scores(
    _ entry: Entry, _ context: ExecutionContext, _ count: Int
  ) throws -> [[Float]] {
    entry.cache.truncate(to: 0)
    let first = count - Self.steps
    let logits = try entry.model.forward(
      tokens: tokens(from: 0, first), cache: entry.cache, context: context, logits: .all)
    var found = (0..<first).map { logits.values(row: $0) }
    for index in first..<count {
      let next = try entry.model.forward(
        tokens: tokens(from: index, 1), cache: entry.cache, context: context)
      found.append(next.values(row: 0))
    }
    return found
  }
}

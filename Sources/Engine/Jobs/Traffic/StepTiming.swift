import Models
import Operators
import Platform
import Profiling
import Serving

/// Times steps of continuous batching: so many sequences a token further, and part of a prompt with them.
///
/// Caches hold random vectors, so that what is decoded means nothing; how long it takes does. Forms take turns, the first
/// round warms up and is not counted, and the median of all steps of the others counts.
struct StepTiming {
  let subjects: [SpeedSubject]
  let context: ExecutionContext
  let seats: Int
  let chunk: Int
  /// Tokens of the longest cache.
  let depth: Int
  let checkpoint: () throws -> Void
  let progress: (_ done: Int, _ total: Int) -> Void

  private static let rounds = 5
  /// A step is repeated for at least so long in a round.
  private static let leastSeconds = 0.004

  /// Steps of one subject: those that are fitted, and those that the fit is held against.
  struct Outcome {
    var fitted: [StepCostFit.Sample] = []
    var checks: [StepCostFit.Sample] = []
  }

  /// A step to time.
  private struct Form: Hashable {
    var decodes: Int
    var depth: Int
    var chunk = 0
    var start = 0
    var isCheck = false

    var step: ServingStep {
      var step = ServingStep(decodes: decodes, decodeReads: Double(decodes * (depth + 1)))
      if chunk > 0 { step.addChunk(start: start, count: chunk) }
      return step
    }
  }

  /// Few enough sizes to try every set of terms of the fit.
  private var forms: [Form] {
    func doubling(from first: Int, to last: Int) -> [Int] {
      var found: [Int] = []
      var next = first
      while next < last {
        found.append(next)
        next *= 2
      }
      return found + [last]
    }
    let deep = depth
    let shallow = max(1, min(17, depth / 2))
    let batches = doubling(from: 1, to: seats).suffix(6)
    var forms: [Form] = []
    for batch in batches {
      forms += [Form(decodes: batch, depth: shallow), Form(decodes: batch, depth: deep)]
    }
    let parts = Set([chunk / 4, chunk / 2, chunk].filter { $0 > 0 }).sorted()
    for part in parts {
      forms += [
        Form(decodes: 0, depth: 0, chunk: part, start: 0),
        Form(decodes: 0, depth: 0, chunk: part, start: max(0, deep - part)),
      ]
    }
    // As many tokens with more and with fewer rows of the head tell one from the other.
    forms.append(Form(decodes: 0, depth: 0, chunk: seats, start: 0))
    for batch in Set([seats, (seats + 1) / 2]).sorted() {
      forms.append(
        Form(decodes: batch, depth: deep, chunk: chunk > batch ? chunk - batch : chunk, start: 0))
    }
    // None of these is fitted.
    let middle = max(1, (shallow + deep) / 2)
    for batch in Set([(3 * seats) / 8, (3 * seats) / 4, max(1, seats / 5)]).sorted() where batch > 0
    {
      forms.append(Form(decodes: batch, depth: middle, isCheck: true))
      forms.append(
        Form(decodes: batch, depth: middle, chunk: max(1, chunk / 3), start: 0, isCheck: true))
    }
    return forms
  }

  /// What a subject needs: a cache a sequence, and one for prompts.
  private final class Bench {
    let subject: SpeedSubject
    let decode: [BlockKVCache]
    let prompt: BlockKVCache
    let logits = Logits()

    init(_ subject: SpeedSubject, seats: Int, capacity: Int, fill: (BlockKVCache) throws -> Void)
      throws
    {
      self.subject = subject
      let pool = try KVBlockPool(subject.model.cacheLayout(subject.cache))
      decode = try (0..<seats).map { _ in
        let cache = BlockKVCache(pool: pool, capacity: capacity)
        try fill(cache)
        return cache
      }
      prompt = BlockKVCache(pool: pool, capacity: capacity)
      try fill(prompt)
    }
  }

  func run() throws -> [Outcome] {
    let benches = try subjects.map { subject in
      let fill = RandomCacheFill(subject.model, context: context)
      return try Bench(subject, seats: seats, capacity: depth + chunk + 2) { cache in
        try fill.fill(cache, to: depth, checkpoint: checkpoint)
      }
    }
    let forms = forms
    var taken = [[Form: [Double]]](repeating: [:], count: benches.count)
    let total = (Self.rounds + 1) * forms.count * benches.count
    var done = 0
    for round in 0...Self.rounds {
      for form in forms {
        for index in benches.indices {
          try checkpoint()
          let steps = try time(form, benches[index])
          if round > 0 { taken[index][form, default: []] += steps }
          done += 1
          progress(done, total)
        }
      }
    }
    return taken.map { taken in
      var outcome = Outcome()
      for form in forms {
        let sample = StepCostFit.Sample(
          step: form.step, seconds: SpeedMeasure.median(taken[form] ?? []))
        if form.isCheck { outcome.checks.append(sample) } else { outcome.fitted.append(sample) }
      }
      return outcome
    }
  }

  /// Seconds of single steps, as many as fill the least time.
  private func time(_ form: Form, _ bench: Bench) throws -> [Double] {
    let caches = bench.decode.prefix(form.decodes).map { $0.fork() }
    let prompt = bench.prompt.fork()
    for cache in caches { cache.truncate(to: form.depth) }
    prompt.truncate(to: form.start)
    let model = bench.subject.model
    let vocabulary = model.configuration.vocabularySize
    var prompts = caches.indices.map { [Int32($0 * 7919 % vocabulary)] }
    if form.chunk > 0 { prompts.append((0..<form.chunk).map { Int32($0 * 104_729 % vocabulary) }) }
    let all = caches + (form.chunk > 0 ? [prompt] : [])
    var steps: [Double] = []
    var spent = 0.0
    var isWarm = false
    while steps.isEmpty || spent < Self.leastSeconds {
      let start = Machine.seconds()
      try model.prefill(
        prompts: prompts, caches: all, context: context, into: bench.logits,
        options: ForwardOptions(chunk: seats + chunk))
      let seconds = Machine.seconds() - start
      // The first takes blocks of its own: it counts only where that is nothing next to the rest.
      if isWarm || seconds > 10 * Self.leastSeconds {
        steps.append(seconds)
        spent += seconds
      }
      isWarm = true
      for cache in caches { cache.truncate(to: form.depth) }
      prompt.truncate(to: form.start)
    }
    return steps
  }
}

import Evaluation
import Models
import Operators
import Planning
import Platform
import Quantization
import Tensors
import Wording

/// Measures the quality of many candidates on the same tokens, and lets go early of those that cannot win.
///
/// Arithmetic first: what cannot be, or takes more bytes than there are, is refused with its reason and not run. Then
/// rounds of windows; differences to the leader are paired window by window. Who is worse in quality by three standard
/// errors and no better in what is chosen by leaves, and so does who is above the limit by as much.
struct ChooseRace {
  /// A candidate with what is known of it.
  struct Entry {
    var row: ChooseReport.Row
    /// What the formats leave of bytes and arithmetic.
    var factors: Planner.Factors
    var model: Model?
    var cache: KVFormatPair
    /// Seconds that making it takes, by its price.
    var price = 0.0
    /// Scores by window.
    var scores: [ScoreStatistics] = []
    var isRunning: Bool { row.standing == .untimed }
  }

  let laboratory: Laboratory
  let held: Laboratory.OpenModel
  let options: ChooseOptions
  let plan: PlanReport
  let planner: Planner
  let calibration: [[Int32]]
  let text: TextWindows
  let reporter: JobReporter<ChooseJob.Part>
  let kept: KeptMeasures
  /// When racing ends, so that there is time to time what is left.
  var clock: ChooseClock
  var entries: [Entry] = []

  /// Standard errors that a difference must have to count.
  private static let certain = 3.0
  /// Windows after which candidates are compared; the last is all of them.
  static let rounds = [4, 16]
  /// Bytes that weights and cache may take.
  var most: Double {
    options.mostBytes ?? max(0, plan.memory.budget - plan.memory.activations)
  }

  /// Adds candidates by arithmetic alone.
  mutating func add(_ recipes: [Recipe]) throws {
    for recipe in recipes where !entries.contains(where: { $0.row.recipe == recipe }) {
      entries.append(try entry(recipe))
      reporter.tell(entries[entries.count - 1].row)
    }
  }

  private func entry(_ recipe: Recipe) throws -> Entry {
    let shape = held.summary.shape
    var row = ChooseReport.Row(recipe: recipe, standing: .untimed)
    var factors = Planner.Factors()
    var cache = KVFormatPair.fp16
    var price = 0.0
    do {
      cache = try recipe.cacheFormat(standard: .fp16)
      var demand = RuntimeDemand()
      if cache != .fp16 { demand.ask(for: cache) }
      if let trial = try laboratory.trial(recipe, held.model) {
        row.weightBytes = shape.weightBytes(bitsPerWeight: trial.bits)
        demand.weights = trial.format.isFloat ? nil : trial.format
        demand.activations = recipe.activations == nil ? nil : trial.activation
        factors.weightReads =
          shape.decodeWeightBytes(bitsPerWeight: trial.bits) / shape.storedDecodeBytes
        let reads = try recipe.calibrates()
        price = try laboratory.preflight(
          recipe, held, reads ? calibration.map(\.count) : [], keeping: .nothing, compares: false,
          tried: trial
        ).seconds
        if trial.activation.multipliesIntegers, planner.peaks.int8Rate > 0 {
          factors.arithmetic = planner.peaks.bf16Rate / planner.peaks.int8Rate
        }
      } else {
        row.weightBytes = shape.storedWeightBytes
      }
      let share =
        Double(shape.kvBytesPerToken(cache)) / Double(max(1, shape.kvBytesPerToken(.fp16)))
      factors.cacheReads = share
      row.cacheBytes = plan.memory.kvCache * share
      row.predictedSeconds = planner.requestSeconds(plan, factors)
      let coverage = RuntimeRules.coverage(demand)
      row.natives = coverage.count { $0.support == .native }
      row.support = options.runtime.flatMap { name in
        coverage.first { $0.runtime.lowercased().hasPrefix(name.lowercased()) }
      }
      if row.bytes > most {
        row.standing = .refused
        row.reason =
          "weights and cache take \(Quantity.bytes(row.bytes)), more than \(Quantity.bytes(most))"
      }
    } catch let error as QuantizationError {
      row.standing = .refused
      row.reason = RecipeTrial.advice(on: error)
    }
    return Entry(row: row, factors: factors, model: nil, cache: cache, price: price)
  }

  /// Whether the runtime that was asked for executes it; true where none was.
  func isNative(_ row: ChooseReport.Row) -> Bool {
    row.support.map { $0.support == .native } ?? (options.runtime == nil)
  }

  /// What is chosen by, as far as it is known before timing; lower is better.
  func predicted(_ row: ChooseReport.Row, _ resource: ChooseReport.Resource) -> Double {
    resource == .capacity ? row.bytes : row.predictedSeconds
  }

  /// All rounds: the first of as many candidates at a time as there is memory for, those that are made soonest first; then
  /// the others of those that are left, so that none is measured in full while another has not been measured at all.
  mutating func run(_ resource: ChooseReport.Resource) throws {
    let all = text.windows.count
    for round in Self.rounds.filter({ $0 < all }) + [all] {
      let batches = batches()
      for batch in batches {
        try measure(batch, windows: round)
        if round < all, options.exhaustive != true { prune(resource) }
        if batches.count > 1 { release(resource) }
      }
    }
  }

  /// Lets go of those that cannot win any more.
  private mutating func prune(_ resource: ChooseReport.Resource) {
    let running = entries.indices.filter { entries[$0].isRunning && !entries[$0].scores.isEmpty }
    let within = running.filter { entries[$0].row.isWithin == true && isNative(entries[$0].row) }
    guard
      let leader = within.min(by: {
        predicted(entries[$0].row, resource) < predicted(entries[$1].row, resource)
      }) ?? running.min(by: { kl(of: $0) < kl(of: $1) })
    else { return }
    for place in running where place != leader {
      let (difference, error) = difference(place, leader)
      let isWorse = difference > Self.certain * error
      let gains =
        predicted(entries[place].row, resource) < predicted(entries[leader].row, resource)
      let isOver =
        entries[leader].row.isWithin == true
        && kl(of: place) - Self.certain * (entries[place].row.kl?.error ?? 0) > options.mostKL
      guard isWorse && !gains || isOver && isWorse else { continue }
      entries[place].row.standing = .left
      entries[place].row.reason =
        gains
        ? "KL above \(Quantity.significant(options.mostKL)) by more than \(Quantity.fixed(Self.certain, 0)) standard errors"
        : "worse than \(entries[leader].row.recipe) in quality, and no better in what is chosen by"
      entries[place].model = nil
      reporter.tell(entries[place].row)
    }
  }

  private func kl(of place: Int) -> Double { entries[place].row.kl?.mean ?? .infinity }

  /// How much more KL one has than another in the windows both were measured on, and the standard error of that.
  private func difference(_ place: Int, _ other: Int) -> (mean: Double, error: Double) {
    let pairs = zip(entries[place].scores, entries[other].scores).map {
      $0.divergence.mean - $1.divergence.mean
    }
    let count = Double(max(1, pairs.count))
    let mean = pairs.reduce(0, +) / count
    guard pairs.count > 1 else { return (mean, .infinity) }
    let squares = pairs.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (mean, (squares / (count - 1) / count).squareRoot())
  }

  /// The cache of the best candidate for it with the layers of the best for them, where both are within the limits.
  mutating func addPair(_ resource: ChooseReport.Resource) throws {
    let within = entries.filter { $0.isRunning && $0.row.isWithin == true }
    func best(_ isCache: Bool) -> Recipe? {
      within.filter {
        ($0.row.recipe.targets == [.kvCache]) == isCache && $0.row.recipe.targets.count == 1
      }
      .min { predicted($0.row, resource) < predicted($1.row, resource) }?.row.recipe
    }
    guard let layers = best(false), let cache = best(true) else { return }
    try add([ChooseCandidates.joined(layers, cache)])
    try measure([entries.count - 1], windows: text.windows.count)
  }

  /// Takes what a candidate's cache lost at depth in; beyond the limit by more than chance it is outside of it.
  mutating func deepen(_ place: Int, _ found: ChooseDepth.Found) {
    let kl = found.scores.divergence
    entries[place].row.atDepth = ChooseReport.AtDepth(
      depth: found.depth, tokens: found.scores.count, kl: Estimate(mean: kl.mean, error: kl.error),
      topOne: found.scores.topOneAgreement.mean)
    if kl.mean - kl.error > options.mostKL, entries[place].row.isWithin == true {
      entries[place].row.isWithin = false
      entries[place].row.reason =
        "KL \(Quantity.significant(kl.mean)) at a depth of \(Quantity.grouped(found.depth)) tokens, above "
        + Quantity.significant(options.mostKL)
    }
    reporter.tell(entries[place].row)
  }

  /// Takes the timing of a candidate in.
  mutating func time(_ place: Int, _ timing: WorkloadTimes) {
    entries[place].row.timing = timing
    entries[place].row.standing = .finalist
    reporter.tell(entries[place].row)
  }
}

import Evaluation
import Models
import Platform
import Quantization
import Wording

extension ChooseRace {
  /// Share of the free memory that candidates may take at a time, and those that are kept for timing.
  private static let memoryShare = 0.4
  private static let keptShare = 0.2

  private static func free() -> Double { Machine.memoryAvailable().map(Double.init) ?? .infinity }

  /// Those that run, those that are made soonest first, in parts that memory holds at a time.
  func batches() -> [[Int]] {
    let room = Self.free() * Self.memoryShare
    var batches: [[Int]] = []
    var bytes = 0.0
    let order = entries.indices.filter { entries[$0].isRunning }.sorted {
      (entries[$0].price, $0) < (entries[$1].price, $1)
    }
    for place in order {
      let more = entries[place].row.weightBytes
      if batches.isEmpty || bytes + more > room {
        batches.append([])
        bytes = 0
      }
      batches[batches.count - 1].append(place)
      bytes += more
    }
    return batches
  }

  /// Lets go of models, but for the best that memory holds beside the next ones: those are likely to be timed.
  mutating func release(_ resource: ChooseReport.Resource) {
    var room = Self.free() * Self.keptShare
    for place in ranked(resource) {
      room -= entries[place].row.weightBytes
      if room < 0 { entries[place].model = nil }
    }
    for place in entries.indices where !entries[place].isRunning { entries[place].model = nil }
  }

  /// Those that were measured and run still: within the limits, or nearest to them, by what is known before timing.
  func ranked(_ resource: ChooseReport.Resource) -> [Int] {
    func key(_ place: Int) -> (Int, Int, Double) {
      let row = entries[place].row
      let isWithin = row.isWithin == true
      return (
        isNative(row) ? 0 : 1, isWithin ? 0 : 1,
        isWithin ? predicted(row, resource) : row.kl?.mean ?? .infinity
      )
    }
    return entries.indices.filter { entries[$0].isRunning && entries[$0].row.kl != nil }
      .sorted { key($0) < key($1) }
  }

  /// Measures those of some candidates that run on windows up to `count`; the baseline runs once a window.
  mutating func measure(_ places: [Int], windows count: Int) throws {
    let running = places.filter { entries[$0].isRunning && entries[$0].scores.count < count }
    guard !running.isEmpty else { return }
    let measure = try SharedBaselineMeasure(
      baseline: laboratory.baseline(held), text: text, context: laboratory.makeContext())
    let start = Machine.seconds()
    var done = 0
    for window in 0..<count {
      for place in running where entries[place].isRunning && entries[place].scores.count == window {
        guard !clock.isOver else {
          stop(place)
          continue
        }
        let name = "\(entries[place].row.recipe), window \(window + 1)"
        let left = running.reduce(0) { sum, place in
          sum + (entries[place].isRunning ? max(0, count - entries[place].scores.count) : 0)
        }
        reporter.progress(
          "\(entries[place].row.recipe): window \(window + 1) of \(count)", done: done,
          of: left + done, unit: "windows", since: start)
        // What cannot be made is known once it is tried.
        guard try kept.has(name) || subject(place) != nil else { continue }
        let since = Machine.seconds()
        let isNew = !kept.has(name)
        let scores = try kept.measured(name) {
          guard let subject = try subject(place) else {
            throw EngineError.nothingQuantized(job: name)
          }
          return try measure.score(subject, window: window, checkpoint: reporter.checkpoint)
        }
        if isNew { clock.scored(seconds: Machine.seconds() - since) }
        entries[place].scores.append(scores)
        note(place)
        done += 1
      }
    }
    for place in running { reporter.tell(entries[place].row) }
  }

  private mutating func stop(_ place: Int) {
    guard entries[place].scores.isEmpty else { return }
    leave(place, "the time was over before it was measured")
  }

  /// What there was no time for: what was measured of it stays.
  private mutating func leave(_ place: Int, _ reason: String) {
    if entries[place].scores.isEmpty { entries[place].row.standing = .notReached }
    entries[place].row.reason = reason
  }

  /// The candidate's model, made when it is first asked for; nil where it turns out that it cannot be, or not in time.
  ///
  /// - Parameter timing: the time to make it in where that is not the race's.
  mutating func subject(_ place: Int, by timing: ChooseClock? = nil) throws -> EvaluationSubject? {
    let recipe = entries[place].row.recipe
    let name = "\(recipe)"
    if entries[place].model == nil {
      if recipe.weights == nil, recipe.activations == nil {
        entries[place].model = held.model
      } else {
        // The layers of a pair were made already, or are made for both.
        entries[place].model =
          try entries.first { other in
            other.model != nil && other.row.recipe.weights == recipe.weights
              && other.row.recipe.activations == recipe.activations
          }?.model ?? make(place, by: timing)
      }
    }
    return entries[place].model.map {
      EvaluationSubject(name: name, model: $0, cache: entries[place].cache)
    }
  }

  private mutating func make(_ place: Int, by timing: ChooseClock?) throws -> Model? {
    let entry = entries[place]
    let name = "\(entry.row.recipe)"
    let made = entries.count { $0.isRunning && $0.model != nil && !$0.scores.isEmpty }
    let left = timing ?? clock
    let price = left.making(entry.price)
    if let words = left.refusal(
      price: entry.price, others: timing == nil ? (Self.rounds.first ?? 1) * (made + 1) : 0)
    {
      leave(place, words)
      return nil
    }
    let start = Machine.seconds()
    do {
      let outcome = try laboratory.quantized(
        entry.row.recipe, held, calibration,
        pause: { [reporter] in
          try reporter.checkpoint()
          if left.isOver { throw ChooseClock.OutOfTime() }
        }
      ) { [reporter] done, of in
        reporter.progress("making \(name)", done: done, of: of, unit: "blocks", since: start)
      }
      clock.made(price: entry.price, seconds: Machine.seconds() - start)
      entries[place].row.weightBytes = Double(outcome.model.weightBytes)
      return outcome.model
    } catch let error as QuantizationError {
      entries[place].row.standing = .refused
      entries[place].row.reason = RecipeTrial.advice(on: error)
    } catch is ChooseClock.OutOfTime {
      clock.made(price: entry.price, seconds: max(entry.price, Machine.seconds() - start))
      leave(
        place,
        "making it was to take \(Quantity.seconds(price)) and had not ended after "
          + Quantity.seconds(Machine.seconds() - start))
    }
    return nil
  }

  /// Takes what was scored into the row.
  private mutating func note(_ place: Int) {
    var all = ScoreStatistics()
    for scores in entries[place].scores { all.add(scores) }
    let kl = all.divergence
    entries[place].row.windows = entries[place].scores.count
    entries[place].row.kl = Estimate(mean: kl.mean, error: kl.error)
    entries[place].row.perplexity = all.perplexity
    entries[place].row.topOne = all.topOneAgreement.mean
    entries[place].row.isWithin =
      kl.mean <= options.mostKL && all.topOneAgreement.mean >= options.leastTopOne
      && entries[place].row.bytes <= most
  }
}

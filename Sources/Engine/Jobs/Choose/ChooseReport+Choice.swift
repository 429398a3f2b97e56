import Evaluation
import Models
import Planning
import Quantization
import Wording

extension ChooseReport {
  /// Values of bytes closer than this, as a share, are the same.
  private static let sameBytes = 0.02
  /// Tokens that a depth may lack of the planned one and still be called it.
  private static let nearlyAll = 128

  /// Sorts the rows, and finds the one to recommend.
  ///
  /// Among those within the limits the best in what is chosen by wins; of those that are equal within their spread the
  /// simplest: no calibration before calibration, one target before two, a form that more runtimes execute before others.
  package mutating func settle(_ baseline: Row, _ candidates: [Row]) {
    let ranked = candidates.sorted { rank($0) < rank($1) }
    rows = [baseline] + ranked
    let allowed = rows.indices.dropFirst().filter {
      rows[$0].standing == .finalist && rows[$0].isWithin == true && isNative(rows[$0])
    }
    // What is no better than nothing is no rival of what is.
    let able = allowed.filter { gains(rows[$0], baseline) }
    let field = able.isEmpty ? allowed : able
    guard let best = field.min(by: { value(rows[$0]) < value(rows[$1]) }) else {
      // The baseline needs no method; where it does not fit either, what comes nearest is named.
      winner = baseline.isWithin == true && options.runtime == nil ? 0 : nil
      nearest =
        rows.indices.dropFirst().filter { rows[$0].kl != nil }.min {
          (rows[$0].kl?.mean ?? .infinity) < (rows[$1].kl?.mean ?? .infinity)
        }
      return
    }
    let equal = field.filter { isEqual(rows[$0], rows[best]) }
    let simplest = equal.min { Self.effort(rows[$0]) < Self.effort(rows[$1]) } ?? best
    winner = able.isEmpty && baseline.isWithin == true ? 0 : simplest
  }

  /// Native where a runtime was asked for.
  private func isNative(_ row: Row) -> Bool {
    options.runtime == nil || row.support?.support == .native
  }

  /// Lower is better.
  private func value(_ row: Row) -> Double {
    resource == .capacity ? row.bytes : row.timing?.request ?? row.predictedSeconds
  }

  private func isEqual(_ row: Row, _ best: Row) -> Bool {
    guard resource == .time else { return row.bytes <= best.bytes * (1 + Self.sameBytes) }
    guard let mine = row.timing?.speedup, let theirs = best.timing?.speedup else { return false }
    return mine.high >= theirs.low
  }

  /// Whether it is better than nothing, beyond what chance can tell.
  private func gains(_ row: Row, _ baseline: Row) -> Bool {
    resource == .capacity ? row.bytes < baseline.bytes : (row.timing?.speedup.low ?? 0) > 1
  }

  /// What a recipe asks of its user; lower is simpler.
  private static func effort(_ row: Row) -> (Int, Int, Int, Double) {
    let calibrates = (try? row.recipe.calibrates()) ?? true
    return (calibrates ? 1 : 0, row.recipe.targets.count, -row.natives, row.kl?.mean ?? .infinity)
  }

  private func rank(_ row: Row) -> (Int, Int, Int, Double) {
    let order: [Standing: Int] = [.finalist: 0, .untimed: 1, .left: 2, .notReached: 3, .refused: 4]
    return (
      order[row.standing] ?? 5, isNative(row) ? 0 : 1, row.isWithin == true ? 0 : 1,
      row.isWithin == true ? value(row) : row.kl?.mean ?? .infinity
    )
  }
}

extension ChooseReport {
  /// What is recommended and why, with the workload and its figures.
  package var sentence: String {
    "For \(options.workload.words) on \(options.machine ?? "this machine"): \(headline)"
  }

  /// What is recommended, with its figures.
  package var headline: String {
    guard let winner else {
      guard let nearest else { return "nothing could be measured." }
      return "no method is within the limits (KL at most "
        + "\(Quantity.significant(options.mostKL)), top-1 at least \(Quantity.percent(options.leastTopOne))); "
        + "the nearest is `\(rows[nearest].recipe)`: \(quality(rows[nearest]))."
    }
    let row = rows[winner]
    guard winner > 0 else {
      return
        "the baseline stays: nothing that was tried is within the limits and better beyond its spread."
    }
    var parts: [String] = []
    if let timing = row.timing {
      let speedup = timing.speedup
      let spread =
        isModelled
        ? "modelled" : "\(Quantity.fixed(speedup.low, 2)) to \(Quantity.fixed(speedup.high, 2))"
      parts.append(
        "a request takes \(Quantity.seconds(timing.request)), \(Quantity.times(speedup.median)) as fast as the "
          + "baseline (\(spread))")
    }
    parts.append(
      "weights and cache \(Quantity.bytes(rows[0].bytes)) -> \(Quantity.bytes(row.bytes))")
    parts.append(quality(row))
    return "`\(row.recipe)`: \(parts.joined(separator: "; "))."
  }

  /// Whether times are not all of what was run.
  package var isModelled: Bool { timed?.isModelled ?? true }

  /// Whether some that run to the end were measured on fewer windows than others, or than there are.
  private var isCut: Bool {
    let counts = rows.dropFirst().filter { $0.standing == .finalist || $0.standing == .untimed }
      .map(
        \.windows)
    return !isWhole || Set(counts).count > 1
      || (counts.max() ?? 0) < min(options.windows, textWindows ?? 0)
  }

  private func quality(_ row: Row) -> String {
    guard let kl = row.kl, let topOne = row.topOne else { return "quality not measured" }
    let few =
      row.windows < options.windows && isCut
      ? ", on \(row.windows) \(row.windows == 1 ? "window" : "windows") only" : ""
    let deep =
      row.atDepth.map {
        "; at a depth of \(Quantity.grouped($0.depth)) KL \(Quantity.significant($0.kl.mean)), top-1 "
          + Quantity.percent($0.topOne, 1)
      } ?? ""
    return
      "KL \(Quantity.significant(kl.mean))\(Quantity.margin(kl.error, windows: row.windows)), top-1 "
      + Quantity.percent(topOne, 1) + few + deep
  }

  /// What would change the choice, and what was not measured, a sentence each.
  package var changes: [String] {
    var lines: [String] = []
    if !planChange.isEmpty { lines.append("The target: \(planChange)") }
    if let line = looser { lines.append(line) }
    if let line = tighter { lines.append(line) }
    if let timed, timed.isModelled {
      lines.append(
        "Timed: a prompt of \(Quantity.grouped(timed.prompt)) of \(Quantity.grouped(timed.plannedPrompt)) tokens, steps of "
          + "\(timed.batch) of \(Quantity.grouped(timed.plannedBatch)) sequences after \(Quantity.grouped(timed.depth)) of "
          + "\(Quantity.grouped(timed.plannedDepth)) tokens; the rest is modelled from what was timed"
          + (timed.modelError.map {
            ", off by \(Quantity.percent($0, 1)) at most where it can be checked."
          }
            ?? "."))
    }
    let missed = rows.filter { $0.standing == .notReached }
    if !missed.isEmpty {
      lines.append(
        "Not measured, since the time was over: \(missed.map { "\($0.recipe)" }.joined(separator: ", "))."
      )
    }
    if rows.contains(where: { $0.recipe.targets.contains(.kvCache) && $0.kl != nil }) {
      let depths = rows.compactMap(\.atDepth?.depth)
      lines.append(
        (depths.max().map {
          "Caches that were timed were read at a depth of \(Quantity.grouped($0)) tokens too"
            + ($0 < options.workload.context - Self.nearlyAll
              ? ", of \(Quantity.grouped(options.workload.context)) planned" : "")
        } ?? "Caches were read at up to \(windowTokens) tokens")
          + "; `nibble cache` asks for recall and looks deeper."
      )
    }
    return lines
  }

  /// The row that a looser limit would bring.
  private var looser: String? {
    guard let winner else { return nil }
    let better = rows.indices.dropFirst().filter { place in
      let row = rows[place]
      guard row.isWithin == false, row.kl != nil, isNative(row) else { return false }
      return resource == .capacity
        ? row.bytes < rows[winner].bytes * (1 - Self.sameBytes)
        : row.predictedSeconds < rows[winner].predictedSeconds * (1 - Self.sameBytes)
    }
    guard let next = better.min(by: { (rows[$0].kl?.mean ?? 0) < (rows[$1].kl?.mean ?? 0) }),
      let kl = rows[next].kl
    else { return nil }
    return
      "A KL of \(Quantity.significant(kl.mean)) instead of \(Quantity.significant(options.mostKL)) would allow "
      + "`\(rows[next].recipe)`, which takes \(Quantity.bytes(rows[next].bytes))."
  }

  /// The row that a tighter limit would leave.
  private var tighter: String? {
    guard let winner, winner > 0, let kl = rows[winner].kl else { return nil }
    let closer = rows.indices.dropFirst().filter {
      $0 != winner && rows[$0].standing == .finalist && rows[$0].isWithin == true
        && (rows[$0].kl?.mean ?? .infinity) < kl.mean
    }
    guard let next = closer.min(by: { value(rows[$0]) < value(rows[$1]) }) else { return nil }
    return
      "A KL below \(Quantity.significant(kl.mean)) would leave `\(rows[next].recipe)` (\(quality(rows[next])))."
  }
}

import Engine
import Planning
import Serving
import Wording

/// What `serve-sim` prints.
enum TrafficLines {
  static func show(_ report: TrafficReport, explain: Bool, timeline: Bool) {
    head(report)
    table(report)
    for side in report.sides where side.simulated.refused > 0 {
      print(
        "\(side.form.name): \(Quantity.grouped(side.simulated.refused)) requests are larger than its whole cache and were refused"
      )
    }
    for side in report.sides { fit(side) }
    if !report.widths.isEmpty { widths(report) }
    for side in report.sides where side.executed != nil { executed(side) }
    for note in report.notes { print(note) }
    if timeline {
      for side in report.sides { moments(side.form.name, side.executed ?? side.simulated) }
    }
    if explain {
      print("")
      for line in report.sides.flatMap(\.explanation) { print(line) }
    }
    print("Simulated \(Quantity.rate(report.simulationRate, "requests/s")) of this machine's time.")
  }

  private static func head(_ report: TrafficReport) {
    let machines = report.replicas * report.ways
    let fleet =
      machines > 1
      ? "\(Quantity.grouped(machines)) x \(report.machine)"
        + (report.ways > 1
          ? ", \(report.ways) a copy of the model, \(report.replicas) \(report.replicas == 1 ? "copy" : "copies")"
          : "")
      : report.machine
    print(
      "\(report.model) on \(fleet): \(report.isModelled ? "modelled from its limits" : "steps timed here")"
    )
    let dropped =
      report.leftOut > 0 ? ", \(Quantity.grouped(report.leftOut)) longer ones left out" : ""
    print(
      "\(Quantity.grouped(report.requests)) requests (\(report.trace)\(dropped)), "
        + "\(Quantity.significant(report.rate)) a second, \(Quantity.significant(report.meanPrompt)) tokens of prompt and "
        + "\(Quantity.significant(report.meanGenerated)) generated on average")
    print("")
  }

  private static func pair(_ spread: ServingReport.Spread) -> String {
    "\(Quantity.seconds(spread.median)), \(Quantity.seconds(spread.p99))"
  }

  private static func table(_ report: TrafficReport) {
    print("Median and 99th percentile:")
    Output.table(
      [
        "form", "first token", "per token", "whole request", "tokens/s", "at once", "cache",
        "given up",
      ]
        + (report.promise.isEmpty ? [] : ["largest rate"]),
      report.sides.map { side in
        let run = side.simulated
        return [
          side.form.name, pair(run.firstToken), pair(run.perToken), pair(run.whole),
          Quantity.significant(run.tokenRate),
          "\(Quantity.significant(run.running.median)), \(Quantity.significant(run.running.p99))",
          "\(Quantity.percent(run.occupancy.median)), \(Quantity.percent(run.occupancy.p99))",
          Quantity.grouped(run.preemptions),
        ] + (report.promise.isEmpty ? [] : [rate(side.largest)])
      })
    if !report.promise.isEmpty {
      print("Largest rate: requests a second with \(words(report.promise)).")
    }
    for side in report.sides {
      print(
        "  \(side.form.name): weights \(Quantity.bytes(side.capacity.weightBytes)), cache of "
          + "\(Quantity.short(Double(side.capacity.blocks * side.capacity.blockTokens))) tokens in \(Quantity.bytes(max(0, side.capacity.room)))"
          + (side.simulated.cachedShare > 0
            ? ", \(Quantity.percent(side.simulated.cachedShare)) of the prompts were in it" : ""))
    }
  }

  private static func rate(_ found: RateSearch.Found?) -> String {
    guard let found else { return "-" }
    if found.rate <= 0 { return "none" }
    return (found.isUnbounded ? "over " : "") + Quantity.significant(found.rate)
  }

  private static func words(_ promise: ServingPromise) -> String {
    [
      ("first token", promise.firstToken), ("a token", promise.perToken),
      ("the whole", promise.whole),
    ].compactMap { name, seconds in seconds.map { "\(name) within \(Quantity.seconds($0))" } }
      .joined(separator: ", ") + " for \(promise.percentile.rawValue)"
  }

  private static func fit(_ side: TrafficReport.Side) {
    guard let fit = side.fit else { return }
    print(
      "  \(side.form.name): fitted to \(fit.fitted) steps; \(fit.checked) others are off by "
        + "\(Quantity.percent(fit.medianError)) at the median, \(Quantity.percent(fit.largestError)) at most"
    )
  }

  private static func widths(_ report: TrafficReport) {
    print("\nCache width against users, weights in full precision:")
    Output.table(
      [
        "bits", "bytes a token", "tokens cached", "requests that fit", "at once", "first token p99",
        "given up",
      ]
        + (report.promise.isEmpty ? [] : ["largest rate", "users at it"]),
      report.widths.map { width in
        [
          Quantity.atMost(2, width.bits), Quantity.bytes(width.bytesPerToken),
          Quantity.short(Double(width.blocks) * 64), Quantity.grouped(width.fitting),
          Quantity.significant(width.simulated.running.p99),
          Quantity.seconds(width.simulated.firstToken.p99),
          Quantity.grouped(width.simulated.preemptions),
        ]
          + (report.promise.isEmpty
            ? [] : [rate(width.largest), width.users.map { Quantity.significant($0) } ?? "-"])
      })
  }

  private static func executed(_ side: TrafficReport.Side) {
    print("\n\(side.form.name), simulated next to the real engine:")
    Output.table(
      ["figure", "simulated", "measured", "off by"],
      TrafficReport.differences(side).map { item in
        func text(_ value: Double) -> String {
          item.figure == "tokens a second" ? Quantity.significant(value) : Quantity.seconds(value)
        }
        return [
          item.figure, text(item.simulated), text(item.measured),
          Quantity.signedPercent(item.error),
        ]
      })
    guard let replayed = side.replayed else { return }
    print(
      "Its \(Quantity.grouped(replayed.steps)) steps took \(Quantity.seconds(replayed.measured)); the fit says "
        + "\(Quantity.seconds(replayed.fitted)) of the same steps, and is off by "
        + "\(Quantity.percent(replayed.medianError)) of a step at the median.")
  }

  private static func moments(_ name: String, _ run: ServingReport) {
    print("\n\(name) over time:")
    let stride = max(1, run.moments.count / 24)
    Output.table(
      ["time", "cache", "running", "waiting", "first token"],
      run.moments.enumerated().filter { $0.offset % stride == 0 }.map { _, moment in
        [
          Quantity.seconds(moment.time), Quantity.percent(moment.occupancy),
          Quantity.significant(moment.running), Quantity.significant(moment.waiting),
          moment.firstToken.map { Quantity.seconds($0) } ?? "-",
        ]
      })
  }
}

/// The JSON document of `serve-sim`: the report, and simulated next to measured.
struct TrafficDocument: Encodable {
  private let report: TrafficReport

  init(_ report: TrafficReport) { self.report = report }

  private enum Key: String, CodingKey { case differences }

  private struct Item: Encodable {
    var form: String
    var figure: String
    var simulated: Double
    var measured: Double
    var error: Double
  }

  func encode(to encoder: any Encoder) throws {
    try report.encode(to: encoder)
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(
      report.sides.flatMap { side in
        TrafficReport.differences(side).map {
          Item(
            form: side.form.name, figure: $0.figure, simulated: $0.simulated,
            measured: $0.measured, error: $0.error)
        }
      }, forKey: .differences)
  }
}

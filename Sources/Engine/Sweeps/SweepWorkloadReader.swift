import Planning
import Serving
import TOMLKit

/// The `[[workload]]` of a plan: traces that described machines serve.
///
/// Steps that are timed on the machine at hand are no pure figures, so that a workload names a described one.
struct SweepWorkloadReader {
  let file: SweepPlanFile

  private static let keys = [
    "name", "machine", "trace", "drop-long", "rate", "count", "burst", "prompt", "generate",
    "spread", "prefixes", "prefix-tokens", "prefix-share", "seed", "context", "seats", "chunk",
    "fleet", "split", "link-gbs", "link-latency", "router", "ttft", "tpot", "e2e", "percentile",
  ]
  /// A context for drawn requests before a model is known.
  private static let anyContext = 1 << 40

  /// - Throws: `SweepError.badPlan`.
  func workloads(_ table: TOMLTable) throws(SweepError) -> [SweepPlan.Workload] {
    var found: [SweepPlan.Workload] = []
    for reader in try file.sections(table, "workload") ?? [] { found.append(try workload(reader)) }
    try file.refuseTwins(found.map(\.name), of: "workload")
    return found
  }

  private func workload(_ reader: SweepTableReader) throws(SweepError) -> SweepPlan.Workload {
    try reader.refuseOthers(Self.keys)
    guard let name = try reader.text("name") else {
      throw reader.wrong("name", "what the workload is called", nil)
    }
    guard let machine = try reader.text("machine"), machine != "this" else {
      throw reader.wrong(
        "machine", "a described machine, since steps timed on this one are no pure figures",
        table(reader, "machine"))
    }
    var options = TrafficOptions(
      source: try source(reader), machine: machine,
      context: try reader.integer("context", 2...100_000_000), promise: try promise(reader))
    options.seats = try reader.integer("seats", 1...100_000)
    options.chunk = try reader.integer("chunk", 1...100_000)
    options.fleet = try reader.integer("fleet", 1...100_000) ?? 1
    options.split = TensorSplit(
      ways: try reader.integer("split", 1...100_000) ?? 1,
      link: (try reader.number("link-gbs") ?? 0) * 1e9,
      latency: try reader.number("link-latency") ?? 0)
    if let router = try reader.choice("router", ["least", "turns"]) {
      options.router = ServingSimulator.Router(rawValue: router) ?? .least
    }
    do { try options.check() } catch {
      throw reader.wrong("machine", "a workload that holds together", "\(error)")
    }
    return SweepPlan.Workload(name: name, options: options)
  }

  private func table(_ reader: SweepTableReader, _ key: String) -> String? {
    reader.table[key].map { "\($0)" }
  }

  private func source(_ reader: SweepTableReader) throws(SweepError) -> TrafficOptions.Source {
    let rate = try reader.number("rate")
    let count = try reader.integer("count", 1...DrawnTrace.most)
    if let trace = try reader.text("trace") {
      return .file(
        path: file.resolved(trace), rate: rate, dropsLong: try reader.flag("drop-long") ?? false,
        most: count)
    }
    let share = try reader.number("prefix-share") ?? 0
    let drawn = DrawnTrace(
      rate: rate ?? 1, requests: count ?? 2000, burst: try reader.number("burst") ?? 1,
      prompt: try reader.number("prompt") ?? 512, generated: try reader.number("generate") ?? 128,
      spread: try reader.number("spread") ?? 0.8,
      prefixes: try reader.integer("prefixes", 0...1_000_000) ?? 1,
      prefixTokens: share > 0 ? try reader.integer("prefix-tokens", 0...100_000_000) ?? 256 : 0,
      prefixShare: share, context: Self.anyContext,
      seed: UInt64(try reader.integer("seed", 0...Int.max) ?? 0))
    do { try drawn.check() } catch {
      throw reader.wrong("rate", "a trace that can be drawn", "\(error)")
    }
    return .drawn(drawn)
  }

  private func promise(_ reader: SweepTableReader) throws(SweepError) -> ServingPromise {
    var promise = ServingPromise()
    promise.firstToken = try seconds(reader, "ttft")
    promise.perToken = try seconds(reader, "tpot")
    promise.whole = try seconds(reader, "e2e")
    if let percentile = try reader.choice(
      "percentile", ServingReport.Percentile.allCases.map(\.rawValue))
    {
      promise.percentile = ServingReport.Percentile(rawValue: percentile) ?? .p99
    }
    return promise
  }

  private func seconds(_ reader: SweepTableReader, _ key: String) throws(SweepError) -> Double? {
    guard let value = try reader.number(key) else { return nil }
    guard value > 0, value <= 1e6 else {
      throw reader.wrong(key, "seconds above 0, at most 10^6", "\(value)")
    }
    return value
  }
}

import Evaluation

/// A `[[protocol]]` of a plan: how quality is measured.
struct SweepProtocolReader {
  let reader: SweepTableReader

  private static let begins: [String: WindowBegin] = [
    "window": .eachWindow, "text": .text, "none": .nothing,
  ]

  /// - Throws: `SweepError.badPlan`.
  func `protocol`() throws(SweepError) -> SweepPlan.NamedProtocol {
    try reader.refuseOthers([
      "name", "protocol", "window", "windows", "baseline", "bos", "prefill", "chat",
    ])
    let named = try reader.choice("protocol", EvaluationProtocol.allCases.map(\.rawValue))
    let kind = named.flatMap(EvaluationProtocol.init(rawValue:)) ?? .llamaCpp
    var options = EvaluationOptions(protocol: kind)
    options.window = try reader.integer("window", 2...10_000_000)
    options.windows = try reader.integer("windows", 1...100_000_000)
    options.baseline =
      try reader.choice("baseline", ["bf16", "f32"]).flatMap(
        EvaluationOptions.Baseline.init(rawValue:)) ?? .bf16
    options.begin = try reader.choice("bos", Self.begins.keys.sorted()).flatMap { Self.begins[$0] }
    options.prefill = try reader.choice("prefill", ["passes", "full"]).flatMap(
      CacheSchedule.init(rawValue:))
    if try reader.flag("chat") == true { options.chat = true }
    if options.prefill == .full, kind == .paper {
      throw reader.wrong(
        "prefill", "protocol llama.cpp next to full, since 'paper' reads nothing of the cache",
        "paper")
    }
    let words =
      [kind.rawValue] + [options.window, options.windows].compactMap { $0.map(String.init) }
    return SweepPlan.NamedProtocol(
      name: try reader.text("name") ?? words.joined(separator: ":"), options: options)
  }
}

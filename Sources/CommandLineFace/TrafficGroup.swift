import ArgumentParser
import Engine
import Planning
import Serving
import Wording

/// Which requests come.
struct TrafficGroup: ParsableArguments {
  @Option(
    help:
      "A trace: CSV with TIMESTAMP, ContextTokens and GeneratedTokens (Azure), or JSON lines with timestamp, input_length, output_length and hash_ids (Mooncake). Drawn at random without it."
  )
  var trace: String?

  @Option(
    help:
      "Requests a second; 1 without it. With --trace its arrivals are brought to it, else they stay."
  )
  var rate: Double?

  @Option(
    help:
      "Requests that are drawn, or read of a trace; all of a trace without it, else 200 on this machine, 2000 on others."
  )
  var count: Int?

  @Option(help: "Requests that come at the same moment, on average; 1 for a Poisson process.")
  var burst = 1.0

  @Option(help: "Tokens of a drawn prompt, on average, besides a common prefix.")
  var prompt = 512.0

  @Option(help: "Tokens generated for a drawn request, on average.")
  var generate = 128.0

  @Option(help: "Spread of drawn lengths: the standard deviation of their logarithm, 0 for none.")
  var spread = 0.8

  @Option(help: "Prefixes that drawn prompts may have in common.")
  var prefixes = 1

  @Option(name: .customLong("prefix-tokens"), help: "Tokens of such a prefix.")
  var prefixTokens = 256

  @Option(
    name: .customLong("prefix-share"), help: "Share of drawn requests that begin with one, 0 to 1.")
  var prefixShare = 0.0

  @Option(help: "Seed of what is drawn.")
  var seed: UInt64 = 0

  @Option(help: "Tokens a request may have in all; the model's context without it.")
  var context: Int?

  @Flag(
    name: .customLong("drop-long"),
    help: "Leave out requests of a trace that are longer, rather than refuse it.")
  var dropsLong = false

  /// A context for checking drawn options before a model is known.
  private static let anyContext = 1 << 40

  func validate() throws {
    if let context, !(2...100_000_000).contains(context) {
      throw ValidationError("--context: expected 2 to 100000000, found \(context)")
    }
    do { try drawn(standard: 1).check() } catch { throw ValidationError("\(error)") }
  }

  private func drawn(standard: Int) -> DrawnTrace {
    DrawnTrace(
      rate: rate ?? 1, requests: count ?? standard, burst: burst, prompt: prompt,
      generated: generate,
      spread: spread, prefixes: prefixes, prefixTokens: prefixShare > 0 ? prefixTokens : 0,
      prefixShare: prefixShare, context: context ?? Self.anyContext, seed: seed)
  }

  /// - Parameter standard: requests that are drawn where nobody says how many.
  func source(standard: Int) -> TrafficOptions.Source {
    trace.map { .file(path: $0, rate: rate, dropsLong: dropsLong, most: count) }
      ?? .drawn(drawn(standard: standard))
  }
}

/// What requests are promised, and the machines that serve them.
struct ServingGroup: ParsableArguments {
  @Option(
    help:
      "What requests are promised, in seconds: ttft=0.5 (first token), tpot=0.05 (a token after it), e2e=10 (the whole), with commas between. The largest rate that keeps it is then looked for."
  )
  var limit: String?

  @Option(help: "The percentile of requests that the limit holds for: p50, p90 or p99.")
  var percentile = ServingReport.Percentile.p99.rawValue

  @Option(help: "The machine: 'this' (steps are timed), or one of the described ones (modelled).")
  var machine: String?

  @Option(help: "Memory a machine may use: 24GB, 512MB, or bytes; all it has without it.")
  var memory: String?

  @Option(help: "Sequences at once; 16 on this machine without it, 256 on a described one.")
  var seats: Int?

  @Option(
    help: "Tokens of prompts in a step at most; 128 on this machine without it, 512 on others.")
  var chunk: Int?

  @Option(
    name: .customLong("kv-widths"),
    help:
      "Widths of the cache to hold against each other, in bits of a value with its scales: 16,8.5,3.5."
  )
  var kvWidths: String?

  @Option(help: "Described machines that serve together.")
  var fleet = 1

  @Option(help: "Machines that each copy of the model is split among, tensor by tensor.")
  var split = 1

  @Option(help: "Bytes a second of the link between those: 450GB.")
  var link: String?

  @Option(name: .customLong("link-latency"), help: "Seconds of an exchange besides its bytes.")
  var linkLatency = 0.0

  @Option(help: "Which copy gets a request: least (the one with the fewest), or turns.")
  var router = ServingSimulator.Router.least.rawValue

  func validate() throws {
    _ = try promise()
    guard ServingSimulator.Router(rawValue: router) != nil else {
      throw ValidationError("--router: expected least or turns, found '\(router)'")
    }
    for (name, value) in [
      ("--seats", seats), ("--chunk", chunk), ("--fleet", fleet), ("--split", split),
    ] {
      guard let value, !(1...100_000).contains(value) else { continue }
      throw ValidationError("\(name): expected 1 to 100000, found \(value)")
    }
    for (name, value) in [("--memory", memory), ("--link", link)] {
      guard let value, ByteText.parse(value) == nil else { continue }
      throw ValidationError("\(name): expected a size such as 24GB or 512MB, found '\(value)'")
    }
    guard (0...1).contains(linkLatency) else {
      throw ValidationError("--link-latency: expected seconds from 0 to 1, found \(linkLatency)")
    }
    if let kvWidths, WorkloadGroup.widths(kvWidths) == nil {
      throw ValidationError(
        "--kv-widths: expected up to 12 numbers from 0.5 to 32 such as 16,8.5,3.5, found '\(kvWidths)'"
      )
    }
  }

  /// The promise of `--limit`.
  func promise() throws -> ServingPromise {
    guard let percentile = ServingReport.Percentile(rawValue: percentile) else {
      throw ValidationError("--percentile: expected p50, p90 or p99, found '\(percentile)'")
    }
    var promise = ServingPromise(percentile: percentile)
    for part in limit?.split(separator: ",", omittingEmptySubsequences: false) ?? [] {
      let words = part.filter { $0 != " " }.split(separator: "=", maxSplits: 1).map(String.init)
      guard words.count == 2, let seconds = Double(words[1]), seconds > 0, seconds <= 1e6 else {
        throw ValidationError(
          "--limit: expected ttft=SECONDS, tpot=SECONDS or e2e=SECONDS with commas between, found '\(part)'"
        )
      }
      switch words[0] {
      case "ttft": promise.firstToken = seconds
      case "tpot": promise.perToken = seconds
      case "e2e": promise.whole = seconds
      default:
        throw ValidationError("--limit: expected ttft, tpot or e2e, found '\(words[0])'")
      }
    }
    return promise
  }

  /// Whether steps are timed here.
  var isMeasured: Bool { machine == nil || machine == "this" }

  var widths: [Double] { kvWidths.flatMap(WorkloadGroup.widths) ?? [] }

  var tensorSplit: TensorSplit {
    TensorSplit(ways: split, link: link.flatMap(ByteText.parse) ?? 0, latency: linkLatency)
  }
}

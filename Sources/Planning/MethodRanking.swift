import Models
import Operators
import Wording

/// The methods for a target in order, with one clause why each stands where it does.
///
/// What a plan can tell apart is need: how many bits fit, what the machine multiplies fast, what binds. Among methods
/// that meet it the order is that of their errors in the papers; the Quality screen measures whether it holds here.
struct MethodRanking {
  let planner: Planner
  let report: PlanReport

  private struct Scored {
    var score: Double
    var method: PlanReport.RankedMethod
  }

  func ranked(_ target: QuantizationTarget) -> [PlanReport.RankedMethod] {
    let names = planner.methods[target] ?? []
    let scored = names.enumerated().map { index, name in
      let found =
        switch target {
        case .weights: weights(name)
        case .activations: activations(name)
        case .kvCache: cache(name)
        }
      return (
        index: index,
        scored: found
          ?? Scored(
            score: -.infinity,
            method: .init(name: name, why: "nothing in this plan speaks for it", wouldChange: ""))
      )
    }
    return scored.sorted {
      $0.scored.score != $1.scored.score
        ? $0.scored.score > $1.scored.score : $0.index < $1.index
    }.map(\.scored.method)
  }

  // MARK: Weights

  /// Whether codes of 8 bits do: they fit, and 4 bits would save little more time.
  private var eightBitsDo: Bool {
    let saved =
      1
      - planner.requestSeconds(report, .init(weightReads: fourBitReads))
      / planner.requestSeconds(report)
    return report.reach.weightBits >= Planner.eightBitWeightBits
      && saved - report.reach.savedByEightBitWeights < 0.05
  }

  private var fourBitReads: Double {
    planner.model.decodeWeightBytes(bitsPerWeight: Planner.smallWeightBits)
      / planner.model.decodeWeightBytes(bitsPerWeight: 16)
  }

  /// Bits a weight may have are fewer than the 4-bit form takes, but some: with none it is not weights that are too large.
  private var isTight: Bool {
    report.reach.weightBits < Planner.smallWeightBits && report.reach.weightBits >= 2
  }

  private func weights(_ name: String) -> Scored? {
    let bits = Planner.smallWeightBits
    let fit = Quantity.fixed(min(report.reach.weightBits, 16), 2)
    func method(
      _ score: Double, _ why: String, _ change: String, bits: Double = bits
    ) -> Scored {
      Scored(
        score: score,
        method: .init(
          name: name, why: why, wouldChange: change, bits: bits,
          bytes: planner.model.weightBytes(bitsPerWeight: bits)))
    }
    switch name {
    case "gptq":
      return method(
        4,
        isTight
          ? "only \(fit) bits a weight fit, and it holds best below W4"
          : "pushes each rounding error onto columns not yet rounded, the least error of these at W4",
        "no text like the workload's to calibrate on: HQQ")
    case "awq":
      return method(
        3, "close to GPTQ at W4 and bound less to its calibration text",
        isTight
          ? "more room than \(fit) bits a weight: then it is as good as GPTQ"
          : "a calibration text unlike the workload: then it comes before GPTQ")
    case "hqq":
      return method(
        2, "needs no calibration text and takes seconds, at a larger error",
        "no calibration text: then it comes first")
    case "rtn":
      guard eightBitsDo else {
        return method(
          1,
          isTight ? "rounding alone loses too much below W4" : "the largest error of these at W4",
          report.reach.weightBits >= Planner.eightBitWeightBits
            ? "a workload whose time W4 does not save over W8: then rounding is enough"
            : "room for W8: then rounding is enough")
      }
      let eight = Planner.eightBitWeightBits
      return method(
        5,
        "at W8 rounding costs next to nothing, the weights take "
          + "\(Quantity.bytes(planner.model.weightBytes(bitsPerWeight: eight))), and fewer bits save "
          + "hardly more than its \(Quantity.percent(report.reach.savedByEightBitWeights)) of the time",
        "a smaller budget, or a batch below \(Quantity.fixed(report.crossoverBatch, 0)): then W4",
        bits: eight)
    default: return nil
    }
  }

  // MARK: Activations

  private func activations(_ name: String) -> Scored? {
    let reach = report.reach
    let wide = Quantity.rate(reach.bf16Rate, "OP/s")
    let int8 = Quantity.rate(reach.int8Rate, "OP/s")
    let isFaster = reach.int8Rate > reach.bf16Rate
    func method(_ score: Double, _ why: String, _ change: String) -> Scored {
      Scored(score: score, method: .init(name: name, why: why, wouldChange: change))
    }
    switch name {
    case "fp8":
      guard let rate = reach.fp8Rate, rate > 0 else {
        return method(
          1, "no FP8 arithmetic is known of this machine: it would save memory only",
          "a machine that multiplies FP8")
      }
      let fast = Quantity.rate(rate, "OP/s")
      return rate >= reach.int8Rate
        ? method(
          5,
          "multiplies at \(fast), no slower than INT8, and its exponent takes outliers as they are",
          "a machine whose INT8 is faster")
        : method(
          2, "multiplies at \(fast), slower than INT8's \(int8)", "a machine with faster FP8")
    case "smoothquant":
      return method(
        4,
        isFaster
          ? "INT8 at \(int8) against \(wide) in BF16, with outlier channels moved into the weights first"
          : "INT8 is no faster here (\(int8) against \(wide)), but outlier channels are dealt with",
        "an outlier survey without outliers: then plain INT8 needs no calibration")
    case "int8":
      return method(
        3,
        isFaster
          ? "INT8 at \(int8) against \(wide) in BF16 and no calibration, but outliers cost accuracy"
          : "INT8 is no faster here: \(int8) against \(wide) in BF16",
        "an outlier survey without outliers: then it comes before SmoothQuant")
    case "llm.int8":
      return method(
        reach.weightBits < 16 && report.prefill.bound != .compute ? 3.5 : 1.5,
        "keeps outlier columns in BF16, which holds accuracy and costs time in every pass",
        "accuracy that SmoothQuant does not hold, or memory that matters more than time")
    default: return nil
    }
  }

  // MARK: KV cache

  /// What kind of cache a method makes.
  static let cacheKinds: [String: CacheDemand.Kind] = [
    "int8": .integer, "int4": .integer, "fp8": .float8, "kivi": .perChannel,
    "turboquant": .codebook,
  ]

  /// The forms a method comes in: bits of a value, scales included, and the order of their errors, higher for less.
  private static let cacheForms: [String: [(bits: Double, order: Double)]] = [
    "int8": [(8.5, 9)], "fp8": [(8, 8)], "int4": [(4.5, 5)],
    // Scale and zero point of 16 bits for 32 values.
    "kivi": [(5, 6), (3, 2)],
    "turboquant": [(4.125, 5.5), (3.5, 4), (2.5, 1)],
  ]

  private static let cacheWords: [String: String] = [
    "int8": "rounding is hardly seen in the output",
    "fp8": "no groups, and runtimes on GPUs read it natively",
    "int4": "a scale for 32 values of a token, simple and fast",
    "kivi": "keys by channel keep their outlier channels apart",
    "turboquant": "rotated codes hold best at few bits",
  ]

  /// Bits of a value the cache should have at most: those that fit; where all fit, those at which reading the cache takes
  /// as long as reading the weights, but no fewer than INT4's.
  private var cacheGoal: Double {
    let fit = min(report.reach.kvBits, 16)
    guard fit >= 16 else { return fit }
    return min(16, max(report.reach.kvBitsAtWeights, 4.5))
  }

  private func cache(_ name: String) -> Scored? {
    guard let forms = Self.cacheForms[name], let narrowest = forms.last else { return nil }
    let goal = cacheGoal
    let fits = report.reach.kvBits >= 16
    let form = forms.first { $0.bits <= goal } ?? narrowest
    let bytes = report.memory.kvCache * form.bits / 16
    let meets = form.bits <= goal
    let takes =
      "\(Self.number(form.bits)) bits a value make the cache \(Quantity.bytes(bytes))"
    let why: String
    if meets {
      why = "\(takes), \(fits ? "" : "which fits; ")\(Self.cacheWords[name] ?? "")"
    } else if fits {
      let limit = Self.number(report.reach.kvBitsAtWeights)
      why = "\(takes), still read longer than the weights (up to \(limit) bits would not be)"
    } else {
      why = "\(takes); only \(Self.number(report.reach.kvBits)) bits a value fit"
    }
    let change =
      meets
      ? fits
        ? "a longer context or more requests: then fewer bits"
        : "more room: then more bits; less: then fewer"
      : fits ? "a shorter context or a smaller batch" : "a larger budget or fewer requests"
    return Scored(
      score: meets ? 100 + form.order : -form.bits,
      method: .init(name: name, why: why, wouldChange: change, bits: form.bits, bytes: bytes))
  }

  /// `8.5`, `4.125`, `3`: at most three digits behind the point, no zeros at the end.
  static func number(_ bits: Double) -> String {
    let exact = Quantity.atMost(3, bits)
    return Double(exact) == bits ? exact : Quantity.atMost(2, bits)
  }
}

import Models
import Operators
import Tensors
import Wording

/// The methods for a target in order, with one clause why each stands where it does.
///
/// What a plan can tell apart is need: how many bits fit, what the machine multiplies fast, what binds. Among methods
/// that meet it the order is that of their errors in the papers, which methods declare of themselves; the Quality screen
/// measures whether it holds here. No method is known here by name.
struct MethodRanking {
  let planner: Planner
  let report: PlanReport

  /// A method in its place, with the formats it would first be tried in.
  struct Ranked {
    var score: Double
    var method: PlanReport.RankedMethod
    var demand: RuntimeDemand
  }

  /// Highest score first; the order of the list where scores are equal.
  func ranked(_ target: QuantizationTarget) -> [Ranked] {
    let found: [Ranked] =
      switch target {
      case .weights: planner.methods.weights.compactMap { ranked($0, isAboutBits: true) }
      case .activations: planner.methods.activations.compactMap { ranked($0, isAboutBits: false) }
      case .kvCache: planner.methods.caches.compactMap { ranked($0) }
      }
    return found.enumerated().sorted {
      $0.element.score != $1.element.score
        ? $0.element.score > $1.element.score : $0.offset < $1.offset
    }.map(\.element)
  }

  // MARK: Weights and activations

  /// The first of the method's claims that holds here; nil for a method without one.
  private func ranked(
    _ method: PlannedMethods.Method, isAboutBits: Bool
  ) -> Ranked? {
    guard let claim = method.traits.claims.first(where: { $0.when.allSatisfy(holds) }) else {
      return nil
    }
    let weights = planner.model.fitted(claim.form.weights)
    let bits =
      isAboutBits && claim.form.isAboutBits ? planner.model.bitsPerWeight(weights) : nil
    let bytes = bits.map { planner.model.weightBytes(bitsPerWeight: $0) }
    var ranked = PlanReport.RankedMethod(
      name: method.name, why: text(claim.why, claim.form),
      wouldChange: text(claim.wouldChange, claim.form), bits: bits, bytes: bytes)
    if bits != nil {
      ranked.codeBits = Double(weights.bits)
      ranked.group = weights.plannedGroup
    }
    var score = claim.rank
    let stored = planner.model.storedWeightBytes
    if planner.model.storedBits != nil, let bytes, bytes >= stored {
      // Below all that would make the weights smaller, in their own order.
      score -= 1000
      ranked.why =
        "\(Quantity.bytes(bytes)) would be no less than the \(Quantity.bytes(stored)) they take as stored"
      ranked.wouldChange = "the model that the file was made from"
    }
    return Ranked(
      score: score, method: ranked,
      demand: RuntimeDemand(weights: weights, activations: claim.form.activations))
  }

  /// Whether the plan is in a situation.
  private func holds(_ situation: PlanSituation) -> Bool {
    let reach = report.reach
    switch situation {
    case .fewerThanFourBitsFit:
      // With no bits at all it is not weights that are too large.
      return reach.weightBits < planner.smallWeightBits && reach.weightBits >= 2
    case .eightBitsFit: return reach.weightBits >= planner.eightBitWeightBits
    case .eightBitsDo:
      let saved =
        1
        - planner.requestSeconds(report, .init(weightReads: fourBitReads))
        / planner.requestSeconds(report)
      return reach.weightBits >= planner.eightBitWeightBits
        && saved - reach.savedByEightBitWeights < 0.05
    case .int8IsFaster: return reach.int8Rate > reach.bf16Rate
    case .noFP8Arithmetic: return (reach.fp8Rate ?? 0) <= 0
    case .fp8KeepsUpWithInt8: return reach.fp8Rate.map { $0 > 0 && $0 >= reach.int8Rate } ?? false
    case .memoryBeforeTime: return reach.weightBits < 16 && report.prefill.bound != .compute
    }
  }

  private var fourBitReads: Double {
    planner.model.decodeWeightBytes(bitsPerWeight: planner.smallWeightBits)
      / planner.model.storedDecodeBytes
  }

  private func text(_ sentence: PlanSentence, _ form: MethodTraits.Form) -> String {
    sentence.pieces.map { piece in
      switch piece {
      case .words(let words): words
      case .figure(let figure): text(figure, form)
      }
    }.joined()
  }

  private func text(_ figure: PlanFigure, _ form: MethodTraits.Form) -> String {
    let reach = report.reach
    return switch figure {
    case .weightBitsThatFit: Quantity.fixed(min(reach.weightBits, 16), 2)
    case .weightBytes:
      Quantity.bytes(
        planner.model.weightBytes(bitsPerWeight: planner.model.bitsPerWeight(form.weights)))
    case .savedByEightBitWeights: Quantity.percent(reach.savedByEightBitWeights)
    case .crossoverBatch: Quantity.fixed(report.crossoverBatch, 0)
    case .bf16Rate: Quantity.rate(reach.bf16Rate, "OP/s")
    case .int8Rate: Quantity.rate(reach.int8Rate, "OP/s")
    case .fp8Rate: reach.fp8Rate.map { Quantity.rate($0, "OP/s") } ?? "none"
    }
  }

  // MARK: KV cache

  /// Bits of a value the cache should have at most: those that fit; where all fit, those at which reading the cache takes
  /// as long as reading the weights, but no fewer than INT4's.
  private var cacheGoal: Double {
    let fit = min(report.reach.kvBits, 16)
    guard fit >= 16 else { return fit }
    let fewest = KVFormat.integer(bits: 4, group: 32)
      .bitsPerValue(headDimension: planner.model.headDimension)
    return min(16, max(report.reach.kvBitsAtWeights, fewest))
  }

  /// Bytes of the workload's caches in a form, the window of full precision included.
  private func cacheBytes(_ form: CacheTraits.Form) -> Double {
    let workload = planner.workload
    return planner.footprint.bytes(
      context: Double(workload.context), requests: Double(workload.requests),
      shared: workload.sharedTokens(of: Double(workload.context)), format: form.cache)
  }

  private func ranked(_ cache: PlannedMethods.Cache) -> Ranked? {
    let forms = cache.traits.forms
    guard let narrowest = forms.last else { return nil }
    let goal = cacheGoal
    let fits = report.reach.kvBits >= 16
    let dimension = planner.model.headDimension
    // Where not all fits a window of full precision counts too.
    let room = report.memory.budget - report.memory.weights - report.memory.activations
    func isMet(_ form: CacheTraits.Form) -> Bool {
      form.bits(headDimension: dimension) <= goal && (fits || cacheBytes(form) <= room)
    }
    let form = forms.first(where: isMet) ?? narrowest
    let bits = form.bits(headDimension: dimension)
    let bytes = cacheBytes(form)
    let meets = isMet(form)
    let kept =
      form.cache.window.map { ", its last \(Quantity.grouped($0.tokens)) tokens in FP," } ?? ""
    let takes =
      "\(Self.number(bits)) bits a value\(kept) make the cache \(Quantity.bytes(bytes))"
    let why: String
    if meets {
      why = "\(takes), \(fits ? "" : "which fits; ")\(cache.traits.strength)"
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
    let keys = CacheDemand(form.keys)
    var ranked = PlanReport.RankedMethod(
      name: cache.name, why: why, wouldChange: change, bits: bits, bytes: bytes)
    ranked.codeBits = form.keys.nominalBits
    ranked.keptTokens = form.cache.window?.tokens
    return Ranked(
      score: meets ? 100 + form.quality : -bits, method: ranked,
      demand: RuntimeDemand(
        keys: CacheDemand(
          kind: keys.kind, bits: bits, codeBits: keys.codeBits,
          group: keys.kind == .integer ? keys.group : nil)))
  }

  /// `8.5`, `4.125`, `3`: at most three digits after the point, no zeros at the end.
  static func number(_ bits: Double) -> String {
    let exact = Quantity.atMost(3, bits)
    return Double(exact) == bits ? exact : Quantity.atMost(2, bits)
  }
}

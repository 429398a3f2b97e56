import Models
import Operators
import Tensors
import Wording

/// Which target to start with, in words and with the numbers that led there.
///
/// When memory is over budget the target that brings it back comes first; otherwise the one that saves most
/// of the workload's time. Every number in a sentence is one of the report.
struct Advisor {
  let planner: Planner
  let report: PlanReport

  private var memory: PlanReport.Memory { report.memory }
  private var over: Double { memory.total - memory.budget }

  func advice() -> [PlanReport.Advice] {
    let effects = QuantizationTarget.allCases.map { ($0, effect($0)) }
    return effects.sorted { comesBefore($0.1, $1.1) }.map { target, effect in
      let ranking = MethodRanking(planner: planner, report: report).ranked(target)
      var advice = PlanReport.Advice(
        target: target, reason: reason(target, effect), methods: ranking.map(\.method.name),
        wouldChange: wouldChange(target))
      advice.ranking = ranking.map(\.method)
      advice.effect = effect
      let demand = ranking.first?.demand ?? standardDemand(target)
      advice.setting = "\(demand)"
      advice.coverage = RuntimeRules.coverage(demand)
      return advice
    }
  }

  private func comesBefore(_ first: PlanReport.Effect, _ second: PlanReport.Effect) -> Bool {
    if over > 0 {
      let fits = (first.freed >= over, second.freed >= over)
      if fits.0 != fits.1 { return fits.0 }
      if !fits.0, first.freed != second.freed { return first.freed > second.freed }
    }
    return first.saved > second.saved
  }

  private func effect(_ target: QuantizationTarget) -> PlanReport.Effect {
    let model = planner.model
    let now = planner.requestSeconds(report)
    let read = report.decode.weightSeconds + report.decode.cacheSeconds
    let weightShare = read > 0 ? report.decode.weightSeconds / read : 0
    func effect(_ freed: Double, _ factors: Planner.Factors, share: Double) -> PlanReport.Effect {
      PlanReport.Effect(
        freed: freed,
        saved: now > 0 ? max(0, 1 - planner.requestSeconds(report, factors) / now) : 0,
        share: share)
    }
    switch target {
    case .weights:
      let reads =
        model.decodeWeightBytes(bitsPerWeight: planner.smallWeightBits)
        / model.storedDecodeBytes
      return effect(
        max(0, memory.weights - report.reach.smallWeights), .init(weightReads: reads),
        share: weightShare)
    case .activations:
      // W8A8: INT8 arithmetic, and weights at 8 bits that come with it.
      return effect(
        max(0, memory.weights - model.weightBytes(bitsPerWeight: planner.eightBitWeightBits)),
        .init(
          weightReads: planner.eightBitReads,
          arithmetic: planner.peaks.bf16Rate / max(planner.peaks.int8Rate, 1)),
        share: weightShare)
    case .kvCache:
      let factor = planner.fourBitCache
      return effect(
        memory.kvCache * (1 - factor), .init(cacheReads: factor), share: 1 - weightShare)
    }
  }

  private func reason(_ target: QuantizationTarget, _ effect: PlanReport.Effect) -> String {
    let workload = report.workload
    let prefill = report.prefill
    let share = Quantity.percent(effect.share)
    let freed = Quantity.bytes(effect.freed)
    let saves = Quantity.percent(effect.saved)
    let stored =
      planner.model.storedBits.map { " as stored, at \(Quantity.fixed($0, 2)) bits a weight," }
      ?? ""
    var sentence: String
    switch target {
    case .weights:
      sentence =
        "Weights take \(Quantity.bytes(memory.weights))\(stored) and are \(share) of the bytes a decode step "
        + "reads; "
        + (effect.freed > 0 || planner.model.storedBits == nil
          ? "W4 frees \(freed) and would save \(saves) of a request's time."
          : "W4 would be no smaller.")
    case .activations:
      let bound = prefill.bound == .compute ? "is bound by arithmetic" : "is bound by reading"
      sentence =
        "Prefill of \(Quantity.grouped(workload.promptTokens)) tokens \(bound) "
        + "(\(Quantity.seconds(prefill.computeSeconds)) of arithmetic, "
        + "\(Quantity.seconds(prefill.weightSeconds)) and \(Quantity.seconds(prefill.cacheSeconds)) "
        + "of reading weights and cache); W8A8 runs it in INT8 and would save \(saves) of a "
        + "request's time."
    case .kvCache:
      sentence =
        "The cache of \(Quantity.grouped(workload.requests)) x \(Quantity.grouped(workload.context)) "
        + "tokens takes \(Quantity.bytes(memory.kvCache)) and is \(share) of the bytes a decode step "
        + "reads; an INT4 cache frees \(freed) and would save \(saves) of a request's time."
    }
    if over > 0 {
      sentence +=
        " Memory is \(Quantity.bytes(memory.total)), over the budget of "
        + "\(Quantity.bytes(memory.budget)); "
        + (effect.freed >= over
          ? "this alone brings it under."
          : "this alone is not enough, W4 and an INT4 cache together take "
            + "\(Quantity.bytes(report.reach.smallestTotal)).")
    }
    return sentence
  }

  private func wouldChange(_ target: QuantizationTarget) -> String {
    let finite = report.crossoverContext.isFinite
    let context = Quantity.grouped(Int(min(report.crossoverContext, 1e12)))
    let batch = Quantity.fixed(report.crossoverBatch, 0)
    switch target {
    case .weights:
      return
        (finite
        ? "From \(context) tokens of context the cache is read more than the weights; "
        : "Windows keep the cache read less than the weights at any context; ")
        + "from batch \(batch) on arithmetic binds decode."
    case .activations:
      return "Shorter prompts, or more generated tokens at a batch below \(batch), move the time "
        + "to reading weights."
    case .kvCache:
      return finite
        ? "Below \(context) tokens of context the weights are read more than the cache."
        : "Windows keep the weights read more than the cache at any context."
    }
  }

  /// The formats the target would first be tried in where there is no method for it.
  private func standardDemand(_ target: QuantizationTarget) -> RuntimeDemand {
    switch target {
    case .weights: RuntimeDemand(weights: MethodTraits.Form.fourBits().weights)
    case .activations:
      RuntimeDemand(
        weights: MethodTraits.Form.int8().weights, activations: MethodTraits.Form.int8().activations
      )
    case .kvCache: RuntimeDemand(keys: CacheDemand(kind: .integer, bits: 8, group: 32))
    }
  }
}

extension Planner {
  /// What quantizing leaves of the seconds by cause: 1 for all of it.
  package struct Factors: Hashable, Sendable {
    package var weightReads: Double
    package var cacheReads: Double
    package var arithmetic: Double

    package init(weightReads: Double = 1, cacheReads: Double = 1, arithmetic: Double = 1) {
      self.weightReads = weightReads
      self.cacheReads = cacheReads
      self.arithmetic = arithmetic
    }

    /// Seconds of a phase that is left with these shares.
    package func seconds(of phase: PlanReport.Phase) -> Double {
      max(
        phase.computeSeconds * arithmetic,
        phase.weightSeconds * weightReads + phase.cacheSeconds * cacheReads)
    }
  }

  /// Seconds of one request by the machine's peaks: its prompt, then its share of decode steps.
  package func requestSeconds(_ report: PlanReport, _ factors: Factors = Factors()) -> Double {
    factors.seconds(of: report.prefill)
      + Double(workload.generatedTokens) * factors.seconds(of: report.decode)
      / Double(max(1, workload.batch))
  }

  /// What 8-bit weights leave of the bytes a decode step reads of them.
  var eightBitReads: Double {
    model.decodeWeightBytes(bitsPerWeight: eightBitWeightBits)
      / model.storedDecodeBytes
  }

  /// What 4-bit codes with a scale for 32 leave of an FP16 cache.
  var fourBitCache: Double {
    KVFormat.integer(bits: 4, group: 32).bitsPerValue(headDimension: model.headDimension) / 16
  }
}

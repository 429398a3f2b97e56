import Models
import Operators
import Platform
import Tensors

/// Which target to start with, in words and with the numbers that led there.
///
/// When memory is over budget the target that brings it back comes first; otherwise the one that saves most
/// of the workload's time. Every number in a sentence is one of the plan.
struct Advisor {
  let planner: Planner
  let memory: PlanReport.Memory
  let prefill: PlanReport.Phase
  let decode: PlanReport.Phase

  /// What quantizing one target would do.
  private struct Effect {
    var target: QuantizationTarget
    /// Bytes it frees.
    var freed: Double
    /// Share of a request's time it saves, 0 to 1.
    var saved: Double
  }

  func advice() -> [PlanReport.Advice] {
    let over = memory.total - memory.budget
    let effects = QuantizationTarget.allCases.map(effect)
    let ordered = effects.sorted { first, second in
      if over > 0 {
        let fits = (first.freed >= over, second.freed >= over)
        if fits.0 != fits.1 { return fits.0 }
        if fits.0 && fits.1 { return first.saved > second.saved }
        if first.freed != second.freed { return first.freed > second.freed }
      }
      return first.saved > second.saved
    }
    return ordered.map { effect in
      PlanReport.Advice(
        target: effect.target, reason: reason(effect, over: over),
        methods: planner.methods[effect.target] ?? [], wouldChange: wouldChange(effect.target))
    }
  }

  /// Seconds of one request: its prompt, then its share of decode steps.
  private func requestSeconds(
    weightFactor: Double = 1, cacheFactor: Double = 1, computeFactor: Double = 1
  ) -> Double {
    func seconds(_ phase: PlanReport.Phase) -> Double {
      max(
        phase.computeSeconds * computeFactor,
        phase.weightSeconds * weightFactor + phase.cacheSeconds * cacheFactor)
    }
    let steps = Double(planner.workload.generatedTokens)
    return seconds(prefill) + steps * seconds(decode) / Double(max(1, planner.workload.batch))
  }

  private func effect(_ target: QuantizationTarget) -> Effect {
    let now = requestSeconds()
    let model = planner.model
    switch target {
    case .weights:
      let small = model.weightBytes(bitsPerWeight: Planner.smallWeightBits)
      let read =
        model.decodeWeightBytes(bitsPerWeight: Planner.smallWeightBits)
        / model.decodeWeightBytes(bitsPerWeight: 16)
      return Effect(
        target: target, freed: memory.weights - small,
        saved: 1 - requestSeconds(weightFactor: read) / now)
    case .activations:
      // W8A8: INT8 arithmetic, and weights at 8 bits that come with it.
      let small = model.weightBytes(bitsPerWeight: 8)
      let read =
        model.decodeWeightBytes(bitsPerWeight: 8) / model.decodeWeightBytes(bitsPerWeight: 16)
      return Effect(
        target: target, freed: memory.weights - small,
        saved: 1
          - requestSeconds(
            weightFactor: read,
            computeFactor: planner.peaks.bf16Rate / max(planner.peaks.int8Rate, 1)) / now)
    case .kvCache:
      let factor =
        Double(model.kvBytesPerToken(Planner.kv(4))) / Double(max(1, model.kvBytesPerToken(.fp16)))
      return Effect(
        target: target, freed: memory.kvCache * (1 - factor),
        saved: 1 - requestSeconds(cacheFactor: factor) / now)
    }
  }

  private func reason(_ effect: Effect, over: Double) -> String {
    let workload = planner.workload
    let place = "\(workload.requests) x \(workload.context) tokens"
    let read = decode.weightSeconds + decode.cacheSeconds
    let weightShare = Quantity.percent(read > 0 ? decode.weightSeconds / read : 0)
    let cacheShare = Quantity.percent(read > 0 ? decode.cacheSeconds / read : 0)
    let saves = Quantity.percent(max(0, effect.saved))
    var sentence: String
    switch effect.target {
    case .weights:
      sentence =
        "Weights take \(Quantity.bytes(memory.weights)) and are \(weightShare) of the bytes a "
        + "decode step reads; 4 bits free \(Quantity.bytes(effect.freed)) and would save \(saves) "
        + "of a request's time."
    case .activations:
      let bound = prefill.bound == .compute ? "is bound by arithmetic" : "is bound by reading"
      sentence =
        "Prefill of \(workload.promptTokens) tokens \(bound) "
        + "(\(Quantity.seconds(prefill.computeSeconds)) of arithmetic, "
        + "\(Quantity.seconds(prefill.weightSeconds + prefill.cacheSeconds)) of reads); W8A8 runs "
        + "it in INT8 and would save \(saves) of a request's time."
    case .kvCache:
      sentence =
        "The cache of \(place) takes \(Quantity.bytes(memory.kvCache)) and is \(cacheShare) of "
        + "the bytes a decode step reads; 4 bits free \(Quantity.bytes(effect.freed)) and would "
        + "save \(saves) of a request's time."
    }
    if over > 0 {
      sentence +=
        effect.freed >= over
        ? " Memory is \(Quantity.bytes(over)) over budget; this alone brings it under."
        : " Memory is \(Quantity.bytes(over)) over budget; this alone is not enough."
    }
    return sentence
  }

  private func wouldChange(_ target: QuantizationTarget) -> String {
    let context = Quantity.grouped(Int(min(planner.crossoverContext, 1e12)))
    let batch = Quantity.fixed(planner.crossoverBatch, 0)
    switch target {
    case .weights:
      return "From \(context) tokens of context the cache is read more than the weights; from "
        + "batch \(batch) on arithmetic binds decode."
    case .activations:
      return "Shorter prompts, or more generated tokens at a batch below \(batch), move the time "
        + "to reading weights."
    case .kvCache:
      return "Below \(context) tokens of context the weights are read more than the cache."
    }
  }
}

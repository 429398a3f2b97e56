package import Evaluation
import Models
import Operators
package import Planning
package import Profiling
import Quantization
import Wording

extension Verdict {
  /// Answers the four checks from what was measured; a check without its measurement stays unknown.
  ///
  /// Pure: the same reports give the same words, on screen, in JSON and in a replay.
  package static func judge(
    plan: PlanReport?, quantize: QuantizeReport?, evaluation: EvaluationReport?,
    bench: BenchReport?, recall: RecallReport? = nil, tasks: TaskReport? = nil
  ) -> Verdict {
    var next: [String] = []
    let checks = [
      rightTensor(plan, quantize, next: &next),
      asked(recall, tasks, quantize, of: quality(evaluation, quantize, next: &next), next: &next),
      reallyRuns(bench, next: &next), bottleneck(bench, plan, next: &next),
    ]
    if next.isEmpty {
      next.append(
        checks.allSatisfy { $0.mark == .pass }
          ? "All four checks pass: export the artifact, or try fewer bits and see when quality gives."
          : "Run what is still unknown: evaluate for quality, profile for the runtime.")
    }
    return Verdict(checks: checks, next: next)
  }

  private static func rightTensor(
    _ plan: PlanReport?, _ quantize: QuantizeReport?, next: inout [String]
  ) -> Check {
    let question = "Is it the right tensor?"
    guard let plan, let first = plan.advice.first else {
      return Check(question: question, mark: .unknown, evidence: "no workload has been planned")
    }
    guard let quantize else {
      return Check(
        question: question, mark: .unknown,
        evidence: "nothing is quantized yet; the plan starts with \(first.target.words)")
    }
    let targets = quantize.targets
    let done = targets.map(\.words).sorted().joined(separator: " and ")
    if targets.isEmpty {
      return Check(question: question, mark: .fail, evidence: "nothing is quantized")
    }
    if targets.contains(first.target) {
      return Check(
        question: question, mark: .pass,
        evidence:
          "\(done) quantized, and the plan starts with \(first.target.words): \(first.reason)")
    }
    // Where the peaks of the machine cannot tell the two apart either is a right start.
    if let flip = plan.stability?.flips.first(where: { flip in
      flip.insteadTarget.map(targets.contains) ?? false
    }) {
      return Check(question: question, mark: .pass, evidence: "\(done) quantized. \(flip.words)")
    }
    next.append(
      "The plan for this workload starts with \(first.target.words): go back to the target.")
    return Check(
      question: question, mark: .warn,
      evidence: "\(done) quantized, but the plan starts with \(first.target.words): \(first.reason)"
    )
  }

  private static func quality(
    _ evaluation: EvaluationReport?, _ quantize: QuantizeReport?, next: inout [String]
  ) -> Check {
    let question = "Does quality hold?"
    guard let evaluation else {
      return Check(question: question, mark: .unknown, evidence: "not evaluated yet")
    }
    let kl = evaluation.kl.mean
    // One literal, not a sum of many: the compiler takes seconds to find the type of such a sum.
    let evidence = """
      KL \(Quantity.significant(kl))\
      \(Quantity.margin(evaluation.kl.error, windows: evaluation.windows, sign: "+-")) nats \
      (noise floor \(Quantity.significant(evaluation.noiseFloor.klMean, 2))), perplexity \
      \(Quantity.perplexity(evaluation.baseline.perplexity)) -> \
      \(Quantity.perplexity(evaluation.perplexity)), top-1 agreement \
      \(Quantity.percent(evaluation.topOneAgreement, 1))
      """
    // A KL of 0.01 nats moves few choices; from 0.1 on the text is visibly another's.
    let mark: Mark =
      kl <= max(0.01, 3 * evaluation.noiseFloor.klMean) ? .pass : kl <= 0.1 ? .warn : .fail
    if mark != .pass {
      if let worst = quantize?.layers.max(by: { $0.relativeError < $1.relativeError }) {
        next.append(
          """
          Quality is the weak point: use more bits or smaller groups, or keep block \
          \(worst.block) \(worst.projection) in FP (relative error \
          \(Quantity.significant(worst.relativeError)), the highest).
          """)
      } else {
        next.append("Quality is the weak point: use more bits or smaller groups.")
      }
    }
    return Check(question: question, mark: mark, evidence: evidence)
  }

  private static func reallyRuns(_ bench: BenchReport?, next: inout [String]) -> Check {
    let question = "Does the quantized operator run?"
    guard let bench else {
      return Check(question: question, mark: .unknown, evidence: "not profiled yet")
    }
    let kernels = bench.quantized.kernels.filter {
      $0.operator.hasPrefix("linear") || $0.operator.hasPrefix("attention")
    }
    let calls = kernels.reduce(0) { $0 + $1.calls }
    let native = kernels.filter(\.native).reduce(0) { $0 + $1.calls }
    guard let fallback = kernels.filter({ !$0.native }).max(by: { $0.seconds < $1.seconds }) else {
      let names = kernels.sorted { $0.seconds > $1.seconds }.prefix(2).map(\.kernel)
      return Check(
        question: question, mark: .pass,
        evidence: "all \(calls) calls of linears and attention are native "
          + "(\(names.joined(separator: ", ")))")
    }
    next.append(
      "\(fallback.operator) falls back (\(fallback.reason ?? "no reason given")): choose a form "
        + "that has a kernel.")
    return Check(
      question: question, mark: native == 0 ? .fail : .warn,
      evidence: "\(native) of \(calls) calls of linears and attention are native; "
        + "\(fallback.operator): \(fallback.reason ?? "")")
  }

  private static func bottleneck(
    _ bench: BenchReport?, _ plan: PlanReport?, next: inout [String]
  ) -> Check {
    let question = "Did the bottleneck shrink?"
    guard let bench, let baseline = bench.baseline else {
      return Check(
        question: question, mark: .unknown, evidence: "not profiled with its baseline yet")
    }
    let side = bench.quantized
    let decode = side.decode.tokensPerSecond / max(baseline.decode.tokensPerSecond, 1e-9)
    let prefill = side.prefill.tokensPerSecond / max(baseline.prefill.tokensPerSecond, 1e-9)
    func pair(_ before: Double, _ after: Double) -> String {
      "\(Quantity.significant(before)) -> \(Quantity.significant(after)) tok/s"
    }
    let weights = Double(side.weightBytes) / Double(max(1, baseline.weightBytes))
    let cache = Double(side.kvBytesPerToken) / Double(max(1, baseline.kvBytesPerToken))
    let evidence = """
      decode \(pair(baseline.decode.tokensPerSecond, side.decode.tokensPerSecond)) \
      (\(Quantity.times(decode))), prefill \
      \(pair(baseline.prefill.tokensPerSecond, side.prefill.tokensPerSecond)) \
      (\(Quantity.times(prefill))), weights \(Quantity.bytes(baseline.weightBytes)) -> \
      \(Quantity.bytes(side.weightBytes)), cache \(baseline.kvBytesPerToken) -> \
      \(side.kvBytesPerToken) bytes a token
      """
    let faster = max(decode, prefill) >= 1.1
    let smaller = min(weights, cache) <= 0.9
    let slower = min(decode, prefill) < 0.9
    let mark: Mark = (faster || smaller) ? (slower || !faster ? .warn : .pass) : .fail
    if !faster {
      let larger = weights > 1 && cache >= 1 || cache > 1 && weights >= 1
      let memory =
        smaller
        ? "Memory shrank but speed did not"
        : larger
          ? "Memory grew and speed did not" : "Neither memory nor time shrank by a tenth"
      next.append(
        "\(memory): the time is elsewhere; look at the profile for what binds.")
    } else if slower {
      next.append("One phase got slower: weigh prefill against decode for your workload.")
    }
    return Check(question: question, mark: mark, evidence: evidence)
  }
}

extension QuantizationTarget {
  fileprivate var words: String {
    switch self {
    case .weights: "weights"
    case .activations: "activations"
    case .kvCache: "the KV cache"
    }
  }
}

import Planning
import Profiling
import Wording

extension Verdict {
  private static let bottleneckQuestion = "Did the bottleneck shrink?"

  /// The fourth check under the planned workload, by the phase and the resource that the plan says bind.
  static func bottleneck(
    _ report: WorkloadReport, _ plan: PlanReport?, _ limits: DecisionLimits, next: inout [String]
  ) -> Check {
    if let plan, plan.workload != report.workload || plan.machine != report.machine {
      next.append("Measure speed again: the workload or the machine was changed since.")
      return Check(
        question: bottleneckQuestion, mark: .unknown,
        evidence: "measured for \(report.workload.words) on \(report.machine), planned are "
          + "\(plan.workload.words) on \(plan.machine)")
    }
    return report.resource == .capacity
      ? capacity(report, limits, next: &next) : time(report, limits, next: &next)
  }

  /// Where the workload does not fit as it is: bytes decide, and time is told.
  private static func capacity(
    _ report: WorkloadReport, _ limits: DecisionLimits, next: inout [String]
  ) -> Check {
    let (before, after) = (report.baseline, report.quantized)
    let fits = after.bytes + report.activationBytes <= report.budget
    let shrinks = after.bytes * limits.leastSpeedup <= before.bytes
    if !fits {
      next.append(
        shrinks
          ? "It still does not fit: fewer bits, or the other target too."
          : "Memory binds and hardly shrank: quantize what takes it.")
    }
    remark(report, next: &next)
    return Check(
      question: bottleneckQuestion, mark: fits ? .pass : shrinks ? .warn : .fail,
      evidence: "memory binds: weights and cache \(Quantity.bytes(before.bytes)) -> "
        + "\(Quantity.bytes(after.bytes)) of \(Quantity.bytes(report.budget)); of "
        + "\(Quantity.grouped(report.workload.requests)) requests \(requests(before)) -> "
        + "\(requests(after)) fit; limit: all fit; a request \(times(report))")
  }

  private static func requests(_ side: WorkloadReport.Side) -> String {
    side.fittingRequests >= 1_000_000 ? "any number" : Quantity.grouped(side.fittingRequests)
  }

  /// Where it fits: the phase decides that most time is spent in.
  private static func time(
    _ report: WorkloadReport, _ limits: DecisionLimits, next: inout [String]
  ) -> Check {
    let speedup = report.phaseSpeedup
    // What is modelled is known as well as the rule that continues what was timed.
    let error = report.extent?.modelError ?? 0
    let (low, high) = (speedup.low * (1 - error), speedup.high * (1 + error))
    let mark: Mark =
      low >= limits.leastSpeedup ? .pass : high < 1 || speedup.median < 1 ? .fail : .warn
    let phase = report.phase
    let (before, after) = (report.baseline, report.quantized)
    let seconds =
      phase == .prefill
      ? "the prompt \(Quantity.seconds(before.times.promptSeconds)) -> "
        + Quantity.seconds(after.times.promptSeconds)
      : "a step of \(Quantity.grouped(report.workload.batch)) "
        + "\(Quantity.seconds(before.times.stepSeconds)) -> "
        + Quantity.seconds(after.times.stepSeconds)
    if mark == .warn {
      next.append(
        "\(phase.words) binds and gains \(Quantity.times(speedup.median)): not surely "
          + "\(Quantity.times(limits.leastSpeedup)).")
    } else if mark == .fail {
      next.append(
        "\(phase.words) binds and got slower: quantize what it waits for, or leave it as it is.")
    }
    remark(report, next: &next)
    return Check(
      question: bottleneckQuestion, mark: mark,
      evidence:
        "\(phase.words.lowercased()) binds, \(Quantity.percent(report.phaseShare)) of a request: "
        + "\(seconds), \(words(speedup, report)), limit \(Quantity.times(limits.leastSpeedup)); a request "
        + "\(times(report)); weights and cache \(Quantity.bytes(before.bytes)) -> "
        + "\(Quantity.bytes(after.bytes)); \(report.source)")
  }

  /// What changed besides, where it is for the worse.
  private static func remark(_ report: WorkloadReport, next: inout [String]) {
    let other = report.otherSpeedup
    guard other.high < 0.95 else { return }
    let phase: WorkloadReport.Phase = report.phase == .prefill ? .decode : .prefill
    next.append(
      "\(phase.words), which takes the smaller part of a request, got slower "
        + "(\(words(other, report))).")
  }

  private static func times(_ report: WorkloadReport) -> String {
    "\(Quantity.seconds(report.baseline.times.request)) -> "
      + "\(Quantity.seconds(report.quantized.times.request)) "
      + "(\(words(report.quantized.times.speedup, report)))"
  }

  /// `1.73x, 1.68 to 1.77`, or `1.73x, modelled`.
  static func words(_ spread: WorkloadTimes.Spread, _ report: WorkloadReport) -> String {
    report.isModelled
      ? "\(Quantity.times(spread.median)) modelled"
      : "\(Quantity.times(spread.median)), \(Quantity.fixed(spread.low, 2)) to "
        + Quantity.fixed(spread.high, 2)
  }

  /// The fourth check where no workload was measured: one sequence at the depth that was asked for.
  static func bottleneck(
    _ bench: BenchReport?, _ plan: PlanReport?, _ limits: DecisionLimits, next: inout [String]
  ) -> Check {
    guard let bench, let baseline = bench.baseline else {
      return Check(
        question: bottleneckQuestion, mark: .unknown,
        evidence: "not profiled with its baseline yet")
    }
    let side = bench.quantized
    let decode = side.decode.tokensPerSecond / max(baseline.decode.tokensPerSecond, 1e-9)
    let prefill = side.prefill.tokensPerSecond / max(baseline.prefill.tokensPerSecond, 1e-9)
    func pair(_ before: Double, _ after: Double) -> String {
      "\(Quantity.significant(before)) -> \(Quantity.significant(after)) tok/s"
    }
    let weights = Double(side.weightBytes) / Double(max(1, baseline.weightBytes))
    let cache = Double(side.kvBytesPerToken) / Double(max(1, baseline.kvBytesPerToken))
    let faster = max(decode, prefill) >= limits.leastSpeedup
    let smaller = min(weights, cache) <= 0.9
    let slower = min(decode, prefill) < 0.9
    // One sequence says little of a workload that was planned with another depth and batch.
    let isPlanned = plan != nil
    let mark: Mark =
      (faster || smaller) ? (slower || !faster || isPlanned ? .warn : .pass) : .fail
    if isPlanned {
      next.append("Measure speed again: the planned workload was not measured.")
    } else if !faster {
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
    return Check(
      question: bottleneckQuestion, mark: mark,
      evidence: """
        one sequence after \(Quantity.grouped(bench.depth)) tokens: decode \
        \(pair(baseline.decode.tokensPerSecond, side.decode.tokensPerSecond)) \
        (\(Quantity.times(decode))), prefill \
        \(pair(baseline.prefill.tokensPerSecond, side.prefill.tokensPerSecond)) \
        (\(Quantity.times(prefill))), weights \(Quantity.bytes(baseline.weightBytes)) -> \
        \(Quantity.bytes(side.weightBytes)), cache \(baseline.kvBytesPerToken) -> \
        \(side.kvBytesPerToken) bytes a token
        """)
  }
}

extension WorkloadReport.Phase {
  /// At the beginning of a sentence.
  package var words: String { self == .prefill ? "Prefill" : "Decode" }
}

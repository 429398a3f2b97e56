import Evaluation
import Planning
import Quantization
import Wording

/// What follows from four checks, in one sentence that can be signed: the recipe, the workload, and the figures.
struct Decision {
  var checks: [Verdict.Check]
  var quantize: QuantizeReport?
  var evaluation: EvaluationReport?
  var workload: WorkloadReport?
  var planned: Workload?

  /// nil while nothing is quantized.
  var sentence: String? {
    guard let quantize else { return nil }
    let what = "`\(quantize.file ?? "\(quantize.recipe)")`"
    let use = (workload?.workload ?? planned).map { " for \($0.words)" } ?? ""
    let machine =
      workload.map { $0.isDescribed ? " on \($0.machine), as it is described" : " on this machine" }
      ?? ""
    let unknown = numbers(.unknown)
    if !unknown.isEmpty {
      return
        "Not decided yet: \(list(unknown)) of \(what)\(use) \(unknown.count == 1 ? "is" : "are") open."
    }
    let failed = numbers(.fail)
    let figures = figures.isEmpty ? "" : ": \(figures.joined(separator: "; "))"
    if !failed.isEmpty {
      return "Do not take \(what)\(use)\(machine): \(list(failed)) "
        + "\(failed.count == 1 ? "fails" : "fail")\(figures)."
    }
    let doubtful = numbers(.warn)
    let reservation =
      doubtful.isEmpty ? "" : ", with a reservation (\(list(doubtful)))"
    return "Take \(what)\(use)\(machine)\(reservation)\(figures)."
  }

  private func numbers(_ mark: Verdict.Mark) -> [Int] {
    checks.indices.filter { checks[$0].mark == mark }.map { $0 + 1 }
  }

  /// `check 2`, `checks 2 and 4`.
  private func list(_ numbers: [Int]) -> String {
    let words = numbers.map { "\($0)" }
    guard let last = words.last, words.count > 1 else { return "check \(words.first ?? "")" }
    return "checks \(words.dropLast().joined(separator: ", ")) and \(last)"
  }

  private var figures: [String] {
    var parts: [String] = []
    if let workload {
      let (before, after) = (workload.baseline, workload.quantized)
      parts.append(
        "\(workload.phase.words.lowercased()), \(Quantity.percent(workload.phaseShare)) of a request, runs "
          + "\(Verdict.words(workload.phaseSpeedup, workload)) as fast")
      parts.append(
        "weights and cache \(Quantity.bytes(before.bytes)) -> \(Quantity.bytes(after.bytes))")
    }
    if let evaluation {
      parts.append(
        "KL \(Quantity.significant(evaluation.kl.mean))"
          + Quantity.margin(evaluation.kl.error, windows: evaluation.windows, sign: "±")
          + " nats, top-1 \(Quantity.percent(evaluation.topOneAgreement, 1))")
    }
    return parts
  }
}

package import Evaluation
import Models
import Quantization
import Wording

/// What asking the model adds to the check of quality: recall through the cache, and tasks.
extension Verdict {
  /// A share of answers lost counts where chance explains it this rarely.
  private static let rare = 0.05

  /// The check with what was asked: lost answers that chance hardly explains make a pass a warning.
  static func asked(
    _ recall: RecallReport?, _ tasks: TaskReport?, _ quantize: QuantizeReport?, of check: Check,
    next: inout [String]
  ) -> Check {
    var check = check
    let isCached = quantize?.targets.contains(.kvCache) == true
    guard check.mark != .unknown || recall != nil || tasks != nil else { return check }
    if let recall {
      check.evidence += "; recall through the cache \(recall.words)"
      if recall.weakness != nil, let tokens = recall.tokens {
        check.evidence +=
          ", tokens of answers \(Quantity.percent(tokens.baselineShare, 1)) -> "
          + Quantity.percent(tokens.quantizedShare, 1)
      }
      if recall.isBroken {
        if check.mark == .pass { check.mark = .warn }
        next.append(
          "Fewer than half of the answer tokens that the baseline finds are found through the cache: it may be broken."
        )
      }
      if let flips = recall.flips, recall.weakness == nil {
        warn(&check, lost: flips.lost, gained: flips.gained, "Recall through the cache", &next)
      }
    } else if isCached {
      check.evidence += "; recall through the cache not tried yet"
    }
    for score in tasks?.scores ?? [] where score.name != TaskReport.Score.byLength {
      check.evidence +=
        "; \(score.name) on \(tasks?.task ?? "") \(Quantity.percent(score.baseline.share, 1)) -> "
        + "\(Quantity.percent(score.quantized.share, 1)) (\(score.verdict))"
      if score.weakness == nil {
        warn(&check, lost: score.lost, gained: score.gained, "Accuracy on tasks", &next)
      }
    }
    return check
  }

  private static func warn(
    _ check: inout Check, lost: Int, gained: Int, _ what: String, _ next: inout [String]
  ) {
    guard lost > gained, PairedTest.mcNemar(lost: lost, gained: gained) < rare else { return }
    if check.mark == .pass { check.mark = .warn }
    next.append("\(what) is worse than chance explains: use more bits, or another method.")
  }
}

extension RecallReport {
  /// `15 -> 12 of 20 answers, 3 lost, 0 gained, p 0.25`; what it does not say after it.
  package var words: String {
    let (base, found) = (baselineShare, quantizedShare)
    var text = "\(base.right) -> \(found.right) of \(base.of) answers"
    if let weakness {
      text += " (no power: \(weakness))"
    } else if let flips, let p {
      text += ", \(flips.lost) lost, \(flips.gained) gained, p \(Quantity.significant(p, 2))"
    }
    if let caveat { text += "; \(caveat)" }
    return text
  }
}

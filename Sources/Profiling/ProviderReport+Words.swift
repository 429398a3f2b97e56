import Models
import Operators
import Wording

extension ProviderReport {
  /// What the table teaches, in a sentence or two each.
  package var lessons: [String] {
    [fallbackLesson, providersLesson, correctnessLesson, budgetLesson].compactMap(\.self)
  }

  /// `0.41x`.
  package static func times(_ ratio: Double) -> String {
    Quantity.times(ratio)
  }

  /// Decode against BF16 under each provider.
  private var providersLesson: String? {
    let ratios = rows.filter(\.disabled.isEmpty).compactMap { row in
      row.decodeRatio.map { (row.provider, $0) }
    }
    guard let best = ratios.last else { return nil }
    let words = ratios.reversed().map { "under \($0.0.rawValue) at \(Self.times($0.1))" }
    let text =
      "It decodes \(words.joined(separator: ", ")) of what \(baselineWords.besides) does there"
    if let slow = ratios.first(where: { $0.1 < 1 }), best.1 >= 1 {
      return text
        + ": the same file is \(best.1 >= 1.05 ? "faster" : "no slower") with the kernels of "
        + "\(best.0.rawValue) and slower with those of \(slow.0.rawValue), whose unpacking costs more than "
        + "the bytes it saves."
    }
    return text + (best.1 < 1 ? ": here it is smaller, not faster." : ".")
  }

  /// The disabled kernel that costs most.
  private var fallbackLesson: String? {
    guard let best,
      let row = rows.filter({ !$0.disabled.isEmpty }).min(by: {
        // Ratios of the same rounds: the machine's moods fall out of them.
        ($0.decodeRatio ?? $0.decode.tokensPerSecond)
          < ($1.decodeRatio ?? $1.decode.tokensPerSecond)
      }), let kernel = row.disabled.first
    else { return nil }
    let growth = Double(row.packedBytes) / Double(max(1, best.packedBytes))
    var text = "With \(kernel) disabled it decodes at "
    if let ratio = row.decodeRatio, let before = best.decodeRatio {
      text += "\(Self.times(ratio)) of \(baselineWords.besides) instead of \(Self.times(before))"
    } else {
      let part = row.decode.tokensPerSecond / max(best.decode.tokensPerSecond, 1e-12)
      text += "\(Self.times(part)) of what it does with it"
    }
    guard let reason = row.mainKernel?.reason, let colon = reason.firstIndex(of: ":") else {
      return text + "."
    }
    let what = reason[reason.index(after: colon)...].drop { $0 == " " }
    text += ": \(what), \(Quantity.fixed(growth, 1)) times the bytes"
    return text + " to read for every token."
  }

  /// What providers differ by.
  private var correctnessLesson: String? {
    let found = rows.compactMap(\.kl)
    guard let worst = found.max() else { return nil }
    return
      "All of them compute the same: KL to the same kernels in plain C is \(Quantity.significant(worst, 2)) "
      + "at most."
  }

  /// Which providers got fewer tokens.
  private var budgetLesson: String? {
    let cut = rows.filter {
      $0.disabled.isEmpty
        && ($0.promptTokens < promptTokens || $0.generatedTokens < generatedTokens)
    }
    guard !cut.isEmpty else { return nil }
    let words = cut.map {
      "\($0.provider.rawValue) \($0.promptTokens) of \(promptTokens) tokens of the prompt and "
        + "\($0.generatedTokens) of \(generatedTokens) decoded"
    }
    return "To end within \(Quantity.seconds(budgetSeconds)): \(words.joined(separator: "; "))."
  }
}

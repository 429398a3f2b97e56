import Quantization
import Wording

extension OutlierSurvey {
  /// What the survey says of a threshold for LLM.int8().
  package var verdict: String {
    let six = count(at: Self.six)?.columns ?? 0
    func share(_ count: Int) -> String {
      "\(Quantity.grouped(count)) of \(Quantity.grouped(columns)) columns "
        + "(\(Quantity.percent(Double(count) / Double(max(1, columns)), 2)))"
    }
    let farthest =
      "\(Quantity.significant(proposal.farthest)) times what 96 % of them stay below"
    guard let threshold = proposal.threshold else {
      return
        "No outliers after norms: the farthest column reaches \(farthest). 6.0 would split off "
        + "\(share(six)) of all layers all the same."
    }
    return "Proposed threshold \(threshold): \(Quantity.grouped(proposal.columns)) of "
      + "\(Quantity.grouped(columnsBehindNorms)) columns after norms lie above it, the nearest "
      + "\(Quantity.significant(proposal.gap)) times the farthest below; the farthest of all reaches \(farthest). "
      + "Those of o and down included it splits off \(share(count(at: threshold)?.columns ?? 0)), 6.0 \(share(six))."
  }

  /// The inputs in which one channel reaches so far that one scale for all leaves the middle channel less than one step of
  /// 127, farthest first.
  package var massiveInputs: [Input] {
    inputs.filter { $0.reach.ratio.isFinite && $0.reach.ratio > 127 }
      .sorted { $0.reach.largest > $1.reach.largest }
  }

  /// Massive activations, and what they do to which method; nil where there are none.
  package var massive: String? {
    let found = massiveInputs
    guard let first = found.first, let channel = first.reach.topChannels.first else { return nil }
    let others = found.dropFirst()
    var text =
      "Massive activations: \(Self.place(first)), channel \(channel), "
      + "\(Quantity.significant(first.reach.ratio)) times what the middle channel reaches"
    if !others.isEmpty {
      text += "; also \(others.prefix(4).map { Self.place($0) }.joined(separator: ", "))"
      if others.count > 4 { text += " and \(others.count - 4) more inputs" }
    }
    text +=
      ". One static scale for all tokens leaves everything else there less than one step of 127: static scales break"
    text +=
      found.allSatisfy(Self.isAtFirstTokens)
      ? ", a scale a token keeps the damage to that token." : ", with a scale a token too."
    let apart = Set(found.filter { !Self.isBehindNorm($0.projection) }.map(\.layers)).sorted()
    if !apart.isEmpty {
      text +=
        " SmoothQuant folds scale into norms, and \(apart.joined(separator: " and ")) "
        + "\(apart.count == 1 ? "has" : "have") none in front: it does not reach there"
        + (apart.contains("down") ? " (reach=all moves scale to up)." : ".")
    }
    return text
  }

  /// The same in a line.
  package var massiveShort: String? {
    guard let first = massiveInputs.first else { return nil }
    return "massive: \(Self.place(first)) breaks static scales"
      + (Self.isBehindNorm(first.projection) ? "" : "; folds miss it")
  }

  /// `3010 at token 0 in 11.down`.
  private static func place(_ input: Input) -> String {
    let token =
      isAtFirstTokens(input) ? input.first.map { " at token \($0.position)" } ?? "" : ""
    return "\(Quantity.significant(input.reach.largest))\(token) in \(input.block).\(input.layers)"
  }

  /// Whether the first tokens alone reach that far.
  private static func isAtFirstTokens(_ input: Input) -> Bool {
    input.first.map { $0.ratio > 2 && $0.magnitude >= 0.999 * input.reach.largest } ?? false
  }
}

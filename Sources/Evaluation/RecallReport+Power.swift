package import Tensors

/// What a report of recall can tell: of which cache, and whether the baseline recalls at all.
extension RecallReport {
  /// Answers of the baseline, with their interval.
  package var baselineShare: WilsonShare {
    WilsonShare(right: depths.reduce(0) { $0 + $1.baselineCorrect }, of: questions)
  }

  /// Answers through the quantized cache, with their interval.
  package var quantizedShare: WilsonShare {
    WilsonShare(right: depths.reduce(0) { $0 + $1.quantizedCorrect }, of: questions)
  }

  /// Why it cannot tell a loss, in words: the baseline itself does not recall; nil where it can.
  package var weakness: String? { TestPower.weakness(baselineShare, chance: 0) }

  /// Chance of losses as uneven as these where the cache loses nothing; nil where flips were not counted.
  package var p: Double? { flips.map { PairedTest.mcNemar(lost: $0.lost, gained: $0.gained) } }

  /// Whether fewer than half of the tokens of answers are found that the baseline finds, where that finds three in ten.
  ///
  /// A cache that is read wrongly loses that much; a method that does is no use either.
  package var isBroken: Bool {
    guard let tokens else { return false }
    return tokens.baselineShare >= 0.3 && tokens.quantizedShare < tokens.baselineShare / 2
  }

  /// Answers that only one side gave; nil where they were not counted.
  package var flips: (lost: Int, gained: Int)? {
    guard !depths.isEmpty, depths.allSatisfy({ $0.lost != nil }) else { return nil }
    return (
      depths.reduce(0) { $0 + ($1.lost ?? 0) },
      depths.reduce(0) { $0 + $1.quantizedCorrect - $1.baselineCorrect + ($1.lost ?? 0) }
    )
  }
}

extension RecallDocument {
  /// What questions of these documents say of a cache: nil where it keeps no full-precision tail, or some fact lies beyond it.
  package static func caveat(_ documents: [RecallDocument], cache: KVFormatPair) -> String? {
    guard let kept = cache.window else { return nil }
    let questions = documents.flatMap(\.questions)
    let reached = questions.count { question in
      let place = max(0, min(question.start, question.fact ?? 0))
      return kept.quantizedKeys(length: question.start) > place
        || kept.quantizedValues(length: question.start) > place
    }
    guard !questions.isEmpty, reached < questions.count else { return nil }
    if reached == 0 {
      return
        "the cache keeps its last \(kept.tokens) tokens in full precision, and every fact that was asked for lay within "
        + "them: none was read in quantized form"
    }
    return
      "the cache keeps its last \(kept.tokens) tokens in full precision: \(questions.count - reached) of "
      + "\(questions.count) facts lay within them and were not read in quantized form"
  }
}

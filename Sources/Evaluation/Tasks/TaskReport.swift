/// How many items of a task a model and its baseline have right.
package struct TaskReport: Hashable, Sendable, Codable {
  /// One way of counting, over the items it applies to.
  package struct Score: Hashable, Sendable, Codable {
    /// What accuracy by normalized scores is called.
    package static let byLength = "accuracy by length"

    /// `accuracy`, `accuracy by length`, `exact answers`.
    package var name: String
    /// What guessing gets, 0 to 1.
    package var chance: Double
    package var baseline: WilsonShare
    package var quantized: WilsonShare
    /// Items that the baseline has right and the model wrong, and the other way round.
    package var lost: Int
    package var gained: Int
    /// `PairedTest.mcNemar` of the two.
    package var p: Double

    /// - Parameter pairs: baseline and model on each item.
    init(_ name: String, chance: Double, _ pairs: [(Bool, Bool)]) {
      self.name = name
      self.chance = chance
      baseline = WilsonShare(right: pairs.count { $0.0 }, of: pairs.count)
      quantized = WilsonShare(right: pairs.count { $0.1 }, of: pairs.count)
      lost = pairs.count { $0.0 && !$0.1 }
      gained = pairs.count { !$0.0 && $0.1 }
      p = PairedTest.mcNemar(lost: lost, gained: gained)
    }

    /// The model's share of what the baseline has right; nil where that is nothing.
    package var retention: Double? {
      baseline.right > 0 ? Double(quantized.right) / Double(baseline.right) : nil
    }

    /// Why the items cannot tell a loss, in words: the baseline itself fails; nil where they can.
    package var weakness: String? { TestPower.weakness(baseline, chance: chance) }
  }

  /// One item, both sides.
  package struct Item: Hashable, Sendable, Codable {
    package var id: String
    package var baseline: TaskOutcome
    package var quantized: TaskOutcome

    package init(id: String, baseline: TaskOutcome, quantized: TaskOutcome) {
      self.id = id
      self.baseline = baseline
      self.quantized = quantized
    }
  }

  /// The file.
  package var task: String
  /// The recipe in words.
  package var recipe: String
  package var baselineName: String
  package var scores: [Score]
  package var items: [Item]
  package var seconds: Double

  package init(
    task: String, recipe: String, baselineName: String, scores: [Score], items: [Item],
    seconds: Double
  ) {
    self.task = task
    self.recipe = recipe
    self.baselineName = baselineName
    self.scores = scores
    self.items = items
    self.seconds = seconds
  }

  /// Counts what was found.
  package init(
    task: String, recipe: String, baselineName: String, _ asked: [TaskItem], items: [Item]
  ) {
    var chances: [Double] = []
    var (plain, byLength, answers): ([(Bool, Bool)], [(Bool, Bool)], [(Bool, Bool)]) = ([], [], [])
    for (item, found) in zip(asked, items) {
      switch item.demand {
      case .choice(let choices, _):
        chances.append(1 / Double(max(1, choices.count)))
        plain.append((found.baseline.isRight, found.quantized.isRight))
        byLength.append(
          (found.baseline.isRightByLength == true, found.quantized.isRightByLength == true))
      case .answer: answers.append((found.baseline.isRight, found.quantized.isRight))
      }
    }
    let chance = chances.reduce(0, +) / Double(max(1, chances.count))
    var scores: [Score] = []
    if !plain.isEmpty {
      scores.append(Score("accuracy", chance: chance, plain))
      scores.append(Score(Score.byLength, chance: chance, byLength))
    }
    if !answers.isEmpty { scores.append(Score("exact answers", chance: 0, answers)) }
    self.init(
      task: task, recipe: recipe, baselineName: baselineName, scores: scores, items: items,
      seconds: 0)
  }
}

/// Whether a test can tell a loss at all.
package enum TestPower {
  /// The share of answers to be written out that a baseline has to get right at least.
  package static let leastAnswers = 0.1

  /// Why a baseline's share tells nothing of what another model loses; nil where it does.
  ///
  /// - Parameter chance: what guessing gets; 0 for answers to be written out.
  package static func weakness(_ baseline: WilsonShare, chance: Double) -> String? {
    if baseline.of == 0 { return "nothing was asked" }
    if chance > 0 {
      return baseline.low <= chance
        ? "the baseline's \(baseline.right) of \(baseline.of) cannot be told from guessing" : nil
    }
    return baseline.share < leastAnswers
      ? "the baseline itself answers \(baseline.right) of \(baseline.of), under one in ten" : nil
  }
}

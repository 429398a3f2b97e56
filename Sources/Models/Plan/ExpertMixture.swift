import Glibc

/// The plan of a mixture of experts: a router and several sets of gated feed-forward layers in place of one.
extension BlockPlan {
  /// Puts a mixture in place of the feed-forward layers.
  ///
  /// - Parameters:
  ///   - intermediate: channels between the layers of one expert.
  ///   - router: the name of its layer, without `.weight`.
  ///   - hasBias: whether router and experts have biases.
  ///   - name: that of a layer of an expert.
  package mutating func mix(
    _ experts: FeedForwardPlan.Experts, intermediate: Int, router: String, hasBias: Bool = false,
    name: (_ expert: Int, _ kind: Projection.Kind) -> String
  ) {
    var made = linears.filter { $0.role.half == .attention }
    made.append(
      LinearPlan(
        .router, rows: experts.count, columns: hidden, hasBias: hasBias, name: router))
    for number in 0..<experts.count {
      for kind in [Projection.Kind.gate, .up, .down] {
        let isDown = kind == .down
        made.append(
          LinearPlan(
            Projection(kind, of: .number(number)), rows: isDown ? hidden : intermediate,
            columns: isDown ? intermediate : hidden, hasBias: hasBias,
            name: name(number, kind)))
      }
    }
    linears = made
    feedForward.experts = experts
  }

  /// The roles that the feed-forward half must have for its mixture to run.
  static func rolesOf(_ experts: FeedForwardPlan.Experts) -> [Projection] {
    [.router]
      + (0..<experts.count).flatMap { number in
        [.gate, .up, .down].map { Projection($0, of: .number(number)) }
      }
  }
}

/// Which tokens of a batch go through which expert, and with what weight.
struct ExpertRouting {
  /// One token that goes through an expert.
  struct Visit {
    var token: Int
    var weight: Float
  }

  /// By expert, in the order of the tokens.
  let visits: [[Visit]]

  /// Chooses the best experts of each token.
  ///
  /// Of equal scores the lower number counts as the better.
  /// - Parameter scores: what the router yields, `[tokens, experts]`.
  init(_ plan: FeedForwardPlan.Experts, scores: UnsafePointer<Float>, tokens: Int) {
    var visits = [[Visit]](repeating: [], count: plan.count)
    var order = [Int](0..<plan.count)
    for token in 0..<tokens {
      let row = UnsafeBufferPointer(start: scores + token * plan.count, count: plan.count)
      for place in order.indices { order[place] = place }
      order.sort { row[$0] > row[$1] || (row[$0] == row[$1] && $0 < $1) }
      let chosen = order.prefix(plan.active)
      let weights = plan.weights(of: chosen, row)
      for (expert, weight) in zip(chosen, weights) {
        visits[expert].append(Visit(token: token, weight: weight))
      }
    }
    self.visits = visits
  }
}

extension FeedForwardPlan.Experts {
  /// What the outputs of the chosen experts are multiplied by; the best comes first.
  fileprivate func weights(
    of chosen: ArraySlice<Int>, _ scores: UnsafeBufferPointer<Float>
  ) -> [Float] {
    let best = chosen.first.map { scores[$0] } ?? 0
    func exponential(_ expert: Int) -> Float { exp(scores[expert] - best) }
    switch self.scores {
    case .softmaxOfAll:
      let sum = scores.indices.reduce(Float(0)) { $0 + exponential($1) }
      return chosen.map { exponential($0) / sum }
    case .softmaxOfChosen:
      let sum = chosen.reduce(Float(0)) { $0 + exponential($1) }
      return chosen.map { exponential($0) / sum }
    case .sigmoid:
      return chosen.map { 1 / (1 + exp(-scores[$0])) }
    }
  }
}

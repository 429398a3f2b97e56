import Evaluation
import Models
import Planning
import Quantization

/// What the runs of a workspace say of methods on one model.
///
/// Only figures of one text, protocol, number of windows and full-precision tail can be ranked together: those on which most
/// methods were measured, the newest of equals. Only recipes that quantize one target alone, by one method and all layers alike, say something of the method.
struct MeasuredRuns {
  let methods: [MeasuredMethod]

  /// - Parameters:
  ///   - runs: the newest first.
  ///   - model: what the model is called in them.
  ///   - bytes: of its weights in full precision, since a name may be that of several models.
  init(_ runs: [RunRecord], model: String, bytes: Int) {
    let own = runs.filter {
      $0.model == model && $0.file == nil && $0.quantize?.baselineBytes == bytes
        && $0.evaluation?.caveat == nil
    }
    var groups: [EvaluationConditions: [MeasuredMethod]] = [:]
    var order: [EvaluationConditions] = []
    for run in own {
      guard let evaluation = run.evaluation,
        let found = Self.method(of: run, evaluation.kl.mean, evaluation.kl.error)
      else { continue }
      let key = evaluation.conditions
      if groups[key] == nil { order.append(key) }
      // The newest run of a method with its bits counts.
      if groups[key]?.contains(where: { $0.isOfSame(found) }) != true {
        groups[key, default: []].append(found)
      }
    }
    methods = order.map { groups[$0] ?? [] }.reduce([]) { $1.count > $0.count ? $1 : $0 }
  }

  private static func method(
    of run: RunRecord, _ kl: Double, _ error: Double
  ) -> MeasuredMethod? {
    let recipe = run.recipe
    guard recipe.transforms.isEmpty, recipe.exceptions.isEmpty, recipe.head == nil,
      recipe.targets.count == 1, let target = recipe.targets.first, kl.isFinite
    else { return nil }
    let choice: MethodChoice? =
      switch target {
      case .weights: recipe.weights
      case .activations: recipe.activations
      case .kvCache: recipe.keys == recipe.values ? recipe.keys : nil
      }
    guard let choice,
      let method = try? QuantizationMethods.description(of: choice.method, target: target)
    else { return nil }
    let bits = choice.options["bits"] ?? method.options.first { $0.key == "bits" }?.standard
    return MeasuredMethod(
      target: target, name: method.name, bits: bits.flatMap { Double(option: $0) }.map { Int($0) },
      kl: kl,
      error: error, run: run.id)
  }
}

extension MeasuredMethod {
  fileprivate func isOfSame(_ other: MeasuredMethod) -> Bool {
    target == other.target && name == other.name && bits == other.bits
  }
}

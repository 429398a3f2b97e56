import Engine
import Models
import Quantization

/// What the next run is called where it is named in a word or two.
extension State {
  /// The recipe of the next run; where none is chosen what is open instead: a baseline, a model as stored, a candidate.
  var recipeWords: String {
    guard choices.recipe.isBaseline, let model = facts.model else { return "\(choices.recipe)" }
    guard facts.holdsCandidate else { return model.baseline.long }
    return model.recipe ?? "candidate" + (model.storedAs.map { ", \($0)" } ?? "")
  }
}

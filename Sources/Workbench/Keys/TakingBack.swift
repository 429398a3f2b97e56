import Engine
import Quantization

/// What `U` does: the last choice is taken back, and the one before it.
extension State {
  /// Remembers the choices before a message, if it changed them.
  ///
  /// With another model open the choices that were made for the former one are forgotten. What the model in memory is made of,
  /// planted outliers and rotations, is no choice that could be taken back.
  mutating func remember(_ before: Choices, model: String?) {
    if facts.model?.path != model {
      past = Past()
      return
    }
    var before = before
    before.recipe.transforms = choices.recipe.transforms
    if choices != before { past.append(before) }
  }

  /// Puts the choices back as they were before the last change, and says what that was.
  mutating func takeBack() -> [Effect] {
    guard var former = past.removeLast() else { return [] }
    former.recipe.transforms = choices.recipe.transforms
    let left = choices
    choices = former
    say(.information, "Taken back: \(words(of: left))")
    var effects: [Effect] = []
    if left.recipe != former.recipe || left.calibration != former.calibration {
      effects += reassess()
    }
    if left.workload != former.workload || left.machine != former.machine { effects += replan() }
    return effects
  }

  /// What sets other choices apart from those of now, in a word or two.
  private func words(of left: Choices) -> String {
    var words: [String] = []
    if left.recipe != choices.recipe { words.append("the recipe is \(choices.recipe) again") }
    if left.workload != choices.workload { words.append("the workload is as before") }
    if left.machine != choices.machine {
      words.append("the plan is for \(choices.machine ?? "this machine") again")
    }
    if left.calibration != choices.calibration {
      words.append("the calibration is as before")
    }
    let screens = Screens.all.filter { !left.ofScreens.agrees(with: choices.ofScreens, on: $0.id) }
    if !screens.isEmpty {
      words.append("what was set on \(screens.map { $0.title }.joined(separator: ", "))")
    }
    return words.isEmpty ? "nothing that is seen" : words.joined(separator: "; ")
  }
}

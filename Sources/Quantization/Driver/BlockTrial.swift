package import Models
package import Operators

/// One block quantized by a recipe on given activations, apart from any run.
package struct BlockTrial {
  package let draft: BlockDraft
  package let drafted: DecoderBlock

  /// - Parameter sequences: what enters the block, `[tokens, hidden]` each; none for methods to do without.
  /// - Throws: what the methods throw.
  package init(
    recipe: Recipe, model: Model, index: Int, sequences: [HiddenStates], context: ExecutionContext,
    pause: @escaping () throws -> Void = {}
  ) throws {
    let block = try model.block(index)
    let calibration =
      sequences.isEmpty
      ? nil
      : try BlockCalibration(
        model: model, index: index, sequences: sequences, context: context, checkpoint: pause)
    var draft = try BlockDraft(
      block, index: index, recipe: recipe, pool: context.pool, calibration: calibration)
    try draft.run(recipe.methods())
    self.draft = draft
    drafted = try draft.drafted(from: block)
  }
}

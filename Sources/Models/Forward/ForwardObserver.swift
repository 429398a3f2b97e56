/// A place in the forward pass that can be looked at.
package enum ForwardTap: Hashable, Sendable {
  /// What enters a block, `[tokens, hidden]`.
  case blockInput
  /// What leaves a block, `[tokens, hidden]`.
  case blockOutput
  /// The input of a linear layer, `[tokens, columns]`; q, k and v share theirs, gate and up as
  /// well.
  case linearInput(Projection)
  /// What a linear layer makes of it, bias included, `[tokens, rows]`.
  case linearOutput(Projection)
  /// After the rotation, `[tokens, heads * headDimension]`.
  case queries
  /// After the rotation, `[tokens, kvHeads * headDimension]`.
  case keys
  /// `[tokens, kvHeads * headDimension]`.
  case values
}

/// Something that looks at tensors while a model runs: calibration, an outlier survey, a debugger.
///
/// It sees only what it asks for, and only for the length of the call.
package protocol ForwardObserver: AnyObject {
  /// Whether `observe` should be called for this tensor.
  func wants(_ tap: ForwardTap, block: Int) -> Bool

  /// Shows a tensor, `[tokens, columns]`; tokens of a long text come in several calls, in order.
  func observe(
    _ tap: ForwardTap, block: Int, values: UnsafePointer<Float>, tokens: Int, columns: Int)

  /// Why it could not look, such as memory that was refused; asked after a pass, which `observe` cannot end.
  var refusal: (any Error)? { get }
}

extension ForwardObserver {
  package var refusal: (any Error)? { nil }
}

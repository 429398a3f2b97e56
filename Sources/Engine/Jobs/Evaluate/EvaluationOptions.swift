package import Evaluation

/// How quality is measured.
package struct EvaluationOptions: Hashable, Sendable, Codable {
  /// The number format of the baseline.
  package enum Baseline: String, Hashable, Sendable, Codable {
    case bf16
    case f32
  }

  /// nil: the built-in evaluation text.
  package var text: String?
  package var `protocol`: EvaluationProtocol
  /// nil: the protocol's own, cut to the model's context.
  package var window: Int?
  /// Windows at most; nil for the whole text.
  package var windows: Int?
  package var baseline: Baseline
  /// Whether a line of the text is a conversation, for the model's chat template; nil for a plain text.
  package var chat: Bool?

  package init(
    text: String? = nil, protocol: EvaluationProtocol = .llamaCpp, window: Int? = nil,
    windows: Int? = nil, baseline: Baseline = .bf16, chat: Bool? = nil
  ) {
    self.text = text
    self.protocol = `protocol`
    self.window = window
    self.windows = windows
    self.baseline = baseline
    self.chat = chat
  }
}

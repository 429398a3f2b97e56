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
  /// How a quantized cache is filled before what is scored; nil for passes.
  package var prefill: CacheSchedule?
  /// Whether a line of the text is a conversation, for the model's chat template; nil for a plain text.
  package var chat: Bool?
  /// A file of logits that another run or program recorded of the baseline; nil where the baseline runs here.
  ///
  /// Windows and protocol are then the file's, and so is the text where none is named.
  package var logits: String?
  /// Where the logits of the measured model are written, as a base for others; nil for nowhere.
  package var logitsOut: String?
  /// Where BOS stands; nil for the rule of protocol and model.
  package var begin: WindowBegin?

  package init(
    text: String? = nil, protocol: EvaluationProtocol = .llamaCpp, window: Int? = nil,
    windows: Int? = nil, baseline: Baseline = .bf16, prefill: CacheSchedule? = nil,
    chat: Bool? = nil, logits: String? = nil, logitsOut: String? = nil,
    begin: WindowBegin? = nil
  ) {
    self.begin = begin
    self.logits = logits
    self.logitsOut = logitsOut
    self.prefill = prefill
    self.text = text
    self.protocol = `protocol`
    self.window = window
    self.windows = windows
    self.baseline = baseline
    self.chat = chat
  }
}

/// How text is fed to calibration.
package struct CalibrationOptions: Hashable, Sendable, Codable {
  /// nil: the built-in calibration text.
  package var text: String?
  /// Windows taken from it.
  package var samples: Int
  /// Tokens of a window.
  package var length: Int
  package var seed: UInt64
  /// Whether a line of the text is a conversation, for the model's chat template; nil for a plain text.
  package var chat: Bool?

  package init(
    text: String? = nil, samples: Int = 32, length: Int = 256, seed: UInt64 = 0, chat: Bool? = nil
  ) {
    self.text = text
    self.samples = samples
    self.length = length
    self.seed = seed
    self.chat = chat
  }
}

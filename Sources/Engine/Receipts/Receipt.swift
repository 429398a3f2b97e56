import Models
package import Operators
package import Quantization

/// What a run was measured on, how, and what it came to: enough for anyone to run it again.
package struct Receipt: Hashable, Sendable, Codable {
  /// The layout that this program writes and reads.
  package static let format = 1

  /// A model by its content.
  package struct Model: Hashable, Sendable, Codable {
    package var name: String
    /// Where it was opened; nil for the built-in model.
    package var path: String?
    /// SHA-256 of the names and digests of the files that hold its weights.
    package var sha256: String
    package var bytes: Int
  }

  /// A text by its content.
  package struct Text: Hashable, Sendable, Codable {
    /// What it was read for: `calibration`, `evaluation`.
    package var use: String
    /// A path, or what the built-in text is called.
    package var name: String
    package var sha256: String
  }

  /// What computed.
  package struct Host: Hashable, Sendable, Codable {
    package var name: String
    package var provider: ExecutionProvider
    package var threads: Int
    package var disabledKernels: [String]
  }

  /// One figure with the interval that it is stated with.
  package struct Figure: Hashable, Sendable, Codable {
    /// What the interval is of.
    package enum Basis: String, Hashable, Sendable, Codable {
      /// Arithmetic: it is the same each time.
      case exact
      /// Two standard errors over the windows of the text.
      case windows
      /// The quartiles of timed rounds.
      case rounds
      /// Floating-point sums in another order may move it by a hundredth.
      case computed
    }

    package var name: String
    package var value: Double
    package var unit: String
    package var low: Double?
    package var high: Double?
    package var basis: Basis
  }

  package var format: Int
  /// When it was made, UTC, ISO 8601.
  package var date: String
  /// Of the program.
  package var version: String
  /// How to do it again.
  package var command: String
  package var model: Model
  /// The model that it was held against, where that is another.
  package var against: Model?
  package var recipe: Recipe
  /// The recipe, or the file that was held against another.
  package var words: String
  package var texts: [Text]
  /// How quality was measured, and what times were taken of, in words.
  package var protocols: [String]
  package var host: Host
  /// That ran, or that the layers are prepared for.
  package var kernels: [String]
  package var figures: [Figure]
  /// What was chosen, by a choice; nil otherwise.
  package var chosen: String?
  /// What is done again to verify it, in order.
  package var jobs: [JobRequest]
}

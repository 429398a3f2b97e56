/// What figures of quality and speed are held against, in the words of screens and reports.
///
/// A model that was opened quantized is no FP baseline: it says what it is.
package struct BaselineWords: Hashable, Sendable, Codable {
  /// What it is stored as; nil for floating-point numbers.
  package var storedAs: String?

  package init(storedAs: String? = nil) { self.storedAs = storedAs }

  /// `FP baseline`, or `as stored, Q4_1`.
  package var long: String { storedAs.map { "as stored, \($0)" } ?? "FP baseline" }

  /// With an article, inside a sentence: `the FP baseline`, or `the model as stored (Q4_1)`.
  package var phrase: String {
    storedAs.map { "the model as stored (\($0))" } ?? "the FP baseline"
  }

  /// At the head of a sentence: `The FP baseline`.
  package var sentence: String { "T" + phrase.dropFirst() }

  /// Next to what is quantized, where it computes in BF16: `BF16`, or `Q4_1 as stored`.
  package var besides: String { storedAs.map { "\($0) as stored" } ?? "BF16" }

  /// A column's head: `FP`, or `stored`.
  package var short: String { storedAs == nil ? "FP" : "stored" }

  /// A measured side: the number format it computes with, and where that is not all of it what is stored.
  package func side(_ precision: String) -> String {
    storedAs.map { "as stored, \($0) (\(precision))" } ?? precision
  }
}

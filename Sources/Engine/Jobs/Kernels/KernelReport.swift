package import Evaluation
package import Operators

/// How kernels are held against their twins in plain C.
package struct KernelOptions: Hashable, Sendable, Codable {
  /// Tokens of the text.
  package var tokens: Int
  /// Of them, those at the end that are decoded one by one.
  package var decoded: Int
  /// Names of the forms to run; all without it.
  package var forms: [String]?

  package init(tokens: Int = 144, decoded: Int = 32, forms: [String]? = nil) {
    self.tokens = tokens
    self.decoded = decoded
    self.forms = forms
  }
}

/// Every kernel of linear layers and every kind of cache, end to end under each provider against plain C.
package struct KernelReport: Hashable, Sendable, Codable {
  /// One form under one provider.
  package struct Row: Hashable, Sendable, Codable {
    package var form: String
    /// Whether the form is one of caches.
    package var isCache: Bool
    /// The kernel of the form's layers, without provider; of caches `attention`.
    package var kernel: String
    package var provider: ExecutionProvider
    package var found: KernelAgreement.Distance
    package var floor: KernelAgreement.Distance
    /// Whether it is more than roundings explain.
    package var isAbove: Bool
  }

  package var model: String
  package var options: KernelOptions
  package var text: String
  package var threads: Int
  package var rows: [Row]
  /// Kernels that no form runs through on this model: its layers have no rows of whole blocks for them.
  package var uncovered: [String]
  package var seconds: Double

  package init(
    model: String, options: KernelOptions, text: String, threads: Int, rows: [Row],
    uncovered: [String], seconds: Double
  ) {
    self.model = model
    self.options = options
    self.text = text
    self.threads = threads
    self.rows = rows
    self.uncovered = uncovered
    self.seconds = seconds
  }

  /// Whether none that was run is above its floor.
  package var passes: Bool { !rows.contains(where: \.isAbove) }
}

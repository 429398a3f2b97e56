package import Platform

/// The built-in model: a small Llama trained on generated tales, with its tokenizer and texts.
///
/// Lies as resources next to the program; no network, no download. `Making/README.md` is its model card.
package struct DemoModel: Sendable {
  /// The folder with `config.json`, `model.safetensors` and `tokenizer.json`.
  package let directory: String

  /// Looks for the resources in the places the locator knows.
  ///
  /// - Throws: `DemoModelError.notFound` with all places looked at.
  package init(locator: ResourceLocator = ResourceLocator()) throws {
    let search = locator.search(for: "tales-5M", of: "DemoModel")
    guard let found = search.found else {
      throw DemoModelError.notFound(places: search.places.map(\.path))
    }
    directory = found
  }

  /// Name shown on screens.
  package static let name = "tales-5M (built-in)"
  /// Text to calibrate on; documents are separated by a line `<|endoftext|>`.
  package var calibrationText: String { directory + "/calibration.txt" }
  /// Text to evaluate on, disjoint from the one above.
  package var evaluationText: String { directory + "/evaluation.txt" }
  /// Long documents with questions about early details.
  package var recallText: String { directory + "/recall.txt" }
  /// Questions on short tales with choices or expected answers.
  package var tasks: String { directory + "/tasks.jsonl" }
}

/// What can go wrong with the built-in model.
package enum DemoModelError: Error, Equatable, Sendable {
  case notFound(places: [String])
}

extension DemoModelError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .notFound(let places):
      "the built-in model is not next to the program: expected its folder in one of "
        + places.joined(separator: ", ")
    }
  }
}

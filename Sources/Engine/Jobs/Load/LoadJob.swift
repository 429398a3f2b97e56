import Checkpoints
import FoundationEssentials
import Models
import Platform

/// Opens a model and makes it the one that jobs work on; with another one next to it, the two are held against each other.
package struct LoadJob: Job {
  /// A directory or a GGUF file; nil for the built-in model.
  package var path: String?
  /// The model that figures are held against, `built-in` for the built-in one; nil for the model itself, or the one that
  /// an artifact says it was made from.
  package var against: String?

  package init(path: String?, against: String? = nil) {
    self.path = path
    self.against = against
  }

  package static let name = "load"
  /// The path that stands for the built-in model.
  package static let builtIn = DemoPath.name
  package static let readsWeights = false
  package static let staleAfter: Set<Change> = [.modelOpened]
  package static var changes: Change? { .modelOpened }

  package var title: String { "Opening \(what)" }
  package var words: String { "open \(what)" }

  package func news(of summary: ModelSummary) -> String? {
    "Opened \(summary.name)" + (against == nil ? "" : " against \(summary.against?.name ?? "")")
  }

  private var what: String {
    (path ?? "the built-in model")
      + (against.map { " against \($0 == DemoPath.name ? "the built-in model" : $0)" } ?? "")
  }

  /// - Throws: what was expected, found and where, for any file that is not as it should be, and for two models that are
  ///   no counterparts.
  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> ModelSummary {
    let start = Machine.seconds()
    let parts = against == nil ? 1 : 2
    reporter.progress(
      "reading \(path ?? "the built-in model")", done: 0, of: parts, unit: "models", since: start)
    let opener = ModelOpener(locator: laboratory.locator, reporter: reporter)
    let opened = try opener.open(path)
    var files = try opened.stored.files()
    var held: Laboratory.OpenModel
    if let against {
      reporter.progress("reading \(against)", done: 1, of: parts, unit: "models", since: start)
      let base = try opener.open(against)
      files += try base.stored.files()
      let notes = try Counterparts(base: base, candidate: opened).check()
      for note in notes { reporter.log("\(note).") }
      held = Laboratory.OpenModel(opened, against: base, notes: notes)
      held.tokenizer = base.tokenizer ?? opened.tokenizer
    } else if let base = try origin(of: opened, opener) {
      files += try base.opened.stored.files()
      held = Laboratory.OpenModel(opened, against: base.opened, notes: base.notes)
      held.tokenizer = opened.tokenizer ?? base.opened.tokenizer
    } else {
      held = Laboratory.OpenModel(opened)
    }
    held.files = files
    held.openSeconds = Machine.seconds() - start
    laboratory.hold(held)
    return held.summary
  }

  /// The model that an artifact was made from, where it is still there.
  private func origin(
    of opened: OpenedModel, _ opener: ModelOpener
  ) throws -> (opened: OpenedModel, notes: [String])? {
    guard let origin = opened.origin else { return nil }
    if origin != DemoPath.name, !FileManager.default.fileExists(atPath: origin) {
      opener.reporter.log(
        "The model this was made from is not at \(origin): figures are against the artifact's own "
          + "weights in BF16.")
      return nil
    }
    let base = try opener.open(origin)
    do {
      return (base, try Counterparts(base: base, candidate: opened).check())
    } catch let error as EngineError {
      opener.reporter.log(
        "What lies at \(origin) is not the model this was made from: \(error). Figures are against the artifact's own "
          + "weights in BF16.")
      return nil
    }
  }
}

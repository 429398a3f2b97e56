package import Engine
package import Operators
package import Quantization

/// What can be chosen from: models, methods, machines, finished runs, themes, sessions, export formats.
package struct Catalog: Hashable, Sendable {
  package var models: [ModelEntry] = []
  package var methods: [MethodDescription] = []
  package var machines: [MachinePeaks] = []
  package var runs: [RunRecord] = []
  package var themes: [ThemeEntry] = []
  package var sessions: [SessionEntry] = []
  package var lessons: [LessonEntry] = []
  /// The language that lessons and words are told in unless another is chosen.
  package var language = "en"
  package var exportFormats: [ExportEntry] = []

  package init() {}

  /// Replaces one part.
  package mutating func apply(_ part: CatalogPart) {
    switch part {
    case .models(let entries): models = entries
    case .methods(let descriptions): methods = descriptions
    case .machines(let peaks): machines = peaks
    case .run(let record):
      if let index = runs.firstIndex(where: { $0.id == record.id }) {
        runs[index] = record
      } else {
        runs.append(record)
      }
    case .themes(let entries): themes = entries
    case .sessions(let entries): sessions = entries
    case .lessons(let entries, let language):
      lessons = entries
      self.language = language
    case .exportFormats(let entries): exportFormats = entries
    }
  }

  /// Drops a run that is in the workspace no more.
  package mutating func forget(run id: String) { runs.removeAll { $0.id == id } }

  /// The description of a method by its name in recipes.
  package func method(_ name: String) -> MethodDescription? {
    methods.first { $0.name == name }
  }
}

/// One part of the catalog, as it arrives.
///
/// Runs come one by one, since each may be large.
package enum CatalogPart: Hashable, Sendable, Codable {
  case models(entries: [ModelEntry])
  case methods(descriptions: [MethodDescription])
  case machines(peaks: [MachinePeaks])
  /// Not in the value itself: every message would be as large.
  indirect case run(record: RunRecord)
  case themes(entries: [ThemeEntry])
  case sessions(entries: [SessionEntry])
  case lessons(entries: [LessonEntry], language: String)
  case exportFormats(entries: [ExportEntry])
}

/// A theme that can be chosen.
package struct ThemeEntry: Hashable, Sendable, Codable {
  package var name: String
  /// Why it cannot be used, if so.
  package var problem: String?

  package init(name: String, problem: String? = nil) {
    self.name = name
    self.problem = problem
  }
}

/// A recorded session or a lesson, as the browser lists it.
package struct SessionEntry: Hashable, Sendable, Codable {
  package var path: String
  package var title: String
  package var kind: SessionKind
  /// A BCP 47 code: `en`, `ko`.
  package var language: String
  package var milliseconds: Int
  /// Tasks and questions in it.
  package var exercises: Int
  /// Why it cannot be played, if so.
  package var problem: String?

  package init(
    path: String, title: String, kind: SessionKind, language: String, milliseconds: Int,
    exercises: Int = 0, problem: String? = nil
  ) {
    self.path = path
    self.title = title
    self.kind = kind
    self.language = language
    self.milliseconds = milliseconds
    self.exercises = exercises
    self.problem = problem
  }

  /// A file, or a folder of them, that cannot be read.
  package init(unreadable path: String, problem: String) {
    self.init(
      path: path, title: path.split(separator: "/").last.map(String.init) ?? path,
      kind: .session, language: "", milliseconds: 0, problem: problem)
  }
}

/// A format that a quantized model can be written in.
package struct ExportEntry: Hashable, Sendable, Codable {
  package var name: String
  package var summary: String

  package init(name: String, summary: String) {
    self.name = name
    self.summary = summary
  }
}

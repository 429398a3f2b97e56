/// A lesson in one language: what it is called, how large its measurements are, and its stops in order.
///
/// `lesson.toml` holds what no language changes, `en.md` or `ko.md` the words; `LessonReader` puts the two together.
package struct Lesson: Hashable, Sendable, Codable {
  /// The name of its folder.
  package var id: String
  /// Its place in the course; 0 for a lesson outside of it.
  package var number: Int
  package var title: String
  /// What it is about, in a sentence.
  package var about: String
  /// A BCP 47 code: `en`, `ko`.
  package var language: String
  /// About how long it takes.
  package var minutes: Int
  package var sizes: LessonSizes
  package var stops: [LessonStop]
  /// The model it is taken on, where a class says another than the built-in one.
  package var model: String?
  /// Seconds it may take; answers after that are marked as late.
  package var limit: Int?

  package init(
    id: String, number: Int = 0, title: String, about: String = "", language: String = "en",
    minutes: Int = 8, sizes: LessonSizes = LessonSizes(), stops: [LessonStop]
  ) {
    self.id = id
    self.number = number
    self.title = title
    self.about = about
    self.language = language
    self.minutes = minutes
    self.sizes = sizes
    self.stops = stops
  }
}

/// How much text the measurements of a lesson read, so that each ends while somebody waits for it.
package struct LessonSizes: Hashable, Sendable, Codable {
  /// Windows of calibration text, and tokens of each.
  package var samples = 8
  package var sampleLength = 128
  /// Windows of evaluation text.
  package var windows = 8
  /// Seconds that a race or a comparison of providers may take.
  package var seconds = 30.0

  package init() {}

  /// The least that gives figures at all: for whoever checks a lesson.
  package static var least: LessonSizes {
    var sizes = LessonSizes()
    sizes.samples = 2
    sizes.sampleLength = 64
    sizes.windows = 2
    sizes.seconds = 1
    return sizes
  }
}

/// One stop of a lesson.
package struct LessonStop: Hashable, Sendable, Codable {
  package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
    /// Narration next to the screen.
    case say
    /// A guess before something is measured: a choice, a number, or the cell under the heatmap's cursor.
    case predict
    /// A task for the learner's own hands, done when `check` holds.
    case `do`
    /// A stretch of a recorded session.
    case watch
    /// Runs jobs on this machine.
    case measure
    /// A question whose answers are explained.
    case ask
    /// The learner plays; going on brings back what was chosen before.
    case free
  }

  /// What is guessed at a `predict`.
  package enum Guess: String, Hashable, Sendable, Codable, CaseIterable {
    case choice, number, cell
  }

  package var id: String
  package var kind: Kind
  /// The screen it is about, shown when the stop is come to.
  package var screen: String?
  package var text = LessonWords()
  package var guess: Guess?
  package var choices: [LessonChoice] = []
  /// An expression for the right answer: the id of a choice, or its place from 0; a number; the name of a cell.
  package var answer: String?
  /// How far a guessed number may be off, as a share of the right one.
  package var within = 0.25
  /// When a task is done.
  package var check: String?
  /// What is kept of the figures when the stop is done, by name.
  package var keeps: [LessonKeep] = []
  /// Jobs that run one after the other.
  package var jobs: [String] = []
  /// What the recipe becomes on the way in, as one line: `weights=gptq:3:64 layer=7.down=fp`; empty for none.
  package var recipe: String?
  /// The caches that `caches` compares, a recipe each: `kv=int4`.
  package var caches: [String] = []
  /// What the workload becomes on the way in: `context`, `requests`, `prompt`, `generate`.
  package var workload: [String: Int]?
  /// Workloads of which one is drawn when the lesson begins.
  package var workloads: [[String: Int]]?
  /// The stop whose workload it has.
  package var like: String?
  /// Outliers to plant, `CHANNELS:FACTOR`; `none` takes them out.
  package var planting: String?
  /// A recorded session whose reports stand in where the jobs cannot run, and that `watch` plays.
  package var session: String?
  /// The stretch to watch, in milliseconds.
  package var from: Int?
  package var to: Int?
  /// Guesses whose answers are known now.
  package var reveals: [String] = []
  /// A question that only keeps its answer, since it is asked again at the end.
  package var isQuiet = false
  /// Keys that do the task, for those who check the lesson.
  package var way: [String] = []

  package init(id: String, kind: Kind) {
    self.id = id
    self.kind = kind
  }
}

/// What a stop says in one language; figures stand in it as `{{EXPRESSION|FORMAT}}`.
package struct LessonWords: Hashable, Sendable, Codable {
  package var body = ""
  package var hint: String?
  /// Said after a right answer, a wrong one, and when a task or a measurement is done.
  package var right: String?
  package var wrong: String?
  package var done: String?
  /// For whoever teaches: shown on a second terminal, never to the learner.
  package var notes: String?

  package init() {}
}

/// An answer to choose, and what is said to whoever chooses it.
package struct LessonChoice: Hashable, Sendable, Codable {
  package var id: String
  package var label: String
  package var why: String

  package init(id: String, label: String, why: String) {
    self.id = id
    self.label = label
    self.why = why
  }
}

/// A figure that is kept under a name.
package struct LessonKeep: Hashable, Sendable, Codable {
  package var name: String
  package var expression: String

  package init(name: String, expression: String) {
    self.name = name
    self.expression = expression
  }
}

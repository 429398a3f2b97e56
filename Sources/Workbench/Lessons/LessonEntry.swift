/// A lesson as the browser lists it.
package struct LessonEntry: Hashable, Sendable, Codable {
  package var id: String
  package var path: String
  /// Its place in the course; 0 for none.
  package var number: Int
  package var minutes: Int
  package var stops: Int
  /// Its title by language.
  package var titles: [String: String]
  /// The languages there are, the source first.
  package var languages: [String]
  /// Stops that were done.
  package var done: Int
  /// What is wrong with its files, the first of it.
  package var problem: String?

  package init(
    id: String, path: String, number: Int, minutes: Int, stops: Int, titles: [String: String],
    languages: [String], done: Int, problem: String? = nil
  ) {
    self.id = id
    self.path = path
    self.number = number
    self.minutes = minutes
    self.stops = stops
    self.titles = titles
    self.languages = languages
    self.done = done
    self.problem = problem
  }

  /// Lessons of the course come first.
  var order: Int { number > 0 ? number : .max }

  /// Its title in a language, or in the source.
  package func title(_ language: String) -> String {
    titles[language] ?? languages.first.flatMap { titles[$0] } ?? id
  }
}

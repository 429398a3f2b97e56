import CommandLineFace
import Platform
import Synchronization
import Testing

/// What a command line came to: exit code, standard output, standard error.
struct Ran {
  private final class Text: Sendable {
    private let text = Mutex("")
    func append(_ more: String) { text.withLock { $0 += more } }
    var value: String { text.withLock { $0 } }
  }

  let code: Int32
  let out: String
  let error: String

  /// Runs the program in this process.
  init(_ arguments: [String]) {
    let out = Text()
    let error = Text()
    code = Program.run(
      arguments, output: OutputStreams(out: { out.append($0) }, error: { error.append($0) }))
    self.out = out.value
    self.error = error.value
  }

  /// The one JSON document on standard output.
  func json() throws -> JSONValue {
    try #require(code == 0 || code == 3, "exit code \(code): \(error)")
    return try StrictJSON.parse(Array(out.utf8))
  }
}

extension JSONValue {
  /// What lies at `kl.mean` or `layers.0.bits`.
  subscript(path path: String) -> JSONValue? {
    var value: JSONValue? = self
    for name in path.split(separator: ".") {
      if let index = Int(name), let items = value?.array {
        value = items.indices.contains(index) ? items[index] : nil
      } else {
        value = value?.object?[String(name)]
      }
    }
    return value
  }

  /// Checks that a number lies at each path.
  func expectNumbers(_ paths: [String]) {
    for path in paths {
      let found = self[path: path]
      #expect(
        found?.double?.isFinite == true,
        "\(path): expected a number, found \(found?.kind ?? "nothing")")
    }
  }

  /// Checks that text lies at each path.
  func expectTexts(_ paths: [String]) {
    for path in paths {
      let found = self[path: path]
      #expect(
        found?.string?.isEmpty == false, "\(path): expected text, found \(found?.kind ?? "nothing")"
      )
    }
  }
}

import ArgumentParser
import Planning
import Wording

/// Prints what is known of other runtimes: what each executes, with the source and date of every rule.
struct CoverageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "coverage",
    abstract: "What other runtimes execute natively, expand or refuse, and where that was read.",
    discussion: """
      Rules are tried in the order they stand: the first that matches a part of a recipe counts. They are read from \
      sources and documents; those that the runtime itself was seen to keep here, on what 'nibble quantize' writes, say so \
      with its version and the day. Versions move.
      """)

  @Option(help: "Only runtimes whose name has this in it.")
  var runtime: String?
  @OptionGroup var output: OutputOptions

  func run() throws {
    let all = RuntimeTable.rows
    let rows = all.filter { row in
      runtime.map { row.runtime.lowercased().contains($0.lowercased()) } ?? true
    }
    guard !rows.isEmpty else {
      var names: [String] = []
      for row in all where !names.contains(row.runtime) { names.append(row.runtime) }
      throw ValidationError(
        "--runtime: expected a part of one of \(names.joined(separator: ", ")), found '\(runtime ?? "")'"
      )
    }
    if output.json { return try Output.json(rows) }
    Output.table(
      [
        "runtime", "part", "what", "support", "because", "nearest", "source", "read",
        "confirmed here",
      ],
      rows.map {
        [
          $0.runtime, $0.part.rawValue, $0.what, $0.support.rawValue, $0.constraint, $0.nearest,
          $0.source, $0.asOf, $0.confirmed ?? "-",
        ]
      })
  }
}

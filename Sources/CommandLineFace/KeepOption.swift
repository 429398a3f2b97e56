import ArgumentParser
import Engine

/// Whether a result becomes a run of the workspace.
struct KeepOption: ParsableArguments {
  @Flag(
    help:
      "Keep the result as a run of the workspace, with a receipt to verify it by and a page to read."
  )
  var keep = false

  /// Saves what was measured, and says where; silent in JSON.
  func save(_ session: CommandSession, quietly: Bool) throws {
    guard keep else { return }
    let run = try session.perform(SaveJob(command: TypedCommand.words))
    let folder = session.laboratory.workspace.folder(of: run.id)
    let words = "Kept as \(folder): run.json, receipt.json, receipt.md, report.md, report.html"
    if quietly { session.note(words) } else { print(words) }
  }
}

/// The command line as it was typed.
enum TypedCommand {
  @TaskLocal static var arguments: [String] = []

  /// As a shell reads it; nil where nothing was typed.
  static var words: String? {
    arguments.isEmpty ? nil : (["nibble"] + arguments.map(quoted)).joined(separator: " ")
  }

  /// Words as a shell reads them.
  static func quoted(_ arguments: [String]) -> String {
    arguments.map { quoted($0) }.joined(separator: " ")
  }

  private static func quoted(_ argument: String) -> String {
    let plain = argument.unicodeScalars.allSatisfy { scalar in
      ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
        || "-_./:=,+@%".unicodeScalars.contains(scalar)
    }
    return plain && !argument.isEmpty
      ? argument : "'" + argument.replacing("'", with: "'\\''") + "'"
  }
}

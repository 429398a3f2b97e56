import Engine
import Shell
import TerminalUI
import TestSupport
import Workbench

/// One run of the workbench's loop on a scripted terminal, with the real engine and a workspace of its own.
@MainActor struct LoopRun {
  let terminal: ScriptedTerminal
  let folder: TemporaryFolder
  /// What `run` answered.
  let code: Int32
  /// What was said on the normal screen afterwards.
  let farewell: [String]

  /// Runs the script from the start of the program, the built-in model being opened.
  init(_ steps: [ScriptedTerminal.Step], seconds: Double = 420) throws {
    let folder = try TemporaryFolder()
    let terminal = ScriptedTerminal(seconds: seconds, steps)
    let laboratory = try Laboratory(
      threads: 2, workspace: Workspace(directory: folder.path("runs")))
    var state = State(size: terminal.size)
    Self.shorten(&state.choices)
    let themes = ThemeCatalog(folders: [])
    var loop = WorkbenchLoop(
      terminal: terminal, store: Store(state: state), laboratory: laboratory, themes: themes,
      recordings: folder.path("recordings"))
    let catalog = CatalogSource(
      laboratory: laboratory, themes: themes, sessionFolders: [], model: nil)
    loop.begin(catalog.messages() + [.launch(model: nil)])
    code = loop.run()
    farewell = loop.end()
    self.terminal = terminal
    self.folder = folder
  }

  /// Little text and few repetitions: the walk is tested, not the model.
  private static func shorten(_ choices: inout Choices) {
    choices.calibration = CalibrationOptions(samples: 2, length: 64)
    choices[QualityScreen.self].evaluation = EvaluationOptions(window: 64, windows: 2)
    choices[ProfileScreen.self].bench = BenchOptions(prompt: 16, generate: 4, repetitions: 1)
    choices[QualityScreen.self].continuationTokens = 8
    choices[QualityScreen.self].recallDocuments = 1
  }
}

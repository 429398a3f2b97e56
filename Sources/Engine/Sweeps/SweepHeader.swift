import Operators
package import Platform

/// What a sweep was planned with: a task refuses to start where any of it is another now.
package struct SweepHeader: Hashable, Sendable, Codable {
  /// The program that planned it.
  package struct Program: Hashable, Sendable, Codable {
    package var version: String
    package var file: FrozenFile
  }

  /// The layout of the folder.
  package static let currentSchema = 1

  package var schema: Int
  package var program: Program
  package var tasks: Int
  /// Of the file of tasks.
  package var planSHA256: String
  package var inputs: [FrozenInput]

  /// The running program.
  package static let programPath = "/proc/self/exe"

  init(tasks: Int, planSHA256: String, inputs: [FrozenInput]) throws(PlatformError) {
    schema = Self.currentSchema
    program = Program(
      version: ProgramVersion.current, file: try FrozenFile(at: Self.programPath))
    self.tasks = tasks
    self.planSHA256 = planSHA256
    self.inputs = inputs
  }

  /// Holds the running program against the one that planned.
  ///
  /// - Throws: `SweepError.changed`.
  package func checkProgram() throws(SweepError) {
    guard program.version == ProgramVersion.current else {
      throw .changed(
        what: "the program", expected: "version \(program.version)",
        found: ProgramVersion.current)
    }
    try program.file.check(at: Self.programPath, what: "the program")
  }

  /// Holds all inputs against what is there now.
  ///
  /// - Throws: `SweepError.changed`.
  package func checkInputs(locator: ResourceLocator) throws {
    for input in inputs { try input.check(locator: locator) }
  }

  /// Holds what one task depends on against what is there now.
  ///
  /// - Throws: `SweepError.changed`.
  package func check(_ task: SweepTask, locator: ResourceLocator) throws {
    try checkProgram()
    let needed: [(FrozenInput.Kind, SweepTask.Source?)] = [
      (.model, task.model), (.text, task.text), (.calibration, task.calibrationText),
      (.trace, task.trace),
    ]
    for (kind, source) in needed {
      guard let source else { continue }
      guard let input = inputs.first(where: { $0.kind == kind && $0.path == source.path }),
        input.sha256 == source.sha256
      else {
        throw SweepError.changed(
          what: "the \(kind.rawValue) '\(source.name)'", expected: source.sha256, found: "none")
      }
      try input.check(locator: locator)
    }
    if let machine = task.machine {
      let now = try MachineCatalog(locator: locator).named(machine.name)
      guard now == machine else {
        throw SweepError.changed(
          what: "the described machine '\(machine.name)'", expected: "what was planned with",
          found: "other figures")
      }
    }
  }
}

/// Names a run of the workspace, says something of it, or takes it out.
package struct EditRunJob: Job {
  /// What is done to it.
  package enum Edit: Hashable, Sendable, Codable {
    /// Empty for the recipe's own words again.
    case title(String)
    case note(String)
    case delete
  }

  /// The run's id.
  package var run: String
  package var edit: Edit

  package init(run: String, edit: Edit) {
    self.run = run
    self.edit = edit
  }

  package static let name = "edit-run"
  package static let isHeavy = false
  package static let staleAfter: Set<Change> = [.modelOpened]

  package var title: String {
    edit == .delete ? "Deleting run \(run)" : "Changing run \(run)"
  }
  package var words: String { edit == .delete ? "delete run \(run)" : "change run \(run)" }
  package func news(of report: EditedRun) -> String? {
    report.record == nil ? "Run \(report.id) is deleted" : "Run \(report.id) is changed"
  }

  /// - Throws: `EngineError.unknownRun` or `.badRun`.
  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> EditedRun {
    let workspace = laboratory.workspace
    switch edit {
    case .title(let text):
      let record = try workspace.change(run) { $0.title = text.isEmpty ? nil : text }
      return EditedRun(id: run, record: record)
    case .note(let text):
      let record = try workspace.change(run) { $0.note = text.isEmpty ? nil : text }
      return EditedRun(id: run, record: record)
    case .delete:
      try workspace.delete(run)
      return EditedRun(id: run, record: nil)
    }
  }
}

/// A run as it is now; nothing where it was deleted.
package struct EditedRun: Hashable, Sendable, Codable {
  package var id: String
  package var record: RunRecord?
}

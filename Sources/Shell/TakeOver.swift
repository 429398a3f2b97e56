import Engine
import FoundationEssentials
import Workbench

/// What a state that was taken over from a replay is told, so that it is alive: jobs that ran have stopped, the model is opened
/// again, or nothing can be measured where it is not here.
enum TakeOver {
  /// The messages, in order.
  static func messages(_ state: State) -> [Message] {
    var messages: [Message] = []
    if state.recording != nil { messages.append(.recording(path: nil)) }
    // What ran in the recording runs nowhere now; a cancelled job takes those that waited for it along.
    for job in state.jobs.jobs where job.status.isActive {
      messages.append(.job(event: .cancelled(id: job.id)))
    }
    let model = state.facts.model
    guard let path = missing(state) else {
      let stopped = state.jobs.active.map { " Stopped: \($0.title)." } ?? ""
      messages.append(
        .notice(
          kind: .information, text: "You have taken over: the model is opened again.\(stopped)"))
      messages.append(
        .launch(
          model: model?.path == LoadJob.builtIn ? nil : model?.path, against: model?.against?.path))
      return messages
    }
    let reason = "Read only: the model is not at \(path) here. 1 opens another"
    messages.append(.readOnly(reason: reason))
    messages.append(.notice(kind: .problem, text: reason))
    return messages
  }

  /// The path of the model, or of the one it is held against, that is not on this machine.
  private static func missing(_ state: State) -> String? {
    let paths = [state.facts.model?.path, state.facts.model?.against?.path].compactMap { $0 }
    return paths.first { $0 != LoadJob.builtIn && !FileManager.default.fileExists(atPath: $0) }
  }
}

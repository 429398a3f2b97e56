import Wording

/// What can go wrong with a sweep besides its tasks; each case carries its evidence.
package enum SweepError: Error, Hashable, Sendable {
  /// A plan that cannot be read, or says what it may not.
  case badPlan(path: String, line: Int?, key: String?, expected: String, found: String?)
  /// More tasks than a plan may come to, counted before any was made.
  case tooMany(path: String, product: String, tasks: Int?, most: Int)
  /// Two lines that would compute the same.
  case sameTask(id: String, first: String, second: String)
  /// A folder that holds something else.
  case otherFolder(path: String, reason: String)
  /// A folder that holds no sweep.
  case noSweep(path: String, reason: String)
  case noSuchTask(path: String, expected: String, found: String)
  /// What a task depends on is not what it was when the sweep was planned.
  case changed(what: String, expected: String, found: String)
  /// A task found that, in a process of its own, and said so.
  case changedFor(task: String, said: String)
  /// A file of the sweep that is not what this program wrote.
  case damaged(path: String, reason: String)
  /// Another process works on the sweep.
  case busy(path: String)
  /// A batch system that cannot be asked, or says no.
  case scheduler(program: String, reason: String)
  /// Options for a batch system that are this program's own.
  case reservedOption(option: String, reserved: [String])
  /// Tasks that were handed over before are still in the queue.
  case inQueue(path: String, jobs: [Int])
  /// Not every task has a result.
  case unfinished(path: String, finished: Int, failed: Int, tasks: Int)

  /// The exit code of a command that ends with it: 2 a plan that is wrong, 3 not all tasks have finished, 4 a batch
  /// system that says no, 5 what was planned with has changed, 1 for the rest.
  package var exitCode: Int32 {
    switch self {
    case .badPlan, .tooMany, .sameTask, .noSuchTask, .reservedOption: 2
    case .unfinished: 3
    case .scheduler: 4
    case .changed, .changedFor: 5
    case .otherFolder, .noSweep, .damaged, .busy, .inQueue: 1
    }
  }
}

extension SweepError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .badPlan(let path, let line, let key, let expected, let found):
      path + (line.map { ", line \($0)" } ?? "") + (key.map { ": \($0)" } ?? "")
        + ": expected \(expected)" + (found.map { ", found \($0)" } ?? ", found none")
    case .tooMany(let path, let product, let tasks, let most):
      "\(path): expected at most \(Quantity.grouped(most)) tasks, found \(product)"
        + (tasks.map { " = \(Quantity.grouped($0))" } ?? ", more than can be counted")
    case .sameTask(let id, let first, let second):
      "two tasks would compute the same (\(id)): '\(first)' and '\(second)'; leave one of them out"
    case .otherFolder(let path, let reason):
      "\(path): expected a new folder, or this very sweep; \(reason), nothing was overwritten"
    case .noSweep(let path, let reason):
      "\(path) is no sweep: expected a folder that 'nibble sweep plan' wrote; \(reason)"
    case .noSuchTask(let path, let expected, let found):
      "\(path): expected \(expected), found \(found)"
    case .changed(let what, let expected, let found):
      "\(what) changed after the sweep was planned: expected \(expected), found \(found); plan it again into a new folder"
    case .changedFor(let task, let said): "\(task): \(said)"
    case .damaged(let path, let reason): "\(path) is damaged: \(reason)"
    case .busy(let path): "another process runs the sweep \(path)"
    case .scheduler(let program, let reason): "\(program): \(reason)"
    case .reservedOption(let option, let reserved):
      "\(option): expected options of sbatch besides \(reserved.joined(separator: ", ")), which are this program's own"
    case .inQueue(let path, let jobs):
      "\(path): expected none of its jobs in the queue, found \(jobs.map(String.init).joined(separator: ", ")); wait for "
        + "them, or 'nibble sweep cancel' them"
    case .unfinished(let path, let finished, let failed, let tasks):
      "\(path): \(Quantity.grouped(finished)) of \(Quantity.grouped(tasks)) tasks have finished"
        + (failed > 0 ? ", \(Quantity.grouped(failed)) failed" : "")
    }
  }
}

/// What can go wrong in choosing or running a method; each case carries its evidence.
package enum QuantizationError: Error, Hashable, Sendable {
  case unknownMethod(target: String, name: String, known: [String])
  case unknownOption(method: String, key: String, known: [String])
  case invalidOption(method: String, key: String, expected: String, found: String)
  case malformedChoice(text: String, expected: String)
  case groupDoesNotDivide(layer: String, columns: Int, group: Int, nearest: Int?)
  case notFinite(layer: String, row: Int, column: Int, value: Float)
  case activationsNotFinite(block: Int, sequence: Int, token: Int, channel: Int, value: Float)
  case checkpointBusy(folder: String)
  case checkpointForeign(folder: String)
  case checkpointDamaged(folder: String, reason: String)
  case checkpointOfAnother(folder: String, differences: [String])
  case cannotKeep(layer: String, format: String)
  case noFiniteLoss(layers: String, tried: Int)
  case cancelled
}

extension QuantizationError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unknownMethod(let target, let name, let known):
      "unknown method for \(target): expected one of \(known.joined(separator: ", ")), "
        + "found '\(name)'"
    case .unknownOption(let method, let key, let known):
      "method \(method) has no option '\(key)': expected one of "
        + known.joined(separator: ", ")
    case .invalidOption(let method, let key, let expected, let found):
      "option \(key) of \(method): expected \(expected), found '\(found)'"
    case .malformedChoice(let text, let expected):
      "'\(text)' is no method choice: expected \(expected)"
    case .groupDoesNotDivide(let layer, let columns, let group, let nearest):
      "group size \(group) does not divide the \(columns) input channels of \(layer); "
        + (nearest.map { "the nearest that does is \($0)" }
          ?? "no group that can be chosen does, but channel, one scale for a whole row")
    case .notFinite(let layer, let row, let column, let value):
      "\(layer) holds \(value) at row \(row), column \(column): expected finite weights"
    case .activationsNotFinite(let block, let sequence, let token, let channel, let value):
      "what leaves block \(block) holds \(value) at channel \(channel) of token \(token), calibration "
        + "window \(sequence): expected finite activations"
    case .checkpointForeign(let folder):
      "\(folder), where finished blocks would be kept, exists already and is none of a run: expected no such folder; "
        + "move it, or choose another output"
    case .checkpointBusy(let folder): "another run is at work in \(folder)"
    case .checkpointDamaged(let folder, let reason):
      "\(folder) cannot be resumed from: \(reason); remove it to start over"
    case .checkpointOfAnother(let folder, let differences):
      "\(folder) holds an unfinished run of something else: " + differences.joined(separator: "; ")
        + "; resume with the same settings, or remove it to start over"
    case .cannotKeep(let layer, let format):
      "\(layer): expected a form that a method makes, in which a finished block is kept; found \(format)"
    case .noFiniteLoss(let layers, let tried):
      "\(layers): expected a finite loss at one of \(tried) candidates at least, found none; "
        + "inputs that are not finite would do that"
    case .cancelled: "cancelled"
    }
  }
}

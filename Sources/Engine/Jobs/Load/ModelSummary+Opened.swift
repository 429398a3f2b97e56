import Checkpoints
import DemoModel
import Models
import Operators
import Quantization
import Tensors

extension ModelSummary {
  /// Of a model that was read from a directory.
  init(_ model: Model, directory: String, isBuiltIn: Bool) throws {
    let checkpoint = try Checkpoint(path: directory)
    var types: [String: Int] = [:]
    for tensor in checkpoint.tensors {
      types[tensor.dtype.description, default: 0] += tensor.range.count * 8 / tensor.dtype.bits
    }
    let shape = model.configuration.shape
    let name = directory.split(separator: "/").last.map(String.init) ?? directory
    self.init(
      name: isBuiltIn ? DemoModel.name : name, path: isBuiltIn ? "built-in" : directory,
      shape: shape, parametersByType: types, tensors: checkpoint.tensors.count,
      fileBytes: checkpoint.byteCount, kvBytesPerToken: shape.kvBytesPerToken(.fp16),
      tokenizer: "")
  }
}

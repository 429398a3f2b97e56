package import Checkpoints
import Models
import Operators
import Platform
import Quantization
import Tensors

extension ModelSummary {
  /// Of a model that was read from `stored`; the tokenizer is not known yet.
  ///
  /// - Throws: `CheckpointError` where its files cannot be read.
  init(_ model: Model, _ stored: StoredModel) throws {
    let types = try StoredTypes(stored, model)
    var shape = model.configuration.shape
    if types.isQuantized { shape.storedBits = types.bits }
    switch stored {
    case .gguf(let file):
      self.init(shape, path: file.file.path, types)
      tensors = file.tensors.count
      fileBytes = file.byteCount
    case .directory(let directory):
      let checkpoint = try Checkpoint(path: directory.path)
      self.init(shape, path: directory.path, types)
      parametersByType = [:]
      for tensor in checkpoint.tensors {
        parametersByType[tensor.dtype.description, default: 0] +=
          tensor.range.count * 8 / tensor.dtype.bits
      }
      tensors = checkpoint.tensors.count
      fileBytes = checkpoint.byteCount
    }
  }

  /// Of a GGUF file, from its header alone.
  ///
  /// - Throws: `CheckpointError`, `ModelError` for metadata of a model that cannot be run.
  package init(headerOf file: GGUFFile) throws {
    var shape = try ModelConfiguration(file).shape
    let types = StoredTypes(file)
    if types.isQuantized { shape.storedBits = types.bits }
    self.init(shape, path: file.file.path, types)
    tensors = file.tensors.count
    fileBytes = file.byteCount
  }

  private init(_ shape: ModelShape, path: String, _ types: StoredTypes) {
    self.init(
      name: path.split(separator: "/").last.map(String.init) ?? path, path: path, shape: shape,
      parametersByType: Dictionary(
        uniqueKeysWithValues: types.shares.map { ($0.type, $0.parameters) }),
      tensors: 0, fileBytes: 0, kvBytesPerToken: shape.kvBytesPerToken(.fp16), tokenizer: "",
      stored: types)
  }
}

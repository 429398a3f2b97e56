import FoundationEssentials
package import Platform

/// What a path that is given as a model holds: a directory in the layout of Hugging Face, or a GGUF file in one part or several.
///
/// A directory without safetensors that holds one GGUF file, or the parts of one, stands for that file.
package enum StoredModel: Sendable {
  case directory(ModelDirectory)
  case gguf(GGUFFile)

  /// Looks at `path` and, where it is a GGUF file, reads its header.
  ///
  /// - Throws: `CheckpointError` for what is no model, for a directory with several GGUF files, which are listed, and for a
  ///   file that is not as its format says.
  package init(path: String) throws(CheckpointError) {
    switch try CheckpointKind(of: path) {
    case .gguf: self = .gguf(try GGUFFile(path: path))
    case .directory:
      let directory = try ModelDirectory(path: path)
      if let file = try directory.onlyGGUF() {
        self = .gguf(try GGUFFile(path: file))
      } else {
        self = .directory(directory)
      }
    case .safetensors, .index:
      throw .unsupported(
        file: path, item: "model", found: "a file of weights without a configuration",
        known: "expected the directory that holds it with config.json, or a GGUF file")
    }
  }

  /// The path it was opened by, or that of the file a directory stands for.
  package var path: String {
    switch self {
    case .directory(let directory): directory.path
    case .gguf(let file): file.file.path
    }
  }

  /// What `config.json` says, or would say of a GGUF file.
  package func config() throws(CheckpointError) -> ConfigFile {
    switch self {
    case .directory(let directory):
      try ConfigFile(path: directory.path(of: "config.json"))
    case .gguf(let file): try file.configuration()
    }
  }

  /// The files that hold its weights.
  package func files() throws(CheckpointError) -> [MappedFile] {
    switch self {
    case .directory(let directory): try Checkpoint(path: directory.path).files
    case .gguf(let file): file.files
    }
  }
}

extension ModelDirectory {
  /// The GGUF file that the directory stands for; nil where it holds safetensors or no GGUF file at all.
  ///
  /// Of a model in several parts the first that is there.
  ///
  /// - Throws: `CheckpointError.unsupported` where there are several, with their names.
  package func onlyGGUF() throws(CheckpointError) -> String? {
    guard !has(Checkpoint.singleFileName), !has(ShardIndex.fileName) else { return nil }
    // A folder that cannot be listed is told of when its configuration is opened.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    var models: [String: String] = [:]
    for name in names.sorted() where name.lowercased().hasSuffix(".gguf") {
      let model = PartName(name).map { "\($0.stem) in \($0.count) files" } ?? name
      if models[model] == nil { models[model] = name }
    }
    guard models.count <= 1 else {
      let listed = models.keys.sorted()
      throw .unsupported(
        file: path, item: "model", found: "a directory of \(listed.count) GGUF files",
        known: "name one of them: " + listed.prefix(12).joined(separator: ", ")
          + (listed.count > 12 ? " …" : ""))
    }
    return models.values.first.map(path(of:))
  }
}

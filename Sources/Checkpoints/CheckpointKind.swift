import Glibc
import Platform

/// What a path holds, told by its content and not by its name.
package enum CheckpointKind: Equatable, Sendable {
  case directory
  case safetensors
  /// The index of a checkpoint in several files.
  case index
  case gguf

  /// Looks at the first bytes of `path`.
  ///
  /// - Throws: `CheckpointError.unsupported` for anything else; pickles, which can run code when they are
  ///   loaded, and the archives around them are named as such.
  package init(of path: String) throws(CheckpointError) {
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
      self = .directory
      return
    }
    let file = try CheckpointError.wrapping { () throws(PlatformError) in
      try MappedFile(path: path)
    }
    let head = try CheckpointError.wrapping { () throws(PlatformError) in
      try file.read(at: 0, count: min(16, file.byteCount))
    }
    if head.starts(with: Array("GGUF".utf8)) {
      self = .gguf
    } else if head.count > 8, head[8] == UInt8(ascii: "{"), head[7] == 0 {
      self = .safetensors
    } else if head.first == UInt8(ascii: "{"), path.hasSuffix(".index.json") {
      self = .index
    } else {
      let found =
        if head.starts(with: Array("PK".utf8)) || head.first == 0x80 {
          "a pickle or an archive of pickles, which can run code,"
        } else if head.isEmpty {
          "an empty file"
        } else {
          "a file of another kind"
        }
      throw .unsupported(
        file: path, item: "file", found: found,
        known: "expected a directory, safetensors or GGUF")
    }
  }
}

import Checkpoints
import Engine
import Evaluation
import FoundationEssentials
import Models
import Platform
import Quantization
import Serving
import Tensors
import TerminalUI
import Tokenizers
import Workbench

/// One reader of files that somebody else made, as a function of bytes: whatever they are, it comes back.
package struct FuzzReader: Sendable {
  /// The name of its folder in `Corpus`.
  package let name: String
  /// Whether they were read; that they are refused is as right, that they kill is what is looked for.
  package let read: @Sendable ([UInt8]) -> Bool

  /// Reads a file of these bytes.
  ///
  /// - Parameter ending: what its name ends in.
  static func file(
    _ name: String, ending: String, _ body: @escaping @Sendable (String) throws -> Void
  ) -> FuzzReader {
    FuzzReader(name: name) { bytes in
      let folder = Scratch()
      guard folder.put("input" + ending, bytes) else { return false }
      return succeeds { try body(folder.path + "/input" + ending) }
    }
  }

  /// Reads a folder of several files, which stand one after the other, each after a line `@@ NAME`.
  static func folder(
    _ name: String, _ known: [String], _ body: @escaping @Sendable (String) throws -> Void
  ) -> FuzzReader {
    FuzzReader(name: name) { bytes in
      let folder = Scratch()
      for (name, content) in InputBundle.files(bytes) where known.contains(name) {
        guard folder.put(name, content) else { return false }
      }
      return succeeds { try body(folder.path) }
    }
  }

  /// Reads text.
  static func text(
    _ name: String, _ body: @escaping @Sendable (String) throws -> Void
  ) -> FuzzReader {
    FuzzReader(name: name) { bytes in
      guard let text = String(validating: bytes, as: UTF8.self) else { return false }
      return succeeds { try body(text) }
    }
  }

  /// Reads bytes.
  static func bytes(
    _ name: String, _ body: @escaping @Sendable ([UInt8]) throws -> Void
  ) -> FuzzReader {
    FuzzReader(name: name) { bytes in succeeds { try body(bytes) } }
  }

  private static func succeeds(_ body: () throws -> Void) -> Bool { (try? body()) != nil }
}

/// Several files in one input.
package enum InputBundle {
  package static func files(_ bytes: [UInt8]) -> [(name: String, content: [UInt8])] {
    var files: [(name: String, content: [UInt8])] = []
    let mark = Array("\n@@ ".utf8)
    var rest = (Array("\n".utf8) + bytes)[...]
    while let start = rest.firstRange(of: mark), files.count < 8 {
      let head = rest[start.upperBound...]
      guard let end = head.firstIndex(of: 0x0A) else { break }
      let name = String(decoding: head[..<end], as: UTF8.self)
      let body = head[(end + 1)...]
      let next = body.firstRange(of: mark)?.lowerBound ?? body.endIndex
      files.append((name, Array(body[..<next])))
      rest = body[next...]
    }
    return files
  }
}

/// A folder in memory where there is one, gone with the value.
private final class Scratch {
  let path: String

  init() {
    let base =
      FileManager.default.fileExists(atPath: "/dev/shm")
      ? "/dev/shm" : FileManager.default.temporaryDirectory.path
    path = "\(base)/nibble-fuzz-\(UInt64.random(in: 0 ... .max))"
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func put(_ name: String, _ bytes: [UInt8]) -> Bool {
    FileManager.default.createFile(atPath: path + "/" + name, contents: Data(bytes))
  }
}

/// All readers.
package enum FuzzReaders {
  package static let all: [FuzzReader] = weights + tokenizers + texts + runs

  private static let weights: [FuzzReader] = [
    .file("safetensors", ending: ".safetensors") { path in
      let file = try SafetensorsFile(path: path)
      for tensor in file.tensors where tensor.range.count < 1 << 16 {
        _ = try? tensor.view().floats()
      }
    },
    .folder("index", ["model.safetensors.index.json", "a.safetensors", "b.safetensors"]) { path in
      _ = try Checkpoint(path: path).byteCount
    },
    .file("gguf", ending: ".gguf") { path in
      let file = try GGUFFile(path: path)
      _ = try? file.tokenizer()
      _ = try ModelConfiguration(file.configuration())
    },
    // What opens a model is what opens artifacts of every layout.
    .folder(
      "model",
      [
        "config.json", "model.safetensors", "quantize_config.json", "tokenizer.json",
        "tokenizer_config.json", "generation_config.json",
      ]
    ) { path in
      try run(LoadJob(path: path), in: laboratory)
    },
    .text("config") { text in
      _ = try ModelConfiguration(ConfigFile(path: "config.json", text: Array(text.utf8)))
    },
    .file("logits", ending: ".logits") { path in _ = try BaseLogitsFile(path: path) },
    .file("imatrix", ending: ".gguf") { path in _ = try ImportanceMatrix(path: path).entries.count
    },
  ]

  private static let tokenizers: [FuzzReader] = [
    .bytes("tokenizer") { bytes in use(try Tokenizer(json: bytes, file: "tokenizer.json")) },
    .bytes("sentencepiece") { bytes in
      use(try Tokenizer(sentencePiece: bytes, file: "tokenizer.model"))
    },
    .text("template") { text in
      let said = try StrictJSON.parse(
        Array(#"[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]"#.utf8))
      var variables = JSONObject()
      variables.set("messages", said)
      variables.set("add_generation_prompt", .bool(true))
      _ = try ChatTemplate(text).render(variables, now: .init(year: 2026, month: 1, day: 1))
    },
  ]

  private static func use(_ tokenizer: Tokenizer) {
    guard let ids = try? tokenizer.encode("Once upon a time, 12 \u{e9}\u{1F680} tests") else {
      return
    }
    _ = tokenizer.decode(ids)
  }

  private static let texts: [FuzzReader] = [
    .bytes("session") { bytes in
      let session = try Session(parsing: bytes, path: "x.session")
      var player = Player(session)
      player.seek(to: player.length)
      _ = try? session.encoded()
    },
    .folder("lesson", ["lesson.toml", "en.md", "ko.md"]) { path in
      let reader = LessonReader(folder: path)
      guard reader.lesson("en") != nil, reader.problems.isEmpty else { throw Refused() }
    },
    .text("theme") { text in
      _ = try ThemeFile(parsing: text, path: "t.toml").theme(inheriting: .default)
    },
    .text("recipe") { text in _ = try RecipeFile.recipe(text, path: "r.toml").validate() },
    .text("machine") { text in _ = try MachineFile(parsing: text, path: "m.toml") },
    .text("class") { text in _ = try LessonClass(parsing: text, path: "c.toml") },
    .file("learner", ending: ".json") { path in
      _ = ClassTable([try LearnerSheet(reading: path)]).rows
    },
    .bytes("json") { bytes in _ = try StrictJSON.parse(bytes).text(indent: 2) },
  ]

  private static let runs: [FuzzReader] = [
    .folder("resume", ["state.json", "unfinished-run-of-nibble", "block-0000.safetensors"]) {
      path in
      let isForeign = QuantizationCheckpoint.isForeign(path)
      guard QuantizationCheckpoint.progress(in: path) != nil, !isForeign else { throw Refused() }
    },
    .file("tasks", ending: ".jsonl") { path in
      try run(TasksJob(path: path, items: 1), in: demo)
    },
    .file("receipt", ending: ".json") { path in _ = try ReceiptFile.read(path) },
    .file("trace", ending: ".csv") { path in
      _ = try TraceFile(path: path, context: 4096, dropsLong: true).read()
    },
    .folder("run", ["run.json"]) { path in _ = try Workspace(directory: path).run(named: path) },
  ]

  private static let laboratory = try? Laboratory(threads: 1, workspace: workspace)
  private static let demo: Laboratory? = {
    guard let made = try? Laboratory(threads: 1, workspace: workspace) else { return nil }
    try? run(LoadJob(path: nil), in: made)
    return made
  }()
  private static let workspace = Workspace(
    directory: FileManager.default.temporaryDirectory.path + "/nibble-fuzz-runs")

  private static func run(_ job: some Job, in laboratory: Laboratory?) throws {
    let outcome = laboratory?.run(job, id: JobID(number: 0), control: JobControl()) { _ in }
    guard case .finished = outcome else { throw Refused() }
  }

  /// What a reader that throws nothing did not read.
  private struct Refused: Error {}
}

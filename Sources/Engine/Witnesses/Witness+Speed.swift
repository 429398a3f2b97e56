import Checkpoints
import FoundationEssentials
import Platform
import Profiling

/// Programs that are timed on what is written for them.
extension Witness {
  /// What a script answers: tokens a second of each repetition.
  private struct Timing: Decodable {
    var version: String
    var prefill: [Double]
    var decode: [Double]
    var kernels: [String]
  }

  /// Whether the program is there, asked before anything is measured.
  ///
  /// - Throws: `EngineError.noWitness` with the line that installs it.
  package func check() throws { _ = try python() }

  /// Times the open model in the program: the file itself where it is one that the program reads, else what is written for it
  /// under a temporary name.
  ///
  /// - Parameter report: ours, of the same lengths.
  /// - Throws: `EngineError.noWitness` where the program is not there or does not run the model; what writing throws.
  func time(
    _ held: Laboratory.OpenModel, _ options: BenchOptions, next report: BenchReport,
    in laboratory: Laboratory, python given: String? = nil
  ) throws -> WitnessSpeed {
    let python = try python(given)
    if self == .llamaCpp, held.quantized == nil, case .gguf(let file) = held.stored {
      return try time(file.file.path, file.file.path, options, next: report, laboratory, python)
    }
    guard let quantized = held.quantized else {
      let file = self == .llamaCpp ? " or a GGUF file" : ""
      throw EngineError.noWitness(
        program: rawValue, reason: "it runs what a recipe makes\(file): quantize first")
    }
    let format = self == .onnxRuntime ? "onnx" : "gguf"
    let folder = try TemporaryArtifact()
    let path = folder.path + "/artifact"
    _ = try ArtifactWriter(
      held: held, quantized: quantized, format: format, pool: laboratory.pool
    ).write(to: path) { _ in }
    let file = path + (self == .onnxRuntime ? "/model.onnx" : "/" + GGUF.fileName)
    return try time(
      file, "\(format), written of \(quantized.recipe)", options, next: report, laboratory, python)
  }

  private func time(
    _ path: String, _ words: String, _ options: BenchOptions, next report: BenchReport,
    _ laboratory: Laboratory, _ python: String
  ) throws -> WitnessSpeed {
    let part: WitnessSpeed.Part = self == .onnxRuntime ? .linears : .model
    guard
      let ours = part == .model
        ? (report.quantized.prefill, report.quantized.decode)
        : report.linearRates.map({ ($0.prefill, $0.decode) })
    else {
      throw EngineError.noWitness(program: rawValue, reason: "our linear layers were not traced")
    }
    let numbers = [
      options.prompt, options.generate, options.depth, options.repetitions,
      laboratory.pool.threads,
    ]
    let found: Timing = try answer(
      python, [timing, path] + numbers.map { "\($0)" }, on: words)
    guard let first = found.prefill.first, first > 0, !found.decode.isEmpty else {
      throw EngineError.noWitness(
        program: rawValue, reason: "expected times of every repetition, found none")
    }
    return WitnessSpeed(
      program: rawValue, version: found.version, artifact: words, part: part,
      threads: laboratory.pool.threads, prefill: .init(found.prefill),
      decode: .init(found.decode), ourPrefill: ours.0, ourDecode: ours.1, kernels: found.kernels)
  }

  private var timing: String {
    let shared = """
      json, sys, time, numpy = (__import__(name) for name in ("json", "sys", "time", "numpy"))
      path = sys.argv[1]
      prompt, generate, depth, repetitions, threads = (int(word) for word in sys.argv[2:7])
      prefill, decode = [], []
      def measure(first, next):
          for turn in range(repetitions + 1):
              start = time.perf_counter()
              first()
              middle = time.perf_counter()
              for index in range(generate):
                  next(index)
              end = time.perf_counter()
              if turn:
                  prefill.append(prompt / (middle - start))
                  decode.append(generate / (end - middle))
      def tell(version, kernels):
          print(json.dumps(dict(version=version, prefill=prefill, decode=decode, kernels=kernels)))

      """
    return shared + (self == .onnxRuntime ? Self.onnxTiming : Self.llamaTiming)
  }

  /// The same lengths in the same order; what tokens are called takes no part in how long they take.
  private static let llamaTiming = """
    llama_cpp = __import__("llama_cpp")
    lines = []
    def note(level, text, data):
        line = text.decode(errors="replace").strip()
        if "model buffer size" in line:
            lines.append(" ".join(line.split(":", 1)[-1].split()))
    log = llama_cpp.llama_log_callback(note)
    llama_cpp.llama_log_set(log, None)
    size = depth + prompt + generate + 1
    model = llama_cpp.Llama(model_path=path, n_ctx=size, n_batch=min(size, 2048), n_threads=threads,
                            n_threads_batch=threads, verbose=False)
    ids = [(7 * index + 11) % model.n_vocab() for index in range(size)]
    model.reset()
    if depth:
        model.eval(ids[:depth])
    def first():
        model.n_tokens = depth
        model.eval(ids[depth:depth + prompt])
    def next(index):
        model.eval([ids[depth + prompt + index]])
    measure(first, next)
    system = llama_cpp.llama_print_system_info().decode().strip()
    tell(llama_cpp.__version__, [system] + sorted(set(lines)))
    """

  /// All layers in one run of the graph: for the prompt, then for one token at a time.
  private static let onnxTiming = """
    collections, os, tempfile, onnxruntime = (
        __import__(name) for name in ("collections", "os", "tempfile", "onnxruntime"))
    def session(prefix=None):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        if prefix:
            options.enable_profiling, options.profile_file_prefix = True, prefix
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    def feeds(held, tokens):
        generator = numpy.random.default_rng(0)
        return {entry.name: generator.standard_normal((tokens, entry.shape[1])).astype(numpy.float32)
                for entry in held.get_inputs()}
    held = session()
    many, one = feeds(held, prompt), feeds(held, 1)
    measure(lambda: held.run(None, many), lambda index: held.run(None, one))
    with tempfile.TemporaryDirectory() as folder:
        traced = session(os.path.join(folder, "trace"))
        traced.run(None, one)
        counts = collections.Counter()
        for event in json.load(open(traced.end_profiling())):
            told = event.get("args", {})
            if event.get("cat") == "Node" and "op_name" in told and event["name"].endswith("kernel_time"):
                counts[f"{told['op_name']} by {told.get('provider', 'an unnamed provider')}"] += 1
    tell(onnxruntime.__version__, [f"{count} x {name}" for name, count in counts.most_common()])
    """
}

/// A folder that is gone when it is let go of.
private final class TemporaryArtifact {
  let path: String

  init() throws {
    let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    path = "\(parent)/nibble-witness-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  // What cannot be removed lies in the folder for such things.
  deinit { try? FileManager.default.removeItem(atPath: path) }
}

import Checkpoints
import FoundationEssentials
import Platform

/// Another program that runs the same files on the same text, so that its figure stands next to ours.
///
/// Programs are found, never fetched: a Python (`NIBBLE_PYTHON`, else `python3` on `PATH`) that has the package. It is handed a
/// script, and answers with one line of JSON.
package enum Witness: String, CaseIterable, Hashable, Sendable, Codable {
  case llamaCpp = "llama.cpp"
  case transformers
  case onnxRuntime = "onnxruntime"

  /// Those that are asked for a perplexity, and those that are timed.
  package static let evaluators: [Witness] = [.llamaCpp, .transformers]
  package static let timed: [Witness] = [.llamaCpp, .onnxRuntime]

  /// What it found.
  package struct Testimony: Hashable, Sendable, Codable {
    package var program: String
    package var version: String
    package var perplexity: Double
    /// Tokens scored.
    package var tokens: Int
    /// How it begins windows: whether the first token of each is the beginning of a text.
    package var begins: Bool
    /// What it says of its own build: instruction sets and threads; nil where it says nothing.
    package var system: String?
  }

  /// The package of Python, and how it is installed.
  private var package: (module: String, install: String) {
    switch self {
    case .llamaCpp: ("llama_cpp", "pip install llama-cpp-python")
    case .transformers: ("transformers", "pip install torch transformers compressed-tensors")
    case .onnxRuntime: ("onnxruntime", "pip install onnxruntime")
    }
  }

  /// The second half of each window is scored, as llama-perplexity does.
  ///
  /// - Parameters:
  ///   - model: a GGUF file, or a directory; a directory with one GGUF file stands for that.
  ///   - text: a text file.
  ///   - given: the Python to ask; nil for the one that is found.
  /// - Throws: `EngineError.noWitness` where the program is not there, or does not run the files.
  package func evaluate(
    _ model: String, text: String, window: Int, windows: Int, python given: String? = nil
  ) throws -> Testimony {
    guard Self.evaluators.contains(self) else {
      throw EngineError.noWitness(
        program: rawValue, reason: "it is handed linear layers here, which have no perplexity")
    }
    let python = try python(given)
    let stored = try StoredModel(path: model)
    var found: Testimony = try answer(
      python, [script, stored.path, text, "\(window)", "\(windows)"], on: stored.path)
    found.program = rawValue
    return found
  }

  /// The Python that has the program.
  ///
  /// - Throws: `EngineError.noWitness` with the line that installs it.
  func python(_ given: String? = nil) throws -> String {
    let name = given ?? getenvText("NIBBLE_PYTHON") ?? "python3"
    guard let python = ChildProcess.find(name) else {
      throw EngineError.noWitness(
        program: rawValue, reason: "there is no \(name) on PATH, nor does NIBBLE_PYTHON name one")
    }
    let (module, install) = package
    guard try ChildProcess.run(python, ["-c", "import \(module)"]).code == 0 else {
      throw EngineError.noWitness(
        program: rawValue,
        reason: "\(python) has no \(module): \(install), or name another Python in NIBBLE_PYTHON")
    }
    return python
  }

  /// What a script answers: the last line of its output, one JSON document.
  ///
  /// - Parameter arguments: the script, then what it is handed.
  /// - Throws: `EngineError.noWitness` with the last line it complained in.
  func answer<Answer: Decodable>(
    _ python: String, _ arguments: [String], on path: String
  ) throws -> Answer {
    let outcome = try ChildProcess.run(python, ["-c"] + arguments)
    let lines = outcome.out.split(separator: UInt8(ascii: "\n"))
    guard outcome.code == 0, let line = lines.last else {
      let said = String(decoding: outcome.error.suffix(2000), as: UTF8.self)
        .split(separator: "\n").last.map(String.init)
      throw EngineError.noWitness(
        program: rawValue, reason: "it did not run \(path): \(said ?? "it said nothing")")
    }
    do {
      return try JSONDecoder().decode(Answer.self, from: Data(line))
    } catch {
      let found = String(decoding: line.prefix(80), as: UTF8.self)
      throw EngineError.noWitness(
        program: rawValue,
        reason: "of \(path) expected figures as JSON, found '\(found)': \(ErrorWords.of(error))")
    }
  }

  private func getenvText(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  private var script: String {
    let shared = """
      json, math, sys, numpy = (__import__(name) for name in ("json", "math", "sys", "numpy"))
      path, window, windows = sys.argv[1], int(sys.argv[3]), int(sys.argv[4])
      text = open(sys.argv[2], encoding="utf-8").read()
      loss, count = 0.0, 0
      def score(logits, part):
          global loss, count
          for place in range(window // 2, window - 1):
              line = logits[place].astype(numpy.float64)
              top = line.max()
              loss += top + math.log(numpy.exp(line - top).sum()) - line[part[place + 1]]
              count += 1
      def tell(version, begins, system=None):
          print(json.dumps(dict(program="", version=version, perplexity=math.exp(loss / count),
                                tokens=count, begins=begins, system=system)))

      """
    switch self {
    case .llamaCpp:
      return shared + """
        llama_cpp = __import__("llama_cpp")
        quiet = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(quiet, None)
        model = llama_cpp.Llama(model_path=path, n_ctx=window, n_batch=window, logits_all=True, verbose=False)
        begins = bool(llama_cpp.llama_vocab_get_add_bos(llama_cpp.llama_model_get_vocab(model.model)))
        # As llama-perplexity cuts windows: the stream begins with that token, where there is one.
        ids = model.tokenize(text.encode(), add_bos=begins, special=True)
        for index in range(windows):
            part = list(ids[index * window:(index + 1) * window])
            if begins:
                part[0] = model.token_bos()
            model.reset()
            model.eval(part)
            score(model.scores, part)
        tell(llama_cpp.__version__, begins, llama_cpp.llama_print_system_info().decode())
        """
    case .transformers:
      return shared + """
        os, torch, transformers = (__import__(name) for name in ("os", "torch", "transformers"))
        transformers.logging.set_verbosity_error()
        extra = {}
        if path.endswith(".gguf"):
            path, extra["gguf_file"] = os.path.split(os.path.abspath(path))
        tokenizer = transformers.AutoTokenizer.from_pretrained(path, **extra)
        model = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, **extra).eval()
        begins = len(tokenizer("a").input_ids) > len(tokenizer("a", add_special_tokens=False).input_ids)
        ids = tokenizer(text, add_special_tokens=begins).input_ids
        for index in range(windows):
            part = ids[index * window:(index + 1) * window]
            if begins:
                part[0] = tokenizer.bos_token_id
            with torch.no_grad():
                score(model(torch.tensor([part])).logits[0].float().numpy(), part)
        tell(transformers.__version__, begins)
        """
    // Not among `evaluators`.
    case .onnxRuntime: return ""
    }
  }
}

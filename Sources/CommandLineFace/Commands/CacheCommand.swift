import ArgumentParser
import Engine
import Evaluation
import Models
import Quantization
import Tensors
import Wording

/// KV caches side by side.
struct CacheCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cache",
    abstract: "Compare KV caches: bytes, quality at depth, recall, first divergence, worst heads.",
    discussion: """
      Each text is read to a depth, then decoded token by token through every cache, the FP16 cache alongside on the \
      same tokens. Errors of attention are found by layer and head, keys and values apart.
      """)

  @OptionGroup var model: ModelArgument
  @Option(
    help:
      "A cache, as often as wanted: METHOD[:BITS[:GROUP]], or KEYS/VALUES (int8/int4, fp16/int4); every method without it."
  )
  var kv: [String] = []
  @Option(
    help:
      "Tokens in the cache before the first that is scored; an eighth of the context without it, 512 at most."
  )
  var depth: Int?
  @Option(help: "Tokens scored after them in each window; four times the depth without it.")
  var tokens: Int?
  @Option(help: "Tokens of a decode step.")
  var step = 1
  @Option(help: "Windows of text at most; each begins a prompt for the continuations.")
  var windows = 8
  @Option(
    help:
      "Text file to measure on; long documents of the built-in text without it, joined where none is long enough."
  )
  var text: String?
  @Option(
    help:
      "File of recall documents: text with 'Question:' and 'Answer:' lines, or JSON lines; the built-in ones without it."
  )
  var recall: String?
  @Option(name: .customLong("recall-documents"), help: "Recall documents at most.")
  var recallDocuments = 8
  @Option(help: "Tokens generated after each prompt.")
  var generate = 64
  @Option(
    help:
      "What fills a quantized cache to the depth: 'passes' that read it as they go, or 'full' precision, quantized after it, as in KIVI's paper."
  )
  var prefill = CacheSchedule.passes.rawValue
  @Flag(help: "Print the errors of every layer and KV head.")
  var map = false
  @Flag(help: "Print quality by depth.")
  var depths = false
  @OptionGroup var resume: ResumeOption
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    for (name, value, lowest) in [
      ("--depth", depth ?? 1, 1), ("--tokens", tokens ?? 1, 1), ("--step", step, 1),
      ("--windows", windows, 1), ("--recall-documents", recallDocuments, 0),
      ("--generate", generate, 1),
    ] where !(lowest...10_000_000).contains(value) {
      throw ValidationError("\(name): expected \(lowest) to 10000000, found \(value)")
    }
    guard CacheSchedule(rawValue: prefill) != nil else {
      throw ValidationError("--prefill: expected passes or full, found '\(prefill)'")
    }
    do { for text in kv { _ = try RecipeText.cache(text) } } catch {
      throw ValidationError("--kv: \(error)")
    }
  }

  func run() throws {
    let session = try CommandSession(runtime)
    _ = try session.load(model.model)
    let caches =
      kv.isEmpty
      ? QuantizationMethods.descriptions(for: .kvCache).map { description in
        let choice = MethodChoice(method: description.name)
        return Recipe(keys: choice, values: choice)
      } : try kv.map(RecipeText.cache)
    let options = CacheOptions(
      caches: caches, text: text, recallText: recall, depth: depth, tokens: tokens, step: step,
      windows: windows, generate: generate, recallDocuments: recallDocuments,
      prefill: prefill == CacheSchedule.full.rawValue ? .full : nil)
    let job = CachesJob(options: options)
    let report = try session.performLong(job, resume: resume.resume, line: Self.line) { parts in
      guard let report = job.folded(parts) else { return }
      if output.json { try Output.json(partial: report) } else { show(report) }
    }
    if output.json { return try Output.json(report) }
    show(report)
  }

  private func show(_ report: CacheReport) {
    Self.show(report)
    if depths { Self.showDepths(report) }
    if map { for row in report.rows where !row.isReference { Self.showMap(row) } }
  }

  /// A cache that is done, in a line; nil where only its scores are known.
  private static func line(_ part: CachesJob.Part) -> String? {
    let row = part.row
    guard row.map.probes > 0, !row.isReference else { return nil }
    return "\(row.name): perplexity \(Quantity.fixed(row.perplexity.mean, 3)), KL "
      + "\(Quantity.significant(row.kl.mean)), recall "
      + (row.recall.accuracy.map { Quantity.percent($0) } ?? "-")
  }

  static func show(_ report: CacheReport) {
    let facts = report.facts
    print(
      "\(facts.model)" + (facts.weights.map { ", \($0)," } ?? "") + " on \(facts.text): "
        + "\(facts.windows) windows read to a depth of \(facts.depth), \(facts.tokens) tokens decoded after it, "
        + "\(facts.step) a step; \(Quantity.seconds(report.seconds))")
    Output.table(
      [
        "cache", "bytes/token", "resident", "bits K", "bits V", "perplexity", "+-", "KL", "+-",
        "KL 99 %", "top-1", "recall", "its tokens", "diverges", "same", "worst K", "worst V",
      ],
      report.rows.map { row in
        [
          row.name, "\(row.bytesPerToken)",
          row.resident.map { Quantity.fixed($0.bytesPerToken, 0) } ?? "-",
          Quantity.fixed(row.keyBits, 2), Quantity.fixed(row.valueBits, 2),
          Quantity.fixed(row.perplexity.mean, 3),
          Quantity.error(row.perplexity.error, windows: facts.windows),
          Quantity.significant(row.kl.mean), Quantity.error(row.kl.error, windows: facts.windows),
          Quantity.significant(row.kl.p99), Quantity.percent(row.topOne.mean, 1),
          row.recall.accuracy.map { Quantity.percent($0) } ?? "-",
          row.recall.tokens.map { Quantity.percent($0.quantizedShare, 1) } ?? "-",
          row.divergence.first.isEmpty
            ? "-"
            : row.divergence.median.map { Quantity.fixed($0, 0) } ?? ">\(row.divergence.tokens)",
          row.divergence.first.isEmpty ? "-" : Quantity.percent(row.divergence.sameShare),
          Self.worst(row, .keys),
          Self.worst(row, .values),
        ]
      })
    for row in report.rows where !row.isReference {
      let sentences = [row.sentence, report.formRemark(on: row), Self.window(row, report)]
        .filter { !$0.isEmpty }
      guard !sentences.isEmpty else { continue }
      print("\(row.name): \(sentences.joined(separator: " "))")
    }
    showBaseline(report)
    let formats = report.options.caches.compactMap { try? $0.cacheFormat(standard: .fp16) }
    let schedule = report.options.prefill ?? .passes
    if schedule == .full, let words = formats.compactMap(schedule.words).first {
      print("To the depth: \(words).")
    } else if let kept = formats.first(where: { $0.window != nil }),
      let words = schedule.words(for: kept)
    {
      print("A cache that keeps a window in full precision is read to the depth \(words).")
    }
    let questions = report.rows.first?.recall.questions ?? 0
    print(
      """

      KL in nats to the FP16 cache with the same weights. resident: bytes a token of the memory this process grew by when \
      caches were filled. recall: whole answers to \(questions) questions on \(facts.recallText), its tokens: tokens of those answers, each \
      after the right ones. diverges: the median token where greedy \
      continuations part from the FP16 cache's; same: prompts where none does in \(report.options.generate) tokens. worst: \
      block.head where attention's output is off most, with only keys or only values quantized.
      """)
    if questions > 0, let weakness = report.rows.first?.recall.weakness {
      print("recall of whole answers has no power: \(weakness); its tokens tell caches apart.")
    }
  }

  /// What the weights lose besides, where they are quantized.
  private static func showBaseline(_ report: CacheReport) {
    let facts = report.facts
    if let base = facts.baselinePerplexity {
      let what = facts.storedAs.map { "Weights as stored (\($0))" } ?? "FP weights"
      print("\(what) with an FP16 cache: perplexity \(Quantity.fixed(base, 3)), KL to them:")
      for row in report.rows {
        guard let kl = row.klToBaseline else { continue }
        print(
          "  \(row.name): \(Quantity.significant(kl.mean))"
            + Quantity.margin(kl.error, windows: facts.windows, sign: "+-"))
      }
    }
  }

  /// What a window of full precision takes besides the bytes a token; empty for a cache without one.
  private static func window(_ row: CacheReport.Row, _ report: CacheReport) -> String {
    guard let window = (try? row.recipe.cacheFormat(standard: .fp16))?.window,
      let plain = report.rows.first
    else { return "" }
    let bytes = window.tokens * plain.bytesPerToken
    return "Its last \(window.tokens) tokens in FP16 take \(Quantity.bytes(bytes)) a sequence "
      + "besides."
  }

  private static func worst(_ row: CacheReport.Row, _ side: CacheErrorMap.Side) -> String {
    guard !row.isReference, let place = row.map.worst(side) else { return "-" }
    return "\(place.layer).\(place.head) \(CacheReport.percent(place.error))"
  }

  static func showDepths(_ report: CacheReport) {
    print("\nBy depth, tokens in the cache")
    Output.table(
      ["cache", "depth", "tokens", "perplexity", "+-", "KL", "+-", "top-1"],
      report.rows.flatMap { row in
        row.buckets.map { bucket in
          [
            row.name, "\(bucket.first)-\(bucket.end)", "\(bucket.tokens)",
            Quantity.fixed(bucket.perplexity.mean, 3),
            Quantity.error(bucket.perplexity.error, windows: report.facts.windows),
            Quantity.significant(bucket.kl.mean),
            Quantity.error(bucket.kl.error, windows: report.facts.windows),
            Quantity.percent(bucket.topOne.mean, 1),
          ]
        }
      })
    print("\nRecall by tokens between fact and answer, up to")
    Output.table(
      [
        "cache", "depth", "questions", "FP16 cache", "this cache", "tokens", "FP16 cache",
        "this cache", "loss a token", "with FP16",
      ],
      report.rows.flatMap { row in
        row.recall.depths.map { depth in
          [
            row.name, "\(depth.depth)", "\(depth.questions)", "\(depth.baselineCorrect)",
            "\(depth.quantizedCorrect)",
          ]
            + (depth.tokens.map { tokens in
              [
                "\(tokens.count)", Quantity.percent(tokens.baselineShare, 1),
                Quantity.percent(tokens.quantizedShare, 1),
                Quantity.fixed(tokens.quantizedLoss / Double(max(1, tokens.count)), 4),
                Quantity.fixed(tokens.baselineLoss / Double(max(1, tokens.count)), 4),
              ]
            } ?? [])
        }
      })
  }

  /// Errors of every layer and head, one line a layer.
  static func showMap(_ row: CacheReport.Row) {
    print("\n\(row.name), relative errors by layer and KV head, \(row.map.probes) tokens looked at")
    Output.table(
      ["block", "head", "scores q k", "in the softmax", "output, K", "output, V", "output, both"],
      row.map.scores.indices.flatMap { layer in
        row.map.scores[layer].indices.map { head in
          ["\(layer)", "\(head)"]
            + [row.map.scores, row.map.scoreShift, row.map.keys, row.map.values, row.map.both].map {
              Quantity.significant($0[layer][head])
            }
        }
      })
  }
}

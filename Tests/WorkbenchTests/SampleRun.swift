import Engine
import Evaluation
import Models
import Operators
import Planning
import Profiling
import Quantization
import TerminalUI
import Workbench

/// A walk through the whole workbench with figures of the right size, made here and not measured anywhere.
///
/// `SampleRun.messages` is the log of somebody who opens the small model, chooses GPTQ, quantizes, and measures; `state` is what it
/// leads to. Parts of it can be had on their own.
struct SampleRun {
  static let blocks = 8
  static let projections = ["q", "k", "v", "o", "gate", "up", "down"]

  static let shape = ModelShape(
    architecture: "llama", blocks: blocks, hiddenSize: 512, intermediateSize: 1536, heads: 8,
    kvHeads: 4, headDimension: 64, vocabularySize: 8192, context: 2048, tiedEmbeddings: true)

  static let summary = ModelSummary(
    name: "Nibble demo 27M", path: "built-in", shape: shape, parametersByType: ["BF16": 29_370_880],
    tensors: 75, fileBytes: 58_741_760, kvBytesPerToken: 8192, tokenizer: "BPE")

  static let peaks = MachinePeaks(
    name: "this machine", memoryBytes: 24e9, readBandwidth: 42e9, fp32Rate: 0.21e12,
    bf16Rate: 0.43e12, int8Rate: 0.86e12, threads: 2, isMeasured: true)

  static let recipe = Recipe(
    weights: MethodChoice(
      method: "gptq", options: ["bits": .integer(4), "group": .integer(128)]),
    keys: MethodChoice(method: "int8"), values: MethodChoice(method: "int8"))

  static func plan(_ workload: Workload) -> PlanReport {
    let contexts = [2048, 4096, 8192, 16384, 32768, 65536]
    let fits = [1, 4, 16, 64].map { requests in
      contexts.map { context in
        let tokens = context * requests
        return PlanReport.Fit(
          context: context, requests: requests,
          widestKVBits: tokens <= 131_072
            ? 16 : tokens <= 262_144 ? 8 : tokens <= 1_048_576 ? 4 : nil)
      }
    }
    var report = PlanReport(
      model: shape, machine: "this machine", workload: workload,
      memory: PlanReport.Memory(
        weights: 16.1e9, kvCache: 8.6e9, activations: 1.6e9, budget: workload.memoryBudget ?? 24e9),
      prefill: PlanReport.Phase(
        bound: .compute, computeSeconds: 4.1, weightSeconds: 0.38, cacheSeconds: 0.05),
      decode: PlanReport.Phase(
        bound: .bandwidth, computeSeconds: 0.031, weightSeconds: 0.38, cacheSeconds: 0.2),
      kvBytesPerToken: 131_072, kvFormula: "32 blocks × 8 heads × (K 256 + V 256) bytes",
      fits: fits,
      crossoverContext: 61_000, crossoverBatch: 12,
      advice: [
        PlanReport.Advice(
          target: .kvCache,
          reason:
            "At 16 requests of 32 768 tokens the cache takes 8.6 GB and goes over the budget of "
            + "24 GB; the weights alone fit. A 4-bit cache frees 6.4 GB.",
          methods: ["int4", "int8"], wouldChange: "fewer requests, or a context below 20 000"),
        PlanReport.Advice(
          target: .weights,
          reason: "Decode reads 16.1 GB of weights for each token: 65 % of the step.",
          methods: ["gptq", "awq", "rtn"], wouldChange: "a batch above 12"),
      ])
    report.maps = [(16.0, 16.0), (8, 8.5), (4, 4.5)].map { code, bits in
      PlanReport.KVMap(
        width: KVWidth(code: code, bits: bits), bytesPerToken: 8192 * bits, cacheBytes: 8.6e9,
        cacheSeconds: 0.2,
        shares: fits.map { $0.map { Double($0.context * $0.requests) / 131_072 * bits / 16 } },
        longestContext: Int(8192 * 16 / bits), mostRequests: Int(16 * 16 / bits))
    }
    report.kvNotes = ["Whole blocks: 8 192 of 64 tokens of a layer x 262 144 bytes."]
    report.advice[0].ranking = [
      PlanReport.RankedMethod(
        name: "int8", why: "8.5 bits a value make the cache 4.57 GB, which fits",
        wouldChange: "less room: then fewer bits"),
      PlanReport.RankedMethod(
        name: "int4", why: "4.5 bits a value make the cache 2.42 GB", wouldChange: "more room"),
    ]
    report.advice[0].setting = "KV INT8 g32"
    report.advice[0].coverage = [
      RuntimeCoverage(
        runtime: "llama.cpp (CPU)", support: .native, constraint: "", nearest: "",
        asOf: "2026-11-23"),
      RuntimeCoverage(
        runtime: "TensorRT-LLM", support: .fallback,
        constraint: "INT8 cache only in the TensorRT backend", nearest: "FP8 cache",
        asOf: "2026-11-23"),
    ]
    return report
  }

  static func caches(_ workload: Workload) -> CacheMeasurement {
    CacheMeasurement(
      format: "FP16", context: workload.context, sharedTokens: 0,
      rows: (1...16).map { count in
        CacheMeasurement.Row(
          sequences: count, planned: 16.8e6 * Double(count), held: 16_800_000 * count,
          resident: 16_900_000 * count, processGrowth: 17_000_000 * count)
      }, pageBytes: 4096)
  }

  static let methods: [MethodDescription] = {
    let bits = OptionSpec(
      key: "bits", summary: "Bits of a code.",
      kind: .integer(lowest: 2, highest: 8, listed: [2, 3, 4, 8]),
      standard: .integer(4))
    let group = OptionSpec(
      key: "group",
      summary: "Weights that share a scale, along a row; smaller is finer and larger on disk.",
      kind: .integer(lowest: 16, highest: 1024, listed: [16, 32, 64, 128, 256]),
      standard: .integer(128), aliases: ["q_group_size"])
    return [
      MethodDescription(
        name: "rtn", title: "RTN", summary: "Rounds every weight to the nearest code.",
        target: .weights,
        calibration: .none, options: [bits, group]),
      MethodDescription(
        name: "gptq", title: "GPTQ",
        summary: "Rounds column by column and pushes each error onto the columns not yet rounded.",
        target: .weights, calibration: .activations,
        options: [
          bits, group,
          OptionSpec(
            key: "act-order", summary: "Takes the columns with the largest inputs first.",
            kind: .flag,
            standard: .flag(true), aliases: ["desc_act"]),
          OptionSpec(
            key: "damping", summary: "Share of the mean diagonal added to the Hessian.",
            kind: .decimal(lowest: 0, highest: 1), standard: .decimal(0.01),
            aliases: ["damp_percent"]),
        ]),
      MethodDescription(
        name: "awq", title: "AWQ",
        summary: "Scales the channels that matter up before rounding, so that they lose less.",
        target: .weights, calibration: .activations, options: [bits, group]),
      MethodDescription(
        name: "smoothquant", title: "SmoothQuant",
        summary: "Moves the range of outlier channels from activations into weights.",
        target: .activations, calibration: .activations,
        options: [
          OptionSpec(
            key: "alpha", summary: "How much of the range moves.",
            kind: .decimal(lowest: 0, highest: 1),
            standard: .decimal(0.5)),
          OptionSpec(
            key: "granularity", summary: "What shares a scale.",
            kind: .choice(names: ["token", "tensor"]), standard: .choice("token")),
        ]),
      MethodDescription(
        name: "int8", title: "INT8 cache",
        summary: "Eight bits for keys and values, a scale for each group.",
        target: .kvCache, calibration: .none, options: []),
      MethodDescription(
        name: "int4", title: "INT4 cache",
        summary: "Four bits for keys and values, a scale for each group.",
        target: .kvCache, calibration: .none,
        options: [group]),
    ]
  }()

  static func assessment(_ recipe: Recipe) -> AssessReport {
    AssessReport(
      recipe: recipe, seconds: recipe.isBaseline ? nil : 48, peakResidentBytes: 412_000_000,
      outputBytes: recipe.weights == nil ? 58_741_760 : 21_300_000, baselineBytes: 58_741_760,
      kvBytesPerToken: recipe.keys == nil ? 8192 : 4352, baselineKVBytesPerToken: 8192,
      coverage: recipe.isBaseline
        ? []
        : [
          RuntimeCoverage(runtime: "nibble", support: .native, constraint: "", nearest: ""),
          RuntimeCoverage(runtime: "vLLM", support: .native, constraint: "", nearest: ""),
          RuntimeCoverage(
            runtime: "llama.cpp", support: .fallback, constraint: "groups of 32 only",
            nearest: "gptq:4:32"),
          RuntimeCoverage(
            runtime: "TensorRT-LLM", support: .refused, constraint: "no INT8 cache with W4A16 here",
            nearest: "KV fp8"),
        ], problems: [], diskBytes: recipe.isBaseline ? nil : 24_000_000,
      warnings: recipe.weights?.method == "gptq"
        ? ["1024 calibration tokens say little about the 1536 input channels of down"] : [])
  }

  /// A smooth, uneven error for a cell, larger for `down` and the last blocks.
  static func error(_ row: Int, _ column: Int) -> Double {
    let wave = Double((row * 37 + column * 61) % 17) / 17
    return 0.0007 + 0.0021 * wave + (column == 6 ? 0.004 : 0)
      + (row == 5 && column == 6 ? 0.0085 : 0)
  }

  static let layers: [LayerReport] = (0..<blocks).flatMap { block in
    projections.enumerated().map { column, name in
      let error = error(block, column)
      return LayerReport(
        block: block, projection: name, method: "gptq", bits: 4.125, relativeError: error,
        sqnr: 20 + 30 * (0.01 - error), cosine: 1 - error / 2,
        fallback: block == 3 && column == 1
          ? "Cholesky failed at damping 0.1: rounded to nearest" : nil,
        bytes: bytes(column), rawLoss: 100 * error)
    }
  }

  /// Bytes of a layer at 4.125 bits a weight.
  static func bytes(_ column: Int) -> Int {
    let size = shape.linears[column]
    return size.rows * size.columns * 33 / 64
  }

  static func map(_ title: String, _ target: QuantizationTarget, columns: [String]) -> ErrorMap {
    ErrorMap(
      target: target, title: title, rows: (0..<blocks).map(String.init), columns: columns,
      cells: (0..<blocks).map { row in
        columns.indices.map { column in
          let error = error(row, column)
          var values: [ErrorMap.Metric: Double] = [
            .relativeError: error, .sqnr: 20 + 30 * (0.01 - error), .cosine: 1 - error / 2,
          ]
          if target == .weights { values[.rawLoss] = 100 * error }
          return ErrorMap.Cell(
            values: values,
            fallback: row == 3 && column == 1 && target == .weights ? "rounded to nearest" : nil)
        }
      }, metrics: [.relativeError, .sqnr, .cosine])
  }

  /// What the sample recipe file holds.
  static let recipeOnDisk = "rotate=2 weights=rtn:4:128 kv=int8"

  static let quantized = QuantizeReport(
    recipe: recipe, seconds: 47.2, peakResidentBytes: 405_000_000, outputBytes: 21_300_000,
    baselineBytes: 58_741_760, kvBytesPerToken: 4352, baselineKVBytesPerToken: 8192, layers: layers,
    maps: [
      map("weights: GPTQ W4 g128", .weights, columns: projections),
      map("keys: INT8", .kvCache, columns: (0..<4).map { "K\($0)" }),
      map("values: INT8", .kvCache, columns: (0..<4).map { "V\($0)" }),
    ])

  static let detail = CellDetail(
    map: 0, row: 0, column: 0, title: "block 0, q", lowest: -0.31, highest: 0.33,
    before: (0..<64).map { bin in max(0, 4000 - (bin - 32) * (bin - 32) * 4) },
    after: (0..<64).map { bin in bin % 4 == 0 ? max(0, 16000 - (bin - 32) * (bin - 32) * 16) : 0 },
    scales: (0..<128).map { 0.01 + Double($0 * 7 % 13) / 1000 },
    outliers: [
      CellDetail.Outlier(channel: 17, ratio: 21), CellDetail.Outlier(channel: 201, ratio: 14),
      CellDetail.Outlier(channel: 388, ratio: 9.5),
    ],
    facts: ["512 × 512 weights, groups of 128", "largest weight 0.33, in channel 17"],
    columnErrors: (0..<256).map { 0.7 + ($0 == 40 ? 3.4 : Double($0 % 7) / 20) },
    pushedColumns: [CellDetail.Outlier(channel: 81, ratio: 6.1)],
    groupScales: [0.011, 0.014, 0.012, 0.02])

  /// A detail as a method leaves it that searches for scales.
  static let searched: CellDetail = {
    var copy = detail
    let positions: [Double] = (0..<20).map { Double($0) / 20 }
    let losses: [Double] = (0..<20).map { step -> Double in
      let away = Double(step - 11)
      return 0.002 + away * away / 100_000
    }
    copy.curve = SearchCurve(
      title: "scale of q, k, v", axis: "ratio", positions: positions, losses: losses, best: 11)
    return copy
  }()

  /// A text that is long enough from 16 windows on.
  static let survey = CalibrationSurvey(
    recipe: recipe, text: "the built-in calibration text", blocks: [0, 4], heldOut: 8,
    roundedError: 0.0091,
    points: [
      (2, 0.0081, 0.0094, 0.0086, 0.71), (4, 0.0068, 0.0079, 0.0076, 0.79),
      (8, 0.0061, 0.0066, 0.0064, 0.86), (16, 0.00581, 0.0061, 0.006, 0.91),
      (24, 0.00579, 0.0059, 0.00585, 0.93),
    ].map { windows, error, worse, better, agreement in
      CalibrationSurvey.Point(
        windows: windows, tokens: windows * 256, error: error, halfErrors: [worse, better],
        agreement: agreement)
    })

  /// Mixed bits that beat uniform ones of the same size.
  static let allocation: AllocationReport = {
    func recipe(_ exceptions: [LayerException]) -> Recipe {
      Recipe(
        weights: MethodChoice(
          method: "gptq", options: ["bits": .integer(4), "group": .integer(128)]),
        exceptions: exceptions)
    }
    let choices = (0..<blocks).flatMap { block in
      BlockPlan.gatedRoles.map { projection in
        AllocationReport.Choice(
          block: block, projection: projection,
          bits: projection == .v ? 8 : projection == .gate && block > 5 ? 3 : 4,
          aloneKL: [0.03, 0.004, 0.0007, 0.00001])
      }
    }
    let exceptions = choices.filter { $0.bits != 4 }.map {
      LayerException(LinearID(block: $0.block, projection: $0.projection), .bits($0.bits))
    }
    func side(
      _ name: String, _ recipe: Recipe, _ bits: Double, _ kl: Double, _ predicted: Double?
    ) -> AllocationReport.Side {
      AllocationReport.Side(
        name: name, recipe: recipe, bytes: Int(bits * 25_165_824 / 8), bitsPerWeight: bits, kl: kl,
        klError: 0.0004, predictedKL: predicted)
    }
    return AllocationReport(
      budgetBytes: 13_369_344, budgetBits: 4.25, widths: [2, 3, 4, 8], choices: choices,
      mixed: side("mixed bits", recipe(exceptions), 4.243, 0.0151, 0.0143),
      uniform: side("4 bits everywhere", recipe([]), 4.125, 0.0213, nil),
      mixedAtUniform: side("mixed bits at that size", recipe(exceptions), 4.121, 0.0164, 0.0155),
      windows: 32, seconds: 81)
  }()

  static let catalog: [Message] =
    [
      .catalog(
        part: .models(entries: [
          ModelEntry(name: "Nibble demo 27M", path: nil, kind: "built-in", fileBytes: 58_741_760),
          ModelEntry(
            name: "SmolLM2-135M", path: "/models/SmolLM2-135M", kind: "Hugging Face directory",
            fileBytes: 269_060_552),
          ModelEntry(
            name: "broken", path: "/models/broken", kind: "Hugging Face directory",
            problem: "config.json: expected \"hidden_size\", found none"),
        ])), .catalog(part: .methods(descriptions: methods)),
      .catalog(
        part: .machines(peaks: [
          MachinePeaks(
            name: "H100 80GB", memoryBytes: 80e9, readBandwidth: 3.35e12, fp32Rate: 67e12,
            bf16Rate: 989e12, int8Rate: 1979e12, threads: 0, isMeasured: false)
        ])),
      .catalog(
        part: .themes(entries: [
          ThemeEntry(name: "dark"), ThemeEntry(name: "light"),
          ThemeEntry(
            name: "odd", problem: "odd.toml: there is no role \"acent\"; did you mean \"accent\"?"),
        ])),
      .catalog(
        part: .sessions(entries: [
          SessionEntry(
            path: "/data/Sessions/first-run.session", title: "A first run", kind: .session,
            language: "en",
            milliseconds: 83_000),
          SessionEntry(
            path: "/data/Sessions/targets.en.session", title: "What do you want to quantize?",
            kind: .lesson, language: "en", milliseconds: 240_000, exercises: 5),
          SessionEntry(
            path: "/data/Sessions/targets.ko.session", title: "무엇을 양자화할까요?", kind: .lesson,
            language: "ko", milliseconds: 240_000, exercises: 5),
        ])),
      .catalog(
        part: .lessons(
          entries: [
            LessonEntry(
              id: "targets", path: "/data/Sessions/Lessons/targets", number: 1, minutes: 8,
              stops: 12,
              titles: ["en": "Three tensors", "ko": "세 가지 텐서"], languages: ["en", "ko"], done: 3),
            LessonEntry(
              id: "cut", path: "/data/Sessions/Lessons/cut", number: 0, minutes: 0, stops: 0,
              titles: [:], languages: [], done: 0,
              problem: "cut/lesson.toml, line 3: expected a kind, found none"),
          ], language: "en")),
      .catalog(
        part: .exportFormats(entries: [
          ExportEntry(name: "safetensors", summary: "compressed-tensors layout, as vLLM reads it."),
          ExportEntry(name: "gguf", summary: "GGUF, as llama.cpp reads it."),
        ])),
    ] + runs.map { .catalog(part: .run(record: $0)) }
}

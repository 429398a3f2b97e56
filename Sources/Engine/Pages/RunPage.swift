import Evaluation
import Operators
import Planning
import Profiling
import Quantization
import Wording

/// The page of a run for a design review: the decision, what it stands on, what was tried besides, and how to do it again.
package struct RunPage {
  let record: RunRecord
  let receipt: Receipt?
  /// Other runs of the same model, measured alike or not.
  let others: [RunRecord]

  package init(_ record: RunRecord, receipt: Receipt? = nil, others: [RunRecord] = []) {
    self.record = record
    self.receipt = receipt
    self.others = others.filter { $0.model == record.model && $0.id != record.id }
  }

  package var page: Page {
    Page(
      title: "\(record.model): \(record.title ?? record.words)",
      parts: head + checks + quality + speed + layers + tried + next + again)
  }

  private var head: [Page.Part] {
    var rows: [[String]] = [["model", record.model + model]]
    if record.title != nil { rows.append(["recipe", record.words]) }
    if let host = receipt?.host {
      rows.append([
        "machine", "\(host.name), \(host.threads) threads, kernels for \(host.provider.rawValue)",
      ])
    }
    if let workload = record.workload {
      rows.append(["workload", "\(workload.workload.words), planned for \(workload.machine)"])
    }
    rows.append(["runtime", "Nibble \(receipt?.version ?? ProgramVersion.current)"])
    if let report = record.evaluation {
      rows.append(["text, protocol", "\(report.conditions.words)"])
    }
    if let receipt { rows.append(["date", receipt.date]) }
    if let note = record.note, !note.isEmpty { rows.append(["note", note]) }
    let decision = record.verdict?.decision ?? record.choice?.sentence
    return (decision.map { [.decision($0)] } ?? []) + [.table(head: ["", ""], rows: rows)]
  }

  private var model: String {
    guard let receipt else { return "" }
    return
      ", weights of \(Quantity.bytes(receipt.model.bytes)), SHA-256 \(receipt.model.sha256.prefix(16))…"
  }

  private var checks: [Page.Part] {
    guard let verdict = record.verdict else { return [] }
    return [
      .heading("The four checks"),
      .table(
        head: ["", "check", "", "figures and limits"],
        rows: verdict.checks.enumerated().map {
          ["\($0 + 1)", $1.question, $1.mark.rawValue, $1.evidence]
        }),
    ]
  }

  private var quality: [Page.Part] {
    guard let report = record.evaluation else { return [] }
    func margin(_ error: Double) -> String { Quantity.margin(error, windows: report.windows) }
    return [
      .heading("Quality"),
      .table(
        head: ["", "baseline (\(report.baseline.name))", "quantized"],
        rows: [
          [
            "perplexity",
            Quantity.perplexity(report.baseline.perplexity)
              + margin(report.baseline.perplexityError),
            Quantity.perplexity(report.perplexity) + margin(report.perplexityError),
          ],
          [
            "KL divergence, nats", "",
            Quantity.significant(report.kl.mean) + margin(report.kl.error),
          ],
          [
            "KL median, 90 %, 99 %, most", "",
            [report.kl.median, report.kl.p90, report.kl.p99, report.kl.max].map {
              Quantity.significant($0)
            }.joined(separator: ", "),
          ],
          ["noise floor of BF16", Quantity.significant(report.noiseFloor.klMean, 2), ""],
          ["same most likely token", "", Quantity.percent(report.topOneAgreement, 1)],
        ] + figures(report)),
    ] + asked + (report.caveat.map { [.sentence("\($0).")] } ?? [])
  }

  private func figures(_ report: EvaluationReport) -> [[String]] {
    guard let figures = report.figures else { return [] }
    return [
      [
        "ln ratio of perplexities", "",
        Quantity.signed(figures.lnRatio.mean, 5)
          + Quantity.margin(figures.lnRatio.error, windows: report.windows),
      ],
      [
        "most likely token right", "",
        "\(figures.flips.lost) lost, \(figures.flips.gained) gained, p "
          + "\(Quantity.significant(figures.flips.p, 2)) (\(PairedTest.name))",
      ],
      [
        "probability of the right token", "",
        "\(Quantity.signedPercent(figures.probability.mean.mean, 2)) on average, RMS "
          + Quantity.percent(figures.probability.rms.mean, 2),
      ],
    ]
  }

  /// What the model was asked besides.
  private var asked: [Page.Part] {
    var lines: [String] = []
    if let recall = record.recall { lines.append("Recall through the cache: \(recall.words).") }
    for score in record.tasks?.scores ?? [] {
      lines.append(
        "\(score.name) on \(record.tasks?.task ?? ""): \(score.baseline.words) -> \(score.quantized.words); "
          + "\(score.verdict).")
    }
    return lines.isEmpty ? [] : [.list(lines)]
  }

  private var speed: [Page.Part] {
    var parts: [Page.Part] = []
    if let report = record.workload {
      func row(_ side: WorkloadReport.Side) -> [String] {
        [
          side.recipe, Quantity.seconds(side.times.promptSeconds),
          Quantity.seconds(side.times.stepSeconds), Quantity.seconds(side.times.request),
          Quantity.bytes(side.weightBytes), Quantity.bytes(side.cacheBytes),
        ]
      }
      parts += [
        .heading("Under the planned workload"),
        .sentence("\(report.workload.words); \(report.source)."),
        .table(
          head: ["", "prompt", "a step", "a request", "weights", "cache"],
          rows: [row(report.baseline), row(report.quantized)]),
      ]
    }
    if let bench = record.bench {
      parts += [
        .heading("One sequence"),
        .table(
          head: ["", "prefill tok/s", "decode tok/s", "weights", "bytes of a cached token"],
          rows: [bench.baseline, bench.quantized].compactMap(\.self).map { side in
            [
              side.recipe, side.prefill.words, side.decode.words, Quantity.bytes(side.weightBytes),
              "\(side.kvBytesPerToken)",
            ]
          }),
        .table(
          head: ["operator in decode", "kernel", "native"],
          rows: bench.quantized.decodeKernels.map {
            [$0.operator, $0.kernel, $0.native ? "yes" : "no: \($0.reason ?? "no reason given")"]
          }),
      ]
    }
    for witness in record.bench?.witnesses ?? [] { parts += Self.parts(witness) }
    return parts
  }

  /// What another program needed for the same.
  private static func parts(_ witness: WitnessSpeed) -> [Page.Part] {
    [
      .heading("Next to \(witness.program)"),
      .table(
        head: ["", "prefill tok/s", "decode tok/s", "of"],
        rows: [
          [
            "nibble \(ProgramVersion.current)", witness.ourPrefill.words,
            witness.ourDecode.words, witness.partWords,
          ],
          [
            "\(witness.program) \(witness.version)", witness.prefill.words,
            witness.decode.words, witness.artifact,
          ],
        ]),
    ]
      + witness.kernels.map { .sentence("\(witness.program) says: \($0).") }
  }

  private var layers: [Page.Part] {
    guard let layers = record.quantize?.layers, layers.contains(where: { $0.relativeError > 0 })
    else { return [] }
    let columns = layers.map(\.projection).reduce(into: [String]()) {
      if !$0.contains($1) { $0.append($1) }
    }
    let blocks = Set(layers.map(\.block)).sorted()
    var known: [[String]: Double] = [:]
    for layer in layers { known[["\(layer.block)", layer.projection]] = layer.relativeError }
    let worst = layers.sorted { $0.relativeError > $1.relativeError }.prefix(5).map {
      "`\($0.block).\($0.projection)` \(Quantity.significant($0.relativeError))"
    }
    // Experts have a column each: too many for a page.
    let map = PageHeatmap(
      columns: columns,
      rows: blocks.map { block in
        PageHeatmap.Row(name: "\(block)", values: columns.map { known[["\(block)", $0]] })
      })
    return [.heading("Where it hurts")] + (columns.count <= 24 ? [.heatmap(map)] : [])
      + [.sentence("The worst layers: \(worst.joined(separator: ", ")).")]
  }

  private var tried: [Page.Part] {
    if let choice = record.choice { return self.tried(choice) }
    guard let own = record.evaluation else { return [] }
    let alike = ([record] + others).filter { run in
      run.evaluation?.conditions == own.conditions
    }
    guard alike.count > 1 else { return [] }
    let points = alike.map { run in
      (
        run.words, Double(run.evaluation?.weightBytes ?? 0), run.evaluation?.kl.mean ?? 0,
        run.id == record.id
      )
    }
    return [
      .heading("What was tried"),
      .scatter(Self.scatter(points, x: "bytes of weights") { Quantity.bytes($0) }),
    ]
  }

  private func tried(_ choice: ChooseReport) -> [Page.Part] {
    let measured = choice.rows.enumerated().filter { $1.kl != nil }
    let points = measured.map { place, row in
      ("\(row.recipe)", row.bytes, row.kl?.mean ?? 0, place == choice.winner)
    }
    let lost = choice.rows.filter { !$0.reason.isEmpty }.map { "`\($0.recipe)`: \($0.reason)." }
    return [.heading("What was tried")]
      + (points.isEmpty
        ? []
        : [.scatter(Self.scatter(points, x: "bytes of weights and cache") { Quantity.bytes($0) })])
      + [
        .table(
          head: ["recipe", "KL", "top-1", "bytes", "a request, as fast", "windows"],
          rows: choice.rows.map { row in
            [
              "\(row.recipe)",
              row.kl.map {
                Quantity.significant($0.mean) + Quantity.margin($0.error, windows: row.windows)
              } ?? "", row.topOne.map { Quantity.percent($0, 1) } ?? "", Quantity.bytes(row.bytes),
              row.timing.map { Quantity.times($0.speedup.median) } ?? "",
              row.windows > 0 ? "\(row.windows)" : "",
            ]
          })
      ] + (lost.isEmpty ? [] : [.list(lost)])
      + (choice.changes.isEmpty
        ? [] : [.heading("What would change it, and what is not known"), .list(choice.changes)])
  }

  private static func scatter(
    _ points: [(name: String, x: Double, y: Double, isChosen: Bool)], x: String,
    words: (Double) -> String
  ) -> PageScatter {
    let front = Frontier.members(points.map { ($0.x, $0.y) })
    return PageScatter(
      x: x, y: "KL to the baseline, nats",
      points: zip(points, front).map {
        PageScatter.Point(
          name: $0.name, x: $0.x, y: $0.y, isChosen: $0.isChosen, isOnFrontier: $1)
      },
      words: Dictionary(
        points.map { ($0.name, [words($0.x), Quantity.significant($0.y)]) },
        uniquingKeysWith: { first, _ in first }))
  }

  private var next: [Page.Part] {
    guard let verdict = record.verdict, !verdict.next.isEmpty else { return [] }
    return [.heading("Next"), .list(verdict.next)]
  }

  private var again: [Page.Part] {
    guard let receipt else { return [] }
    return [
      .heading("To do it again"), .code(receipt.command),
      .sentence(
        "`nibble verify` of the receipt next to this page runs it again and says what moved. Kernels: "
          + receipt.kernels.joined(separator: ", ") + "."),
    ]
  }
}

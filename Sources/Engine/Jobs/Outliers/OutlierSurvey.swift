import Glibc
package import Models
package import Quantization

/// Where the activations of a model stand out: the inputs of its layers over the calibration text, in full precision.
package struct OutlierSurvey: Hashable, Sendable, Codable {
  /// How far the channels of one input reach.
  package struct Reach: Hashable, Sendable, Codable {
    /// The largest magnitude.
    package var largest: Double
    /// That of the channel in the middle.
    package var median: Double
    /// What part of the range only the farthest channel uses: 0.9 when all others stay below a tenth of it.
    package var topOneShare: Double
    /// What part only the eight farthest use.
    package var topEightShare: Double
    /// The largest magnitude in each of some equal ranges of channels; each channel's own where they are few.
    package var cells: [Double]
    /// The channels that reach farthest, farthest first.
    package var topChannels: [Int]
    package var topValues: [Double]

    package init(
      largest: Double, median: Double, topOneShare: Double, topEightShare: Double, cells: [Double],
      topChannels: [Int], topValues: [Double]
    ) {
      self.largest = largest
      self.median = median
      self.topOneShare = topOneShare
      self.topEightShare = topEightShare
      self.cells = cells
      self.topChannels = topChannels
      self.topValues = topValues
    }

    /// The largest over the median; infinite when the median is 0.
    package var ratio: Double { median > 0 ? largest / median : largest > 0 ? .infinity : 1 }
  }

  /// Columns that reach a threshold.
  package struct Count: Hashable, Sendable, Codable {
    /// Somewhere in the text.
    package var columns: Int
    /// In one window, on average.
    package var perWindow: Double

    package init(columns: Int, perWindow: Double) {
      self.columns = columns
      self.perWindow = perWindow
    }
  }

  /// The largest magnitude at the first positions of the windows.
  package struct FirstTokens: Hashable, Sendable, Codable {
    package var position: Int
    package var channel: Int
    package var magnitude: Double
    /// The largest after those positions.
    package var behind: Double

    package init(position: Int, channel: Int, magnitude: Double, behind: Double) {
      self.position = position
      self.channel = channel
      self.magnitude = magnitude
      self.behind = behind
    }

    /// Above 1 where the first tokens reach farther than all others.
    package var ratio: Double { behind > 0 ? magnitude / behind : magnitude > 0 ? .infinity : 1 }
  }

  /// The input of one or several layers of a block.
  package struct Input: Hashable, Sendable, Codable {
    package var block: Int
    /// The first of the layers that read it.
    package var projection: Projection
    package var columns: Int
    package var reach: Reach
    /// Excess kurtosis over all values.
    package var kurtosis: Double
    package var first: FirstTokens?
    /// At 6.0, the threshold of LLM.int8().
    package var atSix: Count
    /// At the proposed threshold, where there is one.
    package var atProposed: Count?
    /// What is left when the recipe has moved scale out of the input.
    package var smoothed: Reach?

    package init(
      block: Int, projection: Projection, columns: Int, reach: Reach, kurtosis: Double,
      first: FirstTokens? = nil, atSix: Count, atProposed: Count? = nil, smoothed: Reach? = nil
    ) {
      self.block = block
      self.projection = projection
      self.columns = columns
      self.reach = reach
      self.kurtosis = kurtosis
      self.first = first
      self.atSix = atSix
      self.atProposed = atProposed
      self.smoothed = smoothed
    }

    /// The layers that read it: `q, k, v`.
    package var layers: String { projection.siblings.map(\.rawValue).joined(separator: ", ") }
  }

  /// All columns of the model that reach one threshold.
  package struct Rung: Hashable, Sendable, Codable {
    package var threshold: Double
    package var count: Count

    package init(threshold: Double, count: Count) {
      self.threshold = threshold
      self.count = count
    }
  }

  /// The threshold found for this model.
  package struct Proposal: Hashable, Sendable, Codable {
    /// nil when nothing stands out.
    package var threshold: Double?
    /// Columns above it, of inputs after norms.
    package var columns: Int
    /// The smallest column above the threshold over the largest below.
    package var gap: Double
    /// The farthest column after norms over what 96 % of them stay below.
    package var farthest: Double

    package init(threshold: Double? = nil, columns: Int, gap: Double, farthest: Double) {
      self.threshold = threshold
      self.columns = columns
      self.gap = gap
      self.farthest = farthest
    }
  }

  /// The name of the model, with what is planted in it.
  package var model: String
  /// The recipe whose scales are taken out of `smoothed`; the baseline where there is none.
  package var recipe: Recipe
  package var text: String
  package var windows: Int
  package var tokens: Int
  /// By block, then in the order of the forward pass.
  package var inputs: [Input]
  /// Input columns of all layers, those that share an input counted once.
  package var columns: Int
  package var ladder: [Rung]
  package var proposal: Proposal

  package init(
    model: String, recipe: Recipe, text: String, windows: Int, tokens: Int, inputs: [Input],
    columns: Int, ladder: [Rung], proposal: Proposal
  ) {
    self.model = model
    self.recipe = recipe
    self.text = text
    self.windows = windows
    self.tokens = tokens
    self.inputs = inputs
    self.columns = columns
    self.ladder = ladder
    self.proposal = proposal
  }

  /// The threshold that LLM.int8() uses for every model.
  package static let six = 6.0

  /// The count at a threshold of the ladder.
  package func count(at threshold: Double) -> Count? {
    ladder.first { $0.threshold == threshold }?.count
  }

  /// Whether the input of a layer is what a norm left.
  package static func isBehindNorm(_ projection: Projection) -> Bool {
    projection.readsStream
  }

  /// The columns of inputs after norms.
  package var columnsBehindNorms: Int {
    inputs.filter { Self.isBehindNorm($0.projection) }.reduce(0) { $0 + $1.columns }
  }

  /// How the farthest channel compares with the one in the middle, of inputs after norms.
  package var ratios: Ratios {
    Ratios(
      inputs.filter { Self.isBehindNorm($0.projection) }.map { ($0.smoothed ?? $0.reach).ratio })
  }

  /// The ratios of several inputs, in two numbers.
  package struct Ratios: Hashable, Sendable {
    package let worst: Double
    /// The geometric mean.
    package let mean: Double

    package init(_ ratios: [Double]) {
      worst = ratios.max() ?? 1
      mean = exp(ratios.reduce(0) { $0 + log($1) } / Double(max(1, ratios.count)))
    }
  }
}

extension OutlierSurvey.Reach {
  /// - Parameters:
  ///   - maxima: the largest magnitude of each channel.
  ///   - cells: ranges that channels are pooled to, at most.
  ///   - top: channels that are named, at most.
  init(maxima: [Float], cells most: Int, top: Int) {
    let sorted = maxima.enumerated().sorted { ($1.element, $0.offset) < ($0.element, $1.offset) }
    largest = Self.short(sorted.first?.element ?? 0)
    median = Self.short(sorted.isEmpty ? 0 : sorted[sorted.count / 2].element)
    func share(without count: Int) -> Double {
      guard let all = sorted.first?.element, all > 0 else { return 0 }
      let left = count < sorted.count ? sorted[count].element : 0
      return Self.short(1 - left / all)
    }
    topOneShare = share(without: 1)
    topEightShare = share(without: 8)
    let count = min(max(1, most), maxima.count)
    cells = (0..<count).map { cell in
      let range = cell * maxima.count / count..<(cell + 1) * maxima.count / count
      return Self.short(maxima[range].max() ?? 0)
    }
    let named = sorted.prefix(max(1, top))
    topChannels = named.map(\.offset)
    topValues = named.map { Self.short($0.element) }
  }

  /// Four significant digits: what sessions keep.
  static func short(_ value: Float) -> Double { short(Double(value)) }

  static func short(_ value: Double) -> Double {
    guard value.isFinite, value != 0 else { return value }
    var unit = 1.0
    while value.magnitude / unit >= 10_000 { unit *= 10 }
    while value.magnitude / unit < 1000, unit > 1e-30 { unit /= 10 }
    // Dividing by a whole power of ten gives the shortest decimal again.
    let digits = (value / unit).rounded()
    return unit >= 1 ? digits * unit : digits / (1 / unit).rounded()
  }
}

extension OutlierSurvey.Proposal {
  init(_ found: OutlierThreshold) {
    threshold = found.value.map { OutlierSurvey.Reach.short($0) }
    columns = found.columns
    gap = OutlierSurvey.Reach.short(found.gap)
    farthest = OutlierSurvey.Reach.short(found.farthest)
  }
}

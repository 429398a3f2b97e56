import Models
import Operators
import Quantization

/// Makes the maps of a heatmap from what quantizing found.
struct ErrorMaps {
  private let outcome: Quantizer.Outcome
  private let recipe: Recipe
  /// What was compared, in words.
  private let words: String
  /// Whether layers were compared by their weights alone.
  private let comparesWeights: Bool
  /// Channels are pooled to at most this many columns.
  static let pooledChannels = 32

  init(
    _ outcome: Quantizer.Outcome, recipe: Recipe, words: String? = nil,
    comparesWeights: Bool = false
  ) {
    self.outcome = outcome
    self.recipe = recipe
    self.words = words ?? "\(recipe)"
    self.comparesWeights = comparesWeights
  }

  /// Layers first, then keys and values, then what the activations looked like.
  var all: [ErrorMap] {
    var maps: [ErrorMap] = []
    if !outcome.layers.isEmpty { maps.append(layers) }
    let isCompared = outcome.blocks.contains { !$0.record.keyErrors.isEmpty }
    if recipe.keys != nil, isCompared {
      maps.append(heads("keys", "K", outcome.blocks.map(\.record.keyErrors)))
    }
    if recipe.values != nil, isCompared {
      maps.append(heads("values", "V", outcome.blocks.map(\.record.valueErrors)))
    }
    // What enters a block, and what stands out most inside it.
    let groups = outcome.model.blocks.first?.plan.inputGroups ?? []
    guard !comparesWeights else { return maps }
    if let first = groups.first { maps.append(channels(first)) }
    if groups.count > 1, let last = groups.last { maps.append(channels(last)) }
    return maps
  }

  /// The title of the map of a group's input channels.
  static func channelTitle(_ group: InputGroup) -> String {
    "input channels of \(group.names): largest magnitude"
  }

  private var rows: [String] { outcome.model.blocks.indices.map { "\($0)" } }

  private var layers: ErrorMap {
    let columns = Set(outcome.model.linears.map(\.projection)).sorted()
    let layers = outcome.layers
    let isGiven = layers.contains { $0.weightError != nil }
    let cells = outcome.model.blocks.indices.map { block in
      columns.map { projection in
        let layer = layers.first {
          $0.block == block && $0.projection == projection.rawValue
        }
        return ErrorMap.Cell(
          values: layer.map(Self.values) ?? [:], fallback: layer?.fallback)
      }
    }
    return ErrorMap(
      target: recipe.weights == nil && !isGiven ? .activations : .weights,
      title: "\(comparesWeights ? "weight" : "output") error of each layer: \(words)", rows: rows,
      columns: columns.map(\.rawValue), cells: cells,
      metrics: [.relativeError, .sqnr, .cosine]
        + (isGiven && !comparesWeights ? [.weightError] : []))
  }

  private static func values(_ layer: LayerReport) -> [ErrorMap.Metric: Double] {
    var values: [ErrorMap.Metric: Double] = [
      .relativeError: layer.relativeError, .sqnr: layer.sqnr, .cosine: layer.cosine,
    ]
    values[.rawLoss] = layer.rawLoss
    values[.weightError] = layer.weightError
    return values
  }

  private func heads(_ name: String, _ letter: String, _ errors: [[ErrorSums]]) -> ErrorMap {
    ErrorMap(
      target: .kvCache, title: "error of cached \(name) by KV head", rows: rows,
      columns: (errors.first ?? []).indices.map { "\(letter)\($0)" },
      cells: errors.map { heads in
        heads.map { sums in
          ErrorMap.Cell(values: [
            .relativeError: sums.relativeError, .sqnr: sums.sqnr, .cosine: sums.cosine,
          ])
        }
      }, metrics: [.relativeError, .sqnr, .cosine])
  }

  private func channels(_ group: InputGroup) -> ErrorMap {
    let projection = group.lead
    let width = outcome.blocks.first?.absoluteMaxima[projection]?.count ?? 0
    let pooled = Self.pool(width)
    return ErrorMap(
      target: .activations, title: Self.channelTitle(group), rows: rows,
      columns: pooled.map {
        $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound - 1)"
      },
      cells: outcome.blocks.map { block in
        let maxima = block.absoluteMaxima[projection] ?? []
        return pooled.map { range in
          let largest = range.compactMap { $0 < maxima.count ? maxima[$0] : nil }.max() ?? 0
          return ErrorMap.Cell(values: [.absoluteMaximum: Double(largest)])
        }
      }, metrics: [.absoluteMaximum])
  }

  /// Ranges of channels of equal size.
  static func pool(_ width: Int) -> [Range<Int>] {
    let count = min(pooledChannels, width)
    return (0..<count).map { $0 * width / count..<($0 + 1) * width / count }
  }
}

package import Models
package import Quantization

/// Errors by block and part, for the heatmap: blocks x projections, blocks x heads, blocks x channels.
package struct ErrorMap: Hashable, Sendable, Codable {
  /// What a cell holds; every metric has one value a cell.
  package enum Metric: String, Hashable, Sendable, Codable, CaseIterable {
    /// `|Y - Y'|^2 / |Y|^2`.
    case relativeError
    /// `|W - W'|^2 / |W|^2` of the weights themselves, where a file is held against another.
    case weightError
    /// Signal to quantization noise in dB.
    case sqnr
    case cosine
    /// KL to the baseline with the cell alone quantized, in nats.
    case aloneKL
    /// Largest magnitude of the input channels pooled in the cell (activation maps).
    case absoluteMaximum
    /// The method's own sum of errors (GPTQ's), comparable within one layer only: no map shows it, cells hold it.
    case rawLoss
  }

  package struct Cell: Hashable, Sendable, Codable {
    package var values: [Metric: Double]
    package var fallback: String?

    package init(values: [Metric: Double], fallback: String? = nil) {
      self.values = values
      self.fallback = fallback
    }
  }

  package var target: QuantizationTarget
  package var title: String
  /// One a block: `0`, `1` and so on.
  package var rows: [String]
  /// Projections (`q`, `k`), heads (`K0`, `V0`) or pooled ranges of channels.
  package var columns: [String]
  /// `[rows][columns]`.
  package var cells: [[Cell]]
  /// The metrics that hold values, first the one to show first.
  package var metrics: [Metric]

  package init(
    target: QuantizationTarget, title: String, rows: [String], columns: [String],
    cells: [[Cell]], metrics: [Metric]
  ) {
    self.target = target
    self.title = title
    self.rows = rows
    self.columns = columns
    self.cells = cells
    self.metrics = metrics
  }
}

/// The details of one cell of an error map.
package struct CellDetail: Hashable, Sendable, Codable {
  /// Index of the map in `QuantizeReport.maps`.
  package var map: Int
  package var row: Int
  package var column: Int
  package var title: String
  /// Equal bins from `lowest` to `highest`; counts before and after quantization.
  package var lowest: Double
  package var highest: Double
  package var before: [Int]
  package var after: [Int]
  /// Scale of each output channel (mean over its groups), pooled to at most 256 values.
  package var scales: [Double]
  /// Input channels whose largest magnitude stands out, with that magnitude over the median's.
  package var outliers: [Outlier]
  /// Lines of facts.
  package var facts: [String]
  /// Mean squared weight error of each input channel, over that of rounding to nearest on the same scales, pooled to at
  /// most 256 values: above 1 where a method pushed the errors of other columns.
  package var columnErrors: [Double]?
  /// Input channels with the largest of those errors, at least twice that of rounding to nearest, largest first.
  package var pushedColumns: [Outlier]?
  /// Scale of each group of input channels (mean over the rows), pooled to at most 256 values.
  package var groupScales: [Double]?
  /// What the method searched for this layer.
  package var curve: SearchCurve?

  package struct Outlier: Hashable, Sendable, Codable {
    package var channel: Int
    package var ratio: Double

    package init(channel: Int, ratio: Double) {
      self.channel = channel
      self.ratio = ratio
    }
  }

  package init(
    map: Int, row: Int, column: Int, title: String, lowest: Double, highest: Double, before: [Int],
    after: [Int], scales: [Double], outliers: [Outlier], facts: [String],
    columnErrors: [Double]? = nil, pushedColumns: [Outlier]? = nil, groupScales: [Double]? = nil,
    curve: SearchCurve? = nil
  ) {
    self.map = map
    self.row = row
    self.column = column
    self.title = title
    self.lowest = lowest
    self.highest = highest
    self.before = before
    self.after = after
    self.scales = scales
    self.outliers = outliers
    self.facts = facts
    self.columnErrors = columnErrors
    self.pushedColumns = pushedColumns
    self.groupScales = groupScales
    self.curve = curve
  }
}

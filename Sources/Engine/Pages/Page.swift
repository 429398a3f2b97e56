import Glibc

/// A page to read: headings, sentences, tables and pictures, without saying how they are drawn.
package struct Page: Hashable, Sendable {
  package enum Part: Hashable, Sendable {
    case heading(String)
    case sentence(String)
    /// What the page is about, in one sentence.
    case decision(String)
    case list([String])
    case table(head: [String], rows: [[String]])
    /// Something to type.
    case code(String)
    case heatmap(PageHeatmap)
    case scatter(PageScatter)
  }

  package var title: String
  package var parts: [Part]

  package init(title: String, parts: [Part]) {
    self.title = title
    self.parts = parts
  }
}

/// Errors of layers: a row a block, a column a projection.
package struct PageHeatmap: Hashable, Sendable {
  package var columns: [String]
  package var rows: [Row]

  package struct Row: Hashable, Sendable {
    package var name: String
    /// nil where there is no such layer.
    package var values: [Double?]
  }

  /// Where a value lies between the smallest and the largest, by their logarithms: 0 to 1.
  func place(_ value: Double) -> Double {
    let all = rows.flatMap(\.values).compactMap(\.self).filter { $0 > 0 }
    guard let low = all.min(), let high = all.max(), high > low, value > 0 else { return 0 }
    return log(value / low) / log(high / low)
  }
}

/// Quality against what it costs; lower is better on both axes unless said otherwise.
package struct PageScatter: Hashable, Sendable {
  package struct Point: Hashable, Sendable {
    package var name: String
    package var x: Double
    package var y: Double
    /// The one that the page is about.
    package var isChosen: Bool
    /// Nothing is better on both axes.
    package var isOnFrontier: Bool
  }

  package var x: String
  package var y: String
  package var points: [Point]
  /// What values of x and y are in words.
  package var words: [String: [String]] = [:]
}

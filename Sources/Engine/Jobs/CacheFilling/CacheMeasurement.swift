import Platform
import Wording

/// What filled caches hold next to what a plan says they do.
package struct CacheMeasurement: Hashable, Sendable, Codable {
  /// One number of sequences.
  package struct Row: Hashable, Sendable, Codable {
    package var sequences: Int
    /// Bytes by the planner's arithmetic.
    package var planned: Double
    /// Bytes of the blocks that are handed out, shared ones once.
    package var held: Int
    /// Bytes of their memory that are resident, as the system tells.
    package var resident: Int
    /// Bytes the whole process has grown by.
    package var processGrowth: Int

    package init(
      sequences: Int, planned: Double, held: Int, resident: Int, processGrowth: Int
    ) {
      self.sequences = sequences
      self.planned = planned
      self.held = held
      self.resident = resident
      self.processGrowth = processGrowth
    }
  }

  /// How keys and values are stored: `FP16`, `INT8 g32`.
  package var format: String
  /// Tokens of a sequence, and of them at the start that all have in common.
  package var context: Int
  package var sharedTokens: Int
  package var rows: [Row]
  /// Bytes of a page of memory, which is there whole once it is touched.
  package var pageBytes: Int

  package init(
    format: String, context: Int, sharedTokens: Int, rows: [Row],
    pageBytes: Int = Machine.bufferPageBytes
  ) {
    self.format = format
    self.context = context
    self.sharedTokens = sharedTokens
    self.rows = rows
    self.pageBytes = pageBytes
  }

  /// The planned bytes in whole pages, which is what can be resident.
  package func pages(_ row: Row) -> Double {
    let page = Double(max(1, pageBytes))
    return (row.planned / page).rounded(.up) * page
  }

  /// Resident bytes over planned pages, less one.
  package func difference(_ row: Row) -> Double {
    let planned = pages(row)
    return planned > 0 ? Double(row.resident) / planned - 1 : 0
  }

  /// How far the row is whose memory is furthest from the plan: `at most 0.4 % from the plan`.
  package var verdict: String {
    let most = rows.map { difference($0).magnitude }.max() ?? 0
    return "at most \(Quantity.percent(most, 1)) from the plan"
  }
}

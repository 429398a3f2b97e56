import FoundationEssentials

extension Quantity {
  /// A moment in UTC: `2026-11-30T18:10:07Z`.
  ///
  /// - Parameter seconds: since 1970.
  package static func date(_ seconds: Double) -> String {
    Date(timeIntervalSince1970: seconds.rounded(.down)).formatted(.iso8601)
  }
}

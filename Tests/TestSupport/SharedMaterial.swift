import FoundationEssentials

/// Reference material that stands next to a checkout (`../shared`) but is not part of it.
///
/// A fresh clone passes its tests without it; where it is there, tests use it as well. The environment variable
/// `NIBBLE_SHARED` names another place.
package enum SharedMaterial {
  /// The path of `relative` under the material's root, or nil when there is none.
  package static func path(_ relative: String) -> String? {
    let manager = FileManager.default
    for root in roots {
      let candidate = root + "/" + relative
      if manager.fileExists(atPath: candidate) { return candidate }
    }
    return nil
  }

  /// Whether `relative` is there; for `@Test(.enabled(if:))`, with `without` as the reason.
  package static func has(_ relative: String) -> Bool { path(relative) != nil }

  /// Why a test that needs `relative` is skipped.
  package static func without(_ relative: String) -> String {
    "needs the reference material '\(relative)', in a folder 'shared' next to the checkout or where NIBBLE_SHARED points"
  }

  private static var roots: [String] {
    var found: [String] = []
    if let named = ProcessInfo.processInfo.environment["NIBBLE_SHARED"] { found.append(named) }
    // .../<checkout>/Tests/TestSupport/SharedMaterial.swift -> .../shared
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(4)
    found.append(parts.joined(separator: "/") + "/shared")
    return found
  }
}

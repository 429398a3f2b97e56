/// The memory limits of the control groups this process is in, of version 1 or 2: its own and those above it.
package struct ControlGroup {
  /// What one group allows and has taken, in bytes.
  private struct Limit {
    var most: Int
    var taken: Int
  }

  private var limits: [Limit] = []

  /// Reads the groups as they are now.
  ///
  /// - Parameter root: what stands before `/proc` and the paths of mounts; empty but in tests.
  package init(root: String = "") {
    let mounts = Self.mounts(root)
    for line in SystemTable(path: root + "/proc/self/cgroup").lines {
      // `0::/user.slice` of version 2, `4:memory:/docker/abc` of version 1.
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let isFirst = parts[1].split(separator: ",").contains("memory")
      guard isFirst || parts[1].isEmpty else { continue }
      for mount in mounts where mount.isFirst == isFirst {
        add(String(parts[2]), mount, root)
      }
    }
  }

  /// The least of what all groups may hold; nil where none is limited.
  package var most: Int? { limits.map(\.most).min() }

  /// The least of what all groups may still take, 0 at the least; nil where none is limited.
  package var left: Int? { limits.map { max(0, $0.most - $0.taken) }.min() }

  /// A tree of groups that is mounted: `point` shows the group `top` and those below it.
  private struct Mount {
    var point: String
    var top: String
    var isFirst: Bool
  }

  private static func mounts(_ root: String) -> [Mount] {
    SystemTable(path: root + "/proc/self/mountinfo").lines.compactMap { line in
      // Six fields and some, ` - `, then type, source and the options of the whole tree.
      let fields = line.split(separator: " ")
      guard let dash = fields.firstIndex(of: "-"), dash >= 6, fields.count > dash + 1 else {
        return nil
      }
      let isFirst = fields[dash + 1] == "cgroup"
      guard
        fields[dash + 1] == "cgroup2"
          || isFirst && fields.last?.split(separator: ",").contains("memory") == true
      else { return nil }
      return Mount(point: String(fields[4]), top: String(fields[3]), isFirst: isFirst)
    }
  }

  /// Adds the limits of a group and of all above it that are shown.
  private mutating func add(_ group: String, _ mount: Mount, _ root: String) {
    var names = group.split(separator: "/").map(String.init)
    let top = mount.top.split(separator: "/").map(String.init)
    // A group that is told by its place in a tree of which a part is mounted.
    if !top.isEmpty, names.starts(with: top) { names.removeFirst(top.count) }
    while true {
      let folder = root + ([mount.point] + names).joined(separator: "/")
      if let limit = Self.limit(folder, isFirst: mount.isFirst) { limits.append(limit) }
      guard !names.isEmpty else { return }
      names.removeLast()
    }
  }

  private static func limit(_ folder: String, isFirst: Bool) -> Limit? {
    func number(_ name: String) -> Int? {
      SystemTable(path: folder + "/" + name).lines.first.flatMap { Int($0) }
    }
    // `max` is no number; version 1 writes a number that no machine has.
    guard let most = number(isFirst ? "memory.limit_in_bytes" : "memory.max"), most < 1 << 60,
      let taken = number(isFirst ? "memory.usage_in_bytes" : "memory.current")
    else { return nil }
    // Pages of files that nobody used lately are given back before anybody is refused.
    let name = isFirst ? "total_inactive_file " : "inactive_file "
    let spare = SystemTable(path: folder + "/memory.stat").lines.first { $0.hasPrefix(name) }
      .flatMap { Int($0.dropFirst(name.count)) }
    return Limit(most: most, taken: max(0, taken - (spare ?? 0)))
  }
}

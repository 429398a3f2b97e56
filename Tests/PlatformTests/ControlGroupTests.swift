import FoundationEssentials
import Platform
import TestSupport
import Testing

/// Trees of control groups as systems mount them, made of plain files.
@Suite struct ControlGroupTests {
  private func put(_ folder: TemporaryFolder, _ files: [String: String]) throws {
    for (path, text) in files {
      let parent = path.split(separator: "/").dropLast().joined(separator: "/")
      try FileManager.default.createDirectory(
        atPath: folder.path(parent), withIntermediateDirectories: true)
      try folder.file(path, text)
    }
  }

  /// Version 2: the leaf allows more than its parent has left.
  @Test func theTightestGroupCounts() throws {
    let folder = try TemporaryFolder()
    try put(
      folder,
      [
        "proc/self/cgroup": "0::/user/job\n",
        "proc/self/mountinfo":
          "30 22 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n",
        "sys/fs/cgroup/user/job/memory.max": "8000000\n",
        "sys/fs/cgroup/user/job/memory.current": "1000000\n",
        "sys/fs/cgroup/user/memory.max": "5000000\n",
        "sys/fs/cgroup/user/memory.current": "4500000\n",
        "sys/fs/cgroup/user/memory.stat": "anon 4000000\ninactive_file 300000\nactive_file 1\n",
      ])
    let group = ControlGroup(root: folder.path)
    #expect(group.most == 5_000_000)
    #expect(group.left == 800_000)
  }

  @Test func aGroupWithoutLimitHasNone() throws {
    let folder = try TemporaryFolder()
    try put(
      folder,
      [
        "proc/self/cgroup": "0::/\n",
        "proc/self/mountinfo": "30 22 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        "sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/memory.current": "1\n",
      ])
    let group = ControlGroup(root: folder.path)
    #expect(group.most == nil && group.left == nil)
    #expect(ControlGroup(root: folder.path + "/nowhere").left == nil)
  }

  /// Version 1 next to version 2, as many systems have both; unlimited is a number no machine has.
  @Test func theFirstVersionIsReadToo() throws {
    let folder = try TemporaryFolder()
    try put(
      folder,
      [
        "proc/self/cgroup": "5:cpu,cpuacct:/other\n4:memory:/slice/leaf\n0::/\n",
        "proc/self/mountinfo": """
        32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
        35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
        41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
        """,
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "99\n",
        "sys/fs/cgroup/memory/slice/memory.limit_in_bytes": "3000000\n",
        "sys/fs/cgroup/memory/slice/memory.usage_in_bytes": "2000000\n",
        "sys/fs/cgroup/memory/slice/memory.stat": "total_inactive_file 500000\n",
        "sys/fs/cgroup/memory/slice/leaf/memory.limit_in_bytes": "2500000\n",
        "sys/fs/cgroup/memory/slice/leaf/memory.usage_in_bytes": "2600000\n",
      ])
    let group = ControlGroup(root: folder.path)
    #expect(group.most == 2_500_000)
    #expect(group.left == 0)
  }

  /// A container that is shown its own part of the tree under the path of the whole.
  @Test func aPartOfTheTreeIsFound() throws {
    let folder = try TemporaryFolder()
    try put(
      folder,
      [
        "proc/self/cgroup": "4:memory:/docker/abc\n",
        "proc/self/mountinfo":
          "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "700\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "200\n",
      ])
    #expect(ControlGroup(root: folder.path).left == 500)
  }

  @Test func thisProcessIsWithinItsLimit() throws {
    let total = try #require(Machine.memoryTotal())
    let limit = try #require(Machine.memoryLimit())
    #expect(limit > 0 && limit <= total)
  }
}

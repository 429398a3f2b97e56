import Platform
import TestSupport
import Testing

@Suite struct GrowingLogTests {
  let folder: TemporaryFolder
  var path: String { folder.path("log") }

  init() throws { folder = try TemporaryFolder() }

  @Test func linesAreThereAtOnce() throws {
    let log = try GrowingLog(path: path)
    #expect(log.repair == .none)
    try log.append(Array("{\"a\":1}".utf8))
    try log.append(Array("{\"b\":2}".utf8))
    #expect(try folder.text("log") == "{\"a\":1}\n{\"b\":2}\n")
    try log.syncIfDue()
    try log.finish()
    try log.finish()
    #expect(throws: PlatformError.self) { try log.append([1]) }
    let again = try GrowingLog(path: path)
    #expect(again.repair == .none)
    try again.append(Array("3".utf8))
    #expect(try folder.text("log") == "{\"a\":1}\n{\"b\":2}\n3\n")
  }

  @Test func onlyOneMayHoldIt() throws {
    let log = try GrowingLog(path: path)
    #expect(throws: PlatformError.lockedByAnother(path: path)) { try GrowingLog(path: path) }
    try log.finish()
    _ = try GrowingLog(path: path)
  }

  @Test func aLineHasNoBreak() throws {
    let log = try GrowingLog(path: path)
    #expect(throws: PlatformError.self) { try log.append(Array("a\nb".utf8)) }
    #expect(try folder.bytes("log") == [])
  }

  @Test func wholeLastLineIsEnded() throws {
    try folder.file("log", "{\"a\":1}\n{\"b\":2}")
    let log = try GrowingLog(path: path)
    #expect(log.repair == .ended)
    try log.append(Array("3".utf8))
    #expect(try folder.text("log") == "{\"a\":1}\n{\"b\":2}\n3\n")
    #expect(try folder.names() == ["log"])
  }

  @Test(arguments: 1..<15)
  func tornLastLineIsMovedAway(length: Int) throws {
    let whole = Array("{\"b\":\"\u{e9}t\u{e9}\"}\n".utf8)
    let torn = Array(whole.prefix(length - 1)) + [0xc3]
    try folder.file("log", Array("{\"a\":1}\n".utf8) + torn)
    let log = try GrowingLog(path: path)
    #expect(log.repair == .removed(bytes: length))
    try log.append(Array("3".utf8))
    #expect(try folder.text("log") == "{\"a\":1}\n3\n")
    #expect(try folder.bytes("log.torn") == torn)
  }

  @Test func zerosAfterAPowerLossAreMovedAway() throws {
    try folder.file("log", Array("1\n".utf8) + [UInt8](repeating: 0, count: 700))
    let log = try GrowingLog(path: path)
    #expect(log.repair == .removed(bytes: 700))
    #expect(try folder.text("log") == "1\n")
  }

  @Test func refusesWhatIsNoFile() throws {
    #expect(throws: PlatformError.self) { try GrowingLog(path: folder.path) }
    #expect(throws: PlatformError.self) { try GrowingLog(path: "/dev/null") }
    #expect(throws: PlatformError.self) { try GrowingLog(path: folder.path("absent/log")) }
  }
}

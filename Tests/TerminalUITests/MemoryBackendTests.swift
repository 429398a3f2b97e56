import TerminalUI
import Testing

@MainActor @Suite struct MemoryBackendTests {
  @Test func keysComeBackInOrder() {
    let backend = MemoryBackend(size: Size(width: 10, height: 2))
    backend.press("enter", "ab", "ctrl+s")
    let expected: [KeyPress] = [.enter, .character("a"), .character("b"), .control("s")]
    #expect(backend.events(waiting: nil) == expected.map { .key(press: $0) })
    #expect(backend.events(waiting: 5).isEmpty)
  }

  @Test func aResizeChangesItsSize() {
    let backend = MemoryBackend(size: Size(width: 10, height: 2))
    backend.feed([.resize(size: Size(width: 4, height: 3))])
    _ = backend.events(waiting: 0)
    #expect(backend.size == Size(width: 4, height: 3))
  }

  @Test func framesAreKept() {
    let backend = MemoryBackend(size: Size(width: 10, height: 1))
    #expect(backend.screen.isEmpty)
    var buffer = CellBuffer(size: backend.size)
    buffer.put("hello", x: 0, y: 0, style: .plain)
    backend.present(buffer, caret: Point(x: 5, y: 0))
    #expect(backend.screen == "hello")
    #expect(backend.frames.count == 1 && backend.caret == Point(x: 5, y: 0))
  }
}

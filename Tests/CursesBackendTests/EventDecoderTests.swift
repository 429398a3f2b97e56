import CNcurses
import CursesBackend
import TerminalUI
import Testing

@Suite struct EventDecoderTests {
  private func character(_ code: UInt32, _ modifiers: nc_modifier? = nil) -> nc_event {
    nc_event(
      kind: Int32(NC_CHARACTER.rawValue), code: code, modifiers: Int32(modifiers?.rawValue ?? 0),
      x: 0, y: 0)
  }

  private func event(_ kind: nc_kind) -> nc_event {
    nc_event(kind: Int32(kind.rawValue), code: 0, modifiers: 0, x: 0, y: 0)
  }

  @Test(arguments: [
    (13, "enter"), (10, "ctrl+j"), (9, "tab"), (27, "esc"), (127, "backspace"), (8, "backspace"),
    (0, "ctrl+space"), (1, "ctrl+a"), (26, "ctrl+z"), (28, "ctrl+\\"), (32, "space"), (65, "A"),
    (0xD55C, "한"),
  ])
  func charactersBecomeKeys(code: UInt32, name: String) {
    var decoder = EventDecoder()
    guard case .key(let press)? = decoder.decode(character(code)) else {
      Issue.record("no key for \(code)")
      return
    }
    #expect(press.name == name)
  }

  @Test func badScalarsAreNothing() {
    var decoder = EventDecoder()
    for code: UInt32 in [0xD800, 0x110000, .max, 0x9B] {
      #expect(decoder.decode(character(code)) == nil)
    }
    #expect(decoder.decode(event(NC_NONE)) == nil)
    #expect(decoder.decode(event(NC_KEY)) == nil)
    #expect(decoder.decode(event(NC_MOUSE)) == nil)
  }

  @Test func namedKeysCarryModifiers() {
    var decoder = EventDecoder()
    let raw = nc_event(
      kind: Int32(NC_KEY.rawValue), code: NC_LEFT.rawValue,
      modifiers: Int32(NC_CONTROL.rawValue | NC_SHIFT.rawValue), x: 0, y: 0)
    #expect(
      decoder.decode(raw) == .key(press: KeyPress(.left, modifiers: [.control, .shift])))
    let function = nc_event(
      kind: Int32(NC_KEY.rawValue), code: NC_FUNCTION.rawValue + 5, modifiers: 0, x: 0, y: 0)
    #expect(decoder.decode(function) == .key(press: KeyPress(.function(5))))
  }

  @Test func aPasteIsOneEvent() {
    var decoder = EventDecoder()
    #expect(decoder.decode(event(NC_PASTE_START)) == nil)
    for code: UInt32 in [0x71, 13, 0xD55C] { #expect(decoder.decode(character(code)) == nil) }
    #expect(decoder.decode(event(NC_PASTE_END)) == .paste(text: "q\n한"))
    #expect(decoder.decode(character(0x71)) == .key(press: .character("q")))
    #expect(decoder.decode(event(NC_PASTE_END)) == nil)
  }

  @Test func aPasteHasAnEnd() {
    var decoder = EventDecoder()
    _ = decoder.decode(event(NC_PASTE_START))
    for _ in 0..<(EventDecoder.longestPaste + 100) { _ = decoder.decode(character(0x61)) }
    guard case .paste(let text)? = decoder.decode(event(NC_PASTE_END)) else {
      Issue.record("no paste")
      return
    }
    #expect(text.utf8.count == EventDecoder.longestPaste)
  }

  @Test func theMouseHasAPlace() {
    var decoder = EventDecoder()
    let raw = nc_event(
      kind: Int32(NC_MOUSE.rawValue), code: NC_WHEEL_DOWN.rawValue,
      modifiers: Int32(NC_ALT.rawValue), x: 90, y: 4)
    #expect(
      decoder.decode(raw) == .mouse(event: MouseEvent(.wheelDown, x: 90, y: 4, modifiers: .alt)))
  }

  @Test(arguments: [
    (NC_MOVE, MouseEvent(.move, x: 3, y: 5)),
    (NC_DRAG_LEFT, MouseEvent(.drag, button: .left, x: 3, y: 5)),
  ])
  func movesAreToldFromDrags(_ code: nc_mouse, _ expected: MouseEvent) {
    var decoder = EventDecoder()
    let raw = nc_event(
      kind: Int32(NC_MOUSE.rawValue), code: code.rawValue, modifiers: 0, x: 3, y: 5)
    #expect(decoder.decode(raw) == .mouse(event: expected))
  }
}

package import CNcurses
package import TerminalUI

/// Makes input events of what ncurses reads; collects pasted text into one event.
package struct EventDecoder {
  /// A paste beyond this is cut; no field of the program takes more.
  package static let longestPaste = 64 * 1024
  private var paste: String?

  package init() {}

  /// The event for what was read, or nil when there is none (yet).
  package mutating func decode(_ raw: nc_event) -> InputEvent? {
    switch UInt32(truncatingIfNeeded: raw.kind) {
    case NC_PASTE_START.rawValue:
      paste = ""
      return nil
    case NC_PASTE_END.rawValue:
      defer { paste = nil }
      return paste.map { .paste(text: $0) }
    case NC_CHARACTER.rawValue:
      if paste != nil {
        collect(raw.code)
        return nil
      }
      return character(raw).map { .key(press: $0) }
    case NC_KEY.rawValue:
      guard paste == nil, let key = Self.key(raw.code) else { return nil }
      return .key(press: KeyPress(key, modifiers: Self.modifiers(raw.modifiers)))
    case NC_MOUSE.rawValue: return Self.mouse(raw)
    default: return nil
    }
  }

  private mutating func collect(_ code: UInt32) {
    guard let scalar = Unicode.Scalar(code), (paste?.utf8.count ?? 0) < Self.longestPaste else {
      return
    }
    paste?.unicodeScalars.append(scalar == "\r" ? "\n" : scalar)
  }

  private func character(_ raw: nc_event) -> KeyPress? {
    var modifiers = Self.modifiers(raw.modifiers)
    switch raw.code {
    case 13: return KeyPress(.enter, modifiers: modifiers)
    case 9: return KeyPress(.tab, modifiers: modifiers)
    case 27: return KeyPress(.escape, modifiers: modifiers)
    case 8, 127: return KeyPress(.backspace, modifiers: modifiers)
    case 0..<32:
      modifiers.insert(.control)
      // Ctrl clears the upper bits: 1 is A, 28 is \, 0 is the space bar.
      let base = raw.code == 0 ? 32 : raw.code < 27 ? raw.code + 96 : raw.code + 64
      return Unicode.Scalar(base).map {
        KeyPress(.character(Character($0)), modifiers: modifiers)
      }
    default:
      guard let scalar = Unicode.Scalar(raw.code), !(0x80..<0xA0).contains(raw.code) else {
        return nil
      }
      return KeyPress(.character(Character(scalar)), modifiers: modifiers)
    }
  }

  private static func key(_ code: UInt32) -> Key? {
    switch code {
    case NC_UP.rawValue: .up
    case NC_DOWN.rawValue: .down
    case NC_LEFT.rawValue: .left
    case NC_RIGHT.rawValue: .right
    case NC_HOME.rawValue: .home
    case NC_END.rawValue: .end
    case NC_PAGE_UP.rawValue: .pageUp
    case NC_PAGE_DOWN.rawValue: .pageDown
    case NC_INSERT.rawValue: .insert
    case NC_DELETE.rawValue: .delete
    case NC_BACKSPACE.rawValue: .backspace
    case NC_ENTER.rawValue: .enter
    case NC_BACK_TAB.rawValue: .tab
    case (NC_FUNCTION.rawValue + 1)...(NC_FUNCTION.rawValue + 63):
      .function(Int(code - NC_FUNCTION.rawValue))
    default: nil
    }
  }

  private static func modifiers(_ bits: Int32) -> KeyPress.Modifiers {
    let bits = UInt32(truncatingIfNeeded: bits)
    var modifiers: KeyPress.Modifiers = []
    if bits & NC_SHIFT.rawValue != 0 { modifiers.insert(.shift) }
    if bits & NC_ALT.rawValue != 0 { modifiers.insert(.alt) }
    if bits & NC_CONTROL.rawValue != 0 { modifiers.insert(.control) }
    return modifiers
  }

  private static func mouse(_ raw: nc_event) -> InputEvent? {
    let action: (MouseEvent.Action, MouseEvent.Button)
    switch raw.code {
    case NC_PRESS_LEFT.rawValue: action = (.press, .left)
    case NC_PRESS_MIDDLE.rawValue: action = (.press, .middle)
    case NC_PRESS_RIGHT.rawValue: action = (.press, .right)
    case NC_RELEASE_LEFT.rawValue: action = (.release, .left)
    case NC_RELEASE_MIDDLE.rawValue: action = (.release, .middle)
    case NC_RELEASE_RIGHT.rawValue: action = (.release, .right)
    case NC_WHEEL_UP.rawValue: action = (.wheelUp, .none)
    case NC_WHEEL_DOWN.rawValue: action = (.wheelDown, .none)
    case NC_MOVE.rawValue: action = (.move, .none)
    case NC_DRAG_LEFT.rawValue: action = (.drag, .left)
    default: return nil
    }
    return .mouse(
      event: MouseEvent(
        action.0, button: action.1, x: Int(raw.x), y: Int(raw.y),
        modifiers: modifiers(raw.modifiers)))
  }
}

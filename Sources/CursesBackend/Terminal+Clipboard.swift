import FoundationEssentials
import Glibc

extension Terminal {
  /// OSC 52: the terminal puts the text on the clipboard, also over SSH.
  package mutating func putOnClipboard(_ text: String) {
    let encoded = Data(text.utf8).base64EncodedString()
    var sequence = "\u{1B}]52;c;\(encoded)\u{07}"
    sequence.withUTF8 { _ = write(1, $0.baseAddress, $0.count) }
  }

  /// Stops the program as Ctrl-Z would; the screen is drawn anew when it continues.
  package func suspend() { raise(SIGTSTP) }
}

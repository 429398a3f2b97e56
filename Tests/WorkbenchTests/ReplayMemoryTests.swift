import Platform
import TerminalUI
import Testing
import Workbench

/// A session that plays in a loop holds what it held when it began.
@Suite struct ReplayMemoryTests {
  /// An hour of a session, at sixteen times the speed and without a clock: a frame every 100 ms.
  ///
  /// What is resident is the whole process's, so this is done in one of its own.
  @Test(.enabled(if: RegistrationTests.hasSources)) func anHourInALoopTakesNoMore() async {
    await #expect(processExitsWith: .success) {
      let session = try SessionFile.read(
        RegistrationTests.sources + "/../../Sessions/budget.session")
      var player = Player(session)
      player.loops = true
      player.isPlaying = true
      while player.speed < 16 { player.changeSpeed(1) }
      let look = Look()
      var buffer = look.buffer(session.header.size)
      var begun = 0
      let frames = 3600 * 1000 / (100 * 16)
      for frame in 0..<frames {
        player.advance(milliseconds: 100)
        PlayerView.draw(player, into: &buffer, look: look)
        try #require(player.isPlaying)
        if frame == frames / 4 { begun = try #require(Machine.residentBytes()) }
      }
      let grown = try #require(Machine.residentBytes()) - begun
      #expect(grown < 8 << 20, "\(grown) bytes")
    }
  }
}

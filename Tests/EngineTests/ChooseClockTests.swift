import Platform
import Testing

@testable import Engine

/// What a race has time for.
@Suite struct ChooseClockTests {
  @Test func aCandidateIsMadeWhereThereIsTimeForItAndItsWindows() {
    var clock = ChooseClock(deadline: Machine.seconds() + 1000)
    #expect(clock.refusal(price: 900, others: 4) == nil)
    clock.scored(seconds: 60)
    clock.scored(seconds: 40)
    #expect(clock.window == 50)
    // 900 to make, and four windows of 50 after it.
    let words = clock.refusal(price: 900, others: 4)
    #expect(words?.hasPrefix("making it takes about 15 min 00 s, and ") == true)
    #expect(clock.refusal(price: 700, others: 4) == nil)
  }

  @Test func pricesAreMendedByWhatWasTaken() {
    var clock = ChooseClock(deadline: Machine.seconds() + 1000)
    clock.made(price: 1, seconds: 100)
    // Too little to tell.
    #expect(clock.making(600) == 600)
    clock.made(price: 99, seconds: 100)
    #expect(clock.making(300) == 600)
    #expect(clock.refusal(price: 600, others: 0) != nil)
    clock.made(price: 0, seconds: 1e6)
    #expect(clock.making(100) == 400)
  }

  @Test func nothingIsBegunWhenTheTimeIsOver() {
    let clock = ChooseClock(deadline: Machine.seconds() - 1)
    #expect(clock.left == 0 && clock.isOver)
    #expect(
      clock.refusal(price: 0.001, others: 0) == "the time was over before it was measured")
  }
}

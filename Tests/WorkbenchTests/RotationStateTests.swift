import Engine
import Quantization
import Testing
import Workbench

/// A rotated residual stream makes another model: what was measured of the one before is gone.
@Suite struct RotationStateTests {
  @Test func whatWasMeasuredIsForgotten() {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("O", "enter")
    #expect(play.state.facts.outliers != nil)
    for rotation in [ResidualRotation(seed: 4), nil] {
      var state = play.state
      let effects = state.start(RotationJob(rotation: rotation))
      play.store = Store(state: state)
      for case .run(let id, let request) in effects { play.answer(id, request) }
      #expect(play.state.facts.outliers == nil && play.state.facts.quantized == nil)
      #expect(play.state.facts.model?.rotated == rotation.map { "\($0)" })
    }
  }
}

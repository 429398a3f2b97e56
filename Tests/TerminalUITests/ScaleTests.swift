import TerminalUI
import Testing
import Wording

@Suite struct ScaleTests {
  @Test func placesAndValuesMatch() {
    for kind in Scale.Kind.allCases {
      let scale = Scale(kind, from: 0.5, to: 80)
      for place in [0, 0.25, 0.7, 1] {
        let back = scale.place(scale.value(at: place)) ?? -1
        #expect(abs(back - place) < 1e-9)
      }
    }
    #expect(Scale(.logarithmic, from: 1, to: 100).place(10) == 0.5)
    #expect(Scale(.logarithmic, from: 1, to: 100).place(0) == nil)
    #expect(Scale(.linear, from: 0, to: 1).place(.nan) == nil)
  }

  @Test func strangeRangesAreRepaired() {
    let ends = [0, -1, 1, .leastNonzeroMagnitude, 1e308, -1e308, .infinity, -.infinity, .nan]
    for kind in Scale.Kind.allCases {
      for first in ends {
        for last in ends {
          let scale = Scale(kind, from: first, to: last)
          #expect(scale.low < scale.high && scale.low.isFinite && scale.high.isFinite)
          #expect(scale.ticks(5).count <= 25)
          _ = Scale(kind, covering: [first, last])
        }
      }
    }
  }

  @Test func ticksAreRound() {
    #expect(Scale(.linear, from: 0, to: 10).ticks(5) == [0, 2, 4, 6, 8, 10])
    #expect(
      Scale(.linear, from: 0.3, to: 0.9).ticks(3).map { Quantity.fixed($0, 1) } == [
        "0.4", "0.6", "0.8",
      ])
    #expect(
      Scale(.logarithmic, from: 1e-4, to: 1).ticks(5).map { Quantity.significant($0, 1) }
        == ["0.0001", "0.001", "0.01", "0.1", "1"])
  }

  @Test func mappingsOrderValues() {
    let values: [Double] = [0.001, 0.002, 0.003, 0.01, 0.1, .nan, 10]
    for scale in HeatScale.allCases {
      let mapping = HeatMapping(values, scale: scale)
      let places = values.compactMap { mapping.place($0) }
      #expect(places == places.sorted() && places.first == 0 && places.last == 1, "\(scale)")
      #expect(mapping.place(.nan) == nil)
    }
    let even = HeatMapping(values, scale: .percentile)
    #expect(even.place(0.003) == 0.4)
    #expect(HeatMapping([3, 3, 3], scale: .linear).place(3) == 0.5)
    #expect(HeatMapping([], scale: .logarithmic).place(3) != nil)
    #expect(HeatMapping([], scale: .percentile).median == nil)
  }

  @Test func poolingKeepsPeaks() {
    #expect(Pooling.byMaximum([1, 9, 2, 3, .nan, 4], to: 3) == [9, 3, 4])
    #expect(Pooling.byMaximum([1, 2], to: 5) == [1, 2])
    #expect(Pooling.byMaximum([.nan, .nan], to: 1)[0].isNaN)
    #expect(Pooling.byMaximum([1], to: 0).isEmpty)
  }

  @Test func windowsShowTheSelection() {
    for count in 0...12 {
      for visible in 0...6 {
        for selected in -1...13 {
          let window = ScrollWindow(count: count, visible: visible, selected: selected, top: 4)
          #expect(window.range.count == min(count, visible))
          if count > 0, visible > 0 {
            #expect(window.range.contains(min(max(0, selected), count - 1)))
          }
        }
      }
    }
  }
}

/// A value written with its measured numbers kept to six significant digits, and what somebody said as it is.
///
/// The fifth digit of a measurement is noise and would double a session's size; the fifth digit of an option is the option.
struct Shortened<Value: Encodable>: Encodable {
  var value: Value

  init(_ value: Value) { self.value = value }

  func encode(to encoder: any Encoder) throws {
    if value is any SaidExactly {
      try value.encode(to: encoder)
    } else {
      try value.encode(to: ShorteningEncoder(inner: encoder))
    }
  }
}

/// Hands everything on to another encoder, numbers with a fraction shortened on the way.
private struct ShorteningEncoder: Encoder {
  var inner: any Encoder

  var codingPath: [any CodingKey] { inner.codingPath }
  var userInfo: [CodingUserInfoKey: Any] { inner.userInfo }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(Keyed(inner: inner.container(keyedBy: type)))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    Unkeyed(inner: inner.unkeyedContainer())
  }

  func singleValueContainer() -> any SingleValueEncodingContainer {
    Single(inner: inner.singleValueContainer())
  }
}

private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
  var inner: KeyedEncodingContainer<Key>

  var codingPath: [any CodingKey] { inner.codingPath }

  mutating func encodeNil(forKey key: Key) throws { try inner.encodeNil(forKey: key) }
  mutating func encode(_ value: Bool, forKey key: Key) throws {
    try inner.encode(value, forKey: key)
  }
  mutating func encode(_ value: String, forKey key: Key) throws {
    try inner.encode(value, forKey: key)
  }
  mutating func encode(_ value: Double, forKey key: Key) throws {
    try inner.encode(ShortNumbers.rounded(value), forKey: key)
  }
  mutating func encode(_ value: Float, forKey key: Key) throws {
    try inner.encode(ShortNumbers.rounded(value), forKey: key)
  }
  mutating func encode(_ value: Int, forKey key: Key) throws { try whole(value, key) }
  mutating func encode(_ value: Int8, forKey key: Key) throws { try whole(value, key) }
  mutating func encode(_ value: Int16, forKey key: Key) throws { try whole(value, key) }
  mutating func encode(_ value: Int32, forKey key: Key) throws { try whole(value, key) }
  mutating func encode(_ value: Int64, forKey key: Key) throws { try whole(value, key) }
  mutating func encode(_ value: UInt, forKey key: Key) throws { try whole(value, key) }
  mutating func encode(_ value: UInt8, forKey key: Key) throws { try whole(value, key) }
  mutating func encode(_ value: UInt16, forKey key: Key) throws { try whole(value, key) }
  mutating func encode(_ value: UInt32, forKey key: Key) throws { try whole(value, key) }
  mutating func encode(_ value: UInt64, forKey key: Key) throws { try whole(value, key) }
  mutating func encode(_ value: some Encodable, forKey key: Key) throws {
    try inner.encode(Shortened(value), forKey: key)
  }

  private mutating func whole(_ value: some Encodable, _ key: Key) throws {
    try inner.encode(value, forKey: key)
  }

  mutating func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type, forKey key: Key
  ) -> KeyedEncodingContainer<NestedKey> {
    KeyedEncodingContainer(
      Keyed<NestedKey>(inner: inner.nestedContainer(keyedBy: type, forKey: key)))
  }

  mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    Unkeyed(inner: inner.nestedUnkeyedContainer(forKey: key))
  }

  mutating func superEncoder() -> any Encoder { ShorteningEncoder(inner: inner.superEncoder()) }

  mutating func superEncoder(forKey key: Key) -> any Encoder {
    ShorteningEncoder(inner: inner.superEncoder(forKey: key))
  }
}

private struct Unkeyed: UnkeyedEncodingContainer {
  var inner: any UnkeyedEncodingContainer

  var codingPath: [any CodingKey] { inner.codingPath }
  var count: Int { inner.count }

  mutating func encodeNil() throws { try inner.encodeNil() }
  mutating func encode(_ value: Bool) throws { try inner.encode(value) }
  mutating func encode(_ value: String) throws { try inner.encode(value) }
  mutating func encode(_ value: Double) throws { try inner.encode(ShortNumbers.rounded(value)) }
  mutating func encode(_ value: Float) throws { try inner.encode(ShortNumbers.rounded(value)) }
  mutating func encode(_ value: Int) throws { try inner.encode(value) }
  mutating func encode(_ value: Int8) throws { try inner.encode(value) }
  mutating func encode(_ value: Int16) throws { try inner.encode(value) }
  mutating func encode(_ value: Int32) throws { try inner.encode(value) }
  mutating func encode(_ value: Int64) throws { try inner.encode(value) }
  mutating func encode(_ value: UInt) throws { try inner.encode(value) }
  mutating func encode(_ value: UInt8) throws { try inner.encode(value) }
  mutating func encode(_ value: UInt16) throws { try inner.encode(value) }
  mutating func encode(_ value: UInt32) throws { try inner.encode(value) }
  mutating func encode(_ value: UInt64) throws { try inner.encode(value) }
  mutating func encode(_ value: some Encodable) throws { try inner.encode(Shortened(value)) }

  mutating func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type
  ) -> KeyedEncodingContainer<NestedKey> {
    KeyedEncodingContainer(Keyed<NestedKey>(inner: inner.nestedContainer(keyedBy: type)))
  }

  mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    Unkeyed(inner: inner.nestedUnkeyedContainer())
  }

  mutating func superEncoder() -> any Encoder { ShorteningEncoder(inner: inner.superEncoder()) }
}

private struct Single: SingleValueEncodingContainer {
  var inner: any SingleValueEncodingContainer

  var codingPath: [any CodingKey] { inner.codingPath }

  mutating func encodeNil() throws { try inner.encodeNil() }
  mutating func encode(_ value: Bool) throws { try inner.encode(value) }
  mutating func encode(_ value: String) throws { try inner.encode(value) }
  mutating func encode(_ value: Double) throws { try inner.encode(ShortNumbers.rounded(value)) }
  mutating func encode(_ value: Float) throws { try inner.encode(ShortNumbers.rounded(value)) }
  mutating func encode(_ value: Int) throws { try inner.encode(value) }
  mutating func encode(_ value: Int8) throws { try inner.encode(value) }
  mutating func encode(_ value: Int16) throws { try inner.encode(value) }
  mutating func encode(_ value: Int32) throws { try inner.encode(value) }
  mutating func encode(_ value: Int64) throws { try inner.encode(value) }
  mutating func encode(_ value: UInt) throws { try inner.encode(value) }
  mutating func encode(_ value: UInt8) throws { try inner.encode(value) }
  mutating func encode(_ value: UInt16) throws { try inner.encode(value) }
  mutating func encode(_ value: UInt32) throws { try inner.encode(value) }
  mutating func encode(_ value: UInt64) throws { try inner.encode(value) }
  mutating func encode(_ value: some Encodable) throws { try inner.encode(Shortened(value)) }
}

// Powers of two of many numbers at once, written once in terms of lanes.
//
// Included after a lanes header.
#ifndef EXP2_LANES_H
#define EXP2_LANES_H

// 2^x for x <= 0, relative error below 2e-7; 0 below -126.
LANES_INLINE lanes exp2_negative(lanes x) {
  const lanes round = lanes_set(0x1.8p23f);
  const lanes_mask normal = lanes_not_below(x, lanes_set(-126.0f));
  const lanes shifted = lanes_add(x, round);
  const lanes f = lanes_sub(x, lanes_sub(shifted, round));
  lanes p = lanes_set(0x1.5bba12p-10f);
  p = lanes_fma(p, f, lanes_set(0x1.3cea88p-7f));
  p = lanes_fma(p, f, lanes_set(0x1.c6b752p-5f));
  p = lanes_fma(p, f, lanes_set(0x1.ebf9bcp-3f));
  p = lanes_fma(p, f, lanes_set(0x1.62e42ap-1f));
  p = lanes_fma(p, f, lanes_set(1.0f));
  return lanes_keep(normal, lanes_scale_exponent(p, shifted));
}

#endif

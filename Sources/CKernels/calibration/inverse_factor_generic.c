// The inverse factor of a small matrix in plain C.
#define NAME(name) name##_generic
#define TARGET

#include "inverse_factor.h"

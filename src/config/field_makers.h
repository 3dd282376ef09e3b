#pragma once

#include "aero/config/enum_names.h"
#include "aero/config/fields.h"

namespace aero {

template <class Enum>
EnumRef enum_ref(Enum& value) {
  return {&enum_names<Enum>(), [&value] { return static_cast<std::size_t>(value); },
          [&value](std::size_t index) { value = static_cast<Enum>(index); }};
}

inline Range any_number() {
  return {};
}
inline Range at_least(double low) {
  return {.low = low};
}
inline Range above(double low) {
  return {.low = low, .low_open = true};
}
inline Range between(double low, double high) {
  return {.low = low, .high = high};
}

}  // namespace aero

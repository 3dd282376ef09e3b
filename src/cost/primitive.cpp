#include "aero/cost/primitive.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

#include <algorithm>
#include <string>

namespace aero::cost {
namespace {

constexpr bool stands_in_order() {
  for (std::size_t i = 0; i < primitives.size(); ++i) {
    if (static_cast<std::size_t>(primitives[i].primitive) != i) return false;
  }
  return true;
}
static_assert(stands_in_order(), "traits() takes the catalogue's rows by the enum's order");

}  // namespace

Primitive primitive_named(std::string_view name) {
  const auto found = std::ranges::find(primitives, name, &PrimitiveTraits::name);
  if (found == primitives.end()) {
    throw Error(format("\"{}\": the catalogue of primitives has no such row", name));
  }
  return found->primitive;
}

}  // namespace aero::cost

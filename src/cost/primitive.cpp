#include "aero/cost/primitive.h"

#include "aero/config/part_kinds.h"
#include "aero/core/error.h"
#include "aero/core/text.h"

#include <algorithm>
#include <string>

namespace aero::cost {

static_assert(stand_in_order(primitives, &PrimitiveTraits::primitive),
              "traits() takes the catalogue's rows by the enum's order");

Primitive primitive_named(std::string_view name) {
  const auto found = std::ranges::find(primitives, name, &PrimitiveTraits::name);
  if (found == primitives.end()) {
    throw Error(fmt::format("\"{}\": the catalogue of primitives has no such row", name));
  }
  return found->primitive;
}

}  // namespace aero::cost

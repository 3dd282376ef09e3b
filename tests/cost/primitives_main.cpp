// Prints the catalogue of primitives, a row a line: its name, letter ("-" where it has none), role,
// and operations an element.
#include "aero/cost/primitive.h"

#include <iostream>

namespace {

std::string_view role_name(aero::cost::PrimitiveRole role) {
  using enum aero::cost::PrimitiveRole;
  switch (role) {
    case look_up:
      return "look_up";
    case head:
      return "head";
    case product:
      return "product";
    case scale:
      return "scale";
    case attention:
      return "attention";
    case norm:
      return "norm";
    case activation:
      return "activation";
  }
  return "";
}

}  // namespace

int main() {
  for (const auto& [primitive, name, letter, role, flops, kept] : aero::cost::primitives) {
    std::cout << name << ' ' << (letter.empty() ? "-" : letter) << ' ' << role_name(role) << ' '
              << flops << '\n';
  }
}

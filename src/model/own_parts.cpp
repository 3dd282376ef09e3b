#include "own_parts.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

#include <map>
#include <typeinfo>
#include <vector>

namespace aero::model {
namespace {

using Module = torch::nn::Module;
using PlacesByType = std::map<std::string, std::vector<std::string>>;

/// Collects the places where `actual` and `expected` differ in type or in children. Does not look
/// into a module of another type.
void compare(const Module& actual, const Module& expected, const std::string& name,
             PlacesByType& differences) {
  if (typeid(actual) != typeid(expected)) {
    differences[actual.name()].push_back(name);
    return;
  }
  const auto prefix = name.empty() ? name : name + ".";
  const auto children = actual.named_children();
  const auto expected_children = expected.named_children();
  for (const auto& child : children) {
    const auto* const counterpart = expected_children.find(child.key());
    if (counterpart != nullptr) {
      compare(*child.value(), **counterpart, prefix + child.key(), differences);
    } else {
      differences[child.value()->name()].push_back(prefix + child.key());
    }
  }
  for (const auto& child : expected_children) {
    if (!children.contains(child.key())) differences["none"].push_back(prefix + child.key());
  }
}

}  // namespace

ModelConfig shrunk(ModelConfig config) {
  config.d_model = 16 * config.n_head;
  config.d_ffn = config.ffn_fused ? 0 : 1;
  config.context = 1;
  config.positions = 0;
  config.vocab_size = 1;
  config.rotary_fraction = 1;
  config.own_parts.clear();
  return config;
}

std::string differences_of(const Module& actual, const Module& expected) {
  PlacesByType differences;
  compare(actual, expected, "", differences);
  std::string text;
  for (const auto& [type, places] : differences) {
    text += fmt::format("{}{}:", text.empty() ? "" : "; ", type);
    for (const auto& place : places) text += " " + place;
  }
  return text;
}

void require_same_parts(const std::string& recorded, const std::string& actual) {
  if (recorded == actual) return;
  throw UsageError(fmt::format(
      "model.own_parts: \"{}\": the model has parts that a program brought, and this one has "
      "{}; build the decoder in that program, with the same PartFactory (docs/library.md)",
      recorded, actual.empty() ? "only AERO's" : fmt::format("\"{}\"", actual)));
}

}  // namespace aero::model
